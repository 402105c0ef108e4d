"""What calls mean under a product's destination."""

import msgspec
import pytest

from uptake.core.calls import Call
from uptake.core.config import Destination, Filter, Mapping, ProductConfig, preset_mappings
from uptake.core.effects import Acted, Joined, TraitsSet
from uptake.destination.meaning import Meaning
from uptake.destination.trace import trace

AT = 1_767_258_000_000_000  # 2026-01-01T09:00:00Z


def call(type_, **fields):
    """A call of ana's, at AT."""
    return Call(type=type_, message_id="m1", at_us=AT, **({"user_id": "ana"} | fields))


def outcome(one, **config):
    """What the call means in a new product, or one configured so."""
    return Meaning(ProductConfig(**config)).outcome(one, AT)


def destination(*more, presets=True, filters=()):
    """A destination with the presets and more mappings."""
    return Destination(mappings=(*(preset_mappings() if presets else ()), *more), filters=filters)


def test_an_identify_sets_traits_and_joins_the_account_it_names():
    """groupId wins over context.groupId, which wins over the Account ID trait."""
    traits = {"name": "Ana", "group_id": "from_trait"}

    for fields, account in (
        ({"group_id": "acme", "context": {"groupId": "other"}}, "acme"),
        ({"context": {"groupId": 7}}, "7"),
        ({}, "from_trait"),
    ):
        assert outcome(call("identify", traits=traits, **fields)).effects == (
            TraitsSet("user", "ana", traits),
            Joined("ana", account),
        )


def test_the_account_id_trait_is_a_setting_and_null_names_none():
    """A product may keep the account under another key; null there joins nothing."""
    named = call("identify", traits={"org": 42})

    assert outcome(named, account_id_trait="org").effects[1:] == (Joined("ana", "42"),)
    assert outcome(named).effects[1:] == ()
    assert outcome(call("identify", traits={"org": None}), account_id_trait="org").effects[1:] == ()


def test_context_traits_stand_in_on_identify_alone_and_only_where_traits_is_empty():
    """RudderStack sends an identify's traits in the context; a group's are not the account's."""
    context = {"traits": {"email": "ana@acme.example"}}

    assert outcome(call("identify", context=context)).effects == (TraitsSet("user", "ana", context["traits"]),)
    assert outcome(call("identify", traits={"x": 1}, context=context)).effects == (TraitsSet("user", "ana", {"x": 1}),)
    assert outcome(call("group", group_id="acme", context=context)).effects[0] == TraitsSet("account", "acme", {})


@pytest.mark.parametrize("key", ["email", "unmapped"])
def test_an_explicit_null_clears_a_trait_mapped_or_not(key):
    """Segment's own payload would drop the mapped one; here both are cleared."""
    assert outcome(call("identify", traits={key: None})).effects == (TraitsSet("user", "ana", {key: None}),)


def test_created_at_and_createdat_are_one():
    """createdAt wins within one call; either is known as createdAt."""
    old, new = "2025-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"

    assert outcome(call("identify", traits={"created_at": old})).effects[0].traits == {"createdAt": old}
    assert outcome(call("identify", traits={"created_at": old, "createdAt": new})).effects[0].traits == {
        "createdAt": new
    }


def test_a_bad_optional_field_costs_only_itself():
    """`mrr: "$99"` must not cost an account its membership; what was left out is told."""
    meant = outcome(call("group", group_id="acme", traits={"mrr": "$99", "plan": "pro"}))

    assert meant.fate == "applied"
    assert meant.effects == (TraitsSet("account", "acme", {"plan": "pro"}), Joined("ana", "acme"))
    assert [(note.code, note.field) for note in meant.notes] == [("left_out", "mrr")]


def test_a_strict_mapping_refuses_as_segment_does():
    """Without `lenient` one failing field discards the whole call."""
    strict = tuple(msgspec.structs.replace(each, lenient=False) for each in preset_mappings())

    meant = outcome(call("group", group_id="acme", traits={"mrr": "$99"}), destination=Destination(mappings=strict))

    assert (meant.fate, meant.effects) == ("invalid", ())
    assert meant.notes[0].message == "MRR must be a number but it was a string."


@pytest.mark.parametrize(
    ("type_", "name", "event"),
    [
        ("page", "Pricing", "Viewed Pricing Page"),
        ("page", None, "Viewed Page"),
        ("screen", "Home", "Viewed Home Screen"),
        ("screen", None, "Viewed Screen"),
    ],
)
def test_pages_and_screens_are_events_named_by_their_name(type_, name, event):
    """The pattern is a setting of the product; without a name there is a plain one."""
    assert outcome(call(type_, name=name)).effects == (Acted("ana", event),)


def test_a_page_without_a_user_is_not_counted():
    """Its fate says so."""
    assert outcome(call("page", user_id=None, anonymous_id="a1")).fate == "no_user"


def test_a_track_without_a_user_fails_validation_as_in_segment():
    """Anonymous tracks never count."""
    meant = outcome(call("track", user_id=None, anonymous_id="a1", event="Paid"))

    assert meant.fate == "invalid"


