"""Giving months of calls back: what every log with periods promises of it."""

import msgspec
import pytest

from tests.fakes_log import track
from uptake.core.days import DAY_US
from uptake.core.errors import Rejection
from uptake.stores.log.base import LogDamaged, Request, read_past_damage
from uptake.stores.log.sqlite import SqliteCallLog

ACME, BOBS = 1, 2
OCTOBER_US = 1_791_800_000_000_000
MONTH_US = 31 * DAY_US


@pytest.fixture
def log(tmp_path):
    log = SqliteCallLog(tmp_path / "log")
    yield log
    log.close()


def request(*message_ids, product=ACME, month=0, refused=()):
    return Request(product, OCTOBER_US + month * MONTH_US, "segment", [track(each) for each in message_ids], refused)


def without_event(call):
    return msgspec.structs.replace(call, event=None)


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "log").iterdir() if path.name.endswith(".sqlite"))


def test_a_month_goes_when_all_of_it_lies_before(log, tmp_path):
    """Its file is gone, offsets go on, what is left is read, and where it begins is told."""
    log.append([request("a", "b"), request("c")])
    log.append([request("d", month=1)])
    log.append([request("e", month=2)])

    log.drop(ACME, 2)
    assert (log.start(ACME), len(files(tmp_path))) == (0, 3)
    log.drop(ACME, 3)

    assert (log.start(ACME), log.end(ACME), len(files(tmp_path))) == (3, 5, 2)
    assert [each.call.message_id for each in log.read(ACME, 3, most=9)] == ["d", "e"]
    with pytest.raises(LogDamaged) as gone:
        log.read(ACME, 0, most=9)
    assert gone.value.after == 3
    assert [each.offset for each in read_past_damage(log, ACME, 0, most=9)[0]] == [3, 4]
    assert log.append([request("f", month=2)]) == [5]


def test_the_running_month_stays(log):
    """Whatever offset is named, the file that takes calls keeps what it has."""
    log.append([request("a")])

    log.drop(ACME, 9)

    assert (log.start(ACME), len(log.read(ACME, 0, most=9))) == (0, 1)


def test_another_product_keeps_its_calls(log, tmp_path):
    """The file stays as long as anything of anybody is in it; the refused items of the product's month go with it."""
    refused = (Rejection("bad_type", "$.type", "expected a type", 0),)
    log.append([request("a", refused=refused), request("x", product=BOBS, refused=refused)])
    log.append([request("b", month=1), request("y", product=BOBS, month=1)])

    log.drop(ACME, 1)

    assert len(files(tmp_path)) == 2
    assert (log.start(ACME), log.start(BOBS)) == (1, 0)
    assert [each.call.message_id for each in log.read(BOBS, 0, most=9)] == ["x", "y"]
    assert log.refusals(ACME, most=9) == [] != log.refusals(BOBS, most=9)
    assert log.refusal_counts(ACME, since_us=0) == []

    log.drop(BOBS, 1)
    assert len(files(tmp_path)) == 1


def test_what_was_dropped_stays_dropped(log, tmp_path):
    """Opened anew, the log goes on where it was, also where nothing of a product is left; dropping may be repeated."""
    log.append([request("a", "b")])
    log.append([request("x", product=BOBS, month=1)])
    for _ in range(2):
        log.drop(ACME, 2)
    log.close()

    again = SqliteCallLog(tmp_path / "log")

    assert (again.start(ACME), again.end(ACME)) == (2, 2)
    assert again.append([request("c", month=1)]) == [2]
    assert again.rewrite(ACME, 0, before_us=2**62, most=9, change=without_event) == 3
    again.close()
