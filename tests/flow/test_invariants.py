"""The promises that everything else rests on, over the whole path: decode, log, fold, score, on real engines."""

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.whole import FIRST, Whole, group, identify, moment, track
from uptake.core.config import Feature, ProductConfig, Workspace
from uptake.pipeline.configure import rules_of
from uptake.scoring.curve import points, rounded
from uptake.stores.events.duckdb import DuckEventStore

WEIGHTED = ProductConfig(
    features=(Feature("Reporting", events=("Report_Created", "Report_Shared")),),
    workspaces=(Workspace("Engagement", id=1, features={"Reporting": 8}, event_weights={"Report_Shared": 10}),),
)


@pytest.fixture
def whole(tmp_path):
    """A new product on real engines; it is the tenth day."""
    app = Whole(tmp_path)
    yield app
    app.close()


# ---- every_item_has_one_fate
def test_every_item_has_one_fate(whole):
    """Logged, duplicate or refused: what was sent is what is counted, and one bad item costs no neighbour."""
    good, twice = track("ana", "Report_Created"), track("ana", "Report_Shared")
    items = [
        good,
        twice,
        twice,
        {"type": "track", "userId": "ana"},
        7,
        {"type": "dance"},
        {"type": "page", "anonymousId": "x"},
    ]

    decoded = whole.post(*items)
    whole.settle()

    fates = Counter()
    for row in whole.product.store.outcomes(since_us=0):
        fates[row.fate] += row.times
    refused = sum(count.times for count in whole.running.log.refusal_counts(1, since_us=0))
    assert (len(decoded.calls), len(decoded.refused)) == (4, 3)
    assert refused == 3
    assert fates == {"applied": 2, "duplicate": 1, "no_user": 1}
    assert sum(fates.values()) + refused == len(items)


# ---- same_message_twice_is_once
def test_same_message_twice_is_once(whole):
    """In one batch, in another one, after a restart, in a rebuild: the first logged copy counts."""
    call = track("ana", "Report_Created", messageId="once")
    whole.post(call, call)
    whole.settle()
    whole.later(days=6.9)
    whole.post(call | {"event": "Another"})
    whole.settle()

    assert whole.number("user", "ana", day=1).raw_score == 1
    before = whole.state()
    whole.running.rebuild(1)
    assert whole.state() == before


def test_the_same_message_counts_again_after_the_window(whole):
    """Seven days of receivedAt, exactly: at seven days it is a new message."""
    call = track("ana", "Report_Created", messageId="once")
    whole.post(call)
    whole.later(days=7)
    whole.post(call)
    whole.settle()

    assert whole.number("user", "ana", day=1).raw_score == 2


def test_a_call_without_messageid_is_known_by_its_content(whole):
    """Segment's own destination sends none, and retries: properties tell calls apart although they are not kept."""
    bare = {"type": "track", "userId": "ana", "event": "Report_Created", "timestamp": moment(1)}
    whole.post(bare, bare, bare | {"sentAt": moment(2)}, bare | {"properties": {"x": 1}})
    timeless = {"type": "track", "userId": "bob", "event": "Report_Created"}
    whole.post(timeless, timeless)
    whole.settle()

    assert whole.number("user", "ana", day=1).raw_score == 2
    assert whole.number("user", "bob").raw_score == 2


def test_a_change_that_is_taken_back_leaves_no_trace(whole):
    """Calls that were folded in between are counted as if the configuration had never been another."""
    whole.post(track("ana", "Report_Created", day=9))
    whole.settle()
    whole.configure(ignored_events=("Report_Created",))
    whole.post(track("ana", "Report_Created", day=10))
    whole.product.fold(most=10)

    whole.configure(ignored_events=())
    whole.settle()

    assert whole.number("user", "ana").raw_score == 2


# ---- order_does_not_matter
USERS, ACCOUNTS = ("ana", "bob"), ("acme", "initech")
moments = st.integers(0, 60).map(lambda hour: moment(8 + hour // 24, hour % 24))
stamped = {"timestamp": moments}
calls = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("track"), "userId": st.sampled_from(USERS), "event": st.sampled_from("AB"), **stamped},
        optional={"context": st.fixed_dictionaries({"groupId": st.sampled_from(ACCOUNTS)})},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("group"),
            "userId": st.sampled_from(USERS),
            "groupId": st.sampled_from(ACCOUNTS),
            "traits": st.dictionaries(
                st.sampled_from(["plan", "mrr", "parent"]), st.sampled_from([None, 1, 5, "acme"]), max_size=2
            ),
            **stamped,
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("identify"),
            "userId": st.sampled_from(USERS),
            "traits": st.dictionaries(
                st.sampled_from(["email", "group_id", "x"]), st.sampled_from([None, "acme", "a@b.co"]), max_size=2
            ),
            **stamped,
        }
    ),
    st.fixed_dictionaries({"type": st.just("page"), "userId": st.sampled_from(USERS), **stamped}),
)


