"""One account and one user as a browser gets them: numbers, explanation, traits, parents, and awkward ids."""

import html
import re

import msgspec
import pytest

from tests.house import House, ago
from uptake.core.config import Feature, ProductConfig, TraitTypes, Workspace
from uptake.views.accounts import account_detail
from uptake.web.pages.visit import in_path

FEATURED = ProductConfig(
    features=(Feature("Reporting", events=("Report_Created", "Report_Shared")), Feature("Rest", events=("Opened",))),
    workspaces=(Workspace("Engagement", 1, features={"Reporting": 8, "Rest": 1}),),
    trait_types=TraitTypes(account={"discount": "percentage"}),
)


def numbers_in(text: str, pattern: str) -> list[float]:
    """The numbers that the pattern's group finds."""
    return [float(found.replace(",", "").replace("−", "-")) for found in re.findall(pattern, text)]


def falls(text: str) -> list[float]:
    """The waterfall: the earlier score, each step, the later score."""
    return numbers_in(
        text.split('class="falls"')[1].split("</dl>")[0], r"<dd(?: class=\"[a-z-]*\")?>([+−]?[\d.]+)</dd>"
    )


@pytest.fixture
def house() -> House:
    """Ana and Bob in acme, at work in this window and the one before."""
    house = House(FEATURED)
    house.group("ana", "acme", name="Acme", mrr=129_900, discount=15, address={"city": "Berlin", "geo": {"lat": 52.5}})
    house.group("bob", "acme")
    house.identify("ana", name="Ana", email="ana@acme.example", admin=True)
    house.track("ana", "Report_Created", times=5)
    house.track("ana", "Opened", times=3, day=2)
    house.track("bob", "Report_Shared", times=2, day=3)
    house.track("ana", "Report_Created", times=4, day=9)
    house.track("ana", "Opened", day=60)
    house.track("cat", "Opened", times=40)
    house.settle()
    return house


@pytest.mark.parametrize("path", ["/accounts/acme", "/users/ana"])
def test_bars_and_lines_add_up_to_what_is_shown(house, path):
    """Points by event, by feature and by user are the score; the lines lead from the old score to the new."""
    with house.client() as client:
        text = client.get(path).text

    score = numbers_in(text, r"</span>(\d+)<small>/100")[0]
    groups = re.split(r'role="tabpanel" id="by-', text)[1:]
    for group in groups:
        bars = group.split("</ul>")[0]
        assert sum(numbers_in(bars, r'"worth">([\d.]+)<')) == pytest.approx(score, abs=0.8), group[:20]
    assert len(groups) == (3 if "accounts" in path else 2)
    lines = falls(text)
    assert lines[0] + sum(each for each in lines[1:-1]) == pytest.approx(lines[-1], abs=0.3)
    assert lines[-1] == score


def test_the_computation_is_told(house):
    """The benchmark, the curve and the mean over active users are there to be checked by hand."""
    with house.client() as client:
        text = client.get("/accounts/acme").text

    assert "<b>exponential-1</b>" in text
    assert "mean of the points of its 2 active users" in text
    assert re.search(r"P90</b> is the raw score .*?<b>[\d.]+</b>", text)


def test_traits_are_flattened_and_typed(house):
    """Nested traits are written with dots, money as money, and a type that the operator chose is kept to."""
    with house.client() as client:
        text = client.get("/accounts/acme").text

    facts = dict(re.findall(r"<dt>([\w.]+) <span[^>]*>\w+</span></dt><dd>([^<]*)</dd>", text))
    assert facts["address.city"] == "Berlin"
    assert facts["address.geo.lat"] == "52.5"
    assert facts["mrr"] == "$1,299"
    assert facts["discount"] == "15%"


def test_history_has_a_chart_and_its_table(house):
    """Each number of an account has a chart whose data can also be read as a table, the latest day first."""
    with house.client() as client:
        text = client.get("/accounts/acme").text
        longer = client.get("/accounts/acme?days=90").text

    table = text.split('id="history-score"')[1].split("</table>")[0]
    assert text.count("data-chart=") == 4
    assert re.search(r'<th scope="row">([^<]*)', table)[1] == "23 Nov 2026"
    assert longer.count('<th scope="row">') > text.count('<th scope="row">')


def test_two_days_can_be_chosen(house):
    """The address names both days; the waterfall leads from the score of the one to the score of the other."""
    then, now = ago(10), ago(2)
    expected = [account_detail(house.product, None, "acme", day).numbers.score for day in (then, now)]

    with house.client() as client:
        text = client.get(f"/accounts/acme?against={then}&day={now}").text

    steps = falls(text)
    assert [steps[0], steps[-1]] == expected
    assert sum(steps[:-1]) == pytest.approx(steps[-1], abs=0.3)
    assert "As of 21 Nov 2026" in text
    assert f'<span class="sr">Score </span>{expected[1]}<small>' in text


@pytest.mark.parametrize("query", ["day=2999-01-01", "day=tomorrow", "against=2026-12-01", "day=0001-01-01&against="])
def test_days_that_cannot_be_shown_are_taken_as_absent(house, query):
    """An address with an impossible day shows today against a window before."""
    with house.client() as client:
        answer = client.get(f"/accounts/acme?{query}")

    assert answer.status_code == 200
    assert "Score on 16 Nov 2026" in answer.text
    assert "As of" not in answer.text


