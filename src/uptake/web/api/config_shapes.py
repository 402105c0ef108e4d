"""What the management of features, traits, fields, exclusions and workspaces takes and gives."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from uptake.core.config import Exclusions, Levels, Name, ProductConfig, TraitType, Workspace
from uptake.core.event_names import FeatureSuggestion
from uptake.core.traits import TraitValue
from uptake.pipeline.exclusion_preview import ExclusionPreview
from uptake.pipeline.product_changes import FIELDS
from uptake.views.configuration import FieldChoice
from uptake.views.features import FeatureEvent, FeatureList, FeatureSummary
from uptake.views.traits import TraitSummary
from uptake.web.api.params import Limit
from uptake.web.api.segment_shapes import Scope
from uptake.web.api.shapes import iso_or_none

Names = tuple[Name, ...]
Weight = Annotated[int, Meta(ge=1, le=10)]
EventWeight = Annotated[int, Meta(ge=0, le=10)]


# ---- features and events
class EventEntry(msgspec.Struct, frozen=True):
    """An event with its volume ever.  feature: null for none; first_seen, last_seen: null where it was never
    counted."""

    event: str
    feature: str | None
    times: int
    users: int
    first_seen: str | None
    last_seen: str | None
    hidden: bool
    ignored: bool


class FeatureEntry(msgspec.Struct, frozen=True):
    """A feature with its events, and what it weighs in which workspace (by id)."""

    name: str
    description: str
    events: Sequence[EventEntry]
    weights: dict[str, int]


class FeaturesAnswer(msgspec.Struct, frozen=True):
    """Features in their order, events in none, those put aside (hidden or ignored), and where events may belong."""

    data: Sequence[FeatureEntry]
    unassigned: Sequence[EventEntry]
    put_aside: Sequence[EventEntry]
    suggestions: Sequence[FeatureSuggestion]
    revision: int


class FeatureDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new feature."""

    name: Name
    description: str = ""
    events: Names = ()


class FeatureChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of a feature: what is not named stays."""

    name: Name | UnsetType = UNSET
    description: str | UnsetType = UNSET
    events: Names | UnsetType = UNSET


class FeatureOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Features in the order that they shall have; those that are not named follow."""

    order: Names


class EventsChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do with events: move them into a feature (null: out of any), hide or ignore them, or no longer."""

    events: Annotated[Names, Meta(min_length=1, max_length=1_000)]
    feature: Name | UnsetType | None = UNSET
    hidden: bool | UnsetType = UNSET
    ignored: bool | UnsetType = UNSET


class Moved(msgspec.Struct, frozen=True, rename={"came_from": "from", "went_to": "to"}):
    """An event that left a feature for another one; null for none."""

    event: str
    came_from: str | None
    went_to: str | None


class EventsChanged(msgspec.Struct, frozen=True):
    """What was moved, and whether a rebuild follows (where events are ignored, or no longer)."""

    moved: Sequence[Moved]
    rebuild: bool
    revision: int


# ---- traits
class TraitsAsked(msgspec.Struct, kw_only=True):
    """The traits of users or of accounts."""

    scope: Annotated[Scope, Meta(description="Traits of users, or of accounts.")] = "accounts"


class TraitValuesAsked(msgspec.Struct, kw_only=True):
    """The values of a trait."""

    key: Annotated[Name, Meta(description="The trait's key; nested ones with dots.")]
    scope: Annotated[Scope, Meta(description="Traits of users, or of accounts.")] = "accounts"
    limit: Limit = 20


class ValueEntry(msgspec.Struct, frozen=True):
    """A value as JSON text (cut where it is long), and how many have it."""

    value: str
    times: int


class TraitEntry(msgspec.Struct, frozen=True):
    """A trait: its type in force, the operator's choice (null: none), what its values suggest and the share (0–1) of
    them that fits it; how many have it, how many values do not fit the type in force, and the commonest of these."""

    scope: Scope
    key: str
    type: TraitType
    chosen: TraitType | None
    inferred: TraitType
    share: float
    have: int
    unfit: int
    samples: Sequence[ValueEntry]


class TraitsAnswer(msgspec.Struct, frozen=True):
    """Every trait that was seen or typed."""

    data: Sequence[TraitEntry]
    revision: int


class TraitValuesAnswer(msgspec.Struct, frozen=True):
    """The commonest values."""

    data: Sequence[ValueEntry]


class TraitChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The type of a trait; null takes the choice back."""

    scope: Scope
    key: Name
    type: TraitType | None


# ---- fields
class FieldsAnswer(msgspec.Struct, frozen=True):
    """The fields of the product, and for those that name a trait what can be chosen."""

    fields: dict[str, Any]
    choices: Sequence[FieldChoice]
    rebuild: bool
    revision: int


class FieldsChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of the product's fields: what is not named stays."""

    product: Name | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    account_display_name: str | UnsetType = UNSET
    account_created_at: str | UnsetType = UNSET
    account_owner_trait: str | UnsetType = UNSET
    account_id_trait: str | UnsetType = UNSET
    mrr_unit: Literal["cents", "units"] | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    page_event: str | UnsetType = UNSET
    page_event_unnamed: str | UnsetType = UNSET
    screen_event: str | UnsetType = UNSET
    screen_event_unnamed: str | UnsetType = UNSET
    dedupe_days: Annotated[int, Meta(ge=1, le=90)] | UnsetType = UNSET
    keep_properties_days: Annotated[int, Meta(ge=0, le=3650)] | UnsetType = UNSET
    retention_days: Annotated[int, Meta(ge=0, le=3650)] | UnsetType = UNSET


# ---- exclusions
class ExclusionsAnswer(msgspec.Struct, frozen=True):
    """Whom the product leaves out, and how many that are."""

    exclusions: Exclusions
    left_out: ExclusionPreview
    revision: int


class ExclusionsChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of exclusions: lists and rules take the value given as a whole, what is not named stays."""

    users: tuple[str, ...] | UnsetType = UNSET
    accounts: tuple[str, ...] | UnsetType = UNSET
    email_domains: tuple[str, ...] | UnsetType = UNSET
    users_where: str | UnsetType = UNSET
    accounts_where: str | UnsetType = UNSET


class ExclusionEntries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Users, accounts and e-mail domains to leave out, or to count again."""

    users: Names = ()
    accounts: Names = ()
    email_domains: Names = ()


# ---- workspaces
class WorkspaceModel(msgspec.Struct, frozen=True):
    """A workspace with all that makes its scores."""

    workspace: Workspace
    revision: int


class WorkspaceDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A new workspace, or with fewer fields a change of one: what is not named stays, or has its default."""

    name: Name | UnsetType = UNSET
    window_days: Annotated[int, Meta(ge=1, le=90)] | UnsetType = UNSET
    features: dict[Name, Weight] | UnsetType = UNSET
    event_weights: dict[Name, EventWeight] | UnsetType = UNSET
    curve: Literal["exponential-1", "linear-1"] | UnsetType = UNSET
    account_score: Literal["mean", "pooled"] | UnsetType = UNSET
    daily_cap: Annotated[int, Meta(ge=1)] | UnsetType | None = UNSET
    half_life_days: Annotated[float, Meta(gt=0)] | UnsetType | None = UNSET
    levels: Levels | UnsetType = UNSET
    filter: str | UnsetType | None = UNSET
    user_activation: tuple[str, ...] | UnsetType = UNSET
    account_activation: tuple[str, ...] | UnsetType = UNSET


# ---- from views to entries
def features_answer(found: FeatureList, revision: int) -> FeaturesAnswer:
    """Features and events as they are listed."""
    return FeaturesAnswer(
        data=[_feature_entry(each) for each in found.features],
        unassigned=[_event_entry(each) for each in found.unassigned],
        put_aside=[_event_entry(each) for each in found.put_aside],
        suggestions=found.suggestions,
        revision=revision,
    )


def _feature_entry(found: FeatureSummary) -> FeatureEntry:
    weights = {str(workspace_id): weight for workspace_id, weight in found.weights.items()}
    return FeatureEntry(found.name, found.description, [_event_entry(each) for each in found.events], weights)


def _event_entry(found: FeatureEvent) -> EventEntry:
    return EventEntry(
        event=found.event,
        feature=found.feature or None,
        times=found.times,
        users=found.users,
        first_seen=iso_or_none(found.first_us),
        last_seen=iso_or_none(found.last_us),
        hidden=found.hidden,
        ignored=found.ignored,
    )


def trait_entry(found: TraitSummary) -> TraitEntry:
    """A trait as it is listed."""
    return TraitEntry(
        scope="users" if found.kind == "user" else "accounts",
        key=found.key,
        type=found.type,
        chosen=found.chosen,
        inferred=found.inferred,
        share=found.share,
        have=found.have,
        unfit=found.unfit,
        samples=value_entries(found.samples),
    )


def value_entries(values: Sequence[TraitValue]) -> list[ValueEntry]:
    """Values as they are listed."""
    return [ValueEntry(each.value, each.times) for each in values]


def fields_of(config: ProductConfig) -> dict[str, Any]:
    """The product's own fields."""
    return {name: getattr(config, name) for name in FIELDS}
