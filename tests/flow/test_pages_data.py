"""Settings for long work: rebuilds and erasures are begun, followed and receipted; System tells its parts."""

import json

import pytest

from tests.house import House, _drop, _in_memory
from tests.visitors import PART, visiting_as
from uptake.core.config import ProductConfig
from uptake.pipeline.jobs import Kind
from uptake.pipeline.running import Running
from uptake.pipeline.steps import Step, finished
from uptake.stores.meta.audit import AuditQuery

DATA, SYSTEM = "/settings/data", "/settings/system"


@pytest.fixture
def house():
    house = House()
    house.group("ana", "acme")
    house.track("ana", "Export")
    house.track("bob", "Export")
    house.settle()
    return house


def finish(house):
    """Work until everything is done."""
    while house.meta.jobs.unfinished():
        house.running.step()
        house.now_us += 10_000_000


def test_an_admin_erases_a_user_and_sees_the_receipt(house):
    """The id is typed twice; what is on its way is looked at again, and the receipt tells how much went and not who."""
    with visiting_as(house, "admin") as visitor:
        begun = visitor.post(DATA, do="erase", kind="user", id="ana", confirm="ana")
        on_its_way = visitor.get(DATA).text
        finish(house)
        part = visitor.get(DATA, headers=PART).text

    assert begun.headers["location"] == "/settings/data?told=erase"
    assert 'hx-trigger="every 2s"' in on_its_way
    assert "Erase a user" in on_its_way
    assert "receipt 1: 2 calls, 0 decisions" in part
    assert "<h1>" not in part
    assert '<td class="num">2</td>' in part
    assert house.product.store.find("user", "tracking_id", "ana") is None
    assert [each.call.user_id for each in house.log.read(1, 0, most=9)] == [None, None, "bob"]


def test_an_id_that_is_typed_differently_erases_nobody(house):
    """The form comes back with what was wrong; a second erasure of the same user is refused too."""
    with visiting_as(house, "admin") as visitor:
        refused = visitor.post(DATA, do="erase", kind="user", id="ana", confirm="bob")
        visitor.post(DATA, do="erase", kind="user", id="bob", confirm="bob")
        again = visitor.post(DATA, do="erase", kind="user", id="bob", confirm="bob")

    assert refused.status_code == 400
    assert "The two ids differ" in refused.text
    assert 'value="ana"' in refused.text
    assert again.status_code == 409
    assert len(house.meta.erasures.all(1)) == 1


def work(house, steps=12):
    """Let the worker work."""
    for _ in range(steps):
        house.running.step()
        house.now_us += 1_000_000


def test_a_rebuild_is_asked_for_and_done_once(house):
    """The worker makes the next generation, and is not asked again by that."""
    with visiting_as(house, "admin") as visitor:
        visitor.post(DATA, do="rebuild")
        visitor.post(DATA, do="rebuild")
        asked = visitor.get(DATA).text
        work(house)
        after = visitor.get(DATA).text

    assert ">waits<" in asked
    assert "generation 2 from 3 calls" in after
    assert house.product.store.generation == 2
    assert [each.entry.what for each in house.meta.audit.entries(AuditQuery())].count("job_asked") == 1


def test_a_table_is_exported_and_downloaded(house):
    """The file has every row and the reader's name for it, and the audit log tells who took it."""
    with visiting_as(house, "admin") as visitor:
        begun = visitor.post(DATA, do="export", table="users", format="jsonl")
        work(house)
        text = visitor.get(DATA).text
        log = visitor.get(DATA, params={"log": 1}).text
        file = visitor.get("/settings/data/result", params={"job": 1})

    assert begun.headers["location"] == "/settings/data?told=export"
    assert "Export users as JSON Lines" in text
    assert "2 rows" in text
    assert "taken up" not in log
    assert "<span>begun</span>" in log
    assert len(file.text.splitlines()) == 2
    assert 'filename="users-2026-11-23.jsonl"' in file.headers["content-disposition"]
    assert house.meta.audit.entries(AuditQuery())[0].entry.what == "result_downloaded"


def test_work_is_ended_from_the_page(house):
    """What waits or runs has a button for it; what is over has none."""
    with visiting_as(house, "admin") as visitor:
        visitor.post(DATA, do="rebuild")
        before = visitor.get(DATA).text
        visitor.post(DATA, do="cancel", job="1")
        work(house)
        after = visitor.get(DATA).text
        again = visitor.post(DATA, do="cancel", job="1")

    assert 'value="cancel"' in before
    assert 'value="cancel"' not in after
    assert ">cancelled<" in after
    assert (again.status_code, house.product.store.generation) == (409, 1)


