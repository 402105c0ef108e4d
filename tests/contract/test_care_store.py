"""What every store of notes, owners and saved views promises, asked of SQLite, PostgreSQL and the oracle in memory."""

import pytest

from tests.fakes_meta import MemoryMetaStore
from uptake.core.config import ProductConfig
from uptake.stores.meta.audit import AuditQuery, Entry
from uptake.stores.meta.care import Note, SavedView, TooMany
from uptake.stores.meta.people import Person
from uptake.stores.meta.sql import SqlMetaStore

SECRET = b"a secret of at least 32 characters"


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def meta(request, tmp_path):
    if request.param == "memory":
        store = MemoryMetaStore()
    elif request.param == "postgres":
        store = SqlMetaStore(request.getfixturevalue("databases")(), SECRET)
    else:
        store = SqlMetaStore(f"sqlite:///{tmp_path}/meta.sqlite", SECRET)
    for product in ("Acme App", "Bob's"):
        store.create_product(ProductConfig(product=product), now_us=1, by="setup")
    for email in ("ana@acme.example", "bob@acme.example"):
        store.people.add_person(Person(0, email, email[:3], owner=False, created_us=1), "", entry("person_added"))
    yield store
    store.close()


@pytest.fixture
def care(meta):
    return meta.care


def entry(what="test"):
    return Entry(5, "ana@acme.example", what, 1)


def note(text="Called them.", *, product_id=1, kind="account", tracking_id="acme", person_id=1):
    return Note(0, product_id, kind, tracking_id, text, "Ana", person_id, 7)


def view(name="My accounts", *, person_id=1, address="/accounts?level=passive"):
    return SavedView(0, 1, person_id, name, address, 7)


def test_notes_stand_with_whom_they_are_about(care, meta):
    """The newest comes first; another account, kind or product has its own; each is told to the audit log."""
    first = care.add_note(note("Called them."), entry("note_written"), most=9)
    second = care.add_note(note("They called.", person_id=None), entry("note_written"), most=9)
    user = care.add_note(note(kind="user"), entry("note_written"), most=9)
    care.add_note(note(product_id=2), entry("note_written"), most=9)

    assert care.notes(1, "account", "acme") == [second, first]
    assert care.notes(1) == [user, second, first]
    assert (first.text, first.author, first.person_id, first.written_us) == ("Called them.", "Ana", 1, 7)
    assert second.person_id is None
    assert [each.entry.what for each in meta.audit.entries(AuditQuery(what="note_written"))] == ["note_written"] * 4


def test_there_is_an_end_of_notes(care):
    """As many notes as are allowed and no more, of each account by itself."""
    care.add_note(note(), entry(), most=1)

    with pytest.raises(TooMany):
        care.add_note(note(), entry(), most=1)

    assert care.add_note(note(tracking_id="beta"), entry(), most=1).id
    assert len(care.notes(1)) == 2


def test_a_note_is_dropped_in_its_own_product(care):
    """Another product's number finds nothing."""
    kept = care.add_note(note(), entry(), most=9)

    with pytest.raises(KeyError):
        care.drop_note(2, kept.id, entry())
    care.drop_note(1, kept.id, entry())

    assert care.notes(1) == []
    with pytest.raises(KeyError):
        care.drop_note(1, kept.id, entry())


def test_an_account_has_one_owner(care):
    """The next owner takes the place of the one before; nobody is an owner too."""
    care.set_owner(1, "beta", 1, entry("owner_set"))
    care.set_owner(1, "acme", 1, entry("owner_set"))
    care.set_owner(1, "acme", 2, entry("owner_set"))

    assert list(care.owners(1).items()) == [("acme", 2), ("beta", 1)]
    assert care.owners(2) == {}
    care.set_owner(1, "acme", None, entry("owner_set"))
    assert care.owners(1) == {"beta": 1}


def test_views_are_of_one_person(care):
    """Each sees their own by name; the same name is the same view; whoever sits at the machine has some too."""
    care.save_view(view("Quiet"), most=2)
    care.save_view(view("All", address="/users"), most=2)
    again = care.save_view(view("Quiet", address="/accounts?level=inactive"), most=2)
    open_one = care.save_view(view("Quiet", person_id=None), most=2)

    assert [(each.name, each.address) for each in care.views(1, 1)] == [
        ("All", "/users"),
        ("Quiet", "/accounts?level=inactive"),
    ]
    assert care.views(1, None) == [open_one]
    assert care.views(1, 2) == []
    with pytest.raises(TooMany):
        care.save_view(view("Third"), most=2)
    care.drop_view(1, 2, again.id)
    assert len(care.views(1, 1)) == 2
    care.drop_view(1, 1, again.id)
    assert [each.name for each in care.views(1, 1)] == ["All"]


def test_an_erased_account_leaves_nothing(care):
    """Its notes and its owner go; those of others stay."""
    care.add_note(note(), entry(), most=9)
    care.add_note(note(), entry(), most=9)
    other = care.add_note(note(tracking_id="beta"), entry(), most=9)
    care.set_owner(1, "acme", 1, entry())
    care.set_owner(1, "beta", 1, entry())

    assert care.forget(1, "account", "acme") == 2

    assert care.notes(1) == [other]
    assert care.owners(1) == {"beta": 1}
    assert care.forget(1, "user", "beta") == 0
