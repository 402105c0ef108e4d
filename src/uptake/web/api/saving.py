"""How a change that came through the management API becomes a version of the configuration."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from uptake.core.config import ConfigVersion, ProductConfig
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.running import Publish
from uptake.web.api.params import asked
from uptake.web.problems import AnyRequest
from uptake.web.site import changed_by, site_of


class ChangeAsked(msgspec.Struct, kw_only=True):
    """How a change of the configuration is saved."""

    why: Annotated[str, Meta(max_length=500, description="Why, for the list of versions.")] = ""


class PublishAsked(ChangeAsked, kw_only=True):
    """How a change of a scoring model is saved."""

    publish: Annotated[
        Publish | None,
        Meta(description="Scores from today on alone, or of all history anew; default is all that changes."),
    ] = None


def save(
    request: AnyRequest, product: RunningProduct, change: Callable[[ProductConfig], ProductConfig], why: str
) -> ConfigVersion:
    """Put a change in force as a version; `?why=` says more than `why`.  Raises Refused, ConfigInvalid."""
    params = asked(request, PublishAsked)
    return site_of(request).running.change_config(
        product.product_id,
        lambda before: change(before.config),
        by=changed_by(request),
        why=params.why or why,
        publish=params.publish,
    )


def named_in(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that a body names: those that are not UNSET."""
    return {key: value for key, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
