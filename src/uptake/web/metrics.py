"""The server's counters and gauges in Prometheus' text format.

What a scrape costs does not grow with history: counters of fates are kept here and only the newest ten-minute buckets
are asked for again.  Products appear by id, never by name, and nothing of a call's content appears at all.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from uptake.core.days import SECOND_US
from uptake.pipeline.accept import Acceptor
from uptake.pipeline.product import RunningProduct, Status
from uptake.pipeline.running import Running
from uptake.stores.events.base import EventStore
from uptake.web.ingest import Ingest
from uptake.web.problems import FaultCount

BUCKET_US = 600 * SECOND_US
OPEN_BUCKETS = 6
"""Buckets before the newest one that may still grow: processes that log side by side are less than an hour apart."""

Outcome = tuple[str, str, str, str]
"""Type, fate, code, mapping."""

Sample = tuple[Sequence[str], float]
"""The values of the labels, and the number."""


class OutcomeTotals:
    """Counters of fates of one product, brought up to date by asking for the newest buckets alone."""

    def __init__(self) -> None:
        self._store: EventStore | None = None
        self._closed: Counter[Outcome] = Counter()
        self._since_us = 0

    def read(self, store: EventStore) -> Mapping[Outcome, int]:
        """How many calls met each outcome, ever.  A store that was swapped in is counted anew."""
        if store is not self._store:
            self._store, self._closed, self._since_us = store, Counter(), 0
        rows = store.outcomes(since_us=self._since_us)
        edge_us = max((row.bucket_us for row in rows), default=0) - OPEN_BUCKETS * BUCKET_US
        still_open: Counter[Outcome] = Counter()
        for row in rows:
            total = self._closed if row.bucket_us < edge_us else still_open
            total[row.type, row.fate, row.code, row.mapping] += row.times
        self._since_us = max(self._since_us, edge_us)
        return self._closed + still_open


class ProductMetrics(Collector):
    """What any process can tell of the products that it has open, read when it is scraped."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._totals: dict[int, OutcomeTotals] = {}
        self._lock = threading.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Everything, in the text format."""
        with self._lock:
            return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing ahead: registering must not ask the stores."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Each metric with its samples."""
        yield from _progress(self._running.products())
        yield self._outcomes()
        yield gauge("uptake_log_bytes", "Bytes of the call log", [], [((), self._running.log.size_bytes())])

    def _outcomes(self) -> Metric:
        labels = ["product", "type", "fate", "code", "mapping"]
        samples: list[Sample] = []
        for product in self._running.products():
            totals = self._totals.setdefault(product.product_id, OutcomeTotals()).read(product.store)
            samples += [((str(product.product_id), *outcome), times) for outcome, times in sorted(totals.items())]
        return counter("uptake_folded_calls", "Folded calls by their fate", labels, samples)


class Metrics(ProductMetrics):
    """All metrics of a server that takes calls."""

    def __init__(self, running: Running, acceptor: Acceptor, ingest: Ingest, faults: FaultCount) -> None:
        self._acceptor, self._ingest, self._faults = acceptor, ingest, faults
        super().__init__(running)

    def collect(self) -> Iterator[Metric]:
        """Each metric with its samples."""
        yield from self._accepted()
        yield from self._requests()
        yield from super().collect()
        yield counter(
            "uptake_faults", "Requests that failed by a fault of Uptake itself", [], [((), self._faults.times)]
        )

    def _accepted(self) -> Iterator[Metric]:
        """What came in since the start: received = logged + refused."""
        counts = self._acceptor.counts  # copied before they are looked through: the writer goes on counting
        by_source = ["source"]
        received = [((source,), times) for source, times in sorted(dict(counts.received).items())]
        logged = [((source,), times) for source, times in sorted(dict(counts.logged).items())]
        refused = sorted(dict(counts.refused).items())
        yield counter("uptake_received_calls", "Calls received, refused ones too", by_source, received)
        yield counter("uptake_logged_calls", "Calls made durable", by_source, logged)
        yield counter("uptake_refused_calls", "Calls refused", ["source", "code"], refused)
        yield gauge("uptake_waiting_requests", "Requests that wait to be committed", [], [((), self._acceptor.waiting)])

    def _requests(self) -> Iterator[Metric]:
        """What ingest answered since the start."""
        requests = [
            ((path, str(status)), times) for (path, status), times in sorted(dict(self._ingest.requests).items())
        ]
        yield counter("uptake_ingest_requests", "Requests to ingest, by status", ["route", "status"], requests)
        limits = self._ingest.limits
        limited = [((name,), times) for name, times in sorted(limits.refused.items())] if limits else []
        yield counter("uptake_limited_requests", "Requests refused by a limit of their key", ["limit"], limited)
        unknown = [((), self._ingest.unknown_keys.times)]
        yield counter("uptake_unknown_keys", "Requests to ingest with a key that no product has", [], unknown)
        lost = [((), self._ingest.lost_pixels)]
        yield counter("uptake_lost_pixels", "Pixel calls that could not be kept", [], lost)


def _progress(products: Sequence[RunningProduct]) -> Iterator[Metric]:
    """How far every product's log, fold and scores are."""
    statuses = [(str(product.product_id), product.status()) for product in products]
    gauges: tuple[tuple[str, str, Callable[[Status], float]], ...] = (
        ("uptake_logged_offset", "Calls in the log", lambda status: status.log_offset),
        ("uptake_folded_offset", "Calls folded", lambda status: status.folded_offset),
        (
            "uptake_scored_offset",
            "Calls that the scores in force tell of; -1: none",
            lambda status: status.scored_offset,
        ),
        (
            "uptake_fold_lag_calls",
            "Calls logged and not yet folded",
            lambda status: status.log_offset - status.folded_offset,
        ),
        ("uptake_config_revision", "The configuration in force", lambda status: status.revision),
        ("uptake_store_generation", "The event store's generation", lambda status: status.generation),
        ("uptake_rebuilding", "1 while another generation is made", lambda status: status.rebuilding),
    )
    for name, told, value in gauges:
        yield gauge(name, told, ["product"], [((product,), value(status)) for product, status in statuses])
    yield gauge(
        "uptake_store_bytes",
        "Bytes of the event store",
        ["product"],
        [((str(product.product_id),), product.store.size_bytes()) for product in products],
    )
    yield gauge(
        "uptake_rescore_seconds",
        "How long the last rescore took",
        ["product"],
        [((str(product.product_id),), product.rescore_took_us / SECOND_US) for product in products],
    )


def gauge(name: str, told: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    """What goes up and down."""
    family = GaugeMetricFamily(name, told, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def counter(name: str, told: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    """What only grows, from the start of the process on."""
    family = CounterMetricFamily(name, told, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family
