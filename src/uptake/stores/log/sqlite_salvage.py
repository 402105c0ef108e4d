"""Reading requests out of a damaged SQLite file: page by page, without its trees, whatever of it is left.

Every leaf page of a table says by itself which rows it holds; a row is taken where it has the shape of a request and
its body fits its checksum.  The format is SQLite's: https://www.sqlite.org/fileformat2.html
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MAGIC = b"SQLite format 3\0"
WAL_MAGIC = (0x377F0682, 0x377F0683)
WAL_HEADER, FRAME_HEADER = 32, 24
LEAF = 0x0D
PAGE_SIZES = tuple(2**power for power in range(9, 17))
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class Row(NamedTuple):
    """One request as its file keeps it."""

    product_id: int
    first: int
    calls: int
    received_us: int
    source: str
    crc: int
    body: bytes


class Wal(NamedTuple):
    """What a write-ahead log holds of committed pages.

    pages: where the latest content of each begins in the file.  sure: frames that were durable before the last commit
    began, so that none of them can be missing without damage.  committed: all of them.
    """

    pages: dict[int, int]
    sure: int
    committed: int = 0
    salts: bytes = b""


def wal_of(path: Path, page_bytes: int) -> Wal:
    """The committed frames of a database's write-ahead log, told by their salts and not by their checksums."""
    pages: dict[int, int] = {}
    pending: dict[int, int] = {}
    commits = [0, 0]
    file = path.with_name(path.name + "-wal")
    content = file.read_bytes() if file.exists() else b""
    if len(content) < WAL_HEADER or struct.unpack(">I", content[:4])[0] not in WAL_MAGIC:
        return Wal({}, 0)
    said = struct.unpack(">I", content[8:12])[0]
    page_bytes = said if said in PAGE_SIZES else page_bytes
    salts, frame_bytes = content[16:24], FRAME_HEADER + page_bytes
    for number, at in enumerate(range(WAL_HEADER, len(content) - frame_bytes + 1, frame_bytes), start=1):
        page, pages_after = struct.unpack(">II", content[at : at + 8])
        if content[at + 8 : at + 16] != salts:
            continue
        pending[page] = at + FRAME_HEADER
        if pages_after:
            pages |= pending
            pending.clear()
            commits.append(number)
    return Wal(pages, commits[-2], commits[-1], salts)


def salvaged(path: Path, page_bytes: int) -> Iterator[Row]:
    """Every request that can be read, in no order; one may come twice.  page_bytes: where the file does not say."""
    wal_path = path.with_name(path.name + "-wal")
    with path.open("rb") as file:
        if path.stat().st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as main:
                yield from _Pages(main, wal_path, _page_bytes(main, page_bytes), path).rows()
        elif wal_path.exists():
            yield from _Pages(b"", wal_path, page_bytes, path).rows()


def _page_bytes(content: mmap.mmap, usual: int) -> int:
    said = struct.unpack(">H", content[16:18])[0] if content[:16] == MAGIC else 0
    size = 65_536 if said == 1 else said
    return size if size in PAGE_SIZES else usual


class _Pages:
    """The pages of a database, the newest of each."""

    def __init__(self, main: mmap.mmap | bytes, wal_path: Path, page_bytes: int, path: Path) -> None:
        self._main, self._size = main, page_bytes
        self._wal = wal_of(path, page_bytes).pages
        self._wal_content = wal_path.read_bytes() if self._wal else b""
        self._last = max(len(main) // page_bytes, max(self._wal, default=0))

    def _page(self, number: int) -> bytes:
        """The page's content; shorter than a page, or empty, where it is missing."""
        at = self._wal.get(number)
        if at is not None:
            return self._wal_content[at : at + self._size]
        return bytes(self._main[(number - 1) * self._size : number * self._size])

    def rows(self) -> Iterator[Row]:
        """The requests of every leaf page."""
        for number in range(1, self._last + 1):
            page, head = self._page(number), 100 if number == 1 else 0
            if len(page) < self._size or page[head] != LEAF:
                continue
            cells = struct.unpack(">H", page[head + 3 : head + 5])[0]
            for place in range(min(cells, (self._size - head - 8) // 2)):
                at = struct.unpack(">H", page[head + 8 + 2 * place : head + 10 + 2 * place])[0]
                with suppress(IndexError, struct.error, ValueError):  # a cell that is none
                    row = _request_in(self._payload(page, at))
                    if row is not None:
                        yield row

    def _payload(self, page: bytes, at: int) -> bytes:
        """The record of a cell, followed over its overflow pages.  Raises IndexError, struct.error."""
        count, at = _varint(page, at)
        _, at = _varint(page, at)
        local = _local_bytes(count, self._size)
        content = page[at : at + local]
        if local == count:
            return content
        more = [content]
        left, number = count - local, struct.unpack(">I", page[at + local : at + local + 4])[0]
        while left > 0 and 0 < number <= self._last:
            overflow = self._page(number)
            more.append(overflow[4 : 4 + min(left, self._size - 4)])
            left -= self._size - 4
            number = struct.unpack(">I", overflow[:4])[0]
        return b"".join(more)


def _local_bytes(count: int, page_bytes: int) -> int:
    """How many bytes of a record stand in its leaf page."""
    most = page_bytes - 35
    if count <= most:
        return count
    least = (page_bytes - 12) * 32 // 255 - 23
    local = least + (count - least) % (page_bytes - 4)
    return local if local <= most else least


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = content[at + place]
        if place == 8:
            return (value << 8) | byte, at + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, at + place + 1
    raise IndexError


def _request_in(record: bytes) -> Row | None:
    """The request that a record is; None where it is another table's, or damaged.  Raises IndexError, ValueError."""
    head_bytes, at = _varint(record, 0)
    kinds: list[int] = []
    while at < head_bytes:
        kind, at = _varint(record, at)
        kinds.append(kind)
    if len(kinds) != len(Row._fields) or kinds[4] % 2 == 0 or kinds[6] % 2 or min(kinds[4], kinds[6]) < 12:
        return None
    values: list[int | bytes] = []
    for kind in kinds:
        size = (kind - 12) // 2 if kind >= 12 else _INT_BYTES.get(kind, 0)
        content = record[at : at + size]
        at += size
        values.append(
            content if kind >= 12 else kind - 8 if kind in (8, 9) else int.from_bytes(content, "big", signed=True)
        )
    product_id, first, calls, received_us, source, crc, body = values
    whole = at == len(record) and isinstance(body, bytes) and zlib.crc32(body) == crc
    if not whole or not (isinstance(source, bytes) and isinstance(calls, int) and calls > 0):
        return None
    return Row(product_id, first, calls, received_us, source.decode(), crc, body)  # type: ignore[arg-type]
