"""Settings, System: which Uptake this is, what it stands on, what it takes of the disk, and how far behind it is."""

import platform
from importlib.metadata import version

import msgspec
from litestar import Response, get

from uptake.pipeline.product import RunningProduct, Status
from uptake.web.pages.render import page
from uptake.web.pages.visit import PageRequest, Visit

PARTS = (("DuckDB", "duckdb"), ("SQLAlchemy", "sqlalchemy"), ("Litestar", "litestar"), ("uvicorn", "uvicorn"))


class ProductRow(msgspec.Struct, frozen=True):
    """A product as listed: how far it is, and the bytes of its event store."""

    name: str
    status: Status
    waiting: int
    store_bytes: int


@get("/settings/system", sync_to_thread=True)
def system_page(request: PageRequest) -> Response[str]:
    """The installation; of products only those that the reader may see."""
    visit = Visit(request)
    products = [_row(each) for each in visit.products]
    log_bytes = visit.running.log.size_bytes()
    return page(
        visit,
        "settings_system.html",
        versions=[("Uptake", visit.site.version), ("Python", platform.python_version()), *_parts()],
        disk=[("Call log", log_bytes), *((f"Event store, {each.name}", each.store_bytes) for each in products)],
        products=products,
        damage=visit.running.log.damage(),
    )


def _parts() -> list[tuple[str, str]]:
    return [(name, version(package)) for name, package in PARTS]


def _row(product: RunningProduct) -> ProductRow:
    status = product.status()
    return ProductRow(
        product.name, status, max(0, status.log_offset - status.folded_offset), product.store.size_bytes()
    )
