"""Query parameters: what is taken, and the code and sentence for what is not."""

from datetime import date

import pytest

from uptake.web.api.params import AccountsAsked, HistoryAsked, LookupAsked, OneAsked, matched, read
from uptake.web.problems import Refused

BAD = [
    ([], "missing_workspace_id", "expected workspace_id"),
    ([("workspace_id", "")], "missing_workspace_id", "expected workspace_id"),
    *(
        ([("workspace_id", text)], "invalid_workspace_id", "expected a whole number")
        for text in ("0", "-1", "x", "1.0", "1e3", " 1", "+1", "99999999999999999999", "true", "null")
    ),
    ([("limit", "0")], "invalid_parameter", "limit: expected a whole number >= 1, got '0'"),
    ([("limit", "101")], "invalid_parameter", "limit: expected a whole number <= 100, got '101'"),
    ([("offset", "-1")], "invalid_parameter", "offset: expected a whole number >= 0"),
    ([("day", "2026-02-30")], "invalid_parameter", "day: expected a day as YYYY-MM-DD, got '2026-02-30'"),
    ([("day", "null")], "invalid_parameter", "day: expected a day as YYYY-MM-DD"),
    ([("level", "great")], "invalid_parameter", "level: expected most_engaged or slightly_engaged or"),
    ([("sort", "password")], "invalid_parameter", "sort: expected score or score_change or"),
    ([("order", "up")], "invalid_parameter", "order: expected desc or asc, got 'up'"),
    ([("search", "x" * 501)], "invalid_parameter", "search: expected text of length <= 500"),
]


@pytest.mark.parametrize(("items", "code", "sentence"), BAD)
def test_a_bad_parameter_is_refused_with_its_place(items, code, sentence):
    """The code is the wire contract's; the sentence names the parameter, what was expected and what was got."""
    named = any(name == "workspace_id" for name, _ in items)

    with pytest.raises(Refused) as refused:
        read(items if named or not items else [("workspace_id", "1"), *items], AccountsAsked)

    assert refused.value.code == code
    assert sentence in refused.value.message


def test_defaults_are_the_contracts():
    """20 from the start, by score falling, today."""
    asked = read([("workspace_id", "7")], AccountsAsked)

    assert (asked.workspace_id, asked.limit, asked.offset, asked.day) == (7, 20, 0, None)
    assert (asked.sort, asked.order) == ("score", "desc")


def test_text_that_looks_like_something_else_stays_text():
    """A search for 5 or null is a search for these characters."""
    for text in ("5", "null", "true", "2026-01-01"):
        assert read([("workspace_id", "1"), ("search", text)], AccountsAsked).search == text


def test_lists_are_written_with_commas():
    """Empty entries do not count, unknown ones are refused."""
    assert read([("expand", "traits,,segments")], OneAsked).expand == ("traits", "segments")
    with pytest.raises(Refused, match="expand: expected traits or segments or explanation or insights, got 'secrets'"):
        read([("expand", "secrets")], OneAsked)


def test_at_most_eight_traits_are_named():
    """The ninth is too many."""
    with pytest.raises(Refused, match="traits: expected a list of length <= 8"):
        read([("traits", "a,b,c,d,e,f,g,h,i")], OneAsked)


def test_the_last_of_a_repeated_parameter_counts_and_an_unknown_one_does_not():
    """Nothing is refused for having too much."""
    asked = read([("workspace_id", "1"), ("workspace_id", "2"), ("colour", "red")], LookupAsked)

    assert asked.workspace_id == 2


def test_history_is_asked_by_from_and_to():
    """Words of the wire, not of Python."""
    asked = read([("from", "2026-11-01"), ("to", "2026-11-23")], HistoryAsked)

    assert (asked.first, asked.last) == (date(2026, 11, 1), date(2026, 11, 23))


@pytest.mark.parametrize("half", [("email", None), (None, "ana@acme.example")])
def test_half_a_match_is_refused(half):
    """match_type and match_value go together."""
    with pytest.raises(Refused) as refused:
        matched(*half)

    assert refused.value.code == "missing_match_parameter"
    assert matched(None, None) is None
    assert matched("email", "ana@acme.example") == ("email", "ana@acme.example")
