"""The servers that contract suites ask: each is started once a process, when a test first needs it."""

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
