"""Handlers of features and of what is done with events."""

from pathlib import Path

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, RawBody

from uptake.core.config import Feature, ProductConfig
from uptake.core.errors import ConfigInvalid, Fault
from uptake.pipeline.feature_changes import (
    add_feature,
    assign_events,
    change_feature,
    drop_feature,
    feature_of,
    hide_events,
    ignore_events,
    order_features,
)
from uptake.pipeline.product import RunningProduct
from uptake.views.features import feature_list
from uptake.web.api.bodies import read_body
from uptake.web.api.config_shapes import (
    EventsChange,
    EventsChanged,
    FeatureChange,
    FeatureDraft,
    FeatureOrder,
    FeaturesAnswer,
    Moved,
    features_answer,
)
from uptake.web.api.saving import named_in, save
from uptake.web.problems import AnyRequest
from uptake.web.site import managed_product_of, product_of


@get("/v2/features", sync_to_thread=True)
def features(request: AnyRequest) -> FeaturesAnswer:
    """The features with their events, and events in none, with suggestions."""
    return _shown(product_of(request))


@post("/v2/features", sync_to_thread=True)
def add(request: AnyRequest, body: RawBody) -> FeaturesAnswer:
    """Add a feature."""
    product = managed_product_of(request)
    draft = read_body(body, FeatureDraft)
    fresh = Feature(draft.name, draft.description, draft.events)
    save(request, product, add_feature(fresh), f"feature {draft.name} added")
    return _shown(product)


@put("/v2/feature-order", sync_to_thread=True)
def order(request: AnyRequest, body: RawBody) -> FeaturesAnswer:
    """Put features into another order."""
    product = managed_product_of(request)
    save(request, product, order_features(read_body(body, FeatureOrder).order), "features in another order")
    return _shown(product)


@put("/v2/features/{name:path}", sync_to_thread=True)
def change(request: AnyRequest, name: FromPath[Path], body: RawBody) -> FeaturesAnswer:
    """Change or rename a feature; all that names it follows."""
    product = managed_product_of(request)
    fields = named_in(read_body(body, FeatureChange))
    save(request, product, change_feature(_told(name), fields), f"feature {_told(name)} changed")
    return _shown(product)


@delete("/v2/features/{name:path}", status_code=200, sync_to_thread=True)
def drop(request: AnyRequest, name: FromPath[Path]) -> FeaturesAnswer:
    """Delete a feature; its events are in none then."""
    product = managed_product_of(request)
    save(request, product, drop_feature(_told(name)), f"feature {_told(name)} deleted")
    return _shown(product)


@put("/v2/events", sync_to_thread=True)
def events(request: AnyRequest, body: RawBody) -> EventsChanged:
    """Move events into a feature or out of any, hide or ignore them; says from where each one came."""
    product = managed_product_of(request)
    asked = read_body(body, EventsChange)
    told = {key: value for key, value in named_in(asked).items() if key != "events"}
    if not told:
        raise ConfigInvalid([Fault("$", "expected feature, hidden or ignored beside events")])
    before = product.config
    version = save(request, product, lambda config: _done(config, asked, told), f"events: {', '.join(told)}")
    return EventsChanged(_moved(before, version.config, asked), product.rebuild_due, version.revision)


def _done(config: ProductConfig, asked: EventsChange, told: dict[str, object]) -> ProductConfig:
    if isinstance(asked.feature, str | None):
        config = assign_events(asked.events, asked.feature)(config)
    if isinstance(asked.hidden, bool):
        config = hide_events(asked.events, hidden=asked.hidden)(config)
    return ignore_events(asked.events, ignored=asked.ignored)(config) if isinstance(asked.ignored, bool) else config


def _moved(before: ProductConfig, after: ProductConfig, asked: EventsChange) -> list[Moved]:
    places = [(event, feature_of(before, event), feature_of(after, event)) for event in dict.fromkeys(asked.events)]
    return [Moved(event, old or None, new or None) for event, old, new in places if old != new]


def _shown(product: RunningProduct) -> FeaturesAnswer:
    return features_answer(feature_list(product), product.version.revision)


def _told(name: Path) -> str:
    return str(name).removeprefix("/")


FEATURE_HANDLERS = (Router("/", route_handlers=[features, add, order, change, drop, events]),)
