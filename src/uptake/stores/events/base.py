"""The event store's promise: profiles, memberships, events, daily counts and scores of ONE product and generation.

Everything here is derived from the call log and can be rebuilt.  A store holds one product; rows and the log offset are
committed together.  Questions are named methods, so that every engine and the in-memory oracle answer them alike.

Three definitions that every engine shares:

- *Known* is a user or account that any counted row names: by an event, a membership, a trait, `KnownRow`, or an account
  trait `parent_group_id` or `parent` (text or number).
- *Excluded* users and accounts of a model are taken out before anything is summed: no count of an excluded user, and
  none that is attributed to an excluded account, exists for it; neither is listed.  The hierarchy stays as it is.
- *Rounded* means half up, floor(x + 0.5), where what lies within 1e-9 of a half counts as the half: so the order in
  which points were added up cannot decide.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Literal, Protocol

import msgspec
import pyarrow as pa

from uptake.core.conditions import Condition
from uptake.core.config import TraitType, TraitTypes
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Part, Point, ScoringModel
from uptake.core.traits import TraitForms, TraitValue
from uptake.stores.events.answers import EventVolume as EventVolume
from uptake.stores.events.answers import FeatureUse as FeatureUse
from uptake.stores.events.answers import GroupDay as GroupDay
from uptake.stores.events.answers import GroupSize as GroupSize
from uptake.stores.events.answers import Membership as Membership
from uptake.stores.events.answers import Published as Published
from uptake.stores.events.answers import Totals as Totals
from uptake.stores.events.batches import ActedRow as ActedRow
from uptake.stores.events.batches import FateRow as FateRow
from uptake.stores.events.batches import FoldBatch as FoldBatch
from uptake.stores.events.batches import JoinedRow as JoinedRow
from uptake.stores.events.batches import KnownRow as KnownRow
from uptake.stores.events.batches import OutcomeRow as OutcomeRow
from uptake.stores.events.batches import TraitRow as TraitRow
from uptake.stores.events.changes import DayActs, DayLevels, Moves, Only
from uptake.stores.events.doubts import Doubt, Doubtful, EventRhythm
from uptake.stores.events.usage import EVERYBODY, ActiveDay, Doer, Use


class StoreDamaged(Exception):
    """A store's file, or a part of it, can no longer be read; the message names it.  It must be made anew."""


class StoreUnavailable(Exception):
    """A store's server cannot be reached, or refuses; the message names no secret."""


class StoreRules(msgspec.Struct, frozen=True):
    """What of the product's configuration the stored rows and the answers depend on.

    time_zone: IANA name, for days.  display_name, created_at: account traits' keys.  dedupe_us: the same message counts
    once within this time.  trait_types: how conditions compare traits.
    """

    time_zone: str
    display_name: str = "name"
    created_at: str = "createdAt"
    dedupe_us: int = 7 * 86_400_000_000
    trait_types: TraitTypes = TraitTypes()


class ListQuery(msgspec.Struct, frozen=True):
    """One page of a ranked list.

    sort: one of SORTS, names in lower case, nothing known last; ties are broken by raw_score descending, then
    tracking_id ascending.
    search: case-insensitive substring of name, tracking_id or e-mail.  account: only users of whom any event ever
    counts for it, or whose current account is it or a descendant of it (users only).  tracking_ids: only these.
    level: only this level, by the bounds of the model that is asked about.  where: only those it holds for.
    """

    sort: str = "score"
    descending: bool = True
    search: str = ""
    level: str = ""
    account: str | None = None
    tracking_ids: tuple[str, ...] | None = None
    where: Condition | None = None
    limit: int = 20
    offset: int = 0


SORTS = (
    "score",
    "score_change",
    "raw_score",
    "level",
    "frequency",
    "adoption",
    "adoption_all_time",
    "activation",
    "active_users",
    "total_users",
    "last_active_us",
    "created_us",
    "provisional",
    "tracking_id",
    "name",
    "email",
    "account",
)
"""The fields of Numbers that a list can be sorted by; a level stands for its score."""


