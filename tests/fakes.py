"""Stand-ins for what is slow or far away, written from the definitions and sharing no formula with the real ones.

`MemoryEventStore` is the oracle of the event stores: plain dicts and loops, everything counted anew for each question.
`tests/contract/test_event_store.py` holds every engine against it.
"""

import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b, md5
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from tests.fakes_facts import MemoryFacts
from uptake.core.conditions import NUMBER_TEXT, Condition
from uptake.core.config import TraitType
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Part, Point, ScoringModel, level_bounds
from uptake.core.traits import TraitForms, TraitValue
from uptake.segments.judging import holds
from uptake.stores.events.base import (
    SORTS,
    ActedRow,
    EventVolume,
    ExportTable,
    FateRow,
    FeatureUse,
    FoldBatch,
    GroupDay,
    GroupSize,
    JoinedRow,
    ListQuery,
    Membership,
    OutcomeRow,
    Published,
    StoreRules,
    Totals,
)
from uptake.stores.events.changes import DayActs, DayLevels, Move, Movers, Moves
from uptake.stores.events.doubts import Doubt, Doubtful, EventRhythm
from uptake.stores.events.exports import EXPORTS
from uptake.stores.events.usage import EVERYBODY, ActiveDay, Doer, Use

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HALF = 0.5 - 1e-9
ACTIVE_LEVELS = ("most_engaged", "slightly_engaged", "passive", "least_engaged")


class Act(msgspec.Struct, frozen=True):
    """An event as it is counted: for which account, on which day."""

    user: str
    account: str | None
    event: str
    at_us: int
    day: date


class Kept(msgspec.Struct):
    """What scoring found about one user or account on one day."""

    score: int = 0
    before: int = 0
    raw: float = 0.0
    frequency: int = 0
    adopted: int = 0
    ever: int = 0
    active_users: int = 0
    total_users: int = 0
    last_us: int | None = None
    first_day: date | None = None
    revised_us: int | None = None


class Scored(msgspec.Struct):
    """What scoring kept of one day: benchmarks, and everyone who did anything yet."""

    users_p90: float | None
    accounts_p90: float | None
    kept: dict[tuple[Kind, str], Kept]
    at_us: int = 0


def told(row: Kept) -> tuple[Any, ...]:
    """What two rows have in common that tell the same."""
    return (
        row.score, row.before, round(row.raw, 5), row.frequency, row.adopted, row.ever, row.active_users,
        row.total_users, row.last_us,
    )  # fmt: skip


def text_of(value: str | None) -> str:
    """A trait's value as plain text, from its JSON text."""
    decoded = None if value is None else msgspec.json.decode(value)
    if decoded is True or decoded is False:
        return "true" if decoded else "false"
    if isinstance(decoded, float):
        return f"{decoded:.0f}" if decoded == math.floor(decoded) else str(value)
    return str(decoded) if isinstance(decoded, int | str) else ""


