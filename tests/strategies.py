"""What hypothesis draws: folds as the event store takes them, and the models that score them.

Names are few, so that drawn rows meet one another, and moments lie around the clock changes of Europe/Berlin.
"""

import string
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from uptake.core.conditions import All, AnyOf, Condition, Did, Everyone, LevelIs, Not, Number, Trait
from uptake.core.config import Levels, TraitTypes
from uptake.core.scores import ScoringModel
from uptake.core.traits import TRAIT_TYPES
from uptake.stores.events.base import (
    SORTS,
    ActedRow,
    FateRow,
    FoldBatch,
    JoinedRow,
    KnownRow,
    ListQuery,
    OutcomeRow,
    TraitRow,
)

USERS = ("ana", "bob", "cai", "dée", "Eva")
ACCOUNTS = ("acme", "beta", "corp", "12", "Ünal")
EVENTS = ("open", "Report Created", "share", "close")
ZONES = ("UTC", "Europe/Berlin")
LEVELS = ("most_engaged", "slightly_engaged", "passive", "least_engaged", "inactive")

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def moment_us(text: str) -> int:
    """A moment in UTC, written in ISO 8601, in microseconds."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


CLOCK_CHANGES = (moment_us("2026-03-29T01:00"), moment_us("2026-10-25T01:00"))
"""Berlin goes to summer time and back: days of 23 and of 25 hours."""

DAYS = tuple(date(2026, month, day) for month, day in ((3, 27), (3, 28), (3, 29), (3, 30), (4, 4), (10, 25), (10, 26)))
"""Days worth scoring for such moments."""


@st.composite
def moments(draw: st.DrawFn) -> int:
    """Within days of a clock change, often on an hour: so midnights, equal moments and window edges are met."""
    change = draw(st.sampled_from(CLOCK_CHANGES))
    hours = draw(st.integers(-60, 60) | st.sampled_from([-10 * 24, -3 * 24, -2, 21 * 24]))
    return change + hours * HOUR_US + draw(st.sampled_from([0, 0, 0, -1, 1]))


def message_ids() -> st.SearchStrategy[str]:
    """A few, so that stamps tie."""
    return st.sampled_from(["m1", "m2", "m10", "Mé"])


def acted_rows() -> st.SearchStrategy[ActedRow]:
    """Events, most of which name no account."""
    named = st.none() | st.none() | st.sampled_from(ACCOUNTS)
    return st.builds(ActedRow, st.sampled_from(USERS), named, st.sampled_from(EVENTS), moments())


def joined_rows() -> st.SearchStrategy[JoinedRow]:
    """Membership calls."""
    return st.builds(JoinedRow, st.sampled_from(USERS), st.sampled_from(ACCOUNTS), moments(), message_ids())


TEXTS = st.text(string.ascii_letters + string.digits + " @.-é'\"%_\x00", max_size=8)
ISO_TEXTS = st.sampled_from(
    [
        "2024-02-29",
        "2024-02-30",
        "2024-01-01T10:00:00Z",
        "2024-01-01T10:00:00.123456+02:00",
        "2024-01-01 10:00",
        "1700000000",
        "1700000000123",
        "0001-01-01",
        "2024-13-01",
    ]
)
NUMBERS = st.sampled_from([0, 1, -3, 12, 12.0, 1.5, 1_700_000_000, 1_700_000_000_123, 1e300, -1e20])
VALUES: st.SearchStrategy[Any] = (
    st.none()
    | TEXTS
    | ISO_TEXTS
    | NUMBERS
    | st.booleans()
    | st.lists(st.integers(0, 3) | st.sampled_from(["a", "12", True, None]), max_size=2)
    | st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 3), max_size=2)
)
EMAILS = st.sampled_from(["ana@acme.com", "ANA@acme.com", "Bob@Beta.io", "", "nobody"])


@st.composite
def trait_rows(draw: st.DrawFn) -> TraitRow:
    """Traits of users and accounts; parents often, so that hierarchies and cycles arise."""
    kind = draw(st.sampled_from(["user", "account", "account"]))
    if kind == "user":
        key = draw(st.sampled_from(["name", "email", "createdAt", "role", "deal", "deal.size", "deal.size.unit"]))
        value = draw(EMAILS if key == "email" else VALUES | ISO_TEXTS)
    else:
        keys = ["parent", "parent", "parent_group_id", "name", "title", "createdAt", "domain", "mrr"]
        key = draw(st.sampled_from(keys))
        parents = st.sampled_from((*ACCOUNTS, 12, "", None))
        value = draw(parents if key.startswith("parent") else VALUES | ISO_TEXTS)
    text = None if value is None else msgspec.json.encode(value).decode()
    each = draw(st.sampled_from(USERS if kind == "user" else ACCOUNTS))
    return TraitRow(kind, each, key, text, draw(moments()), draw(message_ids()))


def known_rows() -> st.SearchStrategy[KnownRow]:
    """Somebody named without more."""
    users = st.builds(KnownRow, st.just("user"), st.sampled_from((*USERS, "eve", "kim@beta.io")))
    return users | st.builds(KnownRow, st.just("account"), st.sampled_from((*ACCOUNTS, "solo")))


def outcome_rows() -> st.SearchStrategy[OutcomeRow]:
    """Counters of fates."""
    return st.builds(
        OutcomeRow,
        bucket_us=st.sampled_from([0, 600_000_000, 1_200_000_000]),
        type=st.sampled_from(["track", "group"]),
        fate=st.sampled_from(["applied", "duplicate"]),
        code=st.sampled_from(["", "duplicate"]),
        mapping=st.sampled_from(["", "Track Calls"]),
        times=st.integers(1, 5),
    )


def _fate_rows(first: int, after: int) -> st.SearchStrategy[list[FateRow]]:
    def row(offset: int, user: str, fate: str, code: str, mapping: str) -> FateRow:
        at_us = offset * 1_000
        return FateRow(offset, at_us, offset, "track", user, "", "open", fate, code, "$.userId", "why", mapping)

    fates = st.sampled_from(["applied", "duplicate", "invalid"])
    codes, mappings = st.sampled_from(["", "BAD_REQUEST", "left_out"]), st.sampled_from(["", "M1", "M2"])
    rows = st.builds(row, st.integers(first, after - 1), st.sampled_from(USERS), fates, codes, mappings)
    return st.lists(rows, max_size=3, unique_by=lambda each: each.offset)


@st.composite
def batches(draw: st.DrawFn, first: int = 0, *, most: int = 12) -> FoldBatch:
    """One fold that begins at the offset `first`, with up to `most` rows of each kind."""
    after = first + draw(st.integers(1, 30))
    digests = st.sampled_from([bytes([number]) * 16 for number in range(6)] + [bytes(range(16))])
    received = st.integers(0, 40).map(lambda hours: first * HOUR_US + hours * HOUR_US)
    return FoldBatch(
        first=first,
        after=after,
        messages=draw(st.lists(st.tuples(digests, received), max_size=4)),
        known=draw(st.lists(known_rows(), max_size=2)),
        acted=draw(st.lists(acted_rows(), max_size=most)),
        joined=draw(st.lists(joined_rows(), max_size=most // 3)),
        traits=draw(st.lists(trait_rows(), max_size=most // 2)),
        fates=draw(_fate_rows(first, after)),
        outcomes=draw(st.lists(outcome_rows(), max_size=3)),
    )


@st.composite
def folds(draw: st.DrawFn, *, most: int = 4) -> list[FoldBatch]:
    """Up to `most` batches that follow one another; the later ones hold late calls of any kind."""
    found: list[FoldBatch] = []
    for _ in range(draw(st.integers(1, most))):
        found.append(draw(batches(found[-1].after if found else 0)))
    return found


# ---- conditions

COMPARISONS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
OF = st.sampled_from(["user", "account"])
KEYS = st.sampled_from(["name", "email", "createdAt", "created_at", "role", "title", "domain", "parent", "mrr"])
FIELDS = (
    "score", "score_change", "raw_score", "activation", "adoption", "adoption_all_time", "frequency", "active_users",
    "total_users", "active_users_percent", "tenure_days", "first_seen_days", "last_active_days",
)  # fmt: skip
OPERANDS = TEXTS | ISO_TEXTS | st.sampled_from([0, 1, 12, 1.5, 2.0, 1e15, True, False, "a", "12", "true", "TRUE", "1"])
WORTH_COMPARING = st.sampled_from([-10, 0, 1, 2, 3, 7, 25, 33.25, 50, 75, 100, 365])


def did_conditions() -> st.SearchStrategy[Did]:
    """Events and features, of either level, in a few days or ever."""
    times = st.integers(0, 3)
    within = st.none() | st.sampled_from([1, 2, 7, 30, 90])
    events = st.builds(
        Did, st.sampled_from((*EVENTS, "never done")), st.just(""), OF | st.none(), COMPARISONS, times, within
    )
    features = st.sampled_from(["Feature o", "Feature R", "none"])
    return events | st.builds(Did, st.just(""), features, OF | st.none(), COMPARISONS, times, within)


def trait_conditions() -> st.SearchStrategy[Trait]:
    """Every operator, of either level."""
    days = st.sampled_from(["2024-01-01", "2024-02-29", "2023-11-14", "1970-01-01", "2026-03-29"])
    return st.one_of(
        st.builds(Trait, OF, KEYS, COMPARISONS, OPERANDS),
        st.builds(
            Trait, OF, KEYS, st.just("contains"), st.sampled_from(["a", "1", "12", "@", "É", "{", "true", "x y"])
        ),
        st.builds(Trait, OF, KEYS, st.just("exists")),
        st.builds(Trait, OF, KEYS, st.sampled_from(["before", "after", "on"]), days),
        st.builds(Trait, OF, KEYS, st.just("within"), st.sampled_from([1, 30, 800, 36_500])),
    )


def trait_types() -> st.SearchStrategy[TraitTypes]:
    """Types that an operator chose for some traits, often for none."""
    chosen = st.dictionaries(KEYS.filter(lambda key: key != "created_at"), st.sampled_from(TRAIT_TYPES), max_size=5)
    return st.just(TraitTypes()) | st.builds(TraitTypes, chosen, chosen)


def lasting_conditions() -> st.SearchStrategy[Condition]:
    """Conditions without numbers of the day: what filters, exclusions and activation are made of."""
    return _grouped(did_conditions() | trait_conditions() | st.just(Everyone()))


def conditions() -> st.SearchStrategy[Condition]:
    """Any condition."""
    numbers = st.builds(Number, st.sampled_from(FIELDS), COMPARISONS, WORTH_COMPARING)
    overs = st.sampled_from([1, 7, 30])
    changes = st.builds(Number, st.just("score_change"), COMPARISONS, WORTH_COMPARING, overs)
    levels = st.builds(LevelIs, st.sampled_from(LEVELS))
    return _grouped(did_conditions() | trait_conditions() | numbers | changes | levels | st.just(Everyone()))


def _grouped(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.builds(All, parts) | st.builds(AnyOf, parts) | st.builds(Not, inner)

    return st.recursive(leaves, groups, max_leaves=4)


@st.composite
def models(draw: st.DrawFn, workspace_id: int = 1) -> ScoringModel:
    """Any model: few or all events, either curve and account score, caps, half-lives, exclusions."""
    every_event = draw(st.booleans())
    weights = draw(st.dictionaries(st.sampled_from((*EVENTS, "never done")), st.integers(0, 10), max_size=4))
    features = {event: f"Feature {event[0]}" for event in draw(st.sets(st.sampled_from(EVENTS)))}
    return ScoringModel(
        workspace_id=workspace_id,
        window_days=draw(st.sampled_from([1, 2, 7, 7, 30, 61, 90])),
        weights=weights,
        every_event=every_event,
        scored_events=frozenset(event for event, weight in weights.items() if weight > 0),
        features=features,
        curve=draw(st.sampled_from(["exponential-1", "linear-1"])),
        account_score=draw(st.sampled_from(["mean", "pooled"])),
        levels=draw(st.sampled_from([Levels(), Levels(most=90, slightly=40, passive=2)])),
        daily_cap=draw(st.none() | st.integers(1, 3)),
        half_life_days=draw(st.none() | st.sampled_from([0.5, 1.0, 7.0, 10.5])),
        excluded_users=draw(st.frozensets(st.sampled_from(USERS), max_size=2)),
        excluded_accounts=draw(st.frozensets(st.sampled_from(ACCOUNTS), max_size=2)),
        user_activation=draw(st.lists(lasting_conditions(), max_size=2).map(tuple)),
        account_activation=draw(st.lists(lasting_conditions(), max_size=2).map(tuple)),
    )


@st.composite
def list_queries(draw: st.DrawFn) -> ListQuery:
    """Any page of a ranked list."""
    few = st.lists(st.sampled_from((*USERS, *ACCOUNTS, "nobody")), max_size=3).map(tuple)
    return ListQuery(
        sort=draw(st.sampled_from(SORTS)),
        descending=draw(st.booleans()),
        search=draw(st.sampled_from(["", "", "", "a", "ACME", "é", "%", "nobody"])),
        level=draw(st.sampled_from(["", "", *LEVELS])),
        account=draw(st.none() | st.none() | st.sampled_from(ACCOUNTS)),
        tracking_ids=draw(st.none() | st.none() | few),
        where=draw(st.none() | conditions()),
        limit=draw(st.sampled_from([20, 20, 2])),
        offset=draw(st.sampled_from([0, 0, 1, 3])),
    )
