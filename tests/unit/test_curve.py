"""Curves, rounding and levels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.config import Levels
from uptake.scoring.curve import CURVES, level_of, points, rounded

RAW = [475, 89, 101, 7, 3, 21, 2, 149, 223, 1, 13, 9, 37]
P90 = 208.2


def test_the_worked_example_under_both_curves():
    """Accoil's thirteen raw scores with P90 208.2, sorted, in points."""
    exponential = [rounded(points(raw, P90, "exponential-1"), active=True) for raw in sorted(RAW)]
    linear = [rounded(points(raw, P90, "linear-1"), active=True) for raw in sorted(RAW)]

    assert exponential == [1, 2, 3, 7, 9, 13, 21, 34, 63, 67, 81, 92, 99]
    assert linear == [1, 1, 1, 3, 4, 6, 10, 18, 43, 49, 72, 100, 100]


@given(st.floats(0.001, 1e9), st.floats(0.001, 1e9), st.floats(0.001, 1e9), st.sampled_from(sorted(CURVES)))
def test_more_raw_is_never_worth_less(one, other, p90, curve):
    """Every curve rises, from 0 to at most 100."""
    low, high = sorted((one, other))

    assert 0 <= points(low, p90, curve) <= points(high, p90, curve) <= 100


@given(st.floats(0.001, 1e9), st.sampled_from(sorted(CURVES)))
def test_p90_itself_is_worth_the_same_at_every_size(p90, curve):
    """Doubling every raw score leaves every score as it was."""
    assert points(p90 / 3, p90, curve) == pytest.approx(points(2 * p90 / 3, 2 * p90, curve))


def test_half_a_point_is_rounded_up_and_the_active_have_at_least_one():
    """Half up on every engine: not to the even number."""
    assert [rounded(value, active=True) for value in (0.01, 0.5, 1.5, 2.5, 99.49)] == [1, 1, 2, 3, 99]
    assert rounded(0, active=False) == 0


def test_levels_begin_at_their_bounds():
    """75 is most engaged, 74 is not; 0 is inactive."""
    levels = [level_of(score, Levels()) for score in (100, 75, 74, 50, 49, 25, 24, 1, 0)]

    assert levels == [
        *["most_engaged"] * 2,
        *["slightly_engaged"] * 2,
        *["passive"] * 2,
        *["least_engaged"] * 2,
        "inactive",
    ]