def test_what_was_done_is_a_table_by_feature_and_day(house):
    """Each cell of the heat map says how often, and a row adds up to its total; another day moves its end."""
    with house.client() as client:
        heat = client.get("/accounts/acme").text.split('class="heat"')[1].split("</table>")[0]
        earlier = client.get(f"/accounts/acme?day={ago(5)}").text.split('class="heat"')[1].split("</table>")[0]

    rows = re.findall(r'<th scope="row"><span[^>]*>([^<]*)</span></th>(.*?)<td class="num">(\d+)', heat, re.DOTALL)
    told = {name: numbers_in(cells, r'<span class="sr">(\d+)') for name, cells, _ in rows}
    assert {name: sum(times) for name, times in told.items()} == {name: int(total) for name, _, total in rows}
    assert {name: sum(times) for name, times in told.items()} == {"Reporting": 11, "Rest": 3}
    assert told["Reporting"][-1] == 5
    assert "4 on 14 Nov 2026" in earlier
    assert "23 Nov" not in earlier


def test_segments_are_named_and_lead_to_why(house):
    """The segments that an account is in stand on its page, each with the reason a click away."""
    with house.client() as client:
        text = client.get("/accounts/acme").text

    assert re.search(r'href="/segments/accounts.multi_user/why\?who=acme"[^>]*>Multi-user accounts</a>', text)
    assert "recently_inactive" not in text


def test_a_model_that_begins_to_score_is_marked(house):
    """The chart has a line at the first day of a model that was published from a day on."""
    heavier = msgspec.structs.replace(
        FEATURED, workspaces=(Workspace("Engagement", 1, features={"Reporting": 2, "Rest": 9}),)
    )
    house.running.change_config(1, lambda _: heavier, by="test", publish="from_now_on")
    house.settle()

    with house.client() as client:
        text = html.unescape(client.get("/accounts/acme").text)

    assert '"marks":[{"day":"2026-11-23","text":"Model v2"}]' in text


def test_children_stand_below_their_account(house):
    """Accounts that name this one as their parent are listed with their scores, and bob's are not."""
    house.group("dan", "holding", name="Holding")
    house.group("ana", "acme", day=0, parent_group_id="holding")
    house.group("eve", "shop", day=0, parent="holding", name="Shop")
    house.group("bob", "other", day=0, name="Other")
    house.settle()

    with house.client() as client:
        below = client.get("/accounts/holding").text.split('id="family"')[1]

    assert set(re.findall(r'href="/accounts/(\w+)"', below)) == {"acme", "shop"}


def test_an_account_names_its_parents(house):
    """The chain of parents is shown from the top down, and a circle of parents ends."""
    house.group("ana", "acme", day=0, parent_group_id="holding")
    house.group("dan", "holding", name="Holding", parent="top")
    house.group("eve", "top", name="Top", parent="acme")
    house.settle()

    with house.client() as client:
        family = client.get("/accounts/acme").text.split('id="family"')[1]

    assert re.findall(r'href="/accounts/(\w+)"', family) == ["top", "holding"]


@pytest.mark.parametrize("awkward", ["a/b", "..", "~x", "a\\b", "ä ö?#&", '"><i>', "%2F", "."])
def test_an_awkward_id_has_a_page(awkward):
    """Whatever characters an id has, its link in the list opens its page."""
    house = House()
    house.group(awkward, awkward, name="Odd")
    house.track(awkward, "Opened")
    house.settle()

    with house.client() as client:
        for path in ("/accounts", "/users"):
            link = html.unescape(re.search(r'class="row-link" href="([^"]*)"', client.get(path).text)[1])
            assert link == f"{path}/{in_path(awkward)}"
            answer = client.get(link)
            assert answer.status_code == 200, link
            assert "<i>" not in answer.text


@pytest.mark.parametrize("path", ["/accounts/nobody", "/users/nobody", "/accounts/~%21%21", "/nowhere"])
def test_what_is_not_there_has_a_page_of_its_own(house, path):
    """A browser gets a page with the status 404 and a way back, and no trace of the program."""
    with house.client() as client:
        answer = client.get(path, headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to the start" in answer.text
    assert "Traceback" not in answer.text


def test_a_fault_of_ours_says_so_and_nothing_more(house, monkeypatch, caplog):
    """A page that fails answers 500 without a trace; the log has it."""
    monkeypatch.setattr(type(house.product.store), "traits", lambda *_: 1 / 0)

    with house.client() as client:
        answer = client.get("/accounts/acme")

    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "Something went wrong here" in answer.text
    assert "page_failed" in caplog.text


def test_somebody_without_events_has_a_page_too():
    """An account that was only named shows a score of 0 and says why."""
    house = House(FEATURED)
    house.group("ana", "acme", name="Acme")
    house.settle()

    with house.client() as client:
        account, user = client.get("/accounts/acme"), client.get("/users/ana")

    for answer in (account, user):
        assert answer.status_code == 200
        assert "so the score is 0" in answer.text
