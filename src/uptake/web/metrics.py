"""The server's counters and gauges in Prometheus' text format.

What a scrape costs does not grow with history: counters of fates are kept here and only the newest ten-minute buckets
are asked for again.  Products appear by id, never by name, and nothing of a call's content appears at all.
"""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from uptake import __version__
from uptake.core.days import SECOND_US
from uptake.pipeline.accept import Acceptor
from uptake.pipeline.durations import Durations, What
from uptake.pipeline.product import RunningProduct, Status
from uptake.pipeline.running import Running
from uptake.stores.events.base import EventStore, StoreUnavailable
from uptake.stores.log.base import LogDamaged, LogUnavailable
from uptake.stores.meta.base import MetaUnavailable
from uptake.web.asked import Asked
from uptake.web.ingest import Ingest
from uptake.web.metric_table import METRICS
from uptake.web.problems import FaultCount

BUCKET_US = 600 * SECOND_US
OPEN_BUCKETS = 6
"""Buckets before the newest one that may still grow: processes that log side by side are less than an hour apart."""

ANSWER_S = 5.0
"""A scrape waits for servers no longer: Prometheus gives a scrape up after 10 s, and connections are given up later."""

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
    """What any process can tell of its work and of the products that it has open, read when it is scraped."""

    answer_s = ANSWER_S

    def __init__(self, running: Running, *, data_dir: Path | None = None) -> None:
        """data_dir: a folder whose disk is told of; None for none."""
        self._running, self._data_dir = running, data_dir
        parts = (self._work, self._log_there, partial(_progress, running), self._outcomes)
        self._parts = [Asked(partial(_all_of, part)) for part in parts]
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
        """Each metric with its samples, without those that need a server which does not answer."""
        yield family("uptake_build_info", [((__version__,), 1)])
        yield from self._local_disk()
        yield from _as_far_as_known(self._parts, time.monotonic() + self.answer_s)

    def _log_there(self) -> Iterator[Metric]:
        """What the call log tells of itself; first, for where it is away the others need not be tried."""
        log = self._running.log
        yield one("uptake_log_bytes", log.size_bytes())
        yield one("uptake_log_damaged_places", len(log.damage()))

    def _work(self) -> Iterator[Metric]:
        """What the worker did since the start, and what waits for it."""
        yield one("uptake_failed_steps_total", self._running.failed_steps)
        yield one("uptake_failed_meta_reads_total", self._running.failed_meta_reads)
        yield _histogram("uptake_fold_duration_seconds", self._running.durations, "fold")
        yield _histogram("uptake_rescore_duration_seconds", self._running.durations, "rescore")
        waiting = Counter((str(each.product_id), each.step) for each in self._running.waiting_erasures)
        yield family("uptake_waiting_erasures", sorted(waiting.items()))
        jobs = Counter((str(each.product_id), each.kind, each.state) for each in self._running.jobs.unfinished)
        yield family("uptake_unfinished_jobs", sorted(jobs.items()))

    def _outcomes(self) -> Iterator[Metric]:
        samples: list[Sample] = []
        for product in self._running.products():
            totals = self._totals.setdefault(product.product_id, OutcomeTotals()).read(product.store)
            samples += [((str(product.product_id), *outcome), times) for outcome, times in sorted(totals.items())]
        yield family("uptake_folded_calls_total", samples)

    def _local_disk(self) -> Iterator[Metric]:
        if self._data_dir is not None:
            usage = shutil.disk_usage(self._data_dir)
            yield one("uptake_disk_free_bytes", usage.free)
            yield one("uptake_disk_size_bytes", usage.total)


class Metrics(ProductMetrics):
    """All metrics of a server that takes calls."""

    def __init__(
        self, running: Running, acceptor: Acceptor, ingest: Ingest, faults: FaultCount, *, data_dir: Path | None = None
    ) -> None:
        self._acceptor, self._ingest, self._faults = acceptor, ingest, faults
        super().__init__(running, data_dir=data_dir)

    def collect(self) -> Iterator[Metric]:
        """Each metric with its samples."""
        yield one("uptake_ready", not self._acceptor.trouble())
        yield from self._accepted()
        yield from self._requests()
        yield from super().collect()

    def _accepted(self) -> Iterator[Metric]:
        """What came in since the start: received = logged + refused."""
        acceptor, counts = self._acceptor, self._acceptor.counts
        # Copied before they are looked through: the writer goes on counting.
        yield family("uptake_received_calls_total", _by_one(dict(counts.received)))
        yield family("uptake_logged_calls_total", _by_one(dict(counts.logged)))
        yield family("uptake_refused_calls_total", sorted(dict(counts.refused).items()))
        yield one("uptake_waiting_requests", acceptor.waiting)
        yield one("uptake_waiting_requests_limit", acceptor.max_waiting)
        yield one("uptake_failed_commits_total", acceptor.failed_commits)
        yield _histogram("uptake_commit_duration_seconds", acceptor.durations, "commit")

    def _requests(self) -> Iterator[Metric]:
        """What was answered since the start."""
        ingest, requests = self._ingest, sorted(dict(self._ingest.requests).items())
        yield family("uptake_ingest_requests_total", [((path, str(status)), n) for (path, status), n in requests])
        yield family("uptake_limited_requests_total", _by_one(dict(ingest.limits.refused) if ingest.limits else {}))
        yield one("uptake_repeated_requests_total", ingest.repeated)
        yield one("uptake_unknown_keys_total", ingest.unknown_keys.times)
        yield one("uptake_lost_pixels_total", ingest.lost_pixels)
        yield one("uptake_faults_total", self._faults.times)
        yield _histogram("uptake_request_duration_seconds", self._running.durations, "request")


