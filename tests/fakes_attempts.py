"""Failed attempts in a plain dictionary: the oracle of their contract suite."""

import threading
from collections.abc import Callable, Mapping

from uptake.stores.meta.attempts import Failures


class MemoryAttemptStore:
    """An `AttemptStore` that forgets everything with the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.kept: dict[str, Failures] = {}

    def change(
        self,
        subjects: tuple[str, ...],
        change: Callable[[Mapping[str, Failures]], Mapping[str, Failures]],
        *,
        forgotten_us: int,
        most: int,
    ) -> None:
        with self._lock:
            kept = {subject: each for subject, each in self.kept.items() if each.last_us > forgotten_us}
            before = {subject: kept.pop(subject) for subject in subjects if subject in kept}
            kept |= change(before)
            newest = sorted(kept.items(), key=lambda item: -item[1].last_us)[:most]
            self.kept = dict(newest)
