"""What commands can ask of the destination: following a call, and what a change would do to history."""

from typing import Any

import msgspec

from uptake.control import requests as ask
from uptake.control.requests import Told
from uptake.core.calls import Call
from uptake.core.config import Mapping
from uptake.core.errors import UptakeError
from uptake.destination.trace import Trace
from uptake.pipeline.configure import sound
from uptake.pipeline.document import merge_text
from uptake.pipeline.preview import Preview, preview
from uptake.pipeline.product import RunningProduct
from uptake.views.destination import CallRefused, call_in, logged_call, trace_call


def test_call(product: RunningProduct, request: ask.TestCall, now_us: int) -> Trace:
    """Follow a pasted or a logged call.  Raises UptakeError for a call that ingest would refuse."""
    call, received_us = _call(product, request, now_us)
    mappings = (mapping_in(request.mapping, call),) if request.mapping else None
    return trace_call(product, call, received_us, mappings)


def _call(product: RunningProduct, request: ask.TestCall, now_us: int) -> tuple[Call, int]:
    if request.offset is not None:
        return logged_call(product, request.offset)
    try:
        return call_in(request.event.encode(), now_us), now_us
    except CallRefused as error:
        raise UptakeError(error.rejection.code, f"The call would be refused: {error}.") from error


def mapping_in(text: str, call: Call) -> Mapping:
    """A mapping from its JSON: a whole one, or only the fields of one for the call's own type.

    Raises UptakeError (`config_invalid`).
    """
    try:
        document: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        if not {"action", "trigger", "fields"} & set(document):
            document = {"fields": document}
        document = {"name": "test", "action": call.type, "trigger": f'type = "{call.type}"', **document}
        return msgspec.convert(document, Mapping)
    except msgspec.MsgspecError as error:
        raise UptakeError("config_invalid", f"The mapping cannot be read: {error}.") from error


def preview_history(product: RunningProduct, request: ask.PreviewHistory, told: Told) -> Preview:
    """What the destination, changed by the document where one is given, would make of the whole log."""
    config = sound(merge_text(product.config, request.text, prune=False)) if request.text else product.config
    return preview(
        product.product_id,
        product.log,
        product.versions,
        config,
        purged=product.purged,
        progress=lambda done, total: told.progress(done, total, "Reading"),
    )
