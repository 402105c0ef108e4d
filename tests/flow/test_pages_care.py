"""Notes, owners of accounts and saved views as people with browsers use them."""

import csv
import html
import io
import re

import pytest

from tests.house import House
from tests.visitors import person, visiting_as
from uptake.core.config import ProductConfig
from uptake.pipeline.care import MOST_TEXT, SOMEBODY, notes_on, owners_by_account
from uptake.pipeline.merges import merge_ids, undo_merge
from uptake.stores.meta.audit import AuditQuery


@pytest.fixture
def house() -> House:
    """Acme and bob-inc with a user each; the trait csm names who cares for bob-inc."""
    house = House(ProductConfig(account_owner_trait="csm"))
    for account, csm in [("acme", ""), ("bob-inc", "ana@acme.example"), ("cat", "dan@elsewhere.example")]:
        house.group(f"u-{account}", account, name=account.title(), csm=csm)
        house.track(f"u-{account}", "Open", day=3)
    house.settle()
    return house


def notes(text: str) -> list[tuple[str, str]]:
    """The notes on a page with their authors, the newest first."""
    found = re.findall(r'class="note-text">(.*?)</p>.*?<span>(.*?)</span>', text, re.DOTALL)
    return [(html.unescape(note), html.unescape(author)) for note, author in found]


def listed(text: str) -> list[str]:
    """The names in a list."""
    return re.findall(r'class="row-link" href="[^"]*">([^<]*)<', text)


def test_a_note_has_an_author_and_can_be_deleted(house):
    """An editor writes one, everybody who may read the account sees it as text, and the audit log has no word of it."""
    with visiting_as(house, "editor") as ana:
        answer = ana.post("/accounts/acme", do="note", text="Call <b>them</b>\nnext week.")
        text = ana.get("/accounts/acme").text
        number = house.meta.care.notes(1)[0].id
        other = ana.get("/accounts/bob-inc").text
        ana.post("/accounts/bob-inc", do="delete", id=str(number))
        still = ana.get("/accounts/acme").text
        ana.post("/accounts/acme", do="delete", id=str(number))
        gone = ana.get("/accounts/acme").text

    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts/acme#notes")
    assert notes(text) == notes(still) == [("Call <b>them</b>\nnext week.", "ana")]
    assert notes(other) == notes(gone) == []
    told = [(each.entry.what, each.entry.about) for each in house.meta.audit.entries(AuditQuery())]
    assert told[:2] == [("note_deleted", "account acme"), ("note_written", "account acme")]
    assert "next week" not in str(house.meta.audit.entries(AuditQuery()))


def test_users_have_notes_of_their_own(house):
    """A note on a user stands on the user's page alone; without a sign-in the author is somebody on this machine."""
    with house.client() as client:
        page = client.get("/users/u-acme").text
        token = re.search(r'name="_csrf_token" value="([^"]*)"', page)[1]
        client.post("/users/u-acme", data={"_csrf_token": token, "do": "note", "text": "Speaks German."})
        user, account = client.get("/users/u-acme").text, client.get("/accounts/acme").text

    assert notes(user) == [("Speaks German.", SOMEBODY)]
    assert notes(account) == []


def test_notes_and_owners_are_exported(house):
    """One file has every note of the product, and who owns which account; no cell of it is a formula."""
    with visiting_as(house, "editor") as ana:
        me = next(each for each in house.meta.people.people() if each.email == "ana@acme.example")
        ana.post("/accounts/acme", do="note", text="=1+1")
        ana.post("/users/u-acme", do="note", text="Two\nlines")
        ana.post("/accounts/acme", do="owner", id=str(me.id))
        answer = ana.get("/export/notes.csv")

    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert [(row["what"], row["kind"], row["tracking_id"], row["by"], row["text"]) for row in rows] == [
        ("note", "user", "u-acme", "ana", "Two\nlines"),
        ("note", "account", "acme", "ana", "'=1+1"),
        ("owner", "account", "acme", "ana@acme.example", ""),
    ]


def test_a_viewer_reads_notes_and_changes_nothing(house):
    """Writing, deleting and giving an owner need an editor; the page offers none of it."""
    with visiting_as(house, "viewer") as vera:
        answers = [vera.post("/accounts/acme", do=do, text="x", id="1") for do in ("note", "delete", "owner")]
        text = vera.get("/accounts/acme").text

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert "note-form" not in text
    assert house.meta.care.notes(1) == []


@pytest.mark.parametrize("text", ["", "   ", "x" * (MOST_TEXT + 1)])
def test_a_note_has_a_length(house, text):
    """Nothing and too much are refused with a sentence."""
    with visiting_as(house, "editor") as ana:
        answer = ana.post("/accounts/acme", do="note", text=text)

    assert answer.status_code == 400
    assert "expected a text of 1 to 5,000 characters" in answer.text.lower()
    assert house.meta.care.notes(1) == []


def test_an_account_belongs_to_whom_it_was_given(house):
    """What is said here goes before the trait; a trait that names nobody here is shown as it is."""
    with visiting_as(house, "editor", email="ana@acme.example") as ana:
        bob = person(house, "bob@acme.example", "viewer")
        by_trait = ana.get("/accounts/bob-inc").text
        stranger = ana.get("/accounts/cat").text
        ana.post("/accounts/bob-inc", do="owner", id=str(bob.id))
        given = ana.get("/accounts/bob-inc").text
        refused = ana.post("/accounts/bob-inc", do="owner", id="999")
        ana.post("/accounts/bob-inc", do="owner", id="")
        taken = ana.get("/accounts/bob-inc").text

    assert '<b>ana</b> <span class="hint">by trait' in by_trait
    assert '<b>dan@elsewhere.example</b> <span class="hint">by trait' in stranger
    assert "<b>bob</b>" in given
    assert refused.status_code == 404
    assert "by trait" in taken
    entry = house.meta.audit.entries(AuditQuery(what="owner_set"))[1].entry
    assert (entry.about, entry.before, entry.after) == ("account bob-inc", "", "bob@acme.example")


