"""The product's destination: what became of calls step by step, traces of single calls, and the versions it had."""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from uptake.core.calls import Call, Projection
from uptake.core.config import ConfigVersion, Mapping
from uptake.core.days import SECOND_US
from uptake.core.errors import Rejection
from uptake.destination.trace import Trace, trace
from uptake.sources.base import Incoming
from uptake.sources.jsonl import decode_lines
from uptake.stores.log.base import read_past_damage
from uptake.views.base import ProductView, Unknown
from uptake.views.live import REFUSED, LiveCall, samples

MOST_SAMPLES = 10
BUCKET_US = 600 * SECOND_US
EVERYTHING = Projection(everything=True)

Step = Literal["received", "refused", "filtered", "unmatched", "invalid", "duplicate", "not_counted", "applied"]
STEP_OF_FATE: dict[str, Step] = {
    "applied": "applied",
    "duplicate": "duplicate",
    "filtered": "filtered",
    "unmatched": "unmatched",
    "invalid": "invalid",
    "no_user": "not_counted",
    "recorded": "not_counted",
    "unreadable": "not_counted",
    "erased": "not_counted",
}


class Reason(msgspec.Struct, frozen=True):
    """Why calls went no further at a step: a code, the mapping ('' for none), how many, and the latest of them."""

    step: Step
    code: str
    mapping: str
    times: int
    samples: tuple[LiveCall, ...]


class Overview(msgspec.Struct, frozen=True):
    """How many calls reached each step since a moment, and the reasons, the most frequent first.

    series: (bucket_us, step, times) by ten minutes, ascending.
    """

    since_us: int
    steps: dict[Step, int]
    reasons: tuple[Reason, ...]
    series: tuple[tuple[int, Step, int], ...]


class VersionNote(msgspec.Struct, frozen=True):
    """One version of the configuration: who, when, why, from which call on its destination applies, and its diff."""

    revision: int
    saved_us: int
    by: str
    why: str
    from_offset: int
    diff: tuple[str, ...]


def delivery_overview(product: ProductView, since_us: int) -> Overview:
    """What became of everything that was received since a moment, from the beginning of its ten minutes on."""
    since_us -= since_us % BUCKET_US
    steps: Counter[Step] = Counter()
    reasons: Counter[tuple[str, str, str]] = Counter()
    series: Counter[tuple[int, Step]] = Counter()
    for outcome in product.store.outcomes(since_us=since_us):
        step = STEP_OF_FATE[outcome.fate]
        steps[step] += outcome.times
        series[outcome.bucket_us, step] += outcome.times
        if outcome.code:
            reasons[outcome.fate, outcome.code, outcome.mapping] += outcome.times
    for refused in product.log.refusal_counts(product.product_id, since_us=since_us):
        steps["refused"] += refused.times
        series[refused.bucket_us, "refused"] += refused.times
        reasons[REFUSED, refused.code, ""] += refused.times
    steps["received"] = sum(steps.values())
    shown = samples(product, MOST_SAMPLES, since_us)
    return Overview(
        since_us=since_us,
        steps=dict(steps),
        reasons=tuple(
            Reason(STEP_OF_FATE.get(reason[0], "refused"), reason[1], reason[2], times, tuple(shown.get(reason, ())))
            for reason, times in reasons.most_common()
        ),
        series=tuple((bucket, step, times) for (bucket, step), times in sorted(series.items())),
    )


# ---- the tester
SAMPLES: dict[str, dict[str, Any]] = {
    "identify": {
        "type": "identify",
        "userId": "user_1",
        "traits": {
            "name": "Ana Silva",
            "email": "ana@acme.example",
            "role": "Admin",
            "createdAt": "2026-01-15T09:00:00.000Z",
        },
    },
    "group": {
        "type": "group",
        "userId": "user_1",
        "groupId": "account_1",
        "traits": {
            "name": "Acme",
            "plan": "pro",
            "status": "Paid",
            "mrr": 9900,
            "createdAt": "2026-01-10T09:00:00.000Z",
        },
    },
    "track": {
        "type": "track",
        "userId": "user_1",
        "event": "Report_Created",
        "properties": {"format": "pdf"},
        "context": {"groupId": "account_1"},
    },
    "page": {"type": "page", "userId": "user_1", "name": "Pricing", "properties": {"path": "/pricing"}},
    "screen": {"type": "screen", "userId": "user_1", "name": "Home"},
}
"""A call of each type to try a mapping on."""


class CallRefused(ValueError):
    """A call that ingest would refuse, and why."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(f"{rejection.place}: {rejection.message}")
        self.rejection = rejection


def call_in(document: bytes, now_us: int) -> Call:
    """The call that a JSON document is, with everything in it kept.  Raises CallRefused."""
    decoded = decode_lines([document], Incoming(now_us, EVERYTHING, lambda: "test"))
    if decoded.fault or decoded.refused:
        raise CallRefused(decoded.fault or decoded.refused[0])
    return decoded.calls[0]


def logged_call(product: ProductView, offset: int) -> tuple[Call, int]:
    """A call of the product's log and when it was received.  Raises Unknown."""
    found = read_past_damage(product.log, product.product_id, offset, most=1)[0] if offset >= 0 else []
    for each in found:
        if each.offset == offset and not each.call.erased:
            return each.call, each.received_us
    raise Unknown("unknown_call", f"the log holds no call {offset}")


def trace_call(product: ProductView, call: Call, received_us: int, mappings: Sequence[Mapping] | None = None) -> Trace:
    """Follow a call through the destination in force, or through these mappings instead.  Nothing is stored."""
    return trace(call, received_us, product.version.config, mappings)


# ---- versions
def version_notes(versions: Sequence[ConfigVersion], written: Sequence[str]) -> list[VersionNote]:
    """Who changed what and when, the latest first; `written` holds each version's document, in the same order."""
    notes = []
    for index, version in enumerate(versions):
        before = written[index - 1].splitlines() if index else []
        lines = tuple(difflib.unified_diff(before, written[index].splitlines(), lineterm="", n=1))[2:] if index else ()
        notes.append(
            VersionNote(version.revision, version.saved_us, version.by, version.why, version.from_offset, lines)
        )
    return notes[::-1]
