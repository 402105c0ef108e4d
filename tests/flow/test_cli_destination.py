"""Mappings in a document, calls followed through them, and what a change would do to history, on the command line."""

import json

import pytest

MAPPINGS = """
destination:
  mappings:
    - name: Paid by plan
      action: track
      trigger: event = 'Paid' and properties.plan!=null
      enabled: true
      fields:
        event: {"@template": "Paid_{{properties.plan}}"}
        userId: {"@path": $.userId}
        timestamp: {"@path": $.timestamp}
"""
PAID = {"type": "track", "userId": "ana", "event": "Paid", "properties": {"plan": "pro"}}


@pytest.fixture(scope="module")
def applied(served, tmp_path_factory):
    """A server whose product has a mapping from a document."""
    path = tmp_path_factory.mktemp("documents") / "mappings.yaml"
    path.write_text(MAPPINGS)
    served.good("config", "apply", path)
    return served


def test_mappings_are_added_changed_and_deleted_by_a_document(applied, tmp_path):
    """By their names; only --prune deletes; the trigger is stored in a spelling that Segment reads too."""

    def triggers():
        mappings = applied.json("config", "export")["config"]["destination"]["mappings"]
        return {each["name"]: each["trigger"] for each in mappings}

    added = triggers()
    applied.good("config", "apply", "-", stdin=MAPPINGS.replace("plan!=null", "plan = 'pro'"))
    changed = triggers()
    applied.good("config", "apply", "-", "--prune", stdin=MAPPINGS)
    pruned = triggers()

    assert len(added) == 6
    assert added["Paid by plan"] == 'event = "Paid" and properties.plan != null'
    assert changed == {**added, "Paid by plan": 'event = "Paid" and properties.plan = "pro"'}
    assert list(pruned) == ["Paid by plan"]
    preset = "\n    - {{name: {0} Calls, action: {1}, trigger: type = '{1}', enabled: true, lenient: true}}"
    five = "".join(preset.format(each.title(), each) for each in ("identify", "group", "track", "page", "screen"))
    applied.good("config", "apply", "-", stdin=f"destination:\n  mappings:{five}")
    assert len(triggers()) == 6


def test_a_call_is_followed_mapping_by_mapping(applied):
    """The clause that decided, what was found, the payload, and what would be counted; nothing is stored."""
    told = applied.good("destination", "test", "--event", "-", stdin=json.dumps(PAID))
    trace = applied.json("destination", "test", "--event", "-", stdin=json.dumps({**PAID, "properties": {}}))

    assert "Paid by plan: fires" in told
    assert 'properties.plan != null: found "pro"' in told
    assert '"event":"Paid_pro"' in told
    assert told.count("would be counted") == 2
    fired = {each["name"]: each["fired"] for each in trace["mappings"]}
    assert (fired["Paid by plan"], fired["Track Calls"]) == (False, True)
    token = applied.good("key", "create", "--kind", "read").strip()
    assert applied.read("/v2/status", token).json()["log"]["offset"] == 0


def test_a_mapping_of_a_file_is_tried_alone(applied, tmp_path):
    """A whole mapping, or only its fields; a call that ingest would refuse says why."""
    event, mapping = tmp_path / "event.json", tmp_path / "mapping.yaml"
    event.write_text(json.dumps(PAID))
    mapping.write_text("event: {'@literal': Tried}\nuserId: {'@path': $.userId}\n")

    trace = applied.json("destination", "test", "--event", event, "--mapping", mapping)
    refused = applied.run("destination", "test", "--event", "-", stdin='{"type": "track"}')

    (tried,) = trace["mappings"]
    assert tried["payload"] is None
    assert [each["message"] for each in tried["errors"]] == [
        "The root value is missing the required field 'timestamp'."
    ]
    assert refused.returncode != 0
    assert "missing_user" in refused.stderr


def test_the_51st_mapping_is_refused(applied):
    """With how many there may be; nothing of the document is applied."""
    many = "".join(f"\n    - {{name: M{each}, action: track, trigger: type = 'track'}}" for each in range(51))

    done = applied.run("config", "apply", "-", stdin=f"product: Other\ndestination:\n  mappings:{many}")

    assert done.returncode != 0
    assert "at most 50 mappings" in done.stderr
    assert applied.json("config", "export")["config"]["product"] != "Other"


def test_what_history_would_become_is_told_before(applied):
    """Counts, who is touched, and what older calls were not kept with; a trigger with two meanings is refused."""
    reading = MAPPINGS.replace("properties.plan", "properties.tier")
    told = applied.good("destination", "preview", "-", stdin=reading)
    mixed = MAPPINGS.replace("properties.plan!=null", "name = 'a' or name = 'b'")
    refused = applied.run("destination", "preview", "-", stdin=mixed)

    assert "0 users and 0 accounts touched" in told
    assert "properties.tier was not kept with older calls" in told
    assert refused.returncode != 0
    assert "ambiguous" in refused.stderr
