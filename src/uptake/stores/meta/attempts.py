"""The meta store's promise about attempts to sign in: how many failed lately, so that guessing takes ever longer."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec


class Failures(msgspec.Struct, frozen=True):
    """How many attempts failed in a row, and when the last one was (µs since 1970 UTC)."""

    times: int
    last_us: int


class AttemptStore(Protocol):
    """Counts by subject (an account, an address).  Safe for several threads and several processes.

    Subjects are kept as digests under the store's secret: what was typed may be a password in the wrong field.
    """

    def change(
        self,
        subjects: tuple[str, ...],
        change: Callable[[Mapping[str, Failures]], Mapping[str, Failures]],
        *,
        forgotten_us: int,
        most: int,
    ) -> None:
        """Keep of these subjects what `change` makes of what is kept of them, with nobody in between.

        What it leaves out is forgotten; so is whatever failed last at `forgotten_us` or before, and the oldest of more
        than `most` subjects.
        """
