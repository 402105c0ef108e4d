"""Files on NATS JetStream: pieces on disk by a majority, and last a message that says the file is whole.

The layout is that of JetStream's Object Store with the call log's patience: a piece is repeated under the same id while
a leader is elected, and nothing waits without an end for a piece that is gone.  One stream for all files, bounded in
bytes and in age.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from uptake.core.errors import UptakeError
from uptake.stores.files.base import FilesUnavailable, KeptFile
from uptake.stores.log.base import LogUnavailable
from uptake.stores.log.nats_address import NatsAddress
from uptake.stores.log.nats_cluster import Cluster, Stored

PATIENCE_S = 12.0
"""A leader's election takes 4 to 8 s; whoever waits for a file waits longer than a sender of calls."""

PIECE_BYTES = 512 * 1024
AT_ONCE = 4
"""Pieces that are asked for at once."""

ERASED_AT_ONCE = 32

MOST_PIECES = 80_000
"""The message that says which pieces a file has must not become too long."""


class Whole(msgspec.Struct, frozen=True):
    """A file that is whole: under which name its pieces stand, their sequence numbers in order, size, since when."""

    begun: str
    size_bytes: int
    kept_us: int
    pieces: list[int]


_decode = msgspec.json.Decoder(Whole).decode


@contextmanager
def _of_files() -> Iterator[None]:
    """What the servers say of a log is said of files.  Raises FilesUnavailable."""
    try:
        yield
    except LogUnavailable as error:
        raise FilesUnavailable(str(error)) from error


class NatsFiles:
    """See `uptake.stores.files.base.FileRoom`."""

    def __init__(
        self, address: NatsAddress, *, clock: Callable[[], int], most_bytes: int, most_s: float, patience_s: float = 0
    ) -> None:
        """clock: µs since 1970 UTC.  most_bytes: of all files together.  most_s: after which the servers themselves
        delete what is left, in seconds.  patience_s: how long a question is repeated.  Raises FilesUnavailable."""
        self._clock, self._most_bytes, self._most_s = clock, most_bytes, most_s
        with _of_files():
            self._cluster = Cluster(address, patience_s=patience_s or PATIENCE_S)
        self._stream, self._subject = f"{address.name.upper()}_FILES", f"{address.name}.files"
        self._made = False

    # ---- taking in
    def keep(self, name: str, path: Path) -> Iterator[int]:
        """See FileRoom."""
        size, begun = path.stat().st_size, f"{self._clock()}-{secrets.token_hex(8)}"
        subject, pieces, taken = f"{self._subject}.piece.{begun}", list[int](), 0
        try:
            with _of_files(), path.open("rb") as file:
                self._demand_room(size)
                while piece := file.read(min(PIECE_BYTES, self._cluster.message_bytes)):
                    pieces.append(self._cluster.keep(subject, piece, repeat_id=f"{begun}-{len(pieces)}"))
                    taken += len(piece)
                    yield taken
                self.drop(name)
                body = msgspec.json.encode(Whole(begun, taken, self._clock(), pieces))
                self._cluster.keep(self._whole(name), body, repeat_id=f"{begun}-whole")
        except GeneratorExit:
            with suppress(LogUnavailable):  # else they go when what was left behind is cleared
                self._erase(pieces)
            raise
        path.unlink(missing_ok=True)

    def _demand_room(self, size: int) -> None:
        if not self._made:
            self._cluster.make(self._stream, f"{self._subject}.>", max_bytes=self._most_bytes, max_age_s=self._most_s)
            self._made = True
        state = self._cluster.state(self._stream)
        kept = state.size_bytes if state else 0
        most = state.max_bytes if state and state.max_bytes >= 0 else self._most_bytes
        if kept + size > most or size > MOST_PIECES * PIECE_BYTES:
            raise UptakeError("files_full", f"{size:,} bytes are too many beside the {kept:,} that are kept.")

    # ---- giving out
    def read(self, name: str) -> Iterator[bytes]:
        """See FileRoom."""
        found = self._found(name)
        if found is None:
            raise KeyError(name)
        return self._pieces(name, found[1].pieces)

    def _pieces(self, name: str, pieces: list[int]) -> Iterator[bytes]:
        for start in range(0, len(pieces), AT_ONCE):
            with _of_files():
                stored = self._cluster.get(self._stream, pieces[start : start + AT_ONCE])
            for each in stored:
                if each is None:
                    raise FilesUnavailable(f"a piece of the file {name} is gone")
                yield each.data

    def all(self) -> list[KeptFile]:
        """See FileRoom."""
        with _of_files():
            subjects = sorted(self._cluster.subjects(self._stream, self._whole("*")))
            stored = self._cluster.last(self._stream, subjects)
        named = zip(subjects, stored, strict=True)
        found = [(_name(subject), _decode(each.data)) for subject, each in named if each is not None]
        files = [KeptFile(name, whole.size_bytes, whole.kept_us) for name, whole in found]
        return sorted(files, key=lambda each: each.name)

    def _found(self, name: str) -> tuple[Stored, Whole] | None:
        with _of_files():
            known = self._cluster.state(self._stream) is not None
            (stored,) = self._cluster.last(self._stream, [self._whole(name)]) if known else [None]
        return None if stored is None else (stored, _decode(stored.data))

    def _whole(self, name: str) -> str:
        return f"{self._subject}.whole.{name.replace('.', '~')}"

    # ---- taking away
    def drop(self, name: str) -> None:
        """See FileRoom; it is not offered any more before the first piece goes."""
        while (found := self._found(name)) is not None:
            with _of_files():
                self._erase([found[0].seq])
                self._erase(found[1].pieces)

    def clear(self, before_us: int) -> None:
        """See FileRoom."""
        with _of_files():
            begun = {_last_of(each) for each in self._cluster.subjects(self._stream, f"{self._subject}.piece.*")}
            left = {each for each in begun if int(each.partition("-")[0]) < before_us}
            if left:
                stored = self._cluster.last(self._stream, self._cluster.subjects(self._stream, self._whole("*")))
                left -= {_decode(each.data).begun for each in stored if each is not None}
            for each in left:
                self._clear(f"{self._subject}.piece.{each}")

    def _clear(self, subject: str) -> None:
        while (last := self._cluster.last(self._stream, [subject])[0]) is not None:
            self._erase([last.seq])

    def _erase(self, seqs: list[int]) -> None:
        for start in range(0, len(seqs), ERASED_AT_ONCE):
            self._cluster.erase(self._stream, seqs[start : start + ERASED_AT_ONCE])

    def close(self) -> None:
        """See FileRoom."""
        self._cluster.close()


def _name(subject: str) -> str:
    return _last_of(subject).replace("~", ".")


def _last_of(subject: str) -> str:
    return subject.rpartition(".")[2]
