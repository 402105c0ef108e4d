"""The management API of the destination: changes, tester, overview, versions, and history."""

import msgspec
import pytest

from tests.house import House
from uptake.core.config import Mapping, preset_mappings

RENAMED = {
    "name": "Exports",
    "action": "track",
    "trigger": 'event = "Export"',
    "fields": {
        "event": {"@template": "{{event}} v2"},
        "userId": {"@path": "$.userId"},
        "timestamp": {"@path": "$.timestamp"},
    },
    "enabled": True,
}


@pytest.fixture
def house():
    """A product where ana of acme exported twice and an anonymous track failed validation."""
    house = House()
    house.group("ana", "acme", day=3)
    house.track("ana", "Export", day=2, times=2)
    house.track(None, "Export", day=1)
    house.settle()
    return house


def test_a_read_token_reads_the_destination_and_changes_nothing(house):
    """403 with a code of its own; without a token 401."""
    with house.client() as client:
        assert [each["name"] for each in client.get("/v2/destination").json()["mappings"]] == [
            each.name for each in preset_mappings()
        ]
        refused = client.post("/v2/destination/mappings", json=RENAMED)
        unknown = client.post("/v2/destination/mappings", json=RENAMED, headers={"Authorization": "Bearer no"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "read_only_token")
    assert unknown.status_code == 401


def test_new_and_duplicated_mappings_start_disabled(house):
    """As in Segment, whatever the document says."""
    with house.client(house.token("manage")) as client:
        added = client.post("/v2/destination/mappings", json=RENAMED).json()["mappings"]
        copied = client.post("/v2/destination/mappings/Exports/copy").json()["mappings"]
        again = client.post("/v2/destination/mappings/Exports/copy").json()["mappings"]

    assert (added[-1]["name"], added[-1]["enabled"]) == ("Exports", False)
    assert (copied[-1]["name"], copied[-1]["enabled"]) == ("Exports (Copy)", False)
    assert again[-1]["name"] == "Exports (Copy 2)"


def test_a_mapping_is_replaced_and_deleted_by_its_name(house):
    """It takes the whole of what is sent, and is gone then; a name that nobody has is told."""
    with house.client(house.token("manage")) as client:
        client.post("/v2/destination/mappings", json=RENAMED)
        changed = client.put("/v2/destination/mappings/Exports", json=RENAMED | {"name": "Sends"}).json()["mappings"]
        gone = client.delete("/v2/destination/mappings/Sends")
        unknown = client.delete("/v2/destination/mappings/Sends")

    assert changed[-1]["name"] == "Sends"
    assert [each.name for each in house.product.config.destination.mappings] == [
        each.name for each in preset_mappings()
    ]
    assert gone.status_code < 300
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_mapping")


def test_the_51st_mapping_is_refused_with_a_clear_error(house):
    """Fifty are taken; the next one says how many there may be."""
    with house.client(house.token("manage")) as client:
        for number in range(45):
            answer = client.post("/v2/destination/mappings", json=RENAMED | {"name": f"Number {number}"})
            assert answer.status_code == 201
        refused = client.post("/v2/destination/mappings", json=RENAMED)

    assert refused.status_code == 400
    assert refused.json()["error"]["faults"] == [
        {"place": "$.destination.mappings", "message": "at most 50 mappings, got 51", "code": "config_invalid"}
    ]


def test_every_fault_of_a_mapping_is_told_at_once_with_its_place(house):
    """A trigger that Segment would misread and a mapping with two faults."""
    bad = RENAMED | {"trigger": 'type = "track" and anonymousId = "x"', "fields": {"event": {"@path": 5}}}
    with house.client(house.token("manage")) as client:
        faults = client.post("/v2/destination/mappings", json=bad).json()["error"]["faults"]

    assert [fault["place"] for fault in faults] == [
        "$.destination.mappings[5].trigger",
        "$.destination.mappings[5].fields",
    ]
    assert "anonymousId" in faults[0]["message"]


def test_a_trigger_with_one_meaning_is_saved_in_a_spelling_that_segment_reads(house):
    """Also where Segment would misread what was written; two meanings are refused, and a test alone reads alike."""
    slip = RENAMED | {"trigger": "type=='track' and not event='Import'", "enabled": False}
    mixed = RENAMED | {"name": "Mixed", "trigger": 'type = "track" and event = "a" or event = "b"'}
    event = {"type": "track", "userId": "ana", "event": "Export"}
    with house.client(house.token("manage")) as client:
        saved = client.post("/v2/destination/mappings", json=slip).json()["mappings"][-1]
        refused = client.post("/v2/destination/mappings", json=mixed)
        tested = client.post("/v2/destination/test", json={"event": event, "mapping": slip}).json()["mappings"][0]
        config = client.put("/v2/config", json={"destination": {"mappings": [slip]}})

    assert saved["trigger"] == 'type = "track" and none(event = "Import")'
    assert config.json()["config"]["destination"]["mappings"][-1]["trigger"] == saved["trigger"]
    assert '(type = "track" and event = "a") or event = "b"' in refused.json()["error"]["faults"][0]["message"]
    assert (tested["fault"], tested["fired"]) == ("", True)


def test_a_change_applies_from_now_on_and_to_history_where_asked(house):
    """The preview says what would change, nothing changes until it is applied, and a rebuild then makes it so."""
    mappings = (*preset_mappings(), msgspec.convert(RENAMED, Mapping))
    change = {"mappings": msgspec.to_builtins(mappings)}
    with house.client(house.token("manage")) as client:
        client.put("/v2/destination", json=change)
        house.track("ana", "Export", day=0)
        house.settle()
        assert volumes(house) == {"Export": 3, "Export v2": 1}

        told = client.post("/v2/destination/preview", json={}).json()
        assert told["events"] == [{"event": "Export v2", "before": 1, "after": 3}]
        assert (told["users"], told["missing"]) == (1, [])
        assert volumes(house) == {"Export": 3, "Export v2": 1}

        client.post("/v2/destination/apply-to-history", json={"enabled": True})
    assert house.product.rebuild_due
    house.settle()
    assert volumes(house) == {"Export": 3, "Export v2": 3}


def test_history_is_rebuilt_while_calls_come_in(house):
    """A product to which something is always sent is rebuilt like any other."""
    mappings = (*preset_mappings(), msgspec.convert(RENAMED, Mapping))
    with house.client(house.token("manage")) as client:
        client.post("/v2/destination/apply-to-history", json={"mappings": msgspec.to_builtins(mappings)})
    sent = 0

    while house.product.rebuild_due:
        house.track("ana", "Export", day=0)
        sent += 1
        assert sent < 100, "it is put off for ever"
        house.running.step()

    house.settle()
    assert volumes(house) == {"Export": 2 + sent, "Export v2": 2 + sent}


def test_the_preview_says_what_the_log_no_longer_holds(house):
    """Properties that no mapping read were not kept: said before, not discovered after."""
    reading = RENAMED | {"trigger": 'properties.format = "pdf"'}
    change = {"mappings": [*msgspec.to_builtins(preset_mappings()), reading]}
    with house.client(house.token("manage")) as client:
        told = client.post("/v2/destination/preview", json=change).json()

    assert told["missing"] == [{"path": "properties.format", "before_us": None}]


def test_the_tester_follows_a_call_and_stores_nothing(house):
    """A pasted event, a logged call, a sample, and one mapping alone; a refused event says why."""
    event = {"type": "track", "userId": "ana", "event": "Export", "properties": {"a": 1}}
    with house.client(house.token("manage")) as client:
        pasted = client.post("/v2/destination/test", json={"event": event}).json()
        logged = client.post("/v2/destination/test", json={"offset": 0}).json()
        alone = client.post("/v2/destination/test", json={"event": event, "mapping": RENAMED}).json()
        refused = client.post("/v2/destination/test", json={"event": {"type": "track"}})

    assert pasted["event"]["properties"] == {"a": 1}
    assert pasted["outcome"]["effects"] == [{"effect": "acted", "user": "ana", "event": "Export", "account": None}]
    assert [each["name"] for each in pasted["mappings"] if each["fired"]] == ["Track Calls"]
    assert logged["event"]["type"] == "group"
    assert [each["payload"]["event"] for each in alone["mappings"]] == ["Export v2"]
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "missing_user")
    assert house.log.end(1) == 4