OF_STATUS: tuple[tuple[str, Callable[[Status], float | None]], ...] = (
    ("uptake_logged_offset", lambda status: status.log_offset),
    ("uptake_folded_offset", lambda status: status.folded_offset),
    ("uptake_scored_offset", lambda status: status.scored_offset),
    ("uptake_fold_lag_calls", lambda status: status.log_offset - status.folded_offset),
    ("uptake_scored_timestamp_seconds", lambda status: status.as_of_us and status.as_of_us / SECOND_US),
    ("uptake_config_revision", lambda status: status.revision),
    ("uptake_store_generation", lambda status: status.generation),
    ("uptake_rebuilding", lambda status: status.rebuilding),
)


def _all_of(part: Callable[[], Iterator[Metric]]) -> list[Metric] | None:
    """The metrics of a part; None if it needs a server which does not answer."""
    try:
        return list(part())
    except (LogUnavailable, MetaUnavailable, StoreUnavailable):
        return None


def _as_far_as_known(parts: Iterable[Asked[list[Metric] | None]], until_s: float) -> Iterator[Metric]:
    """The metrics of all parts up to the first that is not known, or not by then: a scrape must not wait for each of
    them, and what is known is told."""
    for part in parts:
        try:
            told = part.answer(until_s)
        except TimeoutError:
            return
        if told is None:
            return
        yield from told


def _progress(running: Running) -> Iterator[Metric]:
    """How far every product's log, fold and scores are."""
    products = running.products()
    statuses = {product: product.status() for product in products}
    of_product: tuple[tuple[str, Callable[[RunningProduct], float | None]], ...] = (
        *((name, lambda product, value=value: value(statuses[product])) for name, value in OF_STATUS),
        ("uptake_folds", lambda product: product.folds),
        ("uptake_fold_lag_seconds", lambda product: _lag_s(running, product, statuses[product])),
        ("uptake_rebuild_folded_calls", lambda product: running.rebuilt_calls(product.product_id)),
        ("uptake_store_bytes", lambda product: product.store.size_bytes()),
        ("uptake_last_rescore_seconds", lambda product: product.rescore_took_us / SECOND_US),
        ("uptake_purged_offset", lambda product: product.purged[-1].before_offset if product.purged else 0),
        ("uptake_retained_offset", lambda product: product.retained.offset if product.retained else 0),
    )
    for name, value in of_product:
        values = ((str(product.product_id), value(product)) for product in products)
        yield family(name, [((product,), number) for product, number in values if number is not None])


def _lag_s(running: Running, product: RunningProduct, status: Status) -> float | None:
    """How long the first call that is not folded has waited; None where the log cannot say."""
    if status.folded_offset >= status.log_offset:
        return 0
    try:
        calls = running.log.read(product.product_id, status.folded_offset, most=1)
    except (LogDamaged, LogUnavailable):
        return None
    return max(0, running.clock() - calls[0].received_us) / SECOND_US if calls else None


def _by_one(counts: Mapping[str, int]) -> list[Sample]:
    return [((value,), times) for value, times in sorted(counts.items())]


def one(name: str, value: float) -> Metric:
    """A metric of the table that has one sample."""
    return family(name, [((), value)])


def family(name: str, samples: Iterable[Sample]) -> Metric:
    """A counter or gauge of the table, with its samples."""
    row = METRICS[name]
    kind = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    made = kind(name, row.help, labels=row.labels)
    for values, value in samples:
        made.add_metric(values, float(value))
    return made


def _histogram(name: str, durations: Durations, what: What) -> Metric:
    row = METRICS[name]
    made = HistogramMetricFamily(name, row.help, labels=row.labels)
    for labels, counts, sum_s in durations.histograms(what):
        made.add_metric(labels, counts, sum_s)
    return made
