"""The way in and what arrives: first steps, live calls, events, search, settings, and headers of every page."""

import html
import re

import msgspec
import pytest

from tests.house import House
from uptake.core.config import Feature, ProductConfig
from uptake.core.errors import Rejection

PAGES = ["/", "/start", "/accounts", "/users", "/events", "/live", "/settings", "/search", "/search?q=x", "/styleguide"]
SCRIPT = '"><script>alert(1)</script>{{7 * 191}}'


@pytest.fixture
def acme() -> House:
    """Ana at work in acme, a duplicate, and a refused item."""
    house = House(ProductConfig(features=(Feature("Reporting", events=("Report_Created",)),)))
    house.group("ana", "acme", name="Acme")
    house.identify("ana", name="Ana Alvarez", email="ana@acme.example")
    house.track("ana", "Report_Created", times=3)
    house.track("ana", "Opened", day=4)
    house.send(refused=(Rejection("missing_user", "$.userId", "the call needs a user"),))
    house.settle()
    return house


def words(text):
    """What a reader sees of a page, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_an_empty_product_has_every_page():
    """Before the first call every page opens."""
    with House().client() as client:
        answers = {path: client.get(path) for path in PAGES}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(PAGES, 200)
    assert {answer.headers["content-type"] for answer in answers.values()} == {"text/html; charset=utf-8"}


def test_no_page_has_an_inline_script_or_style(acme):
    """The content security policy allows none, and no template writes one; nothing comes from elsewhere."""
    with acme.client() as client:
        for path in (*PAGES, "/accounts/acme", "/users/ana", "/accounts/nobody"):
            answer = client.get(path)

            assert "default-src 'self'" in answer.headers["content-security-policy"], path
            assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", answer.text), path
            assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text), path


def test_the_first_steps_are_ticked_as_calls_arrive():
    """Identify, group, track and the first score, the accounts' names and features: each is ticked as it is there."""
    house = House()
    done = []

    def look(client):
        house.settle()
        text = client.get("/start").text
        done.append(len(re.findall(r'class="step done"', text)))

    with house.client() as client:
        assert client.get("/").url.path == "/start"
        look(client)
        house.identify("ana", name="Ana")
        look(client)
        house.group("ana", "acme")
        look(client)
        house.track("ana", "Report_Created")
        look(client)
        house.group("ana", "acme", name="Acme")
        house.change(lambda config: msgspec.structs.replace(config, features=(Feature("Reporting"),)))
        look(client)
        home = client.get("/", follow_redirects=False)

    assert done == [0, 1, 2, 4, 6]
    assert home.status_code == 200
    assert "What changed" in home.text


def test_the_snippets_carry_the_key_and_the_address():
    """The ingest key in force and the address that the reader uses stand in all snippets; a revoked key in none."""
    house = House()
    old = house.token("ingest")
    house.meta.revoke_key(house.meta.keys(1)[0].id, at_us=house.now_us)
    key = house.token("ingest")

    with house.client() as client:
        text = client.get("/").text

    assert text.count(key) == 5
    assert text.count("http://127.0.0.1:8000") == 4
    assert old not in text


def test_a_product_without_a_key_says_how_to_make_one():
    """No key is invented: the page shows the command."""
    with House().client() as client:
        text = client.get("/").text

    assert "uptake key create --kind ingest" in text


def test_live_lists_each_call_with_its_fate(acme):
    """Counted and refused calls stand in one list, refused ones with code, place and sentence; counts add up."""
    with acme.client() as client:
        text = client.get("/live").text
        refused = client.get("/live?fate=refused", headers={"HX-Request-Type": "partial"}).text

    counts = [int(found) for found in re.findall(r"</dt><dd>(\d+)", text)]
    assert counts[0] == sum(counts[1:]) == 7
    assert "missing_user" in text
    assert refused.count('<tr id="') == 1
    assert "$.userId" in refused
    assert "the call needs a user" in refused
    assert "<html" not in refused


def test_live_is_narrowed_down_by_the_address(acme):
    """Type, user, account, event and fate stay in every link; a refresh asks the same."""
    with acme.client() as client:
        text = client.get("/live?type=track&user=AN&event=open").text
        part = client.get("/live?type=track&user=bob", headers={"HX-Request-Type": "partial"}).text

    assert text.count('<tr id="') == 1
    assert 'hx-get="/live?type=track&amp;user=AN&amp;event=open"' in text
    assert 'href="/live?fate=applied&amp;type=track&amp;user=AN&amp;event=open"' in text
    assert "No such call" in part
    assert "<html" not in part


