"""Questions about what may be wrong with what arrives."""

from datetime import date
from itertools import groupby

from uptake.stores.events.doubts import EMAIL_ID, MOST_IDS, Doubt, Doubtful, EventRhythm
from uptake.stores.events.session import Session

IN_DOUBT: dict[Doubt, str] = {
    "users_without_account": """
select id from known where kind = 'user' and id not in (select user_id from memberships)
  and id not in (select user_id from events_ever where account_id <> '')
""",
    "accounts_without_group": """
select id from known where kind = 'account'
  and id not in (select id from traits where kind = 'account' and value is not null)
""",
    "email_as_id": f"select id from known where kind = 'user' and regexp_full_match(id, '{EMAIL_ID}')",
    "one_email_many_ids": """
select lower(text) as id, count(*) as times from traits
where kind = 'user' and key = 'email' and value is not null and instr(text, '@') > 0
group by lower(text) having count(*) > 1
""",
}
COUNTED = "select count(*) from ({found})"
FIRST = "select id from ({found}) order by id limit $most"
SHARED = f"""
with shared as (select id as email, times from ({{found}}) order by times desc, email limit $most)
select email, id from (
  select s.email, s.times, t.id, row_number() over (partition by s.email order by t.id) as place
  from shared s join traits t on lower(t.text) = s.email
  where t.kind = 'user' and t.key = 'email' and t.value is not null
) where place <= {MOST_IDS} order by times desc, email, id
"""

RHYTHMS = """
select event, count(distinct day), min(day), max(day) from daily_counts
where day between $first and $last group by event order by event
"""


def doubtful_in(session: Session, doubt: Doubt, *, most: int) -> Doubtful:
    """How many there are, and the first of them."""
    found = IN_DOUBT[doubt]
    ((times,),) = session.rows(COUNTED.format(found=found))
    if doubt != "one_email_many_ids":
        return Doubtful(times, [(each,) for (each,) in session.rows(FIRST.format(found=found), most=most)])
    rows = session.rows(SHARED.format(found=found), most=most)
    by_email = groupby(rows, key=lambda row: row[0])
    return Doubtful(times, [(email, *(each for _, each in users)) for email, users in by_email])


def rhythms_in(session: Session, days: tuple[date, date]) -> list[EventRhythm]:
    """On how many days each event was done, by name."""
    return [EventRhythm(*row) for row in session.rows(RHYTHMS, first=days[0], last=days[1])]
