"""What became of accounts, read from CSV, and how well scores told it."""

import io
from datetime import date

import pytest

from uptake.core.config import Levels
from uptake.scoring.learning import auc_interval, learnt, weights_of
from uptake.scoring.outcomes import Observed, auc, by_decile, by_level
from uptake.sources.csv_table import CsvUnfit
from uptake.sources.outcomes import read_outcomes


def read(text):
    """Outcomes of a text."""
    return read_outcomes(io.BytesIO(text.encode()))


def seen(*scores, churned=False):
    """Accounts with these scores."""
    return [Observed(f"a{score}", churned, score, 1) for score in scores]


def test_outcomes_are_read_by_the_names_of_columns():
    """Any order, any case, any delimiter, other columns beside, and times for days."""
    found = read("Date;note;Account;Outcome\n2026-01-31;x;acme;Churned\n2026-02-01T10:00:00Z;;beta;renewed\n")

    assert found.faults == []
    assert [(each.account, each.outcome, each.day, each.line) for each in found.rows] == [
        ("acme", "churned", date(2026, 1, 31), 2),
        ("beta", "renewed", date(2026, 2, 1), 3),
    ]


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (",churned,2026-01-31", "bad_id", 1),
        ("acme,gone,2026-01-31", "bad_outcome", 2),
        ("acme,churned,31.1.2026", "bad_timestamp", 3),
        ("acme,churned", "csv_cells", 3),
        ('acme,"churned"x,2026-01-31', "csv_quoting", 0),
        ("beta,churned,2026-01-01", "outcome_contradicts", 2),
    ],
)
def test_a_row_that_says_nothing_is_refused_with_its_place(row, code, column):
    """The others count; the code, the line and the column say what is wrong."""
    found = read(f"account,outcome,date\nbeta,renewed,2026-01-01\n{row}\nbeta,renewed,2026-01-01\n")

    assert [each.account for each in found.rows] == ["beta"]
    assert [(each.code, each.line, each.column) for each in found.faults] == [(code, 3, column)]


def test_a_file_without_the_columns_is_refused():
    """The column that is missing is named."""
    with pytest.raises(CsvUnfit) as refused:
        read("account,outcome\nacme,churned\n")

    assert (refused.value.fault.code, refused.value.fault.field) == ("csv_column_missing", "date")


def test_auc_is_the_chance_of_a_right_order():
    """Every pair of a churned and a renewed account is compared, equal scores being half right."""
    churned, renewed = [10, 20, 20, 70], [20, 60, 80]
    pairs = [(low, high) for low in churned for high in renewed]

    expected = sum((high > low) + (high == low) / 2 for low, high in pairs) / len(pairs)

    assert auc(churned, renewed) == pytest.approx(expected)
    assert auc([], renewed) is None


def test_levels_from_the_lowest_up_say_what_flagging_them_would_give():
    """Flagging level after level finds ever more of the churned accounts, and flags ever more of the others."""
    found = by_level([*seen(0, 10, 30, churned=True), *seen(10, 60, 90)], Levels())

    assert [(each.level, each.accounts, each.churned, each.precision, each.recall) for each in found] == [
        ("inactive", 1, 1, 1, pytest.approx(1 / 3)),
        ("least_engaged", 2, 1, pytest.approx(2 / 3), pytest.approx(2 / 3)),
        ("passive", 1, 1, 3 / 4, 1),
        ("slightly_engaged", 1, 0, 3 / 5, 1),
        ("most_engaged", 1, 0, 3 / 6, 1),
    ]


def test_the_lift_of_a_decile_is_its_churn_beside_that_of_all():
    """Of twenty accounts the lowest two churned: the first tenth has ten times its share, the others none."""
    found = by_decile([*seen(1, 2, churned=True), *seen(*range(3, 21))])

    assert [each.lift for each in found] == [10, *[0] * 9]
    assert all(each.accounts == 2 for each in found)


def test_equal_scores_are_spread_over_deciles():
    """Where all accounts score alike every tenth has the same lift: no order is invented."""
    found = by_decile([*seen(*[50] * 3, churned=True), *seen(*[50] * 12)])

    assert [each.lift for each in found] == pytest.approx([1.0] * 10)
    assert sum(each.churned for each in found) == pytest.approx(3)


def test_an_interval_holds_the_auc_and_follows_from_its_seed():
    """The same seed gives the same interval; it is narrower with more accounts."""
    churned, renewed = [10.0, 20, 30, 70, 40], [20.0, 60, 80, 50]
    low, high = auc_interval(churned, renewed, seed=1)

    assert low < auc(churned, renewed) < high
    assert auc_interval(churned, renewed, seed=1) == (low, high) != auc_interval(churned, renewed, seed=2)
    narrow = auc_interval(churned * 20, renewed * 20, seed=1)
    assert narrow[1] - narrow[0] < (high - low) / 2
    assert auc_interval([1.0], renewed, seed=1) is None


def test_weights_are_learnt_from_use_and_not_from_size():
    """A feature that only larger accounts use more gets the lowest weight, the one that keeps accounts the highest."""
    observed = [
        Observed(
            f"a{n}", n % 2 == 0, 50, users, {"Kept": (4 + n % 7) * users * (1 + n % 2), "Noise": users * (5 + n % 3)}
        )
        for n in range(120)
        for users in [1 + n % 11]
    ]

    found = learnt(observed, ["Noise", "Kept"], seed=3)

    assert found.weights == {"Noise": 1, "Kept": 10}
    assert found.auc > 0.8
    assert learnt(observed[:15], ["Kept"], seed=3) is None


def test_nothing_to_learn_gives_the_lowest_weights():
    """Where no use speaks for renewal no feature is preferred."""
    assert weights_of({"One": -0.2, "Two": 0.0}) == {"One": 1, "Two": 1}
