"""Log lines: names with fields, for people and as JSON."""

import json
import logging
import sys

import pytest

from uptake.cli.logs import JsonLines, TextLines


def record(message="call_rejected", *, exc_info=None, **fields):
    """A record as a logger makes it."""
    made = logging.makeLogRecord({"name": "uptake.web", "levelno": 20, "levelname": "INFO", "msg": message})
    made.created, made.msecs, made.exc_info = 1_767_323_045.0, 7.0, exc_info
    vars(made).update(fields)
    return made


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({}, ""),
        ({"code": "missing_user", "times": 3}, " code=missing_user times=3"),
        ({"text": "two words", "none": None, "empty": ""}, ' text="two words" none=None empty=""'),
        ({"text": 'a"b', "line": "a\nb", "pair": "a=b"}, ' text="a\\"b" line="a\\nb" pair="a=b"'),
    ],
)
def test_a_line_is_a_name_with_fields(fields, written):
    """Time, level, logger and event, then each field; what would be ambiguous is quoted, so that one event is one
    line."""
    line = TextLines().format(record(**fields))

    assert line == f"2026-01-02T03:04:05.007Z INFO uptake.web call_rejected{written}"


def test_json_lines_hold_the_same():
    """Every field is a member of the object."""
    line = JsonLines().format(record(code="missing_user", times=3))

    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.007Z",
        "level": "info",
        "logger": "uptake.web",
        "event": "call_rejected",
        "code": "missing_user",
        "times": 3,
    }


def test_a_fault_is_logged_with_its_traceback():
    """In both forms."""
    try:
        raise ValueError("no")
    except ValueError:
        caught = sys.exc_info()

    assert "ValueError: no" in TextLines().format(record(exc_info=caught))
    assert "ValueError: no" in json.loads(JsonLines().format(record(exc_info=caught)))["traceback"]
