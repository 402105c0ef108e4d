"""What a workspace says about accounts and users: its resolved model and the numbers of one day."""

from datetime import date
from typing import Literal

import msgspec

from uptake.core.conditions import Condition
from uptake.core.config import Levels
from uptake.core.effects import Kind

Level = Literal["most_engaged", "slightly_engaged", "passive", "least_engaged", "inactive"]


def level_bounds(levels: Levels) -> list[tuple[Level, int, int]]:
    """Each level with its lowest and highest score, the highest level first."""
    return [
        ("most_engaged", levels.most, 100),
        ("slightly_engaged", levels.slightly, levels.most - 1),
        ("passive", levels.passive, levels.slightly - 1),
        ("least_engaged", 1, levels.passive - 1),
        ("inactive", 0, 0),
    ]


class ScoringModel(msgspec.Struct, frozen=True):
    """A workspace resolved against its product: what an engine needs to score any day.

    weights: event → weight 0–10.  With `every_event` (the product has no feature yet) an event that is not named here
    weighs 1; otherwise it weighs 0.
    scored_events: the model's events with weight above 0, seen or not; with `every_event` the engine adds every event
    that the product has ever seen.
    features: event → its feature's name, for the explanation; an event without a feature is not in it.
    user_activation, account_activation: what activation counts; without conditions on scores of their own.
    """

    workspace_id: int
    window_days: int
    weights: dict[str, int]
    every_event: bool
    scored_events: frozenset[str]
    features: dict[str, str]
    curve: str
    account_score: Literal["mean", "pooled"]
    levels: Levels
    daily_cap: int | None = None
    half_life_days: float | None = None
    excluded_users: frozenset[str] = frozenset()
    excluded_accounts: frozenset[str] = frozenset()
    user_activation: tuple[Condition, ...] = ()
    account_activation: tuple[Condition, ...] = ()


class Numbers(msgspec.Struct, frozen=True):
    """All numbers of one account or user in one workspace on one day; inactive ones have zeros.

    id: opaque, stable across rebuilds.  tracking_id: the sender's id.
    score 0–100, score_change −100–100, raw_score >= 0; percentages 0–100 (unrounded).
    active_users, total_users: accounts only (0 for users).  account: a user's current account's tracking_id.
    activation: conditions met ÷ conditions × 100; None where the workspace has no activation conditions.
    first_seen: the day of the first event up to the day; None without any.
    last_active_us, created_us: µs since 1970 UTC, None where unknown.
    provisional: no full day of events yet.
    """

    kind: Kind
    id: str
    tracking_id: str
    name: str
    score: int
    score_change: int
    level: Level
    raw_score: float
    frequency: int
    adoption: float
    adoption_all_time: float
    activation: float | None
    last_active_us: int | None
    created_us: int | None
    provisional: bool
    active_users: int = 0
    total_users: int = 0
    email: str | None = None
    account: str | None = None
    first_seen: date | None = None


class Point(msgspec.Struct, frozen=True):
    """One day of an account's or user's series; what the fields mean is said in `Numbers`.

    weekly_active_users: of an account, users with a scored event in the seven days up to the day, whatever the window
    is.  tenure_days: since the creation that is known now; None before it and where it is unknown.  last_active_us: the
    latest event up to the day.  revised_us: when the numbers last became others than they were once the day was over,
    by late calls or another model; None where they never did since the store was made.
    """

    day: date
    score: int
    score_change: int
    level: Level
    raw_score: float
    frequency: int
    adoption: float
    adoption_all_time: float
    activation: float | None
    active_users: int
    total_users: int
    weekly_active_users: int
    tenure_days: int | None
    last_active_us: int | None
    revised_us: int | None


class Part(msgspec.Struct, frozen=True):
    """One addend of a raw score: what one user's times of one event are worth.

    times: times counted in the window (after a daily cap).  raw = times × weight (decayed with a half-life); the
    parts of an account or user sum to its raw score.  feature is '' for an event in no feature.
    """

    user: str
    feature: str
    event: str
    times: int
    weight: int
    raw: float
