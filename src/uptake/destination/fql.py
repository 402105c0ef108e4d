"""The trigger language, FQL as Segment's destinations have it: everything that other modules need of it.

`uptake.destination.fql_parse` says what is read and what is refused, `fql_compile` how values compare.
"""

from uptake.destination.fql_ast import (
    OBJECT_FIELDS,
    PLAIN_FIELDS,
    Ast,
    Clause,
    Group,
    Operator,
    generate,
    operators_of,
    paths_of,
    required_type,
)
from uptake.destination.fql_compile import Explanation, Trigger, compile_ast, compile_trigger, explain
from uptake.destination.fql_lexer import FqlError
from uptake.destination.fql_parse import TriggerError, canonical, parse

__all__ = [
    "OBJECT_FIELDS",
    "PLAIN_FIELDS",
    "Ast",
    "Clause",
    "Explanation",
    "FqlError",
    "Group",
    "Operator",
    "Trigger",
    "TriggerError",
    "canonical",
    "compile_ast",
    "compile_trigger",
    "explain",
    "generate",
    "operators_of",
    "parse",
    "paths_of",
    "required_type",
]