def test_the_overview_counts_every_step_with_reasons_and_samples(house):
    """What was received is the sum of what became of it; each reason has the call to look at."""
    with house.client() as client:
        told = client.get("/v2/destination/overview?minutes=60").json()

    assert told["steps"] == {"applied": 3, "invalid": 1, "received": 4}
    assert [(each["step"], each["code"], each["mapping"], each["times"]) for each in told["reasons"]] == [
        ("invalid", "BAD_REQUEST", "Track Calls", 1)
    ]
    assert told["reasons"][0]["samples"][0]["offset"] == 3


def test_every_change_is_a_version_with_who_when_and_what(house):
    """The latest first, with a diff."""
    with house.client(house.token("manage")) as client:
        client.put("/v2/destination", json={"enabled": False})
        latest, first = client.get("/v2/destination/versions").json()["data"]

    assert (latest["revision"], latest["by"], first["revision"]) == (2, "token manage", 1)
    assert "-  enabled: true" in latest["diff"]
    assert "+  enabled: false" in latest["diff"]


def test_the_whole_configuration_is_read_and_changed(house):
    """A partial document, as `uptake config apply` takes it."""
    with house.client(house.token("manage")) as client:
        changed = client.put("/v2/config", json={"features": [{"name": "Reporting", "events": ["Export"]}]})
        refused = client.put("/v2/config", json={"feature": []})
        broken = client.put("/v2/config", content=b"{")

    assert changed.json()["config"]["features"][0]["events"] == ["Export"]
    assert refused.json()["error"]["code"] == "config_invalid"
    assert "features" in refused.json()["error"]["message"]
    assert broken.json()["error"]["code"] == "bad_json"


