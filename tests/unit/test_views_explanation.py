"""Every score can be taken apart, and every change of it: against the event stores, as they are scored."""

import math
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.house import House, ago
from uptake.core.config import Exclusions, Feature, ProductConfig, Workspace
from uptake.stores.events.base import ListQuery
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.accounts import account_list
from uptake.views.base import BadDay, Unknown
from uptake.views.explanation import explain
from uptake.views.users import user_list

FEATURES = (Feature("Reporting", events=("Created", "Shared")), Feature("Search", events=("Searched",)))
WORKSPACES = {
    "default": Workspace("Engagement", id=1),
    "weighted": Workspace("E", id=1, features={"Reporting": 8, "Search": 2}, event_weights={"Shared": 10}),
    "pooled": Workspace("E", id=1, features={"Reporting": 3, "Search": 1}, account_score="pooled"),
    "linear": Workspace("E", id=1, features={"Reporting": 3, "Search": 1}, curve="linear-1", window_days=30),
    "fading": Workspace("E", id=1, features={"Reporting": 3, "Search": 1}, half_life_days=2.5, window_days=10),
    "capped": Workspace("E", id=1, features={"Reporting": 3, "Search": 1}, daily_cap=2, window_days=5),
}
EVENTS = ("Created", "Shared", "Searched", "Ignored")


def config(workspace: Workspace, **more) -> ProductConfig:
    features = () if workspace.name == "Engagement" else FEATURES
    return ProductConfig(features=features, workspaces=(workspace,), **more)


def furnish(house: House) -> None:
    """Acme with three users of whom max moved to globex, and a child account; bob and zoe elsewhere."""
    for user, account in (("ana", "acme"), ("eve", "acme"), ("max", "acme"), ("bob", "globex"), ("kid", "acme-west")):
        house.group(user, account)
    house.group(None, "acme-west", parent="acme")
    house.group("max", "globex", day=6)
    for day in range(40):
        house.track("ana", EVENTS[day % 4], day=day, times=1 + day % 3)
        house.track("bob", EVENTS[day % 3], day=day, times=2)
        house.track("max", "Searched", day=day)
        house.track("zoe", "Created", day=day)
    for day in (1, 2, 9, 12):
        house.track("eve", "Shared", day=day, times=5 if day > 7 else 1)
    house.track("kid", "Created", day=3, times=4)
    house.track("bob", "Created", day=8, account="acme")


@pytest.fixture(params=["memory", "duckdb"])
def opened(request, tmp_path):
    """Opens an installation on the engine; closes it after the test."""
    houses = []

    def in_duckdb(product_id, generation, rules):
        return DuckEventStore(
            tmp_path / f"{len(houses)}-{product_id}-{generation}.duckdb", rules, generation=generation
        )

    def open_house(config):
        houses.append(House(config, open_store=in_duckdb if request.param == "duckdb" else None))
        return houses[-1]

    yield open_house
    for house in houses:
        house.running.close()


def adds_up(explained) -> None:
    """Everything that an explanation promises to add up does."""
    raw = math.fsum(part.raw for part in explained.parts)
    assert math.isclose(raw, explained.raw, abs_tol=1e-9)
    assert math.fsum(part.points for part in explained.parts) == pytest.approx(explained.points, abs=1e-9)
    for group in (explained.features, explained.events, explained.users):
        assert math.fsum(share.raw for share in group) == pytest.approx(raw, abs=1e-9)
    told = explained.difference
    assert told.score + told.score_change == explained.score
    assert math.fsum(line.raw for line in told.lines) == pytest.approx(explained.raw - told.raw, abs=1e-6)
    assert told.raw_change == pytest.approx(explained.raw - told.raw, abs=1e-9)
    assert math.fsum(line.points for line in told.lines) == pytest.approx(told.score_change, abs=1e-6)
    assert all(abs(line.points) <= 1.001 for line in told.lines if line.reason == "rounding")
    for shifts in (told.features, told.events, told.users):
        assert math.fsum(shift.raw - shift.raw_before for shift in shifts) == pytest.approx(told.raw_change, abs=1e-9)


