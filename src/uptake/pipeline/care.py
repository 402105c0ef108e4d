"""Writing notes down, giving an account an owner, and saving views: who may, how much, what the audit log is told.

Notes and owners stay with the id that they were given to.  Where ids were merged, those of all of them are told of the
one that counts, so that taking a merge back leaves no trace here either.
"""

from collections.abc import Sequence
from typing import Protocol

from uptake.core.effects import Kind
from uptake.core.errors import UptakeError
from uptake.core.merges import canonical_of
from uptake.pipeline.erase import all_ids
from uptake.pipeline.standing import Standing
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore
from uptake.stores.meta.care import Note, SavedView, TooMany

MOST_TEXT, MOST_NAME, MOST_ADDRESS = 5_000, 100, 4_000
MOST_NOTES, MOST_VIEWS = 500, 50
SOMEBODY = "somebody on this machine"
"""How an author is called whom nobody knows, at the machine of an open installation."""


class Caring(Protocol):
    """What these need of the running installation."""

    meta: MetaStore

    def clock(self) -> int:
        """Now, µs since 1970 UTC."""


def notes_on(meta: MetaStore, product_id: int, kind: Kind, tracking_id: str) -> Sequence[Note]:
    """Notes on an account or user, those on merged ids too; the newest first."""
    ids = all_ids(meta, product_id, kind, tracking_id)
    found = [note for each in ids for note in meta.care.notes(product_id, kind, each)]
    return sorted(found, key=lambda note: (note.written_us, note.id), reverse=True)


def owners_by_account(meta: MetaStore, product_id: int) -> dict[str, int]:
    """Account that counts → the person who owns it: its own owner, else the first of those of merged ids."""
    canonical = canonical_of(meta.merges.all(product_id))
    given = meta.care.owners(product_id)
    owners = {account: person_id for account, person_id in given.items() if canonical.id("account", account) == account}
    for account, person_id in given.items():
        owners.setdefault(canonical.id("account", account), person_id)
    return dict(sorted(owners.items()))


def author_of(standing: Standing) -> str:
    """What a note calls its author."""
    return (standing.person.name or standing.person.email) if standing.person else SOMEBODY


def write_note(caring: Caring, standing: Standing, product_id: int, whom: tuple[Kind, str], text: str) -> Note:
    """Keep a note on an account or user.  Raises UptakeError: not_permitted, bad_note."""
    standing.demand("editor", product_id)
    written = text.strip()
    if not 0 < len(written) <= MOST_TEXT:
        raise UptakeError("bad_note", f"expected a text of 1 to {MOST_TEXT:,} characters, got {len(written):,}")
    kind, tracking_id = whom
    person_id = standing.person.id if standing.person else None
    note = Note(0, product_id, kind, tracking_id, written, author_of(standing), person_id, caring.clock())
    try:
        return caring.meta.care.add_note(
            note, _entry(caring, standing, "note_written", product_id, whom), most=MOST_NOTES
        )
    except TooMany as error:
        raise UptakeError("bad_note", f"there are {MOST_NOTES} notes already: delete some first") from error


def delete_note(caring: Caring, standing: Standing, product_id: int, whom: tuple[Kind, str], note_id: int) -> None:
    """Forget a note on an account or user; one that is gone already is no fault.  Raises UptakeError: not_permitted."""
    standing.demand("editor", product_id)
    known = {note.id for note in notes_on(caring.meta, product_id, *whom)}
    if note_id in known:
        caring.meta.care.drop_note(product_id, note_id, _entry(caring, standing, "note_deleted", product_id, whom))


def set_owner(caring: Caring, standing: Standing, product_id: int, account: str, person_id: int | None) -> None:
    """Give an account an owner who may see the product, or none, also of ids that were merged into it.

    Raises UptakeError: not_permitted, unknown_person.
    """
    standing.demand("editor", product_id)
    people = {each.id: each for each in caring.meta.people.people()}
    person = people.get(person_id) if person_id is not None else None
    if person_id is not None and (person is None or not (person.owner or product_id in person.roles)):
        raise UptakeError("unknown_person", f"nobody with the number {person_id} has a role in this product")
    before = people.get(owners_by_account(caring.meta, product_id).get(account, 0))
    entry = Entry(
        at_us=caring.clock(),
        by=standing.by,
        what="owner_set",
        product_id=product_id,
        about=f"account {account}",
        before=before.email if before else "",
        after=person.email if person else "",
        address=standing.address,
    )
    given = caring.meta.care.owners(product_id)
    merged = [each for each in all_ids(caring.meta, product_id, "account", account) if each in given]
    for each in (merged or [account]) if person_id is None else [account]:
        caring.meta.care.set_owner(product_id, each, person_id, entry)


def save_view(caring: Caring, standing: Standing, product_id: int, name: str, address: str) -> SavedView:
    """Keep a list under a name, in place of the reader's view of that name.  Raises UptakeError: bad_view."""
    called = " ".join(name.split())
    if not 0 < len(called) <= MOST_NAME:
        raise UptakeError("bad_view", f"expected a name of 1 to {MOST_NAME} characters, got {len(called)}")
    if not address.startswith("/") or address.startswith(("//", "/\\")) or len(address) > MOST_ADDRESS:
        raise UptakeError("bad_view", f"expected the address of a list here, up to {MOST_ADDRESS:,} characters")
    view = SavedView(0, product_id, _person_id(standing), called, address, caring.clock())
    try:
        return caring.meta.care.save_view(view, most=MOST_VIEWS)
    except TooMany as error:
        raise UptakeError("bad_view", f"there are {MOST_VIEWS} saved views already: delete some first") from error


def delete_view(caring: Caring, standing: Standing, product_id: int, view_id: int) -> None:
    """Forget one of the reader's own views."""
    caring.meta.care.drop_view(product_id, _person_id(standing), view_id)


def _person_id(standing: Standing) -> int | None:
    return standing.person.id if standing.person else None


def _entry(caring: Caring, standing: Standing, what: str, product_id: int, whom: tuple[Kind, str]) -> Entry:
    """Tells of a note without its text."""
    return Entry(caring.clock(), standing.by, what, product_id, " ".join(whom), address=standing.address)
