"""How far a product is: what is logged, folded and scored, in the shape of `GET /v2/status`."""

import msgspec

from uptake.core.days import iso_ms
from uptake.views.base import ProductView


class Position(msgspec.Struct, frozen=True):
    """An offset in the product's call log: so many calls."""

    offset: int


class ScoredPosition(msgspec.Struct, frozen=True):
    """Up to where the scores under the configuration in force tell; −1 while they do not; as_of: ISO 8601 or null."""

    offset: int
    as_of: str | None


class Revisions(msgspec.Struct, frozen=True):
    """The configuration in force, and the one that the scores tell of."""

    revision: int
    scored_revision: int


class RetainedCalls(msgspec.Struct, frozen=True):
    """Calls before this offset were received before this moment (ISO 8601) and left the log: what they meant stays as
    it is."""

    offset: int
    before: str


class ProductStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """Equal offsets mean settled.  retained: left out while the log holds all calls."""

    log: Position
    folded: Position
    scored: ScoredPosition
    config: Revisions
    retained: RetainedCalls | None = None


def status_of(product: ProductView) -> ProductStatus:
    """How far log, fold and scores of the product are."""
    status, retained = product.status(), product.retained
    return ProductStatus(
        log=Position(status.log_offset),
        folded=Position(status.folded_offset),
        scored=ScoredPosition(status.scored_offset, None if status.as_of_us is None else iso_ms(status.as_of_us)),
        config=Revisions(status.revision, status.scored_revision),
        retained=RetainedCalls(retained.offset, iso_ms(retained.before_us)) if retained else None,
    )
