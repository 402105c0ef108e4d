"""The servers that contract suites ask: each is started once a process, when a test first needs it."""

import pytest

from tests.postgres import postgres


@pytest.fixture(scope="session")
def databases():
    """Makes an empty PostgreSQL database and returns its URL."""
    with postgres() as make:
        yield make
