"""The settings as a browser gets them: what they show, what their forms change, and what they refuse."""

import html
import re

import msgspec
import pytest

from tests.house import House
from uptake.core.config import Feature, ProductConfig, Segment, Workspace
from uptake.core.errors import Rejection

CONFIG = ProductConfig(
    features=(Feature("Reporting", events=("Export",)), Feature("Search", events=("Find",))),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}), Workspace("Month", 2, window_days=30)),
)

SEGMENT = Segment("Exporters", "account", "Engagement", 'did("Export") >= 1', 1)


@pytest.fixture
def house():
    """ana and eve export for acme, bob searches for globex; globex has no number of seats."""
    house = House(CONFIG)
    house.group("ana", "acme", name="Acme", title="Acme Inc", seats=5)
    house.group("bob", "globex", name="Globex", title="Globex Ltd", seats="many")
    house.group("eve", "acme")
    house.identify("ana", email="ana@acme.example", plan="pro")
    house.identify("bob", email="bob@globex.example", plan=7)
    house.track("ana", "Export", day=1, times=4)
    house.track("eve", "Export", day=2)
    house.track("bob", "Find", day=1, times=3)
    house.settle()
    return house


def words(text):
    """What a reader sees of a page, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_data_health_shows_what_the_api_tells(house):
    """Every finding with its count, examples that lead to whom they are about, and the checks that found nothing."""
    house.track("stray", "Export")
    house.send(refused=(Rejection("missing_user", "$.userId", "expected one"),))
    house.settle()

    with house.client() as client:
        page, told = client.get("/settings/health").text, client.get("/v2/health").json()

    shown = re.findall(r'id="(\w+)-title">([^<]*?) <.*?class="times">([\d,]+)<', page, re.DOTALL)
    assert [(code, html.unescape(title), int(times)) for code, title, times in shown] == [
        (each["code"], each["title"], each["times"]) for each in told["findings"]
    ]
    assert {"refused_calls", "users_without_account"} <= {code for code, *_ in shown}
    assert 'href="/users/stray"' in page
    assert 'href="/live?fate=refused"' in page
    assert page.count("<li>") - sum(len(each["samples"]) for each in told["findings"]) == len(told["good"])
    assert "No accounts are each other's parents" in words(page)


def form_of(text):
    """The fields of a page's form as a browser would post them, areas and the chosen options too."""
    fields = {}
    for tag in re.findall(r"<input[^>]*>", text):
        named = dict(re.findall(r'([\w:-]+)="([^"]*)"', tag))
        unticked = named.get("type") in ("radio", "checkbox") and " checked" not in tag
        if "name" in named and named["name"] != "q" and not unticked:
            fields.setdefault(html.unescape(named["name"]), []).append(html.unescape(named.get("value", "")))
    for name, value in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', text, re.DOTALL):
        fields[html.unescape(name)] = [html.unescape(value)]
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        fields[html.unescape(name)] = [html.unescape(chosen[1])]
    return fields


def post(client, path, do="save", *, part=False, **changed):
    """Open a page, change fields of its form, and press a button of it."""
    named = {name.replace("__", ":").replace("_dot_", "."): value for name, value in changed.items()}
    fields = form_of(client.get(path).text) | named | {"do": do}
    return client.post(path, data=fields, headers=PART if part else {}, follow_redirects=False)


def faults(text):
    """What is said at fields, by the field's id."""
    told = re.findall(r'class="fault-text" id="([^"]*)-fault">.*?<span>(.*?)</span>', text, re.DOTALL)
    return {where: html.unescape(words) for where, words in told}


PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
MODEL = "/settings/workspaces/1"


# ---- workspaces
def test_the_list_tells_of_every_workspace(house):
    """Its window, how many it lists, and its latest version."""
    with house.client() as client:
        text = words(client.get("/settings/workspaces").text)

    assert "Engagement id 1 7 d 1 everyone 3 2 revision 1" in text
    assert "Month id 2 30 d – everyone 3 2 revision 1" in text


