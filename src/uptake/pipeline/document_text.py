"""YAML in and out, as configuration documents need it.

Read as YAML 1.2 reads it: `yes`, `on` and `2026-01-01` are texts, because a feature may well be called so; a key given
twice is a fault and not a silent loss.  What is written can be read by any YAML reader alike.
"""

import re
from typing import Any

import yaml

from uptake.core.errors import ConfigInvalid, Fault

_TAG = "tag:yaml.org,2002:"
_HALVES = re.compile(r"[\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the plain types of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  (as the base class has it)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """The mapping; a key that stands twice is refused."""
        keys: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | None):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
            if key in keys:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands here twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """The text of a value; half of a character, which no store could keep, is refused."""
        value = super().construct_scalar(node)
        if isinstance(value, str) and _HALVES.search(value):
            raise yaml.constructor.ConstructorError(None, None, "half of a character is no text", node.start_mark)
        return value


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(_TAG + _tag, re.compile(f"^(?:{_pattern})$"), _first)


def read(text: str) -> Any:
    """What a YAML (or JSON) text says.  Raises ConfigInvalid with line and column."""
    try:
        return yaml.load(text.removeprefix("\ufeff"), _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "$"
        raise ConfigInvalid([Fault(place, str(error.problem or error.context))]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigInvalid([Fault("$", f"the document is not YAML: {error}")]) from error


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, and never writes a reference."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        """Lists are indented too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Every value is written out."""
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # PyYAML folds the line break U+0085 in single quotes and reads it back with blanks.
    return dumper.represent_scalar(_TAG + "str", text, style='"' if "\x85" in text else None)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(tuple, lambda dumper, items: dumper.represent_list(list(items)))


def write(value: Any) -> str:
    """YAML of plain values, fields in their order, short lists and mappings on one line."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
