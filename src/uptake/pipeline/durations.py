"""How long things take: histograms that are counted as things happen, and whoever else wants to hear of each.

What is told of a thing is its kind, how many of something it was about, and words of our own; never who, and nothing of
a call's content.
"""

import bisect
import threading
from collections.abc import Callable, Mapping
from typing import Literal

What = Literal["request", "commit", "fold", "rescore"]
"""An HTTP request, a commit of the call log, a batch that was folded, scores that were brought up to date."""

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

Facts = Mapping[str, str | int]
"""What is told beside: words of our own and counts, and of which trace a request is a part."""

TRACE = "traceparent"
"""The header by which a request says of which trace it is a part (W3C Trace Context): two random numbers."""

Listener = Callable[[What, float, Facts], None]
"""What happened, how many seconds it took, and facts."""


class Histogram:
    """How many of the durations were at most so long, for each of `BOUNDS_S`."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, took_s: float) -> None:
        """Count one.

        >>> histogram = Histogram()
        >>> for took_s in (0.001, 0.002, 1_000): histogram.add(took_s)
        >>> histogram.cumulative()[:3], histogram.cumulative()[-1]
        ([('0.001', 1), ('0.0025', 2), ('0.005', 2)], ('+Inf', 3))
        """
        self.counts[bisect.bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s

    def cumulative(self) -> list[tuple[str, int]]:
        """Each bound as Prometheus writes it, with how many were at most that."""
        told, so_far = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            so_far += count
            told.append((bound, so_far))
        return told


class Durations:
    """The durations of one process, from any thread."""

    def __init__(self) -> None:
        self._histograms: dict[What, dict[tuple[str, ...], Histogram]] = {}
        self._lock = threading.Lock()
        self.listener: Listener | None = None

    def note(self, what: What, took_s: float, labels: tuple[str, ...] = (), facts: Facts | None = None) -> None:
        """Count one, and tell who listens.  A clock that was set back gives nothing less than no time."""
        took_s = max(0.0, took_s)
        with self._lock:
            self._histograms.setdefault(what, {}).setdefault(labels, Histogram()).add(took_s)
        if self.listener is not None:
            self.listener(what, took_s, facts or {})

    def histograms(self, what: What) -> list[tuple[tuple[str, ...], list[tuple[str, int]], float]]:
        """The labels, the cumulative counts and the sum in seconds of every histogram of a kind."""
        with self._lock:
            found = sorted(self._histograms.get(what, {}).items())
            return [(labels, each.cumulative(), each.sum_s) for labels, each in found]
