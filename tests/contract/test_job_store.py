"""Long work in the meta store: what every one of them promises."""

import msgspec
import pytest

from tests.fakes_meta import MemoryMetaStore
from uptake.core.config import ProductConfig
from uptake.stores.meta.audit import AuditQuery, Entry
from uptake.stores.meta.jobs import KEPT_JOBS, MOST_LINE, MOST_LINES, Job, TooManyJobs
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
    for name in ("acme's", "bob's"):
        store.create_product(ProductConfig(product=name), now_us=0, by="test")
    yield store
    store.close()


def entry(what):
    return Entry(1, "test", what, 1, "Export")


def add(meta, product_id=1, state="waiting", most=99):
    return meta.jobs.add(Job(0, product_id, "export", "test", 5, {"table": "users"}, state), None, most=most)


def test_a_job_is_kept_as_it_goes(meta):
    """It gets an id, takes the place of what it was, and stands under its product alone."""
    before = meta.revision()
    made = meta.jobs.add(Job(0, 1, "export", "test", 5, {"table": "users"}), entry("job_asked"), most=9)
    running = msgspec.structs.replace(made, state="running", begun_us=6, done=1, total=2, place={"day": 3})

    meta.jobs.keep(running.noted(7, "began"))

    assert meta.jobs.one(1, made.id) == running.noted(7, "began")
    assert meta.jobs.one(2, made.id) is None
    assert meta.jobs.all(2) == []
    assert meta.revision() > before
    assert [each.entry.what for each in meta.audit.entries(AuditQuery())] == ["job_asked"]


def test_unfinished_jobs_of_all_products_stand_in_the_order_of_asking(meta):
    """Whoever works asks for them; what is done, failed or cancelled is not among them."""
    first, second = add(meta), add(meta, 2)
    for state in ("done", "failed", "cancelled"):
        add(meta, 1, state)
    third = add(meta)

    assert [each.id for each in meta.jobs.unfinished()] == [first.id, second.id, third.id]
    assert [each.id for each in meta.jobs.all(1)][:1] == [third.id]


def test_an_end_that_was_asked_for_is_not_overwritten(meta):
    """Whoever does the work keeps how far it is meanwhile, and sees that it shall end."""
    made = add(meta)
    before = meta.revision()

    asked = meta.jobs.ask_cancel(1, made.id, entry("job_cancel_asked"))
    meta.jobs.keep(msgspec.structs.replace(made, done=3))

    kept = meta.jobs.one(1, made.id)
    assert asked.cancel
    assert (kept.cancel, kept.done) == (True, 3)
    assert meta.revision() > before
    assert [each.entry.what for each in meta.audit.entries(AuditQuery())] == ["job_cancel_asked"]


def test_what_shall_end_does_not_begin(meta):
    """Whoever was about to begin it finds that out, and changes nothing; what nobody ended begins."""
    ended, wanted = add(meta), add(meta)
    meta.jobs.ask_cancel(1, ended.id, entry("job_cancel_asked"))

    begun = [meta.jobs.begin(msgspec.structs.replace(each, state="running", begun_us=6)) for each in (ended, wanted)]

    assert begun == [False, True]
    assert [(each.state, each.begun_us) for each in meta.jobs.unfinished()] == [("waiting", None), ("running", 6)]


def test_what_is_over_or_elsewhere_cannot_be_ended(meta):
    """A finished job, another product's, and one that never was."""
    for product_id, job_id in ((1, add(meta, 1, "done").id), (1, add(meta, 2).id), (1, 99)):
        with pytest.raises(KeyError):
            meta.jobs.ask_cancel(product_id, job_id, entry("job_cancel_asked"))

    assert list(meta.audit.entries(AuditQuery())) == []


def test_only_so_many_wait(meta):
    """What is too many is refused, with nothing added; another product's do not count."""
    add(meta, 1, "done", most=2)
    add(meta, 2, most=2)
    add(meta, most=2)
    add(meta, most=2)
    before = meta.revision()

    with pytest.raises(TooManyJobs):
        add(meta, most=2)

    assert len(meta.jobs.all(1)) == 3
    assert meta.revision() == before


def test_old_finished_jobs_go(meta):
    """The latest are kept, and whatever still waits."""
    waiting = add(meta)
    for _ in range(KEPT_JOBS + 3):
        last = add(meta, 1, "done")
    add(meta, 2, "done")

    kept = meta.jobs.all(1)

    assert len(kept) == KEPT_JOBS + 2
    assert kept[0].id == last.id
    assert kept[-1].id == waiting.id


def test_a_log_is_bounded():
    """The latest lines stay, and each is cut where it is too long."""
    job = Job(1, 1, "export", "test", 5)

    for number in range(MOST_LINES + 5):
        job = job.noted(number, "x" * (MOST_LINE + 9))

    assert [job.log[0].at_us, len(job.log)] == [5, MOST_LINES]
    assert len(job.log[-1].words) == MOST_LINE
