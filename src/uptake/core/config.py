"""A product's configuration: one frozen document, versioned as a whole.

Every name here is also the key in `uptake config` YAML and in the management API.  Structure and ranges are checked by
msgspec when a document is read; what needs more than one field (an event in two features, a mapping that does not
compile) is checked in `uptake.pipeline.configure`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, max_length=200)]
TraitType = Literal["string", "number", "date", "percentage", "boolean"]
Action = Literal["identify", "group", "track", "page", "screen"]


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named set of events of the product; an event is in at most one feature.  The order in the document is the
    order shown."""

    name: Name
    description: str = ""
    events: tuple[Name, ...] = ()


class Levels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lowest score of each level: most_engaged >= most, slightly_engaged >= slightly, passive >= passive, else
    least_engaged."""

    most: Annotated[int, Meta(ge=1, le=100)] = 75
    slightly: Annotated[int, Meta(ge=1, le=100)] = 50
    passive: Annotated[int, Meta(ge=1, le=100)] = 25


class Workspace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scoring model over the product.  `features` gives weights 1–10, `event_weights` overrides 0–10 by event
    name.

    filter: whom it scores, a condition on users in the filter language; None for everyone.
    user_activation, account_activation: conditions whose share that holds is the activation.
    """

    name: Name
    id: Annotated[int, Meta(ge=0)] = 0
    window_days: Annotated[int, Meta(ge=1, le=90)] = 7
    features: dict[Name, Annotated[int, Meta(ge=1, le=10)]] = {}
    event_weights: dict[Name, Annotated[int, Meta(ge=0, le=10)]] = {}
    curve: Literal["exponential-1", "linear-1"] = "exponential-1"
    account_score: Literal["mean", "pooled"] = "mean"
    daily_cap: Annotated[int, Meta(ge=1)] | None = None
    half_life_days: Annotated[float, Meta(gt=0)] | None = None
    levels: Levels = Levels()
    filter: str | None = None
    user_activation: tuple[str, ...] = ()
    account_activation: tuple[str, ...] = ()


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trigger (FQL) + action + fields.  `fields` is a mapping of Segment's kit, or "preset" for the action's defaults.

    lenient: take Unix times and other ISO forms, and leave an invalid optional field out instead of refusing the call.
    """

    name: Name
    action: Action
    trigger: Annotated[str, Meta(min_length=1, max_length=10_000)]
    fields: dict[str, Any] | Literal["preset"] = "preset"
    enabled: bool = False
    lenient: bool = False


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A destination filter: what it does to the calls that its condition (filter FQL) holds for."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Literal["drop", "sample", "drop_properties", "allow_properties"]
    condition: Annotated[str, Meta(min_length=1, max_length=10_000)]
    enabled: bool = True
    percent: Annotated[float, Meta(ge=0, le=1)] = 1.0
    path: str = ""
    fields: dict[str, tuple[str, ...]] = {}


def preset_mappings() -> tuple[Mapping, ...]:
    """The five mappings of a new product: Segment's presets, enabled and lenient."""
    actions: tuple[Action, ...] = ("identify", "group", "track", "page", "screen")
    return tuple(
        Mapping(name=f"{action.title()} Calls", action=action, trigger=f'type = "{action}"', enabled=True, lenient=True)
        for action in actions
    )


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The product's Accoil Analytics destination: at most 10 filters and 50 mappings."""

    enabled: bool = True
    filters: tuple[Filter, ...] = ()
    mappings: tuple[Mapping, ...] = msgspec.field(default_factory=preset_mappings)


class TraitTypes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Data types that the operator chose, by trait.

    A comparison reads values and operand by the type; a value that does not fit it satisfies `!=` alone.  A trait that
    is not named here compares as the operand says.
    """

    user: dict[str, TraitType] = {}
    account: dict[str, TraitType] = {}

    def of(self, kind: Literal["user", "account"], key: str) -> TraitType | None:
        """The type of a trait, if one was chosen; `created_at` and `createdAt` are one."""
        types = self.user if kind == "user" else self.account
        if key in ("created_at", "createdAt"):
            return types.get("createdAt") or types.get("created_at")
        return types.get(key)


class Exclusions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is left out before counting: ids, e-mail domains of users, and conditions in the filter language.

    Users who are in an excluded account are left out too.  An empty condition leaves out nobody.
    """

    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()
    users_where: str = ""
    accounts_where: str = ""


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A saved filter over users or accounts of a workspace; where: a condition in the filter language, '' for all."""

    name: Name
    of: Literal["user", "account"]
    workspace: Name
    where: str = ""
    id: Annotated[int, Meta(ge=0)] = 0
    description: str = ""


def default_workspaces() -> tuple[Workspace, ...]:
    """The one workspace of a new product."""
    return (Workspace(name="Engagement", id=1),)


class ProductConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that an operator decides about one product.

    page_event, screen_event: how page and screen calls are named as events; `{name}` stands for the call's name.
    page_event_unnamed, screen_event_unnamed: the event's name where the call has none.
    account_owner_trait: the account trait that holds its owner's e-mail address, '' for none.
    mrr_unit: what the account trait `mrr` counts; shown as money in `currency`.
    dedupe_days: the same messageId counts once within this many days.
    retention_days: calls of a month of receipt that lies so many days back whole leave the log, and only what they
    meant stays (0: they never do).
    keep_properties_days: keep all properties and context in the log for so many days, then cut calls down to what
    mappings read, for good (0: keep only that from the start).
    """

    product: Name = "My product"
    time_zone: str = "UTC"
    account_display_name: str = "name"
    account_created_at: str = "createdAt"
    account_id_trait: str = "group_id"
    account_owner_trait: str = ""
    trait_types: TraitTypes = TraitTypes()
    mrr_unit: Literal["cents", "units"] = "cents"
    currency: str = "USD"
    page_event: str = "Viewed {name} Page"
    page_event_unnamed: str = "Viewed Page"
    screen_event: str = "Viewed {name} Screen"
    screen_event_unnamed: str = "Viewed Screen"
    dedupe_days: Annotated[int, Meta(ge=1, le=90)] = 7
    keep_properties_days: Annotated[int, Meta(ge=0, le=3650)] = 0
    retention_days: Annotated[int, Meta(ge=0, le=3650)] = 0
    features: tuple[Feature, ...] = ()
    hidden_events: tuple[str, ...] = ()
    ignored_events: tuple[str, ...] = ()
    workspaces: tuple[Workspace, ...] = msgspec.field(default_factory=default_workspaces)
    segments: tuple[Segment, ...] = ()
    exclusions: Exclusions = Exclusions()
    destination: Destination = Destination()


class ConfigVersion(msgspec.Struct, frozen=True):
    """One version of a product's configuration.

    revision: 1, 2, 3 … per product.  from_offset: the first call in the product's log to which this version's
    destination applies (0: all of history).  saved_us: µs since 1970 UTC.  scores_from: the first day that its scoring
    models score; None: those that it changed score all of history, and the others the days that they did.
    """

    product_id: int
    revision: int
    from_offset: int
    saved_us: int
    by: str
    why: str
    config: ProductConfig
    scores_from: date | None = None


def destinations_by_offset(versions: Sequence[ConfigVersion]) -> list[tuple[int, Destination]]:
    """Which destination applies from which log offset on, ascending, starting at 0; versions are oldest first."""
    inforce: list[tuple[int, Destination]] = []
    for version in versions:
        inforce = [each for each in inforce if each[0] < version.from_offset]
        if not inforce or inforce[-1][1] != version.config.destination:
            inforce.append((version.from_offset if inforce else 0, version.config.destination))
    return inforce