def test_an_erasure_that_waits_is_cancelled_from_the_page(house):
    """Until it begins there is a button for it, and then neither a receipt nor an erasure."""
    with visiting_as(house, "admin") as visitor:
        visitor.post(DATA, do="rebuild")
        house.running.step()
        visitor.post(DATA, do="erase", kind="user", id="ana", confirm="ana")
        waits = visitor.get(DATA).text
        visitor.post(DATA, do="cancel", job="2")
        finish(house)
        after = visitor.get(DATA).text

        visitor.post(DATA, do="erase", kind="user", id="bob", confirm="bob")
        house.running.step()
        runs = visitor.get(DATA).text
        refused = visitor.post(DATA, do="cancel", job="3")

    assert 'Cancel<span class="sr"> job 2</span>' in waits
    assert "Nobody was erased." in after
    assert house.product.store.find("user", "tracking_id", "ana") is not None
    assert 'Cancel<span class="sr"> job 3</span>' not in runs
    assert (refused.status_code, "goes on" in refused.text or "cannot be ended" in refused.text) == (409, True)


def test_calls_are_exported_as_they_are_kept(house):
    """Every call with its place, in the order of the log; of who was erased nothing but the gap."""
    house.identify("eve", plan="pro", seats=3)
    house.settle()
    with visiting_as(house, "admin") as visitor:
        visitor.post(DATA, do="erase", kind="user", id="ana", confirm="ana")
        finish(house)
        for kind in ("jsonl", "csv"):
            visitor.post(DATA, do="export", table="calls", format=kind)
        finish(house)
        lines, csv = (visitor.get("/settings/data/result", params={"job": number}).text for number in (2, 3))
        text = visitor.get(DATA).text

    bob, eve = (json.loads(line) for line in lines.splitlines())
    assert "Export calls as JSON Lines" in text
    assert (bob["offset"], bob["type"], bob["userId"], bob["event"], bob["traits"]) == (
        2,
        "track",
        "bob",
        "Export",
        None,
    )
    assert (eve["offset"], eve["type"], eve["userId"], eve["event"]) == (3, "identify", "eve", None)
    assert eve["traits"] == {"plan": "pro", "seats": 3}
    assert (eve["source"], eve["received_at"]) == ("segment", "2026-11-23T18:00:00Z")
    assert csv.splitlines()[0].startswith('"offset","received_at","source","direct","type","messageId","timestamp"')
    assert len(csv.splitlines()) == 3


def test_another_products_work_is_not_to_be_seen(house):
    """Its jobs are not listed, its log and file are not there, and nobody ends it."""
    house.running.create_product(ProductConfig(product="Bobs"), by="test")
    job = house.running.jobs.ask(2, "export", {"table": "users", "format": "csv"}, by="bob@bob.example")
    work(house)
    with visiting_as(house, "admin") as visitor:
        text = visitor.get(DATA, params={"log": job.id}).text
        file = visitor.get("/settings/data/result", params={"job": job.id})
        ended = visitor.post(DATA, do="cancel", job=str(job.id))
        elsewhere = visitor.get(DATA, params={"product": 2})

    assert house.running.jobs.files.found(2, job.id)
    assert "bob@bob.example" not in text
    assert [file.status_code, ended.status_code, elsewhere.status_code] == [404, 404, 404]


def made_at_once(*_):
    """A backup of five bytes."""
    yield Step(0, 1, "Copying")
    return {"bytes": 5}


def test_a_backup_is_an_owners(house):
    """It holds every product: an admin of one neither makes nor has it."""
    house.running.jobs.kinds["backup"] = Kind(made_at_once, power="owner")
    files = house.running.jobs.files
    path = files.making(1, 1, "backup", "all.tar.zst")
    path.write_bytes(b"everything")
    finished(files.offer(path))
    house.running.jobs.ask(1, "backup", by="olga@acme.example")
    work(house)
    with visiting_as(house, "admin") as visitor:
        refused = visitor.post(DATA, do="backup")
        file = visitor.get("/settings/data/result", params={"job": 1})
        text = visitor.get(DATA).text

    assert (refused.status_code, file.status_code) == (403, 404)
    assert "Make a backup" not in text
    assert len(house.meta.jobs.all(1)) == 1


def test_an_editor_neither_erases_nor_sees_the_system(house):
    """Both pages are an admin's."""
    with visiting_as(house, "editor") as visitor:
        answers = [
            visitor.get(DATA),
            visitor.post(DATA, do="erase", kind="user", id="ana", confirm="ana"),
            visitor.post(DATA, do="export", table="users", format="csv"),
            visitor.get("/settings/data/result", params={"job": 1}),
            visitor.get(SYSTEM),
        ]

    assert [each.status_code for each in answers] == [403] * 5
    assert house.meta.erasures.all(1) == []
    assert house.meta.jobs.all(1) == []


def test_the_system_page_tells_how_far_products_are(house):
    """Versions, bytes of each part, and what waits."""
    house.track("ana", "Export", times=3)
    with visiting_as(house, "admin") as visitor:
        text = visitor.get(SYSTEM).text

    assert "DuckDB" in text
    assert "Event store, My product" in text
    assert "catching up" in text
    assert '<td class="num">3</td>' in text


def test_what_was_asked_for_survives_a_restart(house):
    """A server that starts later does the rebuild that nobody has done yet, once."""
    house.running.ask_rebuild(1, by="test")

    later = Running(house.meta, house.log, _in_memory, _drop, clock=house.clock)
    for _ in range(9):
        later.step()

    assert later.product(1).store.generation == 2
    assert [each.state for each in house.meta.jobs.all(1)] == ["done"]
