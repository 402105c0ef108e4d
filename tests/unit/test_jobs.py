"""Long work in steps: one piece at a time, beside the fold, ended between steps, and taken up again after a restart."""

import io

import msgspec
import pytest

from tests.fakes_files import MemoryFiles
from tests.house import House, _drop, _in_memory
from uptake.core.errors import UptakeError
from uptake.pipeline.erase import ask_erasure
from uptake.pipeline.files import Files
from uptake.pipeline.jobs import MOST_ATTEMPTS, MOST_WAITING, Kind
from uptake.pipeline.running import Running
from uptake.pipeline.steps import Step, finished
from uptake.stores.meta.audit import AuditQuery, Entry


@pytest.fixture
def house():
    made = House()
    made.track("ana", "Export", times=2)
    made.settle()
    return made


def counting(most, seen):
    """Work of so many steps, which writes down what becomes of it."""

    def work(_bench, job, _product, note):
        try:
            for done in range(job.place.get("done", 0), most):
                note(f"step {done}")
                yield Step(done + 1, most, "Counting", place={"done": done + 1})
            seen.append("end")
        finally:
            seen.append("closed")
        return {"counted": most}

    return Kind(work)


def broken(_bench, _job, _product, _note):
    """Work with a fault in it."""
    yield Step(0, 1, "Breaking")
    raise ZeroDivisionError


def ask(house, kind="export", **request):
    return house.running.jobs.ask(1, kind, request, by="test")


def now(house, job):
    return house.meta.jobs.one(1, job.id)


def test_work_goes_on_a_step_at_a_time_and_calls_are_folded_between(house):
    """Each step of the worker does one of the job's; what is logged meanwhile is counted before the job is done."""
    house.running.jobs.kinds["export"] = counting(3, [])
    job = ask(house)

    house.running.step()
    first = now(house, job)
    house.track("bob", "Export")
    house.running.step()

    assert (first.state, first.done, first.total, first.words) == ("running", 1, 3, "Counting")
    assert now(house, job).state == "running"
    assert house.product.store.offset() == 3

    for _ in range(3):
        house.running.step()
    ended = now(house, job)
    assert (ended.state, ended.result, ended.place) == ("done", {"counted": 3}, {})
    assert [line.words for line in ended.log] == [
        *("asked for", "begun", "step 0", "counting", "step 1", "step 2", "done")
    ]
    assert [each.entry.what for each in house.meta.audit.entries(AuditQuery())][:1] == ["job_asked"]


def test_one_piece_at_a_time(house):
    """The second begins when the first is over."""
    house.running.jobs.kinds["export"] = counting(2, [])
    first, second = ask(house), ask(house)

    for _ in range(2):
        house.running.step()
    waits = now(house, second).state
    for _ in range(4):
        house.running.step()

    assert waits == "waiting"
    assert [now(house, each).state for each in (first, second)] == ["done", "done"]


def test_work_that_is_ended_leaves_nothing_behind(house):
    """It is closed at its next step, and says so; what only waits never begins."""
    seen = []
    house.running.jobs.kinds["export"] = counting(9, seen)
    job, waiting = ask(house), ask(house)
    house.running.step()

    for each in (job, waiting):
        house.running.jobs.cancel(1, each.id, by="test")
    for _ in range(3):
        house.running.step()

    assert seen == ["closed"]
    assert [now(house, each).state for each in (job, waiting)] == ["cancelled", "cancelled"]
    assert now(house, waiting).begun_us is None
    with pytest.raises(UptakeError, match="job_over"):
        house.running.jobs.cancel(1, job.id, by="test")


def test_a_restart_goes_on_where_the_work_had_come_to(house):
    """Another process takes the running job up at its place, and nobody asks twice."""
    seen = []
    house.running.jobs.kinds["export"] = counting(3, seen)
    job = ask(house)
    house.running.step()
    house.now_us += 2_000_000
    house.running.step()

    later = Running(house.meta, house.log, _in_memory, _drop, clock=house.clock)
    later.jobs.kinds["export"] = counting(3, again := [])
    for _ in range(4):
        later.step()

    lines = [line.words for line in now(house, job).log]
    assert lines.count("taken up again") == 1
    assert [each for each in lines if each.startswith("step")] == ["step 0", "step 1", "step 2"]
    assert again == ["end", "closed"]


def test_work_with_a_fault_fails_in_the_end(house):
    """It is tried some times, each is the worker's failure, and then others have their turn."""
    house.running.jobs.kinds["export"] = Kind(broken)
    job = ask(house)
    house.running.jobs.kinds["backup"] = counting(1, seen := [])
    ask(house, "backup")

    for _ in range(MOST_ATTEMPTS):
        house.running.step()
        with pytest.raises(ZeroDivisionError):
            house.running.step()
    for _ in range(3):
        house.running.step()

    assert (now(house, job).state, now(house, job).code) == ("failed", "internal")
    assert seen == ["end", "closed"]