def test_a_what_if_shows_the_apis_numbers_and_changes_nothing(house):
    """Changes, movers, levels and averages as the API imagines them; the model in force stays."""
    with house.client(house.token("manage")) as client:
        shown = post(client, MODEL, "what-if", part=True, weight__Search="10", window_days="30")
        told = client.post(
            "/v2/workspaces/1/what-if",
            json={
                "workspaces": [{"name": "Engagement", "window_days": 30, "features": {"Reporting": 8, "Search": 10}}]
            },
        ).json()

    text, accounts = words(shown.text), told["accounts"]
    assert shown.status_code == 200
    assert "Window in days 7 30" in text
    assert "Weight of Search – 10" in text
    assert f"{accounts['changed']} of {accounts['after']['listed']} have another score" in text
    (up,) = accounts["up"]
    assert up["tracking_id"] == "globex"
    assert f"Globex {up['score']} then {up['score_after']} up {up['score_after'] - up['score']}" in text
    assert house.product.config == CONFIG


def test_without_scripts_the_what_if_stands_in_the_page(house):
    """The whole form comes back as it was typed, with the comparison in it."""
    with house.client() as client:
        answer = post(client, MODEL, "what-if", weight__Search="10", why="Searching matters")

    assert answer.status_code == 200
    assert "What if" in words(answer.text)
    assert form_of(answer.text)["weight:Search"] == ["10"]
    assert form_of(answer.text)["why"] == ["Searching matters"]


def test_a_filter_is_built_in_the_builder_from_what_it_says(house):
    """The link opens the condition builder with the filter in it; there it stands as text to be copied."""
    with house.client() as client:
        checked = post(client, MODEL, "redraw", filter='user.plan = "pro"')
        link = html.unescape(re.search(r'href="([^"]*)"[^>]*>Build it</a>', checked.text)[1])
        builder = client.get(link).text

    fields = form_of(builder)
    assert fields["scope"] == ["user"]
    assert (fields["n1.kind"], fields["n1.name"], fields["n1.value"]) == (["user_trait"], ["plan"], ["pro"])
    assert 'user.plan = "pro"' in words(builder)


def rows_of(text):
    """The rows of both rankings as a reader sees them."""
    table = re.search(r'<table class="table places">(.*?)</table>', text, re.DOTALL)[1]
    return [words(row) for row in re.findall(r"<tr><td.*?</tr>", table, re.DOTALL)]


def test_both_rankings_stand_in_the_what_if_and_are_turned_round_by_its_buttons(house):
    """Every account with place, score and level now and then; by the change, of users, and by htmx the table alone."""
    with house.client(house.token("manage")) as client:
        shown = post(client, MODEL, "what-if", part=True, weight__Search="10")
        changed = post(client, MODEL, "ranking:account.change.asc.1", weight__Search="10")
        named = post(client, MODEL, "ranking:account.name.asc.1", part=True, weight__Search="10")
        users = post(client, MODEL, "ranking:user.score_after.desc.9", part=True, weight__Search="10")
        told = client.post(
            "/v2/workspaces/1/what-if/ranking",
            json={"workspaces": [{"name": "Engagement", "features": {"Reporting": 8, "Search": 10}}]},
        ).json()["data"]

    names = [each["name"] for each in told]
    assert [row.split()[0] for row in rows_of(shown.text)] == names == ["Globex", "Acme"]
    assert [each["place_after"] for each in told] == [1, 2]
    assert "inactive place 1. " in rows_of(shown.text)[0]
    assert [row.split()[0] for row in rows_of(changed.text)] == ["Acme", "Globex"]
    assert [row.split()[0] for row in rows_of(named.text)] == ["Acme", "Globex"]
    assert 'value="ranking:account.name.desc.1"' in named.text
    assert form_of(changed.text)["weight:Search"] == ["10"]
    assert users.text.lstrip().startswith('<section class="card" id="ranking"')
    assert len(rows_of(users.text)) == 3


