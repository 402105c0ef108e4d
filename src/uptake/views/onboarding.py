"""How far a new product is on its way from the first call to the first score."""

import msgspec

from uptake.core.traits import stored_key
from uptake.views.base import ProductView


class FirstCalls(msgspec.Struct, frozen=True):
    """What has arrived and counted at least once: calls of three types, and a score.

    named: does any account have the trait that accounts are called by?  features: are there any?
    """

    identify: bool
    group: bool
    track: bool
    score: bool
    named: bool
    features: bool

    @property
    def complete(self) -> bool:
        """Is everything there?"""
        return self.identify and self.group and self.track and self.score


def first_calls(product: ProductView) -> FirstCalls:
    """Which first steps the product has made.  page and screen calls count as track: they are events too."""
    store, config = product.store, product.version.config
    display_name = stored_key(config.account_display_name)
    seen = {row.type for row in store.outcomes(since_us=0) if row.fate == "applied"}
    track = bool(seen & {"track", "page", "screen"})
    return FirstCalls(
        identify="identify" in seen,
        group="group" in seen,
        track=track,
        score=track and product.status().scored_offset > 0,
        named=any(forms.key == display_name for forms in store.trait_forms("account")),
        features=bool(config.features),
    )
