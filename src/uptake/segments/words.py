"""The words of the filter language, and cutting a text into them."""

import json
import re

import msgspec

NUMBER_FIELDS = (
    "score_change",
    "score",
    "raw_score",
    "activation",
    "adoption_all_time",
    "adoption",
    "frequency",
    "active_users_percent",
    "active_users",
    "total_users",
    "tenure_days",
    "first_seen_days",
    "last_active_days",
)
LEVELS = ("most_engaged", "slightly_engaged", "passive", "least_engaged", "inactive")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
LONGEST_TEXT = 20_000

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<sign><=|>=|!=|=|<|>|\(|\)|\.)
      | (?P<end>$)
    )""",
    re.VERBOSE,
)


class ConditionError(ValueError):
    """A text that is not a condition: line and column (from 1), what was expected and what was found."""

    def __init__(self, message: str, text: str, position: int) -> None:
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1) + 1
        super().__init__(f"line {self.line}, column {self.column}: {message}")


class Token(msgspec.Struct, frozen=True):
    """One word, string (with quotes), number or sign, and where it begins."""

    kind: str
    text: str
    at: int

    @property
    def value(self) -> str | int | float:
        """A string's text or a number's value."""
        if self.kind == "string":
            return str(json.loads(self.text))
        return float(self.text) if "." in self.text else int(self.text)


def tokens(text: str) -> list[Token]:
    """The words of a text, ending with one of kind `end`.  Raises ConditionError."""
    if len(text) > LONGEST_TEXT:
        raise ConditionError(f"a condition may have {LONGEST_TEXT} characters, got {len(text)}", text, LONGEST_TEXT)
    found: list[Token] = []
    position = 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise ConditionError(f"unexpected {text[start : start + 1]!r}", text, start)
        found.append(_checked(Token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)), text))
        position = match.end()
    return found


def _checked(token: Token, text: str) -> Token:
    if token.kind == "string":
        try:
            json.loads(token.text)
        except ValueError:
            raise ConditionError("a string is written as in JSON", text, token.at) from None
    return token
