"""What can be wrong with a mapping or an action, and what evaluating a mapping may cost.

A mapping comes from an operator and an event from anyone, so every evaluation has a `Budget`: work and text are paid
for before they are done, and a hostile mapping ends in a `MappingError` instead of a full memory or a stuck worker.
"""

from typing import Any

import msgspec

MAX_MAPPING_DEPTH = 64
MAX_MAPPING_NODES = 10_000
MAX_VALUE_DEPTH = 128
MAX_STEPS = 200_000
CHARACTERS_A_STEP = 32


class Fault(msgspec.Struct, frozen=True):
    """One fault of a mapping: the path to it (`/traits/@path`; "" for one that a call met) and what is wrong there."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path} {self.message}." if self.path else self.message


class MappingError(ValueError):
    """A mapping cannot be used (`faults`: all that can be seen without a call), or failed on one call (one fault)."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(Fault("", fault) if isinstance(fault, str) else fault for fault in faults)
        super().__init__(" ".join(map(str, self.faults)))


class ActionError(ValueError):
    """An action refuses an event.  The text is Segment's sentences, joined by a space; `errors` has them by field."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        self.errors = errors
        super().__init__(" ".join(sentence for _, sentence in errors))


class Budget:
    """What one evaluation may still cost.  A step is one value walked, or `CHARACTERS_A_STEP` characters made."""

    __slots__ = ("steps",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Pay for so many steps; raises MappingError when there are none left."""
        self.steps -= steps
        if self.steps < 0:
            raise MappingError(f"the mapping takes more than {MAX_STEPS:,} steps for one call")

    def spend_text(self, characters: int) -> None:
        """Pay for a text of so many characters, before it is made."""
        self.spend(1 + characters // CHARACTERS_A_STEP)


def check_depth(depth: int) -> None:
    """Raise MappingError where a value is nested deeper than may be walked."""
    if depth > MAX_VALUE_DEPTH:
        raise too_deep()


def too_deep() -> MappingError:
    """The error for a value that is nested deeper than may be walked."""
    return MappingError(f"the value is nested deeper than {MAX_VALUE_DEPTH} levels")


def pointer(steps: tuple[Any, ...]) -> str:
    """The path to a place in a mapping, as Segment writes it: `/traits/@path`, and `/` for the whole."""
    return "/" + "/".join(map(str, steps))
