"""A configuration as YAML: what a document changes, what it leaves, and what it is told where it is wrong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.config import (
    Destination,
    Exclusions,
    Feature,
    Filter,
    Levels,
    Mapping,
    ProductConfig,
    Segment,
    TraitTypes,
    Workspace,
    preset_mappings,
)
from uptake.core.errors import ConfigInvalid
from uptake.pipeline.document import document_of, merge_text

EXAMPLE = """
product: Acme App
time_zone: Europe/Berlin
account_display_name: name
account_created_at: createdAt
account_id_trait: group_id
trait_types: {account: {mrr: number, renewal: date}, user: {seats: number}}
features:
  - {name: Reporting, events: [Report_Created, Report_Shared]}
workspaces:
  - {name: Engagement, window_days: 7, features: {Reporting: 8}, event_weights: {Report_Shared: 10}, curve: exponential-1, account_score: mean}
"""  # noqa: E501


def applied(text, current=None, *, prune=False):
    return merge_text(current or ProductConfig(), text, prune=prune)


def faults(text, current=None, *, prune=False):
    with pytest.raises(ConfigInvalid) as caught:
        applied(text, current, prune=prune)
    return {fault.place: fault.message for fault in caught.value.faults}


FULL = ProductConfig(
    product="Acme: 'App' №1",
    time_zone="Asia/Kathmandu",
    trait_types=TraitTypes(account={"mrr": "number", "on": "boolean"}),
    mrr_unit="units",
    page_event="{name}",
    dedupe_days=30,
    features=(
        Feature("Reporting", "What it is.\nIn two lines.", ("Report_Created", "yes", "404", "2026-01-01", "1:30", "~")),
        Feature("No", events=("null", "# not a comment", "- dash", " blank ", "émoji 🎉", "a: b")),
        Feature("Empty"),
    ),
    hidden_events=("Viewed Page",),
    ignored_events=("=",),
    workspaces=(
        Workspace("Engagement", 1, 30, {"Reporting": 8, "No": 1}, {"yes": 10, "404": 0}, "linear-1", "pooled"),
        Workspace(
            "Trial",
            5,
            daily_cap=3,
            half_life_days=2.5,
            levels=Levels(90, 60, 10),
            filter='user.role = "admin"',
            user_activation=('did("yes")', "user.name exists"),
        ),
    ),
    segments=(Segment("Big", "account", "Trial", "account.mrr > 100.5", 3, "Much."),),
    exclusions=Exclusions(users=("ana",), email_domains=("acme.example",), users_where="user.internal = true"),
    destination=Destination(
        filters=(Filter("No tests", "drop", 'event = "Test"'),),
        mappings=(
            *preset_mappings(),
            Mapping("Paid", "track", 'event = "Paid"', {"event": {"@path": "$.event"}}, lenient=True),
        ),
    ),
)


def test_the_example_of_the_documentation():
    """Every field of it is taken, and what it does not name keeps its default."""
    config = applied(EXAMPLE)

    assert config == ProductConfig(
        product="Acme App",
        time_zone="Europe/Berlin",
        trait_types=TraitTypes(account={"mrr": "number", "renewal": "date"}, user={"seats": "number"}),
        features=(Feature("Reporting", events=("Report_Created", "Report_Shared")),),
        workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}, event_weights={"Report_Shared": 10}),),
    )


@pytest.mark.parametrize("prune", [False, True])
@pytest.mark.parametrize("current", [ProductConfig(), FULL, applied(EXAMPLE)], ids=["new", "full", "example"])
def test_what_is_exported_applies_to_the_same(current, prune):
    """The document of a configuration changes nothing on it, and makes it out of a new one."""
    text = document_of(current)

    assert applied(text, current, prune=prune) == current
    assert applied(text, prune=True) == current


@given(
    name=st.text(min_size=1, max_size=200),
    events=st.lists(st.text(min_size=1, max_size=40), max_size=5),
    weight=st.integers(0, 10),
)
def test_any_name_survives_yaml(name, events, weight):
    """Whatever characters a name has, export and apply give it back."""
    config = ProductConfig(
        features=(Feature(name, events=tuple(events)),),
        workspaces=(Workspace("W", 1, features={name: 1}, event_weights=dict.fromkeys(events, weight)),),
    )

    assert applied(document_of(config), prune=True) == config


def test_what_is_not_named_stays():
    """A document with one field changes that field alone, a workspace given in part keeps its other fields."""
    config = applied("workspaces: [{name: Trial, window_days: 14}]\ncurrency: EUR\n", FULL)

    trial = msgspec.structs.replace(FULL.workspaces[1], window_days=14)
    assert config == msgspec.structs.replace(FULL, currency="EUR", workspaces=(FULL.workspaces[0], trial))


def test_a_field_that_is_named_is_taken_whole():
    """Weights that a workspace names replace its weights; the lists of an item are not added to."""
    config = applied(
        "features: [{name: Reporting, events: [Report_Created]}]\n"
        "workspaces: [{name: Engagement, features: {Reporting: 3}}]\n"
        "trait_types: {account: {plan: string}}\n",
        FULL,
    )

    assert config.features[0].events == ("Report_Created",)
    assert config.features[0].description == FULL.features[0].description
    assert config.workspaces[0].features == {"Reporting": 3}
    assert config.trait_types == TraitTypes(account={"plan": "string"})


def test_structures_keep_the_fields_that_are_not_named():
    """Levels, exclusions and the destination are changed field by field."""
    config = applied(
        "workspaces: [{name: Trial, levels: {most: 80}}]\nexclusions: {accounts: [bob]}\ndestination: {enabled: false}",
        FULL,
    )

    assert config.workspaces[1].levels == Levels(80, 60, 10)
    assert config.exclusions == msgspec.structs.replace(FULL.exclusions, accounts=("bob",))
    assert config.destination == msgspec.structs.replace(FULL.destination, enabled=False)


def test_new_items_come_last_and_named_ones_keep_their_place():
    """Where the document names all, its order counts; else what is there stays where it is."""
    some = applied("features: [{name: Empty}, {name: New}, {name: Reporting}]", FULL)
    all_named = applied("features: [{name: New}, {name: Empty}, {name: No}, {name: Reporting}]", FULL)

    assert [each.name for each in some.features] == ["Empty", "No", "Reporting", "New"]
    assert [each.name for each in all_named.features] == ["New", "Empty", "No", "Reporting"]


def test_pruning_drops_what_the_document_does_not_name():
    """Only in the lists that it holds; weights and segments of what was dropped go with it."""
    text = "features: [{name: Reporting}]\nworkspaces: [{name: Engagement, window_days: 1}]"

    config = applied(text, FULL, prune=True)

    assert config.features == (FULL.features[0],)
    assert [each.name for each in config.workspaces] == ["Engagement"]
    assert config.workspaces[0].features == {"Reporting": 8}
    assert config.segments == ()
    assert config.destination == FULL.destination


def test_a_new_workspace_gets_the_next_id():
    """Ids are counted on from the highest, also in a document that leaves them out."""
    config = applied("workspaces: [{name: Monthly, window_days: 30}, {name: Daily}]", FULL)

    assert [(each.name, each.id) for each in config.workspaces] == [
        ("Engagement", 1),
        ("Trial", 5),
        ("Monthly", 6),
        ("Daily", 7),
    ]


def test_an_id_renames_and_never_changes():
    """A workspace is renamed by its id, its segments follow; a known name with another id is refused."""
    config = applied("workspaces: [{name: Try-out, id: 5}]", FULL)

    assert config.workspaces[1] == msgspec.structs.replace(FULL.workspaces[1], name="Try-out")
    assert config.segments[0].workspace == "Try-out"
    assert faults("workspaces: [{name: Trial, id: 9}]", FULL) == {
        "$.workspaces[0].id": "'Trial' has the id 5, got 9: leave it out, an id never changes"
    }


def test_a_mapping_is_changed_by_name():
    """One field of one mapping can be changed without repeating the others."""
    config = applied("destination: {mappings: [{name: Page Calls, enabled: false}]}")

    changed = [each for each in config.destination.mappings if each not in preset_mappings()]
    assert changed == [Mapping("Page Calls", "page", 'type = "page"', enabled=False, lenient=True)]
    assert len(config.destination.mappings) == 5


def test_every_fault_is_told_at_once_with_its_place():
    """Types, ranges, misspelt fields and what only shows between fields stand in one list."""
    text = """
