"""Globs of the filter language: `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, and `\\x` for x itself.

A glob fits a whole text, case counts, and `*` crosses any character.  It becomes a regular expression in which what a
star has skipped is never tried again, so that a text is passed once for each piece between stars, whatever it holds.
"""

import re
from functools import lru_cache

MAX_GLOB_CHARS = 500
"""The longest glob that is matched; a pattern may come from an event."""

_PIECE = re.compile(
    r"""(?P<stars>\*+)
      | (?P<any>\?)
      | \[(?P<other>\^?)(?P<members>(?:\\.|[^\\\]])+)\]
      | \\(?P<escaped>.)
      | (?P<plain>[^\\\[])""",
    re.VERBOSE | re.DOTALL,
)
_MEMBER = re.compile(r"\\?(?P<low>.)(?:-\\?(?P<high>.))?", re.DOTALL)


@lru_cache(maxsize=1024)
def glob(pattern: str) -> re.Pattern[str] | None:
    """The regular expression of a glob, or None for one that is malformed or too long.

    >>> bool(glob("a*[c-e]?").fullmatch("abc/dx")), glob("[a")
    (True, None)
    """
    pieces, at = [""], 0
    if len(pattern) > MAX_GLOB_CHARS:
        return None
    while at < len(pattern):
        match = _PIECE.match(pattern, at)
        if match is None:
            return None
        at = match.end()
        if match["stars"]:
            pieces.append("")
        else:
            pieces[-1] += _one_character(match)
    first, *rest = pieces
    if not rest:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def _one_character(match: re.Match[str]) -> str:
    if match["any"]:
        return "."
    if match["members"] is None:
        return re.escape(match["escaped"] or match["plain"])
    members = []
    for member in _MEMBER.finditer(match["members"]):
        low, high = member["low"], member["high"] or member["low"]
        if low <= high:
            members.append(f"{re.escape(low)}-{re.escape(high)}")
    # A class of empty ranges fits no character, and its opposite any.
    if not members:
        return "." if match["other"] else r"(?!)"
    return f"[{match['other']}{''.join(members)}]"
