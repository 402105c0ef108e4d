"""Of which trace a request says that it is a part: its `traceparent` header, as W3C Trace Context has it.

`tracestate` beside it is not read: it holds what others like to say.
"""

from collections.abc import Iterable

from uptake.pipeline.durations import TRACE, Facts

_HEADER = TRACE.encode()


def trace_of(headers: Iterable[tuple[bytes, bytes]]) -> Facts:
    """The header as a fact; none where it was not sent, or more than once.

    >>> trace_of([(b"host", b"one"), (b"traceparent", b"00-0a-0b-01")])
    {'traceparent': '00-0a-0b-01'}
    >>> trace_of([(b"traceparent", b"00-0a-0b-01")] * 2)
    {}
    """
    found = [value for name, value in headers if name == _HEADER]
    return {TRACE: found[0].decode("latin-1")} if len(found) == 1 else {}
