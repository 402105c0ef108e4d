"""The audit log's promise: who changed what and when, who signed in or tried to; rows are added and never changed."""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

MOST_TEXT = 2_000
"""Characters of each text of an entry; what is longer is cut."""


class Entry(msgspec.Struct, frozen=True):
    """One thing that happened.

    at_us: when.  by: whose doing it was: an e-mail address, `command line`, a key's name.  what: a stable word of
    `uptake.pipeline.audit.DEEDS`.  product_id: None where it concerns the installation.  about: what was changed, for
    people.  before, after: in short.  address: the network address that the request came from.
    """

    at_us: int
    by: str
    what: str
    product_id: int | None = None
    about: str = ""
    before: str = ""
    after: str = ""
    address: str = ""


class Recorded(msgspec.Struct, frozen=True):
    """An entry of the log; ids grow with time."""

    id: int
    entry: Entry


class AuditQuery(msgspec.Struct, frozen=True):
    """Which entries are wanted, newest first.

    product_ids: of these products alone; None: of all and of the installation.  before_id: only older ones.  by, what:
    only with these.
    """

    product_ids: Collection[int] | None = None
    before_id: int | None = None
    by: str = ""
    what: str = ""
    limit: int = 100


class AuditLog(Protocol):
    """Safe for several threads and, on one machine, several processes."""

    def add(self, entry: Entry) -> None:
        """Add an entry, durably."""

    def entries(self, query: AuditQuery) -> Sequence[Recorded]:
        """At most `limit` entries, newest first."""


def shortened(text: str, most: int = MOST_TEXT) -> str:
    """The text, cut at the end where it is longer than `most` characters.

    >>> shortened("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"
