"""A workspace while it is edited: what its form holds, as typed, and what that amounts to, field by field."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from uptake.core.config import ProductConfig, Workspace
from uptake.core.errors import Fault
from uptake.web.pages.form_fields import FieldReader, lines, lines_of, written
from uptake.web.pages.forms import Form

MOST_OVERRIDES = 200
MOST_CONDITIONS = 50
LARGEST = 1_000_000
CURVES = (("exponential-1", "Exponential"), ("linear-1", "Linear"))
ACCOUNT_SCORES = (
    ("mean", "Mean of its active users"),
    ("pooled", "All its activity together"),
)


class WorkspaceDraft(msgspec.Struct, frozen=True):
    """The form as typed.  weights: by feature, '' where it is not weighed.  overrides: event and weight.

    filter, user_activation, account_activation: conditions in the filter language, the last two one a line.
    """

    name: str = ""
    window_days: str = "7"
    weights: Mapping[str, str] = {}
    overrides: tuple[tuple[str, str], ...] = ()
    curve: str = "exponential-1"
    account_score: str = "mean"
    daily_cap: str = ""
    half_life_days: str = ""
    most: str = "75"
    slightly: str = "50"
    passive: str = "25"
    filter: str = ""
    user_activation: str = ""
    account_activation: str = ""


PLAIN = (
    "name", "window_days", "curve", "account_score", "daily_cap", "half_life_days", "most", "slightly", "passive",
    "filter", "user_activation", "account_activation",
)  # fmt: skip


class Read(msgspec.Struct, frozen=True):
    """What a draft amounts to: the fields of the workspace, and what is wrong by the form's field."""

    fields: dict[str, Any]
    faults: dict[str, str]


def draft_of(workspace: Workspace) -> WorkspaceDraft:
    """A workspace as its form shows it."""
    levels = workspace.levels
    return WorkspaceDraft(
        name=workspace.name,
        window_days=str(workspace.window_days),
        weights={name: str(weight) for name, weight in workspace.features.items()},
        overrides=tuple((event, str(weight)) for event, weight in workspace.event_weights.items()),
        curve=workspace.curve,
        account_score=workspace.account_score,
        daily_cap=written(workspace.daily_cap),
        half_life_days=written(workspace.half_life_days),
        most=str(levels.most),
        slightly=str(levels.slightly),
        passive=str(levels.passive),
        filter=workspace.filter or "",
        user_activation=lines(workspace.user_activation),
        account_activation=lines(workspace.account_activation),
    )


def posted_draft(form: Form, features: Sequence[str]) -> WorkspaceDraft:
    """The draft that a form holds, for the features that there are."""
    events, weights = form.every("event"), form.every("override")
    pairs = [(event.strip(), weight.strip()) for event, weight in zip(events, weights, strict=False)]
    overrides = [pair for pair in pairs if any(pair)]
    return WorkspaceDraft(
        **{name: form.text(name).strip() for name in PLAIN},
        weights={name: form.text(f"weight:{name}").strip() for name in features},
        overrides=tuple(overrides[:MOST_OVERRIDES]),
    )


def read(draft: WorkspaceDraft) -> Read:
    """The workspace that a draft amounts to, as fields of `change_workspace`; faults where it amounts to none."""
    reader = FieldReader()
    levels = {name: reader.whole(name, getattr(draft, name), 1, 100) for name in ("most", "slightly", "passive")}
    fields = {
        "name": reader.text("name", draft.name, 200),
        "window_days": reader.whole("window_days", draft.window_days, 1, 90),
        "features": _weights(reader, draft),
        "event_weights": _overrides(reader, draft),
        "curve": reader.one_of("curve", draft.curve, [value for value, _ in CURVES]),
        "account_score": reader.one_of("account_score", draft.account_score, [value for value, _ in ACCOUNT_SCORES]),
        "daily_cap": reader.whole("daily_cap", draft.daily_cap, 1, LARGEST) if draft.daily_cap else None,
        "half_life_days": reader.above_zero("half_life_days", draft.half_life_days) if draft.half_life_days else None,
        "levels": levels,
        "filter": draft.filter or None,
        "user_activation": _conditions(reader, "user_activation", draft.user_activation),
        "account_activation": _conditions(reader, "account_activation", draft.account_activation),
    }
    if reader.faults:
        return Read({}, reader.faults)
    plain = msgspec.structs.asdict(msgspec.convert(fields, Workspace))
    return Read({name: plain[name] for name in fields}, {})


def faults_told(faults: Sequence[Fault], config: ProductConfig, workspace_id: int) -> dict[str, str]:
    """What is wrong with a saved draft, by the form's field; '' collects what concerns none of them."""
    place = next((index for index, each in enumerate(config.workspaces) if each.id == workspace_id), -1)
    told: dict[str, str] = {}
    for fault in faults:
        field = _field(fault, f"$.workspaces[{place}].")
        told[field] = f"{told[field]} {_sentence(fault)}" if field in told else _sentence(fault)
    return told


def _field(fault: Fault, prefix: str) -> str:
    if fault.place == "$.workspaces" and "name" in fault.message:
        return "name"
    if not fault.place.startswith(prefix):
        return ""
    field = fault.place.removeprefix(prefix).partition("[")[0].partition(".")[0]
    return "most" if field == "levels" else field if field in PLAIN else ""


def _sentence(fault: Fault) -> str:
    _, bracket, number = fault.place.rpartition("[")
    line = f"Condition {int(number[:-1]) + 1}: " if bracket and number[:-1].isdigit() and number[-1] == "]" else ""
    text = line + fault.message
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _weights(reader: FieldReader, draft: WorkspaceDraft) -> dict[str, int]:
    read_ = {
        name: reader.whole(f"weight:{name}", text, 0, 10)
        for name, text in draft.weights.items()
        if text not in ("", "0")
    }
    return {name: weight for name, weight in read_.items() if weight}


def _overrides(reader: FieldReader, draft: WorkspaceDraft) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, (event, text) in enumerate(draft.overrides):
        place = f"override-{index}"
        if not event or len(event) > 200:
            reader.blame(place, "Name the event, in at most 200 characters.")
        elif event in found:
            reader.blame(place, f"{event} is in the list twice.")
        else:
            found[event] = reader.whole(place, text, 0, 10)
    return found


def _conditions(reader: FieldReader, place: str, text: str) -> list[str]:
    found = lines_of(text)
    if len(found) > MOST_CONDITIONS:
        reader.blame(place, f"At most {MOST_CONDITIONS} conditions, got {len(found)}.")
    return found
