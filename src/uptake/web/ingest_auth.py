"""Which ingest key a request carries in its Authorization header, in all the ways that senders write it.

Segment's SDKs send Basic with base64 of `key:`; some leave the colon out, Accoil's own API takes the key raw.
"""

import base64
import binascii
from collections.abc import Callable
from functools import lru_cache

import msgspec

from uptake.pipeline.accept import IngestProduct

MAX_KEY_LENGTH = 200
LISTED_UNKNOWN = 50

FindProduct = Callable[[str], IngestProduct | None]


class Credentials(msgspec.Struct, frozen=True):
    """The keys that a header may mean, the likeliest first.  final: a body's key is not asked for beside them."""

    keys: tuple[str, ...] = ()
    final: bool = False


NONE = Credentials()


@lru_cache(maxsize=1024)
def credentials_in(header: bytes) -> Credentials:
    """Read an Authorization header.

    A Bearer token may be one of OAuth, with the key in the body, so it is not final.

    >>> credentials_in(b"Basic S0VZOg==").keys, credentials_in(b"Basic raw-key").keys
    (('KEY', 'S0VZOg=='), ('raw-key',))
    """
    scheme, _, text = header.decode("latin-1").strip().partition(" ")
    text = text.strip()
    if scheme.lower() == "bearer" and text:
        return Credentials(_sane([text]))
    if scheme.lower() != "basic" or not text:
        return NONE
    decoded = _decoded(text)
    if decoded is not None and not decoded.partition(":")[0]:
        return NONE  # an empty key, as senders write that have theirs in the body
    found = [] if decoded is None else [decoded.partition(":")[0]]
    return Credentials(_sane([*found, text.partition(":")[0]]), final=True)


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None


def _sane(keys: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for key in keys if is_sane(key)))


def is_sane(key: str) -> bool:
    """Could this be a key at all?"""
    return 0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()


class UnknownKey(msgspec.Struct):
    """Attempts with one unknown key: its first characters, how often, and when last (µs since 1970 UTC)."""

    hint: str
    times: int
    last_us: int


class UnknownKeys:
    """The latest attempts with unknown keys, for whoever wonders why nothing arrives."""

    def __init__(self) -> None:
        self._by_hint: dict[str, UnknownKey] = {}
        self.times = 0

    def note(self, key: str, now_us: int) -> None:
        """Remember an attempt; of the key only its first four characters."""
        self.times += 1
        hint = key[:4] + "…" if key else "(none)"
        known = self._by_hint.pop(hint, None) or UnknownKey(hint, 0, 0)
        self._by_hint[hint] = UnknownKey(hint, known.times + 1, now_us)
        if len(self._by_hint) > LISTED_UNKNOWN:
            del self._by_hint[next(iter(self._by_hint))]

    def latest(self) -> list[UnknownKey]:
        """Attempts by key, the latest first."""
        return list(self._by_hint.values())[::-1]
