"""Questions about traits across everybody: how values look, which there are, and which do not fit a type."""

from uptake.core.config import TraitType
from uptake.core.effects import Kind
from uptake.core.traits import TraitForms, TraitValue, stored_key
from uptake.stores.events.session import Session
from uptake.stores.events.value_sql import AS_BOOLEAN, AS_NUMBER, AS_PERCENTAGE

# Values are few beside those who have them, so that each is looked at once.
FORMS = f"""
with looked as (
  select key, times, {AS_NUMBER} as number, {AS_BOOLEAN} as boolean, moment_us, left(value, 1) as sign
  from (
    select key, value, text, moment_us, count(*) as times from traits
    where kind = $kind and value is not null group by key, value, text, moment_us
  )
)
select key, sum(times), sum(case when number is not null then times else 0 end),
  sum(case when number between 0 and 100 then times else 0 end),
  sum(case when moment_us is not null then times else 0 end),
  sum(case when moment_us is not null and number is null then times else 0 end),
  sum(case when boolean is not null then times else 0 end),
  sum(case when sign = '[' then times else 0 end), sum(case when sign = '{{' then times else 0 end)
from looked group by key order by key
"""

FITS: dict[TraitType, str] = {
    "string": "left(value, 1) <> '{'",
    "number": f"{AS_NUMBER} is not null",
    "percentage": f"{AS_PERCENTAGE} is not null",
    "date": "moment_us is not null",
    "boolean": f"{AS_BOOLEAN} is not null",
}
VALUES = """
select value, count(*) as times from traits
where kind = $kind and key = $key and value is not null and {only}
group by value order by times desc, value limit $most
"""


def forms_of(session: Session, kind: Kind) -> list[TraitForms]:
    """How the values of every trait look, by key."""
    return [TraitForms(key, *map(int, counts)) for key, *counts in session.rows(FORMS, kind=kind)]


def values_of(session: Session, kind: Kind, key: str, unfit: TraitType | None, *, most: int) -> list[TraitValue]:
    """The commonest values of a trait, or those of them that do not fit a type."""
    text = VALUES.format(only="true" if unfit is None else f"not ({FITS[unfit]})")
    return [TraitValue(value, times) for value, times in session.rows(text, kind=kind, key=stored_key(key), most=most)]
