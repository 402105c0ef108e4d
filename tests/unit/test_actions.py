"""The five actions: payloads and sentences as the official destination's, and what lenient mappings add."""

import datetime
import json
from pathlib import Path

import pytest

from uptake.destination import ActionError, MappingError, run_action
from uptake.destination.actions import action_fields, compile_action
from uptake.destination.presets import ACTIONS, PRESETS

VECTORS = [
    json.loads(line) for line in (Path(__file__).parents[1] / "corpus/segment/accoil.jsonl").read_text().splitlines()
]
AT = "2026-01-01T09:00:00.000Z"
FIELDS = {"userId": {"@path": "userId"}, "timestamp": {"@path": "timestamp"}, "traits": {"@path": "traits"}}


def delivered_elsewhere(vector):
    """Is the vector about what a remote server answered?  Its payload was sent, or not captured."""
    return "HTTPError" in vector["outcome"] or (vector["sent"] is None and "Action Executed" in vector["outcome"])


PAYLOADS = [vector for vector in VECTORS if not delivered_elsewhere(vector)]


def test_only_two_golden_cases_are_about_delivery():
    """The rest, 33 of 35, are run below."""
    assert [vector["label"] for vector in VECTORS if delivered_elsewhere(vector)] == ["401", "302"]


@pytest.mark.parametrize("vector", PAYLOADS, ids=[vector["label"] for vector in PAYLOADS])
def test_golden_actions_send_what_the_official_destination_sent(vector):
    """The same payload, or a refusal in the same words."""
    event = vector["event"]
    if vector["label"] == "timestamp Date obj":  # JSON has turned a Date into its text
        event = {**event, "timestamp": datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)}

    if vector["sent"] is not None:
        assert run_action(vector["action"], event, vector["mapping"]) == vector["sent"]
        return
    with pytest.raises(ActionError) as refused:
        run_action(vector["action"], event, vector["mapping"])

    sentences = vector["outcome"].partition(" :: ")[2].partition(" :: ")[0] or "not subscribed"
    assert str(refused.value) == sentences.replace("||", " ")


def identify(**traits):
    return {"type": "identify", "userId": "ana", "timestamp": AT, "traits": traits}


def group(**traits):
    return {"type": "group", "userId": "ana", "groupId": "acme", "timestamp": AT, "traits": traits}


def applied(event, *, mapping="preset", lenient=True):
    return compile_action(event["type"], mapping, lenient=lenient).apply(event)


def test_all_sentences_come_at_once():
    """Missing fields first, then wrong ones in the order of the fields."""
    event = {"type": "identify", "traits": {"email": "x", "name": {}, "createdAt": "2026", "role": [1, 2]}}

    with pytest.raises(ActionError) as refused:
        run_action("identify", event)

    assert [field for field, _ in refused.value.errors] == ["userId", "timestamp", "email", "name", "role", "createdAt"]
    assert str(refused.value) == (
        "The root value is missing the required field 'userId'."
        " The root value is missing the required field 'timestamp'."
        " Email must be a valid email address string but it was not."
        " Name must be a string but it was an object."
        " Role must be a string but it was an array."
        " Created at must be a valid date and time string but it was not."
    )


@pytest.mark.parametrize(
    ("root", "was"),
    [({"@path": "$.nope"}, "undefined"), ({"@path": "$.userId"}, "a string"), ({"@literal": [1]}, "an array")],
)
def test_a_mapping_must_give_an_object(root, was):
    """A root directive that gives anything else is refused as Segment refuses it."""
    with pytest.raises(ActionError, match=rf"^The root value must be an object but it was {was}\.$"):
        run_action("track", {"userId": "ana"}, root)


def test_a_root_directive_can_give_the_fields():
    """The whole payload may come from one place of the event."""
    event = {"properties": {"event": "Paid", "userId": 7, "timestamp": AT, "more": 1}}

    assert run_action("track", event, {"@path": "$.properties"}) == {
        "type": "track",
        "event": "Paid",
        "userId": "7",
        "timestamp": AT,
    }


def test_an_own_mapping_runs_on_calls_of_any_type():
    """Which calls it gets is its trigger's business."""
    mapping = {
        "event": {"@template": "Viewed {{name}}"},
        "userId": {"@path": "userId"},
        "timestamp": {"@path": "timestamp"},
    }

    sent = run_action("track", {"type": "page", "name": "Home", "userId": "ana", "timestamp": AT}, mapping)

    assert sent == {"type": "track", "event": "Viewed Home", "userId": "ana", "timestamp": AT}


def test_a_failing_mapping_refuses_the_event():
    """A fault at run time is an error of the field whose mapping failed."""
    mapping = {"name": {"@template": {"@path": "nope"}}, "timestamp": AT}

    strict = applied({"type": "page"}, mapping=mapping, lenient=False)

    assert strict.payload is None
    assert strict.errors == (("name", "@template: expected string, got undefined"),)
    with pytest.raises(ActionError, match=r"^@template: expected string, got undefined$"):
        run_action("page", {"type": "page"}, mapping)


def test_unknown_actions_and_bad_mappings_are_refused():
    """Before any event is seen."""
    with pytest.raises(ActionError, match="There is no action 'alias'"):
        run_action("alias", {})
    with pytest.raises(MappingError, match="/userId/@path should be"):
        compile_action("track", {"userId": {"@path": 5}}, lenient=True)


