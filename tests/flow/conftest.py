"""Installations on disk for tests that run real processes."""

import pytest

from tests.installed import Installed


@pytest.fixture
def installed(tmp_path):
    """An installation of the test's own; nothing is there yet."""
    made = Installed(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One running server for all tests of a module that leave each other alone."""
    made = Installed(tmp_path_factory.mktemp("served") / "data")
    made.start()
    yield made
    made.close()