def test_work_that_cannot_be_done_says_why(house):
    """A kind that nobody knows any more fails; one that nobody knows is not asked for."""
    house.running.jobs.kinds["backup"] = counting(1, [])
    job = ask(house, "backup")
    del house.running.jobs.kinds["backup"]

    for _ in range(3):
        house.running.step()

    assert now(house, job).code == "job_impossible"
    with pytest.raises(UptakeError, match="job_impossible"):
        ask(house, "backup")


def test_only_so_much_waits(house):
    """What is too much is refused; a rebuild that waits already is the one that is asked for."""
    first = house.running.ask_rebuild(1, by="test")
    same = house.running.ask_rebuild(1, by="ana")
    for _ in range(MOST_WAITING - 1):
        ask(house, table="users", format="csv")

    with pytest.raises(UptakeError, match="too_many_jobs"):
        ask(house, table="users", format="csv")

    assert first == same


def test_an_erasure_and_a_needed_rebuild_go_on_to_their_end(house):
    """Nobody ends them half-way."""
    erasure = erased(house)
    house.running.step()
    needed = ask(house, "rebuild", due=True)

    for job in (erasure, needed):
        with pytest.raises(UptakeError, match="job_goes_on"):
            house.running.jobs.cancel(1, job.id, by="test")


def erased(house, user="ana"):
    """Ask that a user be erased; the job."""
    ask_erasure(house.running, 1, "user", user, by="test")
    return house.meta.jobs.unfinished()[-1]


def test_an_erasure_that_waits_is_taken_back(house):
    """Nothing of the user goes, there is no receipt, the audit log tells it, and asking again is no second time."""
    house.running.jobs.kinds["export"] = counting(3, [])
    ask(house)
    erasure = erased(house)
    house.running.step()

    house.running.jobs.cancel(1, erasure.id, by="ana@acme.example")
    again = erased(house, "bob")
    while house.meta.jobs.unfinished():
        house.running.step()
        house.now_us += 10_000_000

    assert now(house, erasure).state == "cancelled"
    assert [each.ids for each in house.meta.erasures.all(1)] == [()]
    assert now(house, again).state == "done"
    assert house.product.store.totals().users == 1
    told = [each.entry for each in house.meta.audit.entries(AuditQuery()) if each.entry.what == "job_cancel_asked"]
    assert [(each.by, each.about) for each in told] == [("ana@acme.example", f"Erase {erasure.id}")]


def test_of_a_worker_that_begins_and_somebody_who_cancels_one_is_first(house):
    """A worker that has not heard of the wish begins nothing; a wish that comes after the beginning is refused."""
    erasure, behind = erased(house), house.running.jobs
    other = Running(house.meta, house.log, _in_memory, _drop, clock=house.clock, part="web")
    other.jobs.cancel(1, erasure.id, by="test")
    more = behind.step(house.product, behind=False)

    assert (more, now(house, erasure).state, house.meta.erasures.all(1)) == (True, "waiting", [])
    behind.step(house.product, behind=False)
    assert now(house, erasure).state == "cancelled"

    late = erased(house)
    house.meta.jobs.begin(msgspec.structs.replace(late, state="running"))
    with pytest.raises(UptakeError, match="job_goes_on"):
        other.jobs.cancel(1, late.id, by="test")
    with pytest.raises(KeyError):
        house.meta.erasures.withdraw(1, late.request["erasure"], late.id, Entry(0, "test", "job_cancel_asked", 1, ""))
    assert len(house.meta.erasures.all(1)) == 1


def test_a_rebuild_folds_beside_the_live_store(house):
    """Until it is swapped in the live one counts on, and the new one has every call."""
    job = house.running.ask_rebuild(1, by="test")
    house.running.step()
    house.track("bob", "Export", times=3)

    house.running.step()
    live = (house.product.store.generation, house.product.store.offset())
    for _ in range(9):
        house.running.step()

    assert live == (1, 5)
    assert (house.product.store.generation, house.product.store.offset()) == (2, 5)
    assert now(house, job).result == {"generation": 2, "calls": 5}
    assert house.product.status().settled


def test_a_rebuild_that_is_ended_changes_nothing(house):
    """The live generation stays, and another rebuild works."""
    job = house.running.ask_rebuild(1, by="test")
    house.running.step()

    house.running.jobs.cancel(1, job.id, by="test")
    for _ in range(3):
        house.running.step()
    ended = (now(house, job).state, house.product.store.generation, house.product.rebuilding)
    house.running.rebuild(1)

    assert ended == ("cancelled", 1, False)
    assert house.product.store.generation == 2


