"""The grammar of triggers: recursive descent over the tokens of one text, to a tree.

It reads every condition that has one meaning, and notes what of it Segment's own parser reads otherwise or not at all.
`uptake.destination.fql_parse` decides what becomes of that.
"""

import difflib
import re

from uptake.destination.fql_ast import (
    OBJECT_FIELDS,
    ORDERS,
    PLAIN_FIELDS,
    SAFE_INTEGER,
    Ast,
    Clause,
    Group,
    Operator,
    Path,
    generate,
)
from uptake.destination.fql_lexer import FqlError, Reader, Token, number_of
from uptake.destination.jsvalues import plain_text

FIELDS = (*PLAIN_FIELDS, *OBJECT_FIELDS)
GROUPS = ("all", "any", "none")
FUNCTIONS = ("contains", "match", "starts_with", "ends_with")
_FILTER_ONLY = frozenset(
    ("length", "lowercase", "uppercase", "snakecase", "kebabcase", "titlecase", "typeof", "bool", "string", "number")
)
_SPLIT = re.compile(r"[^.\[\]]+")
_COMPARISONS: dict[str, Operator] = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TESTS: dict[str, Operator] = {"contains": "contains", "starts_with": "starts_with", "ends_with": "ends_with"}
_NEGATED: dict[str, Operator] = {
    "contains": "not_contains",
    "starts_with": "not_starts_with",
    "ends_with": "not_ends_with",
}
_FIELD_LIST = "a trigger reads type, event, name, userId, properties.…, traits.… and context.…"

Literal = str | int | float | bool | None


class TriggerError(FqlError):
    """A trigger that cannot be saved."""


