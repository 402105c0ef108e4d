"""Handlers of the management API: the destination and the configuration as a whole.

Reading takes a read or a management token, changing a management token.  Every change is a version of the
configuration; it applies to calls from now on, or to all of them by a rebuild.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, RawBody

from uptake.core.calls import Call
from uptake.core.config import Mapping, ProductConfig
from uptake.core.days import SECOND_US
from uptake.destination.trace import Trace
from uptake.pipeline.configure import sound
from uptake.pipeline.destination_changes import Change, add_mapping, change_mapping, copy_mapping, drop_mapping
from uptake.pipeline.document import document_of, merge_document
from uptake.pipeline.preview import Preview, preview
from uptake.pipeline.running import Publish, RunningProduct
from uptake.views.destination import (
    SAMPLES,
    CallRefused,
    Overview,
    call_in,
    delivery_overview,
    logged_call,
    trace_call,
    version_notes,
)
from uptake.web.api.bodies import read_body
from uptake.web.api.manage_shapes import (
    ConfigAnswer,
    DestinationAnswer,
    DestinationChange,
    OverviewAsked,
    PublishAsked,
    TestAsked,
    VersionsAnswer,
)
from uptake.web.api.params import asked
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import changed_by, managed_product_of, product_of, site_of


@get("/v2/destination", sync_to_thread=True)
def destination(request: AnyRequest) -> DestinationAnswer:
    """The destination: its filters and mappings."""
    return _shown(product_of(request))


@put("/v2/destination", sync_to_thread=True)
def put_destination(request: AnyRequest, body: RawBody) -> DestinationAnswer:
    """Switch the destination, replace its filters or its mappings."""
    product = managed_product_of(request)
    return _changed(request, product, _replaced(read_body(body, DestinationChange)), "destination")


@post("/v2/destination/mappings", sync_to_thread=True)
def add(request: AnyRequest, body: RawBody) -> DestinationAnswer:
    """Add a mapping; it starts disabled."""
    product = managed_product_of(request)
    mapping = read_body(body, Mapping)
    return _changed(request, product, add_mapping(mapping), f"mapping {mapping.name} added")


@put("/v2/destination/mappings/{name:str}", sync_to_thread=True)
def put_mapping(request: AnyRequest, name: FromPath[str], body: RawBody) -> DestinationAnswer:
    """Change, rename, enable or disable a mapping."""
    product = managed_product_of(request)
    return _changed(request, product, change_mapping(name, read_body(body, Mapping)), f"mapping {name} changed")


@delete("/v2/destination/mappings/{name:str}", status_code=200, sync_to_thread=True)
def delete_mapping(request: AnyRequest, name: FromPath[str]) -> DestinationAnswer:
    """Delete a mapping."""
    return _changed(request, managed_product_of(request), drop_mapping(name), f"mapping {name} deleted")


@post("/v2/destination/mappings/{name:str}/copy", sync_to_thread=True)
def copy(request: AnyRequest, name: FromPath[str]) -> DestinationAnswer:
    """Duplicate a mapping; the copy starts disabled."""
    return _changed(request, managed_product_of(request), copy_mapping(name), f"mapping {name} duplicated")


@post("/v2/destination/test", status_code=200, sync_to_thread=True)
def test(request: AnyRequest, body: RawBody) -> Trace:
    """Follow a call through the destination, or through one mapping; nothing is stored."""
    product = managed_product_of(request)
    asked_for = read_body(body, TestAsked)
    call, received_us = _call(product, asked_for, site_of(request).running.clock())
    return trace_call(product, call, received_us, None if asked_for.mapping is None else (asked_for.mapping,))


@get("/v2/destination/overview", sync_to_thread=True)
def overview(request: AnyRequest) -> Overview:
    """What became of calls, step by step, with reasons and samples."""
    product = product_of(request)
    minutes = asked(request, OverviewAsked).minutes
    return delivery_overview(product, site_of(request).running.clock() - minutes * 60 * SECOND_US)


@get("/v2/destination/versions", sync_to_thread=True)
def versions(request: AnyRequest) -> VersionsAnswer:
    """Who changed what, and when."""
    known = product_of(request).versions
    return VersionsAnswer(version_notes(known, [document_of(each.config) for each in known]))


@post("/v2/destination/preview", status_code=200, sync_to_thread=True)
def preview_history(request: AnyRequest, body: RawBody) -> Preview:
    """What applying the destination, or a changed one, to all of history would change."""
    product = managed_product_of(request)
    config = sound(_replaced(read_body(body or b"{}", DestinationChange))(product.config))
    return preview(product.product_id, product.log, product.versions, config, purged=product.purged)


@post("/v2/destination/apply-to-history", status_code=200, sync_to_thread=True)
def apply_to_history(request: AnyRequest, body: RawBody) -> DestinationAnswer:
    """Apply the destination, changed where the body says so, to all of history by a rebuild."""
    product = managed_product_of(request)
    change = _replaced(read_body(body or b"{}", DestinationChange))
    return _changed(request, product, change, "destination applied to history", to_history=True)


@get("/v2/config", sync_to_thread=True)
def config(request: AnyRequest) -> ConfigAnswer:
    """The whole configuration of the product."""
    return _config_shown(product_of(request))


@put("/v2/config", sync_to_thread=True)
def put_config(request: AnyRequest, body: RawBody) -> ConfigAnswer:
    """Change the configuration: a partial document, merged as `uptake config apply` does."""
    product = managed_product_of(request)
    document = read_body(body, dict[str, Any])
    publish = asked(request, PublishAsked).publish
    _changed(
        request,
        product,
        lambda before: merge_document(before, document, prune=False),
        "configuration",
        publish=publish,
    )
    return _config_shown(product)


DESTINATION_HANDLERS = (
    destination,
    put_destination,
    add,
    put_mapping,
    delete_mapping,
    copy,
    test,
    overview,
    versions,
    preview_history,
    apply_to_history,
    config,
    put_config,
)


def _changed(
    request: AnyRequest,
    product: RunningProduct,
    change: Change,
    why: str,
    *,
    to_history: bool = False,
    publish: Publish | None = None,
) -> DestinationAnswer:
    site_of(request).running.change_config(
        product.product_id,
        lambda version: change(version.config),
        by=changed_by(request),
        why=why,
        to_history=to_history,
        publish=publish,
    )
    return _shown(product)


def _replaced(change: DestinationChange) -> Callable[[ProductConfig], ProductConfig]:
    named = {key: value for key, value in msgspec.structs.asdict(change).items() if value is not None}

    def replaced(before: ProductConfig) -> ProductConfig:
        destination = msgspec.structs.replace(before.destination, **named)
        return msgspec.structs.replace(before, destination=destination)

    return replaced


def _call(product: RunningProduct, asked_for: TestAsked, now_us: int) -> tuple[Call, int]:
    if asked_for.offset is not None:
        return logged_call(product, asked_for.offset)
    event = asked_for.event if asked_for.event is not None else SAMPLES[asked_for.sample or "track"]
    try:
        return call_in(msgspec.json.encode(event), now_us), now_us
    except CallRefused as error:
        raise Refused(error.rejection.code, str(error)) from error


def _shown(product: RunningProduct) -> DestinationAnswer:
    config = product.config.destination
    return DestinationAnswer(config.enabled, config.filters, config.mappings, product.version.revision)


def _config_shown(product: RunningProduct) -> ConfigAnswer:
    return ConfigAnswer(product.version.revision, msgspec.to_builtins(product.config))
