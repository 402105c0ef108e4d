"""Tables on their way out: record batches as bytes, and bytes as record batches again."""

from collections.abc import Callable, Iterable

import pyarrow as pa


def send_table(batches: Iterable[pa.RecordBatch], send: Callable[[bytes], None]) -> int:
    """Send each batch of a table as an Arrow stream of its own; returns the number of rows."""
    rows = 0
    for batch in batches:
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
