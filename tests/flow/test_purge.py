"""Purging on real engines: what is cut from the log changes no number, not even after a rebuild."""

import msgspec
import pytest

from tests.whole import Whole, group, identify, moment, track
from uptake.core.config import Destination, Mapping, ProductConfig, preset_mappings
from uptake.pipeline.destination_changes import change_mapping

FIELDS = {"userId": {"@path": "$.userId"}, "timestamp": {"@path": "$.timestamp"}}
BY_PLAN = Mapping(
    "Paid by plan",
    "track",
    'event = "Paid" and properties.test != true',
    FIELDS | {"event": {"@template": "Paid_{{properties.plan}}"}},
    enabled=True,
)


@pytest.fixture
def app(tmp_path):
    """A product that keeps everything for thirty days, and counts payments by their plan."""
    destination = Destination(mappings=(*preset_mappings(), BY_PLAN))
    whole = Whole(tmp_path, ProductConfig(keep_properties_days=30, dedupe_days=90, destination=destination))
    yield whole
    whole.close()


def paid(plan, **more):
    """A payment without a messageId, with more in it than anybody reads."""
    call = track("ana", "Paid", day=9) | {"properties": {"plan": plan, "card": "4242"}, "category": "money"} | more
    del call["messageId"]
    return call


def logged(app):
    return [each.call for each in app.product.log.read(1, 0, most=99)]


def folded(app):
    """A digest of all rows but those of scores, which follow today."""
    return {table: digest for table, digest in app.state().items() if table != "scores"}


def send_everything(app):
    """Calls of every kind, one of them a test and one twice."""
    app.post(identify("ana", context={"locale": "de", "traits": {"name": "Ana"}}), group("ana", "acme"))
    app.post(paid("pro"), paid("free"), paid("free", properties={"plan": "x", "test": True}), paid("pro"))
    app.post({"type": "page", "userId": "ana", "name": "Home", "timestamp": moment(9), "properties": {"url": "/"}})
    app.settle()


def test_a_rebuild_after_the_purge_equals_the_live_state(app):
    """Properties are gone from the log, and everything derived from it is as it was: live, and made anew."""
    send_everything(app)
    before, calls = folded(app), logged(app)

    app.later(days=31)
    app.settle()
    cut, live = logged(app), app.state()
    after = folded(app)
    app.running.rebuild(1)

    assert all(each.message_id == other.message_id for each, other in zip(calls, cut, strict=True))
    assert calls[2].properties == {"plan": "pro", "card": "4242"}
    assert [each.properties for each in cut] == [
        *(None, None),
        *({"plan": "pro"}, {"plan": "free"}, {"plan": "x", "test": True}, {"plan": "pro"}),
        None,
    ]
    assert [each.extra for each in cut] == [None] * 7
    assert cut[0].context == {"traits": {"name": "Ana"}}
    assert after == before
    assert app.state() == live
    assert app.product.status().settled


def test_the_same_call_after_the_purge_is_still_a_repeat(app):
    """The derived messageId is of the call as it was received, and stays when its properties go."""
    send_everything(app)
    app.later(days=31)
    app.settle()

    app.post(paid("free"))
    app.settle()

    assert app.product.store.fates(most=1)[0].fate == "duplicate"
    assert logged(app)[-1].message_id == logged(app)[3].message_id


def test_a_mapping_that_applied_to_older_calls_still_reads_them(app):
    """What only an earlier destination reads stays with the calls that it applies to."""
    send_everything(app)
    other = msgspec.structs.replace(BY_PLAN, fields=FIELDS | {"event": {"@template": "By_{{properties.card}}"}})
    app.running.change_config(1, lambda version: change_mapping(BY_PLAN.name, other)(version.config), by="test")
    app.post(paid("new"))
    app.settle()
    before = folded(app)

    app.later(days=31)
    app.settle()
    live = app.state()
    app.running.rebuild(1)

    assert folded(app) == before
    assert app.state() == live
    assert logged(app)[-1].properties == {"plan": "new", "card": "4242"}
    assert logged(app)[-1].extra is None
