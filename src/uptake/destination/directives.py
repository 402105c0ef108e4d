"""The directives of a mapping that read or choose a value, and the table of all of them.

A directive's function gets its options and returns a node.  Options that static validation did not reach (inside lists
and `@literal`) may be anything, so each function checks its own, with Segment's words; such a fault strikes only a call
that reaches it.
"""

from typing import Any

from uptake.destination import directives_shape as shape
from uptake.destination import directives_text as text
from uptake.destination.errors import Budget
from uptake.destination.jsvalues import UNDEFINED, kind_of, text_of, truthy
from uptake.destination.mapping_compile import NOTHING, Compiler, Directive, Node, reads_of
from uptake.destination.mapping_validate import Place


def literal(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@literal`: its value; directives inside are run, texts with braces are not filled."""
    return compiler.value(options, place)


def choice(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@if`: `then` where the tested value exists (or, tested as `blank`, is not empty), else `else`, else nothing."""
    if not isinstance(options, dict):
        return compiler.fails(place, '@if requires an object with an "exists" key')
    if not truthy(options.get("exists")) and not truthy(options.get("blank")):
        return compiler.fails(place, '@if requires an "exists" key or a "blank" key')
    tested = "exists" if "exists" in options else "blank"
    test = compiler.value(options[tested], (*place, tested))
    then = compiler.value(options["then"], (*place, "then")) if "then" in options else NOTHING
    otherwise = compiler.value(options["else"], (*place, "else")) if truthy(options.get("else")) else NOTHING

    def resolve(payload: Any, budget: Budget) -> Any:
        value = test.resolve(payload, budget)
        holds = value is not None and value is not UNDEFINED
        if holds and tested == "blank":
            holds = not equals_empty_text(value, budget)
        return (then if holds else otherwise).resolve(payload, budget)

    return Node(resolve, reads_of(test, then, otherwise), settled=then.settled and otherwise.settled)


def equals_empty_text(value: Any, budget: Budget) -> bool:
    """JavaScript's `value == ""`: true of 0, false, "" and of lists that print as nothing."""
    if isinstance(value, list):
        return text_of(value, budget) == ""
    return kind_of(value) != "object" and not value


def without_nulls(compiler: Compiler, options: Any, place: Place) -> Node:
    """`@excludeWhenNull`: nothing for null; an object loses its null keys, at every depth but not inside lists."""
    inner = compiler.value(options, place)

    def resolve(payload: Any, budget: Budget) -> Any:
        value = inner.resolve(payload, budget)
        return UNDEFINED if value is None else shape.with_gaps_for_nulls(value, budget)

    return Node(resolve, inner.reads, settled=False)


DIRECTIVES: dict[str, Directive] = {
    "@path": text.path,
    "@template": text.template,
    "@case": text.case,
    "@replace": text.replace,
    "@liquid": text.liquid,
    "@literal": literal,
    "@if": choice,
    "@excludeWhenNull": without_nulls,
    "@arrayPath": shape.array_path,
    "@flatten": shape.flatten,
    "@json": shape.as_json,
    "@merge": shape.merge,
    "@transform": shape.transform,
}
