"""How much each ingest key may send: allowances of requests, calls and bytes that fill up again with time.

An allowance holds ten seconds' worth.  A request is taken as long as something is left of each, and then costs what it
costs, so that the largest batch passes too; what it took too much of is waited off.  Keys do not take from each other.
"""

import math
import threading
import time
from collections.abc import Callable

import msgspec

WINDOW_S = 10
"""An allowance is empty after so many seconds of nothing coming back, and full after so many of rest."""

LEAST_KEPT = 1_000


class Limits(msgspec.Struct, frozen=True):
    """What one key may send a second; 0: as much as it likes."""

    requests: int = 0
    calls: int = 0
    bytes: int = 0

    def named(self) -> dict[str, int]:
        """Those that there are, by name."""
        return {name: rate for name in self.__struct_fields__ if (rate := getattr(self, name))}


class Standing(msgspec.Struct, frozen=True):
    """One allowance of one key: quota is what it holds when full, left what it holds now, full_s when it is full."""

    name: str
    quota: int
    left: int
    full_s: int


class TooMuch(Exception):
    """A key has used up an allowance; repeat after `retry_after_s` seconds."""

    def __init__(self, key: str, name: str, rate: int, retry_after_s: int) -> None:
        super().__init__(f"this key may send {rate:,} {name} a second")
        self.key, self.name, self.retry_after_s = key, name, retry_after_s


class KeyLimits:
    """The allowances of every key.  Safe for several threads."""

    def __init__(self, limits: Limits, clock_s: Callable[[], float] = time.monotonic) -> None:
        """clock_s: seconds since any moment."""
        self._rates, self._clock_s = limits.named(), clock_s
        self._lock = threading.Lock()
        self._spent: dict[str, tuple[float, dict[str, float]]] = {}
        self._most_kept = LEAST_KEPT
        self.refused = dict.fromkeys(self._rates, 0)

    def admit(self, key: str) -> None:
        """Raise TooMuch if the key has used up an allowance."""
        spent = self._spent_by(key)
        for name, rate in self._rates.items():
            over = spent[name] - rate * WINDOW_S
            if over >= 0:
                with self._lock:
                    self.refused[name] += 1
                raise TooMuch(key, name, rate, math.ceil((over + 1) / rate))

    def spend(self, key: str, **amounts: int) -> None:
        """Take so much of the key's allowances, by name."""
        with self._lock:
            now_s = self._clock_s()
            spent = self._now(key, now_s)
            self._spent[key] = now_s, {name: spent[name] + amounts.get(name, 0) for name in self._rates}
            if len(self._spent) > self._most_kept:
                self._forget_idle(now_s)

    def standings(self, key: str) -> list[Standing]:
        """What is left to the key."""
        spent = self._spent_by(key)
        return [
            Standing(
                name, rate * WINDOW_S, max(0, math.floor(rate * WINDOW_S - spent[name])), math.ceil(spent[name] / rate)
            )
            for name, rate in self._rates.items()
        ]

    def _spent_by(self, key: str) -> dict[str, float]:
        with self._lock:
            return self._now(key, self._clock_s())

    def _now(self, key: str, now_s: float) -> dict[str, float]:
        at_s, spent = self._spent.get(key, (now_s, {}))
        return {name: max(0.0, spent.get(name, 0.0) - rate * (now_s - at_s)) for name, rate in self._rates.items()}

    def _forget_idle(self, now_s: float) -> None:
        """Let go of keys whose allowances are full again; memory follows the keys that send."""
        self._spent = {key: kept for key, kept in self._spent.items() if any(self._now(key, now_s).values())}
        self._most_kept = max(LEAST_KEPT, 2 * len(self._spent))
