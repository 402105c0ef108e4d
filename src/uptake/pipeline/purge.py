"""Purging: calls that had their days are cut down, in the log, to what mappings and filters read.

Only a product that keeps everything for some days (`keep_properties_days`), or did, has anything to purge.  What stays
is what ingest would have kept for every destination that applies anywhere in the log, so that a rebuild gives the same
rows before and after; offsets, moments of receipt and messageIds are never touched.  What was cut, and until when, is
remembered, for a later mapping must be told what it can no longer read.
"""

import logging
from collections.abc import Sequence

import msgspec

from uptake.core.calls import Call, Projection
from uptake.core.config import ConfigVersion, destinations_by_offset
from uptake.core.days import DAY_US
from uptake.pipeline.configure import projection_of
from uptake.sources.project import kept_context, kept_properties
from uptake.stores.log.base import CallLog, LogUnavailable
from uptake.stores.meta.base import MetaStore

log_ = logging.getLogger("uptake.purge")

LOOK_EVERY_US = 600 * 1_000_000
"""How long after a purge that found no more to do the next one looks."""

LATE_US = 3_600 * 1_000_000
"""Within this time after the setting is switched off, every process that takes calls has heard of it."""


class Purged(msgspec.Struct, frozen=True):
    """Of calls before this offset, received before this moment (µs since 1970 UTC), only this much is left."""

    before_offset: int
    before_us: int
    kept: Projection


_decode = msgspec.json.Decoder(tuple[Purged, ...]).decode


class Purge:
    """The purge of one product, and how far it is."""

    def __init__(self, product_id: int, meta: MetaStore, log: CallLog) -> None:
        self._product_id, self._meta, self._log = product_id, meta, log
        self._fact = f"product:{product_id}:purged"
        self.done = _decode(meta.fact(self._fact) or "[]")
        self._due_us = 0

    def look_again(self) -> None:
        """The configuration has changed: look now, not later."""
        self._due_us = 0

    def step(self, versions: Sequence[ConfigVersion], now_us: int, *, most: int = 2_000) -> bool:
        """Purge about `most` calls that are due; True if there may be more.

        The caller sees to it that no configuration is saved meanwhile.
        """
        before_us = due_before_us(versions, now_us)
        if before_us is None or now_us < self._due_us:
            return False
        kept = kept_for_good(versions)
        first = self.done[-1].before_offset if self.done else 0
        try:
            after = self._log.rewrite(
                self._product_id, first, before_us=before_us, most=most, change=lambda call: purged(call, kept)
            )
        except LogUnavailable as error:  # calls that come in go first
            log_.info("purge_waits", extra={"product": self._product_id, "why": str(error)})
            after = first
        if after == first:
            self._due_us = now_us + LOOK_EVERY_US
            return False
        self._remember(Purged(after, before_us, kept))
        return True

    def _remember(self, latest: Purged) -> None:
        """Not before the calls are cut, for cutting may be repeated; what is cut alike is one entry."""
        alike = bool(self.done) and self.done[-1].kept == latest.kept
        self.done = (*(self.done[:-1] if alike else self.done), latest)
        self._meta.set_fact(self._fact, msgspec.json.encode(self.done, order="deterministic").decode())


def due_before_us(versions: Sequence[ConfigVersion], now_us: int) -> int | None:
    """Calls received before this moment had their days; None where everything was never kept.  Versions: oldest
    first."""
    days = versions[-1].config.keep_properties_days
    if days:
        return now_us - days * DAY_US
    keeping = [index for index, version in enumerate(versions) if version.config.keep_properties_days]
    return min(now_us, versions[keeping[-1] + 1].saved_us + LATE_US) if keeping else None


def kept_for_good(versions: Sequence[ConfigVersion]) -> Projection:
    """What every destination that applies anywhere in the log reads, together."""
    latest = msgspec.structs.replace(versions[-1].config, keep_properties_days=0)
    each = [
        projection_of(msgspec.structs.replace(latest, destination=destination))
        for _, destination in destinations_by_offset(versions)
    ]
    return Projection(
        properties=frozenset[tuple[str, ...]]().union(*(one.properties for one in each)),
        context=frozenset[tuple[str, ...]]().union(*(one.context for one in each)),
        extra=frozenset[str]().union(*(one.extra for one in each)),
        everything=any(one.everything for one in each),
    )


def purged(call: Call, kept: Projection) -> Call:
    """The call as ingest would have kept it under this projection; who, what and when stay as they are."""
    if kept.everything:
        return call
    extra = {name: value for name, value in (call.extra or {}).items() if name in kept.extra}
    return msgspec.structs.replace(
        call,
        properties=kept_properties(call.properties, kept),
        context=kept_context(call.context, kept, call.type),
        extra=extra or None,
    )
