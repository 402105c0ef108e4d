"""Answers that hold until the next write, of a store whose every writer is in this process."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

Answer = TypeVar("Answer")


class Remembered:
    """What was asked since the last write, and the answers; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Hashable, Any] = {}
        self._writes = 0

    def answer(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """The answer as it was given before, else as it is asked for now."""
        with self._lock:
            if question in self._answers:
                return cast(Answer, self._answers[question])
            writes = self._writes
        found = ask()
        with self._lock:
            if writes == self._writes:  # else it may tell of a moment before the write
                self._answers[question] = found
        return found

    @contextmanager
    def changing(self) -> Iterator[None]:
        """What is done within may change every answer, also where it fails."""
        try:
            yield
        finally:
            with self._lock:
                self._answers.clear()
                self._writes += 1
