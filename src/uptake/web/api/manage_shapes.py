"""What the management API takes and gives."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from uptake.core.config import Filter, Mapping
from uptake.views.destination import VersionNote


class DestinationAnswer(msgspec.Struct, frozen=True):
    """The destination in force, at which revision of the configuration, and how many mappings and filters may be."""

    enabled: bool
    filters: tuple[Filter, ...]
    mappings: tuple[Mapping, ...]
    revision: int
    most_mappings: int = 50
    most_filters: int = 10


class DestinationChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of the destination: what is not named stays."""

    enabled: bool | None = None
    filters: tuple[Filter, ...] | None = None
    mappings: tuple[Mapping, ...] | None = None


class TestAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call to follow: one as a sender would send it, a logged one by its offset, or a sample of a type.

    mapping: instead of the destination's own mappings.
    """

    event: dict[str, Any] | None = None
    offset: Annotated[int, Meta(ge=0)] | None = None
    sample: Literal["identify", "group", "track", "page", "screen"] | None = None
    mapping: Mapping | None = None


class OverviewAsked(msgspec.Struct, kw_only=True):
    """The range of the delivery overview."""

    minutes: Annotated[int, Meta(ge=10, le=20_160, description="How far back, 10 minutes to 14 days.")] = 1_440


class PublishAsked(msgspec.Struct, kw_only=True):
    """How changed scoring models take force."""

    publish: Annotated[
        Literal["from_now_on", "recompute"] | None,
        Meta(
            description="`from_now_on`: changed models score today and later; `recompute`: all models score all of"
            " history. By default the changed ones do."
        ),
    ] = None


class VersionsAnswer(msgspec.Struct, frozen=True):
    """Every version of the configuration, the latest first."""

    data: list[VersionNote]


class ConfigAnswer(msgspec.Struct, frozen=True):
    """The configuration in force as one document, and its revision."""

    revision: int
    config: dict[str, Any]
