"""Changed ids: one user or account under two ids is counted as one, and apart again when that is taken back."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.house import House
from tests.installed import Installed, code_of
from tests.whole import Whole, group, identify, moment, track
from uptake.control import requests as ask
from uptake.control.operations import Office, perform
from uptake.control.requests import Silence
from uptake.core.config import Exclusions
from uptake.core.errors import UptakeError
from uptake.pipeline.merges import merge_ids, undo_merge
from uptake.views.explanation import explain
from uptake.views.ranking import find, known
from uptake.views.users import user_detail


@pytest.fixture
def whole(tmp_path):
    """A new product on real engines; it is the tenth day."""
    app = Whole(tmp_path)
    yield app
    app.close()


def merge(app, kind, merged, into):
    """Merge and settle."""
    made = merge_ids(app.running, 1, kind, merged, into, by="test")
    app.running.settle(1)
    return made


def test_one_person_under_two_ids_is_one_user(whole):
    """Events, traits and memberships of the merged id are the other's, explained and listed as such."""
    whole.post(identify("ana@old", day=2, traits={"name": "Ana", "plan": "old"}), track("ana@old", "Export", day=9))
    whole.post(group("ana@old", "acme", day=2))
    whole.post(identify("ana", day=5, traits={"plan": "new"}), track("ana", "Export", day=10), track("ana", "Share"))
    whole.settle()

    merge(whole, "user", "ana@old", "ana")

    product = whole.product
    told = explain(product, "user", None, "ana")
    assert {part.user: part.times for part in told.parts if part.event == "Export"} == {"ana": 2}
    assert told.raw == sum(part.raw for part in told.parts)
    assert explain(product, "account", None, "acme").users[0].name == "ana"
    assert product.store.traits("user", "ana") == {"name": "Ana", "plan": "new"}
    assert product.store.totals().users == 1
    assert find(product, "user", "tracking_id", "ana@old") == "ana"
    assert known(product, "user", "ana@old") == "ana"


def test_an_opaque_id_of_a_merged_one_still_leads_somewhere(whole):
    """A link to the merged account opens the one that it is."""
    whole.post(group("ana", "acme"), group("bob", "acme-inc"), track("bob", "Export", day=10))
    whole.settle()
    opaque = whole.account("acme-inc").id

    merge(whole, "account", "acme-inc", "acme")

    assert known(whole.product, "account", opaque) == "acme"
    assert whole.account("acme").raw_score == 1
    assert whole.account("acme").total_users == 1


def test_merges_reach_what_names_an_account(whole):
    """The account that an event names and the parent of another are the merged one's; nobody is his own parent."""
    whole.post(group("ana", "west", traits={"parent": "acme-inc"}), group("bob", "acme-inc", traits={"parent": "acme"}))
    whole.post(track("ana", "Export", day=10), track("eve", "Export", day=10, context={"groupId": "acme-inc"}))
    whole.settle()

    merge(whole, "account", "acme-inc", "acme")

    assert whole.account("acme").raw_score == 2
    assert whole.product.store.traits("account", "west") == {"parent": "acme"}
    assert whole.product.store.parent_cycles() == []


def test_undoing_a_merge_restores_everything(whole):
    """Every row and number is as it was, also for calls that came in between."""
    whole.post(track("ana", "Export", day=9), track("ana@old", "Export", day=9), group("ana@old", "acme", day=1))
    whole.settle()
    before = whole.state()

    made = merge(whole, "user", "ana@old", "ana")
    merged = whole.state()
    undo_merge(whole.running, 1, made.id, by="test")
    whole.settle()

    assert merged != before == whole.state()


def test_a_merge_taken_back_before_the_rebuild_leaves_no_trace(whole):
    """Calls that were folded in between count for the id that they came with."""
    whole.post(track("ana", "Export", day=9), track("bob", "Export", day=9))
    whole.settle()

    made = merge_ids(whole.running, 1, "user", "bob", "ana", by="test")
    whole.post(track("bob", "Export", day=10))
    whole.product.fold(most=100)
    undo_merge(whole.running, 1, made.id, by="test")
    generation = whole.product.store.generation
    whole.settle()

    assert whole.number("user", "bob").raw_score == 2
    assert whole.product.store.generation == generation


