"""An account or user in a few plain sentences: what moved the score, and what stands out; computed, never guessed.

Every sentence is a number of the explanation or of the list said in words, so that whoever doubts one can look it up.
"""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import msgspec

from uptake.core.days import day_of
from uptake.core.scores import Numbers, ScoringModel
from uptake.scoring.curve import level_of
from uptake.scoring.explain import Share
from uptake.views.explanation import Explanation

MOST_OF_IT = 50.0
"""Percent of a score from which one feature or user is said to make it."""

LONG_AGO_DAYS = 7
MOST_NAMES = 5


class Insights(msgspec.Struct, frozen=True):
    """summary: why the score changed, in one sentence.  notes: what else stands out, the most telling first."""

    summary: str
    notes: Sequence[str]


class Seen(msgspec.Struct, frozen=True):
    """What the sentences are made from: the numbers and the explanation of one day, and the model behind them."""

    told: Explanation
    numbers: Numbers
    model: ScoringModel
    zone: ZoneInfo


def insights(seen: Seen) -> Insights:
    """The plain words for one account or user."""
    notes = [*_level(seen), *_users(seen), *_makers(seen), *_unused(seen), *_silence(seen)]
    return Insights(seen.told.summary, notes)


def _level(seen: Seen) -> Iterator[str]:
    levels, before = seen.model.levels, seen.told.difference
    then, now = (level_of(score, levels).replace("_", " ") for score in (before.score, seen.told.score))
    if then != now:
        yield f"{'Up' if seen.told.score > before.score else 'Down'} from {then} to {now} since {before.against}."


def _users(seen: Seen) -> Iterator[str]:
    if seen.told.kind == "account" and seen.numbers.total_users:
        active, total = seen.numbers.active_users, seen.numbers.total_users
        yield f"{active} of {_number(max(total, active), 'user')} active {_within(seen)}."


def _makers(seen: Seen) -> Iterator[str]:
    """One feature or user that makes most of the score, where there are others."""
    features = [share for share in seen.told.features if share.name]
    if len(seen.model.weights) > 1 and (share := _most(features, seen.told.raw)):
        yield f"{share[0]} makes {share[1]:.0f} % of the raw score."
    if seen.told.kind == "account" and len(seen.told.users) > 1 and (share := _most(seen.told.users, seen.told.raw)):
        yield f"{seen.told.user_names.get(share[0], share[0])} alone makes {share[1]:.0f} % of the raw score."


def _most(shares: Sequence[Share], raw: float) -> tuple[str, float] | None:
    """The largest share and its percentage, where it is most of it."""
    largest = max(shares, key=lambda share: share.raw, default=None)
    if largest is None or raw <= 0 or len(shares) < 2 or 100 * largest.raw / raw < MOST_OF_IT:
        return None
    return largest.name, 100 * largest.raw / raw


def _unused(seen: Seen) -> Iterator[str]:
    """Features of the model that were not used in the window."""
    model = seen.model
    scored = dict.fromkeys(model.features[event] for event in sorted(model.scored_events) if event in model.features)
    used = {share.name for share in seen.told.features}
    missing = [name for name in scored if name not in used]
    if missing and used:
        more = f" and {len(missing) - MOST_NAMES} more" if len(missing) > MOST_NAMES else ""
        yield f"Not used {_within(seen)}: {', '.join(missing[:MOST_NAMES])}{more}."


def _silence(seen: Seen) -> Iterator[str]:
    if seen.numbers.last_active_us is None:
        return
    days = (seen.told.day - day_of(seen.numbers.last_active_us, seen.zone)).days
    if days >= LONG_AGO_DAYS:
        yield f"Last active {_number(days, 'day')} ago."


def _within(seen: Seen) -> str:
    days = seen.told.window_days
    return "on the day" if days == 1 else f"in {days} days"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