@pytest.mark.parametrize(
    ("opened", "name"),
    [*(("memory", name) for name in WORKSPACES), ("duckdb", "pooled"), ("duckdb", "fading")],
    indirect=["opened"],
)
def test_parts_and_differences_add_up_to_what_is_listed(opened, name):
    """For every account and user, curve and rule: the explained score and raw are the listed ones, against any day."""
    house = opened(config(WORKSPACES[name]))
    furnish(house)
    house.settle()

    for kind, ranked in (("account", account_list), ("user", user_list)):
        for row in ranked(house.product, 1, ListQuery(limit=100)).rows:
            explained = explain(house.product, kind, 1, row.tracking_id)
            assert (explained.score, explained.raw) == (row.score, pytest.approx(row.raw_score, abs=1e-9))
            assert explained.difference.score_change == row.score_change
            assert round(explained.points) in (row.score, row.score - 1, row.score + 1)
            adds_up(explained)
            for against in (ago(3), ago(20)):
                adds_up(explain(house.product, kind, 1, row.tracking_id, against=against))


def publish(house, workspace, **more):
    """Another model of the workspace from today on."""
    changed = msgspec.structs.replace(house.product.config, workspaces=(workspace,), **more)
    house.running.change_config(1, lambda _: changed, by="ana", publish="from_now_on")
    house.settle()


@pytest.mark.parametrize(
    ("opened", "names"),
    [
        ("memory", ("weighted", "linear")),
        ("memory", ("default", "fading")),
        ("memory", ("linear", "pooled")),
        ("duckdb", ("pooled", "weighted")),
    ],
    indirect=["opened"],
)
def test_differences_between_models_add_up_to_what_was_listed(opened, names):
    """Against a day of another model: from the score that stood there, with a line for what the model does.

    Without a day to compare with, the change that is listed is explained, both ends under the model in force.
    """
    house = opened(config(WORKSPACES[names[0]]))
    furnish(house)
    house.settle()
    publish(house, msgspec.structs.replace(WORKSPACES[names[1]], name="E"), features=FEATURES)

    for kind, ranked in (("account", account_list), ("user", user_list)):
        stood = {
            (each, row.tracking_id): row
            for each in (1, 3, 20)
            for row in ranked(house.product, 1, ListQuery(limit=100), ago(each)).rows
        }
        for row in ranked(house.product, 1, ListQuery(limit=100)).rows:
            usual = explain(house.product, kind, 1, row.tracking_id)
            adds_up(usual)
            assert (usual.score, usual.difference.score_change) == (row.score, row.score_change)
            assert "reweighted" not in {line.reason for line in usual.difference.lines}
            for each in (1, 3, 20):
                told = explain(house.product, kind, 1, row.tracking_id, against=ago(each))
                adds_up(told)
                before = stood[each, row.tracking_id]
                assert (told.score, told.difference.score) == (row.score, before.score)
                assert told.difference.raw == pytest.approx(before.raw_score)


def test_a_model_that_counts_others_is_told_as_exclusions(opened):
    """A filter that leaves ana out takes what she was worth, and the words say that others are counted."""
    house = opened(config(WORKSPACES["pooled"]))
    furnish(house)
    house.identify("ana", internal=True)
    house.settle()
    publish(house, msgspec.structs.replace(WORKSPACES["pooled"], filter="not user.internal = true"))

    told = explain(house.product, "account", 1, "acme", against=ago(1))

    adds_up(told)
    lines = {line.reason: line for line in told.difference.lines}
    before = explain(house.product, "account", 1, "acme", ago(1))
    assert lines["exclusions"].raw == -sum(part.raw for part in before.parts if part.user == "ana")
    assert "reweighted" not in lines
    assert "other users are counted" in told.summary


