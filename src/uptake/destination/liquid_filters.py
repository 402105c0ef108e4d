"""Liquid filters over texts, with liquidjs's meaning; the table of all filters is at the end.

A filter gets the budget of the evaluation, the value and its arguments.  Whatever can make a text longer pays
for it first, so that a chain of filters cannot grow without bound.
"""

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from uptake.destination import liquid_filters_values as values
from uptake.destination.errors import Budget
from uptake.destination.jsvalues import UNDEFINED, WHITESPACE
from uptake.destination.liquid_values import BLANKS, FilterError, given, number_of, printed

Filter = Callable[..., Any]

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_ESCAPED = re.compile("|".join(_ESCAPES.values()))
_BLOCKS = (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">"))
_ACCENTS = {
    "àáâãäå": "a", "æ": "ae", "ç": "c", "èéêë": "e", "ìíîï": "i", "ð": "d", "ñ": "n", "òóôõöø": "o", "ùúûü": "u",
    "ýÿ": "y", "ß": "ss", "œ": "oe", "þ": "th", "ẞ": "SS", "Œ": "OE", "Þ": "TH",
}  # fmt: skip
_WITHOUT_ACCENTS = str.maketrans({letter: plain for letters, plain in _ACCENTS.items() for letter in letters})
_CJK = "\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af"
_CJK_WORD, _OTHER_WORD = re.compile(f"[{_CJK}]"), re.compile(f"[^{_CJK}{WHITESPACE}]+")


def text_filter(function: Filter) -> Filter:
    """A filter whose value and arguments are texts, and which makes nothing longer than all of them together."""

    def run(budget: Budget, value: Any, *args: Any) -> Any:
        texts = [printed(each, budget) for each in (value, *args)]
        budget.spend_text(sum(map(len, texts)))
        return function(*texts)

    return run


def growing_filter(most: int, function: Filter) -> Filter:
    """A filter over one text that makes it at most so many times as long."""

    def run(budget: Budget, value: Any, *_: Any) -> Any:
        text = printed(value, budget)
        budget.spend_text(most * len(text))
        return function(text)

    return run


def append(budget: Budget, value: Any, *args: Any) -> str:
    """The value with the argument after it."""
    if not args:
        raise FilterError("append expect 2 arguments")
    return _joined(budget, value, args[0])


def prepend(budget: Budget, value: Any, *args: Any) -> str:
    """The value with the argument before it."""
    if not args:
        raise FilterError("prepend expect 2 arguments")
    return _joined(budget, args[0], value)


def _joined(budget: Budget, left: Any, right: Any) -> str:
    text = printed(left, budget) + printed(right, budget)
    budget.spend_text(len(text))
    return text


def replace(budget: Budget, value: Any, pattern: Any = UNDEFINED, replacement: Any = UNDEFINED, *_: Any) -> str:
    """Every occurrence of a text replaced; the empty text stands between any two characters."""
    text, old, new = (printed(each, budget) for each in (value, pattern, replacement))
    found = text.count(old) if old else max(len(text) - 1, 0)
    budget.spend_text(len(text) + found * len(new))
    return text.replace(old, new) if old else new.join(text)


def replace_first(text: str, old: str = "", new: str = "", *_: str) -> str:
    """The first occurrence replaced."""
    return text.replace(old, new, 1)


def replace_last(text: str, old: str = "", new: str = "", *_: str) -> str:
    """The last occurrence replaced."""
    at = text.rfind(old)
    return text if at < 0 else text[:at] + new + text[at + len(old) :]


def remove(text: str, old: str = "", *_: str) -> str:
    """Every occurrence taken out."""
    return text.replace(old, "") if old else text


def remove_first(text: str, old: str = "", *_: str) -> str:
    """The first occurrence taken out."""
    return text.replace(old, "", 1)


def remove_last(text: str, old: str = "", *_: str) -> str:
    """The last occurrence taken out."""
    return replace_last(text, old)


def split(text: str, separator: str = "", *_: str) -> list[str]:
    """The parts between separators, without empty ones at the end; characters where the separator is empty."""
    parts = text.split(separator) if separator else list(text)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def strip(text: str, characters: str = "", *_: str) -> str:
    """Without blanks, or the given characters, on both sides."""
    return text.strip(characters or WHITESPACE)


def lstrip(text: str, characters: str = "", *_: str) -> str:
    """Without blanks, or the given characters, on the left."""
    return text.lstrip(characters or WHITESPACE)


def rstrip(text: str, characters: str = "", *_: str) -> str:
    """Without blanks, or the given characters, on the right."""
    return text.rstrip(characters or WHITESPACE)


def truncate(budget: Budget, value: Any, length: Any = UNDEFINED, ellipsis: Any = UNDEFINED, *_: Any) -> Any:
    """At most so many characters, the ellipsis counted in."""
    text, end, most = (
        printed(value, budget),
        printed(given(ellipsis, "..."), budget),
        number_of(given(length, 50), budget),
    )
    budget.spend_text(len(text) + len(end))
    if len(text) <= most:
        return value
    return text[: max(int(most) - len(end), 0) if most == most else 0] + end


def truncatewords(budget: Budget, value: Any, words: Any = UNDEFINED, ellipsis: Any = UNDEFINED, *_: Any) -> str:
    """At most so many words, and the ellipsis where there were as many."""
    text, end, most = (
        printed(value, budget),
        printed(given(ellipsis, "..."), budget),
        number_of(given(words, 15), budget),
    )
    budget.spend_text(2 * len(text) + len(end))
    parts = BLANKS.split(text)
    count = int(min(max(most, 1), len(parts) + 1)) if most == most else 0
    return " ".join(parts[:count]) + (end if 0 < count <= len(parts) else "")


