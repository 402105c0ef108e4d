"""How far the product is, and whether the server is well."""

from litestar import get

from uptake.views.status import ProductStatus, status_of
from uptake.web.problems import AnyRequest
from uptake.web.site import product_of


@get("/v2/status", sync_to_thread=True)
def status(request: AnyRequest) -> ProductStatus:
    """How far log, fold and scores of the token's product are: equal offsets mean settled."""
    return status_of(product_of(request))
