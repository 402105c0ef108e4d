"""History from files: calls into the log, in chunks, each written down before it is appended.

What a file's lines or rows are is a `Reading`: JSON Lines of Segment calls here, CSV in `uptake.pipeline.import_csv`.

A file is known by its content.  How far it came is a fact in the meta store, so that an import that was killed goes on
where it stopped, and a finished file is not taken twice.  A chunk that was appended but not yet written down as done is
found again in the log by its messages.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec

from uptake.core.calls import Call, Projection
from uptake.core.erasure import Suppression
from uptake.core.errors import Rejection, UptakeError
from uptake.sources.base import MAX_CALL_BYTES, Decoded, Incoming
from uptake.sources.jsonl import decode_lines
from uptake.stores.log.base import CallLog, LogUnavailable, Request
from uptake.stores.meta.base import MetaStore

CHUNK_LINES = 2_000
HASH_BYTES = 1 << 20
LISTED_REFUSALS = 20
LONGEST_LINE = 4 * MAX_CALL_BYTES
"""More of a line is not even read: it is refused as too large."""


class FileProgress(msgspec.Struct):
    """How far a file came: lines taken, how many of them were logged and refused, and whether that was all.

    pending_from: the log's end before the chunk that follows `lines` was appended; pending_lines: that chunk's size.
    """

    lines: int = 0
    logged: int = 0
    refused: int = 0
    done: bool = False
    pending_from: int | None = None
    pending_lines: int = CHUNK_LINES


class Imported(msgspec.Struct, frozen=True):
    """What became of one file.

    skipped: it was imported before.  resumed_at: lines that an earlier run had taken.  logged, refused: of all runs.
    reasons: refused lines by code, and refusals: the first of them as (line, code, message), of this run.
    """

    file: str
    lines: int
    logged: int
    refused: int
    skipped: bool
    resumed_at: int
    reasons: dict[str, int]
    refusals: list[tuple[int, str, str]]


class Chunk(msgspec.Struct, frozen=True):
    """What became of some of a file's lines.  lines: the line of each one that the refusals' indexes count."""

    decoded: Decoded
    lines: list[int]


class Reading(Protocol):
    """How a kind of file is read."""

    @property
    def source(self) -> str:
        """As which the calls are logged."""

    @property
    def told_apart(self) -> str:
        """What decides about calls beside the content, '' for nothing."""

    def lines(self, stream: IO[bytes]) -> Iterator[Any]:
        """The file's lines, or rows; the same each time."""

    def chunk(self, lines: Sequence[Any], after: int, incoming: Incoming) -> Chunk:
        """The calls of some lines, `after` so many of the file; `fresh_id` gives each its messageId in turn."""


class Ledger(Protocol):
    """Where an import goes."""

    meta: MetaStore
    log: CallLog
    product_id: int
    projection: Projection

    def clock(self) -> int:
        """Now, µs since 1970 UTC."""


