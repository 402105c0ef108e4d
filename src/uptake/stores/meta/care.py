"""The promise about what people note down: notes on accounts and users, who owns an account, and views they saved.

Every change of a note or an owner takes the `Entry` of the audit log that tells of it, and both are kept or neither.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from uptake.core.effects import Kind
from uptake.stores.meta.audit import Entry


class Note(msgspec.Struct, frozen=True):
    """What somebody wrote about an account or a user.

    author: how they were called when they wrote it.  person_id: who they are; None for whoever sat at the machine of an
    open installation.
    """

    id: int
    product_id: int
    kind: Kind
    tracking_id: str
    text: str
    author: str
    person_id: int | None
    written_us: int


class SavedView(msgspec.Struct, frozen=True):
    """A list as somebody wants to find it again; address: a path of the app with its query.

    person_id: whose it is; None for whoever sits at the machine of an open installation.
    """

    id: int
    product_id: int
    person_id: int | None
    name: str
    address: str
    saved_us: int


class TooMany(Exception):
    """There are as many as may be kept."""


class CareStore(Protocol):
    """Safe for several threads and, on one machine, several processes."""

    def notes(self, product_id: int, kind: Kind | None = None, tracking_id: str | None = None) -> Sequence[Note]:
        """Notes of a product, on one account or user where it is named; the newest first."""

    def add_note(self, note: Note, entry: Entry, *, most: int) -> Note:
        """Keep a note; the id is given here.  Raises TooMany where its account or user has `most`."""

    def drop_note(self, product_id: int, note_id: int, entry: Entry) -> None:
        """Forget a note.  Raises KeyError."""

    def owners(self, product_id: int) -> dict[str, int]:
        """Account → the person who owns it, accounts ascending."""

    def set_owner(self, product_id: int, account: str, person_id: int | None, entry: Entry) -> None:
        """Give an account an owner, or with None take the owner away."""

    def views(self, product_id: int, person_id: int | None) -> Sequence[SavedView]:
        """The views of one person, by name."""

    def save_view(self, view: SavedView, *, most: int) -> SavedView:
        """Keep a view; the id is given here.  One of the same person and name is replaced.

        Raises TooMany where the person has `most` others.
        """

    def drop_view(self, product_id: int, person_id: int | None, view_id: int) -> None:
        """Forget a view; one that is gone already, or another person's, is no fault."""

    def forget(self, product_id: int, kind: Kind, tracking_id: str) -> int:
        """Erase every note on an account or user, and an account's owner; how many notes there were."""
