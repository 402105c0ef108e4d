"""Changes of what a product is as a whole: its fields, its traits' types, and whom it leaves out.

Functions from one configuration to the next; saving checks the result.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import msgspec

from uptake.core.config import Exclusions, ProductConfig, TraitType
from uptake.core.effects import Kind
from uptake.core.traits import stored_key

Change = Callable[[ProductConfig], ProductConfig]
replace = msgspec.structs.replace

ExclusionList = Literal["users", "accounts", "email_domains"]
FIELDS = (
    "product",
    "time_zone",
    "account_display_name",
    "account_created_at",
    "account_owner_trait",
    "account_id_trait",
    "mrr_unit",
    "currency",
    "page_event",
    "page_event_unnamed",
    "screen_event",
    "screen_event_unnamed",
    "dedupe_days",
    "keep_properties_days",
    "retention_days",
)
"""What `change_fields` may name: everything of a product that is one value."""


def change_fields(fields: Mapping[str, Any]) -> Change:
    """Give the product these fields, of `FIELDS`."""
    return lambda config: replace(config, **{name: fields[name] for name in FIELDS if name in fields})


def type_trait(kind: Kind, key: str, chosen: TraitType | None) -> Change:
    """Choose a trait's type; None: as the operands of conditions say."""
    name = stored_key(key)

    def typed(config: ProductConfig) -> ProductConfig:
        types = dict(getattr(config.trait_types, kind))
        types.pop("created_at" if name == "createdAt" else name, None)
        types.pop(name, None)
        if chosen is not None:
            types[name] = chosen
        return replace(config, trait_types=replace(config.trait_types, **{kind: types}))

    return typed


def exclude(where: ExclusionList, entries: Collection[str]) -> Change:
    """Leave out these users, accounts or e-mail domains too; what is there already stays once."""
    return _excluding(where, lambda before: tuple(dict.fromkeys((*before, *map(_written(where), entries)))))


def include(where: ExclusionList, entries: Collection[str]) -> Change:
    """Count these users, accounts or e-mail domains again."""
    gone = set(map(_written(where), entries))
    return _excluding(where, lambda before: tuple(each for each in before if _written(where)(each) not in gone))


def change_exclusions(fields: Mapping[str, Any]) -> Change:
    """Replace lists or rules of the exclusions; what is not named stays."""
    return lambda config: replace(config, exclusions=replace(config.exclusions, **fields))


def _excluding(where: ExclusionList, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Change:
    def changed(config: ProductConfig) -> ProductConfig:
        before: Exclusions = config.exclusions
        return replace(config, exclusions=replace(before, **{where: change(getattr(before, where))}))

    return changed


def _written(where: ExclusionList) -> Callable[[str], str]:
    """How an entry is written: a domain in lower case and without its @."""
    return _domain if where == "email_domains" else str


def _domain(entry: str) -> str:
    return entry.strip().lower().removeprefix("@")
