"""`@liquid`: Liquid templates over an event, as liquidjs runs them with Segment's disabled tags and filters.

python-liquid parses; `liquid_nodes` turns what it parsed into functions with JavaScript's values and a budget.  There
are no loops, so a template's work is bounded by its 1,000 characters and by what its filters may make longer, which
they pay for from the budget of the evaluation.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from liquid import Environment, Mode
from liquid.ast import Node as LiquidNode
from liquid.builtin.expressions import FilteredExpression, tokenize
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import parse_boolean_primitive
from liquid.builtin.output import Output, OutputNode
from liquid.exceptions import LiquidError, LiquidSyntaxError
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_CONTENT, TOKEN_EOF, TOKEN_EXPRESSION, TOKEN_ILLEGAL, TOKEN_OUTPUT, TOKEN_PIPE, TOKEN_TAG

from uptake.destination.errors import Budget, MappingError
from uptake.destination.jsvalues import units
from uptake.destination.liquid_nodes import Scope, Stop, Template, write_of
from uptake.destination.mapping_compile import NO_PATHS

MAX_TEMPLATE = 1_000
DISABLED_TAGS = ("case", "for", "include", "layout", "render", "tablerow")
_TAGS = frozenset((
    TOKEN_CONTENT, TOKEN_OUTPUT, TOKEN_ILLEGAL, "#", "assign", "break", "capture", "comment", "continue", "cycle",
    "decrement", "echo", "if", "increment", "liquid", "unless",
))  # fmt: skip
_SNAPSHOT = 32


class CompiledTemplate(NamedTuple):
    """A template, ready to run; `reads`: dotted paths of the payload that it looks at ("" for all of it)."""

    render: Callable[[Any, Budget], str]
    reads: frozenset[str]


class JsOutput(Output):
    """`{{ … }}` with liquidjs's grammar, where an expression may compare: `{{ a == b }}`."""

    def parse(self, stream: TokenStream) -> OutputNode:
        """Parse one output statement."""
        token = stream.eat(TOKEN_OUTPUT)
        inner = stream.expect(TOKEN_EXPRESSION)
        tokens = TokenStream(tokenize(inner.value, inner))
        left = parse_boolean_primitive(self.env, tokens)
        filters = Filter.parse(self.env, tokens, delim=(TOKEN_PIPE,))
        tokens.eat(TOKEN_EOF)
        return OutputNode(token, FilteredExpression(left.token, left, filters))


class UnknownTag(Tag):
    """Any tag that the environment does not have."""

    name = TOKEN_ILLEGAL
    block = False

    def parse(self, stream: TokenStream) -> LiquidNode:
        """Refuse the tag."""
        token = stream.expect(TOKEN_TAG)
        what = "is disabled" if token.value in DISABLED_TAGS else "not found"
        raise LiquidSyntaxError(f'tag "{token.value}" {what}', token=token)


def _environment() -> Environment:
    environment = Environment(tolerance=Mode.STRICT, strict_filters=False)
    environment.shorthand_indexes = True
    environment.logical_not_operator = True
    environment.add_tag(JsOutput)
    environment.add_tag(UnknownTag)
    environment.tags = {name: tag for name, tag in environment.tags.items() if name in _TAGS}
    return environment


_ENVIRONMENT = _environment()


def compile_template(text: str) -> CompiledTemplate:
    """Compile a template; raises MappingError where it is too long or no Liquid.

    >>> compile_template("{{ traits.plan | upcase }}").render({"traits": {"plan": "pro"}}, Budget())
    'PRO'
    """
    if units(text) > MAX_TEMPLATE:
        raise MappingError(f"liquid template values are limited to {MAX_TEMPLATE} characters")
    if not text:
        return CompiledTemplate(lambda _, __: "", NO_PATHS)
    try:
        parsed = _ENVIRONMENT.from_string(text)
    except LiquidError as error:
        raise MappingError(_explained(error, text)) from None
    template = Template(text)
    write = write_of(parsed.nodes, template)

    def render(payload: Any, budget: Budget) -> str:
        scope = Scope(payload if isinstance(payload, dict) else {}, budget)
        with suppress(Stop):
            write(scope)
        return "".join(scope.written)

    return CompiledTemplate(render, frozenset(template.reads))


def _explained(error: LiquidError, text: str) -> str:
    """liquidjs's sentence for a parse error where it is known, else python-liquid's, with line and column."""
    start = error.token.start_index if error.token else -1
    message = str(error.message)
    if message.startswith("expected '}}'"):
        message = f"output {_snapshot(text[start:])} not closed"
    elif message.startswith("missing tag name or closing delimiter"):
        message = f"tag {_snapshot(text[start:])} not closed"
    elif error.token is not None and error.token.kind == TOKEN_TAG:
        start = text.rfind("{%", 0, start)
    return message + Template(text).position(start)


def _snapshot(rest: str) -> str:
    return json.dumps(rest if len(rest) <= _SNAPSHOT else rest[: _SNAPSHOT - 3] + "...", ensure_ascii=False)
