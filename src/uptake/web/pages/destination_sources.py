"""Where a field of an action takes its value from: the controls of the editor, to mapping JSON and back.

What the controls cannot show exactly is shown as JSON (`raw`), so that nothing is lost by opening and saving a mapping.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

_PART = re.compile(r"\{\{([^{}]+)\}\}")
_TRUE = "true"


class SourceError(ValueError):
    """A source that is not complete."""


class Control(msgspec.Struct, frozen=True):
    """One control of a kind of source; kind: `path`, `text`, `area`, `choice` (with options) or `tick`."""

    name: str
    label: str
    kind: str = "text"
    options: tuple[tuple[str, str], ...] = ()
    hint: str = ""


class Source(msgspec.Struct, frozen=True):
    """Where one field takes its value from: a kind and what its controls hold."""

    kind: str = "none"
    values: dict[str, str] = {}


_TYPES = (("text", "Text"), ("number", "Number"), ("bool", "Yes or no"), ("null", "Null"))
_PATH = Control("path", "Path", "path")
_PATHS = tuple(Control(f"path{number}", f"Path {number}", "path") for number in range(1, 5))
CONTROLS: dict[str, tuple[Control, ...]] = {
    "none": (),
    "path": (_PATH,),
    "value": (
        Control("type", "Type", "choice", _TYPES),
        Control("value", "Value"),
    ),
    "template": (Control("text", "Template", hint="{{traits.firstName}} of {{traits.company}}"),),
    "concat": (*_PATHS, Control("between", "Put between")),
    "coalesce": (
        Control("path", "Path", "path"),
        Control("other", "If it is missing, take", "choice", (("path", "a path"), ("text", "a text"))),
        Control("else", "Which", "path"),
    ),
    "case": (_PATH, Control("to", "Make it", "choice", (("lower", "lower case"), ("upper", "UPPER CASE")))),
    "replace": (
        _PATH,
        Control("pattern", "Find", hint="up to 10 characters"),
        Control("replacement", "Replace with"),
        Control("pattern2", "Then find"),
        Control("replacement2", "Replace that with"),
        Control("ignorecase", "Ignore case", "tick"),
        Control("first", "Only the first", "tick"),
    ),
    "flatten": (_PATH, Control("separator", "Separator"), Control("lists", "Leave lists alone", "tick")),
    "json": (_PATH, Control("mode", "Do", "choice", (("encode", "write as JSON"), ("decode", "read JSON")))),
    "liquid": (Control("text", "Liquid", "area", hint="{{ properties.plan | upcase }}"),),
    "raw": (Control("json", "Mapping JSON", "area"),),
}
KINDS = (
    ("none", "Nothing"),
    ("path", "From the call"),
    ("value", "Fixed value"),
    ("template", "Template"),
    ("coalesce", "Coalesce"),
    ("concat", "Concatenate"),
    ("case", "Case"),
    ("replace", "Replace"),
    ("flatten", "Flatten"),
    ("json", "JSON"),
    ("liquid", "Liquid"),
    ("raw", "Mapping JSON"),
)


def source_of(value: Any) -> Source:
    """How the controls show a mapping's value; `raw` where none of them makes exactly this value."""
    for read in (_read_plain, _read_template, _read_choice, _read_text, _read_shape):
        source = read(value)
        if source is not None and _makes(source, value):
            return source
    return Source("raw", {"json": json.dumps(value, indent=2, ensure_ascii=False)})


def value_of(source: Source) -> Any:
    """The mapping's value that the controls make.  Raises SourceError; `none` has no value and is no such source."""
    return _WRITERS[source.kind](source.values)


def _makes(source: Source, value: Any) -> bool:
    try:
        return json.dumps(value_of(source), sort_keys=True) == json.dumps(value, sort_keys=True)
    except SourceError:
        return False


# ---- reading
def _directive(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) and set(value) == {name} else None


def _path_in(value: Any) -> str | None:
    found = _directive(value, "@path")
    return found if isinstance(found, str) and found else None


def _read_plain(value: Any) -> Source | None:
    path = _path_in(value)
    if path is not None:
        return Source("path", {"path": path})
    if value is None:
        return Source("value", {"type": "null", "value": ""})
    if isinstance(value, bool):
        return Source("value", {"type": "bool", "value": str(value).lower()})
    if isinstance(value, int | float):
        return Source("value", {"type": "number", "value": json.dumps(value)})
    return Source("value", {"type": "text", "value": value}) if isinstance(value, str) else None


def _read_template(value: Any) -> Source | None:
    text = _directive(value, "@template")
    if not isinstance(text, str):
        return None
    paths = _PART.findall(text)
    between = set(_PART.split(text)[2:-1:2])
    if 2 <= len(paths) <= len(_PATHS) and len(between) == 1:
        values = {f"path{number}": f"$.{path}" for number, path in enumerate(paths, 1)}
        joined = Source("concat", {**values, "between": between.pop()})
        if _makes(joined, value):
            return joined
    return Source("template", {"text": text})


