"""What a call means: facts about users, accounts and events, and the fate of the call itself."""

from typing import Any, Literal

import msgspec

Kind = Literal["user", "account"]


class TraitsSet(msgspec.Struct, frozen=True, tag="traits_set", tag_field="effect"):
    """A user or account has these traits from this moment; a value None clears the key and keeps the stamp."""

    kind: Kind
    id: str
    traits: dict[str, Any]


class Joined(msgspec.Struct, frozen=True, tag="joined", tag_field="effect"):
    """A user belongs to an account from this moment."""

    user: str
    account: str


class Acted(msgspec.Struct, frozen=True, tag="acted", tag_field="effect"):
    """A user did a named event once; `account` is the account that the call itself named, or None."""

    user: str
    event: str
    account: str | None = None


Effect = TraitsSet | Joined | Acted

Fate = Literal[
    "applied", "duplicate", "filtered", "unmatched", "invalid", "no_user", "recorded", "unreadable", "erased"
]
FATES: tuple[Fate, ...] = (
    "applied",
    "duplicate",
    "filtered",
    "unmatched",
    "invalid",
    "no_user",
    "recorded",
    "unreadable",
    "erased",
)


class Note(msgspec.Struct, frozen=True):
    """One thing to tell about a call: a code, the field it is about, a sentence, and the mapping's name ('' for
    none)."""

    code: str
    field: str
    message: str
    mapping: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """The fate of one call and its effects, each once; every effect happens at the call's event time and messageId.

    fate: `applied` where at least one mapping (or the direct path) gave effects.
    notes: why not, or what was left out (lenient mappings).
    """

    fate: Fate
    effects: tuple[Effect, ...] = ()
    notes: tuple[Note, ...] = ()
