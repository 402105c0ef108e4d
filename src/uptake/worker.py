"""The worker: folds, scores and rebuilds in a thread beside the web, and survives every fault of a step.

This is one of the two places where any exception may be caught: a step that fails is counted, logged and tried again
after a pause, because the log still holds what it did not fold.
"""

import logging
import threading

from uptake.pipeline.running import Running

log = logging.getLogger("uptake.worker")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


class Worker:
    """One thread that calls `Running.step` whenever there is something to do."""

    def __init__(self, running: Running, *, batch: int = 10_000, idle_s: float = 0.25) -> None:
        """batch: about how many calls one fold takes.  idle_s: how often to look when nobody woke it.

        `failures` counts steps that failed; `failing` names the fault of the last one, '' where it went well.
        """
        self._running, self._batch, self._idle_s = running, batch, idle_s
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="uptake-worker", daemon=True)
        self.failing = ""

    @property
    def failures(self) -> int:
        """How many steps have failed."""
        return self._running.failed_steps

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Say that calls were logged or a configuration changed; cheap, from any thread."""
        self._wake.set()

    def stop(self, timeout_s: float = 60) -> bool:
        """Finish the step at hand and end; what is not folded stays in the log.  False if it did not end in time."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                more = self._running.step(most=self._batch)
                pause_s, self.failing = FIRST_PAUSE_S, ""
            except Exception as error:
                self._running.failed_steps += 1
                self.failing = type(error).__name__
                log.error("step_failed", exc_info=error, extra={"failures": self.failures, "again_in_s": pause_s})
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            if not more:
                self._wake.wait(self._idle_s)
                self._wake.clear()
