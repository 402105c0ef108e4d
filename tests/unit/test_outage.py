"""What a log says while something is away: enough to know, and not the same line four times a second."""

import logging
from types import SimpleNamespace

import pytest

from tests.sharing import Shared
from uptake.core.days import SECOND_US
from uptake.pipeline.outage import Outage
from uptake.stores.meta.base import MetaUnavailable

LOG = logging.getLogger("uptake.test")


@pytest.fixture
def now():
    """A clock that the test sets."""
    return SimpleNamespace(us=1_795_000_000 * SECOND_US)


@pytest.fixture
def outage(now, caplog):
    caplog.set_level(logging.INFO, "uptake")
    return Outage(LOG, lambda: now.us)


def last(outage, now, seconds):
    """Be away so long, met four times a second."""
    for _ in range(4 * seconds):
        outage.met("away")
        now.us += SECOND_US // 4


def lines(caplog):
    return [(record.message, getattr(record, "times", 0)) for record in caplog.records]


def test_an_outage_is_told_at_once_and_then_less_and_less_often(outage, now, caplog):
    """Ten minutes are a line at once, some in the first minute and then one a minute; no meeting goes uncounted."""
    last(outage, now, 600)

    told = [times for _, times in lines(caplog)]
    assert told[:5] == [1, 4, 8, 16, 32]
    assert told[8:] == [240] * len(told[8:])
    assert len(told) == 15
    assert 0 <= 4 * 600 - sum(told) < 240


def test_one_line_says_that_it_is_back(outage, now, caplog):
    """How long it was away, once, and nothing where nothing was away."""
    outage.over()
    assert lines(caplog) == []
    last(outage, now, 10)

    outage.over()
    outage.over()

    assert [record.message for record in caplog.records][-2:] == ["meta_unavailable", "meta_is_back"]
    assert caplog.records[-1].after_s == 10.0


def test_what_comes_and_goes_does_not_fill_the_log(outage, now, caplog):
    """Away at every other step for ten minutes: pauses grow on; after a quiet while the first line comes at once."""
    for _ in range(2 * 600):
        outage.met("away")
        now.us += SECOND_US // 2
        outage.over()
    assert len(lines(caplog)) == 2 * 15

    now.us += 61 * SECOND_US
    caplog.clear()
    outage.met("away")

    assert lines(caplog) == [("meta_unavailable", 1)]


def test_a_clock_that_is_set_back_hides_no_outage(outage, now, caplog):
    """The next meeting is told."""
    last(outage, now, 100)
    caplog.clear()
    now.us -= 86_400 * SECOND_US

    last(outage, now, 5)

    assert [times for _, times in lines(caplog)][:2] == [1, 4]


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_node_without_the_meta_store_says_so_once_and_when_it_is_back(part, monkeypatch, caplog):
    """Step after step; what is counted is every time."""
    caplog.set_level(logging.INFO, "uptake")
    node = Shared().node(part)
    node.step()
    caplog.clear()

    def gone(*_args):
        raise MetaUnavailable("away")

    with monkeypatch.context() as patch:
        for name in ("attend", "leases", "revision"):
            patch.setattr(node.meta, name, gone, raising=False)
        for _ in range(10):
            node.step()
    assert node.failed_meta_reads >= 10
    node.step()
    node.step()

    told = [record.message for record in caplog.records]
    assert [each for each in told if each.startswith("meta")] == ["meta_unavailable", "meta_is_back"]
