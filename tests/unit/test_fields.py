"""What each kind of field takes, what it makes of it, and the sentence where it does not."""

import math

import pytest

from uptake.destination.fields import Field, Refusal, check_of, is_date_time, missing, moment_of

REFUSED = {
    "string": "Name must be a string but it was {}.",
    "number": "MRR must be a number but it was {}.",
    "object": "Traits must be an object but it was {}.",
}


def check(value, *, type="string", format=None, lenient=False):
    """The value as the field takes it, or the sentence that refuses it."""
    label = {"string": "Name", "number": "MRR", "object": "Traits"}[type]
    taken = check_of(Field("x", label, type, {}, "", format=format), lenient=lenient)(value)
    return taken.sentence if isinstance(taken, Refusal) else taken


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (" ", " "),
        (5, "5"),
        (5.0, "5"),
        (1e21, "1e+21"),
        (True, "true"),
        (False, "false"),
        (["x"], "x"),
        ([5], "5"),
        ([None], ""),
        ([""], ""),
        (12345678901234567890, "12345678901234567890"),
    ],
)
def test_a_string_field_takes_numbers_booleans_and_a_list_of_one(value, text):
    """Numbers and booleans become JavaScript's text; a list of one counts as its item."""
    assert check(value) == text


@pytest.mark.parametrize(
    ("value", "was"),
    [({}, "an object"), ([], "an array"), (["a", "b"], "an array"), ([["a"]], "an array"), ([{}], "an object")],
)
def test_a_string_field_refuses_objects_and_other_lists(value, was):
    """The sentence names the type that was found, inside a list of one too."""
    assert check(value) == REFUSED["string"].format(was)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (99, 99),
        (99.5, 99.5),
        (-0.0, 0),
        (True, 1),
        (False, 0),
        (" 99.5 ", 99.5),
        ("0x10", 16),
        ("1e3", 1000),
        ("  ", 0),
        (["5"], 5),
        ([None], 0),
        ([True], 1),
        ("Infinity", None),
        ("1e400", None),
    ],
)
def test_a_number_field_takes_numeric_texts_and_booleans(value, number):
    """What JavaScript's Number() reads; an infinity is sent as null."""
    taken = check(value, type="number")

    assert taken == number
    assert not isinstance(taken, bool)


@pytest.mark.parametrize(
    ("value", "was"),
    [
        ("$99", "a string"),
        ("1_000", "a string"),
        ({}, "an object"),
        ([], "an array"),
        ([1, 2], "an array"),
        (["x"], "a string"),
        (math.inf, "a number"),
    ],
)
def test_a_number_field_refuses_the_rest(value, was):
    """Money with its sign is no number."""
    assert check(value, type="number") == REFUSED["number"].format(was)


@pytest.mark.parametrize(
    ("value", "was"), [("x", "a string"), ([{}], "an array"), (5, "a number"), (True, "a boolean")]
)
def test_an_object_field_takes_objects_alone(value, was):
    """Not even a list of one object."""
    assert check(value, type="object") == REFUSED["object"].format(was)
    assert check({"a": 1}, type="object") == {"a": 1}


@pytest.mark.parametrize("email", ["ana@acme.co", "A.b+c@d-e.f.io", "o'neil@x.y", "a@1.2", "{x}@y.zz"])
def test_an_email_with_a_dot_in_its_domain_is_taken(email):
    """ASCII, in any case."""
    assert check(email, format="email") == email


@pytest.mark.parametrize(
    "email",
    [
        "a@b",
        "a..b@c.de",
        ".a@b.co",
        "a@b..co",
        "a@-b.co",
        "é@x.co",
        "a@x.co\n",
        "a b@c.de",
        "a@\u212a.co",
        "x" * 9_999 + "@",
        5,
    ],
)
def test_other_emails_are_refused(email):
    """The format's sentence, also for a number that became a text."""
    assert check(email, format="email") == "Name must be a valid email address string but it was not."


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01T10:00:00.000Z",
        "2024-05-01t10:00:00z",
        "2024-05-01 10:00:00",
        "2024-05-01\u00a010:00:00Z",
        "2024-05-01T10:00:00+0100",
        "2024-05-01T10:00:00-01",
        "2024-05-01T10:00:00+99:99",
        "2024-12-31T23:59:60Z",
        "2024-02-29T00:00:00Z",
        "2000-02-29T00:00:00Z",
        "0000-02-29T00:00:00Z",
        "2024-01-31T00:00:00Z",
    ],
)
def test_date_times_that_segment_takes(text):
    """The zone may be absent, and a blank may stand for the T."""
    assert is_date_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01",
        "1714557600",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-05-01T24:00:00Z",
        "2024-05-01T10:60:00Z",
        "2024-05-01T22:59:60Z",
        "2024-05-01T10:00Z",
        "2024-05-01T10:00:00.Z",
        "2024-05-01T10:00:00Z\n",
        "2024-05-01  10:00:00Z",
        " 2024-05-01T10:00:00Z",
        "２024-05-01T10:00:00Z",
        "",
    ],
)
def test_date_times_that_segment_refuses(text):
    """Dates alone, Unix times, days that no calendar has."""
    assert not is_date_time(text)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1714557600, "2024-05-01T10:00:00.000Z"),
        (1714557600.5, "2024-05-01T10:00:00.500Z"),
        (1714557600123, "2024-05-01T10:00:00.123Z"),
        ("1714557600", "2024-05-01T10:00:00.000Z"),
        (" 1714557600123 ", "2024-05-01T10:00:00.123Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.000Z"),
        ("2024-05-01", "2024-05-01T00:00:00.000Z"),
        ("20240501", "2024-05-01T00:00:00.000Z"),
        ("2024-05", "2024-05-01T00:00:00.000Z"),
        ("2024-05-01T10:00Z", "2024-05-01T10:00:00.000Z"),
        ("20240501T100000+0200", "2024-05-01T08:00:00.000Z"),
        ("2024-05-01T10:00:00,1239-01:30", "2024-05-01T11:30:00.123Z"),
        ("2024-05-01T10:00:00+0100", "2024-05-01T10:00:00+0100"),
    ],
    ids=repr,
)
def test_a_lenient_date_time_takes_other_forms_and_writes_them_one_way(value, moment):
    """UTC with milliseconds and Z; what Segment takes anyway is left as it is."""
    assert check(value, format="date-time", lenient=True) == moment


@pytest.mark.parametrize(
    "value",
    ["soon", "2024-02-30", "24", "2024-05-01T25:00Z", 10**15, 1e300, True, {}, [1714557600, 2], "1e9", math.inf],
)
def test_a_lenient_date_time_refuses_what_is_no_moment(value):
    """With the sentence that the strict field has."""
    sentence = check(value, format="date-time", lenient=True)

    assert sentence == check(value, format="date-time")
    assert sentence.endswith("but it was not.") or "must be a string" in sentence


def test_a_strict_date_time_refuses_a_unix_time():
    """Segment turns the number into a text and finds no date in it."""
    assert check(1714557600, format="date-time") == "Name must be a valid date and time string but it was not."


def test_moments_without_a_zone_are_utc():
    """Naive moments are the same for everyone."""
    assert moment_of("2024-05-01 10:00") == moment_of("2024-05-01T12:00+02:00")
    assert moment_of(None) is None


def test_the_sentence_for_a_missing_field():
    """A missing field is named by its key, not by its label."""
    assert missing("userId") == "The root value is missing the required field 'userId'."
