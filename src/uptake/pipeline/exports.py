"""Tables on their way out: those that the event store holds, and the calls themselves as the log keeps them.

An erased call is in no export, and calls that have left the log for the base snapshot are not either.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import pyarrow as pa

from uptake.core.calls import LoggedCall
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.table_file import OBJECTS
from uptake.stores.events.base import ExportTable
from uptake.stores.events.exports import EXPORTS
from uptake.stores.log.base import CallLog, read_past_damage

Table = Literal[ExportTable, "calls"]

CALLS_AT_ONCE = 2_000

_MOMENT = pa.timestamp("us", tz="UTC")

CALLS = pa.schema(
    [
        ("offset", pa.int64()),
        ("received_at", _MOMENT),
        ("source", pa.string()),
        ("direct", pa.bool_()),
        ("type", pa.string()),
        ("messageId", pa.string()),
        ("timestamp", _MOMENT),
        ("userId", pa.string()),
        ("anonymousId", pa.string()),
        ("groupId", pa.string()),
        ("previousId", pa.string()),
        ("event", pa.string()),
        ("name", pa.string()),
        *((name, pa.string()) for name in OBJECTS),
    ]
)
"""Columns of `calls`: Segment's fields under Segment's names, and before them the call's place in the log.

timestamp: the event's time as it was decided.  direct: it passes no filter and no mapping.  Objects are JSON, as far as
they were kept; null stands for what a call did not say.
"""


def exported(product: RunningProduct, log: CallLog, table: Table) -> Iterator[pa.RecordBatch]:
    """A table's rows in a stable order, batch by batch; the first batch is empty and tells the columns."""
    if table == "calls":
        yield pa.RecordBatch.from_pylist([], schema=CALLS)
        yield from _calls(product.product_id, log)
        return
    yield pa.RecordBatch.from_pylist([], schema=EXPORTS[table])
    yield from product.store.export(table)


def _calls(product_id: int, log: CallLog) -> Iterator[pa.RecordBatch]:
    """The calls from the first one in the log to the one that was the last when this began."""
    at, end = 0, log.end(product_id)
    while at < end:
        calls, after = read_past_damage(log, product_id, at, most=CALLS_AT_ONCE)
        if not calls:
            return
        at = after
        there = [_row(each) for each in calls if each.offset < end and not each.call.erased]
        if there:
            yield pa.RecordBatch.from_pylist(there, schema=CALLS)


def _row(logged: LoggedCall) -> dict[str, Any]:
    call = logged.call
    return {
        "offset": logged.offset,
        "received_at": logged.received_us,
        "source": logged.source,
        "direct": call.direct,
        "type": call.type,
        "messageId": call.message_id,
        "timestamp": call.at_us,
        "userId": call.user_id,
        "anonymousId": call.anonymous_id,
        "groupId": call.group_id,
        "previousId": call.previous_id,
        "event": call.event,
        "name": call.name,
        **{name: _text(getattr(call, name)) for name in OBJECTS},
    }


def _text(told: dict[str, Any] | None) -> str | None:
    return None if told is None else msgspec.json.encode(told).decode()