class Triggers(Reader):
    """Recursive descent over the tokens of one trigger.

    binds: which of `and` and `or` binds tighter where both stand in one group.
    """

    _in_parentheses = False

    def __init__(self, fql: str, binds: str = "and") -> None:
        super().__init__(fql, TriggerError, generous=True)
        self._binds = binds
        self._mixed: Token | None = None

    def whole(self, *, strict: bool) -> Ast:
        if self.at_end:
            raise self.fault("the condition is empty", hint='write, for instance, type = "track"')
        ast = self._conditions()
        if not self.at_end:
            raise self.fault(expected="'and', 'or' or the end", hint=self._loose_end())
        if self._mixed and self._binds == "and":
            raise self._ambiguous(ast, self._mixed)
        if strict and self.misreads:
            token, misread = self.misreads[0]
            rewrite = generate(ast)
            raise self.fault(f"Segment misreads {misread}", at=token, hint=f"write {rewrite}", rewrite=rewrite)
        return ast

    def _ambiguous(self, ast: Ast, token: Token) -> FqlError:
        readings = generate(ast), generate(Triggers(self.fql, binds="or").whole(strict=False))
        hint = f"write {readings[0]}, or {readings[1]}"
        error = self.fault("'and' beside 'or' in one group is ambiguous", at=token, hint=hint)
        error.readings = readings
        return error

    def _loose_end(self) -> str:
        if self.token.text == ")":
            return "it closes a group that was not opened"
        return "join conditions with 'and' or 'or'" if self.token.kind == "word" else ""

    def _conditions(self) -> Ast:
        words: list[str] = []
        items = [self.nested(self._condition)]
        while self.token.kind == "word" and (word := self.token.text.lower()) in ("and", "or"):
            if words and word != words[-1]:
                self._mixed = self._mixed or self.token
            if self.token.text != word:
                self.note(self.token, f"{self.token.text!r} in capitals")
            words.append(word)
            self._connective()
            items.append(self.nested(self._condition))
        return _grouped(items, words, self._binds)

    def _connective(self) -> None:
        token = self.take()
        if self.at_end:
            error = self.fault(expected="a condition", hint=f"leave out {token.text!r}, or write what it joins")
            error.repair = (token.at, len(self.fql), "")
            raise error

    def _condition(self) -> Ast:
        token = self.token
        if self.sees("("):
            return self._parentheses()
        if self.sees("!"):
            return self._exclamation()
        if token.kind != "word":
            raise self.fault(expected="a condition")
        if token.text.lower() == "not":
            self.note(token, repr(token.text))
            self.take()
            return _negation(self.nested(self._condition))
        if self.after.text == "(":
            return self._called()
        return self._comparison()

    def _parentheses(self) -> Ast:
        token = self.take()
        if self._in_parentheses:
            self.note(token, "a group inside a group")
        outer, self._in_parentheses = self._in_parentheses, True
        ast = self._conditions()
        self._in_parentheses = outer
        self.expect(")")
        return ast

    def _exclamation(self) -> Ast:
        token, negated = self.take(), self.token
        if self.sees("(", "!"):
            self.note(token, "a negated group")
            return _negation(self.nested(self._condition))
        if negated.kind == "word" and self.after.text == "(":
            return _negation(self._called())
        if negated.kind == "word":
            self.note(token, "'!' before a comparison")
            return _negation(self._comparison())
        raise self.fault(expected="a function or a group after '!'")

    def _called(self) -> Ast:
        name = self.token
        if name.text in GROUPS:
            return self._group()
        if name.text not in FUNCTIONS:
            raise self._unknown_function(name)
        self.take()
        self.expect("(")
        path = self._field()
        if path[0] == "type":
            raise self.fault(f"{name.text}() cannot test type", at=name, hint='compare it: type = "track"')
        self.expect(",")
        pattern = self.token
        text = _text(self._literal())
        self.expect(")")
        if self._in_parentheses and not self.sees(")"):
            # Segment ends a group at the first closing bracket, so only a function at its end is read rightly.
            self.note(name, "a function inside a group")
        if name.text == "match":
            return self._affix(path, pattern, text)
        return Clause(path, _TESTS[name.text], text)

    def _affix(self, path: Path, pattern: Token, text: str) -> Clause:
        """What `match` means in Segment: a last star begins-with; else ends-with, whatever the first character is."""
        if pattern.kind == "string" and text.endswith("*"):
            return Clause(path, "starts_with", text[:-1])
        if pattern.kind == "word" and text.endswith('*"'):
            self.note(pattern, "a pattern that ends with a quote")
        return Clause(path, "ends_with", text[1:])

    def _group(self) -> Ast:
        kind = self.take().text
        self.expect("(")
        outer, self._in_parentheses = self._in_parentheses, False
        children = [self._conditions()]
        while self.accept(","):
            children.append(self._conditions())
        self._in_parentheses = outer
        self.expect(")")
        if kind == "none":
            return Group("none", tuple(children))
        return Group("all" if kind == "all" else "any", tuple(children)) if len(children) > 1 else children[0]

    def _unknown_function(self, name: Token) -> FqlError:
        if name.text in _FILTER_ONLY:
            return self.fault(f"{name.text}() belongs to destination filters; a trigger has {', '.join(FUNCTIONS)}")
        return self._unknown("function", name, name.text, (*FUNCTIONS, *GROUPS))

    def _unknown(self, what: str, token: Token, word: str, known: tuple[str, ...]) -> FqlError:
        meant = _close(word, known)
        hint = f"did you mean {meant!r}?" if meant else (_FIELD_LIST if what == "field" else "")
        error = self.fault(f"unknown {what} {word[:60]!r}", at=token, hint=hint)
        if meant:
            error.repair = (token.at, token.at + len(word), meant)
        return error

    def _field(self) -> Path:
        if self.token.kind != "word":
            raise self.fault(expected="a field")
        first = self.token
        root = first.value.split(".")[0]
        if root.lower() in ("and", "or"):
            error = self.fault(expected="a condition", hint=f"leave out {first.text!r}, or write what it joins")
            error.repair = (first.at, first.at + len(first.text), "")
            raise error
        if root not in FIELDS:
            raise self._unknown("field", first, root, FIELDS)
        keys = [key for token in self.path() for key in self._keys(token)]
        if root in PLAIN_FIELDS and len(keys) > 1:
            raise self.fault(f"{root} is a value and has no {keys[1]!r}", at=first, hint=_FIELD_LIST)
        if root in OBJECT_FIELDS and len(keys) == 1:
            raise self.fault(f"{root} needs a key", at=first, hint=f"write, for instance, {root}.plan")
        return tuple(keys)

    def _keys(self, token: Token) -> list[str]:
        if token.kind == "string":
            return [token.value]
        if token.text in ("and", "or", "null") and token.ended:
            self.note(token, f"the key {token.text!r}")
        return _SPLIT.findall(token.value)

    def _comparison(self) -> Ast:
        start, path, sign = self.token.at, self._field(), self.token
        if sign.kind == "word" and sign.text == "in" and self.after.text == "[":
            return self._listed(path)
        if not self.sees(*_COMPARISONS):
            field = self.fql[start : sign.at].strip()
            hint = f'write {field} = "…"' if sign.text == "in" else ""
            raise self.fault(expected="an operator (= != < <= > >=)", hint=hint)
        operator = _COMPARISONS[self.take().text]
        if operator == "=" and self.sees("="):
            self.note(sign, "'=='")
            self.take()
        return self._compared_with(path, operator, sign)

    def _compared_with(self, path: Path, operator: Operator, sign: Token) -> Ast:
        value = self._literal()
        if value is None and operator in ("=", "!="):
            return self._presence(path, operator, sign)
        return _compared(path, operator, value)

    def _listed(self, path: Path) -> Ast:
        """`in [ … ]`, which triggers do not have, as any of so many comparisons."""
        sign = self.take()
        self.note(sign, "'in'")
        self.expect("[")
        items = [self._compared_with(path, "=", sign)]
        while self.accept(","):
            items.append(self._compared_with(path, "=", sign))
        self.expect("]")
        return Group("any", tuple(items)) if len(items) > 1 else items[0]

    def _presence(self, path: Path, operator: Operator, sign: Token) -> Ast:
        if path[0] == "type":
            raise self.fault("every call has a type", at=sign, hint='compare it: type = "track"')
        if path[0] == "event":
            self.note(sign, "a null test of event")
            named = Clause(path, "starts_with", "")
            return named if operator == "!=" else Group("none", (named,))
        return Clause(path, "exists" if operator == "!=" else "not_exists")

    def _literal(self) -> Literal:
        token = self.token
        if token.kind == "string":
            return self.take().value
        if token.kind == "number":
            number = number_of(self.take().text)
            if abs(number) > SAFE_INTEGER:
                hint = f'write "{token.text}" to compare it as text'
                raise self.fault("so large a number loses digits in Segment", at=token, hint=hint)
            return number
        if token.kind != "word" or token.text.lower() in ("and", "or"):
            hints = {".": "a number begins with a digit: 0.5"}
            raise self.fault(expected="a value", hint=hints.get(token.text, ""))
        return self._bare()

    def _bare(self) -> Literal:
        """A word, or words and dots, as a value: true, false, null, or text without quotes."""
        first, parts = self.token, [self.take().value]
        while self.accept("."):
            if self.token.kind != "word":
                raise self.fault("this text needs quotes", at=first)
            parts.append(self.take().value)
        text = ".".join(parts)
        if self.sees("(") or (len(parts) > 1 and parts[0] in OBJECT_FIELDS):
            raise self.fault("a field is compared with a value", at=first, hint=f'text needs quotes: "{text}"')
        constants: dict[str, bool | None] = {"true": True, "false": False, "null": None}
        return constants.get(text, text)


