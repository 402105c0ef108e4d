"""Types of traits: inferred from what was seen, chosen by the operator, and what filters make of them at once."""

import msgspec
import pytest

from tests.house import House, ago
from uptake.core.config import Exclusions, ProductConfig, Segment, TraitTypes
from uptake.core.traits import TraitForms, flattened, inferred, operand_as
from uptake.stores.events.base import ListQuery
from uptake.stores.events.duckdb import DuckEventStore
from uptake.views.segments import segment_members, segment_named, segment_size
from uptake.views.traits import trait_list, trait_values


@pytest.fixture(params=["memory", "duckdb"])
def house(request, tmp_path):
    """Ten accounts whose traits look like numbers, days, shares, truths and names; acme's are odd."""

    def in_duckdb(_product, generation, rules):
        return DuckEventStore(tmp_path / f"{generation}.duckdb", rules, generation=generation)

    opened = House(open_store=in_duckdb if request.param == "duckdb" else None)
    for number in range(9):
        opened.group(
            f"user{number}",
            f"account{number}",
            seats=number,
            spend=str(number * 100),
            renews=f"2027-0{1 + number % 3}-15",
            paid_at=1_700_000_000 + number,
            trial=number < 4,
            win_rate=number * 10.5,
            deal={"name": "pro" if number % 2 else "free", "since": "2026-01-01"},
            tags=["eu", f"t{number}"],
        )
    opened.group("ana", "acme", seats="many", spend="$99", renews="soon", trial="yes", deal="custom", win_rate=140)
    opened.settle()
    yield opened
    opened.running.close()


def typed(house, **types):
    """Choose types of account traits."""
    house.change(lambda config: msgspec.structs.replace(config, trait_types=TraitTypes(account=types)))


def test_types_are_inferred_from_values_really_seen(house):
    """With the share that fits; nested traits by their dotted names, lists as strings."""
    found = trait_list(house.product, "account")

    assert {each.key: (each.inferred, round(each.share, 2), each.have) for each in found} == {
        "deal": ("string", 1.0, 1),
        "deal.name": ("string", 1.0, 9),
        "deal.since": ("date", 1.0, 9),
        "paid_at": ("date", 1.0, 9),
        "renews": ("date", 0.9, 10),
        "seats": ("number", 0.9, 10),
        "spend": ("number", 0.9, 10),
        "tags": ("string", 1.0, 9),
        "trial": ("boolean", 0.9, 10),
        "win_rate": ("percentage", 0.9, 10),
    }


def test_values_that_do_not_fit_are_counted_and_listed(house):
    """Under the inferred type, and under another one as soon as it is chosen."""
    before = {each.key: each for each in trait_list(house.product, "account")}

    typed(house, **{"deal.name": "date", "seats": "string", "never_seen": "number"})
    after = {each.key: each for each in trait_list(house.product, "account", samples=1)}

    assert [(before["spend"].unfit, before["spend"].samples[0].value)] == [(1, '"$99"')]
    assert (before["win_rate"].type, before["win_rate"].samples[0].value) == ("percentage", "140")
    assert (after["deal.name"].type, after["deal.name"].unfit, len(after["deal.name"].samples)) == ("date", 9, 1)
    assert (after["deal.name"].samples[0].value, after["deal.name"].samples[0].times) == ('"free"', 5)
    assert (after["seats"].type, after["seats"].inferred, after["seats"].unfit) == ("string", "number", 0)
    assert (after["never_seen"].chosen, after["never_seen"].have) == ("number", 0)


def test_common_values_are_offered_to_whoever_writes_a_condition(house):
    """The commonest first, and long ones cut."""
    house.group("bob", "big", note="x" * 500)
    house.settle()

    assert [(each.value, each.times) for each in trait_values(house.product, "account", "deal.name")] == [
        ('"free"', 5),
        ('"pro"', 4),
    ]
    assert len(trait_values(house.product, "account", "note")[0].value) < 250


NINE = [f"account{number}" for number in range(9)]
RETYPED = [
    ("seats", None, 'account.seats = "7"', ["account7"]),
    ("seats", None, 'account.seats = "7.0"', []),
    ("seats", "number", 'account.seats = "7.0"', ["account7"]),
    ("seats", None, 'account.seats >= "8"', ["account8", "acme"]),
    ("seats", "number", 'account.seats >= "8"', ["account8"]),
    ("seats", "string", "account.seats >= 8", ["account8", "acme"]),
    ("spend", "number", "account.spend > 700", ["account8"]),
    ("spend", "number", 'account.spend = "$99"', []),
    ("spend", "number", "account.spend != 0 and not account.spend > 0", ["acme"]),
    ("renews", None, 'account.renews > "2027-02-20"', ["account2", "account5", "account8", "acme"]),
    ("renews", "date", 'account.renews > "2027-02-20"', ["account2", "account5", "account8"]),
    ("renews", "date", 'account.renews = "2027-03-15"', ["account2", "account5", "account8"]),
    ("paid_at", "date", 'account.paid_at < "2023-11-14"', []),
    ("paid_at", "date", 'account.paid_at <= "2023-11-14"', NINE),
    ("win_rate", None, "account.win_rate > 80", ["account8", "acme"]),
    ("win_rate", "percentage", "account.win_rate > 80", ["account8"]),
    ("trial", "boolean", 'account.trial = "TRUE"', NINE[:4]),
    ("tags", "number", 'account.tags contains "t3"', ["account3"]),
    ("deal.name", None, 'account.deal.name = "pro" and account.seats < 3', ["account1"]),
]