def test_weights_and_whom_a_model_counts_are_told_apart(opened):
    """Where both changed, exclusions are what the uncounted were worth, and the rest is the other weights."""
    house = opened(config(WORKSPACES["pooled"]))
    furnish(house)
    house.identify("ana", internal=True)
    house.settle()
    heavier = msgspec.structs.replace(WORKSPACES["pooled"], features={"Reporting": 9, "Search": 1})
    publish(house, msgspec.structs.replace(heavier, filter="not user.internal = true"))

    told = explain(house.product, "account", 1, "acme", against=ago(1))

    adds_up(told)
    lines = {line.reason: line.raw for line in told.difference.lines}
    before = explain(house.product, "account", 1, "acme", ago(1))
    reported = sum(part.raw for part in before.parts if part.user != "ana" and part.feature == "Reporting")
    assert lines["exclusions"] == -sum(part.raw for part in before.parts if part.user == "ana")
    assert lines["reweighted"] == 2 * reported > 0


def test_every_engine_explains_alike(tmp_path):
    """DuckDB and the oracle in memory tell the same lines, in words too."""
    houses = [
        House(config(WORKSPACES["fading"])),
        House(
            config(WORKSPACES["fading"]),
            open_store=lambda p, n, rules: DuckEventStore(tmp_path / "e", rules, generation=n),
        ),
    ]
    for house in houses:
        furnish(house)
        house.settle()

    one, other = (explain(house.product, "account", 1, "acme", against=ago(4)) for house in houses)
    houses[1].running.close()

    assert one.summary == other.summary
    assert [part.raw for part in one.parts] == pytest.approx([part.raw for part in other.parts])
    assert [(line.reason, pytest.approx(line.raw)) for line in one.difference.lines] == [
        (line.reason, line.raw) for line in other.difference.lines
    ]


def test_what_entered_and_left_is_of_its_own_days(opened):
    """Against yesterday only today's events entered and only those of the day that fell out left."""
    house = opened(ProductConfig())
    for day, times in ((0, 3), (1, 10), (6, 10), (7, 5), (8, 100)):
        house.track("ana", "Created", day=day, times=times)
    house.settle()

    lines = {line.reason: line for line in explain(house.product, "user", 1, "ana", against=ago(1)).difference.lines}

    assert lines["entered"].raw == 3
    assert lines["left"].raw == -5
    assert "faded" not in lines


def test_a_half_life_is_told_as_fading(opened):
    """What both windows hold is worth half as much a half-life later."""
    house = opened(config(Workspace("E", id=1, features={"Reporting": 4}, half_life_days=2, window_days=30)))
    house.track("ana", "Created", day=10, times=8)
    house.track("bob", "Created", times=9)
    house.settle()

    lines = {line.reason: line for line in explain(house.product, "user", 1, "ana", against=ago(2)).difference.lines}

    assert set(lines) <= {"faded", "p90", "rounding"}
    assert lines["faded"].raw == pytest.approx(32 * (0.5**5 - 0.5**4))


def test_what_left_is_told_as_it_was_worth(opened):
    """An event on the day that fell out of the window had faded already when it left."""
    house = opened(config(Workspace("E", id=1, features={"Reporting": 4}, half_life_days=2, window_days=10)))
    house.track("ana", "Created", day=11, times=8)
    house.settle()

    explained = explain(house.product, "user", 1, "ana", against=ago(2))

    lines = {line.reason: line for line in explained.difference.lines}
    assert lines["left"].raw == pytest.approx(-32 * 0.5**4.5)
    assert "faded" not in lines


def test_a_user_who_moved_is_told_as_membership(opened):
    """Max is as active as ever, for another account: what acme lost with him is no inactivity."""
    house = opened(ProductConfig())
    for user in ("ana", "max"):
        house.group(user, "acme")
    house.group("max", "globex", day=6)
    for day in range(14):
        house.track("ana", "Created", day=day, times=1 + (day > 6))
        house.track("max", "Created", day=day, times=4)
    house.settle()

    explained = explain(house.product, "account", 1, "acme")

    lines = {line.reason: line for line in explained.difference.lines}
    assert lines["membership"].raw == -28
    assert "1 user went to another account" in explained.summary
    assert "inactive" not in explained.summary
    gained = {line.reason: line for line in explain(house.product, "account", 1, "globex").difference.lines}
    assert gained["membership"].raw == 28
    assert "entered" not in gained


