"""A whole product on ClickHouse beside one on the embedded engine: the same calls, the same numbers, page for page."""

import re

import pytest

from tests.clickhouse import clickhouse
from tests.contract.test_event_store import assert_same
from tests.house import House
from uptake.core.config import Feature, ProductConfig, Segment, Workspace
from uptake.stores.events.duckdb import DuckEventStore

CONFIG = ProductConfig(
    features=(
        Feature("Reports", events=("Report created", "Report shared")),
        Feature("Team", events=("User invited",)),
    ),
    workspaces=(
        Workspace("Engagement", id=1, features={"Reports": 7, "Team": 3}, user_activation=('did("User invited")',)),
        Workspace("Pooled", id=2, window_days=30, features={"Team": 5}, account_score="pooled", half_life_days=7.0),
    ),
    segments=(
        Segment("Slipping", "account", "Engagement", "score < 60 and score_change < 5", id=1),
        Segment("Busy", "user", "Engagement", 'user.role = "admin" or did("Report created") > 2 within 7 days', id=2),
    ),
)
PAGES = (
    "/", "/accounts", "/accounts/acme", "/accounts?q=be&sort=name", "/users", "/users/ana", "/segments",
    "/segments/1", "/segments/1/trend", "/segments/2", "/events", "/events/Report%20created", "/features",
    "/features/Reports", "/live", "/settings/health", "/settings/traits", "/settings/workspaces/1",
    "/export/accounts.csv", "/export/users.csv", "/search?q=acme",
)  # fmt: skip
READS = (
    "/v2/status", "/v2/health", "/v2/accounts?workspace_id=1", "/v2/accounts?workspace_id=2",
    "/v2/users?workspace_id=1", "/v2/users?workspace_id=2&limit=3&offset=2", "/v2/segments?workspace_id=1",
    "/v2/segments/1/members", "/v2/segments/2/history", "/v2/features", "/v2/use?event=Opened", "/v2/traits",
    "/v2/accounts?workspace_id=1&day=2026-11-20",
)  # fmt: skip
TOKEN = re.compile(r'(_csrf_token" value|nonce)="[^"]*"')
FRACTION = re.compile(r"\d+\.\d+")


def rounded(found):
    """A number in a page without the last digit that an order of adding decides: 100.0 is 100."""
    return f"{float(found[0]):.9g}"


def live(house):
    """Months of three companies, one below another: who joins late, moves, is renamed, stops, and comes back."""
    house.group(None, "beta", parent="acme", name="Beta", mrr=900)
    house.group(None, "acme", name="Acme", mrr=4000, createdAt="2026-03-01")
    for place, user in enumerate(("ana", "eve", "kim", "zoe", "bob")):
        house.identify(user, name=user.title(), email=f"{user}@acme.example", role="admin" if place % 2 else "member")
        for day in range(0, 40, place + 2):
            house.track(user, ("Report created", "Report shared", "User invited", "Opened")[day % 4], day=day)
    for user, account, day in (("ana", "acme", 30), ("eve", "beta", 20), ("kim", "beta", 40), ("kim", "acme", 10)):
        house.group(user, account, day=day)
    house.settle()
    house.track("bob", "Report created", day=3, account="corp", times=4)
    house.group("zoe", "corp", day=60)
    house.settle()


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """The same product on the embedded engine and on ClickHouse, with clients of both."""
    folder = tmp_path_factory.mktemp("stores")
    made = []
    with clickhouse() as create:
        stores = (
            lambda _product, generation, rules: DuckEventStore(folder / f"{generation}", rules, generation=generation),
            lambda _product, _generation, rules: create(rules),
        )
        for open_store in stores:
            made.append(House(CONFIG, open_store=open_store))
            live(made[-1])
        with made[0].client() as embedded, made[1].client() as scaled:
            yield embedded, scaled


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_the_same(houses, path):
    """Word for word, but for the tokens of forms and the last digit of sums."""
    told = [house.get(path) for house in houses]

    assert {answer.status_code for answer in told} == {200}
    embedded, scaled = (FRACTION.sub(rounded, TOKEN.sub("", answer.text)) for answer in told)
    assert scaled == embedded


@pytest.mark.parametrize("path", READS)
def test_the_api_tells_the_same(houses, path):
    """Whole numbers and texts exactly, others to 1e-9."""
    told = [house.get(path) for house in houses]

    assert {answer.status_code for answer in told} == {200}
    assert_same(told[0].json(), told[1].json(), path)
