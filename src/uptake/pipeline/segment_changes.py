"""Changes of a product's segments, as functions from one configuration to the next; saving checks the result."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from uptake.core.config import ProductConfig, Segment
from uptake.core.errors import ConfigInvalid, Fault

Change = Callable[[ProductConfig], ProductConfig]


def add_segment(segment: Segment) -> Change:
    """Add a segment under the next free id, whatever it says."""

    def added(config: ProductConfig) -> ProductConfig:
        number = max((each.id for each in config.segments), default=0) + 1
        fresh = msgspec.structs.replace(segment, id=number)
        return msgspec.structs.replace(config, segments=(*config.segments, fresh))

    return added


def change_segment(segment_id: int, fields: Mapping[str, Any]) -> Change:
    """Give a segment these fields; the others stay."""
    return _each(segment_id, lambda segment: (msgspec.structs.replace(segment, **fields),))


def drop_segment(segment_id: int) -> Change:
    """Delete a segment."""
    return _each(segment_id, lambda _segment: ())


def _each(segment_id: int, change: Callable[[Segment], tuple[Segment, ...]]) -> Change:
    def changed(config: ProductConfig) -> ProductConfig:
        if segment_id not in [segment.id for segment in config.segments]:
            raise ConfigInvalid([Fault("$.segments", f"there is no segment {segment_id}", "unknown_segment")])
        segments = [change(each) if each.id == segment_id else (each,) for each in config.segments]
        return msgspec.structs.replace(config, segments=tuple(each for group in segments for each in group))

    return changed
