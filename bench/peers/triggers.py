"""Triggers: random conditions and events, `parseFql` and `validate` beside `compile_trigger`."""

import random
import re
from typing import Any

from bench.peers.findings import Comparison, Finding, short
from bench.peers.official import ask
from uptake.destination.fql import (
    OBJECT_FIELDS,
    PLAIN_FIELDS,
    Ast,
    Clause,
    Group,
    Trigger,
    TriggerError,
    compile_trigger,
    generate,
    operators_of,
    parse,
)

Event = dict[str, Any]

EVENTS_EACH = 12
FIELDS = [
    *("type", "event", "name", "userId", "properties.x", "properties.a.b", "traits.plan", "context.page.path"),
    *(r"properties.name.length", r"properties.a\.b", r"properties.l\[0\]", r"properties.\0", "properties.order"),
    *(r"properties.\null", r"properties.sp\ ace", "context.x-y_9", "properties.nullable"),
]
ODD_FIELDS = ["anonymousId", "event.foo", "properties", "properties.null", "properties.and", "context", "messageId"]
VALUES = [
    '"a"',
    '"track"',
    '""',
    '"10"',
    '"true"',
    '"null"',
    '"ab"',
    "5",
    "-5.5",
    "+3",
    "0",
    "1.0",
    "true",
    "false",
    "null",
]
ODD_VALUES = ["a", "track", "TRUE", "'a'", r"a\"b", r"\5x", "a.b", "1e3", "5.", '"a']
PATTERNS = ['"a"', '"a*"', '"*a"', '"*"', '""', '"tr*"', '"*k"', '"ab*"']
ODD_PATTERNS = ["a", "5", '"*a*"', '"f*o"', "true", r"a\"b", "'a*'"]
SIGNS = ["=", "!=", "<", "<=", ">", ">="]
PIECES = [
    *FIELDS, *ODD_FIELDS, *VALUES, *ODD_VALUES, *SIGNS, *("=", "=", "!", "and", "or", "and", "or", "not", "AND"),
    *("(", ")", "(", ")", ",", "[", "in", "all(", "\r", "ü", "contains(", "match("),
    *('contains(event, "a")', '!contains(properties.x, "a")', 'match(event, "a*")', '!match(traits.plan, "*p")'),
]  # fmt: skip
FOUND = [
    *(None, True, False, 0, 1, 5, -5.5, 3, 10, 1000, "", "a", "ab", "track", "10", "true", "null", "5", "TRUE", "abc"),
    *([], ["a"], {}, {"b": 5}, {"b": "a"}, {"a": 1}, {"path": "a"}, 'a"b', "5x", "a.b", "p", "foo"),
]  # fmt: skip
KEYS = ["x", "a", "plan", "page", "name", "l", "0", "order", "null", "and", "x-y_9", "a.b", "sp ace", "properties"]
OURS = re.compile(r'\b(all|any|none|starts_with|ends_with)\(|\."')

MISREAD = (
    "Segment's parser gives it another meaning than the one written, so saving is refused and the same condition is"
    " offered in a spelling that both read"
)
REFUSED = {
    "unknown field": "Segment skips a condition on a field that it does not know, and the trigger fires for more calls",
    "is a value and has no": "Segment reads `event.foo` as `event`",
    "needs a key": "Segment looks for a key of the object's own name in it: `properties.properties`",
    "'and' beside 'or'": "in Segment the last connective wins for the whole group",
    "cannot test type": "Segment drops a function of type, and the trigger fires for more calls",
    "every call has a type": "in Segment `type != null` always holds, and `type = null` asks for the text null",
    "'!' before a field": "Segment drops the exclamation mark",
    "the condition is empty": "Segment has nothing to ask, and never fires",
    "a field is compared with a value": "Segment takes a field on the right side for a text",
    "this text needs quotes": "Segment takes what stands between the dots for a text, and drops the rest",
    "unknown function": "Segment takes the function for a field that it does not know, and skips it",
    "belongs to destination filters": "Segment takes the function for a field that it does not know, and skips it",
    "is not a number": "Segment cuts the number short and skips or misreads the rest",
    "a path has no brackets": "Segment drops the bracket, or the whole trigger",
    "so large a number": "Segment's numbers lose digits from 2^53 on",
    "unexpected": "a quote or a sign stands where it cannot; Segment reads on to where one fits",
    "expected": "a part is missing or left over; Segment skips parts, or takes the end of the text for a value",
}
CARRIAGE_RETURN = "the lines end as on Windows; Segment knows no carriage return and cannot read the trigger"
OWN = "it is a spelling that only Uptake has, for what Segment cannot say"


def event_of(draw: random.Random) -> Event:
    """An event in which any field may be missing or of any kind."""
    event: Event = {field: draw.choice(FOUND) for field in PLAIN_FIELDS if draw.random() < 0.8}
    for field in OBJECT_FIELDS:
        if draw.random() < 0.04:
            event[field] = draw.choice(FOUND)
        elif draw.random() < 0.9:
            event[field] = {key: draw.choice(FOUND) for key in KEYS if draw.random() < 0.7}
    return event