def state_after(batches):
    """The digest of everything derived after these batches of calls, on real engines."""
    with tempfile.TemporaryDirectory() as folder:
        app = Whole(Path(folder))
        for batch in batches:
            app.post(*batch)
            app.product.fold(most=5)
        app.settle()
        state = app.state()
        app.close()
    return state


@settings(max_examples=12)
@given(sent=st.lists(calls, min_size=1, max_size=14), random=st.randoms(use_true_random=False), parts=st.integers(1, 4))
def test_order_does_not_matter(sent, random, parts):
    """Any order, any split into batches and any repetition of the same calls gives the same state."""
    named = [call | {"messageId": f"m{index}"} for index, call in enumerate(sent)]
    repeated = named + random.choices(named, k=3)
    shuffled = random.sample(repeated, k=len(repeated))

    assert state_after([named]) == state_after([shuffled[part::parts] for part in range(parts)])


# ---- rebuild_equals_live
def test_rebuild_equals_live(whole):
    """After late groups, late events, duplicates and traits in the wrong order, a rebuild gives the live state."""
    whole.post(track("ana", "A", 3), track("ana", "A", 5), track("bob", "B", 4))
    whole.settle()
    whole.post(group("ana", "acme", 4, {"plan": "pro"}), group("bob", "initech", 1, {"parent": "acme"}))
    whole.settle()
    whole.post(
        group("ana", "initech", 2), group("ana", "acme", 3, {"plan": "old"}), identify("bob", 1, {"name": "Bob"})
    )
    whole.post(track("ana", "A", 1, messageId="twice"), track("ana", "A", 1, messageId="twice"))
    whole.settle()
    live, generation = whole.state(), whole.product.store.generation

    whole.running.rebuild(1)

    assert whole.product.store.generation == generation + 1
    assert whole.state() == live
    assert whole.product.status().settled


def test_calls_that_arrive_during_a_rebuild_are_in_it(whole):
    """The new generation is swapped in only when it holds everything that was logged."""
    whole.post(track("ana", "A", 3))
    whole.settle()

    meanwhile = iter([track("ana", "A", 4)])
    whole.product.rebuild(whole._drop, lambda *_: whole.post(*meanwhile))

    assert whole.product.status().folded_offset == 2
    whole.settle()
    assert whole.number("user", "ana", day=4).raw_score == 2


# ---- score_is_a_function
def test_score_is_a_function(tmp_path):
    """Two installations that got the same calls show the same numbers, whatever they were configured as before."""
    sent = [
        group("ana", "acme", 1),
        track("ana", "Report_Created", 8),
        track("ana", "Report_Shared", 9),
        track("bob", "X", 9),
    ]
    one, other = Whole(tmp_path / "one", WEIGHTED), Whole(tmp_path / "other")
    for app in (one, other):
        app.post(*sent)
        app.settle()
    other.configure(features=WEIGHTED.features, workspaces=WEIGHTED.workspaces)
    other.settle()

    assert one.account("acme") == other.account("acme")
    assert one.account("acme").raw_score == 18
    assert one.state() == other.state()
    one.close()
    other.close()


# ---- parts_sum_to_the_score
def test_parts_sum_to_the_score(tmp_path):
    """The explanation's addends are the raw score, and the raw score under the curve is the score."""
    app = Whole(tmp_path, WEIGHTED)
    for user, times in (("ana", 3), ("ben", 5)):
        app.post(group(user, "acme", 1), *[track(user, "Report_Created", 7) for _ in range(times)])
        app.post(*[track(user, "Report_Shared", 8) for _ in range(times)])
    app.settle()
    model, today = app.product.model(1), app.product.today()

    parts = app.product.store.parts("account", "acme", model, today)
    p90 = app.product.store.p90(model, today)

    assert sum(part.raw for part in parts) == app.account("acme").raw_score == 8 * (8 + 10)
    by_user = Counter()
    for part in parts:
        by_user[part.user] += part.raw
        assert part.raw == part.times * part.weight
    mean = sum(points(raw, p90, model.curve) for raw in by_user.values()) / len(by_user)
    assert app.account("acme").score == rounded(mean, active=True)
    app.close()


# ---- what else must hold
def test_late_group_call_repairs_history(whole):
    """Activity sent before the user joined an account counts for it afterwards."""
    whole.post(track("ana", "Export", day=5))
    whole.settle()
    assert whole.product.store.totals().unattributed_users == 1

    whole.post(group("ana", "acme", day=9))
    whole.settle()

    assert whole.account("acme", day=5).raw_score == 1
    assert whole.product.store.totals().unattributed_users == 0


