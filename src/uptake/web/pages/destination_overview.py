"""The delivery overview, what became of calls step by step; and the versions of the configuration."""

import msgspec
from litestar import Response, get

from uptake.core.days import SECOND_US
from uptake.core.errors import CODES
from uptake.pipeline.document import document_of
from uptake.views.destination import Overview, Reason, Step, delivery_overview, version_notes
from uptake.web.pages.destination_frame import destination_page
from uptake.web.pages.visit import PageRequest, Visit

RANGES = (
    ("10m", "10 min", 10),
    ("1h", "1 h", 60),
    ("24h", "24 h", 1_440),
    ("7d", "7 d", 10_080),
    ("14d", "14 d", 20_160),
)
USUAL = "24h"
STEPS: tuple[tuple[Step, str, str], ...] = (
    ("refused", "Refused at ingest", "Not readable as a call: nothing of it was kept."),
    ("filtered", "Filtered", "Left out by a filter, the integrations object, or because the destination is off."),
    ("unmatched", "No matching mapping", "No enabled mapping's trigger held."),
    ("invalid", "Failed validation", "A mapping matched, but what it made of the call was not valid."),
    ("duplicate", "Duplicate", "The same messageId had come before."),
    ("not_counted", "Nothing to count", "Recorded, or without a user."),
)
MOST_VERSIONS = 50
SEGMENT_CODES = {
    "missing_user": "no_user_anon_id",
    "missing_user_id": "id_required",
    "missing_group_id": "id_required",
    "missing_previous_id": "id_required",
    "missing_event": "event_not_defined",
    "bad_id": "id_not_string",
    "bad_json": "bad_request",
    "not_an_object": "bad_request",
    "unknown_type": "bad_request",
    "call_too_large": "bad_request",
    "id_too_long": "bad_request",
    "bad_timestamp": "bad_request",
}
"""Segment's discard codes for what is refused at ingest; all later steps have Segment's codes already."""
FIELD_CODES = {
    "event": "event_not_string",
    "name": "name_not_string",
    "category": "category_not_string",
    "traits": "traits_not_object",
    "properties": "properties_not_object",
}


class StepRow(msgspec.Struct, frozen=True):
    """One step of the funnel: how many calls ended there, and how many went on; shares are of what was received."""

    key: Step
    label: str
    help: str
    times: int
    left: int
    share: float
    left_share: float
    reasons: tuple[tuple[Reason, str, str], ...]


@get("/destination/overview", sync_to_thread=True)
def overview_page(request: PageRequest) -> Response[str]:
    """What became of everything that was received, with reasons and samples."""
    visit = Visit(request)
    asked = request.query_params.get("range", USUAL)
    chosen, label, minutes = next((each for each in RANGES if each[0] == asked), RANGES[2])
    found = delivery_overview(visit.product, visit.running.clock() - minutes * 60 * SECOND_US)
    return destination_page(
        visit,
        "destination_overview.html",
        tab="/destination/overview",
        ranges=[(key, text) for key, text, _ in RANGES],
        chosen=chosen,
        chosen_label=label,
        received=found.steps.get("received", 0),
        applied=found.steps.get("applied", 0),
        rows=funnel(found),
        lenient=_reasons(found, "applied"),
    )


def funnel(found: Overview) -> list[StepRow]:
    """The steps in their order; what every step leaves goes on to the next, and in the end is applied."""
    received = left = found.steps.get("received", 0)
    rows = []
    for key, label, help_text in STEPS:
        times = found.steps.get(key, 0)
        left -= times
        share, left_share = (100 * each / received if received else 0 for each in (times, left))
        rows.append(StepRow(key, label, help_text, times, left, share, left_share, _reasons(found, key)))
    return rows


def _reasons(found: Overview, step: Step) -> tuple[tuple[Reason, str, str], ...]:
    """The reasons of a step, each with what its code means and, where that differs, Segment's own code."""
    mine = (reason for reason in found.reasons if reason.step == step)
    return tuple((each, CODES[each.code].help if each.code in CODES else "", segment_code(each)) for each in mine)


def segment_code(reason: Reason) -> str:
    """Segment's discard code for something refused at ingest, '' where there is none or the code is Segment's."""
    if reason.code != "bad_field":
        return SEGMENT_CODES.get(reason.code, "")
    fields = {sample.place.removeprefix("$.").split(".")[0] for sample in reason.samples}
    return " or ".join(sorted({FIELD_CODES[field] for field in fields if field in FIELD_CODES}))


@get("/destination/versions", sync_to_thread=True)
def versions_page(request: PageRequest) -> Response[str]:
    """Who changed what, and when."""
    visit = Visit(request)
    known = visit.product.versions[-MOST_VERSIONS - 1 :]
    notes = version_notes(known, [document_of(each.config) for each in known])
    total = len(visit.product.versions)
    return destination_page(
        visit,
        "destination_versions.html",
        tab="/destination/versions",
        notes=notes[:MOST_VERSIONS],
        total=total,
        log_end=visit.product.log.end(visit.product.product_id),
    )
