"""Connections to PostgreSQL that notice within seconds when nobody answers any more.

A cable that is cut, a machine that stands still, a firewall that forgot the connection: none of them tells.  The kernel
looks after what the network swallows, on both ends; a statement that has no answer in time ends its connection, also
where something in between still acknowledges every byte.
"""

from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout
from sqlalchemy import Engine, event

ANSWER_S = 15.0
"""How long a statement may take: each of ours takes milliseconds, and waits for others' for as long."""

_KEPT_ALIVE = {"idle": 5, "interval": 2, "count": 3}
_SWALLOWED_MS = 10_000
DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,
    "tcp_user_timeout": _SWALLOWED_MS,
    **{f"keepalives_{name}": value for name, value in _KEPT_ALIVE.items()},
}
"""Of every connection, unless the address says otherwise."""

_SERVER_SIDE = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "tcp_user_timeout": _SWALLOWED_MS,
        **{f"tcp_keepalives_{name}": value for name, value in _KEPT_ALIVE.items()},
        "idle_in_transaction_session_timeout": 20_000,
    }.items()
)
"""So that a server lets go of what a process held that it cannot reach: its own defaults wait for two hours."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is ended when the server does not answer a statement in time."""

    answer_s = ANSWER_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, for so long at most.  Raises psycopg.OperationalError, the connection being closed then."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answer_s)
        except _WaitTimeout as error:
            self.pgconn.finish()  # closed, not given back: an answer may still be on its way
            raise psycopg.OperationalError(f"the server did not answer within {self.answer_s:g} s") from error


def bound(engine: Engine) -> None:
    """Let an engine make such connections."""
    event.listen(engine, "do_connect", _connected)
    event.listen(engine, "checkin", _given_back)


def _connected(_dialect: Any, _record: Any, args: list[Any], options: dict[str, Any]) -> Any:
    said = {**DEFAULTS, **options, "options": f"{_SERVER_SIDE} {options.get('options', '')}".strip()}
    return BoundedConnection.connect(*args, **said)


def _given_back(wire: BoundedConnection | None, _record: Any) -> None:
    """What one user was allowed (see `lead_sql.allow`) the next one is not."""
    if wire is not None:
        wire.answer_s = ANSWER_S