def test_an_event_names_its_account_by_context_groupid():
    """Beside the payload, outside any mapping."""
    assert outcome(call("track", event="Paid", context={"groupId": "acme"})).effects == (Acted("ana", "Paid", "acme"),)


def test_what_is_already_mapped_passes_no_mapping():
    """/v2/* and mapped /segment bodies are what a mapping yields, also where the destination is off."""
    direct = call("track", event="Paid", direct=True)

    assert outcome(direct, destination=Destination(enabled=False)).effects == (Acted("ana", "Paid"),)


@pytest.mark.parametrize(
    ("integrations", "fate"),
    [
        ({"All": False}, "filtered"),
        ({"All": False, "Accoil Analytics": True}, "applied"),
        ({"Accoil Analytics": False}, "filtered"),
        ({"Uptake": {"option": 1}, "All": False}, "applied"),
        ({"All": True}, "applied"),
    ],
)
def test_the_integrations_object_is_honoured(integrations, fate):
    """All is true by default; a named destination wins over All."""
    assert outcome(call("track", event="Paid", integrations=integrations)).fate == fate


def test_one_call_that_matches_several_mappings_has_each_effect_once():
    """The same mapping twice counts an event once; one that renames it counts another event."""
    again = Mapping("Again", "track", 'type = "track"', enabled=True)
    renamed = Mapping(
        "Renamed",
        "track",
        'event = "Paid"',
        fields={
            "event": {"@template": "{{event}} v2"},
            "userId": {"@path": "$.userId"},
            "timestamp": {"@path": "$.timestamp"},
        },
        enabled=True,
    )

    meant = outcome(call("track", event="Paid"), destination=destination(again, renamed))

    assert meant.effects == (Acted("ana", "Paid"), Acted("ana", "Paid v2"))


def test_a_call_that_no_mapping_wants_is_told_apart():
    """Its fate is unmatched, with Segment's discard code."""
    meant = outcome(call("track", event="Paid"), destination=Destination(mappings=()))

    assert (meant.fate, meant.notes[0].code) == ("unmatched", "NO_MATCHING_MAPPING")


def test_a_filter_drops_before_any_mapping():
    """And says which one."""
    internal = Filter("Internal", "drop", 'userId = "ana"')

    meant = outcome(call("track", event="Paid"), destination=destination(filters=(internal,)))

    assert (meant.fate, meant.notes[0].code) == ("filtered", "FILTERED_BY_RULES")
    assert "Internal" in meant.notes[0].message


def test_ignored_events_are_not_counted():
    """Reversible, because the log still has them."""
    assert outcome(call("track", event="Ping"), ignored_events=("Ping",)).fate == "filtered"


def test_alias_is_recorded_and_not_applied():
    """Nothing is merged blindly."""
    assert outcome(call("alias", previous_id="old")).fate == "recorded"


def test_a_trace_shows_mappings_what_filters_leave():
    """A property that a filter takes away is not there for a trigger, in the trace as in life."""
    only_pro = Mapping("Pro", "track", 'properties.plan = "pro"', enabled=True)
    trimming = Filter("No plans", "drop_properties", "all", fields={"properties": ("plan",)})
    config = ProductConfig(destination=Destination(filters=(trimming,), mappings=(only_pro,)))
    paid = call("track", event="Paid", properties={"plan": "pro", "seats": 3})

    told = trace(paid, AT, config)

    assert told.outcome.fate == "unmatched"
    assert told.event["properties"] == {"seats": 3}
    assert [each.fired for each in told.mappings] == [False]


def test_a_trace_of_a_dropped_call_still_shows_its_mappings():
    """What a filter drops is told, and what the mappings would have done with all of it."""
    dropping = Filter("None", "drop", 'event = "Paid"')
    config = ProductConfig(destination=Destination(filters=(dropping,)))

    told = trace(call("track", event="Paid"), AT, config)

    assert (told.outcome.fate, told.outcome.notes[0].code) == ("filtered", "FILTERED_BY_RULES")
    assert [each.effects for each in told.mappings if each.fired] == [(Acted("ana", "Paid"),)]


def test_a_trace_of_what_is_already_mapped_has_no_mappings():
    """It passes none; a mapping that is tried by itself is shown all the same."""
    direct = call("track", event="Paid", direct=True)
    tried = Mapping("Tried", "track", 'type = "track"')

    told = trace(direct, AT, ProductConfig())
    alone = trace(direct, AT, ProductConfig(), [tried])

    assert (told.mappings, told.outcome.effects) == ((), (Acted("ana", "Paid"),))
    assert [each.fired for each in alone.mappings] == [True]


def test_a_mapping_that_is_tried_counts_as_if_it_were_enabled():
    """The outcome of a trial is what enabling would bring, and the trace still says that it is disabled."""
    tried = Mapping("Tried", "track", "type='track'")

    told = trace(call("track", event="Paid"), AT, ProductConfig(), [tried])

    assert (told.outcome.fate, told.outcome.effects) == ("applied", (Acted("ana", "Paid"),))
    assert [(each.enabled, each.fault) for each in told.mappings] == [(False, "")]
