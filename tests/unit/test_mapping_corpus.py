"""What Segment's own engine answered to mappings and templates (tests/corpus/segment), and what is answered here."""

import copy
import json
from pathlib import Path

import pytest

from uptake.destination import MappingError, compile_mapping
from uptake.destination.jsvalues import UNDEFINED

CORPUS = Path(__file__).parents[1] / "corpus" / "segment"


def lines(name):
    """The documents of a file, one a line."""
    return [json.loads(line) for line in (CORPUS / name).read_text().strip("\n").split("\n")]


def answer(mapping, payload):
    """What a mapping gives, or the sentences of its faults."""
    try:
        return compile_mapping(mapping)(payload), None
    except MappingError as error:
        return None, [str(fault) for fault in error.faults]


VECTORS = lines("mapping.jsonl")
HOLDS_UNDEFINED = {"@merge": {"direction": "right", "objects": [{"a": 1}, {"@path": "und"}]}}


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{i} {json.dumps(v['mapping'])[:60]}" for i, v in enumerate(VECTORS)])
def test_golden_mappings_give_what_segment_gave(vector):
    """Every golden mapping gives the same value, or the same faults at the same paths, and leaves its payload alone."""
    payload = copy.deepcopy(vector["payload"])
    if vector["mapping"] == {"v": HOLDS_UNDEFINED}:  # JSON lost a key whose value was undefined
        payload["und"] = {"a": UNDEFINED}
    before = copy.deepcopy(payload)

    value, faults = answer(vector["mapping"], payload)

    assert faults == (vector["error"] and vector["error"]["messages"])
    assert value == vector["output"]
    assert payload == before


EDGES_PAYLOAD, *EDGES = lines("edges.jsonl")


@pytest.mark.parametrize("edge", EDGES, ids=[f"{i} {json.dumps(e['mapping'])[:60]}" for i, e in enumerate(EDGES)])
def test_edges_give_what_segment_gave(edge):
    """Each edge of each directive gives the same value or the same faults."""
    payload = edge.get("payload", EDGES_PAYLOAD["payload"])

    assert answer(edge["mapping"], payload) == (edge["output"], edge["error"])


TEMPLATES_PAYLOAD, *TEMPLATES = lines("liquid.jsonl")
OTHER_WORDS = ("{% if s %}x", "{% assign %}", "{{ | upcase }}")


@pytest.mark.parametrize("case", TEMPLATES, ids=[f"{i} {case['template'][:60]}" for i, case in enumerate(TEMPLATES)])
def test_templates_give_what_liquidjs_gave(case):
    """Each Liquid template prints the same text, or is refused with the same sentence."""
    value, faults = answer({"v": {"@liquid": case["template"]}}, TEMPLATES_PAYLOAD["payload"])

    assert (value and value["v"]) == case["output"]
    if case["template"] in OTHER_WORDS:
        assert faults
    else:
        assert faults == (case["error"] and [case["error"]])
