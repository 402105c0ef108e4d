"""The questions that an event store of tables answers: each in one session, by the SQL of its package."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from datetime import date, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pyarrow as pa

from uptake.core.conditions import Condition
from uptake.core.config import TraitType
from uptake.core.days import day_of
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Part, Point, ScoringModel
from uptake.core.traits import TraitForms, TraitValue
from uptake.stores.events.adoption_sql import add_up_adoptions
from uptake.stores.events.base import (
    ActedRow,
    EventStore,
    EventVolume,
    ExportTable,
    FateRow,
    FeatureUse,
    GroupDay,
    GroupSize,
    ListQuery,
    Membership,
    OutcomeRow,
    Published,
    StoreRules,
    Totals,
)
from uptake.stores.events.change_sql import acts_by_day, levels_by_day, moves_between
from uptake.stores.events.changes import DayActs, DayLevels, Moves, Only
from uptake.stores.events.doubt_sql import doubtful_in, rhythms_in
from uptake.stores.events.doubts import Doubt, Doubtful, EventRhythm
from uptake.stores.events.exports import DIGESTED, EXPORT_TEXTS, digest_of, export_batch
from uptake.stores.events.group_sql import (
    KEPT_MEMBERS,
    accounts_of,
    first_day_of,
    group_history,
    group_sizes,
    kept_group,
    member_traits,
    members_of,
)
from uptake.stores.events.list_sql import ids_matching, numbers_page, on_levels, standings_of
from uptake.stores.events.message_sql import counted_us
from uptake.stores.events.people_sql import memberships_of, names_of, rule_values
from uptake.stores.events.question_sql import (
    cycles_in,
    events_of,
    fates_in,
    found_by,
    outcomes_in,
    parts_of,
    totals_by_day,
    totals_in,
    trait_keys_of,
    traits_among,
    traits_of,
    volumes_in,
)
from uptake.stores.events.remembered import Remembered
from uptake.stores.events.score_sql import Keeping, days_a_pass, rescore_days
from uptake.stores.events.series_sql import benchmark_of, days_scored, score_of, series_of
from uptake.stores.events.session import StreamingSession
from uptake.stores.events.trait_sql import forms_of, values_of
from uptake.stores.events.usage import EVERYBODY, ActiveDay, Doer, Use
from uptake.stores.events.usage_sql import active_by_day, doers_of, use_of
from uptake.stores.events.use_sql import use_of_features

PUBLISHED = "select next_offset, revision, as_of_us from published"
DIRTY_DAYS = "select day from dirty_days order by day"


def _refused() -> AbstractContextManager[StreamingSession]:
    raise RuntimeError("a store with imagined numbers is only read")


class StoreQuestions:
    """What of `EventStore` only reads."""

    rules: StoreRules
    shadows: tuple[str, ...]
    """Texts that make temporary tables for scores and benchmarks, which a session finds before the stored ones."""
    _remembered: Remembered | None = None
    """None where others write as well, or numbers are imagined."""
    _reading: Callable[[], AbstractContextManager[StreamingSession]]
    _writing: Callable[[], AbstractContextManager[StreamingSession]]

    # ---- the state of scores
    def dirty_days(self) -> list[date]:
        """Days with changed counts, ascending."""
        with self._reading() as session:
            return [day for (day,) in session.rows(DIRTY_DAYS)]

    def published(self) -> Published | None:
        """What `publish` was told last."""

        def asked() -> Published | None:
            with self._reading() as session:
                found = session.rows(PUBLISHED)
            return Published(*found[0]) if found else None

        return self._remembered.answer("published", asked) if self._remembered else asked()

    def scored_days(self, workspace_id: int) -> list[date]:
        """The days that have kept numbers, ascending."""

        def asked() -> list[date]:
            with self._reading() as session:
                return days_scored(session, workspace_id)

        return list(self._remembered.answer(workspace_id, asked)) if self._remembered else asked()

    @contextmanager
    def imagined(self, models: Sequence[ScoringModel], days: Sequence[date]) -> Iterator[EventStore]:
        """The store with other models scored on some days, in tables that only this session sees."""
        once = list(dict.fromkeys(days))
        with self._reading() as session:
            for text in self.shadows:
                session.run(text)
            step = days_a_pass(session)
            add_up_adoptions(session, models)
            for at in range(0, len(once), step):
                rescore_days(session, models, once[at : at + step], zone=self.rules.time_zone, keeping=Keeping())
            other = copy(self)
            other._remembered = None
            other._reading = lambda: nullcontext(session)
            other._writing = _refused
            yield cast(EventStore, other)

    # ---- questions

    def counted_us(self, digest: bytes, up_to_us: int) -> int | None:
        """When the latest copy of a message that was counted up to a moment was received."""
        with self._reading() as session:
            return counted_us(session, digest, up_to_us)

    def numbers(self, kind: Kind, model: ScoringModel, day: date, query: ListQuery) -> tuple[list[Numbers], int]:
        """One page of the ranked list, and how many there are."""
        full_day = self._full_day()
        with self._reading() as session:
            return numbers_page(session, kind, model, day, query=query, rules=self.rules, full_day=full_day)

    def _full_day(self) -> date:
        """The last day that was over when scores were published."""
        found = self.published()
        newest = day_of(found.as_of_us, ZoneInfo(self.rules.time_zone)) if found else date.min + timedelta(days=1)
        return newest - timedelta(days=1)

    def levels(self, kind: Kind, model: ScoringModel, day: date, query: ListQuery) -> dict[str, int]:
        """How many of the list are on each level."""
        with self._reading() as session:
            return on_levels(session, kind, model, day, query=query, rules=self.rules)

    def matching(self, kind: Kind, condition: Condition, model: ScoringModel, day: date) -> list[str]:
        """The tracking ids that the condition holds for on a day, ascending."""
        with self._reading() as session:
            return ids_matching(session, kind, condition, model, day=day, rules=self.rules)

    def group_sizes(
        self, kind: Kind, conditions: Sequence[Condition], model: ScoringModel, day: date
    ) -> list[GroupSize]:
        """How large the group is that each condition holds for."""
        with self._reading() as session:
            return group_sizes(session, kind, conditions, model, day=day, rules=self.rules)

    def sampled(
        self, kind: Kind, condition: Condition, model: ScoringModel, day: date, *, most: int
    ) -> tuple[GroupSize, list[Numbers]]:
        """How large the group is, and its first members."""
        full_day, rules, query = self._full_day(), self.rules, ListQuery(limit=most)
        with self._reading() as session:
            size = kept_group(session, kind, condition, model, day=day, rules=rules)
            rows, _ = numbers_page(
                session, kind, model, day, query=query, rules=rules, full_day=full_day, only=KEPT_MEMBERS
            )
        return size, rows

    def group_history(
        self, kind: Kind, condition: Condition, model: ScoringModel, days: tuple[date, date]
    ) -> list[GroupDay]:
        """The group day by day, scored days only."""
        with self._reading() as session:
            return group_history(session, kind, condition, model, days=days, rules=self.rules)

    def memberships(self, user: str) -> list[Membership]:
        """In which accounts a user was when."""
        with self._reading() as session:
            return memberships_of(session, user)

    def members_of(self, accounts: Collection[str]) -> list[str]:
        """Users who are in one of the accounts now, ascending."""
        with self._reading() as session:
            return members_of(session, accounts)

    def member_traits(self, account: str, key: str) -> dict[str, Any]:
        """User → value of a trait, of an account's members."""
        with self._reading() as session:
            return member_traits(session, account, key)

    def accounts_of(self, users: Collection[str]) -> list[str]:
        """Accounts that users have to do with, and those above, ascending."""
        with self._reading() as session:
            return accounts_of(session, users)

    def first_day_of(self, users: Collection[str], accounts: Collection[str]) -> date | None:
        """The first day with an event of one of them."""
        with self._reading() as session:
            return first_day_of(session, users, accounts)

    def standings(
        self, kind: Kind, model: ScoringModel, day: date, *, only: Only = None
    ) -> dict[str, tuple[int, float]]:
        """Tracking id → score and raw score of everyone with a score, or of these."""
        with self._reading() as session:
            return standings_of(session, kind, model, day, only=only)

    def names(self, kind: Kind, tracking_ids: Collection[str]) -> dict[str, str]:
        """Tracking id → display name."""
        with self._reading() as session:
            return names_of(session, kind, tracking_ids, self.rules)

    def p90(self, model: ScoringModel, day: date, kind: Kind = "user") -> float | None:
        """The 90th percentile behind the scores of a scored day."""
        with self._reading() as session:
            return benchmark_of(session, kind, model, day)

    def series(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[Point]:
        """Day by day, scored days only."""
        with self._reading() as session:
            return series_of(session, kind, tracking_id, model, days=days, rules=self.rules)

    def score(self, kind: Kind, tracking_id: str, model: ScoringModel, day: date) -> int:
        """The score of a scored day."""
        with self._reading() as session:
            return score_of(session, kind, tracking_id, model, day=day)

    def parts(self, kind: Kind, tracking_id: str, model: ScoringModel, day: date) -> list[Part]:
        """The addends of the raw score on a day."""
        with self._reading() as session:
            return parts_of(session, kind, tracking_id, model, day=day)

    def moves(self, kind: Kind, model: ScoringModel, days: tuple[date, date], *, most: int, only: Only = None) -> Moves:
        """What happened between two scored days."""
        with self._reading() as session:
            return moves_between(session, kind, model, days, most=most, only=only)

    def levels_by_day(
        self, kind: Kind, model: ScoringModel, days: tuple[date, date], *, only: Only = None
    ) -> list[DayLevels]:
        """How levels stood by day."""
        with self._reading() as session:
            return levels_by_day(session, kind, model, days, only=only)

    def acts_by_day(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[DayActs]:
        """What one account or user did by day."""
        with self._reading() as session:
            return acts_by_day(session, kind, tracking_id, model, days=days)

    def feature_use(self, model: ScoringModel, asked: Collection[tuple[str, date]]) -> list[FeatureUse]:
        """How often each feature was used up to a day, by account, day and feature."""
        with self._reading() as session:
            return use_of_features(session, model, asked)

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
        """How much each set of events was done."""
        with self._reading() as session:
            return use_of(session, sets, model, days, by_day=by_day, since=since, of=of)

    def active_by_day(self, model: ScoringModel, days: tuple[date, date]) -> list[ActiveDay]:
        """How many were active in the window up to each scored day."""
        with self._reading() as session:
            return active_by_day(session, model, days, zone=ZoneInfo(self.rules.time_zone))

    def doers(
        self, kind: Kind, events: Collection[str], model: ScoringModel, days: tuple[date, date], *, most: int
    ) -> list[Doer]:
        """Who did the events most."""
        with self._reading() as session:
            return doers_of(session, kind, events, model, days=days, most=most)

    def find(self, kind: Kind, match_type: str, match_value: str) -> str | None:
        """The tracking_id of who matches."""
        with self._reading() as session:
            return found_by(session, kind, (match_type, match_value), self.rules)

    def traits(self, kind: Kind, tracking_id: str) -> dict[str, Any]:
        """Trait key → value."""
        with self._reading() as session:
            return traits_of(session, kind, tracking_id)

    def traits_among(
        self, kind: Kind, tracking_ids: Collection[str], keys: Collection[str]
    ) -> dict[str, dict[str, Any]]:
        """Tracking id → trait key → value, of these."""
        with self._reading() as session:
            return traits_among(session, kind, tracking_ids, keys)

    def trait_keys(self, kind: Kind) -> dict[str, int]:
        """Trait key → how many have it."""
        with self._reading() as session:
            return trait_keys_of(session, kind)

    def trait_forms(self, kind: Kind) -> list[TraitForms]:
        """How the values of every trait look."""
        with self._reading() as session:
            return forms_of(session, kind)

    def trait_values(self, kind: Kind, key: str, *, unfit: TraitType | None = None, most: int) -> list[TraitValue]:
        """The commonest values of a trait."""
        with self._reading() as session:
            return values_of(session, kind, key, unfit, most=most)

    def latest_events(self, kind: Kind, tracking_id: str, *, most: int) -> list[ActedRow]:
        """The latest events, newest first."""
        with self._reading() as session:
            return events_of(session, kind, tracking_id, most)

    def event_volumes(
        self, events: Collection[str] | None = None, *, of: Collection[Kind] = EVERYBODY
    ) -> list[EventVolume]:
        """Every event ever counted, or of these alone, by name."""
        with self._reading() as session:
            return volumes_in(session, events, of)

    def daily_totals(self, days: tuple[date, date]) -> dict[date, int]:
        """Events per day of the whole product."""
        with self._reading() as session:
            return totals_by_day(session, days)

    def totals(self) -> Totals:
        """The product's size."""
        with self._reading() as session:
            return totals_in(session)

    def doubtful(self, doubt: Doubt, *, most: int) -> Doubtful:
        """Who is in doubt."""
        with self._reading() as session:
            return doubtful_in(session, doubt, most=most)

    def event_rhythms(self, days: tuple[date, date]) -> list[EventRhythm]:
        """On how many days each event was done."""
        with self._reading() as session:
            return rhythms_in(session, days)

    def parent_cycles(self) -> list[tuple[str, ...]]:
        """Cycles of parents, each once."""
        with self._reading() as session:
            return cycles_in(session)

    def fates(
        self, *, most: int, fate: str = "", of_each_reason: bool = False, offset: int | None = None
    ) -> list[FateRow]:
        """The latest folded calls, newest first."""
        with self._reading() as session:
            return fates_in(session, most, fate, of_each_reason=of_each_reason, offset=offset)

    def outcomes(self, *, since_us: int) -> list[OutcomeRow]:
        """Counters of fates by ten minutes."""
        with self._reading() as session:
            return outcomes_in(session, since_us)

    def export(self, table: ExportTable) -> Iterator[pa.RecordBatch]:
        """All rows of a table in a stable order, in batches."""
        with self._reading() as session:
            for batch in session.batches(EXPORT_TEXTS[table], **rule_values(self.rules)):
                yield export_batch(table, batch)

    def digest(self) -> dict[str, str]:
        """Table → a digest of its rows."""
        with self._reading() as session:
            return {table: digest_of(session, table) for table in DIGESTED}
