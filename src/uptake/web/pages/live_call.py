"""The page of one call: every stage from the bytes that are kept to the counted event, or why it was refused."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from uptake.core.calls import LoggedCall
from uptake.core.errors import CODES
from uptake.destination.actions import action_fields
from uptake.views.journey import WAITING, Journey, journey_of
from uptake.views.live import refusal_named
from uptake.web.pages.destination_frame import mapping_link
from uptake.web.pages.destination_preview import Traced, traced
from uptake.web.pages.destination_seen import counted_words, shown_json
from uptake.web.pages.faults import sentence
from uptake.web.pages.live import FATE_KINDS, FATE_NAMES, MOST_DIGITS
from uptake.web.pages.render import page
from uptake.web.pages.visit import PageRequest, Visit

SOURCES = {
    "segment": "Segment's API (/v1)",
    "destination": "an Accoil destination or a webhook (/segment)",
    "accoil": "Accoil's API (/v2)",
    "legacy": "Accoil's legacy API (/v1/users, /v1/groups, /v1/events)",
    "pixel": "a pixel (/v1/pixel)",
    "import": "an imported file",
    "csv": "an imported CSV file",
}
"""How calls came, by the family of their route."""
NOTES = {
    "clock_corrected": "The sender's clock was wrong: its time is corrected by how far `sentAt` lay from the receipt.",
    "future_time": "Its time lay more than a day in the future: the moment of receipt stands in its place.",
}
LATE_US = 60 * 1_000_000
UNITS = (("day", 86_400 * 1_000_000), ("hour", 3_600 * 1_000_000), ("minute", LATE_US))
REASONS = {
    "named": "the call names it in context.groupId",
    "member": "the user's account at that moment",
    "first": "the user's first account, which counts for everything before it too",
    "none": "the user is in no account, and the call names none",
}
VERDICTS = {
    "counted": "counted",
    "excluded_user": "left out: the user is excluded here",
    "excluded_account": "left out: the account is excluded here",
    "not_weighed": "weighs nothing here",
}


class Stage(msgspec.Struct, frozen=True):
    """What the page shows of a call, beside the journey itself.

    notes: why it is not counted, or what was left out, each a code, its help, and the sentence.  mappings: each with
    the address of its editor, those that fired first.
    """

    fate: str
    kind: str
    counted: bool
    notes: tuple[tuple[str, str, str], ...]
    means: tuple[str, ...]
    mappings: tuple[tuple[Traced, str], ...]
    kept: str
    event: str
    late: str


@get("/live/{call:str}", sync_to_thread=True)
def call_page(request: PageRequest, call: FromPath[str]) -> Response[str]:
    """One call through every stage."""
    visit = Visit(request)
    if not (call.isascii() and call.isdigit() and len(call) < MOST_DIGITS):
        raise NotFoundException(f"There is no call {call[:40]!r}.")
    offset = int(call)
    journey = journey_of(visit.product, offset)
    context: dict[str, Any] = {
        "journey": journey,
        "call": journey.logged.call,
        "stage": _stage(visit, journey),
        "source": SOURCES.get(journey.logged.source, journey.logged.source or "not told"),
        "clock_notes": [NOTES[note] for note in journey.logged.call.notes if note in NOTES],
        "reasons": REASONS,
        "verdicts": VERDICTS,
        "copied": visit.link(f"/live/{journey.copied}") if journey.copied is not None else "",
        "older": visit.link(f"/live/{offset - 1}") if offset else "",
        "newer": visit.link(f"/live/{offset + 1}") if offset + 1 < visit.status.log_offset else "",
    }
    return page(visit, "live_call.html", **context)


@get("/live/refused/{key:str}", sync_to_thread=True)
def refused_page(request: PageRequest, key: FromPath[str]) -> Response[str]:
    """One refused item: code, place, what was expected and what was got."""
    visit = Visit(request)
    refusal = refusal_named(visit.product, key)
    if refusal is None:
        raise NotFoundException("This refused item is not among the latest, which are kept one by one.")
    code = CODES.get(refusal.rejection.code)
    return page(
        visit,
        "live_refused.html",
        refusal=refusal,
        rejection=refusal.rejection,
        told=sentence(refusal.rejection.message),
        help=code.help if code else "",
        answer=code.status if code else 0,
        source=SOURCES.get(refusal.source, refusal.source),
    )


def _stage(visit: Visit, journey: Journey) -> Stage:
    mappings = [
        (traced(each, action_fields(each.action)), mapping_link(visit, each.name, call=f"log:{journey.logged.offset}"))
        for each in journey.trace.mappings
    ]
    return Stage(
        fate="Waiting" if journey.fate == WAITING else FATE_NAMES[journey.fate],
        kind=FATE_KINDS.get(journey.fate, ""),
        counted=journey.fate == "applied",
        notes=tuple(_notes(journey)),
        means=tuple(counted_words(journey.effects)),
        mappings=tuple(sorted(mappings, key=lambda each: (not each[0].trace.fired, not each[0].trace.enabled))),
        kept=shown_json(msgspec.to_builtins(journey.logged.call)),
        event=shown_json(journey.trace.event),
        late=_late(journey.logged),
    )


def _notes(journey: Journey) -> Sequence[tuple[str, str, str]]:
    row = journey.row
    if journey.fate == "duplicate":
        return [("duplicate", CODES["duplicate"].help, "")]
    if row is not None and row.code and row.fate != journey.trace.outcome.fate:
        return [(row.code, CODES[row.code].help if row.code in CODES else "", sentence(row.message))]
    return [
        (
            note.code,
            CODES[note.code].help if note.code in CODES else "",
            " ".join(filter(None, (f"{note.mapping}:" if note.mapping else "", sentence(note.message)))),
        )
        for note in journey.trace.outcome.notes
    ]


def _late(logged: LoggedCall) -> str:
    """How far the event's time lies from the receipt, in words."""
    apart_us = logged.received_us - logged.call.at_us
    if abs(apart_us) < LATE_US:
        return "within a minute of the receipt"
    unit, size_us = next((unit, size_us) for unit, size_us in UNITS if abs(apart_us) >= 2 * size_us or unit == "minute")
    size = abs(apart_us) // size_us
    return f"{size:,} {unit}{'' if size == 1 else 's'} {'before' if apart_us > 0 else 'after'} the receipt"
