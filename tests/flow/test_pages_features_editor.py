"""Settings, Features: order, names, events and suggestions, edited together and saved as one version."""

import html
import re

import pytest

from tests.house import House
from uptake.core.config import Feature, ProductConfig, Segment, Workspace

PATH = "/settings/features"
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
CONFIG = ProductConfig(
    features=(
        Feature("Reporting", "Reports", ("Report_Created", "Report_Shared")),
        Feature("Search", events=("Searched",)),
        Feature("Old", events=("Gone",)),
    ),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 8, "Search": 2}),),
    segments=(Segment("Searchers", "user", "Engagement", 'did(feature "Search")', 1),),
)
THEIRS = (Feature("Reporting", "Reports", ("Report_Created", "Report_Sent")), Feature("Wins", "Deals"))


@pytest.fixture
def house():
    """ana reports and searches; three events are in no feature."""
    house = House(CONFIG)
    house.track("ana", "Report_Created", day=1, times=3)
    house.track("ana", "Searched", day=2)
    house.track("ana", "Report_Exported", day=3, times=2)
    house.track("ana", "Invoice_Paid", day=9)
    house.track("eve", "Invoice_Sent", day=0)
    house.settle()
    return house


def fields_of(text):
    """The fields of the form as a browser would post them, names repeated; boxes are not ticked."""
    found = []
    for tag in re.findall(r"<input[^>]*>", text):
        named = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in named and named.get("type") != "checkbox":
            found.append((html.unescape(named["name"]), html.unescape(named.get("value", ""))))
    return [*found, ("into", "0")]


def posted(client, fields, do, *more, **options):
    """Press a button."""
    named = {}
    for name, value in [*fields, *more, ("do", do)]:
        named.setdefault(name, []).append(value)
    return client.post(PATH, data=named | {"into": named["into"][-1]}, **options)


def changed(fields, **values):
    """The fields with some of them given other values."""
    named = {name.replace("_", ".", 1): value for name, value in values.items()}
    return [(name, named.get(name, value)) for name, value in fields]


def features(house):
    """The features in force."""
    return [(each.name, each.events) for each in house.product.config.features]


def test_the_page_shows_features_and_what_is_in_none(house):
    """Cards in order with their events; those in none with volume, first and last seen; suggestions by name."""
    with house.client() as client:
        text = client.get(PATH).text

    names = re.findall(r'name="f\d+\.name"[^>]*value="([^"]*)"', text)
    rows = re.findall(r'name="pick" value="([^"]*)".*?<td class="num">(\d+)</td>', text, re.DOTALL)
    assert names == ["Reporting", "Search", "Old"]
    assert rows == [("Report_Exported", "2"), ("Invoice_Paid", "1"), ("Invoice_Sent", "1")]
    assert "weight 8" in text
    assert re.search(r"<b>Reporting</b>\s*<p class=\"hint break\">Report_Exported</p>", text)


