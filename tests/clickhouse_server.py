"""ClickHouse for tests over its HTTP interface: a process of its own that owns chDB, ClickHouse's engine as a library.

It answers what clickhouse-connect asks: statements with bound parameters and settings, sessions with their temporary
tables, inserts in any format, results in the format that the statement names, exceptions with their codes.  There is
no replication and nothing distributed.  `UPTAKE_TEST_CLICKHOUSE_URL` puts a real server in its place.
"""

import email
import gzip
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import clickhouse_connect
import lz4.frame

from tests.started import ended_unless_ready

Databases = Callable[[], str]
"""Makes an empty database and returns its address, as UPTAKE_STORE_URL takes it."""

_PACKERS = {"lz4": lz4.frame.compress, "gzip": gzip.compress}
_UNPACKERS = {"lz4": lz4.frame.decompress, "gzip": gzip.decompress}
_TRANSPORT = {
    "query",
    "database",
    "session_id",
    "session_timeout",
    "query_id",
    "wait_end_of_query",
    "client_protocol_version",
    "enable_http_compression",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "cancel_http_readonly_queries_on_client_close",
}
"""What a request says beside the engine's settings."""

_FORMAT_LAST = re.compile(rb"\bformat\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_INSERT = re.compile(rb"\s*(insert\s+into\s.+?)\s+format\s+(\w+)[ \t\r]*(?:\n|$)", re.IGNORECASE | re.DOTALL)
_LONGEST_VALUE = 128 * 1024
"""Of what a request says, as the server's `http_max_field_value_size` has it unless it was changed."""
_CODE = re.compile(r"Code: (\d+)")
_NOT_FOUND = {"60", "81"}
"""Unknown tables and databases are 404; other exceptions are 500."""


class Session:
    """A session of the engine: its temporary tables stay, the settings of one statement do not."""

    def __init__(self, folder: str) -> None:
        self._engine = chdb.connect(folder)
        self._set: dict[str, str] = {}
        self.lock = threading.Lock()

    def prepare(self, said: dict[str, str]) -> None:
        """Put the database and the settings of the next statement in force."""
        if said.get("database"):
            self.query(f"use `{said['database']}`")
        wanted = {name: value for name, value in said.items() if name not in _TRANSPORT and name[:6] != "param_"}
        for name in self._set.keys() - wanted.keys():
            self.query(f"set {name} = default")
            del self._set[name]
        for name, value in wanted.items() - self._set.items():
            self.query(f"set {name} = {_quoted(value)}")
            self._set[name] = value

    def query(self, text: str, form: str = "TabSeparated", **more: Any) -> Any:
        """Ask the engine."""
        return self._engine.query(text, form, **more)

    def close(self) -> None:
        """Give it back."""
        self._engine.close()


class Sessions:
    """The sessions that are open, by id; a request without an id has one of its own."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    @contextmanager
    def session(self, session_id: str) -> Iterator[Session]:
        """The session, nobody else using it."""
        if not session_id:
            with closing(Session(self._folder)) as session:
                yield session
            return
        with self._lock:
            if session_id not in self._open:
                self._open[session_id] = Session(self._folder)
            session = self._open[session_id]
        with session.lock:
            yield session


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    sessions: Sessions

    def do_GET(self) -> None:
        """A ping, or a statement in the address."""
        if urlsplit(self.path).path in ("/ping", "/replicas_status"):
            self._answer(200, b"Ok.\n", {})
        else:
            self._asked(b"")

    def do_POST(self) -> None:
        """A statement in the body, or in the address with what it inserts in the body."""
        self._asked(self._body())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return _UNPACKERS.get(self.headers.get("Content-Encoding", ""), bytes)(body)

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _asked(self, body: bytes) -> None:
        said = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            said, body = said | _form(kind, body), b""
        if any(len(value.encode()) > _LONGEST_VALUE for value in said.values()):
            self._answer(400, b"HTML Form Exception: Field value too long\n", {})
            return
        statement = b"\n".join(each for each in (said.get("query", "").encode(), body) if each)
        query_id = {"X-ClickHouse-Query-Id": said.get("query_id") or str(uuid.uuid4())}
        try:
            with self.sessions.session(said.get("session_id", "")) as session:
                session.prepare(said)
                answer, told = _performed(session, statement, said)
        except (chdb.ChdbError, RuntimeError) as error:
            found = _CODE.search(str(error))
            code = found[1] if found else "1002"
            status = 404 if code in _NOT_FOUND else 500
            self._answer(
                status, f"{error} (version 26.9)\n".encode(), {"X-ClickHouse-Exception-Code": code, **query_id}
            )
        else:
            asked = said.get("enable_http_compression") == "1"
            wanted = self.headers.get("Accept-Encoding", "").replace(" ", "").split(",") if asked else []
            packing = next((each for each in wanted if each in _PACKERS), "")
            if packing:
                answer, told = _PACKERS[packing](answer), {**told, "Content-Encoding": packing}
            self._answer(200, answer, {**told, **query_id})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "X-ClickHouse-Timezone": "UTC"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the statements would be told."""


def _form(kind: str, body: bytes) -> dict[str, str]:
    """Parameters that came as a form, because an address would be too long for them."""
    parts = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body).get_payload()
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()
        for part in parts
    }


