"""The tester: one call followed through the destination, mapping by mapping.  Nothing is stored."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import RawBody

from uptake.core.calls import Call
from uptake.core.effects import Outcome
from uptake.destination.actions import action_fields
from uptake.destination.meaning import event_of
from uptake.views.base import Unknown
from uptake.views.destination import SAMPLES, CallRefused, call_in, trace_call
from uptake.web.pages.destination_frame import destination_page, mapping_link, picked
from uptake.web.pages.destination_preview import Traced, traced
from uptake.web.pages.destination_seen import counted_words, seen_lately, shown_json
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.live import FATE_KINDS, FATE_NAMES
from uptake.web.pages.visit import PageRequest, Visit


class Told(msgspec.Struct, frozen=True):
    """What became of the call: its fate as a badge, why, what would be counted, and each mapping, matching ones first;
    direct: was it already mapped?"""

    fate: str
    kind: str
    notes: tuple[tuple[str, str], ...]
    counted: tuple[str, ...]
    event: str
    mappings: tuple[tuple[Traced, str], ...]
    direct: bool


@get("/destination/test", sync_to_thread=True)
def tester_page(request: PageRequest) -> Response[str]:
    """Follow a logged call or a sample through every mapping."""
    visit = Visit(request)
    choice = request.query_params.get("call", "")
    if not choice:
        return _page(visit, "", "", None)
    try:
        call, received_us = picked(visit.product, choice, visit.running.clock())
    except Unknown as error:
        return _page(visit, choice, "", None, sentence(str(error)), status=404)
    return _page(visit, choice, _document(choice, call, received_us), _told(visit, call, received_us))


@post("/destination/test", status_code=200, sync_to_thread=True)
def tester_posted(request: PageRequest, body: RawBody) -> Response[str]:
    """Follow a pasted call through every mapping."""
    visit, document = Visit(request), Form(bounded(body)).text("document").strip()
    now_us = visit.running.clock()
    try:
        call = call_in(document.encode(), now_us)
    except CallRefused as error:
        rejection = error.rejection
        fault = f"Ingest refuses this call: {sentence(str(error))} ({rejection.code})"
        return _page(visit, "", document, None, fault, status=422)
    return _page(visit, "", document, _told(visit, call, now_us))


def _document(choice: str, call: Call, received_us: int) -> str:
    """The call as it can be edited and sent again."""
    kind, _, which = choice.partition(":")
    return shown_json(SAMPLES[which] if kind == "sample" else event_of(call, received_us))


def _told(visit: Visit, call: Call, received_us: int) -> Told:
    trace = trace_call(visit.product, call, received_us)
    outcome = trace.outcome
    mappings = [(traced(each, action_fields(each.action)), mapping_link(visit, each.name)) for each in trace.mappings]
    return Told(
        FATE_NAMES[outcome.fate],
        FATE_KINDS.get(outcome.fate, ""),
        tuple(_notes(outcome)),
        tuple(counted_words(outcome.effects)),
        shown_json(trace.event),
        tuple(sorted(mappings, key=lambda each: (not each[0].trace.fired, not each[0].trace.enabled))),
        call.direct,
    )


def _notes(outcome: Outcome) -> Sequence[tuple[str, str]]:
    return [
        (note.code, " ".join(filter(None, (f"{note.mapping}:" if note.mapping else "", sentence(note.message)))))
        for note in outcome.notes
    ]


def _page(
    visit: Visit, choice: str, document: str, told: Told | None, fault: str = "", *, status: int = 200
) -> Response[str]:
    seen = seen_lately(visit.product)
    context: dict[str, Any] = {"choices": seen.choices, "samples": list(SAMPLES), "logged": bool(seen.calls)}
    known = any(each.value == choice for each in seen.choices)
    return destination_page(
        visit,
        "destination_test.html",
        tab="/destination/test",
        status=status,
        choice=choice,
        choice_known=known,
        document=document,
        told=told,
        fault=fault,
        **context,
    )
