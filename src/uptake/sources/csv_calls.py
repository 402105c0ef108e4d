"""Traits of users or accounts from a CSV file: what its columns are, and one call a row.

By convention a column named `userId`, `user_id` or `id` holds the user's id, `groupId`, `group_id`, `accountId` or
`account_id` the account's, and `timestamp` when the row was true; every other column is a trait of its name, with or
without `traits.` before it.  A mapping of columns says otherwise.  Rows become identify calls, in a file of accounts
group calls; they are already mapped and pass no mapping of the destination.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from uptake.core.calls import Call
from uptake.core.effects import Kind
from uptake.sources.base import MAX_CALL_BYTES, Incoming, Unfit
from uptake.sources.csv_table import CsvFault, CsvRow, CsvUnfit
from uptake.sources.reading import Dialect, call_of

TRAITS = "traits."
IDS = ("userId", "groupId")
_CONVENTION = {
    "userid": "userId",
    "groupid": "groupId",
    "accountid": "groupId",
    "timestamp": "timestamp",
}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_WORDS: dict[str, bool] = {"true": True, "false": False}
_DIALECT = Dialect(direct=True)


class CsvPlan(msgspec.Struct, frozen=True):
    """What the columns of a file are.

    targets: for each column `userId`, `groupId`, `timestamp`, `traits.` and the trait's key, or '' for ignored.
    """

    kind: Kind
    header: tuple[str, ...]
    targets: tuple[str, ...]


def plan_of(header: Sequence[str], *, kind: Kind | None = None, columns: Mapping[str, str] | None = None) -> CsvPlan:
    """Decide what each column is: by `columns` (its name → the target) where that says so, else by its name.

    kind: whose traits they are; by default a user's where there is a user's id, else an account's.
    Raises CsvUnfit where a mapping cannot be, or no column holds the id.
    """
    told = dict(columns or {})
    for name in told:
        if name not in header:
            raise _unfit("csv_mapping", header, name, f"the file has no column {name!r}")
    targets = [told[name] if name in told else _by_name(name) for name in header]
    whose = kind or ("user" if {"userId", "id"} & set(targets) else "account")
    own = "userId" if whose == "user" else "groupId"
    targets = [_settled(target, own, targets) for target in targets]
    for name, target in zip(header, targets, strict=True):
        if target not in ("", *IDS, "timestamp") and not (target.startswith(TRAITS) and target != TRAITS):
            told_as = f"expected userId, groupId, timestamp, traits.NAME or nothing for {name!r}, got {target[:40]!r}"
            raise _unfit("csv_mapping", header, name, told_as)
        if target and targets.count(target) > 1:
            raise _unfit("csv_mapping", header, name, f"two columns are {target}")
    if own not in targets:
        raise _unfit("csv_column_missing", header, "", f"expected a column {own} with the {whose}'s id")
    return CsvPlan(whose, tuple(header), tuple(targets))


def _by_name(name: str) -> str:
    plain = re.sub(r"[ _-]", "", name).lower()
    if not name or plain == "id":
        return "id" if name else ""
    return _CONVENTION.get(plain) or (name if name.startswith(TRAITS) else TRAITS + name)


def _settled(target: str, own: str, targets: Sequence[str]) -> str:
    """A plain `id` is the id of whom the file is about, unless another column is."""
    if target != "id":
        return target
    return own if own not in targets else TRAITS + "id"


def _unfit(code: str, header: Sequence[str], name: str, message: str) -> CsvUnfit:
    column = list(header).index(name) + 1 if name in header else 0
    return CsvUnfit(CsvFault(code, 1, column, name, message))


def item_of(plan: CsvPlan, row: CsvRow) -> dict[str, Any]:
    """A row as the call that it becomes, in Segment's words; empty cells say nothing."""
    item: dict[str, Any] = {"type": "identify" if plan.kind == "user" else "group"}
    traits: dict[str, Any] = {}
    for target, cell in zip(plan.targets, row.cells, strict=True):
        text = cell.strip()
        if not text or not target:
            continue
        if target.startswith(TRAITS):
            traits[target.removeprefix(TRAITS)] = value_of(text)
        else:
            item[target] = text
    return {**item, "traits": traits}


def value_of(text: str) -> str | float | int | bool:
    """A cell as a trait's value: a number as it is plainly written, true or false, else text.

    >>> value_of("42"), value_of("4.50"), value_of("TRUE"), value_of("007"), value_of("1e5")
    (42, 4.5, True, '007', '1e5')
    """
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return _WORDS.get(text.lower(), text)


def read_rows(
    plan: CsvPlan, rows: Iterable[CsvRow | CsvFault], incoming: Incoming, message_ids: Iterable[str]
) -> list[Call | CsvFault]:
    """Each row's call, under the messageId in its place, or why there is none."""
    return [
        row if isinstance(row, CsvFault) else _read(plan, row, incoming, message_id)
        for row, message_id in zip(rows, message_ids, strict=False)
    ]


def _read(plan: CsvPlan, row: CsvRow, incoming: Incoming, message_id: str) -> Call | CsvFault:
    size = sum(map(len, row.cells))
    if size > MAX_CALL_BYTES:
        return CsvFault("call_too_large", row.line, 0, "", f"a row may be {MAX_CALL_BYTES} characters, got {size}")
    item = {**item_of(plan, row), "messageId": message_id}
    try:
        if plan.kind == "user" and "userId" not in item:
            raise Unfit("missing_user_id", "$.userId", "a row of a user needs the id; it is empty")
        return call_of(item, _DIALECT, incoming)
    except Unfit as unfit:
        target = unfit.place.removeprefix("$.")
        column = plan.targets.index(target) + 1 if target in plan.targets else 0
        return CsvFault(unfit.code, row.line, column, plan.header[column - 1] if column else "", unfit.message)
