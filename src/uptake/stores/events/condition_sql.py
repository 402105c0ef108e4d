"""From a condition to one query: who of a kind it holds for on a day.

Every leaf is a `select id`, groups are set operations over them, and "not" is the rest of everyone who is known and not
excluded.  The excluded exist for no condition: what they did, and traits of theirs seen from the other level, count
for nothing.  What is meant by each leaf is said in `uptake.segments.judging`, which engines are held to.

The same texts ask about one day or about each of several at once: then every select begins with the day (see `Span`).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from uptake.core.conditions import (
    All,
    AnyOf,
    Comparison,
    Condition,
    Did,
    Everyone,
    LevelIs,
    Not,
    Number,
    Trait,
)
from uptake.core.config import TraitTypes
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel, level_bounds
from uptake.core.traits import operand_as
from uptake.stores.events.base import StoreRules
from uptake.stores.events.number_sql import (
    DESCRIBED_TOGETHER,
    KNOWN,
    KNOWN_TOGETHER,
    NUMBER_TEXTS,
    NUMBERS,
    OF_ACTIVATION,
    OF_CHANGE,
    OF_DAY,
    OF_PROFILES,
    TENURE,
    everyone_described,
)
from uptake.stores.events.people_sql import rule_values
from uptake.stores.events.schema import FOREVER
from uptake.stores.events.score_sql import NOT_EXCLUDED, UPWARDS, model_values
from uptake.stores.events.value_sql import AS_BOOLEAN, AS_NUMBER, CONTAINS, DAY_COMPARISONS, DAY_OF, PLAIN, READ_AS

EACH_KNOWN = f"select {{day}}id from ({KNOWN}) k {{days}}"
NOBODY = "select {no_day}cast(null as varchar) as id where false"

CURRENT = f"select user_id, account_id from memberships where until_us = {FOREVER} and {NOT_EXCLUDED}"
"""Users and the accounts that they are in now."""

# ---- how often something was done

COUNTED = f"""
select user_id, account_id, sum(times) as times from daily_counts
where event in (select unnest(${{name}}_events::varchar[])) and day <= $day {{since}} and {NOT_EXCLUDED}
group by user_id, account_id
"""
COUNTED_BY_DAY = f"""
select days.day, c.user_id, c.account_id, sum(c.times) as times from (
  select user_id, account_id, greatest(day, ${{name}}_first) as done_on, sum(times) as times from daily_counts
  where event in (select unnest(${{name}}_events::varchar[])) and day <= $last {{since}} and {NOT_EXCLUDED}
  group by user_id, account_id, greatest(day, ${{name}}_first)
) c join days on c.done_on <= days.day {{within}}
group by days.day, c.user_id, c.account_id
"""
"""What was done before the first day counts as done then, where it counts for ever."""
EVER_DONE = f"""
select {{day}}user_id, account_id, 1 as times from events_ever {{days}}
where event in (select unnest(${{name}}_events::varchar[])) and first_day <= {{today}} and {NOT_EXCLUDED}
"""
TIMES_OF_USERS = "select {day}user_id as id, sum(times) as times from ({counted}) group by {day}user_id"
TIMES_OF_ACCOUNTS = f"""
with acts as ({{counted}})
select {{day}}account_id as id, sum(times) as times from ({UPWARDS.format(acts="acts", columns="{day}times")})
group by {{day}}account_id
"""
MOST_OF_ONE_USER = f"""
with acts as ({{counted}})
select {{day}}id, max(times) as times from (
  select {{day}}account_id as id, user_id, sum(times) as times
  from ({UPWARDS.format(acts="acts", columns="{day}user_id, times")}) group by {{day}}account_id, user_id
) group by {{day}}id
"""
TIMES_OF_CURRENT_ACCOUNT = f"""
select {{day}}m.user_id as id, t.times from ({CURRENT}) m join ({TIMES_OF_ACCOUNTS}) t on t.id = m.account_id
"""

ONCE = frozenset([(">=", 1), (">", 0), ("!=", 0), ("=", 0), ("<", 1), ("<=", 0)])
"""Comparisons that ask only whether something was ever done, which one row for each event answers."""

# ---- traits

WITH_TRAIT = """
select {day}id from traits {days} where kind = ${name}_of and key = ${name}_key and value is not null and {predicate}
"""
OF_CURRENT_ACCOUNT = f"select {{day}}m.user_id as id from ({CURRENT}) m join ({{found}}) t on t.id = m.account_id"
OF_ANY_USER = f"select {{day}}m.account_id as id from ({CURRENT}) m join ({{found}}) t on t.id = m.user_id"

MET = "select {day}id, count(*) as met from ({holding}) group by {day}id"
NONE_MET = "select cast(null as varchar) as id, 0 as met where false"

NONE_MET_BY_DAY = "select cast(null as date) as day, cast(null as varchar) as id, 0 as met where false"


class Span(msgspec.Struct, frozen=True):
    """What the texts say of days, by default of the one day `$day`, else of each in a table `days` (see `EACH_DAY`),
    and where they find the numbers of a day.

    Filled in by the order of fields: what holds other placeholders comes before these.
    """

    numbers: str = NUMBERS
    its_id: str = "k.id"
    known: str = KNOWN
    day: str = ""
    of_day: str = ""
    no_day: str = ""
    days: str = ""
    today: str = "$day::date"
    scored: str = "day = $day"
    scored_before: str = "day = $day::date - {over}"
    same_day: str = ""

    def told(self, text: str) -> str:
        """The text with its days filled in."""
        for name, value in msgspec.structs.asdict(self).items():
            text = text.replace("{" + name + "}", value)
        return text


ONE_DAY = Span()
TOGETHER = Span(numbers="standing s", its_id="s.id", known=KNOWN_TOGETHER)
"""For conditions whose text begins with `together`."""
EACH_DAY = Span(
    day="day, ",
    of_day="days.day, ",
    no_day="cast(null as date) as day, ",
    days="cross join days",
    today="day",
    scored="day between $first and $last",
    scored_before="day between $first::date - {over} and $last",
    same_day="and a.day = days.day",
)


class Compiled(msgspec.Struct, frozen=True):
    """A query, and the values of the parameters that only it has."""

    text: str
    values: dict[str, Any]


def matching_ids(kind: Kind, condition: Condition, model: ScoringModel, day: date, *, types: TraitTypes) -> Compiled:
    """`select id` of those that the condition holds for, and perhaps of others that are not listed anyway."""
    compiler = _Compiler(kind, model, day, "where", types=types)
    return Compiled(compiler.ids(condition), compiler.values)


def listed_ids(kind: Kind, condition: Condition, model: ScoringModel, day: date, *, types: TraitTypes) -> Compiled:
    """`select id` of those that the condition holds for, of the known that are not excluded, each once."""
    found = matching_ids(kind, condition, model, day, types=types)
    return Compiled(f"({found.text}) intersect ({KNOWN})", found.values)


def listed_together(
    kind: Kind, conditions: Sequence[Condition], model: ScoringModel, day: date, *, types: TraitTypes
) -> list[Compiled]:
    """`listed_ids` of each, for one text that begins with `together`."""
    found = []
    for number, condition in enumerate(conditions):
        compiler = _Compiler(kind, model, day, f"where_{number}", types=types, span=TOGETHER)
        text = f"({compiler.ids(condition)}) intersect ({KNOWN_TOGETHER})"
        found.append(Compiled(text, compiler.values))
    return found


def listed_by_day(
    kind: Kind, condition: Condition, model: ScoringModel, days: tuple[date, date], *, types: TraitTypes
) -> Compiled:
    """`select day, id` of those that the condition holds for on each day of a table `days`, which lie within the two
    given; of the known that are not excluded, each once a day."""
    compiler = _Compiler(kind, model, days[1], "where", types=types, first=days[0])
    text = f"select distinct day, id from ({compiler.ids(condition)}) where id in ({KNOWN})"
    return Compiled(text, {**compiler.values, "first": days[0], "last": days[1]})


def conditions_met(kind: Kind, model: ScoringModel, day: date, *, types: TraitTypes) -> Compiled:
    """`select id, met`: how many of the model's activation conditions hold for each that any holds for."""
    compiler = _Compiler(kind, model, day, "met", types=types)
    return Compiled(compiler.met(), compiler.values)