def test_the_summary_says_it_in_words(opened):
    """The event that was used less and who went silent."""
    house = opened(ProductConfig())
    for user in ("ana", "bob", "eve"):
        house.group(user, "acme")
        house.track(user, "Shared", day=9, times=10)
        house.track(user, "Created", day=1)
    house.group("max", "acme")
    house.track("max", "Shared", day=9, times=10)
    for other in range(10):
        house.track(f"other{other}", "Created", day=9, times=40)
        house.track(f"other{other}", "Created", day=2, times=40)
    house.settle()

    explained = explain(house.product, "account", 1, "acme")

    change = explained.difference.score_change
    assert change < 0
    assert explained.summary == f"Score fell {-change}: Shared used 40 fewer times; 1 of 4 users inactive."


def test_an_explanation_of_a_past_day(opened):
    """Any day can be explained, against any earlier one."""
    house = opened(ProductConfig())
    furnish(house)
    house.settle()

    explained = explain(house.product, "account", 1, "acme", ago(20), against=ago(30))

    assert (explained.day, explained.difference.against) == (ago(20), ago(30))
    adds_up(explained)


def test_events_that_arrive_meanwhile_do_not_break_the_sum(opened):
    """Parts are of now while the listed score is of the last publication: the explanation follows the parts."""
    house = opened(ProductConfig())
    furnish(house)
    house.settle()
    house.track("ana", "Created", times=50)
    house.product.fold(most=10_000)

    explained = explain(house.product, "account", 1, "acme")

    adds_up(explained)
    assert explained.raw == account_list(house.product, 1, ListQuery(tracking_ids=("acme",))).rows[0].raw_score + 50


def test_who_is_not_there_cannot_be_explained(opened):
    """Neither the unknown nor the excluded, nor under a workspace or on a day that there is not."""
    house = opened(config(WORKSPACES["weighted"], exclusions=Exclusions(users=("eve",))))
    furnish(house)
    house.settle()

    for kind, tracking_id, code in (("account", "nobody", "unknown_account"), ("user", "eve", "unknown_user")):
        with pytest.raises(Unknown) as unknown:
            explain(house.product, kind, 1, tracking_id)
        assert unknown.value.code == code
    with pytest.raises(Unknown):
        explain(house.product, "account", 7, "acme")
    for day, against in ((date(2026, 11, 24), None), (date(1969, 12, 31), None), (ago(3), ago(2))):
        with pytest.raises(BadDay):
            explain(house.product, "account", 1, "acme", day, against=against)
    assert not [share for share in explain(house.product, "account", 1, "acme").users if share.name == "eve"]


ACTS = st.lists(
    st.tuples(st.sampled_from(["ana", "bob", "eve"]), st.sampled_from(EVENTS), st.integers(0, 20), st.integers(1, 4)),
    max_size=25,
)
MOVES = st.lists(
    st.tuples(st.sampled_from(["ana", "bob", "eve"]), st.sampled_from(["acme", "globex"]), st.integers(0, 25)),
    max_size=5,
)


@settings(max_examples=30)
@given(
    acts=ACTS,
    moves=MOVES,
    name=st.sampled_from(sorted(WORKSPACES)),
    days=st.tuples(st.integers(0, 9), st.integers(0, 12)),
)
def test_parts_sum_to_the_score(acts, moves, name, days):
    """Whoever did what and moved where: parts and differences of everybody add up, on any two days."""
    house = House(config(WORKSPACES[name]))
    for user, event, day, times in acts:
        house.track(user, event, day=day, times=times)
    for user, account, day in moves:
        house.group(user, account, day=day)
    house.settle()

    day, against = ago(days[0]), ago(days[0] + days[1])
    for kind, ranked in (("account", account_list), ("user", user_list)):
        for row in ranked(house.product, 1, ListQuery(limit=100), day).rows:
            explained = explain(house.product, kind, 1, row.tracking_id, day, against=against)
            adds_up(explained)
            assert (explained.score, explained.raw) == (row.score, pytest.approx(row.raw_score, abs=1e-9))
            assert msgspec.json.encode(explained)
