"""Segment's five actions for Accoil Analytics as plain data: their fields, what they send, and their presets."""

from typing import Any

import msgspec

from uptake.destination.fields import Field


class Action(msgspec.Struct, frozen=True):
    """One action.

    sent: the keys of what it sends beside `type`, in order; `traits` is sent even where it is empty.
    traits: fields that are written into the traits, over what stands there, and taken out of them where absent.
    """

    name: str
    fields: tuple[Field, ...]
    sent: tuple[str, ...]
    traits: tuple[str, ...] = ()


class Preset(msgspec.Struct, frozen=True):
    """A mapping that a new destination starts with."""

    name: str
    action: str
    trigger: str
    mapping: dict[str, Any]


def _field(key: str, label: str, description: str, path: str = "", **more: Any) -> Field:
    return Field(key, label, more.pop("type", "string"), {"@path": f"$.{path or key}"}, description, **more)


_TIMESTAMP = _field("timestamp", "Timestamp", "When it happened.", required=True, format="date-time")
_TRAITS = _field("traits", "Traits", "Any further traits of the user or the account, kept as they come.", type="object")
_USER = "The user's id in your product."

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "identify",
            (
                _field("userId", "User ID", _USER, required=True),
                _field("email", "Email", "Recognises the same person in other tools.", "traits.email", format="email"),
                _field("name", "Name", "Shown in lists; without it the e-mail address is.", "traits.name"),
                _field("role", "Role", "The user's role: admin, owner, member …", "traits.role"),
                _field("accountStatus", "Account Status", "Free, trial, paid, cancelled …", "traits.accountStatus"),
                _field("createdAt", "Created at", "When the user signed up.", "traits.createdAt", format="date-time"),
                _TRAITS,
                _TIMESTAMP,
            ),
            ("userId", "traits", "timestamp"),
            ("email", "name", "role", "createdAt", "accountStatus"),
        ),
        Action(
            "group",
            (
                _field("anonymousId", "Anonymous ID", "The id of a visitor who has no user id yet."),
                _field("userId", "User ID", _USER),
                _field("groupId", "Group ID", "The account's id in your product.", required=True),
                _field("name", "Name", "Shown in lists; without it the account's id is.", "traits.name"),
                _field("createdAt", "Created at", "When the account began.", "traits.createdAt", format="date-time"),
                _field("status", "Status", "Free, trial, paid, cancelled …", "traits.status"),
                _field("plan", "Plan", "The subscription: starter, pro, enterprise …", "traits.plan"),
                _field("mrr", "MRR", "Monthly revenue, best in cents: $99 is 9900.", "traits.mrr", type="number"),
                _TRAITS,
                _TIMESTAMP,
            ),
            ("anonymousId", "userId", "groupId", "traits", "timestamp"),
            ("name", "createdAt", "status", "plan", "mrr"),
        ),
        Action(
            "track",
            (
                _field("event", "Event Name", "What the user did.", required=True),
                _field("userId", "User ID", _USER, required=True),
                _TIMESTAMP,
            ),
            ("event", "userId", "timestamp"),
        ),
        Action(
            "page",
            (_field("userId", "User ID", _USER), _field("name", "Page Name", "The page's name."), _TIMESTAMP),
            ("userId", "name", "timestamp"),
        ),
        Action(
            "screen",
            (_field("userId", "User ID", _USER), _field("name", "Screen Name", "The screen's name."), _TIMESTAMP),
            ("userId", "name", "timestamp"),
        ),
    )
}


def preset_mapping(action: str) -> dict[str, Any]:
    """The mapping of an action's preset: every field's default."""
    return {field.key: field.default for field in ACTIONS[action].fields}


PRESETS: tuple[Preset, ...] = tuple(
    Preset(f"{name.title()} Calls", name, f'type = "{name}"', preset_mapping(name))
    for name in ("track", "page", "screen", "identify", "group")
)
"""The five presets, in Segment's order."""