def _clause(draw: random.Random) -> str:
    odd = draw.random() < 0.12
    field = draw.choice(ODD_FIELDS if odd and draw.random() < 0.5 else FIELDS)
    if draw.random() < 0.65:
        before, after = (draw.choice(["", " "]), draw.choice(["", " "])) if odd else (" ", " ")
        return field + before + draw.choice(SIGNS) + after + draw.choice(ODD_VALUES if odd else VALUES)
    bang = draw.choice(["", "", "!", "! ", "not "]) if odd else draw.choice(["", "!"])
    function = draw.choice(["contains", "match"])
    return f"{bang}{function}({field}, {draw.choice(ODD_PATTERNS if odd else PATTERNS)})"


def _conditions(draw: random.Random, depth: int = 0) -> str:
    joined = draw.choice([" and ", " or "])
    text = ""
    for index in range(draw.choice([1, 1, 2, 2, 3])):
        grouped = depth < 2 and draw.random() < 0.15
        item = f"({_conditions(draw, depth + 1)})" if grouped else _clause(draw)
        connective = draw.choice([" and ", " or ", " "]) if draw.random() < 0.04 else joined
        text += connective + item if index else item
    return text


def _tree(draw: random.Random, depth: int = 0) -> Ast:
    """A tree as a builder of conditions would make it."""
    if depth < 2 and draw.random() < 0.4:
        children = tuple(_tree(draw, depth + 1) for _ in range(draw.choice([2, 2, 3])))
        return Group(draw.choice(["all", "any", "none"] if draw.random() < 0.3 else ["all", "any"]), children)
    field = draw.choice([*PLAIN_FIELDS, *OBJECT_FIELDS])
    path = (field, draw.choice(KEYS)) if field in OBJECT_FIELDS else (field,)
    operator = draw.choice(operators_of(field))
    if operator in ("exists", "not_exists", "is_true", "is_false"):
        return Clause(path, operator)
    number = operator.startswith("number_") or (operator[0] in "<>" and field in OBJECT_FIELDS and draw.random() < 0.7)
    value = draw.choice([0, 1, 5, -5.5, 10, 1000]) if number else draw.choice(["a", "track", "", "10", "ab", 'a"b'])
    return Clause(path, operator, value)


def text_of(draw: random.Random) -> str:
    """A trigger: mostly plausible, sometimes made by the builder, sometimes pieces in any order."""
    way = draw.random()
    if way < 0.6:
        return _conditions(draw)
    if way < 0.8:
        return generate(_tree(draw))
    return draw.choice(["", " ", " "]).join(draw.choice(PIECES) for _ in range(draw.randint(1, 8)))


def compare(count: int, draw: random.Random) -> Comparison:
    """Ask both about so many triggers, each on a dozen events."""
    questions = [
        {"ask": "trigger", "fql": text_of(draw), "events": [event_of(draw) for _ in range(EVENTS_EACH)]}
        for _ in range(count)
    ]
    comparison = Comparison(f"{count:,} triggers, {EVENTS_EACH} events each")
    for question, answer in zip(questions, ask(questions), strict=True):
        try:
            trigger = compile_trigger(question["fql"])
        except TriggerError as error:
            comparison.add(_refused(question, answer, error))
            continue
        if "error" in answer:
            comparison.add(_read_here_only(question["fql"], answer["error"]))
            continue
        for event, fires in zip(question["events"], answer["fires"], strict=True):
            comparison.add(_fired(question["fql"], trigger, event, fires))
    return comparison


def _fired(fql: str, trigger: Trigger, event: Event, fires: Any) -> Finding | str:
    if trigger(event) is fires:
        return "fires" if fires else "rests"
    reason = OWN if OURS.search(fql) else None
    return Finding("fires otherwise", reason, f"{fql!r} — there {fires}" + ("" if reason else f" {event}"), fql)


def _read_here_only(fql: str, error: str) -> Finding:
    reason = OWN if OURS.search(fql) else CARRIAGE_RETURN if "\r" in fql else None
    return Finding("read here only", reason, f"{fql!r} — there {error!r}")


def _refused(question: dict[str, Any], answer: dict[str, Any], error: TriggerError) -> Finding | str:
    if "error" in answer:
        return "refused by both"
    if error.rewrite is not None:
        sound = parse(error.rewrite) == parse(question["fql"], strict=False)
        return Finding("refused here", MISREAD if sound else None, f"{short(question['fql'])} — {short(error.args[0])}")
    reason = next((reason for part, reason in REFUSED.items() if part in error.problem), None)
    return Finding("refused here", reason, f"{short(question['fql'])} — {short(error.args[0])}")
