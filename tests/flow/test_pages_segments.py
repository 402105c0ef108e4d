"""The pages of segments as a browser gets them: the list, one segment, why, the builder; numbers equal the API's."""

import csv
import html
import io
import re

import pytest

from tests.house import TODAY, House
from uptake.core.config import ProductConfig, Segment, Workspace

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
BIG = 'account.mrr > 100000 and (did("Export") >= 3 or user.role = "boss")'
CONFIG = ProductConfig(
    workspaces=(Workspace("Engagement", 1), Workspace("Month", 2, window_days=30)),
    segments=(
        Segment("Big exporters", "account", "Engagement", BIG, 4, "Worth a call."),
        Segment("Admins", "user", "Month", 'user.role = "admin"', 7),
    ),
)


@pytest.fixture
def house():
    """acme pays 5,000 and exports with ana (an admin) and eve; globex pays 900, and bob looked at it once."""
    house = House(CONFIG)
    house.group("ana", "acme", mrr=500_000, plan="pro", name="Acme")
    house.group("eve", "acme")
    house.group("bob", "globex", mrr="90000", name="Globex")
    house.identify("ana", role="admin", name="Ana")
    house.track("ana", "Export", day=1, times=4)
    house.track("eve", "Export", day=2)
    house.track("bob", "View", day=3)
    house.settle()
    return house


def words(text):
    """What a reader sees of a page, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def listed(text):
    """The names in the list, from the top."""
    return re.findall(r'class="row-link" href="[^"]*">([^<]*)<', text)


def proof(client):
    """What shows that a form comes from a page of this server."""
    return {"_csrf_token": form_of(client.get("/segments/new").text)["_csrf_token"]}


def form_of(text):
    """The fields of the builder's form as a browser would post them."""
    fields = {}
    for tag in re.findall(r"<input[^>]*>", text):
        named = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in named:
            fields[html.unescape(named["name"])] = html.unescape(named.get("value", ""))
    for name, inside in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', text, re.DOTALL):
        fields[name] = html.unescape(re.search(r'value="([^"]*)" selected', inside)[1])
    for name, inside in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL):
        fields[name] = html.unescape(inside)
    return fields


def test_the_list_shows_what_the_api_says(house):
    """Every segment of the kind with members, average score and money, own ones first."""
    with house.client() as client:
        text = client.get("/segments").text
        users = client.get("/segments?scope=users").text
        told = client.get("/v2/segments?workspace_id=1&scope=accounts&limit=100").json()["data"]

    rows = [words(row) for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)]
    assert listed(text) == ["Big exporters", *(each["name"] for each in told if each["suggested"])]
    assert len(listed(users)) == 12
    for each in told:
        row = next(row for row in rows if row.startswith(each["name"]))
        score = "–" if each["average_score"] is None else f"{each['average_score']:.1f}"
        money = f"${each['mrr']:,.0f}" if each["mrr"] else "–"
        assert row.endswith(f"{each['active_members']} {score} {money}"), row
        assert f" {each['members']} " in row


@pytest.mark.parametrize("by", ["name", "size", "active", "score", "mrr"])
def test_segments_are_sorted(house, by):
    """Both lists in the order of a column, the other way round at the next click; without one as they were made."""
    with house.client() as client:
        text = client.get(f"/segments?sort={by}").text
        turned = client.get(f"/segments?sort={by}&dir={'desc' if by == 'name' else 'asc'}").text
        told = client.get("/v2/segments?workspace_id=1&scope=accounts&limit=100").json()["data"]

    field = {"size": "members", "active": "active_members", "score": "average_score"}.get(by, by)
    value = {each["name"]: each[field] or 0 for each in told}
    suggested = [name for name in listed(text) if name != "Big exporters"]
    values = [value[name].lower() if by == "name" else value[name] for name in suggested]
    assert values == sorted(values, reverse=by != "name")
    assert f'aria-sort="{"ascending" if by == "name" else "descending"}"' in text
    assert sorted(listed(turned)) == sorted(listed(text))
    assert [value[name] for name in listed(turned)[1:]] == [value[name] for name in suggested][::-1]


def test_a_trend_is_the_history(house):
    """The small line goes from the first day's size to today's."""
    with house.client() as client:
        text = client.get("/segments/users.all_active/trend", headers=PART).text
        days = client.get("/v2/segments/users.all_active/history").json()["data"]

    assert "<html" not in text
    assert f"{days[0]['members']} at first, {days[-1]['members']} now" in text


