"""A command's side of the socket: finds the server of a data folder and asks it."""

import json
import socket
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from uptake.control.requests import Answer, Chunk, Fault, Progress, Request, Silence, Told
from uptake.control.wire import ADDRESS_FILE, encode, error_of, read_message
from uptake.core.errors import UptakeError


class RemoteDesk:
    """Asks the server that holds the data folder."""

    served = True

    def __init__(self, path: str) -> None:
        """path: the socket's, at which a server listens."""
        self._path = path

    def ask(self, request: Request, told: Told | None = None) -> Any:
        """The answer as plain values.  Raises UptakeError: what the operation raises, or E009."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.connect(self._path)
                with connection.makefile("rwb") as stream:
                    stream.write(encode(request) + b"\n")
                    stream.flush()
                    return _answer(cast(BinaryIO, stream), told or Silence())
            except (OSError, EOFError, msgspec.DecodeError) as error:
                message = "The server that holds this data folder did not answer."
                hint = "Its log says why; the request may or may not have been carried out."
                raise UptakeError("E009", message, hint=hint) from error

    def close(self) -> None:
        """Nothing is held."""


def _answer(stream: BinaryIO, told: Told) -> Any:
    while line := stream.readline():
        message = read_message(line)
        match message:
            case Progress():
                told.progress(message.done, message.total, message.doing)
            case Chunk():
                content = stream.read(message.size)
                if len(content) < message.size:
                    break
                told.chunk(content)
            case Answer():
                return msgspec.json.decode(message.value)
            case Fault():
                raise error_of(message)
    raise EOFError


def find_server(data_dir: Path) -> RemoteDesk | None:
    """The server that listens for this data folder; None if there is none."""
    try:
        path = str(json.loads((data_dir / ADDRESS_FILE).read_text())["socket"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return RemoteDesk(path)