ExportTable = Literal["users", "accounts", "memberships", "daily_counts", "scores"]
EXPORT_TABLES: tuple[ExportTable, ...] = ("users", "accounts", "memberships", "daily_counts", "scores")

TOTAL_USERS_DAYS = 90
"""Who did any event within so many days counts as one of an account's users."""

MOST_ANCESTORS = 10
"""An event counts for so many accounts above its own at most."""

KEPT_FATES = 2_000
KEPT_OF_REASON = 10
"""How many of the latest calls of each fate are listed."""


class EventStore(Protocol):
    """Reads are consistent with one commit each and may run in any thread; writes come from one thread at a time."""

    generation: int
    rules: StoreRules
    """May be replaced while open where nothing but display_name, created_at or trait_types differs."""

    # ---- folding
    def offset(self) -> int:
        """The next log offset to fold.

        Raises StoreDamaged, also where it was another read that found the damage: who folds makes the store again.
        """

    def seen(self, messages: Sequence[tuple[bytes, int]]) -> list[bool]:
        """For each (digest, received_us): was it counted in a committed batch less than `dedupe_us` before that?

        A digest is 16 bytes.  Copies are forgotten once they were received 2 × dedupe_us before the latest one.
        """

    def counted_us(self, digest: bytes, up_to_us: int) -> int | None:
        """When the latest copy of the message that was counted up to a moment was received; None: not known."""

    def commit(self, batch: FoldBatch) -> None:
        """Add the batch's rows and set the offset to `batch.after`, all or nothing.

        Attributes events to accounts, recomputes counts of users whose membership intervals changed, and marks the days
        with changed counts: of a user, an account, or an account that it now has above it or no longer has.
        Raises ValueError if batch.first is not the store's offset.
        """

    # ---- scoring
    def dirty_days(self) -> list[date]:
        """Days with changed counts since `publish` last cleared them, ascending."""

    def rescore(self, models: Sequence[ScoringModel], days: Sequence[date], *, at_us: int = 0) -> None:
        """Compute every number of the days for the models and keep them; replaces what was kept for them.

        days: each once.  A few of them are a transaction, in the order given.  at_us: when.  Where a day was scored
        after its end before, and the numbers of an account or user on it are others now, they were revised then.
        """

    def publish(self, published: Published, *, clear_dirty: bool) -> None:
        """Say which state the kept scores tell."""

    def published(self) -> Published | None:
        """What `publish` was told last; None before the first."""

    def scored_days(self, workspace_id: int) -> list[date]:
        """The days that have kept numbers, ascending."""

    def forget(self, days: tuple[date, date]) -> None:
        """Drop the numbers that are kept of the days from the first to the last given, of every workspace."""

    def imagined(self, models: Sequence[ScoringModel], days: Sequence[date]) -> AbstractContextManager["EventStore"]:
        """This store at one commit, for reading in one thread, with these models and days scored and no others.

        Nothing that is stored changes, no write waits, and what it answers is what `rescore` would make it answer.
        """

    # ---- questions
    def numbers(self, kind: Kind, model: ScoringModel, day: date, query: ListQuery) -> tuple[list[Numbers], int]:
        """One page of the ranked list on a scored day, and how many there are in all.

        Lists every known account or user that is not excluded, the inactive too; names, e-mail, current account and
        creation are those of now.  adoption divides by the scored events known now, so that a first event of its name
        needs no day scored again.  provisional: no event yet, up to the day, on a day that was over when the scores
        were published.  Raises ValueError if query.sort is not one of SORTS.
        """

    def levels(self, kind: Kind, model: ScoringModel, day: date, query: ListQuery) -> dict[str, int]:
        """How many of the ranked list are on each level, levels of nobody included.

        The query's own level, order and page do not matter.
        """

    def matching(self, kind: Kind, condition: Condition, model: ScoringModel, day: date) -> list[str]:
        """The tracking ids that the condition holds for on a day, ascending, of all known ones that are not excluded.

        Numbers and levels are those of a scored day, counts those up to the day; traits, current accounts and creation
        are those of now.  The excluded exist for no condition.  What each condition means is said in
        `uptake.core.conditions`; `uptake.segments.judging` judges one by one in the same way.
        """

    def group_sizes(
        self, kind: Kind, conditions: Sequence[Condition], model: ScoringModel, day: date
    ) -> list[GroupSize]:
        """How large the group is that each condition holds for on a scored day, in their order; see `matching`."""

    def sampled(
        self, kind: Kind, condition: Condition, model: ScoringModel, day: date, *, most: int
    ) -> tuple[GroupSize, list[Numbers]]:
        """`group_sizes` of one condition, and the first of those it holds for as `numbers` ranks them, at once."""

    def group_history(
        self, kind: Kind, condition: Condition, model: ScoringModel, days: tuple[date, date]
    ) -> list[GroupDay]:
        """The group day by day, every scored day from the first to the last given, ascending; see `matching`.

        On each day it holds whom `matching` finds for that day.  At most 400 days.
        """

    def memberships(self, user: str) -> list[Membership]:
        """In which accounts a user was when, the earliest first: without a gap, the first one from the beginning."""

    def members_of(self, accounts: Collection[str]) -> list[str]:
        """Users who are in one of the accounts now, ascending."""

    def member_traits(self, account: str, key: str) -> dict[str, Any]:
        """User → value of a trait, of those who are in the account now and have it, users ascending."""

    def accounts_of(self, users: Collection[str]) -> list[str]:
        """Accounts that the users' events ever counted for or that they are in now, and those above, ascending."""

    def first_day_of(self, users: Collection[str], accounts: Collection[str]) -> date | None:
        """The first day with an event by one of the users, or that counts for one of the accounts; None for none."""

    def standings(
        self, kind: Kind, model: ScoringModel, day: date, *, only: Only = None
    ) -> dict[str, tuple[int, float]]:
        """Tracking id → score and raw score of everyone with a score on a scored day who is not excluded, by id; only:
        of these."""

    def names(self, kind: Kind, tracking_ids: Collection[str]) -> dict[str, str]:
        """Tracking id → display name of those of them that are known."""

    def p90(self, model: ScoringModel, day: date, kind: Kind = "user") -> float | None:
        """The 90th percentile behind the scores of a scored day; None where nobody was active.

        Of users' raw scores; for kind `account` of a pooled model, of accounts' own raw scores without descendants.
        """

    def series(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[Point]:
        """Day by day, every scored day from the first to the last given, ascending; none for who is unknown or
        excluded."""

    def score(self, kind: Kind, tracking_id: str, model: ScoringModel, day: date) -> int:
        """The score of a scored day; 0 for who has none, is unknown or excluded."""

    def parts(self, kind: Kind, tracking_id: str, model: ScoringModel, day: date) -> list[Part]:
        """The addends of the raw score on any day, raw descending then event, user; they sum to it.

        An account's parts hold its descendants' events.  Needs no scored day.
        """

    def moves(self, kind: Kind, model: ScoringModel, days: tuple[date, date], *, most: int, only: Only = None) -> Moves:
        """What happened between two scored days, the earlier first; of each way to move the first `most`.

        only: of these tracking ids; None: of all.
        """

    def levels_by_day(
        self, kind: Kind, model: ScoringModel, days: tuple[date, date], *, only: Only = None
    ) -> list[DayLevels]:
        """How levels stood on every scored day from the first to the last given, ascending, of all or `only` these."""

    def acts_by_day(self, kind: Kind, tracking_id: str, model: ScoringModel, days: tuple[date, date]) -> list[DayActs]:
        """Events of a user, or counted for an account, from the first day to the last given, by day and event.

        Scored or not; the excluded of the model are left out.
        """

    def feature_use(self, model: ScoringModel, asked: Collection[tuple[str, date]]) -> list[FeatureUse]:
        """How often each feature was used within the model's window up to a day, by account, day and feature.

        asked: accounts with their days, each pair once; those without any use have no rows.  An account's use holds
        that of its descendants; features count whatever they weigh, without a daily cap, and without the excluded.
        """

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
        """How much each set of events was done from the first day to the last, by place of the set, then by day.

        An empty set is every event.  by_day: each day by itself, else all days together.  since: the days before this
        one together, told by the last of them, and those from it on.  of: who is counted; of others it tells 0.  What
        was never done is left out.
        """

    def active_by_day(self, model: ScoringModel, days: tuple[date, date]) -> list[ActiveDay]:
        """Who did anything in the model's window up to each scored day from the first to the last given, ascending."""

    def doers(
        self, kind: Kind, events: Collection[str], model: ScoringModel, days: tuple[date, date], *, most: int
    ) -> list[Doer]:
        """Who did any of the events from the first day to the last, the most times first, then by tracking id."""

    def find(self, kind: Kind, match_type: str, match_value: str) -> str | None:
        """The tracking_id of this `id` (opaque), `tracking_id`, `name`, `email`, `domain` or value of a trait, or None.

        The first by tracking_id where several match.  name: as listed.  email and domain in any case; a user's domain
        is that of the e-mail, an account's is its trait `domain`.  A trait's value is compared as text: a whole number
        in digits, true or false in words.
        """

    def traits(self, kind: Kind, tracking_id: str) -> dict[str, Any]:
        """Trait key → value (JSON), keys sorted, cleared ones left out."""

    def traits_among(
        self, kind: Kind, tracking_ids: Collection[str], keys: Collection[str]
    ) -> dict[str, dict[str, Any]]:
        """Tracking id → trait key → value, of these users or accounts and these keys; who has none is left out."""

    def trait_keys(self, kind: Kind) -> dict[str, int]:
        """Trait key → how many users or accounts have it."""

    def trait_forms(self, kind: Kind) -> list[TraitForms]:
        """How the values of every trait look, by key."""

    def trait_values(self, kind: Kind, key: str, *, unfit: TraitType | None = None, most: int) -> list[TraitValue]:
        """The commonest values of a trait, then by value.  unfit: only those that do not fit this type."""

    def latest_events(self, kind: Kind, tracking_id: str, *, most: int) -> list[ActedRow]:
        """The latest events of a user, or counted for an account, newest first, then by user and event.

        account: the one that the event is attributed to.
        """

    def event_volumes(
        self, events: Collection[str] | None = None, *, of: Collection[Kind] = EVERYBODY
    ) -> list[EventVolume]:
        """Every event ever counted, or those of these names, by name.  of: who is counted; of others it tells 0."""

    def daily_totals(self, days: tuple[date, date]) -> dict[date, int]:
        """Events per day of the whole product, each once, days ascending; days without events are left out."""

    def totals(self) -> Totals:
        """The product's size."""

    def doubtful(self, doubt: Doubt, *, most: int) -> Doubtful:
        """How many users, accounts or e-mail addresses are in doubt, and the first of them by id."""

    def event_rhythms(self, days: tuple[date, date]) -> list[EventRhythm]:
        """On how many of the days from the first to the last each event was done, by name; none that was not."""

    def parent_cycles(self) -> list[tuple[str, ...]]:
        """Accounts whose parents lead back to themselves, each cycle once: upwards from its least id, by that id."""

    def fates(
        self, *, most: int, fate: str = "", of_each_reason: bool = False, offset: int | None = None
    ) -> list[FateRow]:
        """The latest folded calls, newest first; of each fate at least the latest KEPT_FATES are kept, and of each
        reason (fate, code and mapping) KEPT_OF_REASON of those that the folds listed.

        of_each_reason: so many of each reason, and none without a code; else, offset: only of the call there.
        """

    def outcomes(self, *, since_us: int) -> list[OutcomeRow]:
        """Counters of fates by ten minutes (bucket_us >= since_us), by bucket, type, fate, code, mapping; all where
        since_us is 0."""

    def export(self, table: ExportTable) -> Iterator[pa.RecordBatch]:
        """All rows of a table in a stable order, in batches; its columns: `uptake.stores.events.exports`."""

    def digest(self) -> Mapping[str, str]:
        """Table → a digest of its rows: stores of the same state have equal digests, whichever their engines."""

    # ---- life
    def size_bytes(self) -> int:
        """Bytes on disk (0 in memory)."""

    def close(self) -> None:
        """Give files back; the store can be opened again."""
