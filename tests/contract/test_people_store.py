"""What every store of people and every audit log promises, asked of SQLite, PostgreSQL and the oracle in memory."""

import threading

import msgspec
import pytest

from tests.fakes_meta import MemoryMetaStore
from uptake.core.config import ProductConfig
from uptake.stores.meta.audit import MOST_TEXT, AuditQuery, Entry
from uptake.stores.meta.people import EmailTaken, Link, NoOwnerLeft, Person, Session
from uptake.stores.meta.sql import SqlMetaStore

SECRET = b"a secret of at least 32 characters"
ANA = Person(0, "ana@acme.example", "Ana", owner=False, created_us=1, roles={1: "viewer"})
OWNER = Person(0, "olga@acme.example", "Olga", owner=True, created_us=1)


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def meta(request, tmp_path):
    if request.param == "memory":
        store = MemoryMetaStore()
    elif request.param == "postgres":
        store = SqlMetaStore(request.getfixturevalue("databases")(), SECRET)
    else:
        store = SqlMetaStore(f"sqlite:///{tmp_path}/meta.sqlite", SECRET)
    store.create_product(ProductConfig(product="Acme App"), now_us=1, by="setup")
    store.create_product(ProductConfig(product="Bob's"), now_us=1, by="setup")
    yield store
    store.close()


@pytest.fixture
def people(meta):
    return meta.people


def entry(what="test", **more):
    return Entry(5, "olga@acme.example", what, **more)


def to(**fields):
    """The change that gives a person these fields."""
    return lambda person: msgspec.structs.replace(person, **fields)


def told(meta):
    """The words of the audit log, oldest first."""
    return [each.entry.what for each in reversed(meta.audit.entries(AuditQuery()))]


def session_of(person, *, at_us=10, expires_us=100):
    return Session(0, person.id, at_us, at_us, expires_us, "Firefox on Linux", "192.0.2.1")


def invitation(**more):
    fields = {"email": "bob@acme.example", "product_id": 1, "role": "editor"} | more
    return Link(0, "invitation", created_us=1, expires_us=100, by="olga@acme.example", **fields)


# ---- people
def test_a_person_comes_back_whole(people):
    """By id, by e-mail and in the list, with roles; the password's hash is told on its own alone."""
    added = people.add_person(msgspec.structs.replace(ANA, roles={1: "viewer", 2: "admin"}), "hash", entry())

    assert added.id >= 1
    assert people.person(added.id) == people.person_by_email("ana@acme.example") == added
    assert added.roles == {1: "viewer", 2: "admin"}
    assert added.has_password
    assert people.password(added.id) == "hash"
    assert "hash" not in repr(added)


def test_everybody_is_listed_by_email(people):
    """Each with their own roles."""
    olga, ana = people.add_person(OWNER, "", entry()), people.add_person(ANA, "", entry())

    assert people.people() == [ana, olga]
    assert not olga.has_password


def test_nobody_is_nobody(people):
    """An unknown id, address or subject, and an empty subject, find no one."""
    people.add_person(ANA, "", entry())

    assert people.person(99) is None
    assert people.person_by_email("bob@acme.example") is None
    assert people.person_by_subject("x") is None
    assert people.person_by_subject("") is None
    assert people.password(99) == ""


def test_an_address_is_given_once(meta):
    """The second of the same address is refused, and nothing of it is kept."""
    meta.people.add_person(ANA, "first", entry())

    with pytest.raises(EmailTaken):
        meta.people.add_person(msgspec.structs.replace(ANA, roles={}), "second", entry("again"))

    assert [person.roles for person in meta.people.people()] == [{1: "viewer"}]
    assert told(meta) == ["test"]


def test_a_subject_of_the_provider_finds_a_person(people):
    """Once it is saved; two people without one are no conflict."""
    ana, olga = people.add_person(ANA, "", entry()), people.add_person(OWNER, "", entry())

    people.change_person(ana.id, to(subject="https://id | 7"), entry())

    assert people.person_by_subject("https://id | 7").email == ana.email
    assert people.person(olga.id).subject == ""