def test_lenient_keeps_the_call_and_reports_what_it_left_out():
    """`mrr: "$99"` must not cost an account its membership; the wrong value does not pass as a trait either."""
    result = applied(group(name="Acme", mrr="$99", plan=["a", "b"], seats=5))

    assert result.payload == {
        "type": "group",
        "userId": "ana",
        "groupId": "acme",
        "timestamp": AT,
        "traits": {"name": "Acme", "seats": 5},
    }
    assert result.left_out == (
        ("plan", "Plan must be a string but it was an array."),
        ("mrr", "MRR must be a number but it was a string."),
    )
    assert (result.errors, result.cleared) == ((), ())


def test_lenient_still_needs_what_is_required():
    """A required field that is missing or wrong refuses the event, whatever else was left out."""
    result = applied({**group(mrr="$99"), "groupId": {}})

    assert result.payload is None
    assert result.errors == (("groupId", "Group ID must be a string but it was an object."),)
    assert [field for field, _ in result.left_out] == ["mrr"]


def test_lenient_takes_unix_times():
    """As Accoil's documentation says, and Segment's destination does not."""
    assert applied(identify(createdAt=1714557600)).payload["traits"] == {"createdAt": "2024-05-01T10:00:00.000Z"}
    assert applied({**identify(), "timestamp": 1714557600}).payload["timestamp"] == "2024-05-01T10:00:00.000Z"
    assert applied(identify(createdAt=1714557600), lenient=False).payload is None


def test_lenient_leaves_wrong_traits_out():
    """Traits that are no object are none."""
    result = applied({**identify(), "traits": "x"})

    assert result.payload == {"type": "identify", "userId": "ana", "traits": {}, "timestamp": AT}
    assert result.left_out == (("traits", "Traits must be an object but it was a string."),)


def test_lenient_leaves_out_an_optional_field_whose_mapping_fails():
    """A required one still refuses the event."""
    fails = {"@template": {"@path": "nope"}}
    fields = {"userId": {"@path": "userId"}, "timestamp": {"@path": "timestamp"}}

    result = applied(identify(), mapping={**fields, "name": fails})
    refused = applied(identify(), mapping={**fields, "userId": fails})

    assert result.payload == {"type": "identify", "userId": "ana", "traits": {}, "timestamp": AT}
    assert result.left_out == (("name", "@template: expected string, got undefined"),)
    assert (refused.payload, refused.errors) == (None, (("userId", "@template: expected string, got undefined"),))


@pytest.mark.parametrize(
    ("event", "mapping", "cleared"),
    [
        (identify(name=None, role="admin"), "preset", ("name",)),
        (group(mrr=None, plan=None), "preset", ("plan", "mrr")),
        (identify(name=""), "preset", ()),
        (identify(), "preset", ()),
        (identify(other=None), "preset", ()),
        ({**identify(), "traits": None}, "preset", ()),
        (identify(address=None), {**FIELDS, "name": {"@path": "traits.address.name"}}, ()),
        (identify(), {**FIELDS, "name": None}, ("name",)),
        (
            identify(name=None),
            {"@transform": {"apply": {"@path": "."}, "mapping": {**FIELDS, "name": None}}},
            ("name",),
        ),
        (identify(name=None), FIELDS, ("name",)),
        (identify(name=None), {**FIELDS, "name": "Ana"}, ()),
        (identify(nick=None), {**FIELDS, "name": {"@path": "traits.nick"}}, ("name",)),
        (identify(nick={}, name=None), {**FIELDS, "name": {"@path": "traits.nick"}}, ()),
    ],
    ids=map(str, range(13)),
)
def test_an_explicit_null_clears_a_mapped_trait(event, mapping, cleared):
    """Segment drops the key; the null is told beside the payload.  Nulls of other traits are in the payload."""
    result = applied(event, mapping=mapping)

    assert result.cleared == cleared
    assert not set(cleared) & result.payload["traits"].keys()


def test_a_null_of_an_unmapped_trait_stays_in_the_payload():
    """As the official destination sends it."""
    assert applied(identify(other=None, empty="")).payload["traits"] == {"other": None, "empty": ""}


def test_the_traits_of_the_event_are_not_touched():
    """The payload has a copy to write mapped fields into."""
    event = identify(name="Ana", email=None)

    payload = applied(event).payload

    assert event["traits"] == {"name": "Ana", "email": None}
    assert payload["traits"] == {"name": "Ana"}


def test_what_the_mapping_gave_can_be_looked_at():
    """Before blanks are removed and fields are checked, for a tester."""
    mapping = {"userId": {"@path": "userId"}, "name": "", "email": {"@path": "nope"}, "zzz": None}

    assert compile_action("identify", mapping, lenient=False).resolve(identify()) == {
        "userId": "ana",
        "name": "",
        "zzz": None,
    }


def test_presets_are_segments():
    """Five presets with their names, triggers and defaults, as plain data."""
    assert [(preset.name, preset.action, preset.trigger) for preset in PRESETS] == [
        ("Track Calls", "track", 'type = "track"'),
        ("Page Calls", "page", 'type = "page"'),
        ("Screen Calls", "screen", 'type = "screen"'),
        ("Identify Calls", "identify", 'type = "identify"'),
        ("Group Calls", "group", 'type = "group"'),
    ]
    assert PRESETS[0].mapping == {
        "event": {"@path": "$.event"},
        "userId": {"@path": "$.userId"},
        "timestamp": {"@path": "$.timestamp"},
    }
    json.dumps([preset.mapping for preset in PRESETS])


@pytest.mark.parametrize("action", [*ACTIONS])
def test_every_field_can_be_shown_in_an_editor(action):
    """A label, a description and a default path each; the timestamp is required everywhere."""
    fields = action_fields(action)

    assert all(field.label and field.description and field.default["@path"].startswith("$.") for field in fields)
    assert [field.key for field in fields if field.required][-1] == "timestamp"
