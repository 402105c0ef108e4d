"""What is told of something that cannot be reached: the first time, then less and less often, and when it is back."""

import logging
from collections.abc import Callable

from uptake.core.days import SECOND_US

FIRST_PAUSE_US = SECOND_US
LONGEST_PAUSE_US = 60 * SECOND_US
"""So long, at most, nothing is told of an outage that lasts; after so long without one the next is a new one."""


class Outage:
    """The log lines of one thing that may be away.  For one thread at a time."""

    def __init__(
        self,
        log: logging.Logger,
        clock: Callable[[], int],
        *,
        away: str = "meta_unavailable",
        back: str = "meta_is_back",
    ) -> None:
        """clock: µs since 1970 UTC; may be set to another time.  away, back: what the lines are called."""
        self._log, self._clock, self._away, self._back = log, clock, away, back
        self._began_us = self._last_us = self._told_us = 0
        self._pause_us = 0
        self._untold = 0
        self._lasts = False

    def met(self, why: str) -> None:
        """It was away once more; told with how often since the last line."""
        now_us = self._clock()
        if abs(now_us - self._last_us) > LONGEST_PAUSE_US:
            self._pause_us = self._untold = 0
        self._last_us = now_us
        self._untold += 1
        if abs(now_us - self._told_us) < self._pause_us:
            return
        if not self._lasts:
            self._began_us, self._lasts = now_us, True
        self._log.error(self._away, extra={"why": why, "times": self._untold})
        self._told_us, self._untold = now_us, 0
        self._pause_us = min(max(2 * self._pause_us, FIRST_PAUSE_US), LONGEST_PAUSE_US)

    def over(self) -> None:
        """It can be reached; told where it was told that it could not."""
        if self._lasts:
            self._log.info(self._back, extra={"after_s": round(abs(self._clock() - self._began_us) / SECOND_US, 1)})
            self._lasts = False
