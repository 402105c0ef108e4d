"""Files in a folder of this machine; a file is whole as soon as it has its name."""

import os
from collections.abc import Iterator
from pathlib import Path

from uptake.core.errors import UptakeError
from uptake.stores.files.base import FilesUnavailable, KeptFile

PIECE_BYTES = 512 * 1024


class FolderFiles:
    """See `uptake.stores.files.base.FileRoom`.  Hidden names in the folder are nobody's but the caller's."""

    def __init__(self, path: Path, *, most_bytes: int | None = None) -> None:
        """path: made when the first file comes.  most_bytes: of all files together; None: as much as fits."""
        self._path, self._most_bytes = path, most_bytes

    def keep(self, name: str, path: Path) -> Iterator[int]:
        """See FileRoom; without a step, for the file only gets its name."""
        size = path.stat().st_size
        others = sum(each.size_bytes for each in self.all() if each.name != name)
        if self._most_bytes is not None and others + size > self._most_bytes:
            raise UptakeError("files_full", f"{size:,} bytes are too many beside the {others:,} that are kept.")
        self._path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o600)
        os.replace(path, self._path / name)
        yield from ()

    def read(self, name: str) -> Iterator[bytes]:
        """See FileRoom."""
        try:
            file = (self._path / name).open("rb")
        except FileNotFoundError as error:
            raise KeyError(name) from error

        def pieces() -> Iterator[bytes]:
            with file:
                while piece := file.read(PIECE_BYTES):
                    yield piece

        return pieces()

    def all(self) -> list[KeptFile]:
        """See FileRoom."""
        try:
            entries = sorted(os.scandir(self._path), key=lambda each: each.name) if self._path.is_dir() else []
            told = [(each.name, each.stat()) for each in entries if not each.name.startswith(".") and each.is_file()]
        except OSError as error:  # deleted between the two, or a folder that cannot be read
            raise FilesUnavailable(f"the folder of files cannot be read: {error.strerror}") from error
        return [KeptFile(name, stat.st_size, stat.st_mtime_ns // 1000) for name, stat in told]

    def drop(self, name: str) -> None:
        """See FileRoom."""
        (self._path / name).unlink(missing_ok=True)

    def clear(self, before_us: int) -> None:
        """See FileRoom: what is not whole has another name, and is its maker's."""

    def close(self) -> None:
        """See FileRoom: nothing is open."""