@pytest.mark.parametrize(
    ("key", "chosen", "where", "members"), RETYPED, ids=[f"{case[1]}: {case[2]}" for case in RETYPED]
)
def test_a_type_decides_how_filters_read_values_at_once(house, key, chosen, where, members):
    """Without folding or scoring anything again; what does not fit satisfies no comparison but !=."""
    segment = Segment("Some", "account", "Engagement", where, 1)
    house.change(lambda config: msgspec.structs.replace(config, segments=(segment,)))
    house.settle()
    segment_size(house.product, segment_named(house.product, "1"))

    if chosen:
        typed(house, **{key: chosen})

    found = segment_named(house.product, "1")
    page = segment_members(house.product, found, ListQuery(sort="tracking_id", descending=False, limit=50))
    assert [row.tracking_id for row in page.rows] == members
    assert segment_size(house.product, found).members == len(members)


def test_a_typed_trait_decides_whom_scores_leave_out(house):
    """Exclusions are read by type too, at once."""
    rules = Exclusions(accounts_where='account.seats >= "5"')
    house.change(lambda config: msgspec.structs.replace(config, exclusions=rules))
    house.settle()
    assert house.product.models[0].excluded_accounts == {*NINE[5:], "acme"}

    typed(house, seats="number")

    assert house.product.models[0].excluded_accounts == set(NINE[5:])


def test_nested_traits_merge_by_their_dotted_names(house):
    """A later call changes the inner keys that it names; one that is cleared is gone."""
    house.group("ana", "nested", day=3, deal={"name": "pro", "terms": {"months": 12}})
    house.group("ana", "nested", day=2, deal={"name": "max", "terms": {"months": None}, "empty": {}})
    house.settle()

    assert house.product.store.traits("account", "nested") == {"deal.name": "max", "deal.empty": {}}


def test_a_later_value_for_the_whole_clears_what_was_nested(house):
    """Null or any other value, also when it arrives first; what is told after it stays."""
    house.group("ana", "first", day=1, deal=None, spend=1)
    house.group("ana", "first", day=3, deal={"name": "pro", "terms": {"months": 12}})
    house.group("ana", "then", day=3, deal={"name": "pro", "terms": {"months": 12}})
    house.settle()
    house.group("ana", "then", day=2, deal="custom")
    house.group("ana", "first", day=0, deal={"size": 3})
    house.settle()

    assert house.product.store.traits("account", "first") == {"deal.size": 3, "spend": 1}
    assert house.product.store.traits("account", "then") == {"deal": "custom"}


def test_a_dotted_trait_of_the_user_can_name_the_account():
    """The Account ID trait may be nested, as senders of `company: {id: …}` need it."""
    house = House(ProductConfig(account_id_trait="company.id"))
    house.identify("ana", company={"id": 42, "name": "Acme"})
    house.track("ana", "Login")
    house.settle()

    (row,) = house.product.store.numbers("user", house.product.models[0], ago(0), ListQuery())[0]
    assert row.account == "42"


def test_objects_are_flattened_eight_levels_deep():
    """What lies deeper stays one value, so that no call can nest without end."""
    deep = {"z": 1}
    for _ in range(12):
        deep = {"a": deep}

    (key,) = flattened(deep)

    assert key == "a.a.a.a.a.a.a.a.a"
    assert flattened({"list": [{"a": 1}], "none": None}) == {"list": [{"a": 1}], "none": None}


def test_without_values_there_is_nothing_to_infer():
    """A trait that nobody has is a string; numbers are shares only where the name says so."""
    assert inferred(TraitForms("x", *[0] * 8)).type == "string"
    assert inferred(TraitForms("seats", 10, 10, 10, 10, 0, 0, 0, 0)).type == "number"
    assert inferred(TraitForms("seats_percent", 10, 10, 10, 10, 0, 0, 0, 0)).type == "percentage"
    assert inferred(TraitForms("blob", 10, 0, 0, 0, 0, 0, 0, 9)).share == 0.1


@pytest.mark.parametrize(
    ("chosen", "operand", "read"),
    [
        ("number", True, None),
        ("percentage", "12", 12.0),
        ("boolean", 1, None),
        ("boolean", "False", False),
        ("string", True, "true"),
        ("date", 20270101, None),
        ("date", "2027-13-01", None),
    ],
)
def test_an_operand_that_does_not_fit_matches_nothing(chosen, operand, read):
    """It is no value of the type, and so no value equals it."""
    assert operand_as(chosen, operand) == read
