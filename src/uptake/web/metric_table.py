"""Every metric of the server, by Prometheus' conventions: one table, from which they are made and documented."""

from typing import Literal

import msgspec


class Metric(msgspec.Struct, frozen=True):
    """One metric.  name: as it is scraped.  help: a sentence."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


def _counter(name: str, help: str, *labels: str) -> Metric:
    return Metric(f"uptake_{name}_total", "counter", labels, help)


def _gauge(name: str, help: str, *labels: str) -> Metric:
    return Metric(f"uptake_{name}", "gauge", labels, help)


def _histogram(name: str, help: str, *labels: str) -> Metric:
    return Metric(f"uptake_{name}_duration_seconds", "histogram", labels, help)


TABLE = (
    _gauge("build_info", "Always 1; the version is its label.", "version"),
    _gauge("ready", "1 while calls can be made durable, or the worker can work, as /readyz says."),
    # calls that come in
    _counter("received_calls", "Calls received since the start: logged and refused ones.", "source"),
    _counter("logged_calls", "Calls made durable since the start.", "source"),
    _counter("refused_calls", "Calls refused since the start, by the reason's code.", "source", "code"),
    _counter("ingest_requests", "Requests to ingest since the start, by the answer's status.", "route", "status"),
    _counter("repeated_requests", "Requests to ingest that their sender said it repeats (X-Retry-Count)."),
    _counter("limited_requests", "Requests refused by a limit of their key.", "limit"),
    _counter("unknown_keys", "Requests to ingest with a key that no product has."),
    _counter("lost_pixels", "Pixel calls that could not be kept; whoever shows an image is told nothing."),
    _gauge("waiting_requests", "Requests that wait to be committed."),
    _gauge("waiting_requests_limit", "How many may wait; more are refused with 429."),
    _counter("failed_commits", "Commits of the call log that failed; their requests were refused with 503."),
    _histogram("commit", "How long a commit of the call log took; it takes every request that waits."),
    _histogram("request", "How long HTTP requests took, by part of the server and class of status.", "part", "status"),
    _counter("faults", "Requests that failed by a fault of Uptake itself."),
    # folding and scoring
    _gauge("leased_products", "Products that this worker has a lease of; told by workers alone."),
    _gauge("folds", "1 where this process folds the product.", "product"),
    _gauge("logged_offset", "Calls in the log.", "product"),
    _gauge("folded_offset", "Calls folded.", "product"),
    _gauge("scored_offset", "Calls that the scores in force tell of; -1 for none.", "product"),
    _gauge("fold_lag_calls", "Calls logged and not yet folded.", "product"),
    _gauge("fold_lag_seconds", "How long ago the first call that is not yet folded was received.", "product"),
    _gauge("scored_timestamp_seconds", "When the scores in force were computed; no sample without scores.", "product"),
    _counter("folded_calls", "Folded calls in all of the log, by fate.", "product", "type", "fate", "code", "mapping"),
    _histogram("fold", "How long folding a batch took."),
    _histogram("rescore", "How long bringing scores up to date took."),
    _gauge("last_rescore_seconds", "How long the last rescore took.", "product"),
    _counter("failed_steps", "Steps of the worker that failed; each is tried again."),
    _counter("failed_meta_reads", "Times the worker found the meta store unavailable; it folds on with what it knows."),
    _gauge("config_revision", "The configuration in force.", "product"),
    _gauge("store_generation", "The event store's generation.", "product"),
    _gauge("rebuilding", "1 while another generation is made.", "product"),
    _gauge("rebuild_folded_calls", "Calls that the rebuild at hand has folded; 0 without one.", "product"),
    _gauge("unfinished_jobs", "Long work that waits or is being done.", "product", "kind", "state"),
    # what the log holds, and what leaves it
    _gauge("log_bytes", "Bytes of the call log."),
    _gauge("log_damaged_places", "Places of the call log that were found broken; uptake check names them."),
    _gauge("store_bytes", "Bytes of the event store.", "product"),
    _gauge("disk_free_bytes", "Bytes that are free where the data folder is."),
    _gauge("disk_size_bytes", "Bytes of the disk where the data folder is."),
    _gauge("purged_offset", "Calls before this offset were cut down after their days; 0 for none.", "product"),
    _gauge("retained_offset", "Calls before this offset are in the base snapshot alone; 0 for none.", "product"),
    _gauge("waiting_erasures", "Erasures that were asked for and are not done, by their next step.", "product", "step"),
)
"""In the order in which they are documented."""

METRICS = {metric.name: metric for metric in TABLE}