def number_of_words(text: str, mode: str = "", *_: str) -> int:
    """Words between blanks; with `cjk` each Chinese, Japanese or Korean character is one."""
    stripped = text.strip(WHITESPACE)
    if not stripped:
        return 0
    characters = len(_CJK_WORD.findall(stripped)) if mode in ("cjk", "auto") else 0
    if mode == "cjk" or characters:
        return characters + len(_OTHER_WORD.findall(stripped))
    return len(BLANKS.split(stripped))


def escape(text: str) -> str:
    """HTML-escaped."""
    return re.sub("[&<>\"']", lambda found: _ESCAPES[found[0]], text)


def escape_once(text: str) -> str:
    """HTML-escaped, but not what is escaped already."""
    plain = {escaped: character for character, escaped in _ESCAPES.items()}
    return escape(_ESCAPED.sub(lambda found: plain[found[0]], text))


def strip_html(text: str, *_: str) -> str:
    """Without tags, comments, scripts and styles; in linear time."""
    kept, at, blocks = [], 0, dict(_BLOCKS)
    while (start := text.find("<", at)) >= 0:
        kept.append(text[at:start])
        after = _after_block(text, start, blocks)
        if after < 0:
            return "".join(kept) + text[start:]
        at = after
    return "".join(kept) + text[at:]


def _after_block(text: str, start: int, blocks: dict[str, str]) -> int:
    """Where the markup that starts here ends, or -1; a block without its end is not looked for again."""
    for opener, closer in tuple(blocks.items()):
        if text.startswith(opener, start):
            end = text.find(closer, start + len(opener))
            if end >= 0:
                return end + len(closer)
            del blocks[opener]
    return -1


def url_decode(text: str, *_: str) -> str:
    """Percent-decoded, and plus signs as blanks."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise FilterError("URI malformed")
    try:
        return unquote(text, errors="strict").replace("+", " ")
    except UnicodeDecodeError:
        raise FilterError("URI malformed") from None


def url_encode(text: str) -> str:
    """encodeURIComponent(), and blanks as plus signs."""
    return _quoted(text, "-_.!~*'()").replace("%20", "+")


def cgi_escape(text: str) -> str:
    """Like url_encode, and `!'()*` escaped too."""
    return _quoted(text, "-_.~").replace("%20", "+")


def uri_escape(text: str) -> str:
    """encodeURI(), and brackets left alone."""
    return _quoted(text, ";,/?:@&=+$-_.!~*'()#[]")


def _quoted(text: str, safe: str) -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise FilterError("URI malformed") from None


def base64_encode(text: str) -> str:
    """UTF-8 in Base64."""
    return base64.b64encode(text.encode(errors="replace")).decode()


def base64_decode(text: str, *_: str) -> str:
    """UTF-8 from Base64 or its URL-safe form; what is no Base64 is passed over."""
    figures = re.sub("[^A-Za-z0-9+/]", "", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    try:
        return base64.b64decode(figures[: len(figures) - (len(figures) % 4 == 1)] + "===").decode(errors="replace")
    except binascii.Error:
        return ""


def sha256(text: str, *_: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def hmac_sha256(text: str, key: str = "", *_: str) -> str:
    """HMAC-SHA-256 under a key, in hexadecimal."""
    return hmac.new(key.encode(errors="replace"), text.encode(errors="replace"), "sha256").hexdigest()


def slugify(text: str, mode: str = "default", cased: str = "", *_: str) -> str:
    """For a URL: what the mode does not keep becomes a dash."""
    if mode in ("raw", "default", "pretty", "ascii", "latin"):
        plain = text.translate(_WITHOUT_ACCENTS) if mode == "latin" else text
        kept = "".join(character if _in_slug(character, mode) else "\0" for character in plain)
        text = re.sub("\0+", "-", kept)
        text = text[text.startswith("-") : len(text) - text.endswith("-")]
    return text if cased else text.lower()


def _in_slug(character: str, mode: str) -> bool:
    if mode == "raw":
        return character not in WHITESPACE
    if mode == "ascii":
        return character.isascii() and character.isalnum()
    category = unicodedata.category(character)
    return category[0] in "ML" or category == "Nd" or (mode == "pretty" and character in "._~!$&'()+,;=@")


def capitalize(text: str) -> str:
    """The first character in upper case, the others in lower case."""
    return text[:1].upper() + text[1:].lower()


FILTERS: dict[str, Filter] = {
    **values.FILTERS,
    "append": append,
    "prepend": prepend,
    "replace": replace,
    "truncate": truncate,
    "truncatewords": truncatewords,
    **{
        function.__name__: text_filter(function)
        for function in (
            replace_first, replace_last, remove, remove_first, remove_last, split, strip, lstrip, rstrip, strip_html,
            number_of_words, url_decode, base64_decode, sha256, hmac_sha256, slugify,
        )
    },
    "escape": growing_filter(5, escape),
    "xml_escape": growing_filter(5, escape),
    "escape_once": growing_filter(5, escape_once),
    "url_encode": growing_filter(12, url_encode),
    "cgi_escape": growing_filter(12, cgi_escape),
    "uri_escape": growing_filter(12, uri_escape),
    "base64_encode": growing_filter(6, base64_encode),
    "capitalize": growing_filter(3, capitalize),
    "downcase": growing_filter(3, str.lower),
    "upcase": growing_filter(3, str.upper),
    "strip_newlines": growing_filter(1, lambda text: re.sub(r"\r?\n", "", text)),
    "normalize_whitespace": growing_filter(1, lambda text: BLANKS.sub(" ", text)),
}  # fmt: skip
"""Every filter but the disabled ones, by name; a name that is not here passes its value through, as Segment has it."""