def test_a_change_of_powers_ends_the_sessions(people):
    """A new role, ownership and being kept out end every session of the person; a new name ends none."""
    ana, olga = people.add_person(ANA, "", entry()), people.add_person(OWNER, "", entry())
    people.open_session(session_of(olga), b"o" * 32, entry())

    for number, change in enumerate([{"roles": {1: "editor"}}, {"owner": True}, {"disabled_us": 9}, {"name": "Ana B"}]):
        digest = bytes([number]) * 32
        people.open_session(session_of(ana), digest, entry())
        saved = people.change_person(ana.id, to(**change), entry())
        kept = people.session(digest) is not None

        assert people.person(ana.id) == saved
        assert kept == ("name" in change), change

    assert people.session(b"o" * 32) is not None


def test_ways_in_can_be_forgotten_whole(people):
    """No session and no link is left, and people and their roles stay."""
    ana = people.add_person(ANA, "", entry())
    people.open_session(session_of(ana), b"o" * 32, entry())
    people.add_link(invitation(), b"l" * 32, entry())

    people.forget_ways_in()

    assert (people.session(b"o" * 32), people.link(b"l" * 32), people.links()) == (None, None, [])
    assert people.people() == [ana]


def test_the_last_owner_stays(meta):
    """Who alone is owner can neither cease to be one nor be kept out; nothing of the attempt is kept."""
    olga = meta.people.add_person(OWNER, "", entry())
    kept_out = meta.people.add_person(
        msgspec.structs.replace(OWNER, email="old@acme.example", disabled_us=3), "", entry()
    )

    for change in ({"owner": False}, {"disabled_us": 9}):
        with pytest.raises(NoOwnerLeft):
            meta.people.change_person(olga.id, to(**change), entry("no"))
    meta.people.change_person(kept_out.id, to(disabled_us=None), entry("back"))
    meta.people.change_person(olga.id, to(owner=False), entry("yes"))

    assert told(meta) == ["test", "test", "back", "yes"]
    assert not meta.people.person(olga.id).owner


def test_a_change_that_fails_leaves_everything_as_it_was(meta):
    """What the change raises comes out; an unknown person is a KeyError."""
    ana = meta.people.add_person(ANA, "", entry())

    def fail(_):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        meta.people.change_person(ana.id, fail, entry("no"))
    with pytest.raises(KeyError):
        meta.people.change_person(99, lambda each: each, entry("no"))

    assert meta.people.person(ana.id) == ana
    assert told(meta) == ["test"]


def test_a_new_password_ends_the_sessions(meta):
    """All of the person's; a hash that was only renewed ends none and is not told."""
    ana = meta.people.add_person(ANA, "", entry())
    meta.people.open_session(session_of(ana), b"1" * 32, entry("sign_in"))

    meta.people.set_password(ana.id, "renewed", None)
    kept = meta.people.session(b"1" * 32)
    meta.people.set_password(ana.id, "new", entry("password"))

    assert kept is not None
    assert meta.people.session(b"1" * 32) is None
    assert meta.people.password(ana.id) == "new"
    assert meta.people.person(ana.id).has_password
    assert told(meta) == ["test", "sign_in", "password"]


# ---- sessions
def test_a_session_is_found_by_its_digest_alone(people):
    """With the person as they are now; another digest finds none."""
    ana = people.add_person(ANA, "", entry())

    opened = people.open_session(session_of(ana), b"1" * 32, entry())

    assert people.session(b"1" * 32) == (opened, ana)
    assert people.session(b"2" * 32) is None


def test_sessions_are_listed_seen_last_first_and_ended_one_by_one(people):
    """A person's own alone; ending one that is gone is no fault."""
    ana, olga = people.add_person(ANA, "", entry()), people.add_person(OWNER, "", entry())
    first, second = (people.open_session(session_of(ana), bytes([n]) * 32, entry()) for n in (1, 2))
    people.open_session(session_of(olga), b"3" * 32, entry())

    people.see_session(first.id, 50)
    seen = [(each.id, each.seen_us) for each in people.sessions(ana.id)]
    people.end_session(first.id, entry())
    people.end_session(first.id, entry())

    assert seen == [(first.id, 50), (second.id, 10)]
    assert [each.id for each in people.sessions(ana.id)] == [second.id]
    assert len(people.sessions(olga.id)) == 1


