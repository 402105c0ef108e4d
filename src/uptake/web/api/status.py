"""How far the product is, and whether the server is well."""

from litestar import get

from uptake.views.data_health import HealthReport, data_health
from uptake.views.status import ProductStatus, status_of
from uptake.web.problems import AnyRequest
from uptake.web.site import product_of, site_of


@get("/v2/status", sync_to_thread=True)
def status(request: AnyRequest) -> ProductStatus:
    """How far log, fold and scores of the token's product are: equal offsets mean settled."""
    return status_of(product_of(request))


@get("/v2/health", sync_to_thread=True)
def health(request: AnyRequest) -> HealthReport:
    """What is wrong, or looks wrong, with the product's data, with counts, samples and what to do."""
    return data_health(product_of(request), site_of(request).ingest.refused_keys())
