"""Work that cannot be cut into steps: it runs in a thread of its own, and the worker only looks how far it is.

For what takes no product's lock for long, and writes no rows into an event store; folding and scoring go on beside it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from uptake.pipeline.steps import Step, Work

Result = TypeVar("Result")
Tell = Callable[[int, int, str], None]


class Ended(Exception):
    """Somebody asked that the work end."""


def aside(work: Callable[[Tell], Result]) -> Work[Result]:
    """Do work in a thread; it ends where it next tells how far it is, once it is closed."""
    so_far, over = [Step(0, 0, "", idle=True)], threading.Event()

    def tell(done: int, total: int, words: str) -> None:
        if over.is_set():
            raise Ended
        so_far[0] = Step(done, total, words, idle=True)

    with ThreadPoolExecutor(1, "uptake-job") as threads:
        doing = threads.submit(work, tell)
        try:
            while not doing.done():
                yield so_far[0]
        finally:
            over.set()
        return doing.result()
