"""Traces for OpenTelemetry, where an address for them is set: a span for each request, commit, batch and rescore.

This module is imported only then, for the packages that it needs are optional.  A span has a route, a status, counts
and a product's number; never an address that was asked for, an id, a trait, a key or anything else of a call.  The span
of a request that says of which trace it is a part is one of that trace.  Where nobody takes the spans they are dropped,
and nothing waits for them.
"""

import logging
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from uptake import __version__
from uptake.pipeline.durations import TRACE, Facts, What

SENT_AT_ONCE, MOST_WAITING, TIMEOUT_S = 512, 4_096, 5
TOLD_PARTS = ("ingest", "api", "page")
"""Files and what machines ask every few seconds would only be noise."""

NAMES: dict[What, str] = {"commit": "append", "fold": "fold batch", "rescore": "rescore"}
ATTRIBUTES = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "part": "uptake.part",
    "product": "uptake.product",
    "calls": "uptake.calls",
    "requests": "uptake.requests",
}
_TRACES = TraceContextTextMapPropagator()


class Tracing:
    """Sends spans until it is closed."""

    def __init__(self, endpoint: str) -> None:
        """endpoint: of an OTLP receiver over HTTP, without `/v1/traces`."""
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=TIMEOUT_S)
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "uptake", "service.version": __version__}),
            shutdown_on_exit=False,
        )
        processor = BatchSpanProcessor(exporter, max_queue_size=MOST_WAITING, max_export_batch_size=SENT_AT_ONCE)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("uptake", __version__)
        # It tells of every batch that nobody took, with the address: once is enough, and without it.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

    def note(self, what: What, took_s: float, facts: Facts) -> None:
        """A span that ends now; see `uptake.pipeline.durations.Listener`."""
        if what == "request" and facts.get("part") not in TOLD_PARTS:
            return
        ended_ns = time.time_ns()
        span = self._tracer.start_span(
            NAMES.get(what) or f"{facts.get('method', '')} {facts.get('route') or 'unknown route'}",
            kind=SpanKind.SERVER if what == "request" else SpanKind.INTERNAL,
            attributes={ATTRIBUTES[name]: value for name, value in facts.items() if name != TRACE and value != ""},
            context=_TRACES.extract({TRACE: str(facts.get(TRACE, ""))}),
            start_time=ended_ns - int(took_s * 1e9),
        )
        if int(facts.get("status", 0)) >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended_ns)

    def close(self) -> None:
        """Send what is left, for as long as one request may take, and end."""
        self._provider.force_flush(TIMEOUT_S * 1_000)
        self._provider.shutdown()
