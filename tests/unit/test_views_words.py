"""The one sentence that says why a score changed."""

from datetime import date

import pytest

from uptake.core.scores import Part
from uptake.scoring import explain as why
from uptake.scoring.curve import rounded
from uptake.views.words import Told, sentence

POOLED = why.Scale("linear-1", mean=False)
SCALE = why.Scale("linear-1", mean=True)
DAYS = date(2026, 11, 16), date(2026, 11, 23)


def told(before, after, *, p90s=(100.0, 100.0), moved=(), kind="account", stays=()):
    """The sentence for {user: {event: times}} at both ends, each event worth 1."""
    ends = [
        why.End(day, parts, p90, rounded(why.worth(parts, p90, SCALE), active=bool(parts)))
        for day, parts, p90 in zip(DAYS, (parts_of(before), parts_of(after)), p90s, strict=True)
    ]
    first, last = ends
    changes = why.changes_between(first.parts, last.parts, entered=last.parts, left=first.parts)
    compared = why.Ends(first, last, SCALE)
    lines = why.difference(compared, why.as_membership(changes, moved))
    events = why.shifts(compared, why.by_event)
    return sentence(Told(kind, 7, first, last, lines, events, moved))


def parts_of(users):
    return [
        Part(user, "", event, times, 1, float(times))
        for user, events in users.items()
        for event, times in events.items()
    ]


def test_a_fall_names_the_event_and_the_silent_users():
    """The event whose use fell most, and how many of the active users went silent."""
    five = {user: {"Report_Shared": 12, "Login": 10} for user in ("ana", "bob", "eve", "max", "zoe")}
    after = {user: {"Report_Shared": 4, "Login": 16} for user in ("ana", "bob", "eve")}

    assert told(five, after) == "Score fell 2: Report_Shared used 48 fewer times; 2 of 5 users inactive."


def test_a_rise_names_the_event_and_the_woken_users():
    """The event whose use rose most, and how many users are active who were not."""
    before, after = {"ana": {"Login": 10}}, {"ana": {"Login": 10, "Export": 40}, "bob": {"Export": 41}}

    assert told(before, after) == "Score rose 36: Export used 81 more times; 1 more user active."


def test_a_drifting_benchmark_is_named():
    """Unchanged activity under a higher benchmark is the benchmark's doing."""
    same = {"ana": {"Login": 50}}

    assert told(same, same, p90s=(100, 200.5)) == "Score fell 25: the benchmark (P90) rose from 100 to 200.5."


def test_use_without_effect_is_not_blamed():
    """Ana is at the top of the scale already: that she does even more raises nothing."""
    before, after = {"ana": {"Export": 200}, "bob": {"Login": 40}}, {"ana": {"Export": 300}, "bob": {"Login": 40}}

    assert told(before, after, p90s=(100, 80)) == "Score rose 5: the benchmark (P90) fell from 100 to 80."


def test_users_who_move_are_not_called_inactive():
    """Who counts for another account now went there."""
    before, after = {"ana": {"Login": 40}, "bob": {"Login": 90}}, {"ana": {"Login": 40}}

    assert told(before, after, moved={"bob"}).endswith("1 user went to another account.")
    assert told(after, before, moved={"bob"}).endswith("1 user came from another account.")


def test_a_mean_over_more_users_is_named():
    """A weak newcomer lowers the mean though nobody did less."""
    before, after = {"ana": {"Login": 90}}, {"ana": {"Login": 90}, "bob": {"Login": 10}}

    assert told(before, after) == "Score fell 40: the mean is now over 2 active users, before 1."


def test_silence_is_called_inactive():
    """With nothing in either window there is no change to tell."""
    assert told({}, {}, p90s=(None, None)) == "Inactive: no scored event in the last 7 days."


def test_no_change_says_so():
    """The same score is told as unchanged, whatever moved beneath."""
    assert told({"ana": {"Login": 40}}, {"ana": {"Export": 40}}) == "Score unchanged at 40."


def test_a_user_has_no_users():
    """Of a user only use and benchmark are told."""
    assert told({"ana": {"Login": 40}}, {}, kind="user") == "Score fell 40: Login used 40 fewer times."


ACTIVE, FRESH = {"ana": {"Login": 50}}, {"ana": {"Login": 50}, "bob": {"Login": 50}}
CLAUSES = {
    "entered": "Login used 50 more times",
    "left": "Login used 50 fewer times",
    "faded": "older use counts for less",
    "reweighted": "the scoring model changed",
    "membership": "1 user came from another account",
    "exclusions": "other users are counted",
    "averaged": "the mean is now over 2 active users, before 1",
    "p90": "the benchmark (P90) fell from 100 to 90",
}


@pytest.mark.parametrize("reason", [each for each in why.REASONS if each != "rounding"])
def test_every_reason_has_its_words(reason):
    """Whatever reason alone moves a score, the sentence tells of it in words of its own; rounding is no reason."""
    falls = reason in ("left", "averaged")
    then, now = (FRESH, ACTIVE) if reason == "left" else (ACTIVE, FRESH)
    before, after = parts_of(then), parts_of(now)
    ends = [why.End(DAYS[0], before, 100.0, 50), why.End(DAYS[1], after, 90.0, 40 if falls else 60)]
    shifts = why.shifts(why.Ends(*ends, POOLED), why.by_event)
    used = shifts if reason in ("entered", "left") else []
    moved = ("bob",) if reason == "membership" else ()

    words = sentence(Told("account", 7, *ends, [why.Line(reason, 1.0, -10.0 if falls else 10.0)], used, moved))

    assert CLAUSES[reason] in words
    assert sum(clause in words for clause in CLAUSES.values()) == 1
