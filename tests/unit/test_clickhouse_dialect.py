"""How ClickHouse reads the texts that are written for DuckDB."""

import pytest

from uptake.stores.events.clickhouse_dialect import spoken
from uptake.stores.events.score_sql import WINDOW
from uptake.stores.events.value_sql import AS_NUMBER, DAY_OF


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select cast(null as varchar) as id", "select cast(null as Nullable(String)) as id"),
        ("select $id::varchar as id, $days::date[]", "select $id::String as id, $days::date[]"),
        ("quantile_cont(raw, 0.9) filter (where raw > 0)", "quantileExactInclusive(0.9)(raw) filter (where raw > 0)"),
        ("lag(day) over (order by day)", "lag(toNullable(day)) over (order by day)"),
        ("select unnest($ids::varchar[])", "select arrayJoin($ids::varchar[])"),
        ("instr(lower(name), 'x')", "instr(lowerUTF8(name), 'x')"),
    ],
)
def test_words_that_differ(text, words):
    """Only what the engines call otherwise is written otherwise; parameters stay for the session."""
    assert spoken(text) == words


def test_a_column_of_a_joined_table_is_named():
    """ClickHouse would call it `d.day` where both tables have it; functions, names and inner lists stay as they are."""
    text = "select distinct d.day, coalesce(s.raw, 0), s.id as who, (select t.x from t), e.event from d group by d.day"

    assert spoken(text).replace(" ,", ",").replace("  ", " ") == (
        "select distinct d.day as day, coalesce(s.raw, 0), s.id as who, (select t.x as x from t), e.event as event"
        " from d group by d.day"
    )


def test_lists_side_by_side_stay_side_by_side():
    """Functions that yield rows would yield each with each."""
    words = spoken(WINDOW)

    assert "arrayZip($scored::date[], $counted::date[], $laters::boolean[]" in words
    assert "row.1 as day, row.2 as count_day, row.3 as later" in words


def test_patterns_keep_their_backslashes():
    """A backslash in a literal must be doubled, and a match is one of the whole text."""
    assert r"match(text, '^(?:-?[0-9]+(\\.[0-9]+)?" in spoken(AS_NUMBER)


def test_days_are_those_that_the_engine_knows():
    """Moments beyond its calendar count on its first or last day, and nothing stays nothing."""
    assert spoken(DAY_OF.format(moment="s.last_us")).startswith("toDate32(fromUnixTimestamp64Micro(clamp(s.last_us, -")
