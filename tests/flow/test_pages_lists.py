"""The ranked lists as a browser gets them: what is listed, in which order, and which part htmx asks for."""

import re

import pytest

from tests.house import House
from uptake.core.config import Feature, ProductConfig, TraitTypes, Workspace

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


def house_of(*accounts: str, config: ProductConfig | None = None) -> House:
    """A product whose accounts are ever more active from the first to the last."""
    house = House(config)
    for number, account in enumerate(accounts, 1):
        house.group(f"u-{account}", account, name=account.title())
        house.identify(f"u-{account}", name=f"User of {account}", email=f"u@{account}.example")
        house.track(f"u-{account}", "Report_Created", times=number)
    house.settle()
    return house


def listed(text: str) -> list[str]:
    """The names in the list, from the top."""
    return re.findall(r'class="row-link" href="[^"]*">([^<]*)<', text)


def test_accounts_are_ranked_by_score():
    """The most engaged account stands first, with its score, level and users."""
    house = house_of("bob-inc", "acme")

    with house.client() as client:
        text = client.get("/accounts").text

    assert listed(text) == ["Acme", "Bob-Inc"]
    assert "Most engaged" in text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Cat", "Bob", "Acme"]),
        ("sort=name", ["Acme", "Bob", "Cat"]),
        ("sort=name&dir=desc", ["Cat", "Bob", "Acme"]),
        ("sort=score&dir=asc", ["Acme", "Bob", "Cat"]),
        ("q=BO", ["Bob"]),
        ("sort=nonsense&dir=up&level=high&page=x", ["Cat", "Bob", "Acme"]),
        ("page=2", []),
    ],
)
def test_the_address_says_what_is_listed(query, names):
    """Sort, direction, filter and page come from the address; what it does not know goes without."""
    house = house_of("acme", "bob", "cat")

    with house.client() as client:
        answer = client.get(f"/accounts?{query}")

    assert answer.status_code == 200
    assert listed(answer.text) == names


@pytest.mark.parametrize("path", ["/accounts", "/users", "/events"])
def test_every_column_that_offers_a_sort_can_be_sorted(path):
    """A link in the head of a list always opens, and says how the list is sorted."""
    house = house_of("acme", "bob")

    with house.client() as client:
        heads = re.findall(r'<a href="([^"]*)" id="by-', client.get(path).text)
        answers = [client.get(head.replace("&amp;", "&")) for head in heads]

    assert len(answers) >= 7
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.text.count("aria-sort=") == 1 for answer in answers)


def test_htmx_gets_the_list_alone_and_the_address_to_show():
    """A part has no page around it, says its shortest address, and is not cached as the page."""
    house = house_of("acme", "bob")

    with house.client() as client:
        part = client.get("/accounts?q=acme&sort=score&page=1", headers=PART)
        whole = client.get("/accounts?q=acme", headers={**PART, "HX-History-Restore-Request": "true"})

    assert listed(part.text) == ["Acme"]
    assert "<html" not in part.text
    assert part.headers["hx-push-url"] == "/accounts?q=acme"
    assert part.headers["cache-control"] == "no-store"
    assert "<html" in whole.text


def test_levels_are_counted_and_lead_to_their_accounts():
    """Each level shows how many are on it, within what the filter leaves, and its link lists those."""
    house = house_of("acme", "bob")
    house.group("cat", "sleepy", name="Sleepy")
    house.settle()

    with house.client() as client:
        text = client.get("/accounts").text
        inactive = client.get("/accounts?level=inactive").text
        narrowed = client.get("/accounts?q=acme").text

    assert re.search(r"level=inactive.*?<small>1</small>", text, re.DOTALL)
    assert re.search(r"level=inactive.*?<small>0</small>", narrowed, re.DOTALL)
    assert listed(inactive) == ["Sleepy"]


def test_users_show_their_account_and_lists_their_kind():
    """A user's row leads to the user and to the account, by name."""
    house = house_of("acme", "bob")

    with house.client() as client:
        text = client.get("/users?q=acme").text

    assert listed(text) == ["User of acme"]
    assert '<a href="/accounts/acme">Acme</a>' in text


def test_until_there_are_features_the_pages_say_so():
    """Every event counts with weight 1 until the product has a feature, and the reader is told."""
    told = "Until you define features every event counts with weight 1"
    featured = ProductConfig(
        features=(Feature("Reporting", events=("Report_Created",)),),
        workspaces=(Workspace("Engagement", 1, features={"Reporting": 8}),),
    )

    with house_of("acme").client() as client:
        assert all(told in client.get(path).text for path in ("/accounts", "/users", "/accounts/acme", "/users/u-acme"))
    with house_of("acme", config=featured).client() as client:
        assert all(told not in client.get(path).text for path in ("/accounts", "/users", "/accounts/acme"))


def test_another_workspace_is_kept_by_every_link():
    """Who looks at the second workspace stays there; a workspace that does not exist is a page that says so."""
    config = ProductConfig(workspaces=(Workspace("Engagement", 1), Workspace("Monthly", 2, window_days=30)))
    house = house_of("acme", "bob", config=config)

    with house.client() as client:
        text = client.get("/accounts?workspace=2").text
        missing = client.get("/accounts?workspace=7")

    links = re.findall(r'href="(/(?:accounts|users|events|live|settings)[^"]*)"', text)
    stays = [link for link in links if "workspace=2" in link]
    assert "30 days to" in text
    assert set(links) - set(stays) == {"/accounts"}, "only the switcher leads to the first workspace"
    assert missing.status_code == 404
    assert "My product has no workspace 7." in missing.text


def test_pages_of_a_long_list_join_without_a_gap():
    """Page by page every account is listed once, 25 at a time."""
    house = house_of(*(f"acc{number:02}" for number in range(60)))

    with house.client() as client:
        pages = [listed(client.get(f"/accounts?sort=name&page={page}").text) for page in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [25, 25, 10, 0]
    assert [name for page in pages for name in page] == [f"Acc{number:02}" for number in range(60)]


def test_traits_are_columns_that_the_address_names():
    """Chosen beside the other columns, each in the form of its type; the address says which, and so does the CSV."""
    config = ProductConfig(trait_types=TraitTypes(account={"share": "percentage"}))
    house = house_of("acme", "bob-inc", config=config)
    house.group("u-acme", "acme", mrr=500_000, renewal="2027-03-09T10:00:00Z", share=40, plan="<b>pro</b>")
    house.settle()
    query = "?col=level&col=trait.mrr&col=trait.renewal&col=trait.share&col=trait.plan&col=trait.nothing"

    with house.client() as client:
        usual, text = client.get("/accounts").text, client.get("/accounts" + query).text
        head, *lines = client.get("/export/accounts.csv" + query).text.removeprefix("\ufeff").splitlines()

    table = re.search(r"<table.*?</table>", text, re.DOTALL)[0]
    assert re.findall(r'<td class="wide break">(.*?)</td>', table)[-4:] == [
        "$5,000", "&lt;b&gt;pro&lt;/b&gt;", "9 Mar 2027", "40%"
    ]  # fmt: skip
    assert "trait.nothing" not in text
    assert 'name="col" value="trait.plan" checked' in text
    assert "$5,000" not in usual
    assert 'name="col" value="trait.plan"' in usual
    assert head.endswith(",trait.mrr,trait.plan,trait.renewal,trait.share")
    assert [line.split(",")[-4:] for line in lines if ",acme," in line] == [
        ["500000", "<b>pro</b>", "2027-03-09T10:00:00Z", "40"]
    ]
    assert [line.split(",")[-4:] for line in lines if ",bob-inc," in line] == [["", "", "", ""]]
