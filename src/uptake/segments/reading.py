"""From text to a condition.

condition := part (("and" part)* | ("or" part)*)          and/or are not mixed without parentheses
part      := "not" part | "(" condition ")" | "everyone" | did | trait | number | level
did       := ["account" | "any user"] "did" "(" ["feature"] STRING ")" [comparison NUMBER] ["within" NUMBER "days"]
trait     := ("user" | "account") "." KEY ("." KEY)* ("exists" | "contains" STRING | comparison VALUE
             | ("before" | "after" | "on") STRING | "within" NUMBER "days")
number    := FIELD comparison NUMBER | "score_change" "over" NUMBER "days" comparison NUMBER
level     := "level" ("=" | "!=") LEVEL
"""

import difflib
from datetime import date
from typing import Literal, cast

from uptake.core.conditions import (
    All,
    AnyOf,
    Comparison,
    Condition,
    Did,
    Everyone,
    LevelIs,
    Not,
    Number,
    NumberField,
    Of,
    Scalar,
    Trait,
    TraitOperator,
)
from uptake.segments.words import COMPARISONS, LEVELS, NUMBER_FIELDS, ConditionError, Token, tokens

__all__ = ["ConditionError", "parse"]

DEEPEST = 40
_STARTS = ("not", "everyone", "did", "user", "account", "any", "level", *NUMBER_FIELDS)


def parse(text: str) -> Condition:
    """Read a condition; an empty text is everyone.  Raises ConditionError with line, column and a suggestion."""
    if not text.strip():
        return Everyone()
    reader = _Reader(text)
    condition = reader.condition(0)
    reader.expect("end", what="the end, `and` or `or`")
    return condition


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0

    # ---- words
    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _took(self, *words: str) -> str | None:
        token = self._token
        if token.kind in ("word", "sign") and token.text in words:
            self._take()
            return token.text
        return None

    def _fault(self, expected: str) -> ConditionError:
        token = self._token
        got = "the end" if token.kind == "end" else repr(token.text)
        return ConditionError(f"expected {expected}, got {got}", self._text, token.at)

    def expect(self, kind: str, *texts: str, what: str) -> Token:
        """The next word, which must be of this kind (and one of these texts)."""
        token = self._token
        if token.kind != kind or (texts and token.text not in texts):
            raise self._fault(what)
        return self._take()

    # ---- grammar
    def condition(self, depth: int) -> Condition:
        """Parts joined all by `and` or all by `or`."""
        if depth > DEEPEST:
            raise ConditionError(f"groups may be nested {DEEPEST} deep", self._text, self._token.at)
        parts, joined = [self._part(depth)], ""
        while word := self._took("and", "or"):
            if joined not in ("", word):
                at = self._tokens[self._next - 1].at
                raise ConditionError("`and` and `or` are mixed: put parentheses", self._text, at)
            joined = word
            parts.append(self._part(depth))
        if len(parts) == 1:
            return parts[0]
        return All(tuple(parts)) if joined == "and" else AnyOf(tuple(parts))

    def _part(self, depth: int) -> Condition:
        if self._took("not"):
            return Not(self._part(depth + 1) if depth < DEEPEST else self.condition(depth + 1))
        if self._took("("):
            inside = self.condition(depth + 1)
            self.expect("sign", ")", what="`)`")
            return inside
        if self._took("everyone"):
            return Everyone()
        return self._leaf()

    def _leaf(self) -> Condition:
        token = self._token
        if token.kind != "word" or token.text not in _STARTS:
            close = difflib.get_close_matches(token.text, _STARTS, 1) if token.kind == "word" else []
            hint = f" (did you mean `{close[0]}`?)" if close else ""
            raise self._fault(f'a condition such as `score > 75` or `account.plan = "pro"`{hint}')
        self._take()
        match token.text:
            case "did":
                return self._did(None)
            case "level":
                return self._level()
            case "any":
                self.expect("word", "user", what="`user`")
                self.expect("word", "did", what="`did`")
                return self._did("user")
            case "user" | "account":
                if token.text == "account" and self._took("did"):
                    return self._did("account")
                return self._trait("user" if token.text == "user" else "account")
        over = self._days(90) if token.text == "score_change" and self._took("over") else None
        return Number(cast(NumberField, token.text), self._comparison(), float(self._number("a number")), over)

    def _did(self, of: Of | None) -> Did:
        self.expect("sign", "(", what="`(`")
        feature = self._took("feature") is not None
        name = str(self.expect("string", what="an event's name in double quotes").value)
        self.expect("sign", ")", what="`)`")
        comparison: Comparison = ">="
        times = 1
        if self._token.text in COMPARISONS:
            comparison, times = self._comparison(), self._whole("how many times", 0, 1_000_000_000)
        within = self._days(90) if self._took("within") else None
        named = {"feature": name} if feature else {"event": name}
        return Did(of=of, comparison=comparison, times=times, within_days=within, **named)

    def _trait(self, of: Of) -> Trait:
        self.expect("sign", ".", what="`.` and a trait")
        token = self._token
        if token.kind not in ("word", "string"):
            raise self._fault("a trait's key, in double quotes where it is not a plain word")
        key = str(token.value) if token.kind == "string" else token.text
        self._take()
        while token.kind == "word" and self._took("."):
            key += "." + self.expect("word", what="a word of the trait's key").text
        if self._took("exists"):
            return Trait(of, key, "exists")
        if self._took("within"):
            return Trait(of, key, "within", self._days(36_500))
        if self._took("contains"):
            return Trait(of, key, "contains", str(self.expect("string", what="a text in double quotes").value))
        if word := self._took("before", "after", "on"):
            return Trait(of, key, cast(TraitOperator, word), self._date())
        return Trait(of, key, self._comparison(), self._value())

    def _level(self) -> Condition:
        comparison = self._comparison()
        if comparison not in ("=", "!="):
            raise self._fault("`=` or `!=` before a level")
        level = LevelIs(cast(Literal["inactive"], self.expect("word", *LEVELS, what=" or ".join(LEVELS)).text))
        return level if comparison == "=" else Not(level)

    # ---- values
    def _comparison(self) -> Comparison:
        if self._token.text not in COMPARISONS:
            raise self._fault("one of " + " ".join(COMPARISONS))
        return cast(Comparison, self._take().text)

    def _number(self, what: str) -> int | float:
        value = self.expect("number", what=what).value
        assert not isinstance(value, str)
        return value

    def _whole(self, what: str, least: int, most: int) -> int:
        at = self._token.at
        value = self._number(what)
        if isinstance(value, float) or not least <= value <= most:
            raise ConditionError(f"expected {what}, {least} to {most}, got {value}", self._text, at)
        return value

    def _days(self, most: int) -> int:
        days = self._whole("a number of days", 1, most)
        self.expect("word", "days", "day", what="`days`")
        return days

    def _date(self) -> str:
        token = self.expect("string", what='a day such as "2026-01-31"')
        try:
            return date.fromisoformat(str(token.value)).isoformat()
        except ValueError:
            raise ConditionError(
                f'expected a day such as "2026-01-31", got {token.text}', self._text, token.at
            ) from None

    def _value(self) -> Scalar:
        if word := self._took("true", "false"):
            return word == "true"
        if self._token.kind not in ("string", "number"):
            raise self._fault("a text in double quotes, a number, true or false")
        return self._take().value
