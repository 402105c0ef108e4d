"""From python-liquid's parse tree to functions: tags, outputs and expressions with liquidjs's meaning."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from liquid import ast
from liquid.builtin import content, output
from liquid.builtin.expressions import filtered, logical, primitive
from liquid.builtin.expressions.arguments import KeywordArgument
from liquid.builtin.expressions.path import Path
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    comment_tag,
    cycle_tag,
    decrement_tag,
    echo_tag,
    for_tag,
    if_tag,
    increment_tag,
    inline_comment_tag,
    liquid_tag,
    unless_tag,
)

from uptake.destination.errors import Budget, MappingError
from uptake.destination.jsvalues import UNDEFINED, plain_text
from uptake.destination.liquid_filters import FILTERS
from uptake.destination.liquid_values import (
    FilterError,
    Word,
    contains,
    equal,
    is_true,
    less,
    number_of,
    printed,
    property_of,
    tidy,
)

DISABLED_FILTERS = frozenset((
    "array_to_sentence_string", "concat", "find", "find_exp", "find_index", "find_index_exp", "group_by",
    "group_by_exp", "has", "has_exp", "map", "newline_to_br", "reject", "reject_exp", "reverse", "sort", "sort_natural",
    "uniq", "where_exp", "type",
))  # fmt: skip
_DATE_FILTERS = frozenset(name for name in FILTERS if name.startswith("date"))
_NOW = ("now", "today")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ENDS_OF_PATH = frozenset(("size", "first", "last", "length"))


class Stop(Exception):
    """`{% break %}` or `{% continue %}`: nothing more is written."""


class Scope:
    """One render: the event, what the template assigned, and what it wrote."""

    __slots__ = ("assigned", "budget", "counters", "cycles", "event", "written")

    def __init__(self, event: dict[str, Any], budget: Budget) -> None:
        self.event = event
        self.budget = budget
        self.assigned: dict[str, Any] = {}
        self.counters: dict[str, float] = {}
        self.cycles: dict[tuple[str, int], int] = {}
        self.written: list[str] = []

    def find(self, name: str) -> Any:
        """The value of a name: assigned, counted, or the event's; UNDEFINED for none."""
        if name in self.assigned:
            return self.assigned[name]
        return self.counters[name] if name in self.counters else self.event.get(name, UNDEFINED)

    def write(self, text: str) -> None:
        """Add a text to what is written, and pay for it."""
        self.budget.spend_text(len(text))
        self.written.append(text)


Write = Callable[[Scope], None]
Value = Callable[[Scope], Any]