def test_notes_and_owners_follow_a_merge_and_come_back(house):
    """Those of a merged account are told of the one that counts, until the merge is taken back."""
    with visiting_as(house, "editor") as ana:
        bob = person(house, "bob@acme.example", "viewer")
        ana.post("/accounts/bob-inc", do="note", text="From before.")
        ana.post("/accounts/bob-inc", do="owner", id=str(bob.id))
        made = merge_ids(house.running, 1, "account", "bob-inc", "acme", by="test")
        merged = ana.get("/accounts/acme").text
        mine = owners_by_account(house.meta, 1)
        ana.post("/accounts/acme", do="owner", id="")
        nobody = owners_by_account(house.meta, 1)
        ana.post("/accounts/acme", do="owner", id=str(bob.id))
        number = notes_on(house.meta, 1, "account", "acme")[0].id
        undo_merge(house.running, 1, made.id, by="test")
        apart = [notes_on(house.meta, 1, "account", each) for each in ("acme", "bob-inc")]
        ana.post("/accounts/bob-inc", do="delete", id=str(number))

    assert (notes(merged), "<b>bob</b>" in merged, mine, nobody) == (
        [("From before.", "ana")],
        True,
        {"acme": bob.id},
        {},
    )
    assert [len(each) for each in apart] == [0, 1]
    assert house.meta.care.notes(1) == []
    assert owners_by_account(house.meta, 1) == {"acme": bob.id}


def test_home_and_lists_begin_with_my_accounts(house):
    """Who owns accounts sees those first on Home, and the navigation leads to them; all are one click away."""
    with visiting_as(house, "editor", email="ana@acme.example") as ana:
        me = next(each for each in house.meta.people.people() if each.email == "ana@acme.example")
        ana.post("/accounts/acme", do="owner", id=str(me.id))
        home, every = ana.get("/").text, ana.get("/?whose=all").text
        mine, all_accounts = ana.get("/accounts?whose=mine").text, ana.get("/accounts").text
        file = ana.get("/export/accounts.csv?whose=mine").text

    assert sorted(listed(mine)) == ["Acme", "Bob-Inc"]
    assert "All<small>2</small>" in mine
    assert sorted(listed(all_accounts)) == ["Acme", "Bob-Inc", "Cat"]
    assert 'href="/accounts?whose=mine" data-go="a"' in home
    assert re.search(r"Active accounts</dt><dd>2", home)
    assert re.search(r"Active accounts</dt><dd>3", every)
    assert len(file.splitlines()) == 3


def test_who_owns_nothing_sees_everything(house):
    """There is no choice between mine and all where nothing is mine."""
    with visiting_as(house, "editor", email="eve@acme.example") as eve:
        home, mine = eve.get("/").text, eve.get("/accounts?whose=mine").text

    assert "My accounts" not in home
    assert sorted(listed(mine)) == ["Acme", "Bob-Inc", "Cat"]


def test_a_view_is_saved_under_a_name(house):
    """It stands in the navigation of who saved it, leads to the list, and can be deleted; a viewer may too."""
    address = "/accounts?level=passive&where=score+%3E+3"
    with visiting_as(house, "viewer") as vera:
        answer = vera.post("/views", do="save", name="  Quiet   ones ", address=address)
        text = html.unescape(vera.get("/users").text)
        number = re.search(r'name="id" value="(\d+)"', text)[1]
        vera.post("/views", do="delete", id=number)
        gone = vera.get("/users").text

    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert f'<a href="{address}" title="Quiet ones">' in text
    assert "Quiet ones" not in gone


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil.example", "accounts", ""])
def test_a_view_is_of_this_app(house, address):
    """No saved view leads elsewhere."""
    with visiting_as(house, "viewer") as vera:
        answer = vera.post("/views", do="save", name="x", address=address)

    assert answer.status_code == 400


def test_views_of_others_stay_theirs(house):
    """Nobody sees or deletes another person's view."""
    with visiting_as(house, "viewer", email="ana@acme.example") as ana:
        ana.post("/views", do="save", name="Mine", address="/accounts")
    with visiting_as(house, "viewer", email="bob@acme.example") as bob:
        bob.post("/views", do="delete", id="1")
        text = bob.get("/accounts").text

    ana = next(each for each in house.meta.people.people() if each.email == "ana@acme.example")
    assert "saved-view" not in text
    assert [view.name for view in house.meta.care.views(1, ana.id)] == ["Mine"]


@pytest.mark.parametrize(("secrets", "kept"), [(("k" * 64, "k" * 64), True), (("k" * 64, ""), False)])
def test_a_form_may_be_sent_to_another_web_node(secrets, kept):
    """Web nodes that share a secret take one another's forms; without one a form is for the server that served it."""
    house = House()
    house.track("ana", "Export", account="acme")
    house.settle()
    with house.client(form_secret=secrets[0]) as ours, house.client(form_secret=secrets[1]) as theirs:
        page = ours.get("/accounts/acme").text
        token = re.search(r'name="_csrf_token" value="([^"]*)"', page)[1]
        theirs.cookies.update(ours.cookies)

        theirs.post("/accounts/acme", data={"_csrf_token": token, "do": "note", "text": "Speaks German."})

        assert ("Speaks German." in ours.get("/accounts/acme").text) == kept
