"""What a form with a file posted: its fields as texts, and the file's content."""

import os
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, TypeAlias

from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException
from litestar.params import Body

from uptake.pipeline.import_file import File

MOST_FILE_BYTES = 8_000_000

Posted: TypeAlias = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]
"""What a handler takes; `Upload` reads it."""


class Upload:
    """The fields of a form of which one is a file."""

    def __init__(self, posted: dict[str, Any]) -> None:
        self._posted = posted

    def text(self, name: str) -> str:
        """The value of a field; '' where it was not sent."""
        value = self._posted.get(name)
        return value if isinstance(value, str) else ""

    def file(self, name: str, *, most: int = MOST_FILE_BYTES) -> tuple[str, bytes]:
        """The name and the content of a file; twice nothing where none was chosen.  Raises ClientException: too
        large."""
        chosen = self.chosen(name, most=most)
        if chosen is None:
            return "", b""
        with chosen.open() as stream:
            return chosen.name, stream.read()

    def chosen(self, name: str, *, most: int) -> File | None:
        """A file that may be read as often as one likes and is never whole in memory; None where none was chosen.

        Raises ClientException: too large.
        """
        value = self._posted.get(name)
        if not isinstance(value, UploadFile) or not value.filename:
            return None
        spooled: SpooledTemporaryFile[bytes] = value.file
        size = spooled.seek(0, os.SEEK_END)
        if size > most:
            raise ClientException(f"Expected a file of at most {most:,} bytes.", status_code=413)
        return File(value.filename, size, lambda: _opened(spooled))


def _opened(spooled: SpooledTemporaryFile[bytes]) -> IO[bytes]:
    """The content from its beginning, to be read by one reader at a time."""
    spooled.rollover()
    stream = os.fdopen(os.dup(spooled.fileno()), "rb")
    stream.seek(0)
    return stream
