"""A question to a server that may be silent, for who cannot wait until the connection is given up."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Asked(Generic[Answer]):
    """Asks on a thread of its own, so that an answer that is late is left out; for one caller at a time."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._answer: Future[Answer] | None = None

    def answer(self, until_s: float) -> Answer:
        """A fresh answer, waited for until this moment of the monotonic clock.

        Raises TimeoutError if there is none by then, at once if the last question still waits for its own;
        CancelledError if the question failed, which its thread tells.
        """
        if self._answer is not None and not self._answer.done():
            raise TimeoutError
        answer: Future[Answer] = Future()
        self._answer = answer
        threading.Thread(target=self._run, args=(answer,), name="asked", daemon=True).start()
        return answer.result(max(0.0, until_s - time.monotonic()))

    def _run(self, answer: Future[Answer]) -> None:
        try:
            answer.set_result(self._ask())
        finally:
            answer.cancel()  # changes nothing where there is an answer