def test_many_changes_are_one_version(house):
    """Order, a new name that weights and segments follow, a deletion, events moved, a feature made: saved at once."""
    with house.client() as client:
        fields = fields_of(client.get(PATH).text)
        fields = fields_of(posted(client, fields, "down:0").text)
        fields = fields_of(posted(client, fields, "drop:2").text)
        fields = fields_of(posted(client, fields, "assign", ("pick", "Invoice_Paid"), ("into", "1")).text)
        fields = fields_of(posted(client, fields, "take:1:Report_Shared").text)
        fields = fields_of(posted(client, fields, "add").text)
        fields = changed(fields, f0_name="Find", f2_name="Billing", f2_description="Money")
        answer = posted(client, fields, "save", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?saved=1")
    assert features(house) == [
        ("Find", ("Searched",)),
        ("Reporting", ("Report_Created", "Invoice_Paid")),
        ("Billing", ()),
    ]
    assert house.product.config.workspaces[0].features == {"Reporting": 8, "Find": 2}
    assert house.product.config.segments[0].where == 'did(feature "Find") >= 1'
    assert len(house.product.versions) == 2
    assert house.product.version.why == "features: Billing added, Old deleted, Search renamed Find"


def test_names_can_be_exchanged(house):
    """Two features take each other's name, and all that names them follows."""
    with house.client() as client:
        fields = changed(fields_of(client.get(PATH).text), f0_name="Search", f1_name="Reporting")
        posted(client, fields, "save")

    assert features(house)[:2] == [("Search", ("Report_Created", "Report_Shared")), ("Reporting", ("Searched",))]
    assert house.product.config.workspaces[0].features == {"Search": 8, "Reporting": 2}


def test_the_order_of_the_form_is_the_order_of_features(house):
    """Dragging moves a card within the form, and an event's field is named by the card that it lies in."""
    with house.client() as client:
        fields = fields_of(client.get(PATH).text)
        last = [pair for pair in fields if pair[0].startswith("f2.")]
        rest = [pair for pair in fields if pair not in last and pair != ("order", "2")]
        dragged = [("f2.event" if value == "Report_Shared" else name, value) for name, value in rest]
        first = next(place for place, pair in enumerate(dragged) if pair == ("order", "0"))
        dragged[first:first] = [("order", "2"), *last]
        posted(client, dragged, "save")

    assert features(house) == [
        ("Old", ("Gone", "Report_Shared")),
        ("Reporting", ("Report_Created",)),
        ("Search", ("Searched",)),
    ]


def test_suggestions_are_followed(house):
    """Into the feature of that name, or into a new one; what was followed is suggested no more."""
    with house.client() as client:
        fields = fields_of(client.get(PATH).text)
        text = posted(client, fields, "accept:0", headers=PART).text
        names = re.findall(r"<b>([^<]*)</b>", text)
        fields = fields_of(posted(client, fields_of(text), "accept:0").text)
        posted(client, fields, "save")

    assert "<html" not in text
    assert "Reporting" not in names
    assert ("Reporting", ("Report_Created", "Report_Shared", "Report_Exported")) in features(house)
    assert features(house)[-1][1] == ("Invoice_Paid", "Invoice_Sent")


def test_events_are_put_aside_and_brought_back(house):
    """Hidden at once and offered no more, without losing what was drafted; brought back the same way."""
    with house.client() as client:
        fields = changed(fields_of(client.get(PATH).text), f0_name="Drafted")
        text = posted(client, fields, "hide", ("pick", "Invoice_Paid")).text
        hidden = house.product.config.hidden_events
        again = posted(client, fields_of(text), "restore", ("pick", "Invoice_Paid")).text
        ignored = posted(client, fields_of(again), "ignore", ("pick", "Invoice_Sent")).text

    assert hidden == ("Invoice_Paid",)
    assert "1 hidden or ignored" in text
    assert dict(fields_of(text))["f0.name"] == "Drafted"
    assert house.product.config.hidden_events == ()
    assert house.product.config.ignored_events == ("Invoice_Sent",)
    assert "ignored" in ignored
    assert features(house)[0][0] == "Reporting"


def test_what_cannot_be_saved_is_told(house):
    """A name twice or none is marked; nothing is saved."""
    with house.client() as client:
        fields = fields_of(client.get(PATH).text)
        twice = posted(client, changed(fields, f1_name="Reporting"), "save")
        empty = posted(client, changed(fields, f1_name=" "), "save")

    assert (twice.status_code, empty.status_code) == (422, 422)
    assert "There is a feature &#39;Reporting&#39; already" in twice.text
    assert "Give the feature a name" in empty.text
    assert house.product.version.revision == 1


def test_features_that_changed_meanwhile_are_not_written_over_unseen(house):
    """The later form says who changed what, also after events were put aside; it keeps what was typed, and saves at a
    second word."""
    with house.client() as client:
        fields = fields_of(client.get(PATH).text)
        house.change(lambda config: ProductConfig(features=THEIRS, segments=()))
        fields = fields_of(posted(client, changed(fields, f1_name="Finding"), "hide", ("pick", "Invoice_Paid")).text)
        late = posted(client, fields, "save")
        kept = features(house)
        again = posted(client, fields_of(late.text), "save", follow_redirects=False)

    assert (late.status_code, again.status_code) == (409, 303)
    assert words(late.text, 'id="meanwhile"', "</table>").endswith(
        "What differs When you opened it Now"
        " Order 2. Search, 3. Old 2. Wins"
        " Reporting: events Report_Shared Report_Sent"
        " Search: events Searched –"
        " Old: events Gone –"
        " Wins: description – Deals"
    )
    assert kept == [(each.name, each.events) for each in THEIRS]
    assert [name for name, _ in features(house)] == ["Reporting", "Finding", "Old"]


def words(text, start, end):
    """What can be read between two marks, in one line."""
    part = text[text.index(start) :]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", part[part.index(">") + 1 : part.index(end)])).split())


def test_events_without_a_feature_are_found_by_name(house):
    """A part of the name narrows the list; what is drafted stays."""
    with house.client() as client:
        fields = changed(fields_of(client.get(PATH).text), find="invoice")
        text = posted(client, fields, "redraw", headers=PART).text

    assert re.findall(r'name="pick" value="([^"]*)"', text) == ["Invoice_Paid", "Invoice_Sent"]
