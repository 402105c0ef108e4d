"""The three forms of a backup: a tar file compressed with Zstandard or gzip, or a plain folder."""

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from uptake.backup.manifest import NAME, damaged, is_expected
from uptake.core.errors import UptakeError

_ZSTD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
_UNREADABLE = (tarfile.TarError, EOFError, OSError, ValueError, zlib.error)


class Container(Protocol):
    """A backup in the making."""

    def add(self, name: str, file: Path) -> None:
        """Take a file under a name; it is gone from where it was."""


class _Folder:
    """Files as they are."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, name: str, file: Path) -> None:
        """See Container."""
        target = self._path / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.move(file, target)
        target.chmod(0o600)
        sync(target)


class _Tar:
    """Files in a tar stream, without the owner's name."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, file: Path) -> None:
        """See Container."""
        told = self._tar.gettarinfo(file, name)
        told.uid = told.gid = 0
        told.uname = told.gname = ""
        told.mode = 0o600
        with file.open("rb") as content:
            self._tar.addfile(told, content)
        file.unlink()


@contextmanager
def container(out: Path) -> Iterator[Container]:
    """A backup that takes its name only when it is whole; its form is what the name ends with.

    Raises UptakeError (E007) where it cannot be written or is there already.
    """
    if out.exists():
        raise UptakeError("E007", f"{out} is there already.", hint="Choose another name with --out.")
    fresh = out.with_name(f".{out.name}.part")
    _remove(fresh)
    try:
        with _folder(fresh) if _is_folder(out) else _tar(fresh, zstd=out.suffix == ".zst") as made:
            yield made
        sync(fresh)
        os.replace(fresh, out)
        sync(out.parent)
    except OSError as error:
        told = f"{out} cannot be written: {error.strerror or error}."
        raise UptakeError("E007", told, hint="Choose another place with --out.") from error
    finally:
        _remove(fresh)


def _is_folder(out: Path) -> bool:
    return not out.name.endswith((".tar.zst", ".tar.gz", ".tgz"))


@contextmanager
def _folder(path: Path) -> Iterator[Container]:
    path.mkdir(mode=0o700)
    yield _Folder(path)


@contextmanager
def _tar(path: Path, *, zstd: bool) -> Iterator[Container]:
    with ExitStack() as opened:
        path.touch(mode=0o600)
        stream: Any
        if zstd:
            raw = opened.enter_context(pa.OSFile(str(path), "wb"))
            stream = opened.enter_context(pa.CompressedOutputStream(raw, "zstd"))
        else:
            stream = opened.enter_context(gzip.open(path, "wb", compresslevel=6))
        yield _Tar(opened.enter_context(tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)))


def unpack(backup: Path, into: Path) -> None:
    """Write a backup's files into an empty folder.  Raises UptakeError (E003, E007, E012)."""
    try:
        if backup.is_dir():
            _copy(backup, into)
            return
        with backup.open("rb") as content:
            magic = content.read(4)
    except OSError as error:
        raise UptakeError("E007", f"{backup} cannot be read: {error.strerror or error}.") from error
    try:
        with _stream(backup, magic) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            _extract(tar, into)
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the system, not of what was read
            raise UptakeError("E003", f"{into} cannot be written: {error.strerror}.") from error
        raise damaged(f"{backup} cannot be read to its end ({error})") from error


def _stream(path: Path, magic: bytes) -> AbstractContextManager[Any]:
    if magic == _ZSTD:
        stream: AbstractContextManager[Any] = pa.input_stream(str(path), compression="zstd")
        return stream
    return gzip.open(path, "rb") if magic.startswith(_GZIP) else path.open("rb")


def _extract(tar: tarfile.TarFile, into: Path) -> None:
    for member in tar:
        content = tar.extractfile(member) if member.isfile() and is_expected(member.name) else None
        if content is None:
            raise damaged(f"it holds {member.name!r}, which is no part of a backup")
        target = into / member.name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with target.open("xb") as out:
            shutil.copyfileobj(content, out, 1 << 20)


def _copy(backup: Path, into: Path) -> None:
    for path in backup.rglob("*"):
        name = path.relative_to(backup).as_posix()
        if path.is_file() and is_expected(name):
            target = into / name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(path, target)
    if not (into / NAME).exists():
        raise damaged(f"there is no {NAME} in {backup}")


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
