"""The pages that take a file: traits from CSV, and the backtest."""

import re

import pytest

from tests.house import House, ago
from tests.installed import wait_for
from tests.visitors import visiting_as
from uptake.control.backtest import backtest_kind
from uptake.web.pages import backtest, csv_import

USERS = "User ID,Plan,seats\nana,pro,12\n,free,1\nbob,<b>free</b>,2\n"
OUTCOMES = f"account,outcome,date\nacme,renewed,{ago(1)}\nbeta,churned,{ago(1)}\nnobody,churned,{ago(1)}\nbeta,gone,1\n"


@pytest.fixture
def house():
    """Two accounts, of which acme is busy and beta is not; beta has left."""
    made = House()
    for user, account, times in (("ana", "acme", 9), ("bob", "beta", 1)):
        made.group(user, account, day=95, **({"left_on": str(ago(1))} if account == "beta" else {}))
        for day in (32, 62, 92):
            made.track(user, "Export", day=day, times=times)
    made.settle()
    return made


def post(client, path, text, *, partial=False, **fields):
    """Send the form of a page with a file, as a browser does."""
    page = client.get(path).text
    token = re.search(r'name="_csrf_token" value="([^"]+)"', page)[1]
    files = {"file": ("rows.csv", text.encode(), "text/csv")} if text is not None else {"file": ("", b"")}
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"} if partial else {}
    return client.post(path, data={"_csrf_token": token, **fields}, files=files, headers=headers)


def test_a_file_is_previewed_and_then_imported(house):
    """Columns and calls are shown, escaped, with what is refused; only the second button logs anything."""
    with house.client() as client:
        seen = post(client, "/settings/import", USERS, partial=True, do="preview")
        house.settle()
        before = house.product.store.trait_keys("user")
        done = post(client, "/settings/import", USERS, partial=True, do="import")
        house.settle()
        again = post(client, "/settings/import", USERS, partial=True, do="import")

    assert "<html" not in seen.text
    assert "Import 2 rows" in seen.text
    assert "missing_user_id" in seen.text
    assert "&lt;b&gt;free" in seen.text
    assert "<b>free" not in seen.text
    assert before == {}
    assert "2 of 3 rows were imported" in done.text
    assert "was imported before" in again.text
    assert house.product.store.traits("user", "ana") == {"Plan": "pro", "seats": 12}


def test_columns_are_what_the_form_says(house):
    """A choice applies to the file that it was made for, and to no other."""
    chosen = {"of": "rows.csv", "column-1": "Plan", "target-1": "", "column-2": "seats", "target-2": "traits.size"}

    with house.client() as client:
        post(client, "/settings/import", USERS, do="import", **chosen)
        house.settle()
        other = post(client, "/settings/import", USERS, do="preview", **{**chosen, "of": "other.csv"})

    assert house.product.store.traits("user", "ana") == {"size": 12}
    assert 'value="traits.Plan" selected' in other.text


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "Choose a CSV file first"), ("plan\npro\n", "csv_column_missing"), ("", "csv_no_header")],
)
def test_what_cannot_be_read_is_said_on_the_page(house, text, told):
    """With the code, as a whole page where no script asked."""
    with house.client() as client:
        answer = post(client, "/settings/import", text, do="preview")

    assert answer.status_code == 422
    assert told in answer.text
    assert "<html" in answer.text


def test_a_backtest_is_shown(house):
    """Its AUC, its levels and tenths, whom it left out and why, and why there are no weights."""
    with house.client() as client:
        told = post(client, "/settings/backtest", OUTCOMES, partial=True)
        by_trait = post(client, "/settings/backtest", None, trait="left_on")
        nothing = post(client, "/settings/backtest", None)

    assert told.text.count("<b>1.00</b>") == 3
    assert "bad_outcome" in told.text
    assert "not known" in told.text
    assert "no feature" in told.text
    assert "<html" not in told.text
    assert by_trait.text.count("<b>1.00</b>") == 3
    assert 'value="left_on" selected' in by_trait.text
    assert (nothing.status_code, "Choose a CSV file" in nothing.text) == (422, True)