def conditions_met_by_day(kind: Kind, model: ScoringModel, days: tuple[date, date], *, types: TraitTypes) -> Compiled:
    """`select day, id, met` for each day of a table `days`, which lie within the two given; see `conditions_met`."""
    if not _activation(kind, model):
        return Compiled(NONE_MET_BY_DAY, {})
    compiler = _Compiler(kind, model, days[1], "met", types=types, first=days[0])
    return Compiled(compiler.met(), compiler.values)


def condition_values(kind: Kind, model: ScoringModel, day: date, rules: StoreRules) -> dict[str, Any]:
    """The parameters that all texts here share."""
    return {
        **model_values(model),
        **rule_values(rules),
        "kind": kind,
        "day": day,
        "zone": rules.time_zone,
        "excluded": sorted(model.excluded_users if kind == "user" else model.excluded_accounts),
    }


class _Compiler:
    """Compiles the conditions of one query; parameters are named by the prefix and a number."""

    def __init__(
        self,
        kind: Kind,
        model: ScoringModel,
        day: date,
        prefix: str,
        *,
        types: TraitTypes,
        first: date | None = None,
        span: Span = ONE_DAY,
    ) -> None:
        """prefix: one of its own for each condition of a query.  first: the first of several days, of which `day` is
        the last."""
        self._kind, self._model, self._day, self._prefix, self._types = kind, model, day, prefix, types
        self._first, self._span = first, span if first is None else EACH_DAY
        self.values: dict[str, Any] = {}
        self._leaves = 0

    def ids(self, condition: Condition) -> str:
        """The `select id` of a condition."""
        match condition:
            case All(parts):
                return "\nintersect\n".join(f"({self.ids(part)})" for part in parts)
            case AnyOf(parts):
                return "\nunion\n".join(f"({self.ids(part)})" for part in parts)
            case Not(part):
                return self._rest(self.ids(part))
            case Did():
                return self._did(condition)
            case Trait():
                return self._trait(condition)
            case Number():
                return self._number(condition)
            case LevelIs(level):
                low, high = next((low, high) for name, low, high in level_bounds(self._model.levels) if name == level)
                return self._of_day(f"coalesce(s.score, 0) between {low} and {high}")
            case Everyone():
                return self._everyone()

    def met(self) -> str:
        """How many activation conditions hold, by id."""
        conditions = _activation(self._kind, self._model)
        if not conditions:
            return NONE_MET
        each = self._span.told("select distinct {day}id from ")
        holding = "\nunion all\n".join(f"{each}({self.ids(condition)})" for condition in conditions)
        return self._span.told(MET).format(holding=holding)

    def _everyone(self) -> str:
        return self._span.known if self._first is None else self._span.told(EACH_KNOWN)

    def _rest(self, part: str) -> str:
        return f"({self._everyone()}) except ({part})"

    def _of_day(self, test: str) -> str:
        return self._span.told(OF_DAY.replace("{test}", test))

    def _leaf(self, **values: Any) -> str:
        """A name for the next leaf's parameters."""
        name = f"{self._prefix}_{self._leaves}"
        self._leaves += 1
        self.values |= {f"{name}_{key}": value for key, value in values.items()}
        return name

    # ---- leaves
    def _did(self, did: Did) -> str:
        events = [did.event] if not did.feature else _events_of(self._model, did.feature)
        name = self._leaf(events=events, times=did.times)
        times = self._span.told(self._times_text(did)).format(counted=self._counted(did, name))
        test = f"times {_sign(did.comparison)} ${name}_times"
        found = self._span.told("select {day}id from ") + f"({times})"
        if _holds_for_none(did):
            return self._rest(f"{found} where not ({test})")
        return f"{found} where {test}"

    def _counted(self, did: Did, name: str) -> str:
        """Who did it how often, by account."""
        if did.within_days is None and (did.comparison, did.times) in ONCE:
            return self._span.told(EVER_DONE).format(name=name)
        first, since, within = self._first or self._day, "", ""
        if did.within_days is not None:
            first -= timedelta(days=did.within_days - 1)
            since = f"and day >= ${name}_first"
            within = f"and c.done_on > days.day - {did.within_days}"
        self.values[f"{name}_first"] = first
        counted = COUNTED if self._first is None else COUNTED_BY_DAY
        return counted.format(name=name, since=since, within=within)

    def _times_text(self, did: Did) -> str:
        if self._kind == "user":
            return TIMES_OF_CURRENT_ACCOUNT if did.of == "account" else TIMES_OF_USERS
        return MOST_OF_ONE_USER if did.of == "user" else TIMES_OF_ACCOUNTS

    def _trait(self, trait: Trait) -> str:
        if trait.operator == "!=":
            return self._rest(self._trait(msgspec.structs.replace(trait, operator="=")))
        key = "createdAt" if trait.key == "created_at" else trait.key
        name = self._leaf(of=trait.of, key=key)
        found = self._span.told(WITH_TRAIT.replace("{predicate}", self._predicate(trait, name))).replace("{name}", name)
        if trait.of == self._kind:
            return found
        other = OF_CURRENT_ACCOUNT if trait.of == "account" else OF_ANY_USER
        return self._span.told(other).replace("{found}", found)

    def _predicate(self, trait: Trait, name: str) -> str:
        value = f"{name}_value"
        if trait.operator == "exists":
            return "true"
        if trait.operator == "contains":
            self.values[value] = str(trait.value)
            return CONTAINS
        if trait.operator == "within":
            self.values[value] = int(str(trait.value)) - 1
            return f"{DAY_OF.format(moment='moment_us')} between {{today}} - ${value}::integer and {{today}}"
        if trait.operator in DAY_COMPARISONS:
            self.values[value] = date.fromisoformat(str(trait.value))
            return f"{DAY_OF.format(moment='moment_us')} {DAY_COMPARISONS[trait.operator]} ${value}"
        chosen = self._types.of(trait.of, trait.key)
        if chosen is not None and trait.value is not None:
            wanted = operand_as(chosen, trait.value)
            if wanted is None:
                return "false"
            self.values[value] = int(wanted) if isinstance(wanted, bool) else wanted
            return f"{READ_AS[chosen]} {trait.operator} ${value}"
        if isinstance(trait.value, bool):
            self.values[value] = int(trait.value)
            return f"{AS_BOOLEAN} {trait.operator} ${value}"
        if isinstance(trait.value, str):
            self.values[value] = trait.value
            return f"{PLAIN} and text {trait.operator} ${value}"
        self.values[value] = float(str(trait.value))
        return f"{AS_NUMBER} {trait.operator} ${value}"

    def _number(self, number: Number) -> str:
        name = self._leaf(value=number.value)
        test = f"{_sign(number.comparison)} ${name}_value"
        if number.over_days not in (None, self._model.window_days):
            text = self._span.told(OF_CHANGE.replace("{test}", test))
            return text.replace("{over}", str(number.over_days))
        if number.field == "activation":
            conditions = len(_activation(self._kind, self._model))
            if not conditions or self._prefix == "met":
                return self._span.told(NOBODY)
            met = _Compiler(
                self._kind, self._model, self._day, "met", types=self._types, first=self._first, span=self._span
            )
            test = f"100.0 * coalesce(a.met, 0) / {conditions} {test}"
            text = self._span.told(OF_ACTIVATION).format(met=met.met(), test=test)
            self.values |= met.values
            return text
        if number.field == "tenure_days":
            profiles = DESCRIBED_TOGETHER if self._span is TOGETHER else everyone_described(self._kind)
            text = OF_PROFILES.replace("{profiles}", profiles).replace("{test}", f"{TENURE} {test}")
            return self._span.told(text)
        return self._of_day(f"{NUMBER_TEXTS[number.field]} {test}")


def _activation(kind: Kind, model: ScoringModel) -> Sequence[Condition]:
    return model.user_activation if kind == "user" else model.account_activation


def _events_of(model: ScoringModel, feature: str) -> list[str]:
    return sorted(event for event, its_feature in model.features.items() if its_feature == feature)


def _sign(comparison: Comparison) -> str:
    return comparison if comparison != "!=" else "<>"


def _holds_for_none(did: Did) -> bool:
    """Does the comparison hold for what was never done?"""
    return {
        "=": did.times == 0,
        "!=": did.times != 0,
        "<": did.times > 0,
        "<=": did.times >= 0,
        ">": did.times < 0,
        ">=": did.times <= 0,
    }[did.comparison]
