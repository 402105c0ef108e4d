"""Levels of two days beside each other with bands between them: how many went from which level to which.

It is drawn here as plain SVG, so that it needs no script; its table says the same.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from uptake.core.scores import Level
from uptake.web.pages.formats import LEVEL_NAMES

HEIGHT, GAP, LEAST = 196.0, 13.0, 1.5
LEFT, RIGHT, BAR = 28, 158, 5
"""The bars' places in a box 304 wide, and how wide they are."""


class Node(msgspec.Struct, frozen=True):
    """A level on one of the days: how many were there, and its bar."""

    level: str
    count: int
    top: float
    height: float

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return round(self.top + self.height / 2, 2)


class Band(msgspec.Struct, frozen=True):
    """Those who went from one level to another: their number, what is said of them, and their shape."""

    before: str
    after: str
    count: int
    told: str
    path: str


class FlowFigure:
    """Both days and what flowed between them."""

    def __init__(self, flow: Mapping[tuple[Level, Level], int]) -> None:
        self._flow = flow
        self.levels: Sequence[str] = list(LEVEL_NAMES)
        self.before = self._nodes(0)
        self.after = self._nodes(1)
        self.left, self.right, self.bar, self.height = LEFT, RIGHT, BAR, HEIGHT

    def _count(self, side: int, level: str) -> int:
        return sum(count for ends, count in self._flow.items() if ends[side] == level)

    @property
    def _scale(self) -> float:
        return (HEIGHT - GAP * (len(LEVEL_NAMES) - 1)) / max(sum(self._flow.values()), 1)

    def _nodes(self, side: int) -> list[Node]:
        nodes, top = [], 0.0
        for level in LEVEL_NAMES:
            count = self._count(side, level)
            height = max(count * self._scale, LEAST if count else 0.5)
            nodes.append(Node(level, count, round(top, 2), round(height, 2)))
            top += height + GAP
        return nodes

    @property
    def bands(self) -> list[Band]:
        """The bands, from the top."""
        return list(self._drawn())

    def _drawn(self) -> Iterator[Band]:
        scale, ended = self._scale, defaultdict[str, float](float)
        tops = {node.level: node.top for node in self.after}
        for node in self.before:
            begun = node.top
            for level in self.levels:
                count = self.cell(node.level, level)
                if count:
                    size, y = count * scale, tops[level] + ended[level]
                    yield Band(node.level, level, count, _told(node.level, level, count), _path(begun, y, size))
                    begun, ended[level] = begun + size, ended[level] + size

    def cell(self, before: str, after: str) -> int:
        """How many went from one level to the other."""
        return next((count for ends, count in self._flow.items() if ends == (before, after)), 0)


def _path(y0: float, y1: float, size: float) -> str:
    """A band between two bars, as an SVG path."""
    x0, x1 = LEFT + BAR + 1, RIGHT - 1
    middle = (x0 + x1) / 2
    return (
        f"M{x0:g} {y0:.2f}C{middle:g} {y0:.2f} {middle:g} {y1:.2f} {x1:g} {y1:.2f}V{y1 + size:.2f}"
        f"C{middle:g} {y1 + size:.2f} {middle:g} {y0 + size:.2f} {x0:g} {y0 + size:.2f}Z"
    )


def _told(before: str, after: str, count: int) -> str:
    if before == after:
        return f"{count:,} stayed {LEVEL_NAMES[before].lower()}"
    return f"{count:,} from {LEVEL_NAMES[before].lower()} to {LEVEL_NAMES[after].lower()}"
