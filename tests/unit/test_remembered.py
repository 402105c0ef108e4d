"""Answers are remembered until the next write, and none of them outlives it."""

import pytest

from uptake.stores.events.remembered import Remembered


def test_a_question_is_asked_once_until_something_is_written():
    """Asked again it is answered from memory; after a write, also one that failed, it is asked anew."""
    remembered, asked = Remembered(), iter(range(9))

    def ask():
        return next(asked)

    assert [remembered.answer(each, ask) for each in ("days", "days", "other", "days")] == [0, 0, 1, 0]
    with remembered.changing():
        pass
    assert remembered.answer("days", ask) == 2
    with pytest.raises(OSError, match="full"), remembered.changing():
        raise OSError("full")
    assert remembered.answer("days", ask) == 3


def test_what_was_read_before_a_write_ended_is_not_kept():
    """A reader that looked before the write gets what it saw, and nobody after it does."""
    remembered = Remembered()

    def ask_while_written():
        with remembered.changing():
            return "before"

    assert remembered.answer("days", ask_while_written) == "before"
    assert remembered.answer("days", lambda: "after") == "after"