def test_a_segment_shows_its_numbers_and_members(house):
    """Count, active ones, average, money, how it went, its condition in words and as text, and its members."""
    with house.client() as client:
        text = client.get("/segments/4").text
        entry = client.get("/v2/segments/4").json()["segment"]
        nobody = client.get("/segments/users.mature").text
        missing = client.get("/segments/99")

    told = words(text)
    assert (
        "Accounts where account trait mrr is more than 100,000 and (did Export at least 3 times or user trait role"
        in told
    )
    assert "Worth a call." in told
    assert f"Accounts {entry['members']} of 2 Active {entry['active_members']}" in told
    assert f"Average score {entry['average_score']:.1f} of the active MRR $5,000 Entered and left +1 −0" in told
    assert listed(text) == ["Acme"]
    assert html.escape(BIG, quote=False) in text.replace("&#34;", '"')
    assert "Nobody is in it today" in nobody
    assert missing.status_code == 404


def test_members_are_sorted_filtered_and_swapped_in_place(house):
    """The list of a segment is a list like any other, within the condition."""
    with house.client() as client:
        part = client.get("/segments/users.all?sort=name&dir=desc", headers=PART)
        found = client.get("/segments/users.all?q=bob").text

    assert listed(part.text) == ["eve", "bob", "Ana"]
    assert part.headers["hx-push-url"] == "/segments/users.all?sort=name&dir=desc"
    assert listed(found) == ["bob"]


def test_members_are_exported_as_csv(house):
    """All members with the numbers of the API; what a spreadsheet would run is quoted."""
    house.group("mal", "=evil()", name="=HYPERLINK(1)")
    house.settle()

    with house.client() as client:
        answer = client.get("/segments/accounts.all/members.csv")
        told = client.get("/v2/segments/accounts.all/members").json()["data"]

    rows = {
        row["tracking_id"]: row for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline=""))
    }
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="all-{TODAY}.csv"'
    assert rows.pop("'=evil()")["name"] == "'=HYPERLINK(1)"
    for each in told:
        if row := rows.pop(each["tracking_id"], None):
            assert (row["name"], int(row["score"]), row["level"]) == (each["name"], each["score"], each["level"])
            assert row["last_active_at"] == each["last_active_at"]
            assert float(row["adoption"]) == pytest.approx(each["adoption"], abs=6e-3)
    assert rows == {}


def test_why_somebody_is_in_a_segment_or_not(house):
    """Each part in words with what was found; asked by id or name; accounts and users link to the why of their own."""
    with house.client() as client:
        acme = words(client.get("/segments/4/why?who=Acme").text)
        globex = words(client.get("/segments/4/why?who=globex").text)
        account = client.get("/accounts/acme").text
        user = client.get("/users/ana?workspace=2").text
        unknown = client.get("/segments/4/why?who=nobody")

    assert "Acme is in “Big exporters”" in acme
    assert "Globex is not in “Big exporters”" in globex
    assert "does not hold: Account trait mrr is more than 100,000 found 90000" in globex
    assert "does not hold: At least one of these holds does not hold: Did Export at least 3 times found 0" in globex
    assert 'href="/segments/4/why?who=acme"' in account
    assert 'href="/segments/7/why?workspace=2&amp;who=ana"' in user
    assert unknown.status_code == 404


def test_a_segment_is_built_step_by_step(house):
    """Rows and groups are added by buttons, counted while they are filled, and saved as one condition."""
    with house.client() as client:
        fields = form_of(client.get("/segments/new").text)
        fields = form_of(client.post("/segments/new", data=fields | {"do": "group:0"}).text)
        fields |= {"name": "Exporters", "n1.name": "Export", "n3.kind": "account_trait", "n3.name": "plan"}
        fields = form_of(client.post("/segments/new", data=fields | {"do": "redraw"}).text)
        fields |= {"n3.operator": "is", "n3.value": "pro", "n0.kind": "all"}
        outcome = client.post("/segments/new", data=fields, headers=PART).text
        saved = client.post("/segments/new", data=fields | {"do": "save"}, follow_redirects=False)
        text = client.get(saved.headers["location"]).text

    assert "<html" not in outcome
    assert "1 of 2 accounts" in words(outcome)
    assert 'did("Export") >= 1 and account.plan = "pro"' in html.unescape(outcome)
    assert (saved.status_code, saved.headers["location"]) == (303, "/segments/8?saved=1")
    assert listed(text) == ["Acme"]
    assert house.product.config.segments[-1].where == 'did("Export") >= 1 and account.plan = "pro"'
    assert house.product.version.why == "segment Exporters added"