class Template:
    """What is known of a template while its nodes are compiled: its text, and the event's paths that it reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reads: set[str] = set()

    def position(self, start: int) -> str:
        """`, line:1, col:1` of a place in the text; nothing where it is unknown."""
        if start < 0:
            return ""
        line_start = self.text.rfind("\n", 0, start) + 1
        return f", line:{self.text.count(chr(10), 0, start) + 1}, col:{start - line_start + 1}"


def write_of(nodes: Iterable[ast.Node], template: Template) -> Write:
    """A function that writes the nodes in order; raises Stop at a `{% break %}`."""
    steps = tuple(NODES[type(node)](node, template) for node in nodes if type(node) not in SILENT)

    def write(scope: Scope) -> None:
        for step in steps:
            step(scope)

    return write


def _content(node: content.ContentNode, _: Template) -> Write:
    text = node.text
    return lambda scope: scope.written.append(text)


def _output(node: output.OutputNode, template: Template) -> Write:
    value = value_of(node.expression, template)
    return lambda scope: scope.write(printed(value(scope), scope.budget))


def _block(node: ast.BlockNode, template: Template) -> Write:
    return write_of(node.nodes, template)


def _liquid(node: liquid_tag.LiquidNode, template: Template) -> Write:
    return write_of(node.block.nodes, template)


def _condition(node: if_tag.IfNode | unless_tag.UnlessNode, template: Template) -> Write:
    first = value_of(node.condition, template)
    wanted = isinstance(node, if_tag.IfNode)
    branches = [(wanted, first, _block(node.consequence, template))]
    for each in node.alternatives:
        branches.append((True, value_of(each.expression, template), _block(each.block, template)))
    otherwise = _block(node.default, template) if node.default else None

    def write(scope: Scope) -> None:
        for expected, test, branch in branches:
            if is_true(test(scope)) is expected:
                return branch(scope)
        if otherwise:
            otherwise(scope)
        return None

    return write


def _assign(node: assign_tag.AssignNode, template: Template) -> Write:
    name, value = str(node.name), value_of(node.expression, template)

    def write(scope: Scope) -> None:
        scope.assigned[name] = value(scope)

    return write


def _capture(node: capture_tag.CaptureNode, template: Template) -> Write:
    name, block = str(node.name), _block(node.block, template)

    def write(scope: Scope) -> None:
        outside, scope.written = scope.written, []
        try:
            block(scope)
            scope.assigned[name] = "".join(scope.written)
        finally:
            scope.written = outside

    return write


def _count(node: increment_tag.IncrementNode | decrement_tag.DecrementNode, template: Template) -> Write:
    name, increments = str(node.name), isinstance(node, increment_tag.IncrementNode)
    template.reads.add(name)

    def write(scope: Scope) -> None:
        start = scope.counters.get(name, scope.event.get(name))
        before = start if isinstance(start, int | float) and not isinstance(start, bool) else 0
        scope.counters[name] = tidy(before + 1 if increments else before - 1)
        scope.write(plain_text(before if increments else scope.counters[name]))

    return write


def _cycle(node: cycle_tag.CycleNode, template: Template) -> Write:
    group = value_of(node.group, template) if node.group else None
    values = [value_of(each, template) for each in node.args]

    def write(scope: Scope) -> None:
        # liquidjs tells cycles apart by their group and the number of their values alone
        key = (printed(group(scope), scope.budget) if group else "", len(values))
        turn = scope.cycles.get(key, 0)
        scope.cycles[key] = (turn + 1) % len(values)
        scope.write(printed(values[turn](scope), scope.budget))

    return write


def _stop(_: ast.Node, __: Template) -> Write:
    def write(_: Scope) -> None:
        raise Stop

    return write


SILENT = (comment_tag.CommentNode, inline_comment_tag.InlineCommentNode)
NODES: dict[type, Callable[[Any, Template], Write]] = {
    content.ContentNode: _content,
    output.OutputNode: _output,
    echo_tag.EchoNode: _output,
    ast.BlockNode: _block,
    liquid_tag.LiquidNode: _liquid,
    if_tag.IfNode: _condition,
    unless_tag.UnlessNode: _condition,
    assign_tag.AssignNode: _assign,
    capture_tag.CaptureNode: _capture,
    increment_tag.IncrementNode: _count,
    decrement_tag.DecrementNode: _count,
    cycle_tag.CycleNode: _cycle,
    for_tag.BreakNode: _stop,
    for_tag.ContinueNode: _stop,
}


def value_of(expression: Any, template: Template) -> Value:
    """A function from a scope to the value of an expression."""
    if isinstance(expression, Path):
        return _path(expression, template)
    if isinstance(expression, filtered.FilteredExpression):
        value = value_of(expression.left, template)
        for each in expression.filters or ():
            value = _filtered(value, each, template)
        return value
    if isinstance(expression, logical.BooleanExpression):
        return value_of(expression.expression, template)
    if isinstance(expression, primitive.RangeLiteral):
        return _range(expression, template)
    if isinstance(expression, logical.LogicalNotExpression):
        return _negated(expression.right, template)
    if type(expression) in OPERATORS:
        left, right = value_of(expression.left, template), value_of(expression.right, template)
        operator = OPERATORS[type(expression)]
        return lambda scope: operator(left(scope), right(scope), scope.budget)
    constant = _constant(expression)
    return lambda _: constant


def _constant(expression: Any) -> Any:
    if isinstance(expression, primitive.StringLiteral):
        return _ESCAPE.sub(_unescaped, expression.value)
    if isinstance(expression, primitive.Literal):
        return expression.value
    words = {primitive.Nil: Word.NIL, primitive.Empty: Word.EMPTY, primitive.Blank: Word.BLANK}
    return words[type(expression)]


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)


def _path(path: Path, template: Template) -> Value:
    root, *keys = path.path
    if isinstance(root, Path):
        template.reads.add("")
        name: Value = value_of(root, template)
    else:
        template.reads.add(_read_by(path))
        text = str(root)
        name = lambda _: text  # noqa: E731
    steps = [value_of(key, template) if isinstance(key, Path) else key for key in keys]

    def resolve(scope: Scope) -> Any:
        root_name = name(scope)
        value = scope.find(root_name if isinstance(root_name, str) else plain_text(root_name))
        for step in steps:
            value = property_of(value, step(scope) if callable(step) else step)
        return value

    return resolve


def _read_by(path: Path) -> str:
    """The dotted path that is read for certain: up to an index, a computed key, or a word for a list as a whole."""
    names = [str(path.path[0])]
    for key in path.path[1:]:
        if not isinstance(key, str) or key in _ENDS_OF_PATH:
            break
        names.append(key)
    return ".".join(names)


def _filtered(value: Value, filter_: filtered.Filter, template: Template) -> Value:
    name, start = filter_.name, filter_.token.start_index
    position = template.position(max(template.text.rfind(opening, 0, start) for opening in ("{{", "{%")))
    if name in DISABLED_FILTERS:
        return _fails(f'filter "{name}" is disabled{position}')
    if name == "sample":
        return _fails(f'filter "sample" is disabled: a replay must give the same value{position}')
    function = FILTERS.get(name)
    if function is None:
        return value
    arguments = [_argument(each, template) for each in filter_.args]
    if name in _DATE_FILTERS:
        value = _at_receipt(value, template)

    def resolve(scope: Scope) -> Any:
        given = value(scope)
        try:
            return function(scope.budget, given, *[each(scope) for each in arguments])
        except FilterError as error:
            raise MappingError(f"{error}{position}") from None

    return resolve


def _argument(argument: Any, template: Template) -> Value:
    value = value_of(argument.value, template)
    if isinstance(argument, KeywordArgument):
        return lambda scope: [argument.name, value(scope)]
    return value


def _at_receipt(value: Value, template: Template) -> Value:
    """The value, with the moment at which the call was received for `now` and `today`: a replay gives the same."""
    template.reads |= {"receivedAt", "timestamp"}

    def resolve(scope: Scope) -> Any:
        given = value(scope)
        if isinstance(given, str) and given in _NOW:
            return scope.event.get("receivedAt") or scope.event.get("timestamp") or given
        return given

    return resolve


def _fails(message: str) -> Value:
    def fail(_: Scope) -> Any:
        raise MappingError(message)

    return fail


def _range(expression: primitive.RangeLiteral, template: Template) -> Value:
    start, stop = value_of(expression.start, template), value_of(expression.stop, template)

    def resolve(scope: Scope) -> list[int]:
        first, last = (number_of(each(scope), scope.budget) for each in (start, stop))
        if not abs(first) + abs(last) < float("inf"):
            return []
        scope.budget.spend(max(int(last - first) + 1, 0))
        return list(range(int(first), int(last) + 1))

    return resolve


def _negated(inner: Any, template: Template) -> Value:
    """`not`, which binds closer than `and` and `or`; python-liquid reads it the other way round."""
    if isinstance(inner, logical.LogicalAndExpression | logical.LogicalOrExpression):
        left, right = _negated(inner.left, template), value_of(inner.right, template)
        operator = OPERATORS[type(inner)]
        return lambda scope: operator(left(scope), right(scope), scope.budget)
    value = value_of(inner, template)
    return lambda scope: not is_true(value(scope))


OPERATORS: dict[type, Callable[[Any, Any, Budget], bool]] = {
    logical.EqExpression: equal,
    logical.NeExpression: lambda left, right, budget: not equal(left, right, budget),
    logical.LtExpression: less,
    logical.GtExpression: lambda left, right, budget: less(right, left, budget),
    logical.LeExpression: lambda left, right, budget: less(left, right, budget, or_equal=True),
    logical.GeExpression: lambda left, right, budget: less(right, left, budget, or_equal=True),
    logical.ContainsExpression: contains,
    logical.LogicalAndExpression: lambda left, right, _: is_true(left) and is_true(right),
    logical.LogicalOrExpression: lambda left, right, _: is_true(left) or is_true(right),
}