def test_a_late_event_changes_the_days_that_it_is_in_and_no_other(whole):
    """A call from long ago counts in the seven windows that hold its day; other scores stay as they were."""
    whole.later(days=15)
    whole.post(group("ana", "acme", 2), track("ana", "A", 2), track("ana", "A", 20))
    whole.settle()
    before = {day: whole.account("acme", day=day).raw_score for day in range(2, 26)}

    whole.post(track("ana", "A", 10))
    whole.settle()

    assert {day for day in before if whole.account("acme", day=day).raw_score != before[day]} == set(range(10, 17))


@pytest.mark.parametrize(
    ("now", "late", "after_midnight", "month", "day"),
    [
        ("2026-04-01T12:00:00+00:00", "2026-03-29T21:30:00Z", "2026-03-29T22:30:00Z", 3, 29),
        ("2026-10-28T12:00:00+00:00", "2026-10-25T22:30:00Z", "2026-10-25T23:30:00Z", 10, 25),
    ],
)
def test_windows_follow_berlins_days_across_both_clock_changes(tmp_path, now, late, after_midnight, month, day):
    """An event at 23:30 local time is in its own local day, on a day of 23 hours and on one of 25."""
    app = Whole(tmp_path, ProductConfig(time_zone="Europe/Berlin"), now=now)
    app.post(track("ana", "A", timestamp=late), track("ana", "A", timestamp=after_midnight))
    app.settle()

    changed = FIRST.replace(month=month, day=day)
    assert app.product.store.daily_totals((changed, changed + timedelta(days=5))) == {
        changed: 1,
        changed + timedelta(days=1): 1,
    }
    app.close()


def test_a_change_of_zone_is_a_rebuild(whole):
    """The same events fall into other days, and the scores are published again."""
    whole.post(track("ana", "A", timestamp="2026-01-05T23:30:00Z"))
    whole.settle()

    whole.configure(time_zone="Europe/Berlin")
    assert not whole.product.status().settled
    whole.settle()

    assert list(whole.product.store.daily_totals((FIRST, FIRST + timedelta(days=30)))) == [FIRST.replace(day=6)]
    assert whole.product.store.generation == 2


def test_a_new_configuration_is_unsettled_until_its_scores_are_published(whole):
    """Equal offsets mean settled: under the configuration in force."""
    whole.post(track("ana", "Report_Created", 9))
    whole.settle()

    whole.configure(features=WEIGHTED.features, workspaces=WEIGHTED.workspaces)

    assert not whole.product.status().settled
    whole.settle()
    assert whole.number("user", "ana").raw_score == 8


def test_what_no_mapping_reads_never_reaches_the_disk(whole):
    """A planted secret in properties, context and unknown fields is in no file of the folder."""
    secret = "planted-7f3a"
    whole.post(
        track("ana", "A", 9, properties={"card": secret}, context={"ip": secret, "groupId": "acme"}, odd=secret),
        identify("ana", 9, {"name": "Ana"}, context={"page": {"url": secret}}, properties={"p": secret}),
        {"type": "page", "userId": "ana", "name": "Home", "properties": {"url": secret}, "timestamp": moment(9)},
    )
    whole.settle()

    assert whole.account("acme").raw_score == 1
    whole.close()
    files = [path for path in whole.folder.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if secret.encode() in path.read_bytes()] == []


def test_a_cleared_trait_stays_cleared_when_an_older_value_arrives_late(whole):
    """null keeps its stamp."""
    whole.post(identify("ana", 5, {"role": None, "name": "Ana"}))
    whole.post(identify("ana", 4, {"role": "admin", "name": "Old"}))
    whole.settle()

    assert whole.product.store.traits("user", "ana") == {"name": "Ana"}


def test_the_published_status_survives_a_restart(tmp_path):
    """Offset, revision and scores are on disk with the rows."""
    app = Whole(tmp_path)
    app.post(track("ana", "A", 9))
    app.settle()
    path = app._path(1)
    app.close()

    again = DuckEventStore(path, rules_of(ProductConfig()), generation=1)

    assert (again.offset(), again.published().offset) == (1, 1)
    again.close()


def test_config_versions_are_told_apart_only_when_something_changed(whole):
    """Saving the same configuration again is no new version."""
    whole.configure(currency="EUR")
    revision = whole.product.version.revision
    whole.configure(currency="EUR")

    assert whole.product.version.revision == revision
    assert msgspec.structs.replace(whole.product.config, currency="USD") == ProductConfig()