def test_expired_sessions_are_forgotten_when_somebody_signs_in(people):
    """Until then they are still found, for whoever wants to say why."""
    ana = people.add_person(ANA, "", entry())
    people.open_session(session_of(ana, expires_us=20), b"1" * 32, entry())
    found = people.session(b"1" * 32)

    people.open_session(session_of(ana, at_us=20), b"2" * 32, entry())

    assert found is not None
    assert people.session(b"1" * 32) is None
    assert people.session(b"2" * 32) is not None


# ---- links
def test_a_link_works_once(meta):
    """The first use is true, every other false, also when many try at once."""
    link = meta.people.add_link(invitation(), b"1" * 32, entry("invited"))
    answers = []
    tries = [
        threading.Thread(target=lambda: answers.append(meta.people.use_link(link.id, 7, entry("used"))))
        for _ in range(4)
    ]

    for each in tries:
        each.start()
    for each in tries:
        each.join()

    assert sorted(answers) == [False, False, False, True]
    assert meta.people.link(b"1" * 32).used_us == 7
    assert meta.people.links() == []
    assert told(meta) == ["invited", "used"]
    assert not meta.people.use_link(99, 7, None)


def test_a_newer_link_takes_the_older_back(people):
    """For the same address, person and product; links for others stay."""
    first = people.add_link(invitation(), b"1" * 32, entry())
    other = people.add_link(invitation(product_id=2), b"2" * 32, entry())
    owner = people.add_link(invitation(product_id=None, role=None), b"3" * 32, entry())
    again = people.add_link(invitation(role="admin"), b"4" * 32, entry())

    assert people.link(b"1" * 32) == msgspec.structs.replace(first, used_us=1)
    assert people.links() == [again, owner, other]
    assert people.link(b"9" * 32) is None


# ---- the audit log
def test_entries_come_newest_first_and_page_by_page(meta):
    """`before_id` goes on where a page ended."""
    for number in range(5):
        meta.audit.add(entry(f"w{number}", about="x", before="a", after="b", address="192.0.2.1"))

    first = meta.audit.entries(AuditQuery(limit=2))
    rest = meta.audit.entries(AuditQuery(before_id=first[-1].id))

    assert [each.entry.what for each in (*first, *rest)] == ["w4", "w3", "w2", "w1", "w0"]
    assert first[0].entry == entry("w4", about="x", before="a", after="b", address="192.0.2.1")


def test_entries_are_filtered(meta):
    """By product, by who and by what; those of the installation are of no product."""
    meta.audit.add(entry("a", product_id=1))
    meta.audit.add(entry("b", product_id=2))
    meta.audit.add(entry("c"))
    meta.audit.add(msgspec.structs.replace(entry("a", product_id=2), by="ana@acme.example"))

    def words(**query):
        return [each.entry.what for each in meta.audit.entries(AuditQuery(**query))]

    assert words(product_ids=[1]) == ["a"]
    assert words(product_ids=[1, 2]) == ["a", "b", "a"]
    assert words(product_ids=[]) == []
    assert words(what="a") == ["a", "a"]
    assert words(by="ana@acme.example") == ["a"]


def test_long_texts_of_an_entry_are_cut(meta):
    """A change of a thousand lines does not fill the log."""
    meta.audit.add(entry(before="x" * 100_000))

    assert len(meta.audit.entries(AuditQuery())[0].entry.before) == MOST_TEXT


# ---- keys
def test_a_key_can_expire_and_says_when_it_was_used(meta):
    """Neither changes the store's revision while it is only used."""
    key, text = meta.create_key(1, "read", name="bi", now_us=5, expires_us=50)
    before = meta.revision()

    meta.note_used({key.id: 30})

    found = meta.find_key(text)
    assert meta.revision() == before
    assert (found.expires_us, found.used_us) == (50, 30)
    assert (found.good(49), found.good(50)) == (True, False)
    assert meta.keys(1) == [found]