def test_an_export_is_a_whole_file(house, tmp_path):
    """Every row of the table, and texts that a spreadsheet would run are none."""
    house.identify("=cmd()", email="bob@acme.example")
    house.settle()
    running = Running(house.meta, house.log, _in_memory, _drop, clock=house.clock, files=Files(tmp_path / "files"))
    running.settle(1)
    jobs = [running.jobs.ask(1, "export", {"table": "users", "format": kind}, by="test") for kind in ("csv", "jsonl")]
    for _ in range(12):
        running.step()

    files = running.jobs.files
    as_csv, as_lines = (b"".join(files.read(files.found(1, each.id))).decode() for each in jobs)
    assert '"\'=cmd()"' in as_csv
    assert len(as_lines.splitlines()) == 2
    assert now(house, jobs[0]).result["rows"] == 2
    assert [path.name[:3] for path in (tmp_path / "files").iterdir()] == ["p1-", "p1-"]


def test_a_file_that_would_be_too_large_is_none(house, tmp_path):
    """The export fails and says what to do; nothing is left of it."""
    files = Files(tmp_path / "files", most_bytes=10)
    running = Running(house.meta, house.log, _in_memory, _drop, clock=house.clock, files=files)
    running.settle(1)
    job = running.jobs.ask(1, "export", {"table": "users", "format": "jsonl"}, by="test")

    for _ in range(5):
        running.step()

    assert now(house, job).code == "job_too_large"
    assert list((tmp_path / "files").iterdir()) == []


def test_files_go_after_their_days(tmp_path):
    """Results after those that are set, what was left behind after one; what somebody still reads stays."""
    files = Files(tmp_path / "files", keep_days=7)
    read, left = files.take_in(1, io.BytesIO(b"a")), files.take_in(1, io.BytesIO(b"b"))
    result = made(files, 1, 5, "export-users.csv")
    written_us = files.found(1, 5).kept_us

    files.sweep({read}, written_us + 2 * 86_400_000_000)
    after_two = {path.name for path in (tmp_path / "files").iterdir()}
    files.sweep({read}, written_us + 8 * 86_400_000_000)

    assert after_two == {read, result}
    assert left not in after_two
    assert [path.name for path in (tmp_path / "files").iterdir()] == [read]


def made(files, product_id, job_id, what):
    """A result of three bytes that is offered; its name."""
    path = files.making(product_id, job_id, *what.split("-"))
    path.write_bytes(b"ana")
    return finished(files.offer(path)).name


def test_an_erasure_takes_kept_files_along(tmp_path):
    """The product's exports go, uploads that nobody is to read, and every backup; those of others stay."""
    files = Files(tmp_path / "files")
    made(files, 1, 7, "export-users.csv")
    made(files, 2, 8, "backup-all.tar.zst")
    made(files, 2, 9, "export-users.csv")
    read, _left = (files.take_in(1, io.BytesIO(b"ana")) for _ in range(2))

    gone = files.drop_results(1, {read})

    assert gone == 3
    assert {path.name for path in (tmp_path / "files").iterdir()} == {read, "p2-j9-export-users.csv"}


def test_what_was_not_whole_when_the_process_was_killed_goes(tmp_path):
    """A job that begins again finds nothing of its last try, and a process nothing of the one before."""
    files = Files(tmp_path / "files")
    for job_id in (5, 15):
        files.making(1, job_id, "export", "users.csv").write_bytes(b"half")

    files.making(1, 5, "export", "users.csv")
    other = [path.name for path in (tmp_path / "files").iterdir()]
    files.begin()

    assert other == [".p1-j15-export-users.csv"]
    assert list((tmp_path / "files").iterdir()) == []


def test_a_web_node_asks_and_a_worker_makes_the_file(house, tmp_path):
    """What the worker made is in the room that both reach, and the web node gives it out."""
    room = MemoryFiles(clock=house.clock)

    def node(part):
        files = Files(tmp_path / part, room)
        return Running(house.meta, house.log, _in_memory, _drop, clock=house.clock, files=files, part=part)

    web, worker = node("web"), node("all")

    asked = web.jobs.ask(1, "export", {"table": "users", "format": "jsonl"}, by="test")
    for _ in range(9):
        worker.step()

    found = web.jobs.files.found(1, asked.id)
    assert b"".join(web.jobs.files.read(found)).startswith(b'{"tracking_id":"ana"')
    assert [list((tmp_path / part).glob("*")) for part in ("web", "all")] == [[], []]


def test_while_calls_wait_work_takes_a_third_of_the_time(house):
    """After a step of a second it rests for two; where nothing waits it goes on at once."""

    def slow(_bench, _job, _product, _note):
        for done in range(9):
            house.now_us += 1_000_000
            yield Step(done, 9, "Counting")
        return {}

    house.running.jobs.kinds["export"] = Kind(slow)
    job = ask(house)
    jobs, product = house.running.jobs, house.product

    first = jobs.step(product, behind=True)
    rests = jobs.step(product, behind=True)
    house.now_us += 2_000_000
    again = jobs.step(product, behind=True)
    at_once = jobs.step(product, behind=False)

    assert (first, rests, again, at_once) == (True, False, True, True)
    assert now(house, job).done == 2
