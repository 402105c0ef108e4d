"""History: JSON Lines of Segment calls, one call a line, each with its own times.

A line is what an SDK sends or what Segment archives.  No clock is corrected: the lines were not sent now.
"""

from collections.abc import Sequence

from uptake.sources.base import Decoded, Incoming
from uptake.sources.reading import FORWARDED, call_of, item_in
from uptake.sources.segment import read_each


def decode_lines(lines: Sequence[bytes], incoming: Incoming) -> Decoded:
    """Decode lines, with or without their line ends; a rejection's index is the line's place in `lines`.

    Blank lines are the caller's to leave out: here they are refused.
    """
    return read_each([line.strip() for line in lines], lambda line: call_of(item_in(line), FORWARDED, incoming))
