"""Processes that tests start: whichever is not ready in time is ended, not left behind.

Nothing here knows what runs in them; `tests.installed`, `tests.jetstream` and others do.
"""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_S = 120
"""How long a machine that is busy with other things may take for anything."""


@contextmanager
def ended_unless_ready(kill: Callable[[], object], *, patience_s: float | None = None) -> Iterator[None]:
    """While the block waits for a process: kill it after so long, and if the block fails.

    What the block reads of the process ends with it.  patience_s: PATIENCE_S if None.
    """
    late = threading.Timer(PATIENCE_S if patience_s is None else patience_s, kill)
    late.start()
    try:
        yield
    except BaseException:
        kill()
        raise
    finally:
        late.cancel()


def end(process: "subprocess.Popen[Any]", *, patience_s: float | None = None) -> None:
    """Ask a process to end, and kill it where it does not; it has ended on return."""
    process.terminate()
    try:
        process.wait(timeout=PATIENCE_S if patience_s is None else patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
