"""How well scores told beforehand what became of accounts: AUC, levels and deciles, in plain arithmetic.

An `Observed` is one account some days before its outcome.  Its score is good evidence where accounts that were renewed
scored higher than those that churned.  What needs more than arithmetic is in `uptake.scoring.learning`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

import msgspec

from uptake.core.config import Levels
from uptake.core.scores import Level, level_bounds
from uptake.scoring.curve import level_of

DECILES = 10


class Observed(msgspec.Struct, frozen=True):
    """An account as it stood some days before its outcome.

    use: feature → times within the window.
    """

    account: str
    churned: bool
    score: int
    active_users: int
    use: Mapping[str, int] = {}


class LevelOutcome(msgspec.Struct, frozen=True):
    """What became of the accounts of a level; precision and recall are of the rule “this level or a lower one churns”.

    precision: churned ÷ accounts at the level or lower, None where nobody is.  recall: of all that churned, the part at
    the level or lower, None where nobody churned.
    """

    level: Level
    accounts: int
    churned: int
    precision: float | None
    recall: float | None


class DecileOutcome(msgspec.Struct, frozen=True):
    """A tenth of the accounts by score, 1 the lowest.

    Accounts of equal score are spread evenly, so that churned need not be whole.  lift: its churn rate ÷ that of all.
    """

    decile: int
    accounts: float
    churned: float
    lift: float


def auc(churned: Sequence[float], renewed: Sequence[float]) -> float | None:
    """The chance that a renewed account scored higher than a churned one, equal scores being half; None without both.

    0.5 is what chance gives, 1 a perfect order.

    >>> auc([10, 40], [40, 90])
    0.875
    """
    if not churned or not renewed:
        return None
    ordered = sorted(churned)
    below = sum(bisect_left(ordered, score) + bisect_right(ordered, score) for score in renewed)
    return below / 2 / (len(churned) * len(renewed))


def by_level(observed: Sequence[Observed], levels: Levels) -> list[LevelOutcome]:
    """Each level from the lowest up."""
    of_level: dict[Level, list[Observed]] = {level: [] for level, _, _ in reversed(level_bounds(levels))}
    for each in observed:
        of_level[level_of(each.score, levels)].append(each)
    all_churned = sum(each.churned for each in observed)
    found, accounts, churned = [], 0, 0
    for level, group in of_level.items():
        here = sum(each.churned for each in group)
        accounts, churned = accounts + len(group), churned + here
        precision = churned / accounts if accounts else None
        recall = churned / all_churned if all_churned else None
        found.append(LevelOutcome(level, len(group), here, precision, recall))
    return found


def by_decile(observed: Sequence[Observed]) -> list[DecileOutcome]:
    """The lift of each tenth of the accounts, the lowest scores first; none without accounts that churned."""
    all_churned, size = sum(each.churned for each in observed), len(observed) / DECILES
    if not all_churned:
        return []
    rate_of: dict[int, list[bool]] = {}
    for each in observed:
        rate_of.setdefault(each.score, []).append(each.churned)
    shares = [0.0] * DECILES
    end = 0
    for _, group in sorted(rate_of.items()):
        start, end = end, end + len(group)
        rate = sum(group) / len(group)
        for decile in range(DECILES):
            overlap = min(end, (decile + 1) * size) - max(start, decile * size)
            shares[decile] += max(0.0, overlap) * rate
    rate = all_churned / len(observed)
    return [DecileOutcome(index + 1, size, share, share / size / rate) for index, share in enumerate(shares)]