def test_a_condition_can_be_typed(house):
    """The text counts as it is typed, a fault says line and column at its place, and the builder shows the same."""
    with house.client() as client:
        typed = {"name": "Typed", "scope": "user", "view": "text", **proof(client)}
        good = typed | {"where": 'did("Export") and (score > 1 or user.role = "admin")'}
        outcome = client.post("/segments/new", data=good, headers=PART).text
        wrong = client.post("/segments/new", data=typed | {"where": "score > 1\nand scor > 2"}, headers=PART).text
        built = client.post("/segments/new", data=good | {"do": "view:build"}).text
        again = client.post("/segments/new", data=form_of(built) | {"do": "view:text"}).text
        refused = client.post("/segments/new", data=typed | {"where": "scor", "do": "save"})

    assert "2 of 3 users" in words(outcome)
    assert "Line 2, column 5" in words(wrong)
    assert "and scor &gt; 2\n    ^" in wrong
    assert form_of(built)["n2.kind"] == "any"
    assert form_of(again)["where"] == 'did("Export") >= 1 and (score > 1 or user.role = "admin")'
    assert refused.status_code == 422
    assert len(house.product.versions) == 1


def test_a_saved_segment_is_edited_copied_and_deleted(house):
    """Its builder holds what was saved; a copy begins from any segment; a suggested one cannot be changed."""
    with house.client() as client:
        fields = form_of(client.get("/segments/4/edit").text)
        again = client.post("/segments/4/edit", data=fields | {"do": "save", "name": "Bigger"}, follow_redirects=False)
        copied = form_of(client.get("/segments/new?copy=accounts.red_hot").text)
        twice = client.post("/segments/new", data=copied | {"name": "Bigger", "do": "save"})
        gone = client.post("/segments/4/delete", data=proof(client), follow_redirects=False)
        suggested = client.get("/segments/accounts.all/edit")

    assert again.headers["location"] == "/segments/4?saved=1"
    assert (copied["name"], copied["n1.kind"], copied["n1.value"]) == ("Red hot (copy)", "score_change", "10")
    assert twice.status_code == 422
    assert "is called “Bigger” already" in words(twice.text)
    assert gone.headers["location"] == "/segments"
    assert [each.name for each in house.product.config.segments] == ["Admins"]
    assert house.product.versions[1].config.segments[0].where == BIG
    assert suggested.status_code == 404


def test_rows_complete_from_what_was_seen(house):
    """Events with their volume, features and traits of both levels are offered by name; what was never seen is told."""
    with house.client() as client:
        text = client.get("/segments/new").text
        typed = {"view": "text", "where": 'did("Exprot")', **proof(client)}
        outcome = client.post("/segments/new", data=typed, headers=PART).text

    assert '<option value="Export" label="5 times">' in text
    assert re.search(r'id="list-account_trait">.*?value="plan" label="string, 1 have it"', text)
    assert re.search(r'id="list-user_trait">.*?value="role"', text)
    assert "The event 'Exprot' was never seen" in words(outcome)


def test_a_row_offers_what_suits_the_type_of_its_trait(house):
    """Operators of a number for money, values that were seen for a text; what was chosen before stays."""
    row = {"n0.kind": "all", "n1.kind": "account_trait", "n1.depth": "1", "n1.operator": "is", "do": "redraw"}
    with house.client() as client:
        row |= proof(client)
        money = client.post("/segments/new", data=row | {"n1.name": "mrr"}).text
        plan = client.post("/segments/new", data=row | {"n1.name": "plan"}).text
        chosen = client.post("/segments/new", data=row | {"n1.name": "mrr", "n1.value": "5"}).text

    assert form_of(money)["n1.operator"] == "equals"
    assert '<datalist id="n1-values"><option value="pro">' in plan
    assert form_of(chosen)["n1.operator"] == "is"


def test_a_name_that_is_taken_is_told_with_who_has_it(house):
    """The other segment is a link where it can be opened from here; nothing is saved, and its own name is no fault."""
    with house.client() as client:
        fields = form_of(client.get("/segments/new").text) | {"n1.kind": "level", "n1.value": "passive", "do": "save"}
        near = client.post("/segments/new", data=fields | {"name": "Big exporters"})
        far = client.post("/segments/new", data=fields | {"name": "Admins"})
        own = client.post(
            "/segments/4/edit",
            data=form_of(client.get("/segments/4/edit").text) | {"do": "save"},
            follow_redirects=False,
        )

    assert (near.status_code, far.status_code, own.status_code) == (422, 422, 303)
    assert "another segment , of accounts in Engagement, is called “Big exporters” already" in words(near.text)
    assert re.search(r'<a href="/segments/4[^"]*">another segment</a>', near.text)
    assert "another segment, of users in Month, is called “Admins” already" in words(far.text)
    assert len(house.product.config.segments) == 2
