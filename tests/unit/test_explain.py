"""A score is taken apart without a rest, and so is the difference of two."""

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.core.scores import Part
from uptake.scoring import explain as why
from uptake.scoring import remodelled
from uptake.scoring.curve import rounded

SUNDAY, MONDAY = date(2026, 11, 22), date(2026, 11, 23)
MEAN, POOLED = why.Scale("exponential-1", mean=True), why.Scale("exponential-1", mean=False)
LINEAR = why.Scale("linear-1", mean=True)


def part(user: str, event: str, times: int, weight: int = 1, feature: str = "") -> Part:
    return Part(user, feature, event, times, weight, float(times * weight))


def end(parts, p90, scale, day=MONDAY) -> why.End:
    score = rounded(why.worth(parts, p90, scale), active=why.total_raw(parts) > 0)
    return why.End(day, parts, p90, score)


def lines(before, after, scale, **reasons) -> dict[str, why.Line]:
    changes = why.changes_between(before.parts, after.parts, entered=after.parts, left=before.parts)
    return {line.reason: line for line in why.difference(why.Ends(before, after, scale), changes)}


def test_worked_example_sums_to_187():
    """Weights 9, 7, 5, 3, 1 and counts 3, 5, 10, 20, 15 are a raw score of 187, taken apart by event."""
    parts = [
        part("ana", name, times, weight)
        for name, times, weight in zip("abcde", (3, 5, 10, 20, 15), (9, 7, 5, 3, 1), strict=True)
    ]

    found = why.shares(end(parts, 208.2, MEAN), why.part_points(parts, 208.2, MEAN), why.by_event)

    assert [(share.name, share.raw) for share in found] == [("d", 60), ("c", 50), ("b", 35), ("a", 27), ("e", 15)]
    assert why.total_raw(parts) == 187
    assert math.isclose(math.fsum(share.points for share in found), why.worth(parts, 208.2, MEAN))


def test_points_of_a_mean_are_shared_among_active_users():
    """Under a mean each user's points are divided by the number of active users; a silent one counts for nothing."""
    parts = [part("ana", "export", 208), part("bob", "login", 1), part("eve", "login", 0)]

    shares = why.shares(end(parts, 208.0, MEAN), why.part_points(parts, 208.0, MEAN), why.by_user)
    found = {share.name: share for share in shares}

    assert found["ana"].points == pytest.approx(45)
    assert found["eve"].points == 0


def test_unchanged_activity_and_benchmark_leave_no_line():
    """Where nothing moved there is nothing to tell."""
    same = end([part("ana", "export", 5)], 10.0, MEAN)

    assert why.difference(why.Ends(same, same, MEAN), []) == []


def test_drift_of_p90_alone_is_told_as_p90():
    """With the same activity in both windows the whole difference is the benchmark's (and rounding)."""
    parts = [part("ana", "export", 5)]
    before, after = end(parts, 10.0, LINEAR), end(parts, 20.0, LINEAR)

    changes = why.changes_between(parts, parts, entered=(), left=())
    found = why.difference(why.Ends(before, after, LINEAR), changes)

    assert [(line.reason, line.raw, line.points) for line in found] == [("p90", 0.0, -25.0)]


def test_a_newly_active_user_changes_the_mean_in_a_line_of_its_own():
    """Ana does as before; bob wakes up with little: what he adds and what he dilutes are two lines."""
    ana, bob = part("ana", "export", 50), part("bob", "login", 10)
    before, after = end([ana], 100.0, LINEAR), end([ana, bob], 100.0, LINEAR)
    changes = why.changes_between(before.parts, after.parts, entered=[bob], left=())

    found = {line.reason: line for line in why.difference(why.Ends(before, after, LINEAR), changes)}

    assert found["entered"].raw == 10
    assert found["entered"].points == pytest.approx(10 * (1 + 1 / 2) / 2)
    assert found["averaged"].points == pytest.approx((50 + 60) / 2 * (1 / 2 - 1))
    assert math.fsum(line.points for line in found.values()) == pytest.approx(30 - 50)


