"""Retention: months leave the log for the base snapshot, and everything derived stays as it was."""

from collections import Counter

import msgspec
import pytest

from tests.whole import Whole, group, identify, track
from uptake.pipeline.merges import merge_ids

MONTHS = 5
DAYS = 31
CALLS = 8
"""A month, the repeated one too."""

KEPT_MONTHS = 2


def lived(whole):
    """Five months of acme's and bob's life, received as they happened; one call of each is sent twice."""
    for month in range(MONTHS):
        day = 1 + DAYS * month
        calls = (
            group("ana", "acme", day, {"name": f"Acme {month}", "mrr": 100 * month}),
            identify("ana", day, {"email": "ana@acme.com", "plan": f"p{month}"}),
            track("ana", "Report Created", day + 1),
            track("ana", "Report Created", day + 2),
            track("bob", "Report Shared", day + 3),
            track(f"user{month}", "Report Created", day + 1, context={"groupId": "other"}),
            group("bob", "bobs", day + 4),
        )
        named = [{**call, "messageId": f"{month}-{index}"} for index, call in enumerate(calls)]
        whole.post(*named[:-1])
        whole.later(days=1)
        whole.post(named[2], named[-1])
        whole.settle()
        whole.later(days=DAYS - 1)
    whole.settle()


@pytest.fixture
def whole(tmp_path):
    whole = Whole(tmp_path / "bounded", now="2026-01-01T12:00:00+00:00")
    lived(whole)
    yield whole
    whole.running.close()


def retained(whole, days=65):
    """The product with so many days kept, once there is nothing more to take."""
    whole.configure(retention_days=days)
    while whole.running.step():
        pass
    return whole.product.retained


@pytest.fixture
def unbounded(tmp_path):
    """The same life of a product that keeps all calls."""
    whole = Whole(tmp_path / "unbounded", now="2026-01-01T12:00:00+00:00")
    lived(whole)
    yield whole
    whole.running.close()


def months(whole):
    return sorted(path.name for path in (whole.folder / "log").glob("*.sqlite"))


def test_old_months_leave_the_log_and_every_number_stays(whole):
    """Whole files go, offsets go on, nothing derived changes, and a rebuild from the snapshot gives the same state."""
    before, files, end = whole.state(), months(whole), whole.product.status().log_offset

    reached = retained(whole)

    assert len(files) > len(months(whole)) >= 2
    assert 0 < reached.offset == whole.running.log.start(1) < end == whole.product.status().log_offset
    assert whole.state() == before
    whole.running.rebuild(1)
    assert whole.state() == before
    whole.post(track("ana", "Report Created", 1 + DAYS * MONTHS))
    whole.settle()
    live = whole.state()
    assert live != before
    whole.running.rebuild(1)
    assert whole.state() == live
    assert sum(row.times for row in whole.product.store.outcomes(since_us=0)) == end + 1


def test_zone_merges_and_ignored_events_still_reach_what_left(whole, unbounded):
    """Moments and ids are kept as they came: later changes give the same numbers with and without retention."""
    assert retained(whole)

    for each in (whole, unbounded):
        merge_ids(each.running, 1, "user", "bob", "ana", by="test")
        merge_ids(each.running, 1, "account", "other", "acme", by="test")
        each.configure(time_zone="Pacific/Auckland", ignored_events=("Report Shared",))
        each.settle()

    assert whole.state() == unbounded.state()


def test_a_mapping_no_longer_reaches_what_left(whole):
    """A destination that is applied to all of history changes what is in the log, and not what was before."""
    retained(whole)
    held = whole.product.status().log_offset - whole.product.retained.offset
    nothing = msgspec.structs.replace(whole.product.config.destination, mappings=())

    whole.running.change_config(
        1, lambda version: msgspec.structs.replace(version.config, destination=nothing), by="test", to_history=True
    )
    whole.settle()

    times = Counter[str]()
    for row in whole.product.store.outcomes(since_us=0):
        times[row.fate] += row.times
    assert times["duplicate"] == MONTHS
    assert times["unmatched"] == held - KEPT_MONTHS
    assert times["applied"] == MONTHS * CALLS - times["unmatched"] - times["duplicate"]