def moment_of(value: str | None) -> int | None:
    """The moment that a trait's value names, from its JSON text."""
    decoded = None if value is None else msgspec.json.decode(value)
    if isinstance(decoded, str) and decoded.isdigit() and 9 <= len(decoded) <= 13:
        decoded = int(decoded)
    if isinstance(decoded, str) and decoded[4:5] == "-":
        try:
            moment = datetime.fromisoformat(decoded)
        except ValueError:
            return None
        return round_us((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH)
    if isinstance(decoded, int | float) and not isinstance(decoded, bool):
        seconds = decoded if abs(decoded) < 10**11 else decoded / 1000
        return round(seconds * 10**6) if abs(seconds) < 6 * 10**10 else None
    return None


def round_us(span: timedelta) -> int:
    """The span in whole microseconds."""
    return span // timedelta(microseconds=1)


def number_in(value: str) -> float | None:
    """The number that a trait's value is, from its JSON text."""
    text = text_of(value)
    return float(text) if re.fullmatch(NUMBER_TEXT, text) and math.isfinite(float(text)) else None


def fits(value: str, chosen: TraitType) -> bool:
    """Does a trait's value, as JSON text, fit a type?"""
    number = number_in(value)
    return {
        "string": not value.startswith("{"),
        "number": number is not None,
        "percentage": number is not None and 0 <= number <= 100,
        "date": moment_of(value) is not None,
        "boolean": text_of(value).lower() in ("true", "false"),
    }[chosen]


def percentile_90(values: Sequence[float]) -> float | None:
    """Linear interpolation between the two values around nine tenths of the way."""
    if not values:
        return None
    ordered = sorted(values)
    way = (len(ordered) - 1) * 9
    below, rest = ordered[way // 10], way % 10 / 10
    return below if not rest else below * (1 - rest) + ordered[way // 10 + 1] * rest


def points_of(raw: float, p90: float, curve: str) -> float:
    """Points before rounding."""
    share = raw / p90
    if curve == "linear-1":
        return 100.0 * share if share < 1 else 100.0
    return 100 - 100 * math.exp(-share * math.log(10))


def rounded(points: float, raw: float) -> int:
    """Half up, 0 for nothing done, else at least 1."""
    if raw <= 0:
        return 0
    whole = math.floor(points)
    return max(1, whole + 1 if points - whole >= HALF else whole)


class MemoryEventStore:
    """`EventStore` in dicts and loops."""

    def __init__(self, rules: StoreRules, *, generation: int = 1) -> None:
        self.rules, self.generation = rules, generation
        self._zone = ZoneInfo(rules.time_zone)
        self._next = 0
        self._messages: dict[bytes, list[int]] = defaultdict(list)
        self._known: set[tuple[Kind, str]] = set()
        self._acted: list[ActedRow] = []
        self._joined: dict[str, list[JoinedRow]] = defaultdict(list)
        self._traits: dict[tuple[Kind, str], dict[str, tuple[int, str, str, str | None]]] = defaultdict(dict)
        self._fates: list[FateRow] = []
        self._outcomes: Counter[tuple[int, str, str, str, str]] = Counter()
        self._dirty: set[date] = set()
        self._scored: dict[tuple[int, date], Scored] = {}
        self._published: Published | None = None
        self._acts_now: list[Act] | None = None

    # ---- folding
    def offset(self) -> int:
        return self._next

    def seen(self, messages: Sequence[tuple[bytes, int]]) -> list[bool]:
        return [any(moment - at < self.rules.dedupe_us for at in self._messages[digest]) for digest, moment in messages]

    def counted_us(self, digest: bytes, up_to_us: int) -> int | None:
        return max((at for at in self._messages[digest] if at <= up_to_us), default=None)

    def commit(self, batch: FoldBatch) -> None:
        if batch.first != self._next:
            raise ValueError(f"offset {batch.first} does not follow {self._next}")
        before = self._counts()
        for row in batch.acted:
            self._know("user", row.user)
            self._know("account", row.account)
            self._acted.append(row)
        for joined in batch.joined:
            self._know("user", joined.user)
            self._know("account", joined.account)
            self._joined[joined.user].append(joined)
        for known in batch.known:
            self._know(known.kind, known.id)
        self._merge_traits(batch)
        for digest, received_us in batch.messages:
            self._messages[digest].append(received_us)
        self._fates += batch.fates
        for outcome in batch.outcomes:
            key = (outcome.bucket_us, outcome.type, outcome.fate, outcome.code, outcome.mapping)
            self._outcomes[key] += outcome.times
        self._acts_now = None
        after = self._counts()
        self._dirty |= {key[-1] for key in before.keys() | after.keys() if before[key] != after[key]}
        self._next = batch.after

    def _know(self, kind: Kind, tracking_id: str | None) -> None:
        if tracking_id:
            self._known.add((kind, tracking_id))

    def _merge_traits(self, batch: FoldBatch) -> None:
        for row in batch.traits:
            self._know(row.kind, row.id)
            stamp = (row.at_us, row.message_id, row.value or "", row.value)
            held = self._traits[row.kind, row.id].get(row.key)
            if held is None or stamp[:3] > held[:3]:
                self._traits[row.kind, row.id][row.key] = stamp
            if row.kind == "account" and row.key in ("parent_group_id", "parent"):
                self._know("account", self._named_by(row.value))
        for row in batch.traits:
            self._clear_inner(self._traits[row.kind, row.id])

    @staticmethod
    def _clear_inner(held: dict[str, tuple[int, str, str, str | None]]) -> None:
        """What was told of an outer key later clears its inner keys."""
        for inner in sorted(held):
            outer = [stamp[:2] for key, stamp in held.items() if inner.startswith(key + ".")]
            if outer and max(outer) > held[inner][:2]:
                held[inner] = (*max(outer), "", None)

    def _counts(self) -> Counter[tuple[Any, ...]]:
        """Times by all that a count depends on, the day last."""
        above = {account: frozenset(self._above(account)) for account in self._accounts()}
        return Counter(
            (act.user, act.account, above.get(act.account or "", frozenset()), act.event, act.day)
            for act in self._acts()
        )

    # ---- who belongs to whom
    def _acts(self) -> list[Act]:
        if self._acts_now is None:
            self._acts_now = [
                Act(row.user, row.account or self._account_at(row.user, row.at_us), row.event, row.at_us,
                    self._day(row.at_us))
                for row in self._acted
            ]  # fmt: skip
        return self._acts_now

    def _day(self, at_us: int) -> date:
        return (EPOCH + timedelta(microseconds=at_us)).astimezone(self._zone).date()

    def _turns(self, user: str) -> list[tuple[int, str]]:
        """Moments and accounts of a user's membership calls, one a moment."""
        calls = sorted(self._joined.get(user, []), key=lambda row: (row.at_us, row.message_id, row.account))
        return sorted({row.at_us: row.account for row in calls}.items())

    def _account_at(self, user: str, at_us: int) -> str | None:
        turns = self._turns(user)
        earlier = [account for moment, account in turns if moment <= at_us]
        return earlier[-1] if earlier else (turns[0][1] if turns else None)

    def _accounts(self) -> list[str]:
        return sorted(each for kind, each in self._known if kind == "account")

    @staticmethod
    def _named_by(value: str | None) -> str:
        return "" if value in ("true", "false") else text_of(value)

    def _parent(self, account: str) -> str | None:
        for key in ("parent_group_id", "parent"):
            if parent := self._named_by(self._value("account", account, key)):
                return parent
        return None

    def _above(self, account: str) -> list[str]:
        """The accounts above one, nearest first: up to ten, until one comes again."""
        found: list[str] = []
        parent = self._parent(account)
        while parent and parent not in found and parent != account and len(found) < 10:
            found.append(parent)
            parent = self._parent(parent)
        return found

    def _value(self, kind: Kind, tracking_id: str, key: str) -> str | None:
        held = self._traits.get((kind, tracking_id), {}).get("createdAt" if key == "created_at" else key)
        return held[3] if held else None

    def _text(self, kind: Kind, tracking_id: str, key: str) -> str | None:
        return text_of(self._value(kind, tracking_id, key)) or None

    def _reached(self, act: Act) -> list[str]:
        """Every account that an event counts for."""
        return [act.account, *self._above(act.account)] if act.account else []

    # ---- scoring
    def dirty_days(self) -> list[date]:
        return sorted(self._dirty)

    def rescore(self, models: Sequence[ScoringModel], days: Sequence[date], *, at_us: int = 0) -> None:
        for day in days:
            for model in models:
                before = self._scored.get((model.workspace_id, day))
                self._scored[model.workspace_id, day] = after = self._score(model, day)
                after.at_us = at_us
                if before is not None and self._day(before.at_us) > day:
                    for who, row in after.kept.items():
                        held = before.kept.get(who)
                        row.revised_us = held.revised_us if held is not None and told(held) == told(row) else at_us

    def forget(self, days: tuple[date, date]) -> None:
        self._scored = {key: kept for key, kept in self._scored.items() if not days[0] <= key[1] <= days[1]}

    @contextmanager
    def imagined(self, models: Sequence[ScoringModel], days: Sequence[date]) -> Iterator["MemoryEventStore"]:
        other = copy(self)
        other._scored = {}
        other.rescore(models, days)
        yield other

    def standings(self, kind: Kind, model: ScoringModel, day: date, *, only=None) -> dict[str, tuple[int, float]]:
        scored = self._scored.get((model.workspace_id, day))
        return {
            each: (kept.score, kept.raw)
            for (known, each), kept in sorted(scored.kept.items() if scored else [])
            if known == kind
            and kept.score
            and each not in self._excluded(model, kind)
            and (only is None or each in only)
        }

    def names(self, kind: Kind, tracking_ids: Collection[str]) -> dict[str, str]:
        return {each: self._name(kind, each) for each in tracking_ids if (kind, each) in self._known}

    def _weight(self, model: ScoringModel, event: str) -> int:
        return model.weights.get(event, 1 if model.every_event else 0)

    def _scored_events(self, model: ScoringModel) -> set[str]:
        seen = {act.event for act in self._acted} if model.every_event else set()
        return {event for event in seen if self._weight(model, event) > 0} | model.scored_events

    def _counting(self, model: ScoringModel) -> list[Act]:
        """Events that no exclusion takes out."""
        return [
            act
            for act in self._acts()
            if act.user not in model.excluded_users and act.account not in model.excluded_accounts
        ]

    def _worths(self, model: ScoringModel, last: date) -> dict[tuple[str, str | None, str, date], tuple[int, float]]:
        """(user, account, event, day) of the window → times counted, and what they are worth on its last day."""
        first = last - timedelta(days=model.window_days - 1)
        times = Counter(
            (act.user, act.account, act.event, act.day)
            for act in self._counting(model)
            if first <= act.day <= last and self._weight(model, act.event) > 0
        )
        worths = {}
        for key, count in times.items():
            counted = count if model.daily_cap is None else min(count, model.daily_cap)
            age = (last - key[3]).days
            fading = 1.0 if model.half_life_days is None else math.pow(2.0, -age / model.half_life_days)
            worths[key] = (counted, counted * self._weight(model, key[2]) * fading)
        return worths

    def _scores(self, model: ScoringModel, last: date) -> tuple[dict[tuple[Kind, str], tuple[int, float]], Any]:
        """(kind, id) → (score, raw) of everyone active, and both benchmarks."""
        users: dict[str, list[float]] = defaultdict(list)
        own: dict[str, list[float]] = defaultdict(list)
        within: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for (user, account, _, _), (_, worth) in self._worths(model, last).items():
            users[user].append(worth)
            if account:
                own[account].append(worth)
                for each in [account, *self._above(account)]:
                    within[each][user].append(worth)
        users_p90 = percentile_90([math.fsum(raws) for raws in users.values()])
        accounts_p90 = percentile_90([math.fsum(raws) for raws in own.values()])
        scores: dict[tuple[Kind, str], tuple[int, float]] = {}
        for user, raws in users.items():
            raw = math.fsum(raws)
            scores["user", user] = rounded(points_of(raw, users_p90 or 1, model.curve), raw), raw
        for account, members in within.items():
            sums = [math.fsum(raws) for raws in members.values()]
            raw = math.fsum(sums)
            if model.account_score == "pooled":
                points = points_of(raw, accounts_p90 or 1, model.curve)
            else:
                points = math.fsum(points_of(each, users_p90 or 1, model.curve) for each in sums) / len(sums)
            scores["account", account] = rounded(points, raw), raw
        return scores, (users_p90, accounts_p90)

    def _score(self, model: ScoringModel, day: date) -> Scored:
        scores, (users_p90, accounts_p90) = self._scores(model, day)
        earlier, _ = self._scores(model, day - timedelta(days=model.window_days))
        kept: dict[tuple[Kind, str], Kept] = defaultdict(Kept)
        sets: dict[str, dict[tuple[Kind, str], set[Any]]] = defaultdict(lambda: defaultdict(set))
        for user, account, event, on in self._worths(model, day):
            for who in self._concerned(user, account):
                sets["days"][who].add(on)
                sets["events"][who].add(event)
                sets["active"][who].add(user)
        for act in self._counting(model):
            if act.day > day:
                continue
            for who in self._concerned(act.user, act.account):
                if self._weight(model, act.event) > 0:
                    sets["ever"][who].add(act.event)
                if act.day > day - timedelta(days=90):
                    sets["present"][who].add(act.user)
                row = kept[who]
                row.last_us = act.at_us if row.last_us is None else max(row.last_us, act.at_us)
                row.first_day = act.day if row.first_day is None else min(row.first_day, act.day)
        for who, row in kept.items():
            row.score, row.raw = scores.get(who, (0, 0.0))
            row.before = earlier.get(who, (0, 0.0))[0]
            row.frequency, row.adopted, row.ever = (len(sets[name][who]) for name in ("days", "events", "ever"))
            if who[0] == "account":
                row.active_users, row.total_users = len(sets["active"][who]), len(sets["present"][who])
        listed = {who: row for who, row in kept.items() if who[1] not in self._excluded(model, who[0])}
        return Scored(users_p90, accounts_p90, listed)

    def _concerned(self, user: str, account: str | None) -> list[tuple[Kind, str]]:
        accounts = [account, *self._above(account)] if account else []
        return [("user", user), *(("account", each) for each in accounts)]

    @staticmethod
    def _excluded(model: ScoringModel, kind: Kind) -> frozenset[str]:
        return model.excluded_users if kind == "user" else model.excluded_accounts

    def publish(self, published: Published, *, clear_dirty: bool) -> None:
        self._published = published
        if clear_dirty:
            self._dirty.clear()

    def published(self) -> Published | None:
        return self._published

    def scored_days(self, workspace_id: int) -> list[date]:
        return sorted(day for workspace, day in self._scored if workspace == workspace_id)

    # ---- questions
    def numbers(self, kind: Kind, model: ScoringModel, day: date, query: ListQuery) -> tuple[list[Numbers], int]:
        if query.sort not in SORTS:
            raise ValueError(query.sort)
        scored = self._scored.get((model.workspace_id, day))
        kept = scored.kept if scored else {}
        excluded = self._excluded(model, kind)
        rows = [
            self._numbers(kind, each, kept.get((kind, each), Kept()), model, day)
            for known, each in sorted(self._known)
            if known == kind and each not in excluded
        ]
        rows = [row for row in rows if self._asked(row, query)]
        if query.where is not None:
            rows = [row for row in rows if holds(query.where, self.facts(row, model, day))]
        rows.sort(key=lambda row: -row.raw_score)
        field = "score" if query.sort == "level" else query.sort
        told = [row for row in rows if getattr(row, field) is not None]
        told.sort(key=lambda row: _sortable(getattr(row, field), field), reverse=query.descending)
        rows = told + [row for row in rows if getattr(row, field) is None]
        return rows[query.offset : query.offset + query.limit], len(rows)

    def levels(self, kind: Kind, model: ScoringModel, day: date, query: ListQuery) -> dict[str, int]:
        each_level = {level: msgspec.structs.replace(query, level=level) for level, _, _ in level_bounds(model.levels)}
        return {level: self.numbers(kind, model, day, each)[1] for level, each in each_level.items()}

    def matching(self, kind: Kind, condition: Condition, model: ScoringModel, day: date) -> list[str]:
        rows, _ = self.numbers(kind, model, day, ListQuery(sort="tracking_id", descending=False, limit=10**6))
        return [row.tracking_id for row in rows if holds(condition, self.facts(row, model, day))]

    def group_sizes(
        self, kind: Kind, conditions: Sequence[Condition], model: ScoringModel, day: date
    ) -> list[GroupSize]:
        return [self._group_size(kind, each, model, day) for each in conditions]

    def _group_size(self, kind: Kind, condition: Condition, model: ScoringModel, day: date) -> GroupSize:
        rows, _ = self.numbers(kind, model, day, ListQuery(where=condition, limit=10**6))
        scores = [row.score for row in rows if row.score]
        accounts = {row.tracking_id if kind == "account" else row.account for row in rows} - {None}
        texts = [self._text("account", each, "mrr") for each in accounts - model.excluded_accounts]
        mrr = math.fsum(float(text) for text in texts if text and re.fullmatch(NUMBER_TEXT, text))
        return GroupSize(len(rows), len(scores), sum(scores) / len(scores) if scores else None, mrr)

    def sampled(
        self, kind: Kind, condition: Condition, model: ScoringModel, day: date, *, most: int
    ) -> tuple[GroupSize, list[Numbers]]:
        rows, _ = self.numbers(kind, model, day, ListQuery(where=condition, limit=most))
        return self._group_size(kind, condition, model, day), rows

    def group_history(
        self, kind: Kind, condition: Condition, model: ScoringModel, days: tuple[date, date]
    ) -> list[GroupDay]:
        found: list[GroupDay] = []
        before: set[str] | None = None
        for day in (each for each in self.scored_days(model.workspace_id) if days[0] <= each <= days[1]):
            rows, _ = self.numbers(kind, model, day, ListQuery(where=condition, limit=10**6))
            now, scores = {row.tracking_id for row in rows}, [row.score for row in rows if row.score]
            came, went = (now - before, before - now) if before is not None else (set(), set())
            average = sum(scores) / len(scores) if scores else None
            found.append(GroupDay(day, len(now), len(scores), average, len(came), len(went)))
            before = now
        return found

    def memberships(self, user: str) -> list[Membership]:
        return [Membership(account, first, last) for who, account, first, last in self._intervals() if who == user]

    def members_of(self, accounts: Collection[str]) -> list[str]:
        return sorted(user for user in self._joined if self._turns(user)[-1][1] in accounts)

    def member_traits(self, account: str, key: str) -> dict[str, Any]:
        values = {user: self._value("user", user, key) for user in self.members_of([account])}
        return {user: msgspec.json.decode(value) for user, value in values.items() if value is not None}

    def accounts_of(self, users: Collection[str]) -> list[str]:
        own = {act.account for act in self._acts() if act.user in users and act.account}
        own |= {self._turns(user)[-1][1] for user in self._joined if user in users}
        return sorted(own.union(*(self._above(each) for each in own)))

    def first_day_of(self, users: Collection[str], accounts: Collection[str]) -> date | None:
        found = (act for act in self._acts() if act.user in users or not set(self._reached(act)).isdisjoint(accounts))
        return min((act.day for act in found), default=None)

    moment_of = staticmethod(moment_of)

    def facts(self, row: Numbers, model: ScoringModel, day: date) -> MemoryFacts:
        """What is known of one row of a list."""
        return MemoryFacts(self, row.kind, row.tracking_id, model, day, row)

    def _numbers(self, kind: Kind, each: str, kept: Kept, model: ScoringModel, day: date) -> Numbers:
        scored_events = len(self._scored_events(model))
        full_day = self._day(self._published.as_of_us) - timedelta(days=1) if self._published else date.min
        email = self._text("user", each, "email") if kind == "user" else None
        turns = self._turns(each) if kind == "user" else []
        row = Numbers(
            kind=kind,
            id=self._opaque(kind, each),
            tracking_id=each,
            name=self._name(kind, each),
            score=kept.score,
            score_change=kept.score - kept.before,
            level=self._level(kept.score, model),
            raw_score=kept.raw,
            frequency=kept.frequency,
            adoption=100 * kept.adopted / scored_events if scored_events else 0.0,
            adoption_all_time=100 * kept.ever / scored_events if scored_events else 0.0,
            activation=None,
            last_active_us=kept.last_us,
            created_us=self._created(kind, each),
            provisional=kept.first_day is None or kept.first_day > min(day, full_day),
            active_users=kept.active_users,
            total_users=kept.total_users,
            email=email,
            account=turns[-1][1] if turns else None,
            first_seen=kept.first_day,
        )
        conditions = model.user_activation if kind == "user" else model.account_activation
        if not conditions:
            return row
        met = sum(holds(condition, self.facts(row, model, day)) for condition in conditions)
        return msgspec.structs.replace(row, activation=100 * met / len(conditions))

    @staticmethod
    def _level(score: int, model: ScoringModel) -> Any:
        if not score:
            return "inactive"
        bounds = [model.levels.passive, model.levels.slightly, model.levels.most]
        return ("least_engaged", "passive", "slightly_engaged", "most_engaged")[bisect_right(bounds, score)]

    def _asked(self, row: Numbers, query: ListQuery) -> bool:
        texts = [row.name, row.tracking_id, row.email or ""]
        if query.search and not any(query.search.lower() in text.lower() for text in texts):
            return False
        if query.level and row.level != query.level:
            return False
        if query.tracking_ids is not None and row.tracking_id not in query.tracking_ids:
            return False
        return query.account is None or row.kind != "user" or self._has_to_do_with(row, query.account)

    def _has_to_do_with(self, row: Numbers, account: str) -> bool:
        if row.account is not None and account in (row.account, *self._above(row.account)):
            return True
        return any(act.user == row.tracking_id and account in self._reached(act) for act in self._acts())

    @staticmethod
    def _opaque(kind: Kind, each: str) -> str:
        return blake2b((kind + ":" + each).encode(), digest_size=10).hexdigest()

    def _name(self, kind: Kind, each: str) -> str:
        key = "name" if kind == "user" else self.rules.display_name
        email = self._text("user", each, "email") if kind == "user" else None
        return self._text(kind, each, key) or email or each

    def _created(self, kind: Kind, each: str) -> int | None:
        if kind == "user":
            return moment_of(self._value("user", each, "createdAt"))
        own = moment_of(self._value("account", each, self.rules.created_at))
        if own is not None:
            return own
        users = [user for user in self._joined if each in (account for _, account in self._turns(user))]
        moments = [self._created("user", user) for user in users]
        return min((moment for moment in moments if moment is not None), default=None)

    def p90(self, model: ScoringModel, day: date, kind: Kind = "user") -> float | None:
        scored = self._scored.get((model.workspace_id, day))
        if scored is None:
            return None
        return scored.accounts_p90 if kind == "account" and model.account_score == "pooled" else scored.users_p90

    def series(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[Point]:
        if (kind, tracking_id) not in self._known or tracking_id in self._excluded(model, kind):
            return []
        within = [day for day in self.scored_days(model.workspace_id) if days[0] <= day <= days[1]]
        return [self._point(kind, tracking_id, model, day) for day in within]

    def _point(self, kind: Kind, each: str, model: ScoringModel, day: date) -> Point:
        kept = self._scored[model.workspace_id, day].kept.get((kind, each), Kept())
        numbers = self._numbers(kind, each, kept, model, day)
        created = None if numbers.created_us is None else self._day(numbers.created_us)
        return Point(
            day=day,
            score=numbers.score,
            score_change=numbers.score_change,
            level=numbers.level,
            raw_score=numbers.raw_score,
            frequency=numbers.frequency,
            adoption=numbers.adoption,
            adoption_all_time=numbers.adoption_all_time,
            activation=numbers.activation,
            active_users=numbers.active_users,
            total_users=numbers.total_users,
            weekly_active_users=self._weekly(each, model, day) if kind == "account" else 0,
            tenure_days=(day - created).days if created is not None and created <= day else None,
            last_active_us=numbers.last_active_us,
            revised_us=kept.revised_us,
        )

    def _weekly(self, account: str, model: ScoringModel, day: date) -> int:
        week = [day - timedelta(days=back) for back in range(7)]
        acts = [act for act in self._counting(model) if act.day in week and self._weight(model, act.event) > 0]
        return len({act.user for act in acts if account in self._reached(act)})

    def score(self, kind: Kind, tracking_id: str, model: ScoringModel, day: date) -> int:
        found = self.series(kind, tracking_id, model, (day, day))
        return found[0].score if found else 0

    def parts(self, kind: Kind, tracking_id: str, model: ScoringModel, day: date) -> list[Part]:
        if tracking_id in self._excluded(model, kind):
            return []
        found: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        for (user, account, event, _), counted in self._worths(model, day).items():
            if (kind, tracking_id) in self._concerned(user, account):
                found[user, event].append(counted)
        parts = [
            Part(user, model.features.get(event, ""), event, sum(times for times, _ in counted),
                 self._weight(model, event), math.fsum(worth for _, worth in counted))
            for (user, event), counted in found.items()
        ]  # fmt: skip
        return sorted(parts, key=lambda part: (-part.raw, part.event, part.user))

    def moves(self, kind: Kind, model: ScoringModel, days: tuple[date, date], *, most: int, only=None) -> Moves:
        ends = [
            self._scored[model.workspace_id, day].kept if (model.workspace_id, day) in self._scored else {}
            for day in days
        ]
        flow: Counter[tuple[Any, Any]] = Counter()
        ways: dict[str, list[Move]] = defaultdict(list)
        for known, each in self._known:
            if known != kind or each in self._excluded(model, kind) or (only is not None and each not in only):
                continue
            before, after = (end.get((kind, each), Kept()) for end in ends)
            flow[self._level(before.score, model), self._level(after.score, model)] += 1
            move = Move(each, before.score, after.score)
            if after.first_day is not None and after.first_day > days[0]:
                ways["came"].append(move)
            elif before.score and not after.score:
                ways["stopped"].append(move)
            elif before.score != after.score:
                ways["rose" if after.score > before.score else "fell"].append(move)
        for way in ways.values():
            way.sort(key=lambda move: (-abs(move.after - move.before), move.tracking_id))
        movers = {name: Movers(len(ways[name]), ways[name][:most]) for name in ("rose", "fell", "stopped", "came")}
        return Moves(dict(flow), **movers)

    def levels_by_day(self, kind: Kind, model: ScoringModel, days: tuple[date, date], *, only=None) -> list[DayLevels]:
        found = []
        for day in self.scored_days(model.workspace_id):
            if days[0] <= day <= days[1]:
                kept = self._scored[model.workspace_id, day].kept.items()
                scores = [
                    row.score
                    for (of, each), row in kept
                    if of == kind and each not in self._excluded(model, kind) and (only is None or each in only)
                ]
                levels = Counter(self._level(score, model) for score in scores if score)
                active = [score for score in scores if score]
                counts = {level: levels[level] for level in ACTIVE_LEVELS}
                found.append(DayLevels(day, **counts, average_score=sum(active) / len(active) if active else 0.0))
        return found

    def acts_by_day(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[DayActs]:
        if tracking_id in self._excluded(model, kind):
            return []
        users: dict[tuple[date, str], list[str]] = defaultdict(list)
        for act in self._counting(model):
            if days[0] <= act.day <= days[1] and (kind, tracking_id) in self._concerned(act.user, act.account):
                users[act.day, act.event].append(act.user)
        return [DayActs(*key, len(found), len(set(found))) for key, found in sorted(users.items())]

    def feature_use(self, model: ScoringModel, asked: Collection[tuple[str, date]]) -> list[FeatureUse]:
        times: Counter[tuple[str, date, str]] = Counter()
        for account, day in asked:
            first = day - timedelta(days=model.window_days - 1)
            for act in self._counting(model):
                if first <= act.day <= day and account in self._reached(act) and act.event in model.features:
                    times[account, day, model.features[act.event]] += 1
        excluded = model.excluded_accounts
        return [FeatureUse(*key, count) for key, count in sorted(times.items()) if key[0] not in excluded]

    def use(
        self,
        sets: Sequence[Collection[str]],
        model: ScoringModel,
        days: tuple[date, date],
        *,
        by_day: bool = False,
        since: date | None = None,
        of: Collection[Kind] = EVERYBODY,
    ) -> list[Use]:
        found = []
        for number, events in enumerate(sets):
            by: dict[date | None, list[Act]] = defaultdict(list)
            for act in self._counting(model):
                if days[0] <= act.day <= days[1] and (not events or act.event in events):
                    around = since and (days[1] if act.day >= since else since - timedelta(days=1))
                    by[act.day if by_day else around].append(act)
            for day, acts in sorted(by.items(), key=lambda each: each[0] or date.min):
                accounts = {account for act in acts for account in self._reached(act)} - model.excluded_accounts
                users = {act.user for act in acts}
                counts = (len(each) if kind in of else 0 for kind, each in (("user", users), ("account", accounts)))
                found.append(Use(number, day, len(acts), *counts))
        return found

    def active_by_day(self, model: ScoringModel, days: tuple[date, date]) -> list[ActiveDay]:
        found = []
        for day in (each for each in self.scored_days(model.workspace_id) if days[0] <= each <= days[1]):
            first = day - timedelta(days=model.window_days - 1)
            active = [
                (kind, each)
                for (kind, each), row in self._scored[model.workspace_id, day].kept.items()
                if row.last_us is not None
                and self._day(row.last_us) >= first
                and each not in self._excluded(model, kind)
            ]
            found.append(ActiveDay(day, *(sum(kind == of for of, _ in active) for kind in ("user", "account"))))
        return found

    def doers(
        self, kind: Kind, events: Collection[str], model: ScoringModel, days: tuple[date, date], *, most: int
    ) -> list[Doer]:
        done: dict[str, list[date]] = defaultdict(list)
        for act in self._counting(model):
            if days[0] <= act.day <= days[1] and act.event in events:
                for each in [act.user] if kind == "user" else self._reached(act):
                    done[each].append(act.day)
        found = [Doer(each, len(on), len(set(on)), max(on)) for each, on in done.items()]
        listed = [each for each in found if each.tracking_id not in self._excluded(model, kind)]
        return sorted(listed, key=lambda each: (-each.times, each.tracking_id))[:most]

    def find(self, kind: Kind, match_type: str, match_value: str) -> str | None:
        def matches(each: str) -> bool:
            if match_type in ("id", "tracking_id", "name"):
                told = {"id": self._opaque(kind, each), "tracking_id": each, "name": self._name(kind, each)}
                return told[match_type] == match_value
            if match_type == "email":
                return (self._text(kind, each, "email") or "").lower() == match_value.lower()
            if match_type == "domain" and kind == "user":
                return (self._text("user", each, "email") or "").lower().endswith("@" + match_value.lower())
            if match_type == "domain":
                return (self._text("account", each, "domain") or "").lower() == match_value.lower()
            return self._text(kind, each, match_type) == match_value

        found = (each for known, each in sorted(self._known) if known == kind and match_value and matches(each))
        return next(found, None)

    def traits(self, kind: Kind, tracking_id: str) -> dict[str, Any]:
        held = sorted(self._traits.get((kind, tracking_id), {}).items())
        return {key: msgspec.json.decode(stamp[3]) for key, stamp in held if stamp[3] is not None}

    def traits_among(self, kind: Kind, tracking_ids: Collection[str], keys: Collection[str]) -> dict[str, Any]:
        found = {
            each: {key: value for key, value in self.traits(kind, each).items() if key in keys}
            for each in sorted(tracking_ids)
        }
        return {each: held for each, held in found.items() if held}

    def trait_keys(self, kind: Kind) -> dict[str, int]:
        keys = Counter(key for known, each in self._known if known == kind for key in self.traits(kind, each))
        return dict(sorted(keys.items()))

    def _values(self, kind: Kind, key: str) -> list[str]:
        name = "createdAt" if key == "created_at" else key
        stamps = (held.get(name) for (known, _), held in self._traits.items() if known == kind)
        return [stamp[3] for stamp in stamps if stamp is not None and stamp[3] is not None]

    def trait_forms(self, kind: Kind) -> list[TraitForms]:
        found = []
        for key in self.trait_keys(kind):
            values = self._values(kind, key)
            numbers = [number_in(value) for value in values]
            moments = [moment_of(value) is not None for value in values]
            found.append(
                TraitForms(
                    key=key,
                    values=len(values),
                    numbers=sum(number is not None for number in numbers),
                    percentages=sum(number is not None and 0 <= number <= 100 for number in numbers),
                    moments=sum(moments),
                    day_texts=sum(each and number is None for each, number in zip(moments, numbers, strict=True)),
                    booleans=sum(text_of(value).lower() in ("true", "false") for value in values),
                    lists=sum(value.startswith("[") for value in values),
                    objects=sum(value.startswith("{") for value in values),
                )
            )
        return found

    def trait_values(self, kind: Kind, key: str, *, unfit: TraitType | None = None, most: int) -> list[TraitValue]:
        times = Counter(value for value in self._values(kind, key) if unfit is None or not fits(value, unfit))
        ordered = sorted(times.items(), key=lambda each: (-each[1], each[0].encode()))
        return [TraitValue(*each) for each in ordered[:most]]

    def latest_events(self, kind: Kind, tracking_id: str, *, most: int) -> list[ActedRow]:
        rows = [
            ActedRow(act.user, act.account, act.event, act.at_us)
            for act in self._acts()
            if (kind, tracking_id) in self._concerned(act.user, act.account)
        ]
        return sorted(rows, key=lambda row: (-row.at_us, row.user, row.event))[:most]

    def event_volumes(
        self, events: Collection[str] | None = None, *, of: Collection[Kind] = EVERYBODY
    ) -> list[EventVolume]:
        by_name: dict[str, list[Act]] = defaultdict(list)
        for act in (each for each in self._acts() if events is None or each.event in events):
            by_name[act.event].append(act)
        return [
            EventVolume(
                event=event,
                times=len(acts),
                first_us=min(act.at_us for act in acts),
                last_us=max(act.at_us for act in acts),
                users=len({act.user for act in acts}) if "user" in of else 0,
                accounts=len({act.account for act in acts} - {None}) if "account" in of else 0,
            )
            for event, acts in sorted(by_name.items())
        ]

    def daily_totals(self, days: tuple[date, date]) -> dict[date, int]:
        return dict(sorted(Counter(act.day for act in self._acts() if days[0] <= act.day <= days[1]).items()))

    def totals(self) -> Totals:
        days = [act.day for act in self._acts()]
        return Totals(
            users=sum(kind == "user" for kind, _ in self._known),
            accounts=len(self._accounts()),
            events=len(days),
            unattributed_users=len({act.user for act in self._acts() if act.account is None}),
            first_day=min(days, default=None),
            last_day=max(days, default=None),
        )

    def doubtful(self, doubt: Doubt, *, most: int) -> Doubtful:
        users = sorted(each for kind, each in self._known if kind == "user")
        if doubt == "one_email_many_ids":
            return self._shared_emails(users, most)
        attributed = {act.user for act in self._acts() if act.account}
        found = {
            "users_without_account": [each for each in users if each not in attributed and not self._turns(each)],
            "accounts_without_group": [each for each in self._accounts() if not self.traits("account", each)],
            "email_as_id": [each for each in users if re.fullmatch(r"[^@ ]+@[^@ ]+\.[^@ ]+", each)],
        }[doubt]
        return Doubtful(len(found), [(each,) for each in found[:most]])

    def _shared_emails(self, users: Sequence[str], most: int) -> Doubtful:
        by_email: dict[str, list[str]] = defaultdict(list)
        for user in users:
            email = self._text("user", user, "email") or ""
            if "@" in email:
                by_email[email.lower()].append(user)
        shared = sorted((-len(ids), email, ids) for email, ids in by_email.items() if len(ids) > 1)
        return Doubtful(len(shared), [(email, *ids[:5]) for _, email, ids in shared[:most]])

    def event_rhythms(self, days: tuple[date, date]) -> list[EventRhythm]:
        by_name: dict[str, set[date]] = defaultdict(set)
        for act in self._acts():
            if days[0] <= act.day <= days[1]:
                by_name[act.event].add(act.day)
        return [EventRhythm(name, len(on), min(on), max(on)) for name, on in sorted(by_name.items())]

    def parent_cycles(self) -> list[tuple[str, ...]]:
        cycles = set()
        for account in self._accounts():
            walk, above = [account], self._parent(account)
            while above and above not in walk:
                walk.append(above)
                above = self._parent(above)
            if above == account:
                turn = walk.index(min(walk))
                cycles.add(tuple(walk[turn:] + walk[:turn]))
        return sorted(cycles)

    def fates(
        self, *, most: int, fate: str = "", of_each_reason: bool = False, offset: int | None = None
    ) -> list[FateRow]:
        rows = sorted(
            (row for row in self._fates if fate in ("", row.fate) and offset in (None, row.offset)),
            key=lambda row: -row.offset,
        )
        if not of_each_reason:
            return rows[:most]
        found: Counter[tuple[str, str, str]] = Counter()
        samples = []
        for row in rows:
            reason = (row.fate, row.code, row.mapping)
            found[reason] += 1
            if row.code and found[reason] <= most:
                samples.append(row)
        return samples

    def outcomes(self, *, since_us: int) -> list[OutcomeRow]:
        return [OutcomeRow(*key, times) for key, times in sorted(self._outcomes.items()) if key[0] >= since_us]

    def export(self, table: ExportTable) -> Iterator[pa.RecordBatch]:
        schema = EXPORTS[table]
        rows = [dict(zip(schema.names, row, strict=True)) for row in self._exported(table)]
        yield pa.RecordBatch.from_pylist(rows, schema=schema)

    def _exported(self, table: ExportTable) -> list[tuple[Any, ...]]:
        if table == "memberships":
            return [(user, account, first, last) for user, account, first, last in self._intervals()]
        if table == "daily_counts":
            counts = Counter((act.day, act.user, act.account or "", act.event) for act in self._acts())
            return [(day, user, account or None, event, n) for (day, user, account, event), n in sorted(counts.items())]
        if table == "scores":
            return [
                (workspace, day, kind, each, row.score, row.score - row.before, row.raw, row.frequency, row.adopted,
                 row.ever, row.active_users, row.total_users, row.last_us)
                for (workspace, day), scored in sorted(self._scored.items())
                for (kind, each), row in sorted(scored.kept.items())
            ]  # fmt: skip
        kind: Kind = "user" if table == "users" else "account"
        return [self._profile(kind, each) for known, each in sorted(self._known) if known == kind]

    def _profile(self, kind: Kind, each: str) -> tuple[Any, ...]:
        turns = self._turns(each)
        belongs = (
            (self._text("user", each, "email"), turns[-1][1] if turns else None)
            if kind == "user"
            else (self._parent(each),)
        )
        traits = msgspec.json.encode(self.traits(kind, each)).decode()
        return (each, self._opaque(kind, each), self._name(kind, each), *belongs, self._created(kind, each), traits)

    def _intervals(self) -> list[tuple[str, str, int | None, int | None]]:
        """(user, account, from, until), None for the beginning and the end of time."""
        found: list[tuple[str, str, int | None, int | None]] = []
        for user in sorted(self._joined):
            changes: list[tuple[int, str]] = []
            for moment, account in self._turns(user):
                if not changes or changes[-1][1] != account:
                    changes.append((moment, account))
            ends = [moment for moment, _ in changes[1:]]
            for index, (moment, account) in enumerate(changes):
                found.append((user, account, moment if index else None, ends[index] if index < len(ends) else None))
        return found

    def digest(self) -> dict[str, str]:
        return {table: _digest(rows) for table, rows in self._digested().items()}

    def _digested(self) -> dict[str, list[Sequence[Any]]]:
        acts = self._acts()
        by_day: dict[Any, list[int]] = defaultdict(list)
        ever: dict[Any, list[Act]] = defaultdict(list)
        for act in acts:
            by_day[act.user, act.account or "", act.day].append(act.at_us)
            ever[act.user, act.account or "", act.event].append(act)
        counts = Counter((act.user, act.account or "", act.event, act.day) for act in acts)
        return {
            "known": [*self._known],
            "traits": [
                (*who, key, stamp[2], *stamp[:2]) for who, held in self._traits.items() for key, stamp in held.items()
            ],
            "memberships": [
                (user, account, -(2**62) if first is None else first, 2**62 if last is None else last)
                for user, account, first, last in self._intervals()
            ],
            "lineage": [(account, above) for account in self._accounts() for above in self._above(account)],
            "events": [(row.user, row.account or "", row.event, row.at_us) for row in self._acted],
            "daily_counts": [(*key, times) for key, times in counts.items()],
            "active_days": [(*key, len(moments), max(moments)) for key, moments in by_day.items()],
            "events_ever": [
                (*key, min(act.day for act in found), len(found), min(act.at_us for act in found),
                 max(act.at_us for act in found))
                for key, found in ever.items()
            ],
            "scores": [
                (workspace, *who, day, row.score, row.before, math.floor(row.raw * 1e6 + 0.5), row.frequency,
                 row.adopted, row.ever, row.active_users, row.total_users, row.last_us, row.first_day)
                for (workspace, day), scored in self._scored.items()
                for who, row in scored.kept.items()
            ],
        }  # fmt: skip

    # ---- life
    def size_bytes(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing to give back."""


def _sortable(value: Any, field: str) -> Any:
    return value.lower() if field in ("name", "email") else value


def _digest(rows: Sequence[Sequence[Any]]) -> str:
    lines = ("\x1f".join(str(value) for value in row) for row in rows)
    total = sum(int.from_bytes(md5(line.encode()).digest()[8:], "little") for line in lines)
    return f"{len(rows)}:{total % 2**64:016x}"
