"""The servers that contract suites ask: each is started once a process, when a test first needs it."""

import pytest

from tests.postgres import postgres


@pytest.fixture(scope="session")
def databases(tmp_path_factory):
    """Makes an empty PostgreSQL database and returns its URL."""
    with postgres(tmp_path_factory.mktemp("postgres")) as make:
        yield make
