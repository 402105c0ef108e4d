"""What a worker answers over HTTP: is it up, can it work, and its metrics.  It takes no calls and serves no pages."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from litestar import Litestar, Response, get
from litestar.datastructures import State
from prometheus_client.core import Metric

from uptake.pipeline.running import Running
from uptake.stores.meta.base import MetaUnavailable
from uptake.web.asked import Asked
from uptake.web.metrics import ProductMetrics, one
from uptake.web.ops import ALIVE, healthz, metrics_text
from uptake.web.problems import AnyRequest, FaultCount, Refused, handlers
from uptake.web.security import Guard

READY_S = 2.0
"""A worker that does not know for so long whether it can work cannot; a scrape then waits for the rest (`ANSWER_S`)."""


class Work(msgspec.Struct, frozen=True):
    """A worker as it is asked about: by what its last step failed, '' for a good one."""

    failing: Callable[[], str]

    def trouble(self, running: Running) -> tuple[str, str]:
        """The code and the words of why it cannot work now; empty where it can."""
        try:
            running.meta.revision()
        except MetaUnavailable as error:
            return "meta_unavailable", str(error)
        fault = self.failing()
        return ("worker_failing", f"the last step failed with {fault}") if fault else ("", "")


class WorkerMetrics(ProductMetrics):
    """All metrics of a worker."""

    def __init__(self, running: Running, work: Work, *, data_dir: Path | None = None) -> None:
        self._trouble = Asked(lambda: work.trouble(running))
        super().__init__(running, data_dir=data_dir)

    def collect(self) -> Iterator[Metric]:
        """Each metric with its samples."""
        yield one("uptake_ready", self._ready())
        yield one("uptake_leased_products", len(self._running.products()))
        yield from super().collect()

    def _ready(self) -> bool:
        try:
            return self._trouble.answer(time.monotonic() + READY_S) == ("", "")
        except TimeoutError:
            return False


@get("/readyz", sync_to_thread=True)
def readyz(request: AnyRequest) -> dict[str, str]:
    """200 while the worker can work, with products or without; else 503 with the reason."""
    state = request.app.state
    code, told = state.work.trouble(state.running)
    if code:
        raise Refused(code, told, headers={"Retry-After": "5"})
    return ALIVE


@get("/metrics", sync_to_thread=True)
def metrics(request: AnyRequest) -> Response[bytes]:
    """Counters and gauges in Prometheus' text format."""
    state = request.app.state
    return metrics_text(request, state.metrics_token, state.metrics)


def create_worker_app(
    running: Running,
    work: Work,
    *,
    metrics_token: str,
    allowed_hosts: tuple[str, ...],
    any_address: bool,
    data_dir: Path | None = None,
) -> Guard:
    """The worker's application; options as `uptake.web.app.WebOptions`."""
    state = State(
        {
            "running": running,
            "work": work,
            "metrics": WorkerMetrics(running, work, data_dir=data_dir),
            "metrics_token": metrics_token,
        }
    )
    site = Litestar(
        route_handlers=[healthz, readyz, metrics],
        exception_handlers=handlers(FaultCount()),
        state=state,
        openapi_config=None,
        logging_config=None,
    )
    return Guard(site, allowed_hosts, any_address=any_address)
