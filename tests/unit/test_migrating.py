"""Copying a log and a meta store elsewhere, in parts and with everything that is refused."""

import msgspec
import pytest

from tests.fakes_log import MemoryCallLog
from uptake.control.requests import Silence
from uptake.core.calls import Call
from uptake.core.config import ProductConfig
from uptake.core.errors import Rejection, UptakeError
from uptake.migrating import compare_calls, copy_calls
from uptake.stores.log.base import Request
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.copying import copied_rows, difference, refuse_filled, write_rows
from uptake.stores.meta.sql import SqlMetaStore

SECRET, OTHER_SECRET = b"a secret of at least 32 characters", b"another secret of 32 characters!!"


def call(number):
    """One of ana's exports."""
    return Call(type="track", message_id=f"m{number}", at_us=number, user_id="ana", event="Export")


@pytest.fixture
def log():
    """A log with requests of two calls each, and one that refused something."""
    log = MemoryCallLog()
    for number in range(0, 10, 2):
        log.append([Request(1, 100 + number, "segment", [call(number), call(number + 1)])])
    log.append([Request(1, 200, "v2", [], (Rejection("missing_user", "$.userId", "there was none"),))])
    return log


def test_calls_keep_their_offsets_and_moments(log):
    """Copied twice, or from where it broke off, a log holds each call once, and what was refused once."""
    target = MemoryCallLog()
    target.append([Request(1, 100, "segment", [call(0), call(1)])])

    for _ in range(2):
        copy_calls(1, log, target, Silence())

    assert target.read(1, 0, most=100) == log.read(1, 0, most=100)
    assert target.refusals(1, most=9) == log.refusals(1, most=9)
    compare_calls(1, log, target, Silence())


def test_a_call_that_differs_is_found(log):
    """Another call at the same offset, and one too many, end the migration with a code."""
    target = MemoryCallLog()
    target.append([Request(1, 100, "segment", [call(0), call(7)])])
    copy_calls(1, log, target, Silence())

    with pytest.raises(UptakeError) as differs:
        compare_calls(1, log, target, Silence())

    longer = MemoryCallLog()
    copy_calls(1, log, longer, Silence())
    longer.append([Request(1, 1, "segment", [call(11)])])
    with pytest.raises(UptakeError) as too_long:
        compare_calls(1, log, longer, Silence())
    assert [each.value.code for each in (differs, too_long)] == ["E019", "E019"]


@pytest.fixture
def metas(tmp_path):
    """A meta store with two products, and an empty one under another secret."""
    ours = SqlMetaStore(f"sqlite:///{tmp_path}/ours.sqlite", SECRET)
    theirs = SqlMetaStore(f"sqlite:///{tmp_path}/theirs.sqlite", OTHER_SECRET)
    for name in ("Acme App", "Bob's"):
        product = ours.create_product(ProductConfig(product=name), now_us=1, by="setup")
        ours.set_fact(f"product:{product.id}:generation", "3")
        ours.audit.add(Entry(1, "setup", "product_created", product.id, name))
    yield ours, theirs
    ours.close()
    theirs.close()


def test_rows_are_copied_with_their_numbers_and_keys_can_be_shown(metas):
    """A key is sealed under the target's secret; what comes next is numbered on."""
    ours, theirs = metas
    key, text = ours.create_key(1, "ingest", name="First key", now_us=5)

    write_rows(theirs, copied_rows(ours, None), "origin")

    assert difference(copied_rows(ours, None), copied_rows(theirs, None)) == ""
    assert theirs.keys(1) == [key]
    assert theirs.find_key(text) == key
    assert theirs.create_product(ProductConfig(product="Third"), now_us=1, by="ana").id == 3
    assert difference(copied_rows(ours, None), copied_rows(theirs, None)) != ""


def test_one_product_is_copied_without_the_others(metas):
    """It keeps its number; nothing of the other one comes along."""
    ours, theirs = metas

    write_rows(theirs, copied_rows(ours, 2), "origin")

    assert [(each.id, each.name) for each in theirs.products()] == [(2, "Bob's")]
    assert (theirs.fact("product:2:generation"), theirs.fact("product:1:generation")) == ("3", None)
    rows = copied_rows(theirs, None)
    assert {row["product_id"] for row in rows["audit"]} == {2}


def test_a_target_that_holds_something_else_is_refused(metas):
    """What was copied from the same origin may be copied again; a product of somebody else's may not be lost."""
    ours, theirs = metas
    refuse_filled(theirs, "origin")
    write_rows(theirs, copied_rows(ours, None), "origin")
    refuse_filled(theirs, "origin")

    for filled, origin in ((theirs, "another"), (ours, "origin")):
        with pytest.raises(UptakeError) as refused:
            refuse_filled(filled, origin)
        assert refused.value.code == "E018"
    assert msgspec.json.encode(theirs.config(1)) == msgspec.json.encode(ours.config(1))
