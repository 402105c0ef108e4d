"""One step of long work: so much is done, and there is a moment for other things before the next."""

from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

Result = TypeVar("Result")


class Step(msgspec.Struct, frozen=True):
    """How far long work is.

    total: 0 where that cannot be told.  words: what is being done, for people.  idle: nothing can be done at once.
    place: from where the work can go on after a restart; None: as before.
    """

    done: int
    total: int
    words: str
    idle: bool = False
    place: dict[str, Any] | None = None


Work = Generator[Step, None, Result]
"""Long work, a step each time it is asked; closed half-way, it leaves nothing behind."""


def finished(work: Work[Result]) -> Result:
    """Do all of the work at once, and return what comes of it."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
