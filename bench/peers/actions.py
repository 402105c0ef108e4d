"""Whole runs of the five actions, from trigger to payload: `onEvent` beside `CompiledAction.apply`."""

import random
from typing import Any

from bench.peers.findings import Comparison
from bench.peers.makers import LARGE, Event, Maker
from bench.peers.mappings import Answer, judge
from bench.peers.official import ask
from uptake.destination import MappingError, compile_trigger
from uptake.destination.actions import compile_action
from uptake.destination.presets import ACTIONS, preset_mapping

EVENTS_EACH = 6
IDS = [
    "ana",
    "u 1",
    "é",
    "",
    None,
    7,
    7.0,
    1.5,
    -3,
    True,
    ["x"],
    ["x", "y"],
    [],
    {"id": 1},
    [5],
    [None],
    [[1]],
    "0",
    1e21,
]
MOMENTS = [
    *("2026-01-01T09:00:00Z", "2026-01-01T09:00:00.123Z", "2026-01-01 09:00:00", "2026-01-01t09:00:00+01"),
    *("2026-01-01", "2026-02-30T09:00:00Z", "2024-02-29T23:59:60Z", "2026-01-01T24:00:00Z", "2023-02-29T01:01:01Z"),
    "1767258000",
    *("2026-01-01T09:00:00+0130", "2026-01-01T09:00Z", "yesterday", 1767258000, 1767258000123),
    *("2026-01-01T09:00:00.Z", "2026-01-01T23:59:60+01:00", None, "", True, {}),
    *(["2026-01-01T09:00:00Z"], "+2026-01-01T09:00:00Z", "2026-01-01\u00a009:00:00Z"),
]  # fmt: skip
EMAILS = [
    *("ana@example.com", "A.B+c@x-y.co.uk", "ana@localhost", "@x.y", "ana@x..y", "é@x.yz", "ana@x.y ", "a@b.c", 5),
    *(None, "a..b@x.yz", "a@-x.yz", ["ana@example.com"], {"at": 1}, "a@x.y1", "a'b@x.yz", "a@b@c.de", ""),
]  # fmt: skip
AMOUNTS = [
    9900,
    99.5,
    "9900",
    " 99.5 ",
    "0x10",
    "1e3",
    "$99",
    "",
    None,
    True,
    False,
    ["5"],
    [5, 6],
    {},
    "abc",
    "-0",
    "Infinity",
    1e308,
    "1e400",
]
NAMES = ["Ana", "Acme Inc", "", None, 5, 1e21, -0.0, True, ["x"], ["x", "y"], {"a": 1}, "é😀", 0]
TRAITS = [None, "", "x", 5, [], ["a"], [{}], True]
BY_KEY = {
    **dict.fromkeys(("userId", "groupId", "anonymousId"), IDS),
    **dict.fromkeys(("timestamp", "createdAt"), MOMENTS),
    "email": EMAILS,
    "mrr": AMOUNTS,
    "event": [*NAMES, "Report Exported"],
}
PLAIN = {
    **dict.fromkeys(("userId", "groupId", "anonymousId"), "ana"),
    **dict.fromkeys(("timestamp", "createdAt"), "2026-01-01T09:00:00.000Z"),
    "email": "ana@example.com",
    "mrr": 9900,
    "event": "Report Exported",
}
TRIGGERS = [
    'type = "{action}"',
    'type = "{action}" and userId = "ana"',
    'type != "alias"',
    'userId != null or event = "a"',
]
EXTRA = {"plan2": "x", "nothing": None, "blank": "", "deep": {"a": [1, None], "b": ""}, "on": True, "list": [1, "a"]}


def _found(draw: random.Random, key: str, *, odd: float) -> Any:
    if draw.random() >= odd:
        return PLAIN.get(key, "Ana")
    return draw.choice(LARGE) if draw.random() < 0.01 else draw.choice(BY_KEY.get(key, NAMES))


def event_of(draw: random.Random, action: str) -> Event:
    """A call of the action's type, most of it in order."""
    odd = draw.choice([0.05, 0.15, 0.5])
    event: Event = {"type": action if draw.random() < 0.97 else draw.choice(["track", "alias", 5]), "messageId": "m1"}
    for key in ("userId", "anonymousId", "groupId", "event", "name", "timestamp"):
        if draw.random() < 0.95:
            event[key] = _found(draw, key, odd=odd)
    traits = {field.key: _found(draw, field.key, odd=odd) for field in ACTIONS[action].fields if draw.random() < 0.8}
    traits |= {key: EXTRA[key] for key in draw.sample([*EXTRA], 2)}
    if draw.random() < 0.9:
        event["traits"] = traits if draw.random() > odd / 3 else draw.choice(TRAITS)
    return {**event, "properties": {"a": 1}, "context": {"ip": "127.0.0.1"}}


def mapping_of(draw: random.Random, action: str, make: Maker) -> Any:
    """The preset, or the preset with some fields changed, taken out or added."""
    if draw.random() < 0.5:
        return "preset"
    mapping = preset_mapping(action)
    for key in draw.sample([*mapping], draw.randint(1, min(3, len(mapping)))):
        way = draw.random()
        if way < 0.2:
            del mapping[key]
        elif way < 0.5:
            mapping[key] = _found(draw, key, odd=0.8)
        elif way < 0.75:
            mapping[key] = {"@template": draw.choice(["{{userId}}", "{{traits.email}}", "{{ traits.name }}!", "7", ""])}
        else:
            mapping[key] = make.part()
    return {**mapping, "unknown": {"@path": "$.userId"}} if draw.random() < 0.2 else mapping


def compare(count: int, draw: random.Random) -> Comparison:
    """Ask both about so many actions with their mappings, each on a few events."""
    make = Maker(draw, odd=0.02)
    questions = []
    for _ in range(count):
        action = draw.choice([*ACTIONS])
        mapping = mapping_of(draw, action, make)
        fql = TRIGGERS[0] if mapping == "preset" else draw.choice(TRIGGERS)
        events = [event_of(draw, action) for _ in range(EVENTS_EACH)]
        questions.append(
            {"ask": "action", "action": action, "fql": fql.format(action=action), "mapping": mapping, "events": events}
        )
    comparison = Comparison(f"{count:,} actions, {EVENTS_EACH} events each")
    for question, answers in zip(questions, ask(questions), strict=True):
        for event, answer in zip(question["events"], answers, strict=True):
            comparison.add(_judged(question, event, there=answer))
    return comparison


def _judged(question: dict[str, Any], event: Event, *, there: Answer) -> Any:
    def run(mapping: Any, event: Event) -> Answer:
        return run_action(question["action"], question["fql"], mapping, event)

    found = judge(question["mapping"], event, there=there, run=run)
    if isinstance(found, str):
        return {"error": "refused with the same sentences", "sent": "the same payload"}.get(
            next(iter(there)), "not its trigger"
        )
    return found


def run_action(action: str, fql: str, mapping: Any, event: Event) -> Answer:
    """What the action makes of the event here, in the form of the official engine's answer."""
    if not compile_trigger(fql)(event):
        return {"output": ["not subscribed"]}
    try:
        applied = compile_action(action, mapping, lenient=False).apply(event)
    except MappingError as error:
        return {"error": [str(fault) for fault in error.faults]}
    return {"sent": applied.payload} if applied.payload else {"error": [sentence for _, sentence in applied.errors]}
