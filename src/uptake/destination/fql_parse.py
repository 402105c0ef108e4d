"""Reading triggers: FQL to a tree, or a `TriggerError` that says where and what to write instead.

The parser reads every condition that has one meaning.  Some of those Segment's own parser reads otherwise or not at
all (groups in groups, `not`, single quotes, missing spaces): with `strict`, the default, they are refused, and the
error holds the same condition in a spelling that both read alike, or that only Uptake reads.  So no trigger that
Segment saved fires here when it did not fire there.

Beyond Segment's language: `all(…)`, `any(…)`, `none(…)` take conditions and nest freely; `starts_with(field, text)` and
`ends_with(field, text)` need no star; `properties."a.b"` names a key with a dot.  In Segment, and so here, `\\.` in a
path still parts two keys, while text without quotes has escapes: `event = say\\ \\"hi\\"`.
"""

from uptake.destination.fql_ast import Ast, generate
from uptake.destination.fql_grammar import TriggerError, Triggers
from uptake.destination.fql_lexer import FqlError

__all__ = ["TriggerError", "canonical", "parse"]


def parse(fql: str, *, strict: bool = True) -> Ast:
    """Read a trigger.

    strict: refuse what Segment's parser misreads; the error's `rewrite` holds the condition to write instead.

    Raises TriggerError.
    """
    try:
        return Triggers(fql).whole(strict=strict)
    except TriggerError as error:
        if not error.rewrite and not error.readings:
            error.readings = _repaired(fql, error)
        raise


def canonical(fql: str) -> str:
    """The trigger in a spelling that Segment reads alike, or that only Uptake reads; as it stands where it is one.

    Raises TriggerError where it has two meanings, or none.

    >>> canonical("type='track' and not contains(event, 'Test')")
    'type = "track" and !contains(event, "Test")'
    """
    try:
        parse(fql)
    except TriggerError as error:
        if error.rewrite is None:
            raise
        return error.rewrite
    return fql


def _repaired(fql: str, error: FqlError) -> tuple[str, ...]:
    """What the trigger would be without its fault, where a small repair makes it one that can be read."""
    texts = [fql.replace('\\"', '""')] if '\\"' in fql else []
    if error.repair:
        start, end, text = error.repair
        texts.insert(0, fql[:start] + text + fql[end:])
    for text in texts:
        try:
            return (generate(Triggers(text).whole(strict=False)),)
        except TriggerError:
            continue
    return ()