class JsonLines:
    """One Segment call a line."""

    source = "import"
    told_apart = ""

    def lines(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Each line without its end; of one that is far too long only the beginning."""
        while line := stream.readline(LONGEST_LINE):
            rest = line
            while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
                rest = stream.readline(LONGEST_LINE)
            yield line

    def chunk(self, lines: Sequence[bytes], after: int, incoming: Incoming) -> Chunk:
        """The calls of lines; blank ones are nothing."""
        filled = [(after + index, line) for index, line in enumerate(lines, 1) if line.strip()]
        return Chunk(decode_lines([line for _, line in filled], incoming), [number for number, _ in filled])


class File(msgspec.Struct, frozen=True):
    """A file by its name, its size in bytes, and how to read it from its beginning."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def file_at(path: Path) -> File:
    """The file at a path.  Raises OSError."""
    return File(str(path), path.stat().st_size, lambda: path.open("rb"))


def import_file(
    path: Path,
    ledger: Ledger,
    *,
    again: bool,
    told: Callable[[int, int], None],
    reading: Reading | None = None,
) -> Imported:
    """Append the calls of a file, plain or gzip, that no earlier run has appended.

    told: called with bytes read and bytes in all.  again: also where the file was imported before.  reading: how, by
    default as JSON Lines.  Raises UptakeError (E007: unreadable; log_unavailable: run it again later).
    """
    try:
        return import_from(file_at(path), ledger, reading or JsonLines(), again=again, told=told)
    except (OSError, EOFError, zlib.error) as error:
        told_as = getattr(error, "strerror", None) or error
        hint = "What was read before is kept; repair the file and run the import again."
        raise UptakeError("E007", f"{path} cannot be read: {told_as}.", hint=hint) from error
    except LogUnavailable as error:
        hint = "Run the import again: it goes on where it stopped."
        raise UptakeError("log_unavailable", f"{error}.", hint=hint) from error


def import_from(
    file: File, ledger: Ledger, reading: Reading, *, again: bool, told: Callable[[int, int], None]
) -> Imported:
    """As `import_file`, of any content.  Raises what reading does, OSError, EOFError, zlib.error, LogUnavailable."""
    return _Import(file, ledger, reading, again=again).run(told)


class _Import:
    """One file on its way."""

    def __init__(self, file: File, ledger: Ledger, reading: Reading, *, again: bool) -> None:
        self._file, self._ledger, self._reading = file, ledger, reading
        self._size = file.size
        self._digest = _digest_of(file, reading.told_apart)
        self._fact = f"import:{ledger.product_id}:{self._digest}"
        known = ledger.meta.fact(self._fact)
        self._progress = msgspec.json.decode(known, type=FileProgress) if known else FileProgress()
        self._suppression = Suppression(ledger.meta.erasures.all(ledger.product_id))
        self._skipped = self._progress.done and not again
        if self._progress.done and again:
            self._progress = FileProgress()
        self._resumed_at = self._progress.lines
        self._reasons: Counter[str] = Counter()
        self._refusals: list[tuple[int, str, str]] = []

    def run(self, told: Callable[[int, int], None]) -> Imported:
        """Append what is missing."""
        if not self._skipped:
            with self._file.open() as raw:
                lines = self._reading.lines(plain(raw))
                for _ in islice(lines, self._progress.lines):
                    pass
                while chunk := list(islice(lines, self._next_size())):
                    self._take(chunk)
                    told(min(raw.tell(), self._size), self._size)
            self._progress.done, self._progress.pending_from = True, None
            self._write_down()
        told(self._size, self._size)
        return self._told()

    def _next_size(self) -> int:
        return CHUNK_LINES if self._progress.pending_from is None else self._progress.pending_lines

    def _take(self, chunk: list[Any]) -> None:
        progress, ledger = self._progress, self._ledger
        request, numbers = self._request(chunk)
        if not self._is_in_log(request):
            progress.pending_from, progress.pending_lines = ledger.log.end(ledger.product_id), len(chunk)
            self._write_down()
            ledger.log.append([request])
        for rejection in request.refused:
            self._note(numbers[rejection.index], rejection)
        progress.lines += len(chunk)
        progress.logged += len(request.calls)
        progress.refused += len(request.refused)
        progress.pending_from = None

    def _request(self, chunk: list[Any]) -> tuple[Request, list[int]]:
        """The chunk's calls, and the line number of each of its items."""
        first, ledger, source = self._progress.lines, self._ledger, self._reading.source
        fresh = iter(range(len(chunk)))
        incoming = Incoming(
            received_us=ledger.clock(),
            projection=ledger.projection,
            # The same line of the same file is the same message, also where it does not say which.
            fresh_id=lambda: f"{source}-{self._digest}-{first}-{next(fresh)}",
        )
        read = self._reading.chunk(chunk, first, incoming)
        calls, erased = self._without_erased(read.decoded)
        refused = (*read.decoded.refused, *erased)
        return Request(ledger.product_id, ledger.clock(), source, calls, refused), read.lines

    def _without_erased(self, decoded: Decoded) -> tuple[list[Call], list[Rejection]]:
        """The calls but those of users and accounts who were erased later; for each of these a rejection."""
        taken = {rejection.index for rejection in decoded.refused}
        places = (index for index in count() if index not in taken)
        calls: list[Call] = []
        erased: list[Rejection] = []
        for call, index in zip(decoded.calls, places, strict=False):
            left = self._suppression.left_of(call, call.at_us)
            if left.erased:
                erased.append(Rejection("erased", "$", "whoever this tells of was erased after it happened", index))
            else:
                calls.append(left)
        return calls, erased

    def _is_in_log(self, request: Request) -> bool:
        """Was exactly this chunk appended by a run that could not write that down any more?"""
        if self._progress.pending_from is None or not request.calls:
            return False
        wanted = [call.message_id for call in request.calls]
        appended = list(self._appended_since(self._progress.pending_from))
        places = (index for index, message_id in enumerate(appended) if message_id == wanted[0])
        return any(appended[place : place + len(wanted)] == wanted for place in places)

    def _appended_since(self, offset: int) -> Iterator[str]:
        while found := self._ledger.log.read(self._ledger.product_id, offset, most=CHUNK_LINES):
            yield from (each.call.message_id for each in found)
            offset = found[-1].offset + 1

    def _note(self, line: int, rejection: Rejection) -> None:
        self._reasons[rejection.code] += 1
        if len(self._refusals) < LISTED_REFUSALS:
            self._refusals.append((line, rejection.code, f"{rejection.place}: {rejection.message}"))

    def _write_down(self) -> None:
        self._ledger.meta.set_fact(self._fact, msgspec.json.encode(self._progress).decode())

    def _told(self) -> Imported:
        progress = self._progress
        return Imported(
            file=self._file.name,
            lines=progress.lines,
            logged=progress.logged,
            refused=progress.refused,
            skipped=self._skipped,
            resumed_at=self._resumed_at,
            reasons=dict(sorted(self._reasons.items())),
            refusals=self._refusals,
        )


def _digest_of(file: File, told_apart: str) -> str:
    digest = blake2b(told_apart.encode(errors="surrogatepass"), digest_size=16)
    with file.open() as stream:
        while block := stream.read(HASH_BYTES):
            digest.update(block)
    return digest.hexdigest()


def plain(stream: IO[bytes]) -> IO[bytes]:
    """The content of a stream that can be sought, decompressed where it is gzip."""
    magic = stream.read(2)
    stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if magic == b"\x1f\x8b" else stream  # type: ignore[return-value]
