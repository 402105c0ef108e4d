"""Destination filters: which calls a product's destination drops, samples or strips before its mappings see them.

A filter is a name, a condition (`uptake.destination.filters_parse`) and a kind.  Filters run in Segment's order:
sample, drop, drop properties, allow properties; within a kind as listed.  They fail closed: a stored filter that cannot
be read blocks every call, and its verdict says so.  Nothing here is random: sampling without a path goes by the call's
messageId and the filter's name, so that a rebuild keeps the same calls and two filters choose independently.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import md5
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from uptake.destination.filters_eval import Condition, Event, condition_of, value_at
from uptake.destination.filters_parse import ConditionError, FilterError, parse_condition, paths_in

__all__ = [
    "AllowProperties",
    "ConditionError",
    "Drop",
    "DropProperties",
    "Filter",
    "FilterError",
    "FilterVerdict",
    "Sample",
    "compile_filter",
    "compile_filters",
    "paths_of",
    "read_filter",
]

MAX_FILTERS = 10
"""As many as one destination can have in Segment."""

BLOCKED = "FILTERED_BY_RULES"

Fields = Annotated[dict[str, tuple[str, ...]], Meta(min_length=1)]


class _Named(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every filter has: a name of 1 to 64 characters, a condition (`all` for every call), a switch."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    condition: str
    enabled: bool = True


class Sample(_Named, frozen=True, kw_only=True, tag="sample"):
    """Keep a share of the calls, `percent` from 0 to 1.

    path: calls with the same value at this dotted path are kept or left out together; empty: each call by itself.
    """

    percent: Annotated[float, Meta(ge=0, le=1)]
    path: str = ""


class Drop(_Named, frozen=True, kw_only=True, tag="drop"):
    """Drop the call."""


class DropProperties(_Named, frozen=True, kw_only=True, tag="drop_properties"):
    """Take keys away.

    fields: keys by the dotted path of the object they are in ("": the event itself); a list stands for its objects.
    """

    fields: Fields


class AllowProperties(_Named, frozen=True, kw_only=True, tag="allow_properties"):
    """Leave only the keys named in `fields`; an object that `fields` does not name stays whole."""

    fields: Fields


Filter = Sample | Drop | DropProperties | AllowProperties
_ORDER = (Sample, Drop, DropProperties, AllowProperties)


class FilterVerdict(msgspec.Struct, frozen=True):
    """What the filters made of a call; `event` is what is left of it.

    A blocked call has the code FILTERED_BY_RULES, the name of the filter and its reason.
    """

    passed: bool
    event: Event
    code: str = ""
    filter: str = ""
    reason: str = ""


class _Step(msgspec.Struct, frozen=True):
    """One filter, ready to run: where `holds`, `apply` gives what is left of the event, None for nothing."""

    name: str
    reason: str
    holds: Condition
    apply: Callable[[Event], Event | None]


def read_filter(document: Mapping[str, Any]) -> Filter:
    """Read a filter from its plain form; keys that its kind does not have are ignored.

    Raises FilterError at the first fault, also for a condition that cannot be read (`ConditionError`).

    >>> read_filter({"name": "No tests", "kind": "drop", "condition": "contains(userId, 'test')"}).name
    'No tests'
    """
    try:
        read: Filter = msgspec.convert(document, Filter)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the latter for half of a character
        raise FilterError(str(error)) from error
    parse_condition(read.condition)
    return read


def compile_filter(fql: str) -> Condition:
    """Make a condition ready to run.  Raises ConditionError, a FilterError, if it cannot be read.

    >>> compile_filter("!( type in ['track', 'identify'] )")({"type": "page"})
    True
    """
    return condition_of(parse_condition(fql))


def compile_filters(
    documents: Sequence[Mapping[str, Any]], *, strict: bool = False
) -> Callable[[Event], FilterVerdict]:
    """Make a destination's filters ready to run; the function never changes the event that it is given.

    strict: raise FilterError for a filter that cannot be read, for use before saving.  Otherwise such a filter, unless
    it is switched off, blocks every call.

    Raises FilterError for more than MAX_FILTERS filters.
    """
    if len(documents) > MAX_FILTERS:
        raise FilterError(f"a destination has at most {MAX_FILTERS} filters, got {len(documents)}")
    steps: list[_Step] = []
    filters: list[Filter] = []
    for document in documents:
        try:
            filters.append(read_filter(document))
        except FilterError as error:
            if strict:
                raise
            steps += _blocking(document, error)
    ordered = [each for kind in _ORDER for each in filters if isinstance(each, kind) and each.enabled]
    return _judge([*steps, *map(_step, ordered)])


def paths_of(condition: str) -> frozenset[str]:
    """The dotted paths of an event that a condition reads.

    None if it cannot be read, since then every call is blocked.
    """
    try:
        return paths_in(parse_condition(condition))
    except FilterError:
        return frozenset()


def _judge(steps: Sequence[_Step]) -> Callable[[Event], FilterVerdict]:
    def judge(event: Event) -> FilterVerdict:
        for step in steps:
            try:
                left = step.apply(event) if step.holds(event) else event
            except RecursionError:
                return FilterVerdict(False, event, BLOCKED, step.name, "the call nests too deeply to be judged")
            if left is None:
                return FilterVerdict(False, event, BLOCKED, step.name, step.reason)
            event = left
        return FilterVerdict(True, event)

    return judge


def _blocking(document: Mapping[str, Any], error: FilterError) -> list[_Step]:
    plain = document if isinstance(document, Mapping) else {}
    if plain.get("enabled") is False:
        return []
    reason = f"it cannot be read, so it blocks every call: {error}"
    return [_Step(str(plain.get("name", ""))[:64], reason, lambda event: True, lambda event: None)]


def _step(each: Filter) -> _Step:
    holds = compile_filter(each.condition)
    match each:
        case Sample():
            reason = f"left out by sampling: {each.percent:.4g} of the calls are kept"
            return _Step(each.name, reason, holds, _sampling(each))
        case Drop():
            return _Step(each.name, f"dropped where {each.condition[:200]}", holds, lambda event: None)
    allow = isinstance(each, AllowProperties)
    trims = [(_keys(path), frozenset(keys)) for path, keys in each.fields.items()]

    def trimmed(event: Event) -> Event:
        for path, keys in trims:
            event = _trimmed(event, path, keys, allow=allow)
        return event

    return _Step(each.name, "", holds, trimmed)


def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _sampling(sample: Sample) -> Callable[[Event], Event | None]:
    keys = _keys(sample.path)

    def sampled(event: Event) -> Event | None:
        chosen = value_at(event, keys) if keys else [sample.name, event.get("messageId") or event]
        return event if _share(chosen) < sample.percent else None

    return sampled


def _share(value: Any) -> float:
    """A number in [0, 1) that is as good as random and the same for equal values: from the MD5 of the value's JSON."""
    digest = md5(msgspec.json.encode(value), usedforsecurity=False).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _trimmed(value: Any, path: tuple[str, ...], keys: frozenset[str], *, allow: bool) -> Any:
    """The value with keys taken from the objects at the path; shares with the given value whatever stays as it was."""
    if path:
        if not isinstance(value, dict) or path[0] not in value:
            return value
        child = value[path[0]]
        left = _trimmed(child, path[1:], keys, allow=allow)
        return value if left is child else {**value, path[0]: left}
    if isinstance(value, list):
        return [_trimmed(each, (), keys, allow=allow) if isinstance(each, dict) else each for each in value]
    if not isinstance(value, dict) or all((key in keys) is allow for key in value):
        return value
    return {key: each for key, each in value.items() if (key in keys) is allow}