def test_both_rankings_are_downloaded_whole(house):
    """A line for everybody, in the order of the table, under the form's model."""
    with house.client() as client:
        answer = post(client, MODEL, "ranking-csv:account.score_after.desc.1", weight__Search="10")
        named = post(client, MODEL, "ranking-csv:account.name.asc.1", weight__Search="10")

    head, *lines = answer.text.removeprefix("\ufeff").splitlines()
    assert "attachment" in answer.headers["Content-Disposition"]
    assert head.startswith("place,place_after,tracking_id,name,score,score_after,change,level")
    assert [line.split(",")[:4] for line in lines] == [["", "1", "globex", "Globex"], ["1", "2", "acme", "Acme"]]
    assert [line.split(",")[3] for line in named.text.splitlines()[1:]] == ["Acme", "Globex"]


def test_a_new_workspace_is_tried_before_it_is_made(house):
    """What it would score stands beside the open workspace's scores, with and without scripts; nothing is saved."""
    with house.client() as client:
        shown = post(client, "/settings/workspaces/new", "what-if", part=True, name="Search", weight__Search="10")
        page = post(client, "/settings/workspaces/new", "what-if", name="Search", weight__Search="10")
        faulty = post(client, "/settings/workspaces/new", "what-if", name="", weight__Search="10")

    assert "now is Engagement, then is the new workspace" in words(shown.text)
    assert len(rows_of(shown.text)) == len(rows_of(page.text)) == 2
    assert faulty.status_code == 422
    assert house.product.config == CONFIG


def test_publishing_makes_a_version(house):
    """Every field of the form is in force, with who and why; history is scored anew where that is chosen."""
    changed = {
        "window_days": "14",
        "weight__Reporting": "",
        "weight__Search": "3",
        "event": ["Find", ""],
        "override": ["0", ""],
        "curve": "linear-1",
        "account_score": "pooled",
        "daily_cap": "5",
        "half_life_days": "2.5",
        "most": "80",
        "filter": 'user.plan = "pro"',
        "user_activation": 'did("Export") >= 3\n\ndid("Find")',
        "publish": "recompute",
        "why": "Searching matters",
    }

    with house.client() as client:
        answer = post(client, MODEL, **changed)
        page = client.get(answer.headers["location"]).text
        versions = words(client.get(MODEL + "/versions").text)

    workspace, version = house.product.workspace(1), house.product.version
    assert (workspace.features, workspace.event_weights) == ({"Search": 3}, {"Find": 0})
    assert (workspace.window_days, workspace.curve, workspace.account_score) == (14, "linear-1", "pooled")
    assert (workspace.daily_cap, workspace.half_life_days, workspace.levels.most) == (5, 2.5, 80)
    assert workspace.filter == 'user.plan = "pro"'
    assert workspace.user_activation == ('did("Export") >= 3', 'did("Find")')
    assert version.why == "Searching matters"
    assert version.scores_from is not None
    assert version.scores_from.year == 1
    assert '<div class="toast">Published</div>' in page
    assert "Searching matters" in versions
    assert "Weight of Reporting 8 –" in versions
    assert "Half-life in days – 2.5" in versions


def test_faults_stand_at_their_fields(house):
    """Numbers out of range, a name that is taken, a condition that does not parse: each is told beside its field, and
    nothing is saved."""
    with house.client() as client:
        typed = post(client, MODEL, window_days="91", weight__Search="11", daily_cap="x", event="Gone", override="")
        meant = post(client, MODEL, name="Month", filter="user.plan is", most="40", account_activation="score > 3")

    assert typed.status_code == meant.status_code == 422
    told = faults(typed.text)
    assert told["window_days"] == "Expected a whole number from 1 to 90, got '91'."
    assert told["weight-1"] == "Expected a whole number from 0 to 10, got '11'."
    assert "got 'x'" in told["daily_cap"]
    assert "got nothing" in told["override-0"]
    assert 'aria-describedby="window_days-hint window_days-fault" aria-invalid="true"' in typed.text
    assert form_of(typed.text)["window_days"] == ["91"]
    told = faults(meant.text)
    assert "used 2 times" in told["name"]
    assert told["most"].startswith("The bounds must fall")
    assert told["account_activation"].startswith("Condition 1:")
    assert "column" in told["filter"]
    assert house.product.config == CONFIG


