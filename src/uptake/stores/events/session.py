"""What the SQL of this package is run with: named parameters in, rows out.

A text is a constant with `$name` parameters, beside the function that runs it.  Which parameters a text uses is read
off the text, so that one set of values can serve several texts.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

import pyarrow as pa

Rows = list[tuple[Any, ...]]


class Session(Protocol):
    """One connection in one transaction."""

    def rows(self, sql: str, **values: Any) -> Rows:
        """Run a text and return all its rows.  Values that the text does not name are left out."""

    def run(self, sql: str, **values: Any) -> None:
        """Run a text for its effect."""

    def lend(self, **tables: Any) -> None:
        """Let texts read Arrow tables by these names until they are lent anew."""


class StreamingSession(Session, Protocol):
    """A session that can also hand out more rows than fit into memory."""

    def batches(self, sql: str, **values: Any) -> Iterator[pa.RecordBatch]:
        """Run a text and yield its rows as Arrow batches."""


@lru_cache(maxsize=1024)
def parameters(sql: str) -> frozenset[str]:
    """The parameters that a text names.

    >>> sorted(parameters("select $day, $user_id::varchar"))
    ['day', 'user_id']
    """
    return frozenset(re.findall(r"\$([a-z_][a-z0-9_]*)", sql))
