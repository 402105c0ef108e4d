"""What one operation of the API is, as routes and OpenAPI need it."""

from typing import Any

import msgspec

CHANGE = ("config_invalid", "read_only_token", "invalid_parameter")
"""What every change of the configuration can be refused with."""

CREATING = ("addMapping", "copyMapping", "addSegment", "addFeature", "addWorkspace")


class Operation(msgspec.Struct, frozen=True):
    """One operation of the API.  errors: codes beside `invalid_token`, which every one can answer.

    answer: the type of its JSON; None for a file.  body: the type of the JSON that it takes.  managed: it needs a
    management token, as every method other than GET does.
    """

    path: str
    name: str
    summary: str
    answer: Any
    query: type[msgspec.Struct] | None = None
    errors: tuple[str, ...] = ()
    method: str = "GET"
    body: Any = None
    managed: bool = False

    @property
    def manages(self) -> bool:
        """Is a read token not enough, because it changes something or tells of what an admin alone may see?"""
        return self.managed or self.method != "GET"

    @property
    def creates(self) -> bool:
        """Does it make something new, so that its answer is 201?"""
        return self.name in CREATING
