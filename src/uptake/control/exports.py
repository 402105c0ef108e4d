"""Tables on their way out: record batches as bytes, and bytes as record batches again."""

from collections.abc import Callable
from itertools import chain

import pyarrow as pa

from uptake.stores.events.base import EventStore, ExportTable
from uptake.stores.events.exports import EXPORTS


def send_table(store: EventStore, table: ExportTable, send: Callable[[bytes], None]) -> int:
    """Send each batch of a table as an Arrow stream of its own; returns the number of rows."""
    rows = 0
    empty = pa.RecordBatch.from_pylist([], schema=EXPORTS[table])  # so that an empty table has its columns too
    for batch in chain([empty], store.export(table)):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        send(sink.getvalue().to_pybytes())
        rows += batch.num_rows
    return rows


def batch_of(content: bytes) -> pa.RecordBatch:
    """The batch that `send_table` made these bytes from."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_next_batch()
