"""Notes, owners and saved views in lists: the oracle of the contract suite."""

import itertools

import msgspec

from tests.fakes_people import MemoryAuditLog
from uptake.stores.meta.care import Note, SavedView, TooMany


class MemoryCareStore:
    """A `CareStore` that forgets everything with the process."""

    def __init__(self, audit: MemoryAuditLog) -> None:
        self._audit, self._ids = audit, itertools.count(1)
        self._notes: list[Note] = []
        self._owners: dict[tuple[int, str], int] = {}
        self._views: list[SavedView] = []

    def notes(self, product_id, kind=None, tracking_id=None):
        return [
            note
            for note in reversed(self._notes)
            if note.product_id == product_id and kind in (None, note.kind) and tracking_id in (None, note.tracking_id)
        ]

    def add_note(self, note, entry, *, most):
        if len(self.notes(note.product_id, note.kind, note.tracking_id)) >= most:
            raise TooMany
        self._notes.append(msgspec.structs.replace(note, id=next(self._ids)))
        self._audit.add(entry)
        return self._notes[-1]

    def drop_note(self, product_id, note_id, entry):
        found = next((note for note in self.notes(product_id) if note.id == note_id), None)
        if found is None:
            raise KeyError(note_id)
        self._notes.remove(found)
        self._audit.add(entry)

    def owners(self, product_id):
        return {account: person for (product, account), person in sorted(self._owners.items()) if product == product_id}

    def set_owner(self, product_id, account, person_id, entry):
        self._owners.pop((product_id, account), None)
        if person_id is not None:
            self._owners[product_id, account] = person_id
        self._audit.add(entry)

    def views(self, product_id, person_id):
        of = [view for view in self._views if (view.product_id, view.person_id) == (product_id, person_id)]
        return sorted(of, key=lambda view: view.name)

    def save_view(self, view, *, most):
        others = [each for each in self.views(view.product_id, view.person_id) if each.name != view.name]
        if len(others) >= most:
            raise TooMany
        replaced = [each for each in self.views(view.product_id, view.person_id) if each.name == view.name]
        self._views = [each for each in self._views if each not in replaced]
        self._views.append(msgspec.structs.replace(view, id=next(self._ids)))
        return self._views[-1]

    def drop_view(self, product_id, person_id, view_id):
        of = {each.id for each in self.views(product_id, person_id)}
        self._views = [each for each in self._views if each.id != view_id or each.id not in of]

    def forget(self, product_id, kind, tracking_id):
        theirs = self.notes(product_id, kind, tracking_id)
        self._notes = [note for note in self._notes if note not in theirs]
        if kind == "account":
            self._owners.pop((product_id, tracking_id), None)
        return len(theirs)
