"""What turns measurements into the page of figures."""

from bench.row_making import BATCHES, CALLS, MOST, filled, make_rows
from bench.steady import lag_at, slope
from bench.tables import Table, homeless, written

PAGE = "Prose.\n\n<!-- bench: a -->\n| old |\n<!-- end -->\n\n<!-- bench: b -->\n<!-- end -->\n\nMore prose.\n"


def test_a_table_replaces_what_stands_between_its_lines_and_nothing_else():
    """Prose and other tables stay as they are, and writing twice changes nothing more."""
    once = written(PAGE, [Table("a", ["x", "y"], [["1", "2"]])])

    twice = written(once, [Table("a", ["x", "y"], [["1", "2"]])])

    assert once == PAGE.replace("| old |", "| x | y |\n| --- | --- |\n| 1 | 2 |")
    assert twice == once


def test_a_table_without_a_place_is_named():
    """A figure that the page cannot show is told, and takes none of the others away."""
    tables = [Table("c", ["x"], []), Table("b", ["x"], [["1"]])]

    assert homeless(PAGE, tables) == ["c"]
    assert "| 1 |" in written(PAGE, tables)


def test_a_lag_is_how_long_ago_the_log_was_as_long_as_the_fold_is_now():
    """A fold that is up to date lags by nothing, and one that stands still by ever more."""
    looks = [(0.0, 0, 0, 1.0), (10.0, 1000, 250, 1.0), (20.0, 2000, 500, 1.0)]

    assert lag_at([(0.0, 0, 0, 1.0), (10.0, 1000, 1000, 1.0)]) == 0
    assert lag_at(looks) == 15
    assert lag_at([*looks, (30.0, 2000, 500, 1.0)]) == 25
    assert lag_at([(0.0, 0, 0, 1.0)]) == 0


def test_a_slope_is_that_of_the_line_through_the_points():
    """Flat memory has none."""
    assert slope([0, 1, 2, 3], [5, 5, 5, 5]) == 0
    assert slope([0, 1, 2], [1, 3, 5]) == 2
    assert slope([1], [7]) == 0


def test_rows_are_made_of_every_call_of_the_log_over_and_over(tmp_path):
    """After the last call of the log comes a look that finds none, and then the first one again."""
    looks = iter([*[True] * (BATCHES * CALLS // MOST + 2), False])

    assert make_rows(filled(tmp_path), lambda: next(looks)) == BATCHES * CALLS + MOST
