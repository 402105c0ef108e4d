"""Words, strings, numbers and signs of both filter languages, and faults that say where they are.

Triggers and destination filters share this lexer.  It reads more than Segment's own trigger parser does; where that
parser would read a token otherwise, the token says so (`Token.misread`), and `uptake.destination.fql_parse` decides.
For triggers it is `generous`: it also reads spellings that have one meaning, though no language has them, such as “…”.
Strings have no escapes, as in Segment; a quote inside a string is written twice.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Literal, NamedTuple, TypeVar

MAX_CHARS = 10_000
"""The longest text that is read: far beyond any condition that a person can check."""

MAX_DEPTH = 50
"""How deep groups and negations may nest."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]++)
      | (?P<string>"(?:[^"]|"")*+" | '(?:[^']|'')*+')
      | (?P<number>[+-]?[0-9][\w.]*+ | [+-]\.[0-9][\w.]*+)
      | (?P<word>(?:[^\W\d]|\\.)(?:[\w-]|\\.)*+)
      | (?P<sign>!=|<=|>=|[=<>!.,()\[\]])""",
    re.VERBOSE | re.DOTALL,
)
_GENEROUS = re.compile(r"(?P<curly>[“”][^“”]*+[“”]|[‘’][^‘’]*+[‘’])|(?P<joint>&&|\|\|)")
_DIGIT_KEY = re.compile(r"[0-9][\w-]*+")
_GENEROUS_NUMBER = re.compile(r"[+-]?[0-9]{1,17}(?:\.[0-9]{0,17})?(?:[eE][+-]?[0-9]{1,2})?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(?:\.[0-9]{1,400})?|[+-]\.[0-9]{1,400}")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED_FOREIGN = re.compile(r"(?:\\.|[\x00-\x7f])*+[^\x00-\x7f]", re.DOTALL)

_STRAY = {
    "&": "write 'and'",
    "|": "write 'or'",
    "“": 'use straight quotes: "',
    "”": 'use straight quotes: "',
    "‘": 'use straight quotes: "',
    "’": 'use straight quotes: "',
    "\\": "a backslash needs a character after it",
    ";": "leave it out",
}

Kind = Literal["word", "string", "number", "sign", "end"]
T = TypeVar("T")


class FqlError(ValueError):
    """A condition that cannot be read: where (line and column from 1), what was found and expected, and what to do.

    rewrite: the same condition spelt so that it can be read, where there is one.  readings: what may have been meant,
    each a condition that can be read, where there is more than one meaning, or a word that is only like a known one.
    repair: what to put in the place of a part (from, to) of the text, to see whether it can then be read.
    """

    readings: tuple[str, ...] = ()
    repair: tuple[int, int, str] | None = None

    def __init__(
        self,
        problem: str,
        fql: str,
        at: int,
        *,
        found: str = "",
        expected: str = "",
        suggestion: str = "",
        rewrite: str | None = None,
    ) -> None:
        self.line = fql.count("\n", 0, at) + 1
        self.column = at - fql.rfind("\n", 0, at)
        self.problem, self.found, self.expected = problem, found, expected
        self.suggestion, self.rewrite = suggestion, rewrite
        self.place = f"line {self.line}, column {self.column}"
        super().__init__(f"{self.place}: {problem}" + (f" — {suggestion}" if suggestion else ""))


class Token(NamedTuple):
    """One token: `text` as written, `value` without quotes and escapes, `at` its offset.

    misread: what about it Segment's trigger parser misreads; empty where it reads the same.
    ended: whether what follows ends a keyword in Segment (white space, a comma, a closing bracket, the end).
    """

    kind: Kind
    text: str
    value: str
    at: int
    misread: str = ""
    ended: bool = True


def tokens(fql: str, error: type[FqlError], *, generous: bool = False) -> Iterator[Token]:
    """Yield the tokens of a text, an end token last.  Raises `error` at the first character that begins none."""
    if len(fql) > MAX_CHARS:
        raise error(f"a condition may have {MAX_CHARS:,} characters, got {len(fql):,}", fql, MAX_CHARS)
    at, previous = 0, ""
    while at < len(fql):
        token = _generous_token(fql, at, previous) if generous else None
        if token is not None:
            yield token[0]
            at, previous = token[1], token[0].text
            continue
        match = _TOKEN.match(fql, at)
        if match is None:
            raise error(f"unexpected {fql[at]!r}", fql, at, found=fql[at], suggestion=_stray_hint(fql, at))
        text, start, at = match.group(), at, match.end()
        if match.lastgroup == "space":
            continue
        if match.lastgroup == "number" and not _NUMBER.fullmatch(text):
            hint = _number_hint(text, previous)
            raise error(f"{text[:40]!r} is not a number", fql, start, found=text, suggestion=hint)
        yield _token(match.lastgroup, text, start, fql[at : at + 1])
        previous = text
    yield Token("end", "", "", len(fql))


def _generous_token(fql: str, at: int, previous: str) -> tuple[Token, int] | None:
    """A token in a spelling that has one meaning, and where it ends; None where there is none."""
    if match := _GENEROUS.match(fql, at):
        text = match.group()
        if match.lastgroup == "curly":
            return Token("string", text, text[1:-1], at, "curly quotes"), match.end()
        word = "and" if text == "&&" else "or"
        return Token("word", word, word, at, f"{text!r}"), match.end()
    if previous == "." and (match := _DIGIT_KEY.match(fql, at)):
        return Token("word", match.group(), match.group(), at, "a digit after a dot"), match.end()
    match = _TOKEN.match(fql, at)
    if match and match.lastgroup == "number" and not _NUMBER.fullmatch(match.group()):
        text = match.group()
        if _GENEROUS_NUMBER.fullmatch(text):
            plain = format(Decimal(text), "f")
            return Token("number", plain, plain, at, f"the number {text}"), match.end()
    return None


def _token(group: str | None, text: str, at: int, following: str) -> Token:
    ended = following in " \t\r\n,])"
    if group == "string":
        quote = text[0]
        return Token("string", text, text[1:-1].replace(quote * 2, quote), at, _misread_string(text, ended=ended))
    if group == "number":
        return Token("number", text, text, at)
    if group == "word":
        misread = _misread_word(text, following, ended=ended)
        return Token("word", text, _ESCAPE.sub(r"\1", text), at, misread, ended)
    return Token("sign", text, text, at, _misread_sign(text, following, ended=ended))


def _misread_string(text: str, *, ended: bool) -> str:
    if text[0] == "'":
        return "single quotes"
    if '"' in text[1:-1]:
        return "a quote inside a string"
    return "" if ended else "a string without a space after it"


def _misread_word(text: str, following: str, *, ended: bool) -> str:
    if not text.isascii() and _UNESCAPED_FOREIGN.match(text):
        return "a letter outside a–z without a backslash before it"
    return "" if ended or following in ".(=!" else f"a name with {following!r} right after it"


def _misread_sign(text: str, following: str, *, ended: bool) -> str:
    if text in ("!=", "<=", ">="):
        return "" if ended else f"{text!r} without a space after it"
    if text == "!" and not (following == "(" or (following.isascii() and following.isalpha())):
        return "'!' with a space after it"
    return ""


def _stray_hint(fql: str, at: int) -> str:
    if fql[at] in "\"'":
        escaped = f"\\{fql[at]}" in fql[:at]
        return "a string has no escapes: write a quote inside it twice" if escaped else "its closing quote is missing"
    return _STRAY.get(fql[at], "")


def _number_hint(text: str, previous: str) -> str:
    if previous == ".":
        return f"a key that begins with a digit needs a backslash: \\{text[:40]}"
    try:
        number = float(text)
    except ValueError:
        return "text needs quotes"
    return f"write {number:.15g}" if "e" in text.lower() and abs(number) < 1e15 else "write it like 5 or -5.5"


def number_of(text: str) -> int | float:
    """The number that a number token stands for; a whole number is an int.

    >>> number_of("456.0"), number_of("-5.5")
    (456, -5.5)
    """
    number = float(text) if "." in text else int(text)
    return int(number) if number == number // 1 else number


class Reader:
    """A place in the tokens of one text, with what both parsers share.

    misreads: what Segment's trigger parser misreads of the tokens stepped over so far, each with its token.
    """

    def __init__(self, fql: str, error: type[FqlError], *, generous: bool = False) -> None:
        self.fql, self._error, self._generous = fql, error, generous
        self._tokens = list(tokens(fql, error, generous=generous))
        self._index = self._depth = 0
        self.misreads: list[tuple[Token, str]] = []

    @property
    def token(self) -> Token:
        """The token that is next."""
        return self._tokens[self._index]

    @property
    def after(self) -> Token:
        """The token after the next one; the end token if there is none."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.token.kind == "end"

    def note(self, token: Token, misread: str) -> None:
        """Remember something that Segment's trigger parser misreads."""
        self.misreads.append((token, misread))

    def take(self) -> Token:
        """Step over the next token and return it; the end token stays."""
        token = self.token
        if token.misread:
            self.note(token, token.misread)
        if token.kind != "end":
            self._index += 1
        return token

    def sees(self, *signs: str) -> bool:
        """Whether the next token is one of these signs."""
        return self.token.kind == "sign" and self.token.text in signs

    def accept(self, sign: str) -> bool:
        """Step over the sign if it is next."""
        return self.sees(sign) and bool(self.take())

    def expect(self, sign: str) -> None:
        """Step over the sign, which must be next."""
        if not self.accept(sign):
            raise self.fault(expected=repr(sign))

    def fault(
        self,
        problem: str = "",
        *,
        at: Token | None = None,
        expected: str = "",
        hint: str = "",
        rewrite: str | None = None,
    ) -> FqlError:
        """The error for a token (by default the next): a problem in words, or what was expected there."""
        token = at or self.token
        found = "the end" if token.kind == "end" else repr(token.text[:60])
        problem = problem or f"expected {expected}, found {found}"
        return self._error(
            problem, self.fql, token.at, found=found, expected=expected, suggestion=hint, rewrite=rewrite
        )

    def path(self) -> list[Token]:
        """Step over a path: a word, then words or quoted keys, each after a dot."""
        parts = [self.take()]
        while self.sees(".", "[") and (self._generous or self.sees(".")):
            parts.append(self._bracketed() if self.sees("[") else self._dotted())
        if self.sees("["):
            index = self.after.text if self.after.kind == "number" else "0"
            raise self.fault("a path has no brackets", hint=f"write a dot and \\{index}")
        return parts

    def _dotted(self) -> Token:
        self.take()
        key = self.token
        if key.kind not in ("word", "string"):
            hint = f"a key that begins with a digit needs a backslash: \\{key.text}" if key.kind == "number" else ""
            raise self.fault(expected="a key after the dot", hint=hint)
        # A quoted key is Uptake's own spelling, so what Segment makes of that string does not matter.
        self._tokens[self._index] = key._replace(misread="") if key.kind == "string" else key
        return self.take()

    def _bracketed(self) -> Token:
        """`[0]` or `["a key"]`, which a generous reader takes for a step of the path."""
        bracket, key = self.take(), self.token
        if key.kind != "string" and not (key.kind == "number" and key.text.isdigit()):
            raise self.fault("a path has no brackets", at=bracket, hint="write a dot and a key")
        self.note(bracket, "a bracket in a path")
        self.take()
        self.expect("]")
        return key._replace(kind="string", misread="")

    def nested(self, read: Callable[[], T]) -> T:
        """Read one level deeper; more than MAX_DEPTH levels are refused."""
        if self._depth >= MAX_DEPTH:
            raise self.fault(f"conditions nest more than {MAX_DEPTH} levels deep")
        self._depth += 1
        value = read()
        self._depth -= 1
        return value

    def joined(self, read_one: Callable[[], T]) -> tuple[str, list[T]]:
        """Read items joined by `and` or by `or`; return the connective (empty for a single item) and the items.

        Both in one group are refused: in Segment's trigger parser the last one wins, elsewhere `and` binds tighter.
        """
        connective, items = "", [read_one()]
        while self.token.kind == "word" and (word := self.token.text.lower()) in ("and", "or"):
            if connective and word != connective:
                raise self.fault(
                    "'and' beside 'or' in one group is ambiguous",
                    hint="make a group of one of them: a and (b or c), or (a and b) or c",
                )
            if self.token.text != word:
                self.note(self.token, f"{self.token.text!r} in capitals")
            connective = word
            self.take()
            items.append(read_one())
        return connective, items