def test_a_form_without_its_token_is_refused(house):
    """Another site cannot post a file in the reader's name."""
    with house.client() as client:
        client.get("/settings/import")
        before = house.log.end(1)
        answer = client.post("/settings/import", data={"do": "import"})

    assert answer.status_code == 403
    assert house.log.end(1) == before


def finish(house):
    """Let the worker work until everything is done."""
    wait_for(lambda: house.running.step() or not house.meta.jobs.unfinished())
    wait_for(lambda: not house.running.step() and not house.meta.jobs.unfinished())


def test_a_large_file_is_imported_by_the_worker(house, monkeypatch):
    """The page says how far it is, and in the end the same as of a small one; the upload is gone."""
    monkeypatch.setattr(csv_import, "LARGE_BYTES", 10)
    with house.client() as client:
        asked = post(client, "/settings/import", USERS, partial=True, do="import")
        before = house.product.store.trait_keys("user")
        finish(house)
        house.settle()
        done = client.get("/settings/import", params={"job": 1})

    assert 'hx-get="/settings/import?job=1"' in asked.text
    assert "Import rows.csv" in asked.text
    assert before == {}
    assert "2 of 3 rows were imported" in done.text
    assert "missing_user_id" in done.text
    assert house.product.store.traits("user", "ana") == {"Plan": "pro", "seats": 12}
    assert house.running.jobs.files.room.all() == []
    assert "ana" not in str(house.meta.jobs.one(1, 1))


def test_a_file_that_cannot_be_read_fails_with_its_reason(house, monkeypatch):
    """The job says what was wrong, and nothing was logged."""
    monkeypatch.setattr(csv_import, "LARGE_BYTES", 10)
    end = house.log.end(1)
    with house.client() as client:
        post(client, "/settings/import", "plan,seats\npro,1\n" * 3, partial=True, do="import")
        finish(house)
        failed = client.get("/settings/import", params={"job": 1}).text

    assert ">failed<" in failed
    assert house.meta.jobs.one(1, 1).code == "csv_column_missing"
    assert house.log.end(1) == end


def test_a_long_backtest_is_made_by_the_worker(house, monkeypatch):
    """What it finds is what the page would have found at once, and it is an editor's to see."""
    house.running.jobs.kinds["backtest"] = backtest_kind()
    with house.client() as client:
        at_once = post(client, "/settings/backtest", OUTCOMES, partial=True)
        monkeypatch.setattr(backtest, "INSTANT_DAYS", 0)
        asked = post(client, "/settings/backtest", OUTCOMES, partial=True)
        by_trait = post(client, "/settings/backtest", None, partial=True, trait="left_on")
        finish(house)
        part = {"HX-Request": "true", "HX-Request-Type": "partial"}
        later = client.get("/settings/backtest", params={"job": 1}, headers=part)
        of_trait = client.get("/settings/backtest", params={"job": 2}, headers=part)
    with visiting_as(house, "viewer") as visitor:
        unseen = visitor.get("/settings/backtest", params={"job": 1})

    assert 'hx-get="/settings/backtest?job=1"' in asked.text
    assert 'hx-get="/settings/backtest?job=2"' in by_trait.text
    assert later.text == at_once.text
    assert "30 days" in of_trait.text
    assert unseen.status_code == 403
    assert house.meta.jobs.one(1, 1).result["outcomes"] == 3


def test_a_backtest_whose_file_goes_meanwhile_is_told_as_gone(house, monkeypatch):
    """The page opens and says so, though the file was there a moment ago."""
    house.running.jobs.kinds["backtest"] = backtest_kind()
    monkeypatch.setattr(backtest, "INSTANT_DAYS", 0)
    files = house.running.jobs.files
    found = files.found

    def found_and_dropped(*asked):
        file = found(*asked)
        files.room.drop(file.name)
        return file

    with house.client() as client:
        post(client, "/settings/backtest", OUTCOMES, partial=True)
        finish(house)
        monkeypatch.setattr(files, "found", found_and_dropped)
        page = client.get("/settings/backtest", params={"job": 1})

    assert page.status_code == 200
    assert "its file is not kept any more" in page.text
