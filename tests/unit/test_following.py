"""Web nodes and workers over the same stores: who folds, who follows, and what they tell one another."""

import threading
from datetime import timedelta

import msgspec
import pytest

from tests.house import TODAY, ago
from tests.sharing import Shared, settled
from uptake.core.config import ConfigVersion, ProductConfig
from uptake.pipeline import following
from uptake.pipeline.following import NotScoredYet, applied_late, folded_too_early
from uptake.stores.events.base import ListQuery
from uptake.stores.meta.base import MetaUnavailable


@pytest.fixture
def shared():
    """What the processes share."""
    return Shared()


def score(running, user="ana", day=TODAY, product=1):
    """The user's raw score as the process would list it."""
    product = running.product(product)
    numbers, _ = product.store.numbers("user", product.model(1), day, ListQuery(tracking_ids=(user,)))
    return numbers[0].raw_score if numbers else None


def test_a_web_node_serves_what_a_worker_folded(shared):
    """The web node folds nothing; once a worker has, it is settled there too."""
    web, worker = shared.node("web"), shared.node("worker")
    shared.track("ana", "Export")
    web.step()
    assert web.product(1).status().folded_offset == 0

    assert settled(web, worker)

    assert score(web) == 1


def test_two_workers_share_the_products_and_one_takes_over(shared):
    """Each of two workers folds one of two products; when one is gone the other folds both."""
    web, ours, theirs = shared.node("web"), shared.node("worker"), shared.node("worker")
    web.create_product(ProductConfig(product="Second"), by="test")
    for each in (ours, theirs, ours, theirs):
        each.step()
    assert [len(each.products()) for each in (ours, theirs)] == [1, 1]
    for product in (1, 2):
        shared.track("ana", "Export", product=product)
    assert settled(web, ours, theirs, product=1)
    assert settled(web, ours, theirs, product=2)

    shared.kill(ours)
    shared.track("ana", "Export", product=1)
    shared.track("ana", "Export", product=2)

    assert settled(web, theirs, product=1)
    assert settled(web, theirs, product=2)
    assert [score(web, product=each) for each in (1, 2)] == [2, 2]


def test_who_loses_the_lease_folds_nothing(shared, monkeypatch):
    """Between looking at its shares and folding a worker may lose a product: it asks again, and folds nothing."""
    worker = shared.node("worker")
    worker.step()
    shared.track("ana", "Export")
    monkeypatch.setattr(worker.meta, "holds", lambda _product: False)

    worker.step()

    assert shared.stores[1, 1].offset() == 0
    assert not worker.may_write(1)


def test_a_worker_without_the_meta_store_lets_go_of_its_products(shared, monkeypatch):
    """Nobody can tell then whose they are."""
    worker = shared.node("worker")
    worker.step()
    assert worker.may_write(1)

    def gone(_products):
        raise MetaUnavailable("away")

    monkeypatch.setattr(worker.meta, "leases", gone)
    worker.step()

    assert worker.products() == []
    assert not worker.may_write(1)


def test_a_configuration_saved_on_a_web_node_reaches_the_worker(shared):
    """An event that is ignored from now on for all of history: the worker rebuilds, the web node follows."""
    web, worker = shared.node("web"), shared.node("worker")
    shared.track("ana", "Export")
    shared.track("ana", "Ping")
    assert settled(web, worker)

    web.change_config(1, lambda version: msgspec.structs.replace(version.config, time_zone="Asia/Tokyo"), by="ana")
    assert not web.product(1).status().settled

    assert settled(web, worker)
    assert web.product(1).store.generation == 2
    assert web.product(1).store.rules.time_zone == "Asia/Tokyo"
    assert web.product(1).status().scored_revision == 2


def test_a_rebuild_that_a_web_node_asks_for_is_done_by_the_worker(shared):
    """The web node sees the next generation."""
    web, worker = shared.node("web"), shared.node("worker")
    shared.track("ana", "Export")
    assert settled(web, worker)

    web.ask_rebuild(1, by="ana")
    for _ in range(5):
        worker.step()
        web.step()

    assert web.product(1).store.generation == 2
    assert score(web) == 1


