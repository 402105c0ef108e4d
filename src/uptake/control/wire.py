"""How requests and answers travel over the socket: a line of JSON each, a chunk's bytes after its line."""

from typing import Any, BinaryIO

import msgspec

from uptake.control.requests import Answer, Chunk, Fault, Message, Progress, Request
from uptake.core.errors import ConfigInvalid, UptakeError
from uptake.core.errors import Fault as ConfigFault

ADDRESS_FILE = "control.json"
"""Where a server writes down in the data folder at which socket it listens."""

read_request = msgspec.json.Decoder(Request).decode
read_message = msgspec.json.Decoder(Message).decode
encode = msgspec.json.encode


def fault_of(error: UptakeError) -> Fault:
    """An error as it travels."""
    faults = tuple((each.place, each.message) for each in error.faults) if isinstance(error, ConfigInvalid) else ()
    return Fault(error.code, error.message, error.hint, faults)


def error_of(fault: Fault) -> UptakeError:
    """The error that travelled."""
    if fault.faults:
        return ConfigInvalid([ConfigFault(place, message) for place, message in fault.faults])
    return UptakeError(fault.code, fault.message, hint=fault.hint)


class Sender:
    """Writes an operation's messages to a stream; is its `Told`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def progress(self, done: int, total: int, doing: str) -> None:
        """So much of so much is done."""
        self.send(Progress(done, total, doing))

    def chunk(self, content: bytes) -> None:
        """One piece of an answer too large for one."""
        self.send(Chunk(len(content)))
        self._stream.write(content)

    def answer(self, value: Any) -> None:
        """The end."""
        self.send(Answer(msgspec.Raw(encode(value))))

    def send(self, message: Message) -> None:
        """One message, at once."""
        self._stream.write(encode(message) + b"\n")
        self._stream.flush()
