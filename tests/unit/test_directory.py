"""Keys open products, as they stand now: texts, kinds, staging marks, revocation and changes behind our back."""

import threading
from types import SimpleNamespace

import msgspec
import pytest

from tests.fakes_meta import MemoryMetaStore
from tests.installed import wait_for
from uptake.core.calls import Projection
from uptake.core.config import ProductConfig
from uptake.core.days import SECOND_US
from uptake.pipeline.directory import Directory, in_a_thread
from uptake.stores.meta.base import MetaUnavailable


class StandIn:
    """The part of a running installation that the directory asks."""

    def __init__(self) -> None:
        self.meta = MemoryMetaStore()
        self.now_us = 1_000 * SECOND_US
        self.known = {1, 2}
        self.projection = Projection()
        self.chores = []
        for name in ("Acme App", "Bob's"):
            self.meta.create_product(ProductConfig(product=name), now_us=1, by="setup")

    def clock(self):
        return self.now_us

    def product(self, product_id):
        if product_id not in self.known:
            raise KeyError(product_id)
        return SimpleNamespace(product_id=product_id, projection=self.projection)

    def key(self, kind, product_id=1):
        return self.meta.create_key(product_id, kind, name="", now_us=1)


@pytest.fixture
def running():
    return StandIn()


def test_an_ingest_key_opens_its_product_and_never_reads(running):
    """It is found as an ingest key of its product, and as a read token it is nothing."""
    _, text = running.key("ingest", product_id=2)
    directory = Directory(running)

    assert directory.find_ingest(text).product_id == 2
    assert directory.find_read(text) is None


def test_a_read_token_reads_its_product_and_never_writes(running):
    """It is found as a read token of its product, and as an ingest key it is nothing."""
    _, text = running.key("read", product_id=2)
    directory = Directory(running)

    assert directory.find_read(text) == 2
    assert directory.find_ingest(text) is None


@pytest.mark.parametrize("text", ["", "stg_", "0" * 32, "\udcff", "é", "x" * 100_000])
def test_any_other_text_opens_nothing(running, text):
    """Empty, unknown, long and undecodable texts are refused without a fault."""
    running.key("ingest")
    directory = Directory(running)

    assert directory.find_ingest(text) is None
    assert directory.find_read(text) is None


def test_the_mark_of_staging_is_left_out(running):
    """A key with `stg_` before it is the same key."""
    _, text = running.key("ingest")

    assert Directory(running).find_ingest("stg_" + text).product_id == 1


def test_a_key_is_good_until_its_revocation(running):
    """A revoked key is refused from that moment on, and not before."""
    key, text = running.key("ingest")
    running.meta.revoke_key(key.id, at_us=running.now_us + 5)
    directory = Directory(running)

    before = directory.find_ingest(text)
    running.now_us += 5

    assert before.product_id == 1
    assert directory.find_ingest(text) is None


def test_a_change_is_known_after_refresh_at_once(running):
    """A key made or revoked takes effect with `refresh`."""
    directory = Directory(running)
    key, text = running.key("ingest")
    before = directory.find_ingest(text)

    directory.refresh()

    assert before is None
    assert directory.find_ingest(text).product_id == 1
    running.meta.revoke_key(key.id, at_us=running.now_us)
    directory.refresh()
    assert directory.find_ingest(text) is None


@pytest.mark.parametrize("later_us", [SECOND_US, -SECOND_US])
def test_a_change_by_another_process_is_seen_within_a_second(running, later_us):
    """Also where the clock was set back."""
    directory = Directory(running)
    _, text = running.key("ingest")

    running.now_us += later_us

    assert directory.find_ingest(text).product_id == 1


def test_keys_are_read_again_only_after_a_change(running, monkeypatch):
    """A second without a change costs one question for the revision."""
    running.key("ingest")
    directory = Directory(running)
    monkeypatch.setattr(running.meta, "keys_by_digest", lambda: pytest.fail("read again"))

    running.now_us += 2 * SECOND_US

    assert directory.find_ingest("x") is None


def test_what_is_kept_follows_the_configuration(running):
    """The projection is the one of the product in force now."""
    _, text = running.key("ingest")
    directory = Directory(running)

    running.projection = msgspec.structs.replace(running.projection, everything=True)

    assert directory.find_ingest(text).projection.everything


def test_a_product_that_is_not_running_yet_is_not_open(running):
    """A key of a product made elsewhere a moment ago is refused until the product runs."""
    _, text = running.key("ingest", product_id=2)
    directory = Directory(running)

    running.known.remove(2)

    assert directory.find_ingest(text) is None


def test_a_key_that_expired_opens_nothing(running):
    """From the moment on at which it was made to."""
    key, text = running.meta.create_key(1, "read", name="", now_us=1, expires_us=running.now_us + 1)
    directory = Directory(running)

    before = directory.find_read(text)
    running.now_us += 1

    assert key.expires_us == running.now_us
    assert (before, directory.find_read(text)) == (1, None)


def test_keys_say_when_they_were_last_used(running):
    """Written down once a minute, by the worker's chore; an unknown or refused key says nothing."""
    (used, text), (idle, _) = running.key("read"), running.key("ingest")
    directory = Directory(running)
    first_us = running.now_us

    def used_us():
        running.chores[0]()
        return [key.used_us for key in running.meta.keys(1)]

    directory.find_read(text)
    directory.find_ingest(text)
    at_once = used_us()
    running.now_us += 60 * SECOND_US
    after_a_minute = used_us()
    directory.find_read(text)

    assert (used.id, idle.id) == (1, 2)
    assert (at_once, after_a_minute) == ([None, None], [first_us, None])
    assert used_us() == [first_us, None]


def test_known_keys_stay_good_while_the_meta_store_cannot_be_read(running, monkeypatch, caplog):
    """A key that was good is good, and a change is known once the store can be read again."""
    _, text = running.key("ingest")
    directory = Directory(running)
    revision = running.meta.revision
    monkeypatch.setattr(running.meta, "revision", locked)
    _, fresh = running.key("ingest")

    running.now_us += SECOND_US
    assert directory.find_ingest(text).product_id == 1
    assert directory.find_ingest(fresh) is None
    assert [record.message for record in caplog.records] == ["keys_not_refreshed"]

    monkeypatch.setattr(running.meta, "revision", revision)
    running.now_us += SECOND_US
    assert directory.find_ingest(fresh).product_id == 1


def test_nobody_waits_while_it_is_looked_for_changes(running, monkeypatch):
    """Looked for beside, a change is known a moment later, and a store that hangs holds no request up."""
    _, text = running.key("ingest")
    directory = Directory(running, look=in_a_thread)
    revision, hangs = running.meta.revision, threading.Event()
    monkeypatch.setattr(running.meta, "revision", lambda: hangs.wait(60) and revision())
    _, fresh = running.key("ingest")

    running.now_us += SECOND_US
    assert directory.find_ingest(text).product_id == 1
    assert directory.find_ingest(fresh) is None

    hangs.set()
    wait_for(lambda: directory.find_ingest(fresh))


def locked():
    """What a meta store says whose lock somebody else holds."""
    raise MetaUnavailable("the meta store cannot be used: database is locked")


def test_a_key_is_called_by_its_name(running):
    """Without one by how it begins, and never by its text; an unknown one is unknown."""
    _, named = running.meta.create_key(1, "manage", name="Terraform", now_us=1)
    key, nameless = running.key("read")
    directory = Directory(running)

    assert directory.name_of(named) == "token Terraform"
    assert directory.name_of(nameless) == f"token {key.hint}…"
    assert directory.name_of("anything") == "an unknown token"