def volumes(house):
    """Event → how often it is counted."""
    return {each.event: each.times for each in house.product.store.event_volumes()}


def test_a_changed_model_is_tried_before_it_is_published(house):
    """The ranking under the document beside the one in force; a read token may not ask, and nothing is saved."""
    document = {"workspaces": [{"name": "Engagement", "curve": "linear-1"}]}
    with house.client(house.token("manage")) as client:
        told = client.post("/v2/workspaces/1/what-if?day=2026-11-22", json=document).json()
        wrong = client.post("/v2/workspaces/1/what-if", json={"workspaces": [{"name": "Engagement", "curve": "x"}]})
        unknown = client.post("/v2/workspaces/9/what-if", json=document)
        early = client.post("/v2/workspaces/1/what-if?day=2030-01-01", json=document)
    with house.client() as client:
        refused = client.post("/v2/workspaces/1/what-if", json=document)

    assert told["changes"] == [{"field": "curve", "before": "exponential-1", "after": "linear-1"}]
    assert [(each["tracking_id"], each["score"], each["score_after"]) for each in told["users"]["up"]] == [
        ("ana", 90, 100)
    ]
    answers = [(each.status_code, each.json()["error"]["code"]) for each in (wrong, unknown, early, refused)]
    assert answers == [
        (400, "config_invalid"), (404, "unknown_workspace"), (400, "invalid_parameter"), (403, "read_only_token"),
    ]  # fmt: skip
    assert house.product.version.revision == 1


def test_both_rankings_are_read_row_by_row(house):
    """The new place and score beside the old ones, of users or accounts; also of a workspace that is only in the
    document."""
    document = {"workspaces": [{"name": "Engagement", "curve": "linear-1"}]}
    fresh = {"workspaces": [{"name": "Fresh", "curve": "linear-1"}]}
    path = "/v2/workspaces/1/what-if/ranking?day=2026-11-22"
    with house.client(house.token("manage")) as client:
        users = client.post(f"{path}&scope=users&limit=1&sort=change", json=document).json()
        beside = client.post(f"{path}&scope=users&limit=1&beside=Fresh", json=fresh).json()
        named = client.post(f"{path}&scope=users&sort=name&order=asc", json=document).json()
        movers = client.post("/v2/workspaces/1/what-if?day=2026-11-22&beside=Fresh", json=fresh).json()
        unknown = client.post(f"{path}&beside=Nothing", json=document)

    (ana,) = users["data"]
    assert (ana["tracking_id"], ana["score"], ana["score_after"], ana["change"]) == ("ana", 90, 100, 10)
    assert (ana["place"], ana["place_after"], ana["level"]) == (1, 1, "most_engaged")
    assert users["pagination"]["limit"] == 1
    assert beside["data"] == users["data"]
    assert [each["name"] for each in named["data"]] == sorted(each["name"] for each in named["data"]) != []
    assert movers["users"]["up"][0]["score_after"] == 100
    assert unknown.json()["error"]["code"] == "unknown_workspace"
    assert [each.name for each in house.product.config.workspaces] == ["Engagement"]


def test_a_changed_model_can_be_published_from_now_on(house):
    """The version keeps the day; yesterday's score stays, and a word that is none is refused."""
    weights = {"workspaces": [{"name": "Engagement", "window_days": 1}]}
    with house.client(house.token("manage")) as client:
        refused = client.put("/v2/config?publish=never", json=weights)
        client.put("/v2/config?publish=from_now_on", json=weights)
        house.settle()
        yesterday = client.get("/v2/users/ana?day=2026-11-22").json()["user"]
        today = client.get("/v2/users/ana").json()["user"]
        latest = client.get("/v2/workspaces/1/versions").json()["data"][0]
        unknown = client.get("/v2/workspaces/x/versions")

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_parameter")
    assert house.product.version.scores_from == house.product.today()
    assert (yesterday["raw_score"], today["raw_score"]) == (2, 0)
    assert latest["changes"] == [{"field": "window_days", "before": 7, "after": 1}]
    assert (latest["scores_from"], latest["first"], latest["last"]) == ("2026-11-23", "2026-11-23", None)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_workspace")