def _read_choice(value: Any) -> Source | None:
    chosen = _directive(value, "@if")
    if not isinstance(chosen, dict) or set(chosen) != {"exists", "then", "else"}:
        return None
    path, other = _path_in(chosen["exists"]), chosen["else"]
    if path is None or chosen["then"] != chosen["exists"]:
        return None
    if isinstance(other, str):
        return Source("coalesce", {"path": path, "other": "text", "else": other})
    return Source("coalesce", {"path": path, "other": "path", "else": _path_in(other) or ""})


def _read_text(value: Any) -> Source | None:
    liquid, case, replace = (_directive(value, name) for name in ("@liquid", "@case", "@replace"))
    if isinstance(liquid, str):
        return Source("liquid", {"text": liquid})
    if isinstance(case, dict):
        return Source("case", {"path": _path_in(case.get("value")) or "", "to": str(case.get("operator", ""))})
    if not isinstance(replace, dict):
        return None
    texts = {key: text for key, text in replace.items() if key in _REPLACED and isinstance(text, str)}
    ticks = {"ignorecase": replace.get("ignorecase") is True, "first": replace.get("global") is False}
    ticked = {name: _TRUE for name, on in ticks.items() if on}
    return Source("replace", {"path": _path_in(replace.get("value")) or "", **texts, **ticked})


def _read_shape(value: Any) -> Source | None:
    flatten, as_json = _directive(value, "@flatten"), _directive(value, "@json")
    if isinstance(flatten, dict) and isinstance(flatten.get("separator"), str):
        lists = {"lists": _TRUE} if flatten.get("omitArrays") is True else {}
        return Source(
            "flatten", {"path": _path_in(flatten.get("value")) or "", "separator": flatten["separator"], **lists}
        )
    if isinstance(as_json, dict):
        return Source("json", {"path": _path_in(as_json.get("value")) or "", "mode": str(as_json.get("mode", ""))})
    return None


# ---- writing
_REPLACED = ("pattern", "replacement", "pattern2", "replacement2")


def _path(values: Mapping[str, str], name: str = "path") -> dict[str, str]:
    path = values.get(name, "").strip()
    if not path:
        raise SourceError("Name a path, such as $.traits.plan.")
    return {"@path": path}


def _needed(values: Mapping[str, str], name: str, what: str) -> str:
    text = values.get(name, "")
    if not text:
        raise SourceError(what)
    return text


def _fixed(values: Mapping[str, str]) -> Any:
    kind, text = values.get("type", "text"), values.get("value", "")
    if kind == "null":
        return None
    if kind == "bool":
        if text.strip().lower() not in ("true", "false", "yes", "no"):
            raise SourceError("Expected true or false.")
        return text.strip().lower() in ("true", "yes")
    if kind != "number":
        return text
    try:
        return msgspec.json.decode(text.strip(), type=int | float)
    except msgspec.DecodeError as error:
        raise SourceError(f"Expected a number, got {text!r}.") from error


def _concatenated(values: Mapping[str, str]) -> dict[str, str]:
    paths = [values.get(control.name, "").strip().removeprefix("$.") for control in _PATHS]
    named = [path for path in paths if path]
    if len(named) < 2:
        raise SourceError("Name at least two paths.")
    return {"@template": values.get("between", "").join("{{" + path + "}}" for path in named)}


def _coalesced(values: Mapping[str, str]) -> dict[str, Any]:
    path = _path(values)
    other = values.get("else", "") if values.get("other") == "text" else _path(values, "else")
    return {"@if": {"exists": path, "then": path, "else": other}}


def _replaced(values: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"pattern": _needed(values, "pattern", "Say what to find.")}
    made["replacement"] = values.get("replacement", "")
    if values.get("pattern2"):
        made |= {"pattern2": values["pattern2"], "replacement2": values.get("replacement2", "")}
    if values.get("ignorecase"):
        made["ignorecase"] = True
    if values.get("first"):
        made["global"] = False
    return {"@replace": {**made, "value": _path(values)}}


def _flattened(values: Mapping[str, str]) -> dict[str, Any]:
    separator = _needed(values, "separator", "Say what to put between the keys, such as an underscore.")
    lists = {"omitArrays": True} if values.get("lists") else {}
    return {"@flatten": {"separator": separator, "value": _path(values), **lists}}


def _from_json(values: Mapping[str, str]) -> Any:
    try:
        return json.loads(values.get("json", ""))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"This is no JSON: {error}.") from error


_WRITERS: dict[str, Callable[[Mapping[str, str]], Any]] = {
    "path": _path,
    "value": _fixed,
    "template": lambda values: {"@template": _needed(values, "text", "Write a template, such as {{traits.name}}.")},
    "concat": _concatenated,
    "coalesce": _coalesced,
    "case": lambda values: {"@case": {"operator": values.get("to") or "lower", "value": _path(values)}},
    "replace": _replaced,
    "flatten": _flattened,
    "json": lambda values: {"@json": {"mode": values.get("mode") or "encode", "value": _path(values)}},
    "liquid": lambda values: {"@liquid": _needed(values, "text", "Write a Liquid template.")},
    "raw": _from_json,
}