def test_a_day_that_was_never_scored_is_scored_by_the_worker(shared, monkeypatch):
    """The reader of an old day waits until the worker has scored it."""
    monkeypatch.setattr(following, "LOOK_EVERY_S", 0.001)
    web, worker = shared.node("web"), shared.node("worker")
    shared.track("ana", "Export", day=700)
    assert settled(web, worker)
    old = ago(700)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            worker.step()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        web.product(1).ensure_scored_days(old, old + timedelta(days=2))
    finally:
        stop.set()
        thread.join()

    assert score(web, day=old) == 1


def test_without_a_worker_an_unscored_day_is_told_as_such(shared, monkeypatch):
    """Nobody computes on a web node."""
    monkeypatch.setattr(following, "PATIENCE_S", 0.0)
    web = shared.node("web")

    with pytest.raises(NotScoredYet):
        web.product(1).ensure_scored(TODAY)
    with pytest.raises(NotScoredYet):
        web.product(1).recompute_steps({})


def test_calls_that_were_folded_too_early_are_folded_again(shared):
    """A mapping applies from an offset on; a worker that folded past it before it heard of it rebuilds."""
    web, worker = shared.node("web"), shared.node("worker")
    shared.track("ana", "Export")
    assert settled(web, worker)
    none = msgspec.structs.replace(web.product(1).config.destination, mappings=())
    shared.meta.save_config(
        1,
        lambda version: msgspec.structs.replace(version.config, destination=none),
        from_offset=1,
        now_us=1,
        by="ana",
        why="",
    )
    for product in worker.products():  # it has not heard of it
        shared.track("ana", "Export")
        product.fold(most=10)
    assert shared.stores[1, 1].totals().events == 2

    for _ in range(5):
        worker.step()

    assert shared.stores[1, 2].totals().events == 1


def version(revision, from_offset, *, mappings=()):
    """A version whose destination has these mappings."""
    config = ProductConfig()
    destination = msgspec.structs.replace(config.destination, mappings=mappings)
    return ConfigVersion(
        1, revision, from_offset, 1, "ana", "", msgspec.structs.replace(config, destination=destination)
    )


def test_only_a_changed_destination_before_what_is_folded_is_late():
    """What applies from the end of the log on, or changes no destination, needs nothing."""
    mapping = ProductConfig().destination.mappings[:1]
    versions = [version(1, 0), version(2, 5, mappings=mapping), version(3, 9, mappings=mapping)]

    assert applied_late(versions, 1, 6)
    assert not applied_late(versions, 1, 5)
    assert not applied_late(versions, 2, 100)


def test_what_was_folded_under_a_version_is_remembered(shared):
    """A restart finds nothing late where the worker before knew the configuration."""
    web, worker = shared.node("web"), shared.node("worker")
    none = msgspec.structs.replace(web.product(1).config.destination, mappings=())
    shared.track("ana", "Export")
    assert settled(web, worker)
    web.change_config(1, lambda version: msgspec.structs.replace(version.config, destination=none), by="ana")
    shared.track("ana", "Export")
    assert settled(web, worker)

    assert not folded_too_early(shared.meta, worker.product(1))
    assert web.product(1).store.generation == 1


def test_work_is_asked_for_where_another_process_does_it(shared):
    """A web node takes any wish, also for a file, which lies where every node reaches."""
    web = shared.node("web")

    asked = [web.jobs.ask(1, kind, by="ana").kind for kind in ("export", "rebuild")]

    assert asked == ["export", "rebuild"]


def test_the_first_product_is_made_by_one_of_the_nodes(shared):
    """Whoever comes second finds it."""
    shared.meta = type(shared.meta)()
    nodes = [shared.node("web") for _ in range(2)]

    made = [node.create_first_product(ProductConfig(product="Acme App"), by="setup") for node in nodes]

    assert [each and each.name for each in made] == ["Acme App", None]
    nodes[1].refresh()
    assert [each.name for each in nodes[1].products()] == ["Acme App"]
