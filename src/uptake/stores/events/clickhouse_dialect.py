"""The SQL of this package, written for DuckDB, as ClickHouse reads it.

Texts are kept to what both engines understand; what they call otherwise is said here, and nowhere else.  Parameters
stay as they are: a session gives them their types.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from uptake.stores.events.exports import SORTED_BY_KEY
from uptake.stores.events.value_sql import DAY_OF, ITEMS

_NAMES = {
    "lower": "lowerUTF8",
    "starts_with": "startsWith",
    "ends_with": "endsWith",
    "bit_or": "groupBitOr",
    "bit_count": "bitCount",
    "chr": "char",
    "unnest": "arrayJoin",
    "list_contains": "has",
}
"""Functions of the same arguments."""
_CALLED = re.compile(rf"\b({'|'.join(_NAMES)})\(")

_TYPES = {"varchar": "String", "bigint": "Int64", "integer": "Int32", "double": "Float64", "date": "Date32"}

# A literal keeps its backslashes only if they are doubled; nothing of ours has a literal with anything else to escape.
_PATTERN = re.compile(r"regexp_full_match\((\w+), '([^']*)'\)")

FIRST_DAY_US, LAST_DAY_US = -2_208_902_400_000_000, 10_413_619_200_000_000
"""Moments outside of 1900-01-02 to 2299-12-30 count on the nearest of these days: the engine knows no others."""

_REWRITTEN: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(re.escape(DAY_OF).replace(r"\{moment\}", r"([\w.]+)")),
        rf"toDate32(fromUnixTimestamp64Micro(clamp(\1, {FIRST_DAY_US}, {LAST_DAY_US}), $zone))",
    ),
    (re.compile(r"quantile_cont\((\w+), ([0-9.]+)\)"), r"quantileExactInclusive(\2)(\1)"),
    (re.compile(r"try_cast\((\w+) as double\)"), r"toFloat64OrNull(\1)"),
    (re.compile(r"md5_number_lower\((\w+)\)"), r"reinterpretAsUInt64(substring(MD5(\1), 9, 8))"),
    # what a window function finds beyond the end is a type's default, unless it can be null
    (re.compile(r"\b(lag|lead)\((\w+)\)"), r"\1(toNullable(\2))"),
    (re.compile(r"create or replace temp table"), r"create or replace temporary table"),
    (
        re.compile(re.escape(SORTED_BY_KEY).replace(r"\{\}", r"(\w+)")),
        r"arrayMap(pair -> pair.2, arraySort(groupArray((key, assumeNotNull(\1)))))",
    ),
)

_UNNESTED = re.compile(r"select ((?:unnest\(\$\w+::\w+\[\]\) as \w+(?:,\s+)?){2,})")
_ONE_UNNESTED = re.compile(r"unnest\((\$\w+::\w+\[\])\) as (\w+)")


@lru_cache(maxsize=1024)
def spoken(sql: str) -> str:
    """The text in ClickHouse's words; `$name` parameters stay."""
    text = sql.replace(ITEMS, _ITEMS)
    text = _UNNESTED.sub(_side_by_side, text)
    for pattern, words in _REWRITTEN:
        text = pattern.sub(words, text)
    text = _PATTERN.sub(_matched, text)
    text = _CALLED.sub(lambda found: f"{_NAMES[found[1]]}(", text)
    return _named(_TYPED.sub(_type, text))


_SELECT = re.compile(r"\bselect(?: distinct)?\b")
_TOKEN = re.compile(r"'[^']*'|[(),]|\b(?:from|union|intersect|except)\b")
_COLUMN = re.compile(r"\s*\w+\.(\w+)\s*")


def _named(text: str) -> str:
    """The text with every `t.column` of a select list named: where joined tables share it, it would stay `t.column`."""
    names = sorted(each for found in _SELECT.finditer(text) for each in _unnamed(text, found.end()))
    parts, at = [], 0
    for end, name in names:
        parts += [text[at:end], f" as {name} "]
        at = end
    return "".join(parts) + text[at:]


def _unnamed(text: str, at: int) -> Iterator[tuple[int, str]]:
    """Where each plain column of the select list that begins there ends, and its name."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if depth == 0 and token[0][0] in "),fuie":
            column = _COLUMN.fullmatch(text, at, token.start())
            if column:
                yield column.end(1), column[1]
            if token[0] != ",":
                return
            at = token.end()
        depth += {"(": 1, ")": -1}.get(token[0], 0)


_ITEMS = """arrayMap(
  item -> if(startsWith(item, '"'), JSONExtractString(item), item),
  arrayFilter(item -> item <> 'null', JSONExtractArrayRaw(assumeNotNull(value)))
)"""
_TYPED = re.compile(rf"(?:cast\(null as ({'|'.join(_TYPES)})\)|(::| as )({'|'.join(_TYPES)})\b(?=[^\[]|$))")


def _type(found: re.Match[str]) -> str:
    if found[1]:
        return f"cast(null as Nullable({_TYPES[found[1]]}))"
    return f"{found[2]}{_TYPES[found[3]]}"


def _matched(found: re.Match[str]) -> str:
    pattern = found[2].replace("\\", "\\\\")
    return f"match({found[1]}, '^(?:{pattern})$')"


def _side_by_side(found: re.Match[str]) -> str:
    """Lists side by side: as functions each of them would be joined with every other."""
    lists = _ONE_UNNESTED.findall(found[1])
    columns = ", ".join(f"row.{place} as {name}" for place, (_, name) in enumerate(lists, start=1))
    return f"select {columns} from (select arrayJoin(arrayZip({', '.join(each for each, _ in lists)})) as row)"
