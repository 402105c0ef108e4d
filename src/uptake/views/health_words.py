"""What each finding on a product's data is called, how bad it is, and what to do about it: one table, stable codes."""

from typing import Literal

import msgspec

Severity = Literal["problem", "warning", "note"]
"""problem: something is lost or wrong.  warning: numbers may mislead.  note: worth knowing."""


class Words(msgspec.Struct, frozen=True):
    """A finding in words."""

    severity: Severity
    title: str
    advice: str


TOLD: dict[str, Words] = {
    "refused_calls": Words(
        "problem",
        "Calls were refused in the last 7 days",
        "Refused calls are lost. Look at them in Live data; the code says what the sender must change.",
    ),
    "refused_keys": Words(
        "problem",
        "Requests came with keys that no product has",
        "Compare the first characters with the keys in Settings: a key was mistyped, revoked, or belongs to another"
        " installation. What was sent with it is lost.",
    ),
    "invalid_calls": Words(
        "problem",
        "Calls failed the validation of the mapping in the last 7 days",
        "They are in the log and count once the mapping, or a lenient one, takes them: see Delivery, then apply the"
        " change to history.",
    ),
    "parent_cycles": Words(
        "problem",
        "Accounts are each other's parents",
        "Send a group call that corrects `parent_group_id` or `parent` of one account in each circle.",
    ),
    "unmatched_calls": Words(
        "warning",
        "Calls matched no mapping in the last 7 days",
        "If they should count, enable a mapping whose trigger matches them, and apply it to history.",
    ),
    "no_user_calls": Words(
        "warning",
        "Calls without a user were not counted in the last 7 days",
        "Page and screen calls count for a user alone: identify users before, so that calls carry a userId.",
    ),
    "users_without_account": Words(
        "warning",
        "Users are in no account",
        "Their events count for no account. Send a group call for them (it repairs history), or name the account in"
        " `context.groupId`, or choose an Account ID trait in Configuration.",
    ),
    "accounts_without_group": Words(
        "warning",
        "No group call told anything of these accounts",
        "They are known by their id alone. Send group calls with `name` and `createdAt`, so that lists and segments"
        " can tell them apart.",
    ),
    "one_email_many_ids": Words(
        "warning",
        "One e-mail address is shared by several user ids",
        "If it is one person, ids changed on the way: merge the users, and send an id that never changes. If it is a"
        " shared mailbox, nothing is wrong.",
    ),
    "email_as_id": Words(
        "warning",
        "Users have e-mail addresses as ids",
        "An address changes, and the person becomes another user. Send the id of your database as userId and the"
        " address as the trait `email`.",
    ),
    "mixed_traits": Words(
        "warning",
        "Traits have values that do not fit their type",
        "Filters compare what fits alone. Correct the sender, or choose another type in Traits.",
    ),
    "stopped_events": Words(
        "warning",
        "Events that came regularly have stopped",
        "Was the tracking removed or renamed in a release? Rename it in a mapping, move the new event into the feature,"
        " or ignore the old one.",
    ),
    "future_times": Words(
        "warning",
        "Event times lay more than a day in the future",
        "They were replaced by the moment of receipt. Correct the sender's clock or the unit of its timestamps.",
    ),
    "clocks_ahead": Words(
        "warning",
        "Event times lie after their receipt",
        "The sender's clock is ahead, or its times lack their zone. Send `sentAt`, so that it can be corrected, or"
        " times in UTC.",
    ),
    "clocks_corrected": Words(
        "note",
        "Clocks of senders were off by more than a minute",
        "Their times were corrected by `sentAt`, as Segment does. Nothing needs to be done.",
    ),
}
"""Code → words, in the order in which checks are listed.  Clocks are looked at in the latest 2,000 calls."""