def test_merging_an_id_that_has_not_called_yet_needs_no_rebuild(whole):
    """Nothing is folded for it: its first call counts for the other one at once."""
    whole.post(track("ana", "Export", day=9))
    whole.settle()

    merge(whole, "user", "bob", "ana")
    whole.post(track("bob", "Export", day=10))
    whole.settle()

    assert whole.product.store.generation == 1
    assert whole.number("user", "ana").raw_score == 2


def test_an_exclusion_by_a_merged_id_is_one_of_the_person(whole):
    """Whoever is left out under one id is left out under all."""
    whole.configure(exclusions=Exclusions(users=("ana@old",)))
    whole.post(track("ana", "Export", day=9), track("bob", "Export", day=9))
    whole.settle()
    assert whole.number("user", "ana").raw_score == 1

    merge(whole, "user", "ana@old", "ana")

    with pytest.raises(IndexError):
        whole.number("user", "ana")
    assert whole.number("user", "bob").raw_score == 1


USERS = ("ana", "bob", "cai", "dan")
calls = st.one_of(
    st.builds(
        lambda user, event, hour: track(user, event, timestamp=moment(9, hour)),
        st.sampled_from(USERS),
        st.sampled_from("AB"),
        st.integers(0, 23),
    ),
    st.builds(
        lambda user, account, hour: group(user, account, timestamp=moment(9, hour), traits={"plan": hour}),
        st.sampled_from(USERS),
        st.sampled_from(["acme", "beta", "west"]),
        st.integers(0, 23),
    ),
)
merges = st.lists(
    st.one_of(
        st.tuples(st.just("user"), st.sampled_from(USERS), st.sampled_from(USERS)),
        st.tuples(st.just("account"), st.sampled_from(["beta", "west"]), st.sampled_from(["acme", "beta"])),
    ),
    max_size=4,
)


def apply(app, wanted):
    """Make the merges that can be made."""
    for kind, merged, into in wanted:
        with suppress(UptakeError):
            merge_ids(app.running, 1, kind, merged, into, by="test")


