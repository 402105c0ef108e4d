"""The directives that give a text or look one up: `@path`, `@template`, `@case`, `@replace` and `@liquid`."""

import re
from typing import Any

from uptake.destination import liquid as engine
from uptake.destination.errors import Budget, MappingError
from uptake.destination.jsvalues import kind_of, text_of, truthy, units
from uptake.destination.mapping_compile import NOTHING, WHOLE_EVENT, Compiler, Node, constant
from uptake.destination.mapping_validate import MAX_PATTERN, MAX_REPLACEMENT, Place
from uptake.destination.paths import lookup, reader, steps_of, without_root
from uptake.destination.templates import parts_of, render, takes_template_from_event

_CODES = re.compile(r"\$([$&`'])")


def path(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@path`: the value at a path of the payload."""
    if isinstance(options, str):
        steps = steps_of(without_root(options))
        return Node(reader(steps), frozenset({".".join(steps)}))
    inner = compiler.value(options, place)

    def resolve(payload: Any, budget: Budget) -> Any:
        return lookup(payload, steps_of(without_root(_string("@path", inner, payload, budget))))

    return Node(resolve, WHOLE_EVENT)


def template(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@template`: a text with values of the payload in it."""
    if isinstance(options, str):
        parts = parts_of(options)
        paths = frozenset(".".join(part) for part in parts if not isinstance(part, str))
        if not paths:
            return constant(options)
        reads = WHOLE_EVENT if takes_template_from_event(options) else paths
        return Node(lambda payload, budget: render(options, parts, payload, budget), reads)
    inner = compiler.value(options, place)

    def resolve(payload: Any, budget: Budget) -> Any:
        text = _string("@template", inner, payload, budget)
        return render(text, parts_of(text), payload, budget)

    return Node(resolve, WHOLE_EVENT)


def _string(name: str, inner: Node, payload: Any, budget: Budget) -> str:
    value = inner.resolve(payload, budget)
    if not isinstance(value, str):
        raise MappingError(f"{name}: expected string, got {kind_of(value)}")
    budget.spend_text(len(value))
    return value


def case(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@case`: a text in upper or lower case; anything but a text is left as it is."""
    if not isinstance(options, dict):
        return compiler.fails(place, '@case requires an object with a "operator" key')
    operator = options.get("operator")
    if not truthy(operator):
        return compiler.fails(place, '@case requires a "operator" key')
    if not truthy(options.get("value")):
        return NOTHING
    inner = compiler.value(options["value"], (*place, "value"))
    change = {"lower": str.lower, "upper": str.upper}.get(operator if isinstance(operator, str) else "")
    wrong = NOTHING if change else compiler.fails(place, 'operator key should have a value of "lower" or "upper"')

    def resolve(payload: Any, budget: Budget) -> Any:
        value = inner.resolve(payload, budget)
        if not isinstance(value, str):
            return value
        return change(value) if change else wrong.resolve(payload, budget)

    return inner._replace(resolve=resolve, constant=False)


def replace(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@replace`: one or two short texts replaced; numbers and booleans become texts, anything else the empty text."""
    if not isinstance(options, dict):
        return compiler.fails(place, '@replace requires an object with a "pattern" key')
    if not truthy(options.get("pattern")):
        return compiler.fails(place, '@replace requires a "pattern" key')
    if not truthy(options.get("value")):
        return NOTHING
    inner = compiler.value(options["value"], (*place, "value"))
    replacements, wrong = [], NOTHING
    try:
        replacements = _replacements(options)
    except MappingError as error:
        wrong = compiler.fails(place, str(error))

    def resolve(payload: Any, budget: Budget) -> Any:
        value = inner.resolve(payload, budget)
        if not isinstance(value, str | int | float):
            return ""
        wrong.resolve(payload, budget)
        text = text_of(value, budget) if replacements else ""
        for replacement in replacements:
            text = replacement.apply(text, budget)
        return text

    return Node(resolve, inner.reads)


def _replacements(options: dict[str, Any]) -> list["Replacement"]:
    """One or two replacements; none where the options have wrong types, which Segment answers with the empty text."""
    given = {key: value for key, value in options.items() if value is not None}
    pattern, replacement = given["pattern"], given.get("replacement", "")
    ignore_case, everywhere = given.get("ignorecase", False), given.get("global", True)
    if not all(isinstance(text, str) for text in (pattern, replacement)):
        return []
    if not all(isinstance(flag, bool) for flag in (ignore_case, everywhere)):
        return []
    pairs = [(pattern, replacement)]
    second, with_second = given.get("pattern2", ""), given.get("replacement2", "")
    if second and isinstance(second, str) and isinstance(with_second, str):
        pairs.append((second, with_second))
    return [Replacement(*pair, ignore_case=ignore_case, everywhere=everywhere) for pair in pairs]


class Replacement:
    """One literal pattern and its replacement, where `$&`, `$$`, `` $` `` and `$'` mean what they do in JavaScript."""

    def __init__(self, pattern: str, replacement: str, *, ignore_case: bool, everywhere: bool) -> None:
        if units(pattern) > MAX_PATTERN:
            raise MappingError(f'@replace requires a "pattern" less than {MAX_PATTERN} characters')
        if units(replacement) > MAX_REPLACEMENT:
            raise MappingError(f'@replace requires a "replacement" less than {MAX_REPLACEMENT} characters')
        self._found = re.compile("".join(map(_any_case, pattern)) if ignore_case else re.escape(pattern))
        self._parts = _CODES.split(replacement)
        self._most = 0 if everywhere else 1

    def apply(self, text: str, budget: Budget) -> str:
        """The text with the pattern replaced, everywhere or once."""

        def one(found: re.Match[str]) -> str:
            new = self._expanded(text, found)
            budget.spend_text(len(new))
            return new

        return self._found.sub(one, text, count=self._most)

    def _expanded(self, text: str, found: re.Match[str]) -> str:
        return "".join(_meant(part, text, found) if index % 2 else part for index, part in enumerate(self._parts))


def _meant(code: str, text: str, found: re.Match[str]) -> str:
    """What the character after a `$` stands for: what was found, what is before it or after it, or the `$` itself."""
    if code == "`":
        return text[: found.start()]
    if code == "'":
        return text[found.end() :]
    return found[0] if code == "&" else "$"


def _any_case(character: str) -> str:
    """A pattern of the characters that JavaScript takes for the same when it ignores case."""
    candidates = {character, character.lower(), character.upper(), character.upper().lower()}
    same = {each for each in candidates if len(each) == 1 and _folded(each) == _folded(character)}
    return f"[{''.join(map(re.escape, sorted(same)))}]"


def _folded(character: str) -> str:
    upper = character.upper()
    return character if len(upper) != 1 or ord(character) >= 128 > ord(upper) else upper


def liquid(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@liquid`: a Liquid template over the payload, at most 1,000 characters."""
    if not isinstance(options, str):
        return compiler.fails(place, "liquid template value must be a string")
    try:
        compiled = engine.compile_template(options)
    except MappingError as error:
        return compiler.fails(place, str(error))
    return Node(compiled.render, compiled.reads)
