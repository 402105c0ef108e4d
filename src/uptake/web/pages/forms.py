"""Forms: what a browser posted, read once, and the token that keeps other sites from posting in the reader's name."""

from urllib.parse import parse_qs

from litestar.enums import ScopeType
from litestar.exceptions import ClientException
from litestar.utils.empty import value_or_default
from litestar.utils.scope.state import ScopeState

from uptake.web.problems import AnyRequest

MOST_FIELDS = 5_000
MOST_BODY_BYTES = 1_000_000


class Form:
    """The fields of a posted form; lines end with a line feed, whatever the browser sent."""

    def __init__(self, body: bytes) -> None:
        """Raises ClientException for what is no form."""
        try:
            text = body.decode()
            self._fields = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
        except ValueError as error:
            raise ClientException(f"The form cannot be read: {error}") from error

    def text(self, name: str, default: str = "") -> str:
        """The last value of a field."""
        found = self._fields.get(name)
        return found[-1].replace("\r\n", "\n") if found else default

    def every(self, name: str) -> list[str]:
        """All values of a field, in the order of the form."""
        return [value.replace("\r\n", "\n") for value in self._fields.get(name, ())]

    def has(self, name: str) -> bool:
        """Was the field sent at all?  A box that is not ticked is not."""
        return name in self._fields


def csrf_token(request: AnyRequest) -> str:
    """What a form must send back as `_csrf_token`; '' where the site runs without the check."""
    assert request.scope["type"] == ScopeType.HTTP
    return value_or_default(ScopeState.from_scope(request.scope).csrf_token, "")


def bounded(body: bytes) -> bytes:
    """The body of a post.  Raises ClientException where it is too long."""
    if len(body) > MOST_BODY_BYTES:
        raise ClientException(f"Expected at most {MOST_BODY_BYTES:,} bytes.", status_code=413)
    return body
