"""Settings for long work: rebuilds and erasures are begun, followed and receipted; System tells its parts."""

import pytest

from tests.house import House, _drop, _in_memory
from tests.visitors import PART, visiting_as
from uptake.pipeline.running import Running
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
    """Work until every erasure has its receipt."""
    while house.meta.erasures.all(1)[-1].step != "done":
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
    assert "erasing calls" in on_its_way
    assert ">done<" in part
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


def test_a_rebuild_is_asked_for_and_done_once(house):
    """The worker makes the next generation, and is not asked again by that."""
    with visiting_as(house, "admin") as visitor:
        visitor.post(DATA, do="rebuild")
        asked = visitor.get(DATA).text
        house.running.step()
        house.running.step()
        after = visitor.get(DATA).text

    assert "A rebuild begins next" in asked
    assert house.product.store.generation == 2
    assert "Nothing is being rebuilt" in after
    assert "rebuild_asked" in [each.entry.what for each in house.meta.audit.entries(AuditQuery())]


def test_an_editor_neither_erases_nor_sees_the_system(house):
    """Both pages are an admin's."""
    with visiting_as(house, "editor") as visitor:
        answers = [
            visitor.get(DATA),
            visitor.post(DATA, do="erase", kind="user", id="ana", confirm="ana"),
            visitor.get(SYSTEM),
        ]

    assert [each.status_code for each in answers] == [403] * 3
    assert house.meta.erasures.all(1) == []


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
    for _ in range(4):
        later.step()

    assert later.product(1).store.generation == 2
    assert not later.rebuild_asked(1)