prodct: Acme
time_zone: Europe/Berlni
mrr_unit: cent
dedupe_days: 2w
features:
  - {name: Reporting, events: [Report_Created, 404]}
  - {name: Sharing, events: [Report_Created], colour: red}
  - {events: [x]}
  - nothing
workspaces:
  - {name: Engagement, window_days: 91, features: {Reportng: 8, Sharing: 11}, curve: exponential, daily_cap: 0}
destination: {mappings: [{name: Page Calls, action: trak}]}
trait_types: {account: {mrr: Number}}
hidden_events:
"""
    assert faults(text) == {
        "$.prodct": "unknown field 'prodct': did you mean 'product'?",
        "$.time_zone": "expected an IANA time zone such as Europe/Berlin, got 'Europe/Berlni'",
        "$.mrr_unit": "expected cents or units, got 'cent': did you mean 'cents'?",
        "$.dedupe_days": "expected a whole number from 1 to 90, got '2w'",
        "$.features[0].events[1]": "expected a text of 1 to 200 characters, got 404: put it in quotes",
        "$.features[1].colour": "unknown field 'colour'; known are name, description, events",
        "$.features[2]": "expected a field 'name', got none",
        "$.features[3]": "expected fields and values, got 'nothing'",
        "$.workspaces[0].window_days": "expected a whole number from 1 to 90, got 91",
        "$.workspaces[0].features.Sharing": "expected a whole number from 1 to 10, got 11",
        "$.workspaces[0].curve": "expected exponential-1 or linear-1, got 'exponential': did you mean 'exponential-1'?",
        "$.workspaces[0].daily_cap": "expected a whole number of at least 1 or null, got 0",
        "$.destination.mappings[0].action": (
            "expected group or identify or page or screen or track, got 'trak': did you mean 'track'?"
        ),
        "$.trait_types.account.mrr": (
            "expected boolean or date or number or percentage or string, got 'Number': did you mean 'number'?"
        ),
        "$.hidden_events": "expected a list, got nothing: leave the line out to keep what there is",
        "$.features[1].events": (
            "event 'Report_Created' is in feature 'Reporting' already; an event is in at most one feature"
        ),
        "$.workspaces[0].features.Reportng": "the product has no feature 'Reportng': did you mean 'Reporting'?",
    }


def test_a_new_item_needs_its_fields():
    """What cannot be guessed is asked for; a field that is there but wrong is told once."""
    assert faults("destination: {mappings: [{name: Mine, action: trak}]}\nsegments: [{name: S}]") == {
        "$.destination.mappings[0].action": (
            "expected group or identify or page or screen or track, got 'trak': did you mean 'track'?"
        ),
        "$.destination.mappings[0].trigger": "'Mine' is new and needs 'trigger'",
        "$.segments[0].of": "'S' is new and needs 'of'",
        "$.segments[0].workspace": "'S' is new and needs 'workspace'",
    }


def test_an_event_in_two_features_is_refused_with_the_place():
    """In the document, and also where the other feature is one that it does not name."""
    in_one = faults("features: [{name: A, events: [x]}, {name: B, events: [y, x]}]")
    current = applied("features: [{name: A, events: [x]}]")
    with_kept = faults("features: [{name: B, events: [x]}]", current)

    message = "event 'x' is in feature 'A' already; an event is in at most one feature"
    assert in_one == {"$.features[1].events": message}
    assert with_kept == {"$.features[0].events": message}
    assert applied("features: [{name: A, events: []}, {name: B, events: [x]}]", current).features[1].events == ("x",)


def test_a_name_given_twice_is_refused():
    """Two items of one list cannot have one name, and a key cannot stand twice."""
    assert faults("features: [{name: A}, {name: A}]") == {"$.features[1].name": "'A' stands at $.features[0] already"}
    assert faults("product: A\nproduct: B\n") == {"line 2, column 1": "'product' stands here twice"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("product: [", "line 1, column 11"),
        ("product: a\n  b: c", "line 2, column 4"),
        ("", "$"),
        ("- a", "$"),
        ("just words", "$"),
        ("? [a]\n: b", "line 1, column 3"),
        ("a: !!python/object:x.y {}", "line 1, column 4"),
        ("\x00", "$"),
    ],
)
def test_what_is_no_document_is_refused(text, place):
    """Broken YAML is refused with line and column; anything but fields and values as a whole."""
    assert list(faults(text)) == [place]


def test_a_kept_item_at_fault_is_named():
    """A fault that the document causes in an item it does not name says which one."""
    current = applied("features: [{name: A, events: [x]}, {name: B, events: [y]}]")

    assert faults("features: [{name: A, events: [x, y]}]", current) == {
        "$.features 'B' (kept).events": "event 'y' is in feature 'A' already; an event is in at most one feature"
    }


def test_json_is_yaml_too():
    """A JSON document is taken as it is, with or without a byte order mark."""
    assert applied('\ufeff{"product": "Acme", "dedupe_days": 30}').dedupe_days == 30


def test_the_51st_mapping_is_refused():
    """A document with one mapping too many says how many there may be, and changes nothing."""
    many = "".join(f"\n    - {{name: M{number}, action: track, trigger: type = 'track'}}" for number in range(51 - 5))

    assert faults(f"destination:\n  mappings:{many}") == {"$.destination.mappings": "at most 50 mappings, got 51"}


def test_a_trigger_with_one_meaning_is_applied_in_a_spelling_that_segment_reads():
    """Applied again, the same document changes nothing."""
    text = "destination: {mappings: [{name: M, action: track, trigger: \"type='track'\"}]}"

    once = applied(text)

    assert once.destination.mappings[-1].trigger == 'type = "track"'
    assert applied(text, once) == once