def _negation(ast: Ast) -> Ast:
    """The opposite; a function has its own, which is false for what is no text, as in Segment."""
    if isinstance(ast, Clause) and ast.operator in _NEGATED:
        return Clause(ast.path, _NEGATED[ast.operator], ast.value)
    return Group("none", (ast,))


def _compared(path: Path, operator: Operator, value: Literal) -> Clause:
    """The clause that Segment makes of a comparison, by the kinds of field and value."""
    keyed = path[0] in OBJECT_FIELDS
    if isinstance(value, bool) and operator == "=" and (keyed or path[0] == "userId"):
        return Clause(path, "is_true" if value else "is_false")
    if keyed and isinstance(value, int | float):
        if operator in ORDERS:
            return Clause(path, operator, value + 0)
        if not isinstance(value, bool):
            return Clause(path, "number_equals" if operator == "=" else "number_not_equals", value)
    return Clause(path, operator, _text(value))


def _text(value: Literal) -> str:
    return value if isinstance(value, str) else plain_text(value)


def _close(name: str, known: tuple[str, ...]) -> str:
    """The known word that this one is most like; '' where there is none."""
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_lower, 1)
    return by_lower[close[0]] if close else ""


def _grouped(items: list[Ast], words: list[str], binds: str) -> Ast:
    """Conditions and the words between them as a tree; `binds` names the word that binds tighter."""
    if len(set(words)) <= 1:
        return _group(words[0] if words else "and", items)
    loose = "or" if binds == "and" else "and"
    runs: list[list[Ast]] = [[items[0]]]
    for word, item in zip(words, items[1:], strict=True):
        if word == loose:
            runs.append([item])
        else:
            runs[-1].append(item)
    return _group(loose, [_group(binds, run) for run in runs])


def _group(word: str, items: list[Ast]) -> Ast:
    return items[0] if len(items) == 1 else Group("all" if word == "and" else "any", tuple(items))