def test_the_filters_count_follows_what_is_typed(house):
    """Of all users, those whom the model would score; a condition with a fault is told of."""
    with house.client() as client:
        fit = post(client, MODEL, "check", part=True, filter='user.plan = "pro"')
        unfit = post(client, MODEL, "check", part=True, filter="user.plan is")

    assert "1 of 3 users are scored" in words(fit.text)
    assert "column" in words(unfit.text)
    assert house.product.config == CONFIG


def test_a_workspace_is_made_and_deleted(house):
    """Begun as a copy of the one that is open; the last one cannot be deleted."""
    with house.client() as client:
        made = post(client, "/settings/workspaces/new", name="Quarter", window_days="90")
        new = house.product.workspace(3)
        dropped = post(client, "/settings/workspaces/3", "delete")
        post(client, "/settings/workspaces/2", "delete")
        refused = post(client, MODEL, "delete")

    assert made.headers["location"] == "/settings/workspaces/3?told=saved"
    assert (new.name, new.window_days, new.features) == ("Quarter", 90, {"Reporting": 8})
    assert dropped.headers["location"] == "/settings/workspaces?told=deleted"
    assert refused.status_code == 422
    assert [each.id for each in house.product.config.workspaces] == [1]


def test_a_change_meanwhile_is_not_overwritten(house):
    """A form that was opened before somebody else changed the workspace is refused, other changes do not matter."""
    with house.client() as client:
        fields = form_of(client.get(MODEL).text) | {"do": "save", "window_days": "9"}
        house.change(lambda config: msgspec.structs.replace(config, currency="EUR"))
        fine = client.post(MODEL, data=fields, follow_redirects=False)
        late = client.post(MODEL, data=fields | {"window_days": "10"}, follow_redirects=False)

    assert (fine.status_code, late.status_code) == (303, 409)
    assert "changed meanwhile by" in words(late.text)
    assert "Window in days 7 9" in words(late.text)
    assert house.product.workspace(1).window_days == 9


MEANWHILE = {
    "/settings/product": ({"currency": "CHF"}, {"product": "Acme App"}, "Currency USD CHF"),
    "/settings/configuration": (
        {"account_display_name": "title"},
        {"account_created_at": "seats"},
        "Display name of accounts name title",
    ),
    "/settings/traits": ({"type:seats": "string"}, {"type:plan": "string"}, "seats Inferred String"),
    "/settings/exclusions": ({"users": "eve"}, {"users": "bob"}, "User ids – eve"),
    "/segments/1/edit": ({"name": "Fans"}, {"description": "Who export"}, "Name Exporters Fans"),
}


@pytest.mark.parametrize("path", MEANWHILE)
def test_what_somebody_else_saved_is_not_written_over_unseen(house, path):
    """The later form is refused and says by whom and what differs; it keeps what was typed, and saves at a second
    word."""
    theirs, mine, differs = MEANWHILE[path]
    house.change(lambda config: msgspec.structs.replace(config, segments=(SEGMENT,)))
    with house.client() as client:
        opened = form_of(client.get(path).text)
        first = client.post(path, data=opened | theirs | {"do": "save"}, follow_redirects=False)
        saved = house.product.config
        late = client.post(path, data=opened | mine | {"do": "save"}, follow_redirects=False)
        kept = house.product.config
        again = client.post(path, data=form_of(late.text) | mine | {"do": "save"}, follow_redirects=False)

    assert (first.status_code, late.status_code, again.status_code) == (303, 409, 303)
    assert "It is not saved: changed meanwhile by" in words(late.text)
    assert differs in words(late.text)
    assert kept == saved
    assert house.product.config != saved


def test_a_faulty_form_stays_as_old_as_it_was(house):
    """Mending a fault does not forget that somebody else saved after the form was opened."""
    with house.client() as client:
        opened = form_of(client.get("/settings/product").text)
        post(client, "/settings/product", currency="CHF")
        faulty = client.post("/settings/product", data=opened | {"product": "", "do": "save"})
        mended = client.post("/settings/product", data=form_of(faulty.text) | {"product": "A", "do": "save"})

    assert (faulty.status_code, mended.status_code) == (422, 409)
    assert house.product.config.currency == "CHF"