@given(batch=st.lists(calls, min_size=1, max_size=12), wanted=merges, cut=st.integers(0, 12))
@settings(max_examples=settings().max_examples // 8)
def test_merging_live_equals_a_rebuild_and_having_merged_before(batch, wanted, cut):
    """Merges in the midst of calls, before all of them, and a rebuild after all of them give the same rows."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        live, beforehand = Whole(Path(one)), Whole(Path(two))
        apply(beforehand, wanted)
        beforehand.post(*batch)
        beforehand.settle()
        if batch[:cut]:
            live.post(*batch[:cut])
            live.settle()
        apply(live, wanted)
        if batch[cut:]:
            live.post(*batch[cut:])
        live.settle()

        state = live.state()
        assert state == beforehand.state()
        live.running.rebuild(1)
        assert live.state() == state
        for app in (live, beforehand):
            app.close()


def test_the_order_of_merges_does_not_matter(tmp_path):
    """A chain made from either end counts for its head, and undoing a link frees what hangs on it."""
    states = []
    for number, order in enumerate([(0, 1), (1, 0)]):
        app = Whole(tmp_path / str(number))
        links = [("cai", "bob"), ("bob", "ana")]
        app.post(*(track(user, "Export", day=9, messageId=user) for user in ("ana", "bob", "cai")))
        app.settle()
        made = {index: merge(app, "user", *links[index]) for index in order}
        assert app.number("user", "ana").raw_score == 3
        states.append(app.state())
        undo_merge(app.running, 1, made[1].id, by="test")
        app.settle()
        assert [app.number("user", user).raw_score for user in ("ana", "bob")] == [1, 2]
        app.close()

    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("kind", "merged", "into", "code"),
    [
        ("user", "ana", "ana", "merge_cycle"),
        ("user", "ana", "bob", "merge_cycle"),
        ("user", "ana", "cai", "merge_cycle"),
        ("user", "bob", "dan", "merge_exists"),
        ("user", "", "dan", "bad_id"),
        ("user", "x" * 501, "dan", "bad_id"),
    ],
)
def test_a_merge_that_cannot_be_is_refused(kind, merged, into, code):
    """Cycles, second homes and ids that are none have codes, and nothing is kept."""
    house = House()
    for one, other in (("bob", "ana"), ("cai", "bob")):
        merge_ids(house.running, 1, "user", one, other, by="test")

    with pytest.raises(UptakeError) as refused:
        merge_ids(house.running, 1, kind, merged, into, by="test")

    assert refused.value.code == code
    assert len(house.meta.merges.all(1)) == 2
    merge_ids(house.running, 1, "account", "ana", "bob", by="test")


def test_a_merge_survives_a_restart(tmp_path):
    """Rows and decision are known to belong together, also where the process ended in between."""
    first = Whole(tmp_path)
    first.post(track("ana", "Export", day=9), track("bob", "Export", day=9))
    first.settle()
    merge_ids(first.running, 1, "user", "bob", "ana", by="test")
    first.product.store.close()

    again = Whole.__new__(Whole)
    again.__dict__.update(first.__dict__)
    again.running = type(first.running)(
        first.running.meta, first.running.log, again._open, again._drop, clock=lambda: again.now_us
    )
    again.product = again.running.product(1)
    assert again.product.rebuild_due
    again.settle()

    assert not again.product.rebuild_due
    assert again.number("user", "ana").raw_score == 2
    assert user_detail(again.product, None, known(again.product, "user", "bob")).numbers.raw_score == 2
    again.close()


# ---- the API and the command


def test_the_api_merges_and_undoes(tmp_path):
    """A management token makes, lists and takes back merges; refusals have their codes, and who did it is told."""
    house = House()
    for user in ("ana", "bob"):
        house.track(user, "Export")
    house.settle()

    with house.client(house.token("manage")) as client:
        made = client.post("/v2/merges", json={"kind": "user", "merged": "bob", "into": "ana"})
        house.settle()
        shown = client.get("/v2/users/bob?workspace_id=1").json()["user"]
        listed = client.get("/v2/merges").json()["data"]
        again = client.post("/v2/merges", json={"kind": "user", "merged": "bob", "into": "eve"})
        undone = client.delete(f"/v2/merges/{listed[0]['id']}")
        gone = client.delete(f"/v2/merges/{listed[0]['id']}")

    assert (made.status_code, made.json()["rebuild"]) == (200, True)
    assert (shown["tracking_id"], shown["raw_score"]) == ("ana", 2)
    assert [(each["merged"], each["into"]) for each in listed] == [("bob", "ana")]
    assert (again.status_code, again.json()["error"]["code"]) == (409, "merge_exists")
    assert undone.json()["merge"]["merged"] == "bob"
    assert gone.json()["error"]["code"] == "unknown_merge"
    with house.client() as client:
        assert client.get("/v2/merges").json()["data"] == []
        assert client.delete("/v2/merges/1").status_code == 403


def test_commands_ask_the_office(tmp_path):
    """The same over the socket; an unknown merge says so."""
    house = House()
    office = Office(house.running, house.directory, tmp_path, served=True)

    made = perform(office, ask.MergeIds(kind="account", merged="acme-inc", into="acme"), Silence())

    assert (made["merged"], made["into"], made["rebuild"]) == ("acme-inc", "acme", False)
    assert [each["id"] for each in perform(office, ask.ListMerges(), Silence())] == [made["id"]]
    perform(office, ask.UndoMerge(id=made["id"]), Silence())
    with pytest.raises(UptakeError, match="unknown_merge"):
        perform(office, ask.UndoMerge(id=made["id"]), Silence())


def test_the_commands_print_what_they_did(tmp_path):
    """`merge user A B`, `merge list`, `merge undo`, without a server."""
    installed = Installed(tmp_path / "data")
    installed.good("key", "create", "--kind", "read")

    made = installed.json("merge", "user", "ana", "bob")

    assert (made["merged"], made["into"]) == ("bob", "ana")
    assert "bob" in installed.good("merge", "list")
    assert code_of(installed.run("merge", "user", "bob", "ana").stderr) == "merge_cycle"
    installed.good("merge", "undo", made["id"])
    assert installed.json("merge", "list") == []