def _performed(session: Session, statement: bytes, said: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """The answer to a statement and what the headers say of it."""
    parameters = {name.removeprefix("param_"): value for name, value in said.items() if name.startswith("param_")}
    insert = _INSERT.match(statement)
    if insert:
        return b"", _summary(_inserted(session, insert[1].decode(), insert[2].decode(), statement[insert.end() :]))
    text, chosen = statement.decode(), _FORMAT_LAST.search(statement)
    if chosen:
        result = session.query(text, "TabSeparated", params=parameters)
        return result.bytes() or b"", _summary(result, chosen[1].decode())
    result = session.query(text, "TabSeparatedWithNames", params=parameters)  # names: also where there are no rows
    names, _, rows = (result.bytes() or b"").partition(b"\n")
    return rows, _summary(result, "TabSeparated" if names else "")


def _inserted(session: Session, statement: str, form: str, rows: bytes) -> object:
    with tempfile.NamedTemporaryFile() as file:
        file.write(rows)
        file.flush()
        return session.query(f"{statement} from infile {_quoted(file.name)} format {form}", "TabSeparated")


def _summary(result: object, form: str = "") -> dict[str, str]:
    rows, size = str(result.rows_read()), str(result.bytes_read())
    told = {"read_rows": rows, "read_bytes": size, "written_rows": rows, "written_bytes": size}
    return {"X-ClickHouse-Summary": json.dumps(told), **({"X-ClickHouse-Format": form} if form else {})}


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Server(ThreadingHTTPServer):
    """Goes on when a client is killed in the middle of a request."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of everything but a client that is gone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(port: int, folder: str) -> None:
    """Answer until the process is ended."""
    Handler.sessions = Sessions(folder)
    with closing(chdb.connect(folder)):  # the engine lives as long as any session
        Server(("127.0.0.1", port), Handler).serve_forever()


class Process:
    """The process on a folder and a port; it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"clickhouse://default@127.0.0.1:{self._port}/default"
        self.start()

    def start(self) -> None:
        """Run it, and wait until it takes connections."""
        command = [sys.executable, "-m", "tests.clickhouse_server", str(self._port), str(self.folder)]
        self._process = subprocess.Popen(command, cwd=_ROOT)
        with ended_unless_ready(self.kill):
            _wait(self._process, self._port)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


@contextmanager
def clickhouse() -> Iterator[Databases]:
    """Run the process while the block lasts, or use the server that the environment names."""
    given = os.environ.get("UPTAKE_TEST_CLICKHOUSE_URL", "")
    if given:
        yield _databases(given)
        return
    with tempfile.TemporaryDirectory(prefix="ch-", ignore_cleanup_errors=True) as folder:
        server = Process(Path(folder))
        try:
            yield _databases(server.url)
        finally:
            server.kill()


_ROOT = Path(__file__).resolve().parent.parent


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    while True:
        assert process.poll() is None, "the process has ended, or did not take connections in time"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)


def client_of(url: str, database: str = "", **more: Any) -> clickhouse_connect.driver.client.Client:
    """A client of the database of an address, or of another one there."""
    at = urlsplit(url)
    return clickhouse_connect.get_client(
        host=at.hostname,
        port=at.port,
        username=at.username or "default",
        password=at.password or "",
        database=database or at.path.strip("/"),
        **more,
    )


def _databases(url: str) -> Databases:
    numbers, run = itertools.count(1), uuid.uuid4().hex[:8]

    def make() -> str:
        name = f"test_{run}_{next(numbers)}"
        with closing(client_of(url, "default")) as client:
            client.command(f"create database {name}")
        return urlsplit(url)._replace(path=f"/{name}").geturl()

    return make


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
