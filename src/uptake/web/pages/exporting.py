"""A whole ranked list as CSV: the rows that the address names, read and sent a few thousand at a time."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.exceptions import ValidationException
from litestar.response import Stream

from uptake.core.days import iso_ms
from uptake.core.effects import Kind
from uptake.core.scores import Numbers
from uptake.views.base import scored_day
from uptake.views.ranking import ranked
from uptake.views.traits import traits_among
from uptake.web.pages.events import listed_events
from uptake.web.pages.ranked import RankedState
from uptake.web.pages.render import HEADERS
from uptake.web.pages.visit import PageRequest, Visit

CHUNK = 5_000
"""Rows that are in memory at once."""
MARK = "\ufeff"
"""Spreadsheets take a file for UTF-8 only where it begins with this."""
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so would be taken for a formula by a spreadsheet."""

Field = Callable[[Numbers], Any]
BOTH: dict[str, Field] = {
    "id": lambda row: row.id,
    "tracking_id": lambda row: row.tracking_id,
    "name": lambda row: row.name,
}
NUMBERS: dict[str, Field] = {
    "score": lambda row: row.score,
    "score_change": lambda row: row.score_change,
    "level": lambda row: row.level,
    "raw_score": lambda row: row.raw_score,
    "frequency": lambda row: row.frequency,
    "adoption": lambda row: round(row.adoption, 2),
    "adoption_all_time": lambda row: round(row.adoption_all_time, 2),
    "activation": lambda row: "" if row.activation is None else round(row.activation, 2),
    "first_seen": lambda row: row.first_seen or "",
    "last_active_at": lambda row: _moment(row.last_active_us),
    "created_at": lambda row: _moment(row.created_us),
}
FIELDS: dict[Kind, dict[str, Field]] = {
    "account": {
        **BOTH,
        **NUMBERS,
        "active_users": lambda row: row.active_users,
        "total_users": lambda row: row.total_users,
    },
    "user": {**BOTH, "email": lambda row: row.email or "", "account": lambda row: row.account or "", **NUMBERS},
}


@get("/export/accounts.csv", sync_to_thread=True)
def accounts_csv(request: PageRequest) -> Stream:
    """Every account of the list, with all of its numbers."""
    return download(RankedState(Visit(request), "account"), "accounts")


@get("/export/users.csv", sync_to_thread=True)
def users_csv(request: PageRequest) -> Stream:
    """Every user of the list, with all of the numbers."""
    return download(RankedState(Visit(request), "user"), "users")


@get("/export/events.csv", sync_to_thread=True)
def events_csv(request: PageRequest) -> Stream:
    """Every event of the list, with how it was used in the days that the address names."""
    visit = Visit(request)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="events-{visit.product.today()}.csv"'}
    return Stream(_event_lines(visit), media_type="text/csv; charset=utf-8", headers=headers)


def _event_lines(visit: Visit) -> Iterator[str]:
    yield MARK + csv_line(
        ["event", "feature", "weight", "times", "times_before", "users", "accounts", "adoption", "first_at", "last_at"]
    )
    for row in listed_events(visit).rows:
        each, told = row.summary, row.told
        use = [told.times, told.times_before, told.users, told.accounts, round(told.share, 2)]
        moments = [_moment(each.first_us), _moment(each.last_us)]
        yield csv_line([each.event, each.feature, each.weight, *use, *moments])


@get("/export/notes.csv", sync_to_thread=True)
def notes_csv(request: PageRequest) -> Stream:
    """Every note of the product, the newest first, and below them who owns which account."""
    visit = Visit(request)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="notes-{visit.product.today()}.csv"'}
    return Stream(_note_lines(visit), media_type="text/csv; charset=utf-8", headers=headers)


def _note_lines(visit: Visit) -> Iterator[str]:
    meta, product_id = visit.running.meta, visit.product.product_id
    yield MARK + csv_line(["what", "kind", "tracking_id", "at", "by", "text"])
    for note in meta.care.notes(product_id):
        yield csv_line(["note", note.kind, note.tracking_id, iso_ms(note.written_us), note.author, note.text])
    emails = {person.id: person.email for person in meta.people.people()}
    for account, person_id in meta.care.owners(product_id).items():
        yield csv_line(["owner", "account", account, "", emails.get(person_id, ""), ""])


def download(state: RankedState, name: str) -> Stream:
    """The whole list as a file that is named after the day.  Raises ValidationException for a bad condition."""
    if state.fault:
        raise ValidationException(f"The condition cannot be read: {state.fault}.")
    day = scored_day(state.visit.product, state.day)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}-{day}.csv"'}
    return Stream(_lines(state), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(state: RankedState) -> Iterator[str]:
    """The file in pieces: a head, then rows in the order of the list."""
    fields = FIELDS[state.kind]
    keys = state.traits
    yield MARK + csv_line([*fields, *(f"trait.{key}" for key in keys)])
    product, workspace_id, done = state.visit.product, state.visit.workspace.id, 0
    while True:
        query = msgspec.structs.replace(state.query, limit=CHUNK, offset=done)
        rows = ranked(product, state.kind, workspace_id, query, day=state.day).rows
        held = traits_among(product, state.kind, [row.tracking_id for row in rows], keys)
        yield "".join(
            csv_line([*(field(row) for field in fields.values()), *_traits(held.get(row.tracking_id, {}), keys)])
            for row in rows
        )
        done += len(rows)
        if len(rows) < CHUNK:
            return


def _traits(held: Mapping[str, Any], keys: Sequence[str]) -> list[Any]:
    """The values of these traits as they were sent; a list or an object as JSON, '' where there is none."""
    values = [held.get(key, "") for key in keys]
    return [each if isinstance(each, str | int | float) else msgspec.json.encode(each).decode() for each in values]


def csv_line(values: list[Any]) -> str:
    """One line of a CSV file; no cell of it is run by a spreadsheet."""
    written = io.StringIO()
    csv.writer(written).writerow([safe(value) for value in values])
    return written.getvalue()


def safe(value: Any) -> Any:
    """The value as a cell that no spreadsheet runs: a text that looks like a formula gets an apostrophe before it.

    >>> safe("=1+1"), safe("acme"), safe(-3)
    ("'=1+1", 'acme', -3)
    """
    return "'" + value if isinstance(value, str) and value.startswith(DANGEROUS) else value


def _moment(moment_us: int | None) -> str:
    return "" if moment_us is None else iso_ms(moment_us)
