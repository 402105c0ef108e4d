"""The curves that turn a raw score into points, named and versioned; engines compute the same in their own language."""

import math
from collections.abc import Callable

from uptake.core.config import Levels
from uptake.core.scores import Level


def exponential_1(raw: float, p90: float) -> float:
    """100·(1 − 10^(−raw/P90)): P90 is worth 90 points, and the top of the range is never quite reached.

    >>> round(exponential_1(208.2, 208.2), 9)
    90.0
    """
    return 100 * (1 - 10 ** (-raw / p90))


def linear_1(raw: float, p90: float) -> float:
    """min(100, 100·raw/P90): P90 and everything above it is worth 100 points."""
    return min(100.0, 100 * raw / p90)


CURVES: dict[str, Callable[[float, float], float]] = {"exponential-1": exponential_1, "linear-1": linear_1}


def points(raw: float, p90: float | None, curve: str) -> float:
    """Unrounded points, 0 to 100, for a raw score under a named curve; 0 where nobody was active (no P90) or raw is
    0."""
    return CURVES[curve](raw, p90) if p90 and raw > 0 else 0.0


def rounded(value: float, *, active: bool) -> int:
    """Half up, what lies within 1e-9 of a half too, and at least 1 for anyone with a raw score above 0.

    >>> rounded(0.2, active=True), rounded(72.5, active=True), rounded(0.0, active=False)
    (1, 73, 0)
    """
    return max(1, math.floor(value + 0.5 + 1e-9)) if active else 0


def level_of(score: int, levels: Levels) -> Level:
    """The band of a score; 0 is `inactive`."""
    if score == 0:
        return "inactive"
    if score >= levels.most:
        return "most_engaged"
    if score >= levels.slightly:
        return "slightly_engaged"
    return "passive" if score >= levels.passive else "least_engaged"
