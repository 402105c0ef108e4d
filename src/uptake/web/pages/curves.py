"""A curve as a small drawing: points over the raw score, up to twice the P90."""

import msgspec

from uptake.scoring.curve import points

WIDTH, HEIGHT = 120, 60
STEPS = 40
REACH = 2.0
"""The right end of the drawing, in P90s."""


class CurveDrawing(msgspec.Struct, frozen=True):
    """The line of a curve in a box of 120 by 60, the height at P90, and what P90 scores."""

    path: str
    at_p90: float
    worth: int


def drawn(curve: str) -> CurveDrawing:
    """The drawing of a named curve.

    >>> drawn("linear-1").path[:8], drawn("exponential-1").worth
    ('M0 60 L3', 90)
    """
    steps = [(index * REACH / STEPS, points(index * REACH / STEPS, 1.0, curve)) for index in range(STEPS + 1)]
    line = " L".join(f"{raw * WIDTH / REACH:g} {_height(worth):g}" for raw, worth in steps)
    worth = points(1.0, 1.0, curve)
    return CurveDrawing("M" + line, _height(worth), round(worth))


def _height(worth: float) -> float:
    return round(HEIGHT - worth * HEIGHT / 100, 2)
