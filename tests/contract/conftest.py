"""The servers that contract suites ask: each is started once a process, when a test first needs it."""

from collections.abc import Iterator
from functools import wraps
from itertools import count
from typing import Any

import pytest

from tests.jetstream import jetstream
from tests.postgres import postgres


@pytest.fixture(scope="session")
def databases():
    """Makes an empty PostgreSQL database and returns its URL."""
    with postgres() as make:
        yield make


@pytest.fixture(scope="session")
def addresses():
    """Makes the address of an empty call log on NATS."""
    with jetstream() as (_, make):
        yield make


SLOW = "clickhouse"
EVERY = 9
"""An engine that plans each question for long is shown only one of so many examples that are drawn, and not the
first, which is the simplest."""


def _engines(test: pytest.Function) -> list[Any]:
    return list(test.callspec.params.values()) if hasattr(test, "callspec") else []


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Show the slow engine few examples; after one that fails all, so that a smaller one can be found."""
    drawn = getattr(pyfuncitem.obj, "hypothesis", None)
    if drawn is None or SLOW not in _engines(pyfuncitem):
        return (yield)
    test, places, shown, failed = drawn.inner_test, count(1), [], []

    @wraps(test)
    def few(*arguments: Any, **named: Any) -> None:
        if not failed and next(places) % EVERY:
            return
        shown.append(True)
        try:
            test(*arguments, **named)
        except BaseException:
            failed.append(True)
            raise

    drawn.inner_test = few
    try:
        result = yield
        assert shown, "too few examples were drawn for one to be shown"
        return result
    finally:
        drawn.inner_test = test
