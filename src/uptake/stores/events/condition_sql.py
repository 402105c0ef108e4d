"""From a condition to one query: who of a kind it holds for on a day.

Every leaf is a `select id`, groups are set operations over them, and "not" is the rest of everyone who is known and not
excluded.  The excluded exist for no condition: what they did, and traits of theirs seen from the other level, count
for nothing.  What is meant by each leaf is said in `uptake.segments.judging`, which engines are held to.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from uptake.core.conditions import (
    NUMBER_TEXT,
    All,
    AnyOf,
    Comparison,
    Condition,
    Did,
    Everyone,
    LevelIs,
    Not,
    Number,
    NumberField,
    Trait,
)
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel, level_bounds
from uptake.stores.events.base import StoreRules
from uptake.stores.events.people_sql import ACCOUNT_PROFILES, EVERYONE, USER_PROFILES, rule_values
from uptake.stores.events.schema import FOREVER
from uptake.stores.events.score_sql import NOT_EXCLUDED, SCORED_EVENTS, UPWARDS, model_values

KNOWN = "select id from known where kind = $kind and id not in (select unnest($excluded::varchar[]))"
NOBODY = "select cast(null as varchar) as id where false"
REST = f"({KNOWN}) except ({{part}})"

CURRENT = f"select user_id, account_id from memberships where until_us = {FOREVER} and {NOT_EXCLUDED}"
"""Users and the accounts that they are in now."""

DAY_OF = "cast(make_timestamp({moment}) at time zone 'UTC' at time zone $zone as date)"

# ---- how often something was done

COUNTED = f"""
select user_id, account_id, sum(times) as times from daily_counts
where event in (select unnest(${{name}}_events::varchar[])) and day <= $day {{since}} and {NOT_EXCLUDED}
group by user_id, account_id
"""
EVER_DONE = f"""
select user_id, account_id, 1 as times from events_ever
where event in (select unnest(${{name}}_events::varchar[])) and first_day <= $day and {NOT_EXCLUDED}
"""
TIMES_OF_USERS = "select user_id as id, sum(times) as times from ({counted}) group by user_id"
TIMES_OF_ACCOUNTS = f"""
with acts as ({{counted}})
select account_id as id, sum(times) as times from ({UPWARDS.format(acts="acts", columns="times")}) group by account_id
"""
MOST_OF_ONE_USER = f"""
with acts as ({{counted}})
select id, max(times) as times from (
  select account_id as id, user_id, sum(times) as times from ({UPWARDS.format(acts="acts", columns="user_id, times")})
  group by account_id, user_id
) group by id
"""
TIMES_OF_CURRENT_ACCOUNT = f"""
select m.user_id as id, t.times from ({CURRENT}) m join ({TIMES_OF_ACCOUNTS}) t on t.id = m.account_id
"""

ONCE = frozenset([(">=", 1), (">", 0), ("!=", 0), ("=", 0), ("<", 1), ("<=", 0)])
"""Comparisons that ask only whether something was ever done, which one row for each event answers."""

# ---- traits

WITH_TRAIT = """
select id from traits where kind = ${name}_of and key = ${name}_key and value is not null and {predicate}
"""
OF_CURRENT_ACCOUNT = f"select m.user_id as id from ({CURRENT}) m join ({{found}}) t on t.id = m.account_id"
OF_ANY_USER = f"select m.account_id as id from ({CURRENT}) m join ({{found}}) t on t.id = m.user_id"

PLAIN = "left(value, 1) not in ('[', '{')"
CONTAINS = """
case when left(value, 1) = '[' then coalesce(list_contains(json_extract_string(value, '$[*]'), ${name}_value), false)
else contains(lower(case when left(value, 1) = '{' then value else text end), lower(${name}_value)) end
"""
AS_NUMBER = f"""
case when {PLAIN} and regexp_full_match(text, '{NUMBER_TEXT}')
then try_cast(text as double) end
"""
AS_BOOLEAN = f"case when {PLAIN} then case lower(text) when 'true' then 1 when 'false' then 0 end end"
DAY_COMPARISONS = {"before": "<", "after": ">", "on": "="}

# ---- numbers of the day

OF_DAY = f"""
select k.id from ({KNOWN}) k
left join (
  select id, score, score_before, raw, frequency, adopted, adopted_ever, active_users, total_users, last_us, first_day
  from scores where workspace_id = $workspace and kind = $kind and day = $day
) s on s.id = k.id
where {{test}}
"""
OF_PROFILES = "select id from ({profiles}) p where {test}"
OF_ACTIVATION = f"select k.id from ({KNOWN}) k left join ({{met}}) a on a.id = k.id where {{test}}"

EVENTS_SCORED = f"nullif((select count(*) from ({SCORED_EVENTS})), 0)"
NUMBER_TEXTS: dict[NumberField, str] = {
    "score": "coalesce(s.score, 0)",
    "score_change": "coalesce(s.score, 0) - coalesce(s.score_before, 0)",
    "raw_score": "coalesce(s.raw, 0)",
    "adoption": f"coalesce(100.0 * s.adopted / {EVENTS_SCORED}, 0)",
    "adoption_all_time": f"coalesce(100.0 * s.adopted_ever / {EVENTS_SCORED}, 0)",
    "frequency": "coalesce(s.frequency, 0)",
    "active_users": "coalesce(s.active_users, 0)",
    "total_users": "coalesce(s.total_users, 0)",
    "active_users_percent": "coalesce(100.0 * s.active_users / nullif(s.total_users, 0), 0)",
    "first_seen_days": "$day::date - s.first_day",
    "last_active_days": "$day::date - " + DAY_OF.format(moment="s.last_us"),
}
TENURE = "$day::date - " + DAY_OF.format(moment="p.created_us")

MET = "select id, count(*) as met from ({holding}) group by id"
NONE_MET = "select cast(null as varchar) as id, 0 as met where false"


class Compiled(msgspec.Struct, frozen=True):
    """A query, and the values of the parameters that only it has."""

    text: str
    values: dict[str, Any]


def matching_ids(kind: Kind, condition: Condition, model: ScoringModel, day: date) -> Compiled:
    """`select id` of those that the condition holds for, and perhaps of others that are not listed anyway."""
    compiler = _Compiler(kind, model, day, "where")
    return Compiled(compiler.ids(condition), compiler.values)


def listed_ids(kind: Kind, condition: Condition, model: ScoringModel, day: date) -> Compiled:
    """`select id` of those that the condition holds for, of the known that are not excluded, each once."""
    found = matching_ids(kind, condition, model, day)
    return Compiled(f"({found.text}) intersect ({KNOWN})", found.values)


def conditions_met(kind: Kind, model: ScoringModel, day: date) -> Compiled:
    """`select id, met`: how many of the model's activation conditions hold for each that any holds for."""
    compiler = _Compiler(kind, model, day, "met")
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

    def __init__(self, kind: Kind, model: ScoringModel, day: date, prefix: str) -> None:
        self._kind, self._model, self._day, self._prefix = kind, model, day, prefix
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
                return REST.format(part=self.ids(part))
            case Did():
                return self._did(condition)
            case Trait():
                return self._trait(condition)
            case Number():
                return self._number(condition)
            case LevelIs(level):
                low, high = next((low, high) for name, low, high in level_bounds(self._model.levels) if name == level)
                return OF_DAY.format(test=f"coalesce(s.score, 0) between {low} and {high}")
            case Everyone():
                return KNOWN

    def met(self) -> str:
        """How many activation conditions hold, by id."""
        conditions = _activation(self._kind, self._model)
        if not conditions:
            return NONE_MET
        return MET.format(holding="\nunion all\n".join(f"select distinct id from ({self.ids(c)})" for c in conditions))

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
        since = ""
        if did.within_days is not None:
            self.values[f"{name}_first"] = self._day - timedelta(days=did.within_days - 1)
            since = f"and day >= ${name}_first"
        once = did.within_days is None and (did.comparison, did.times) in ONCE
        counted = (EVER_DONE if once else COUNTED).format(name=name, since=since)
        times = self._times_text(did).format(counted=counted)
        test = f"times {_sign(did.comparison)} ${name}_times"
        if _holds_for_none(did):
            return REST.format(part=f"select id from ({times}) where not ({test})")
        return f"select id from ({times}) where {test}"

    def _times_text(self, did: Did) -> str:
        if self._kind == "user":
            return TIMES_OF_CURRENT_ACCOUNT if did.of == "account" else TIMES_OF_USERS
        return MOST_OF_ONE_USER if did.of == "user" else TIMES_OF_ACCOUNTS

    def _trait(self, trait: Trait) -> str:
        if trait.operator == "!=":
            return REST.format(part=self._trait(msgspec.structs.replace(trait, operator="=")))
        key = "createdAt" if trait.key == "created_at" else trait.key
        name = self._leaf(of=trait.of, key=key)
        found = WITH_TRAIT.replace("{predicate}", self._predicate(trait, name)).replace("{name}", name)
        if trait.of == self._kind:
            return found
        return (OF_CURRENT_ACCOUNT if trait.of == "account" else OF_ANY_USER).replace("{found}", found)

    def _predicate(self, trait: Trait, name: str) -> str:
        value = f"{name}_value"
        if trait.operator == "exists":
            return "true"
        if trait.operator == "contains":
            self.values[value] = str(trait.value)
            return CONTAINS
        if trait.operator == "within":
            self.values[value] = self._day - timedelta(days=int(str(trait.value)) - 1)
            return f"{DAY_OF.format(moment='moment_us')} between ${value} and $day"
        if trait.operator in DAY_COMPARISONS:
            self.values[value] = date.fromisoformat(str(trait.value))
            return f"{DAY_OF.format(moment='moment_us')} {DAY_COMPARISONS[trait.operator]} ${value}"
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
        if number.field == "activation":
            conditions = len(_activation(self._kind, self._model))
            if not conditions or self._prefix == "met":
                return NOBODY
            met = _Compiler(self._kind, self._model, self._day, "met")
            text = OF_ACTIVATION.format(met=met.met(), test=f"100.0 * coalesce(a.met, 0) / {conditions} {test}")
            self.values |= met.values
            return text
        if number.field == "tenure_days":
            profiles = (USER_PROFILES if self._kind == "user" else ACCOUNT_PROFILES).format(**EVERYONE)
            return OF_PROFILES.format(profiles=profiles, test=f"{TENURE} {test}")
        return OF_DAY.format(test=f"{NUMBER_TEXTS[number.field]} {test}")


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
