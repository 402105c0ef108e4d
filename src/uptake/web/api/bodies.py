"""The bodies that the management API takes."""

from typing import TypeVar

import msgspec

from uptake.core.errors import ConfigInvalid, Fault
from uptake.web.problems import Refused

MOST_BODY_BYTES = 1_000_000

T = TypeVar("T")


def read_body(body: bytes, kind: type[T], *, most: int = MOST_BODY_BYTES) -> T:
    """The JSON of a body as the type says, of `most` bytes.

    Raises Refused, and ConfigInvalid with the place of what does not fit.
    """
    if len(body) > most:
        raise Refused("body_too_large", f"expected at most {most} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise ConfigInvalid([Fault(*_placed(str(error)))]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("bad_json", f"expected a JSON document: {error}") from error


def _placed(message: str) -> tuple[str, str]:
    """The place and the sentence of what msgspec says about a document."""
    told, _, place = message.partition(" - at `")
    return place.removesuffix("`") or "$", told
