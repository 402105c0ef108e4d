"""Mappings: random directives over random events, `transform` beside `compile_mapping`."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

from bench.peers.findings import Comparison, Finding, canonical, short
from bench.peers.makers import Event, Maker
from bench.peers.official import ask
from uptake.destination import MappingError
from uptake.destination.jsvalues import UNDEFINED, keys_of
from uptake.destination.mapping import CompiledMapping

Answer = dict[str, Any]

EVENTS_EACH = 3
HALF = re.compile(r"[\ud800-\udfff]|(?:\\\\)?\\ud[89a-f][0-9a-f]{2}")
"""Half of a UTF-16 pair: as it is, and as it is escaped in a JSON text that is itself a value."""

WIDE = re.compile("[\U00010000-\U0010ffff]")


def compare(count: int, draw: random.Random) -> Comparison:
    """Ask both about so many mappings, each on a few events."""
    make = Maker(draw)
    questions = [
        {"ask": "mapping", "mapping": make.mapping(), "events": [make.event() for _ in range(EVENTS_EACH)]}
        for _ in range(count)
    ]
    comparison = Comparison(f"{count:,} mappings, {EVENTS_EACH} events each")
    for question, answers in zip(questions, ask(questions), strict=True):
        for event, answer in zip(question["events"], answers, strict=True):
            comparison.add(judge(question["mapping"], event, there=answer, run=run_mapping))
    return comparison


def run_mapping(mapping: Any, event: Event) -> Answer:
    """What the mapping gives here, in the form of the official engine's answer."""
    try:
        value = CompiledMapping(mapping).evaluate(event)
    except MappingError as error:
        return {"error": [str(fault) for fault in error.faults]}
    return {} if value is UNDEFINED else {"output": value}


Run = Callable[[Any, Event], Answer]


def judge(mapping: Any, event: Event, *, there: Answer, run: Run) -> Finding | str:
    """Compare both answers for one event; a difference comes with its reason, if there is one."""
    here = run(mapping, event)
    if canonical(here) == canonical(there):
        return "the same faults" if "error" in here else "the same value" if here else "nothing"
    for kind, reason, holds in SIGNS:
        if holds(mapping, event, there, here):
            return Finding(kind, reason, narrowed(mapping, event, there, here))
    for kind, reason, as_there in REPLAYS:
        if canonical(run(as_there(mapping), as_there(event))) == canonical(there):
            return Finding(kind, reason, narrowed(mapping, event, there, here))
    whole = json.dumps(mapping)
    return Finding("other outcome", None, f"{whole} of {json.dumps(event)}: there {there}, here {here}", whole)


def narrowed(mapping: Any, event: Event, there: Answer, here: Answer) -> str:
    """The case in one line: of mapping and outputs only the keys that differ, of the event only what may be read."""
    outputs = [answer.get("output") for answer in (there, here)]
    if all(isinstance(output, dict) for output in outputs):
        differs = {key for key in mapping if canonical(outputs[0].get(key)) != canonical(outputs[1].get(key))} or {
            *mapping
        }
        mapping, there, here = ({key: each[key] for key in differs if key in each} for each in (mapping, *outputs))
    read = {key: value for key, value in event.items() if mapping == "preset" or key in json.dumps(mapping)}
    return f"{short(mapping)} of {short(read)}: there {short(there)}, here {short(here)}"


def rounded_off(value: Any) -> Any:
    """The value with its whole numbers as JavaScript holds them."""
    if isinstance(value, dict):
        return {key: rounded_off(child) for key, child in value.items()}
    if isinstance(value, list):
        return [rounded_off(child) for child in value]
    return float(value) if type(value) is int and abs(value) > 2**53 else value


def ordered(value: Any) -> Any:
    """The value with the keys of each object in JavaScript's order."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in keys_of(value)}
    return [ordered(child) for child in value] if isinstance(value, list) else value


def _same_faults(_: Any, __: Event, there: Answer, here: Answer) -> bool:
    return "error" in there and "error" in here and sorted(there["error"]) == sorted(here["error"])


def _half_pairs(_: Any, __: Event, there: Answer, here: Answer) -> bool:
    stored = json.loads(HALF.sub("\ufffd", json.dumps(there, ensure_ascii=False)))
    return canonical(stored) == canonical(here)


def _injected(mapping: Any, event: Event, _: Answer, __: Answer) -> bool:
    return "{{{" in json.dumps(mapping) and "{{" in json.dumps(event)


def _wide(mapping: Any, event: Event, _: Answer, __: Answer) -> bool:
    cut = re.search(r"\| (?:truncate|slice|size)", json.dumps(mapping))
    return cut is not None and WIDE.search(json.dumps([mapping, event], ensure_ascii=False)) is not None


def _gap(_: Any, __: Event, there: Answer, ___: Answer) -> bool:
    return any(fault.endswith("but it was undefined.") for fault in there.get("error", []))


def _leaked(mapping: Any, _: Event, __: Answer, ___: Answer) -> bool:
    return re.search("constructor|__proto__|toString", json.dumps(mapping)) is not None


ORDER = "JavaScript walks keys that look like an index first; here a mapping's order is kept"
SIGNS: list[tuple[str, str, Callable[[Any, Event, Answer, Answer], bool]]] = [
    ("order of faults", ORDER, _same_faults),
    ("half a character", "half of a UTF-16 pair is no text that can be stored; here it is U+FFFD", _half_pairs),
    ("template in a value", "a value is never read as a template here, whatever braces stand in it", _injected),
    ("length of a text", "Liquid's filters count characters here, never half of one; there UTF-16 units", _wide),
    ("missing item", "a list's missing item is null here, as in JSON; there no field takes a list of it alone", _gap),
    ("prototype", "only an object's own keys are seen here; JavaScript's prototypes stay out", _leaked),
]
REPLAYS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("first fault", ORDER, ordered),
    ("large numbers", "JavaScript rounds whole numbers from 2^53 on; here ids keep their digits", rounded_off),
]
"""What is alike as soon as mapping and event are made as JavaScript has them."""
