"""The socket in the data folder on which a running server does what commands ask.

Whoever can open the socket may do everything, so it is only its owner's (mode 0600 in a folder of mode 0700).  A thread
serves each command; nothing of this is reachable from the network.
"""

import json
import logging
import os
import socketserver
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from uptake.control.operations import Office, perform
from uptake.control.wire import ADDRESS_FILE, Sender, fault_of, read_request
from uptake.core.errors import UptakeError

log = logging.getLogger("uptake.control")

LONGEST_PATH = 100
"""Bytes of a Unix socket's path that every system takes."""


class _Handler(socketserver.StreamRequestHandler):
    """One command."""

    server: "_Listener"

    def handle(self) -> None:
        """Read the request, do it, answer."""
        sender = Sender(self.wfile)  # type: ignore[arg-type]
        with suppress(BrokenPipeError, ConnectionResetError):  # the command was interrupted
            line = self.rfile.readline()
            if not line:  # a command looked whether somebody is here
                return
            try:
                request = read_request(line)
                log.debug("control", extra={"ask": type(request).__name__})
                sender.answer(perform(self.server.office, request, sender))
            except UptakeError as error:
                sender.send(fault_of(error))
            except msgspec.DecodeError as error:
                unknown = UptakeError("E009", f"The server does not know this request: {error}.", hint="Restart it.")
                sender.send(fault_of(unknown))


class _Listener(socketserver.ThreadingUnixStreamServer):
    """The listening socket."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, path: str, office: Office) -> None:
        self.office = office
        super().__init__(path, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A fault of our own: logged; the command sees that no answer came."""
        log.exception("control_failed")


class ControlServer:
    """Listens while the server runs."""

    def __init__(self, office: Office, *, url: str = "") -> None:
        """url: where the web is served, for `control.json`."""
        self._folder = office.data_dir
        self._path, self._made = _socket_path(self._folder)
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        self._listener = _Listener(str(self._path), office)
        os.chmod(self._path, 0o600)
        self._url = url
        self._thread = threading.Thread(target=self._listener.serve_forever, name="control", daemon=True)

    def start(self) -> None:
        """Begin to listen, and write down where."""
        self._thread.start()
        address = {"socket": str(self._path), "pid": os.getpid(), "url": self._url}
        fresh = self._folder / f".{ADDRESS_FILE}"
        fresh.write_text(json.dumps(address) + "\n")
        fresh.rename(self._folder / ADDRESS_FILE)

    def stop(self) -> None:
        """Listen no more, and leave nothing behind."""
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()
        for path in (self._folder / ADDRESS_FILE, self._path):
            path.unlink(missing_ok=True)
        if self._made:
            self._path.parent.rmdir()


def _socket_path(folder: Path) -> tuple[Path, bool]:
    """Where the socket goes: into the folder, or into one of its own where the folder's path is too long."""
    path = folder.absolute() / "control.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path, False
    return Path(tempfile.mkdtemp(prefix="uptake-")) / "control.sock", True
