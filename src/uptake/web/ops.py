"""What machines ask of the server itself: is it up, can it accept calls, its metrics, and the OpenAPI document."""

from hmac import compare_digest

from litestar import MediaType, Response, get

from uptake.web.access import is_local
from uptake.web.api.openapi import document
from uptake.web.metrics import ProductMetrics
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import site_of

ALIVE = {"status": "ok"}


@get("/healthz", sync_to_thread=False)
def healthz() -> dict[str, str]:
    """200 as long as the process answers."""
    return ALIVE


@get("/readyz", sync_to_thread=True)
def readyz(request: AnyRequest) -> dict[str, str]:
    """200 as soon as calls can be accepted durably, whatever the lag of the fold; else 503 with the reason."""
    if trouble := site_of(request).acceptor.trouble():
        raise Refused("log_unavailable", f"calls cannot be accepted now: {trouble}", headers={"Retry-After": "2"})
    return ALIVE


@get("/metrics", sync_to_thread=True)
def metrics(request: AnyRequest) -> Response[bytes]:
    """Counters and gauges in Prometheus' text format."""
    return metrics_text(request, site_of(request).metrics_token, site_of(request).metrics)


def metrics_text(request: AnyRequest, token: str, told: ProductMetrics) -> Response[bytes]:
    """The metrics, for this machine and for who has the token.  Raises Refused."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not is_local(request) and not (token and compare_digest(given.encode(), token.encode())):
        raise Refused("invalid_token", "metrics are for this machine, or for who has UPTAKE_METRICS_TOKEN")
    return Response(told.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@get("/openapi.json", sync_to_thread=True)
def openapi(request: AnyRequest) -> Response[bytes]:
    """The OpenAPI 3.1 document of the read API and the ingest routes."""
    return Response(document(site_of(request).version), media_type=MediaType.JSON)


PUBLIC_OPS = (healthz, readyz, openapi)
LOCAL_OPS = (metrics,)
OPS_HANDLERS = (*PUBLIC_OPS, *LOCAL_OPS)
