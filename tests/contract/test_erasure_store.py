"""Erasures in the meta store: what every one of them promises."""

import msgspec
import pytest

from tests.fakes_meta import MemoryMetaStore
from uptake.core.config import Exclusions, ProductConfig
from uptake.core.erasure import Erasure
from uptake.stores.meta.audit import AuditQuery, Entry
from uptake.stores.meta.care import Note, SavedView
from uptake.stores.meta.jobs import Job
from uptake.stores.meta.sql import SqlMetaStore

SECRET = b"a secret of the tests, long enough"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def meta(request, tmp_path):
    if request.param == "memory":
        store = MemoryMetaStore()
    elif request.param == "sqlite":
        store = SqlMetaStore(f"sqlite:///{tmp_path / 'meta.sqlite'}", SECRET)
    else:
        store = SqlMetaStore(request.getfixturevalue("databases")(), SECRET)
    config = ProductConfig(exclusions=Exclusions(users=("ana", "bob"), accounts=("ana",)))
    store.create_product(config, now_us=0, by="test")
    yield store
    store.close()


def entry(what="ids_merged", about=""):
    return Entry(1, "test", what, 1, about)


def test_an_erasure_is_kept_as_it_goes(meta):
    """It gets an id, takes the place of what it was, and stands under its product."""
    before = meta.revision()
    made = meta.erasures.add(Erasure(0, 1, "user", 5, "test", "00", ("d1",), ("ana",)), entry("erasure_asked"))
    done = Erasure(made.id, 1, "user", 5, "test", "00", ("d1",), step="done", calls=3, done_us=9)

    meta.erasures.keep(done)
    meta.erasures.scrub()

    assert meta.erasures.all(1) == meta.erasures.all() == [done]
    assert meta.erasures.one(1, made.id) == done
    assert meta.erasures.all(2) == []
    assert (meta.erasures.one(2, made.id), meta.erasures.one(1, made.id + 1)) == (None, None)
    assert meta.revision() > before
    assert [each.entry.what for each in meta.audit.entries(AuditQuery())] == ["erasure_asked"]


def test_an_erasure_is_taken_back_while_its_job_waits(meta):
    """It is gone and the job shall end, both at once; of one that runs, or another product's, nothing is changed."""
    made = [
        meta.erasures.add(Erasure(0, 1, "user", 5, "test", "00", ("d1",), (each,)), None) for each in ("ana", "bob")
    ]
    waits, runs = (meta.jobs.add(Job(0, 1, "erase", "test", 5), None, most=9) for _ in made)
    meta.jobs.begin(msgspec.structs.replace(runs, state="running"))
    before = meta.revision()

    meta.erasures.withdraw(1, made[0].id, waits.id, entry("job_cancel_asked"))
    for product_id, job in ((1, runs), (2, waits)):
        with pytest.raises(KeyError):
            meta.erasures.withdraw(product_id, made[1].id, job.id, entry("job_cancel_asked"))

    assert meta.erasures.all(1) == [made[1]]
    assert [meta.erasures.one(1, each.id) for each in made] == [None, made[1]]
    assert [each.cancel for each in meta.jobs.unfinished()] == [True, False]
    assert meta.revision() > before
    assert [each.entry.what for each in meta.audit.entries(AuditQuery())] == ["job_cancel_asked"]


def test_whatever_was_decided_about_an_id_is_forgotten(meta):
    """Merges, notes, views and exclusions of the user go; those of others, and of an account of that name, stay."""
    for merged, into in (("ana@old", "ana"), ("eve", "bob")):
        meta.merges.add(
            1, "user", merged, into, check=lambda present: None, entry=entry(about=f"user {merged} into {into}")
        )
    for kind, tracking_id in (("user", "ana"), ("account", "ana"), ("user", "bob")):
        meta.care.add_note(Note(0, 1, kind, tracking_id, "told", "test", None, 1), entry("note_written"), most=9)
    for name, address in (("hers", "/users?q=ana"), ("all", "/users")):
        meta.care.save_view(SavedView(0, 1, None, name, address, 1), most=9)

    gone = meta.erasures.forget(1, "user", {"ana", "ana@old"})

    assert gone == 4
    assert [each.merged for each in meta.merges.all(1)] == ["eve"]
    assert {(each.kind, each.tracking_id) for each in meta.care.notes(1)} == {("account", "ana"), ("user", "bob")}
    assert [each.name for each in meta.care.views(1, None)] == ["all"]
    assert meta.config(1).config.exclusions == Exclusions(users=("bob",), accounts=("ana",))


def test_the_audit_log_tells_what_was_done_and_not_to_whom(meta):
    """An erased id is crossed out in entries; ids that contain it are not."""
    if isinstance(meta, MemoryMetaStore):
        pytest.skip("entries in memory are never kept")
    for about in ("user ana into bob", "user anabel into ana@x"):
        meta.audit.add(entry(about=about))
    meta.audit.add(entry("name_changed", "ana"))

    meta.erasures.forget(1, "user", {"ana"})

    told = [each.entry.about for each in meta.audit.entries(AuditQuery())]
    assert told == ["ana", "user anabel into ana@x", "user (erased) into bob"]
