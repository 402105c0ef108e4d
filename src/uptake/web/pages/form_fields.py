"""Reading what was typed into single fields: faults are kept by the field's name, to be shown beside it."""

import math
from collections.abc import Collection, Iterable


class FieldReader:
    """Reads texts as values; `faults` collects what is wrong, by the field's name."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}

    def blame(self, place: str, told: str) -> None:
        """Something is wrong with a field; the first word on it counts."""
        self.faults.setdefault(place, told)

    def whole(self, place: str, text: str, least: int, most: int) -> int:
        """A whole number from least to most; least where it is none."""
        if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
            return int(text)
        self.blame(place, f"Expected a whole number from {least:,} to {most:,}, got {_got(text)}.")
        return least

    def above_zero(self, place: str, text: str) -> float:
        """A number above 0; 1 where it is none."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if 0 < value < 1_000_000:
            return value
        self.blame(place, f"Expected a number above 0, got {_got(text)}.")
        return 1.0

    def text(self, place: str, text: str, most: int) -> str:
        """A text of 1 to `most` characters."""
        if not 0 < len(text) <= most:
            self.blame(place, f"Expected 1 to {most:,} characters, got {len(text):,}.")
        return text

    def one_of(self, place: str, text: str, known: Collection[str]) -> str:
        """One of the known values."""
        if text not in known:
            self.blame(place, f"Expected one of {', '.join(known)}, got {_got(text)}.")
        return text


def lines_of(text: str) -> list[str]:
    """The lines of a text that are not blank, trimmed, each once.

    >>> lines_of(" a\\n\\nb\\na ")
    ['a', 'b']
    """
    return list(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))


def lines(entries: Iterable[str]) -> str:
    """Entries as a text, one a line."""
    return "\n".join(entries)


def written(value: float | None) -> str:
    """A number as it is typed; '' for none.

    >>> written(7.0), written(2.5), written(None)
    ('7', '2.5', '')
    """
    return "" if value is None else f"{value:g}"


def _got(text: str) -> str:
    return "nothing" if not text else repr(text[:40])
