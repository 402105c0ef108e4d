"""A product's features while they are edited: what the form holds, what its buttons do, and what saving makes of it."""

from collections.abc import Collection, Sequence

import msgspec

from uptake.core.config import Feature, ProductConfig
from uptake.core.event_names import FeatureSuggestion
from uptake.pipeline.feature_changes import Change, add_feature, change_feature, drop_feature, order_features
from uptake.web.pages.forms import Form

MOST_FEATURES, MOST_EVENTS = 300, 4_000
MOST_NAME, MOST_DESCRIPTION = 200, 1_000


class FeatureDraft(msgspec.Struct, frozen=True):
    """A feature while it is edited; was: its name in force, '' for a new one."""

    was: str = ""
    name: str = ""
    description: str = ""
    events: tuple[str, ...] = ()


Drafts = tuple[FeatureDraft, ...]


def drafts_of(config: ProductConfig) -> Drafts:
    """The features in force as they are edited."""
    return tuple(FeatureDraft(each.name, each.name, each.description, each.events) for each in config.features)


def in_words(config: ProductConfig) -> dict[str, str]:
    """The features in force as their editor tells them, by what a feature's field is called; events a line each."""
    found = {"Order": "\n".join(f"{place}. {each.name}" for place, each in enumerate(config.features, 1))}
    for each in config.features:
        found[f"{each.name}: description"] = each.description
        found[f"{each.name}: events"] = "\n".join(sorted(each.events))
    return found


def posted_drafts(form: Form) -> Drafts:
    """The features that a form holds, in the order in which they stand there; an event stays where it stands first."""
    found: list[FeatureDraft] = []
    seen: set[str] = set()
    for place in dict.fromkeys(form.every("order")[:MOST_FEATURES]):
        if not form.has(f"f{place}.name"):
            continue
        events = [each for each in dict.fromkeys(form.every(f"f{place}.event")) if each and each not in seen]
        seen.update(events)
        name, description = form.text(f"f{place}.name").strip(), form.text(f"f{place}.description").strip()
        found.append(FeatureDraft(form.text(f"f{place}.was"), name, description, tuple(events[:MOST_EVENTS])))
    return tuple(found)


# ---- what buttons do


def moved(drafts: Drafts, index: int, by: int) -> Drafts:
    """A feature one place up or down."""
    if not (0 <= index < len(drafts) and 0 <= index + by < len(drafts)):
        return drafts
    rest = [*drafts[:index], *drafts[index + 1 :]]
    rest.insert(index + by, drafts[index])
    return tuple(rest)


def dropped(drafts: Drafts, index: int) -> Drafts:
    """Without a feature; its events are in none then."""
    return (*drafts[:index], *drafts[index + 1 :]) if 0 <= index < len(drafts) else drafts


def added(drafts: Drafts, feature: FeatureDraft) -> Drafts:
    """With a new feature at the end; events that it takes leave the others."""
    return (*(_without(each, feature.events) for each in drafts), feature)


def assigned(drafts: Drafts, events: Collection[str], index: int) -> Drafts:
    """Events moved into a feature, out of any other; an index beyond all features moves them out."""
    found = [_without(each, events) for each in drafts]
    if 0 <= index < len(found):
        found[index] = msgspec.structs.replace(found[index], events=(*found[index].events, *events))
    return tuple(found)


def accepted(drafts: Drafts, suggestion: FeatureSuggestion) -> Drafts:
    """A suggestion followed: its events in the feature of its name, which is made where there is none."""
    for index, draft in enumerate(drafts):
        if draft.name == suggestion.feature:
            return assigned(drafts, suggestion.events, index)
    return added(drafts, FeatureDraft(name=suggestion.feature, events=suggestion.events))


def _without(draft: FeatureDraft, events: Collection[str]) -> FeatureDraft:
    return msgspec.structs.replace(draft, events=tuple(each for each in draft.events if each not in events))


# ---- saving


def faults_of(drafts: Drafts) -> dict[int, str]:
    """What is wrong with each feature."""
    found: dict[int, str] = {}
    names: set[str] = set()
    for index, draft in enumerate(drafts):
        if not 0 < len(draft.name) <= MOST_NAME:
            found[index] = f"Give the feature a name of at most {MOST_NAME} characters."
        elif draft.name in names:
            found[index] = f"There is a feature {draft.name!r} already."
        elif len(draft.description) > MOST_DESCRIPTION:
            found[index] = f"The description may have {MOST_DESCRIPTION:,} characters."
        names.add(draft.name)
    return found


def saving(drafts: Drafts) -> Change:
    """What makes the features in force what was drafted."""

    def saved(config: ProductConfig) -> ProductConfig:
        for step in _steps(config, drafts):
            config = step(config)
        return config

    return saved


def _steps(config: ProductConfig, drafts: Drafts) -> Sequence[Change]:
    """Drop, then rename by way of names that nobody has, then fill, add and order."""
    known = [each.name for each in config.features]
    kept = [each for each in drafts if each.was in known]
    gone = [name for name in known if name not in {each.was for each in kept}]
    renamed = [each for each in kept if each.name != each.was]
    between = {each.was: f"\N{ZERO WIDTH SPACE}{number}" for number, each in enumerate(renamed)}
    return [
        *(drop_feature(name) for name in gone),
        *(change_feature(each.was, {"name": between[each.was], "events": ()}) for each in renamed),
        *(change_feature(between[each.was], {"name": each.name}) for each in renamed),
        *(change_feature(each.name, {"description": each.description, "events": each.events}) for each in kept),
        *(add_feature(Feature(each.name, each.description, each.events)) for each in drafts if each not in kept),
        order_features([each.name for each in drafts]),
    ]


def told(before: ProductConfig, drafts: Drafts) -> str:
    """What was done, for the version's why."""
    known = {each.name for each in before.features}
    was = {each.was for each in drafts}
    said = [
        *(f"{each.name} added" for each in drafts if each.was not in known),
        *(f"{name} deleted" for name in sorted(known - was)),
        *(f"{each.was} renamed {each.name}" for each in drafts if each.was in known and each.name != each.was),
    ]
    text = "features: " + (", ".join(said) or "order and events changed")
    return text if len(text) <= 300 else text[:299] + "…"