def test_a_benchmark_that_did_not_exist_has_not_drifted():
    """Before anybody was active there was no P90: the rise is owed to what entered."""
    before, after = end([], None, MEAN), end([part("ana", "export", 5)], 5.0, MEAN)

    assert lines(before, after, MEAN).keys() <= {"entered", "rounding"}
    assert lines(before, after, MEAN)["entered"].points == pytest.approx(90)


def test_what_stays_in_the_window_can_only_fade():
    """Raw that both windows hold and that is worth less now is told as faded."""
    before, after = [part("ana", "export", 8)], [Part("ana", "", "export", 8, 1, 4.0)]

    found = [each for each in why.changes_between(before, after, entered=(), left=()) if each.parts]

    assert [(each.reason, each.raw) for each in found] == [("faded", -4.0)]
    assert [(each.user, each.event, each.times) for each in found[0].parts] == [("ana", "export", 0)]


def test_what_a_mover_brings_is_membership():
    """Users who count for another account at one end are told apart."""
    changes = [why.Change("entered", 1, [part("ana", "export", 3)]), why.Change("left", -1, [part("bob", "export", 2)])]

    told = why.as_membership(changes, {"bob"})

    assert [(each.reason, each.raw) for each in told] == [("entered", 3.0), ("membership", -2.0)]


def test_new_weights_are_told_as_reweighted():
    """The same activity under other weights differs by the weights alone."""
    stood, retold = end([part("ana", "export", 3, 2)], 10, MEAN), end([part("ana", "export", 3, 5)], 10, MEAN)

    changes = remodelled.changes(remodelled.Remodel(stood, MEAN, retold, frozenset(), alike=False))

    assert math.fsum(each.raw for each in changes) == 9
    assert {each.reason for each in changes} == {"reweighted"}


NAMES = st.sampled_from(["ana", "bob", "eve", "max"])
EVENTS = st.sampled_from(["export", "login", "share"])
PARTS = st.dictionaries(st.tuples(NAMES, EVENTS), st.tuples(st.integers(1, 500), st.integers(1, 10)), max_size=12).map(
    lambda found: [part(user, event, *counts) for (user, event), counts in found.items()]
)
SCALES = st.builds(why.Scale, st.sampled_from(["exponential-1", "linear-1"]), mean=st.booleans())
BENCHMARKS = st.floats(0.5, 5_000)


@given(parts=PARTS, p90=BENCHMARKS, scale=SCALES)
def test_parts_share_the_points_without_a_rest(parts, p90, scale):
    """By feature, event or user: raw sums to raw, points to the unrounded score."""
    worths, taken = why.part_points(parts, p90, scale), end(parts, p90, scale)

    for key in (why.by_feature, why.by_event, why.by_user):
        found = why.shares(taken, worths, key)
        assert math.fsum(share.raw for share in found) == why.total_raw(parts)
        assert math.isclose(
            math.fsum(share.points for share in found), why.worth(parts, p90, scale), rel_tol=1e-9, abs_tol=1e-9
        )


@given(then=PARTS, now=PARTS, kept=PARTS, p90s=st.tuples(BENCHMARKS, BENCHMARKS), scale=SCALES, moved=st.sets(NAMES))
def test_differences_add_up(then, now, kept, p90s, scale, moved):
    """Whatever left, entered and stayed: the lines sum to the changes of raw and of the score shown."""
    before, after = end([*then, *kept], p90s[0], scale, SUNDAY), end([*kept, *now], p90s[1], scale)
    changes = why.as_membership(why.changes_between(before.parts, after.parts, entered=now, left=then), moved)
    ends = why.Ends(before, after, scale)

    found = why.difference(ends, changes)

    raw_change = why.total_raw(after.parts) - why.total_raw(before.parts)
    assert math.fsum(line.raw for line in found) == raw_change
    assert math.fsum(line.points for line in found) == pytest.approx(after.score - before.score, abs=1e-9)
    rounding = sum(line.points for line in found if line.reason == "rounding")
    assert abs(rounding) <= 1 + 1e-6
    for key in (why.by_feature, why.by_event, why.by_user):
        shifts = why.shifts(ends, key)
        activity = math.fsum(line.points for line in found if line.reason not in ("averaged", "p90", "rounding"))
        assert math.fsum(shift.raw - shift.raw_before for shift in shifts) == raw_change
        assert math.fsum(shift.points for shift in shifts) == pytest.approx(activity, abs=1e-6)


