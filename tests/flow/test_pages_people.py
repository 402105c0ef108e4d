"""Settings for who comes in and with what: people, keys and tokens, the audit log."""

import csv
import io
import json
import re

import pytest

from tests.house import House
from tests.visitors import CONSOLE, PASSWORD, link_in, person, visiting, visiting_as
from uptake.core.config import ProductConfig
from uptake.stores.meta.audit import AuditQuery, Entry

ANA, BOB, OLGA = "ana@acme.example", "bob@acme.example", "olga@acme.example"
SCRIPT = '"><script>alert(1)</script>'
PEOPLE, KEYS, AUDIT = "/settings/people", "/settings/keys", "/settings/audit"


def words(house):
    """What the audit log says, newest first."""
    return [each.entry.what for each in house.meta.audit.entries(AuditQuery())]


def who(house, email):
    return house.meta.people.person_by_email(email)


# ---- people
def test_an_admin_invites_and_the_link_lets_in():
    """The link is shown once, to be passed on; whoever opens it has the role, and the invitation is gone."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        made = visitor.post(PEOPLE, do="invite", email="Bob@acme.example", role="editor")
        listed = visitor.get(PEOPLE).text
        link = link_in(made.text)
        visitor.leave()
        entered = visitor.post(link, name="Bob", password=PASSWORD)
        visitor.leave()
        visitor.sign_in(ANA)
        after = visitor.get(PEOPLE).text

    assert made.status_code == 200
    assert "An invitation for bob@acme.example" in made.text
    assert "http://127.0.0.1:8000/welcome/" in made.text
    assert "/welcome/" not in listed
    assert "Invited" in listed
    assert entered.status_code == 303
    assert who(house, BOB).roles == {1: "editor"}
    assert "Take back" not in after
    assert "2 may see My product" in after


def test_roles_are_changed_and_taken():
    """Who was changed is signed out; who was removed is no longer listed for the admin."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        bob = person(house, BOB, "viewer")
        changed = visitor.post(PEOPLE, do="role", id=bob.id, role="editor")
        role = who(house, BOB).roles
        visitor.post(PEOPLE, do="remove", id=bob.id)
        text = visitor.get(PEOPLE).text

    assert changed.headers["location"] == "/settings/people?told=role"
    assert role == {1: "editor"}
    assert who(house, BOB).roles == {}
    assert BOB not in text


def test_somebody_is_kept_out_and_let_in_again():
    """Meanwhile they cannot sign in."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        bob = person(house, BOB, "viewer")
        visitor.post(PEOPLE, do="disable", id=bob.id)
        out = visitor.get(PEOPLE).text
        disabled_us = who(house, BOB).disabled_us
        visitor.post(PEOPLE, do="enable", id=bob.id)

    assert "kept out" in out
    assert disabled_us == house.now_us
    assert who(house, BOB).disabled_us is None


def test_a_link_for_a_new_password_is_made_for_who_lost_theirs():
    """By an admin, for somebody who has nothing elsewhere."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        bob = person(house, BOB, "viewer")
        made = visitor.post(PEOPLE, do="reset", id=bob.id)
        visitor.leave()
        entered = visitor.post(link_in(made.text), password="a new and better one")

    assert "A new password for bob@acme.example" in made.text
    assert entered.status_code == 303


@pytest.mark.parametrize("do", ["reset", "disable", "owner", "owner-end"])
def test_an_admin_cannot_reach_beyond_the_product(do):
    """Not an owner, nor a member of another product: 403, and nothing changes."""
    house = House()
    house.running.create_product(ProductConfig(product="Other"), by="test")
    with visiting_as(house, "admin") as visitor:
        olga, bob = person(house, OLGA, "owner"), person(house, BOB, "viewer")
        house.access.people.put_role(CONSOLE, bob.id, 2, "viewer")
        before = house.meta.people.people()
        answers = [visitor.post(PEOPLE, do=do, id=each.id).status_code for each in (olga, bob)]

    assert answers == [403, 403]
    assert house.meta.people.people() == before