# ---- product, configuration, traits, exclusions
def test_a_rebuild_is_asked_about_before_it_is_done(house):
    """Another time zone waits for a second word; a name does not."""
    with house.client() as client:
        named = post(client, "/settings/product", product="Acme App", currency="eur")
        asked = post(client, "/settings/product", time_zone="Europe/Berlin")
        before = house.product.config
        done = post(client, "/settings/product", "confirm", time_zone="Europe/Berlin")

    assert named.status_code == done.status_code == 303
    assert asked.status_code == 200
    assert "All of history is folded anew" in words(asked.text)
    assert (before.product, before.currency, before.time_zone) == ("Acme App", "EUR", "UTC")
    assert house.product.config.time_zone == "Europe/Berlin"
    assert house.product.rebuild_due


def test_a_products_fields_are_refused_at_their_place(house):
    """A zone that is none, a currency that is none, too many days."""
    with house.client() as client:
        zone = post(client, "/settings/product", time_zone="Mars/Base")
        rest = post(client, "/settings/product", currency="money", dedupe_days="0")

    assert zone.status_code == rest.status_code == 422
    assert faults(zone.text)["time_zone"].startswith("Expected an IANA time zone")
    assert faults(rest.text).keys() == {"currency", "dedupe_days"}
    assert house.product.config == CONFIG


def test_the_display_name_is_chosen_from_traits_that_were_seen(house):
    """Each with how many have it and an example; the choice holds everywhere at once; others can be typed."""
    with house.client() as client:
        page = words(client.get("/settings/configuration").text)
        post(client, "/settings/configuration", account_display_name="title")
        list_ = client.get("/accounts").text
        post(client, "/settings/configuration", account_display_name="", account_display_name_dot_other="nick")

    assert 'title likely 100% "Acme Inc"' in page
    assert ">Acme Inc<" in list_
    assert house.product.config.account_display_name == "nick"


def test_the_trait_that_names_owners_is_chosen_or_none_is(house):
    """It may be empty, which the others may not; the overview says which it is."""
    path = "/settings/configuration"
    with house.client() as client:
        post(client, path, account_owner_trait="title")
        chosen = house.product.config.account_owner_trait
        overview = words(client.get("/settings").text)
        post(client, path, account_owner_trait="", account_owner_trait_dot_other="")
        refused = post(client, path, account_id_trait="", account_id_trait_dot_other="")

    assert chosen == "title"
    assert "Account's owner is the trait title" in overview
    assert house.product.config.account_owner_trait == ""
    assert faults(refused.text).keys() == {"account_id_trait"}


def test_types_are_chosen_and_misfits_are_listed(house):
    """What is inferred, what is chosen, and the values that do not fit; a type goes back to what values suggest."""
    with house.client() as client:
        post(client, "/settings/traits?of=accounts", type__seats="number")
        chosen = house.product.config.trait_types.account
        page = words(client.get("/settings/traits?of=accounts").text)
        post(client, "/settings/traits?of=accounts", type__seats="")

    assert chosen == {"seats": "number"}
    assert 'What of seats is no number "many" 1 time' in page
    assert house.product.config.trait_types.account == {}


def test_exclusions_are_previewed_and_saved(house):
    """Whom they would leave out, ids that nobody knows; then they are in force, and lists are without them."""
    changed = {"email_domains": "@Globex.example", "users": "eve\nnobody", "users_where": ""}

    with house.client() as client:
        preview = words(post(client, "/settings/exclusions", "preview", part=True, **changed).text)
        untouched = house.product.config
        post(client, "/settings/exclusions", **changed)
        house.settle()
        listed = client.get("/v2/users?workspace_id=1").json()
        faulty = post(client, "/settings/exclusions", accounts_where="account.plan is")

    assert "Users left out 2 2 more than now, 0 counted again" in preview
    assert "Never seen among users: nobody." in preview
    assert untouched == CONFIG
    assert house.product.config.exclusions.email_domains == ("globex.example",)
    assert [each["tracking_id"] for each in listed["data"]] == ["ana"]
    assert faulty.status_code == 422
    assert "column" in faults(faulty.text)["accounts_where"]
