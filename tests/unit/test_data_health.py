"""Data health: each finding with its count, samples and advice, and nothing where all is well."""

from datetime import date, timedelta

import pytest

from tests.house import NOW_US, House
from uptake.core.calls import Call
from uptake.core.config import ProductConfig
from uptake.core.errors import Rejection
from uptake.stores.events.doubts import EventRhythm
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.data_health import RefusedKey, data_health, has_stopped
from uptake.views.health_words import TOLD

HOUR_US = 3_600_000_000


@pytest.fixture(params=["memory", "duckdb"])
def house(request, tmp_path):
    """ana of acme, of whom nothing is wrong; hidden events may stop."""

    def in_duckdb(_product, generation, rules):
        return DuckEventStore(tmp_path / f"{generation}.duckdb", rules, generation=generation)

    config = ProductConfig(hidden_events=("Old",))
    opened = House(config, open_store=in_duckdb if request.param == "duckdb" else None)
    opened.group("ana", "acme", name="Acme", seats=3)
    opened.identify("ana", email="ana@acme.example")
    for day in range(20):
        opened.track("ana", "Login", day=day)
        opened.track("ana", "Old", day=day + 30)
    opened.settle()
    yield opened
    opened.running.close()


def found(house, code, refused_keys=()):
    """The finding with a code, after everything is folded."""
    house.settle()
    report = data_health(house.product, refused_keys)
    return next(each for each in report.findings if each.code == code)


def samples(finding):
    """Ids and words of the samples."""
    return [(each.id, each.told) for each in finding.samples]


def test_good_data_has_no_finding(house):
    """Every check is listed as good."""
    report = data_health(house.product)

    assert report.findings == []
    assert list(report.good) == list(TOLD)


def test_users_and_accounts_that_are_not_joined(house):
    """A user without any account, and an account of which no group call told anything."""
    house.track("bob", "Login")
    house.track("eve", "Login", account="ghost")

    alone = found(house, "users_without_account")
    untold = found(house, "accounts_without_group")

    assert (alone.times, samples(alone)) == (1, [("bob", "")])
    assert (untold.times, samples(untold)) == (1, [("ghost", "")])


def test_ids_that_look_unstable(house):
    """E-mail addresses as ids, and one address under several ids in any case."""
    house.group("kim@beta.example", "acme")
    house.group("u1", "acme")
    house.identify("u1", email="Kim@beta.example")
    house.identify("kim@beta.example", email="kim@beta.example")

    assert samples(found(house, "email_as_id")) == [("kim@beta.example", "")]
    assert samples(found(house, "one_email_many_ids")) == [("kim@beta.example", "users kim@beta.example, u1")]


def test_values_that_do_not_fit_the_type(house):
    """The trait, how many, and one of them."""
    for number in range(10):
        house.group("ana", f"a{number}", day=70, seats=number, name=f"A{number}")
    house.group("ana", "odd", day=70, seats="lots")

    assert samples(found(house, "mixed_traits")) == [("account.seats", '1 of 12 are no number: "lots"')]


def test_an_event_that_came_regularly_and_stopped(house):
    """Hidden events may stop."""
    for day in range(15, 40):
        house.track("ana", "Export", day=day)

    assert samples(found(house, "stopped_events")) == [("Export", "on 25 days until 2026-11-08, none since")]


@pytest.mark.parametrize(
    ("days", "span", "silent", "stopped"),
    [(5, 4, 8, True), (5, 4, 7, False), (4, 4, 80, False), (5, 28, 28, False), (5, 28, 29, True)],
)
def test_silence_is_measured_by_the_usual_gap(days, span, silent, stopped):
    """More than a week, and more than four usual gaps; what came on fewer than five days has no rhythm."""
    last = date(2026, 5, 1)

    rhythm = EventRhythm("Export", days, last - timedelta(days=span), last)

    assert has_stopped(rhythm, last + timedelta(days=silent)) is stopped


def test_clocks_that_are_off(house):
    """Ahead, replaced, and corrected ones apart; a minute is nothing."""
    house.send(
        Call(type="track", message_id="c1", at_us=NOW_US + HOUR_US, user_id="ana", event="Login"),
        Call(type="track", message_id="c2", at_us=NOW_US, user_id="ana", event="Login", notes=("future_time",)),
        Call(type="track", message_id="c3", at_us=NOW_US, user_id="ana", event="Login", notes=("clock_corrected",)),
        Call(type="track", message_id="c4", at_us=NOW_US + 60_000_000, user_id="ana", event="Login"),
    )

    for code in ("clocks_ahead", "future_times", "clocks_corrected"):
        finding = found(house, code)
        assert (finding.times, samples(finding)) == (1, [("ana", "track at 2026-11-23T18:00:00.000Z")])


def test_calls_that_were_refused_or_count_for_nothing(house):
    """Refused at the door by code, failed in a mapping, and without a user; the last week alone."""
    house.send(refused=(Rejection("missing_user", "$.userId", "expected one"), Rejection("bad_timestamp", "$", "no")))
    house.send(refused=(Rejection("missing_user", "$.userId", "expected one"),))
    house.track(None, "Login")
    house.send(Call(type="page", message_id="p", at_us=NOW_US, anonymous_id="x", name="Home"))

    refused = found(house, "refused_calls")

    assert (refused.severity, refused.times) == ("problem", 3)
    assert samples(refused) == [("missing_user", "2 calls"), ("bad_timestamp", "1 call")]
    assert samples(found(house, "invalid_calls")) == [("track", "1 call")]
    assert samples(found(house, "no_user_calls")) == [("page", "1 call")]
    house.now_us += 9 * 24 * HOUR_US
    assert "refused_calls" in data_health(house.product).good


def test_parents_in_a_circle(house):
    """Once a circle, upwards."""
    house.group(None, "acme", day=3, parent="beta")
    house.group(None, "beta", day=3, parent="acme")

    assert samples(found(house, "parent_cycles")) == [("acme", "acme → beta")]


def test_keys_that_no_product_has_come_first(house):
    """Problems before warnings before notes; of a key only what it begins with."""
    house.track("bob", "Login")
    keys = [RefusedKey("abcd…", 7, NOW_US), RefusedKey("(none)", 2, NOW_US)]

    finding = found(house, "refused_keys", keys)

    assert (finding.times, samples(finding)[0]) == (9, ("abcd…", "7 times, last 2026-11-23T18:00:00.000Z"))
    assert [each.code for each in data_health(house.product, keys).findings] == [
        "refused_keys",
        "users_without_account",
    ]


def test_the_api_tells_refused_keys_without_the_keys():
    """Only the first four characters are kept; the count is in the metrics too."""
    house = House()
    secret = "stg-zebra-key-0123456789"
    with house.client() as client:
        for _ in range(2):
            client.post("/v1/track", json={"writeKey": secret, "userId": "ana", "event": "x"}, headers={"X": "y"})
        body = client.get("/v2/health").text
        metrics = client.get("/metrics").text

    assert '"refused_keys"' in body
    assert "stg-…" in body
    assert "zebra" not in body + metrics
    assert "uptake_unknown_keys_total 2.0" in metrics