@given(
    stood=PARTS,
    retold=PARTS,
    kept=PARTS,
    now=PARTS,
    p90s=st.tuples(BENCHMARKS, BENCHMARKS, BENCHMARKS),
    scales=st.tuples(SCALES, SCALES),
    uncounted=st.frozensets(NAMES),
)
def test_differences_over_another_model_add_up(stood, retold, kept, now, p90s, scales, uncounted):
    """From the score that stood under one model to that of another: nothing is left over, in raw and in points."""
    first, before = end(stood, p90s[0], scales[0], SUNDAY), end([*retold, *kept], p90s[1], scales[1], SUNDAY)
    after = end([*kept, *now], p90s[2], scales[1])
    step = remodelled.Remodel(first, scales[0], before, uncounted, alike=False)
    changes = why.changes_between(before.parts, after.parts, entered=now, left=retold)
    ends = why.Ends(before, after, scales[1])

    found = remodelled.difference(step, ends, changes)

    raw_change = why.total_raw(after.parts) - why.total_raw(first.parts)
    assert math.fsum(line.raw for line in found) == pytest.approx(raw_change, abs=1e-6)
    assert math.fsum(line.points for line in found) == pytest.approx(after.score - first.score, abs=1e-9)
    assert abs(sum(line.points for line in found if line.reason == "rounding")) <= 1 + 1e-6
    every = [*remodelled.changes(step), *changes]
    assert math.fsum(each.raw for each in every) == pytest.approx(raw_change, abs=1e-6)
    for key in (why.by_feature, why.by_event, why.by_user):
        shifts = remodelled.shifts(step, ends, key)
        activity = math.fsum(line.points for line in found if line.reason not in ("averaged", "p90", "rounding"))
        assert math.fsum(shift.raw - shift.raw_before for shift in shifts) == pytest.approx(raw_change, abs=1e-6)
        assert math.fsum(shift.points for shift in shifts) == pytest.approx(activity, abs=1e-6)


def test_what_another_model_does_is_told_by_weights_and_by_whom_it_counts():
    """Ana's exports weigh more; bob is counted by the old model alone, and what he was worth is told apart."""
    stood = end([part("ana", "export", 3, 1), part("bob", "export", 6, 1)], 10, POOLED)
    retold = end([part("ana", "export", 3, 4)], 10, POOLED)
    step = remodelled.Remodel(stood, POOLED, retold, frozenset(["bob"]), alike=False)

    found = {line.reason: line for line in remodelled.difference(step, why.Ends(retold, retold, POOLED), [])}

    assert {reason: line.raw for reason, line in found.items()} == {"reweighted": 9, "exclusions": -6, "rounding": 0}
    assert found["exclusions"].points == pytest.approx(100 * (10**-0.9 - 10**-0.3))
    assert found["reweighted"].points == pytest.approx(100 * (10**-0.3 - 10**-1.2))


def test_models_that_differ_in_whom_they_count_alone_have_no_other_line():
    """The benchmark that moved with it is owed to it as well."""
    stood = end([part("ana", "export", 3, 1)], 10, POOLED)
    retold = end([part("ana", "export", 3, 1)], 5, POOLED)
    step = remodelled.Remodel(stood, POOLED, retold, frozenset(["bob"]), alike=True)

    found = remodelled.difference(step, why.Ends(retold, retold, POOLED), [])

    assert {line.reason for line in found} == {"exclusions", "rounding"}
