"""Raw bytes against everything of the destination that reads what people write: a value or its own error, and soon."""

import json
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from uptake.core.config import ProductConfig
from uptake.core.errors import ConfigInvalid
from uptake.destination import ActionError, MappingError, TriggerError, compile_mapping, compile_trigger, run_action
from uptake.destination.filters import ConditionError, FilterError, compile_filter, compile_filters
from uptake.destination.fql import canonical
from uptake.pipeline.document import merge_text
from uptake.views.destination import CallRefused, call_in

CORPUS = Path(__file__).parents[1] / "corpus"
GOLDEN = [
    line.encode()
    for file in sorted(CORPUS.rglob("*.*"))
    for line in file.read_text().splitlines()
    if line and not line.startswith("# ")
]
LONGEST_S = 5.0
"""Processor time that one reading may take on a slow machine; nearly all take less than a thousandth of it."""

EVENT = {
    **{"type": "track", "event": "Paid", "userId": "ana", "timestamp": "2026-01-01T09:00:00Z", "name": None},
    "properties": {"price": 5, "plan": "pro", "items": [{"id": 1}, "x" * 500], "a.b": True},
    "traits": {"email": "ana@acme.example", "createdAt": "2026-01-01"},
}


def spliced(seed: int) -> bytes:
    """A golden line with pieces of others in it, bytes changed, dropped and repeated."""
    draw = random.Random(seed)
    text = bytearray(draw.choice(GOLDEN))
    for _ in range(draw.randint(0, 4)):
        at, other = draw.randint(0, len(text)), draw.choice(GOLDEN)
        match draw.randint(0, 3):
            case 0:
                text[at : at + draw.randint(0, 9)] = other[draw.randint(0, len(other)) :][: draw.randint(1, 40)]
            case 1:
                text[at : at + 1] = bytes([draw.randint(0, 255)])
            case 2:
                del text[at : at + draw.randint(1, 12)]
            case 3:
                text[at:at] = text[at : at + draw.randint(1, 12)] * draw.randint(1, 60)
    return bytes(text)


BYTES = st.binary(max_size=120) | st.integers(0, 2**32).map(spliced)


def texts(raw):
    """The bytes as the texts that a form, a file or JSON could make of them."""
    return {raw.decode("latin-1"), raw.decode("utf-8", "replace"), raw.decode("utf-8", "surrogateescape")}


def as_trigger(text):
    with suppress(TriggerError):
        compile_trigger(canonical(text))(EVENT)


def as_condition(text):
    with suppress(ConditionError):
        compile_filter(text)(EVENT)


def as_templates(text):
    for directive in ("@liquid", "@template", "@path"):
        with suppress(MappingError):
            compile_mapping({"v": {directive: text}})(EVENT)


def as_json(text):
    """As a mapping, an action's mapping and a filter, where it is JSON at all."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    for part in [value, *(value.values() if isinstance(value, dict) else [])]:
        with suppress(MappingError):
            compile_mapping(part)(EVENT)
        with suppress(ActionError, MappingError):
            run_action("track", EVENT, part, lenient=True)
        with suppress(FilterError):
            compile_filters([part], strict=True)(EVENT)


def as_call(text):
    with suppress(CallRefused):
        call_in(text.encode("utf-8", "surrogateescape"), 0)


def as_document(text):
    """What is taken can be stored."""
    for document in (text, f"product: {json.dumps(text)}", f"destination: {text}"):
        with suppress(ConfigInvalid):
            encode(merge_text(ProductConfig(), document, prune=False))


@pytest.mark.parametrize("reading", [as_trigger, as_condition, as_templates, as_json, as_call, as_document])
@settings(max_examples=150)
@given(raw=BYTES)
def test_any_bytes_are_read_or_refused_in_bounded_time(reading, raw):
    """No other error than its own, and no text that keeps a reader busy."""
    for text in texts(raw):
        began = time.process_time()
        reading(text)

        assert time.process_time() - began < LONGEST_S