def test_only_an_owner_makes_owners():
    """An admin's form has no such role, and posting it is refused."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        offered = "Owner: everything" in visitor.get(PEOPLE).text
        refused = visitor.post(PEOPLE, do="invite", email=BOB, role="owner")
    with visiting_as(house, "owner", email=OLGA) as visitor:
        made = visitor.post(PEOPLE, do="invite", email=BOB, role="owner")
        visitor.leave()
        visitor.post(link_in(made.text), name="Bob", password=PASSWORD)

    assert not offered
    assert refused.status_code == 403
    assert who(house, BOB).owner


def test_the_only_owner_is_told_why_they_stay():
    """409, in words."""
    house = House()
    with visiting_as(house, "owner") as visitor:
        answer = visitor.post(PEOPLE, do="owner-end", id=who(house, ANA).id)

    assert answer.status_code == 409
    assert "is the only owner" in answer.text


def test_an_owner_sees_who_is_elsewhere_and_an_admin_does_not():
    """Members of other products are nobody for an admin."""
    house = House()
    house.running.create_product(ProductConfig(product="Other"), by="test")
    with visiting_as(house, "owner", email=OLGA) as visitor:
        person(house, BOB, "viewer", 2)
        seen = visitor.get(PEOPLE).text
    with visiting_as(house, "admin") as visitor:
        hidden = visitor.get(PEOPLE).text

    assert "Elsewhere in this installation" in seen
    assert BOB in seen
    assert BOB not in hidden


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "invite", "email": SCRIPT, "role": "viewer"},
        {"do": "invite", "email": BOB, "role": "king"},
        {"do": "role", "id": "x", "role": "viewer"},
        {"do": "role", "id": "9" * 40, "role": "viewer"},
        {"do": "role", "id": "999", "role": "viewer"},
        {"do": "withdraw", "id": "999"},
        {"do": "reset"},
    ],
)
def test_what_a_form_cannot_mean_is_refused(fields):
    """With 400 or 404, as text, and nothing changes."""
    house = House()
    with visiting_as(house, "owner") as visitor:
        before = words(house)
        answer = visitor.post(PEOPLE, **fields)

    assert answer.status_code in (400, 404)
    assert "<script>alert" not in answer.text
    assert words(house) == before


# ---- keys
def test_a_token_is_made_with_scope_and_expiry_and_told_once():
    """It reads at once; the list shows its beginning, until when it is good and that it was used."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        made = visitor.post(KEYS, do="create", kind="read", name="Warehouse", days="30")
        text = re.search(r'id="made-key">([^<]+)<', made.text)[1]
        read = visitor.get("/v2/status", headers={"Authorization": f"Bearer {text}"})
        house.now_us += 61_000_000
        house.running.step()
        listed = visitor.get(KEYS).text

    [key] = house.meta.keys(1)
    assert made.status_code == 200
    assert read.status_code == 200
    assert text.startswith("upt_read_")
    assert text not in listed
    assert key.hint in listed
    assert "good until" in listed
    assert (key.expires_us, key.used_us) == (house.now_us - 61_000_000 + 30 * 86_400_000_000, house.now_us - 61_000_000)


def test_a_key_is_rotated_with_a_grace_time():
    """Both are good for an hour, then the new one alone; another name was not needed."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        visitor.post(KEYS, do="create", kind="ingest", name="web", days="")
        [old] = house.meta.keys(1)
        made = visitor.post(KEYS, do="rotate", id=old.id, grace="3600")
        new_text = re.search(r'id="made-key">([^<]+)<', made.text)[1]

    first, second = house.meta.keys(1)
    assert (second.secret, second.name, second.kind) == (new_text, "web", "ingest")
    assert first.good(house.now_us + 3_599_999_999)
    assert not first.good(house.now_us + 3_600_000_000)
    assert second.good(house.now_us + 3_600_000_000)


def test_a_revoked_key_is_refused_by_the_next_request():
    """And is still listed, as refused."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        token = house.token("read")
        [key] = house.meta.keys(1)
        answer = visitor.post(KEYS, do="revoke", id=key.id)
        read = visitor.get("/v2/status", headers={"Authorization": f"Bearer {token}"})
        listed = visitor.get(KEYS).text

    assert answer.headers["location"] == "/settings/keys?told=revoked"
    assert read.status_code == 401
    assert "refused" in listed


def test_keys_of_another_product_are_not_there():
    """Neither listed nor revoked, by whatever number."""
    house = House()
    house.running.create_product(ProductConfig(product="Other"), by="test")
    theirs, _ = house.meta.create_key(2, "ingest", name="theirs", now_us=1)
    with visiting_as(house, "admin") as visitor:
        listed = visitor.get(KEYS).text
        answers = [visitor.post(KEYS, do=do, id=theirs.id).status_code for do in ("revoke", "rotate")]

    assert "theirs" not in listed
    assert answers == [404, 404]
    assert house.meta.keys(2) == [theirs]