def test_a_call_is_opened_stage_by_stage(acme):
    """From the list to its page: bytes, time, destination, account, day, feature, weight, and why it counts."""
    with acme.client() as client:
        path = re.search(r'href="(/live/\d+)">Report_Created<', client.get("/live").text)[1]
        text = client.get(path).text

    told = words(text)
    stages = ["Received", "Read as a track call", "Time", "Destination", "What it means", "Report_Created"]
    assert [told.index(f"{number} {stage}") for number, stage in enumerate(stages, 1)] == sorted(
        told.index(f"{number} {stage}") for number, stage in enumerate(stages, 1)
    )
    assert "By Segment's API (/v1)" in told
    assert '"messageId": "m' in told
    assert "Account acme (the user's first account" in told
    assert "Feature Reporting" in told
    assert 'href="/users/ana"' in text


def test_a_duplicate_says_that_it_is_not_counted(acme):
    """And what it would have meant."""
    acme.send(acme.log.read(1, 2, most=1)[0].call)
    acme.settle()
    with acme.client() as client:
        told = words(client.get("/live/6").text)

    assert "It is not counted. duplicate The same messageId was counted before" in told
    assert "Its first copy is call #2 : that one counts." in told
    assert "no: duplicate" in told


def test_older_calls_are_paged_through_to_the_first_one(acme):
    """More than are kept one by one: each call once, newest first, with its fate; what is asked for is found there."""
    first = acme.log.read(1, 0, most=1)[0].call
    acme.send(*(msgspec.structs.replace(first, message_id=f"x{number}") for number in range(600)), first)
    acme.settle()
    seen = []
    with acme.client() as client:
        path = "/live"
        while path:
            text = client.get(path).text
            seen += [int(offset) for offset in re.findall(r'<tr id="call-(\d+)">', text)]
            found = re.search(r'rel="next" href="([^"]+)"', text)
            path = found and html.unescape(found[1])
        opened = words(client.get("/live?before=3").text)
        tracks = client.get("/live?type=track&before=600").text
        none = words(client.get("/live?event=nothing&before=600").text)

    assert seen == list(range(606, -1, -1))
    assert "Before call #3, and no longer updated" in opened
    assert "Latest calls" in opened
    assert "Updating" not in opened
    assert re.findall(r'<tr id="call-(\d+)">', tracks) == ["5", "4", "3", "2"]
    assert "every 2s" not in tracks
    assert "From #0 up to #600 none is like that" in none


def test_a_refused_item_has_a_page(acme):
    """Code, place, what was expected and got, and what to do."""
    with acme.client() as client:
        path = re.search(r'href="(/live/refused/\w+)"', client.get("/live?fate=refused").text)[1]
        told = words(client.get(path).text)
        gone = client.get("/live/refused/nonsense")

    assert "Place $.userId" in told
    assert "Expected and got The call needs a user." in told
    assert "What to do The call needs userId or anonymousId." in told
    assert gone.status_code == 404


@pytest.mark.parametrize("call", ["6", "-1", "x", "9" * 30])
def test_there_is_no_page_of_a_call_that_is_not(acme, call):
    """After the end, before the beginning, and what is no number."""
    with acme.client() as client:
        assert client.get(f"/live/{call}").status_code == 404


def test_events_are_listed_with_their_weight_and_volume(acme):
    """An event shows its feature, its weight in the workspace and how often it ever happened."""
    with acme.client() as client:
        text = client.get("/events").text
        found = client.get("/events?q=reporting").text

    assert text.index("Report_Created") < text.index("Opened")
    assert "Reporting" in found
    assert "Opened" not in found


def test_search_finds_accounts_users_events_and_pages(acme):
    """One field over everything that has a name; nothing found is said."""
    with acme.client() as client:
        hits = {
            query: client.get(f"/search?q={query}", headers={"HX-Request-Type": "partial"}).text
            for query in ("acme", "alvarez", "report", "sett", "zzz")
        }

    assert 'href="/accounts/acme"' in hits["acme"]
    assert 'href="/users/ana"' in hits["alvarez"]
    assert 'href="/events/Report_Created"' in hits["report"]
    assert 'href="/settings"' in hits["sett"]
    assert "Nothing has “zzz”" in hits["zzz"]


def test_settings_never_show_a_read_token(acme):
    """Keys are told by their first characters; the configuration is shown as it is in force."""
    token = acme.token("read")

    with acme.client(token) as client:
        text = client.get("/settings").text

    assert token not in text
    assert "uptake config export" in text
    assert "Reporting" in text


def test_whatever_is_sent_is_shown_as_text(acme):
    """Script in names, traits, events and refusals never becomes part of a page, nor is it run as a template."""
    acme.group("ana", "acme", day=0, name=SCRIPT, **{SCRIPT: SCRIPT})
    acme.identify("ana", day=0, name=SCRIPT, **{SCRIPT: {SCRIPT: [SCRIPT]}})
    acme.track("ana", SCRIPT)
    acme.send(refused=(Rejection(SCRIPT, SCRIPT, SCRIPT),))
    acme.settle()

    with acme.client() as client:
        for path in (*PAGES, "/accounts/acme", "/users/ana"):
            text = client.get(path, params={"q": SCRIPT, "fate": SCRIPT, "level": SCRIPT, "days": SCRIPT}).text

            assert "<script>alert" not in text, path
            assert "1337" not in text, path