@pytest.mark.parametrize("fields", [{"kind": "king", "days": ""}, {"kind": "read", "days": "7000"}])
def test_no_key_of_another_kind_is_made(fields):
    """400."""
    house = House()
    with visiting_as(house, "admin") as visitor:
        assert visitor.post(KEYS, do="create", name="x", **fields).status_code == 400
    assert house.meta.keys(1) == []


# ---- audit
@pytest.fixture
def told():
    """A house of two products with something in the log of each."""
    house = House()
    house.running.create_product(ProductConfig(product="Other"), by="test")
    house.meta.audit.add(Entry(house.now_us, BOB, "key_created", 1, SCRIPT, SCRIPT, SCRIPT, "192.0.2.1"))
    house.meta.audit.add(Entry(house.now_us, BOB, "key_revoked", 2, "their key", "=1+1", "", "192.0.2.1"))
    return house


def test_an_admin_reads_what_concerns_the_product(told):
    """Nothing of other products and nothing of the installation, whatever the address says; script is text."""
    with visiting_as(told, "admin") as visitor:
        texts = [visitor.get(AUDIT + query).text for query in ("", "?of=all", "?of=all&what=key_revoked")]
        exported = visitor.get(AUDIT + ".csv?of=all").text

    for text in (*texts, exported):
        assert "their key" not in text
    assert "let somebody in" in texts[0]
    assert "signed in" not in texts[0].partition("<tbody>")[2]
    assert "<script>alert" not in texts[0]


def test_an_owner_reads_everything_and_can_narrow_it(told):
    """By product, by what and by who."""
    with visiting_as(told, "owner", email=OLGA) as visitor:
        everything, product, what, by = (
            visitor.get(AUDIT + query).text.partition("<tbody>")[2]
            for query in ("", "?of=product", "?what=key_revoked", f"?by={BOB}")
        )

    assert "signed in" in everything
    assert "their key" in everything
    assert "their key" not in product
    assert "their key" in what
    assert "signed in" not in what
    assert "olga" not in by


def test_a_long_log_is_read_page_by_page(told):
    """Every entry once, and the export holds all of them."""
    for number in range(120):
        told.meta.audit.add(Entry(told.now_us, BOB, "name_changed", None, f"n{number:03}"))
    with visiting_as(told, "owner", email=OLGA) as visitor:
        path, seen = AUDIT + "?what=name_changed", []
        while path:
            text = visitor.get(path).text
            seen += re.findall(r"n\d{3}", text)
            older = re.search(r'href="([^"]*)" rel="next"', text)
            path = older[1].replace("&amp;", "&") if older else ""
        lines = visitor.get(AUDIT + ".jsonl?what=name_changed").text.splitlines()

    assert seen == [f"n{number:03}" for number in reversed(range(120))]
    assert [json.loads(line)["about"] for line in lines] == seen


def test_exports_hold_what_the_page_shows(told):
    """CSV for a spreadsheet, which takes nothing for a formula, and JSON Lines; both as files."""
    with visiting_as(told, "owner", email=OLGA) as visitor:
        table, lines = visitor.get(AUDIT + ".csv"), visitor.get(AUDIT + ".jsonl")

    rows = list(csv.DictReader(io.StringIO(table.text)))
    entries = [json.loads(line) for line in lines.text.splitlines()]
    assert table.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert len(rows) == len(entries) > 5
    assert [row["what"] for row in rows] == [entry["what"] for entry in entries]
    revoked = next(row for row in rows if row["what"] == "key_revoked")
    assert (revoked["product"], revoked["about"], revoked["before"]) == ("Other", "their key", "'=1+1")


def test_sign_ins_and_failures_are_in_the_log_with_the_address():
    """Also those that did not succeed."""
    house = House()
    with visiting(house) as visitor:
        person(house, OLGA, "owner")
        visitor.sign_in(OLGA, "wrong")
        visitor.sign_in(OLGA)
        text = visitor.get(AUDIT).text

    assert "failed to sign in" in text
    assert "198.51.100.7" in text
    assert words(house)[:2] == ["sign_in", "sign_in_failed"]


# ---- what a viewer sees
def test_pages_offer_a_viewer_nothing_that_is_refused():
    """No tab of the settings but the configuration, no form of the destination, no link to a new thing."""
    house = House()
    with visiting_as(house, "viewer") as visitor:
        settings, destination = visitor.get("/settings").text, visitor.get("/destination").text

    assert "/settings/people" not in settings
    assert "/settings/keys" not in settings
    assert 'method="post"' not in destination
    assert "/destination/mappings/new" not in destination
    assert "/destination/history" not in destination
