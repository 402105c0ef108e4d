"""What is wrong, or looks wrong, with the data of a product: each finding with a count, samples and what to do.

Findings are of what is kept now and of calls of the last week; nothing is stored for them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal

import msgspec

from uptake.core.days import iso_ms, to_us
from uptake.core.effects import Kind
from uptake.stores.events.doubts import DOUBTS, EventRhythm
from uptake.stores.log.base import read_past_damage
from uptake.views.base import ProductView
from uptake.views.health_words import TOLD, Severity
from uptake.views.traits import trait_list

SAMPLES = 10
RECENT_CALLS = 2_000
"""So many of the latest calls are looked at for clocks."""
RECENT_DAYS = 7
AHEAD_US = 5 * 60 * 1_000_000
"""An event time so far after its receipt comes from a clock that is off."""
RHYTHM_DAYS = 90
REGULAR_DAYS = 5
"""An event on at least so many days has a rhythm that it can lose."""
SILENT_DAYS, SILENT_GAPS = 7, 4
"""It stopped after a week of silence, and after four times its usual gap."""


class Sample(msgspec.Struct, frozen=True):
    """One example: whom or what it is about, by id or name, and a few words on it ('' for none)."""

    about: Literal["user", "account", "event", "trait", "code", "key", "email"]
    id: str
    told: str = ""


class Finding(msgspec.Struct, frozen=True):
    """One thing to look at.

    code: stable.  times: how many users, accounts, calls, … it concerns.  advice: what to do about it.
    """

    code: str
    severity: Severity
    title: str
    times: int
    samples: Sequence[Sample]
    advice: str


class HealthReport(msgspec.Struct, frozen=True):
    """Findings, problems first; and the codes of the checks that found nothing."""

    findings: Sequence[Finding]
    good: Sequence[str]


class RefusedKey(msgspec.Struct, frozen=True):
    """Requests with a key that no product has: its first characters, how often, and when last (µs since 1970 UTC)."""

    hint: str
    times: int
    last_us: int


Found = tuple[str, int, Sequence[Sample]]
"""Code, times, samples."""


def data_health(product: ProductView, refused_keys: Sequence[RefusedKey] = ()) -> HealthReport:
    """Everything that is wrong, or looks wrong.  refused_keys: of the whole installation, as the web counts them."""
    checks: tuple[Callable[[ProductView], Iterator[Found]], ...] = (
        _refused_calls,
        _calls_of_no_use,
        _doubts,
        _cycles,
        _traits,
        _clocks,
        _stopped,
    )
    found = [*(each for check in checks for each in check(product)), _keys(refused_keys)]
    worst = list(_WORST)
    findings = sorted(
        (_finding(*each) for each in found if each[1]), key=lambda each: (worst.index(each.severity), -each.times)
    )
    codes = {finding.code for finding in findings}
    return HealthReport(findings, [code for code in TOLD if code not in codes])


_WORST: tuple[Severity, ...] = ("problem", "warning", "note")


def _finding(code: str, times: int, samples: Sequence[Sample]) -> Finding:
    told = TOLD[code]
    return Finding(code, told.severity, told.title, times, samples, told.advice)


# ---- calls
def _refused_calls(product: ProductView) -> Iterator[Found]:
    by_code = Counter[str]()
    for row in product.log.refusal_counts(product.product_id, since_us=_since_us(product)):
        by_code[row.code] += row.times
    yield "refused_calls", by_code.total(), _codes(by_code)


def _calls_of_no_use(product: ProductView) -> Iterator[Found]:
    by_fate: dict[str, Counter[str]] = {"invalid": Counter(), "unmatched": Counter(), "no_user": Counter()}
    for row in product.store.outcomes(since_us=_since_us(product)):
        if row.fate in by_fate:
            by_fate[row.fate][row.type] += row.times
    for fate, by_type in by_fate.items():
        samples = [Sample("code", call_type, _calls(times)) for call_type, times in by_type.most_common(SAMPLES)]
        yield f"{fate}_calls", by_type.total(), samples


def _codes(by_code: Counter[str]) -> list[Sample]:
    return [Sample("code", code, _calls(times)) for code, times in by_code.most_common(SAMPLES)]


def _calls(times: int) -> str:
    return f"{times:,} call" + ("" if times == 1 else "s")


def _since_us(product: ProductView) -> int:
    first = product.today() - timedelta(days=RECENT_DAYS - 1)
    return to_us(datetime.combine(first, time(), product.zone))


def _clocks(product: ProductView) -> Iterator[Found]:
    end = product.log.end(product.product_id)
    calls, _ = read_past_damage(product.log, product.product_id, max(end - RECENT_CALLS, 0), most=RECENT_CALLS)
    found: dict[str, list[Sample]] = {"future_times": [], "clocks_corrected": [], "clocks_ahead": []}
    for logged in calls:
        call = logged.call
        if call.erased:
            continue
        sample = Sample("user", call.user_id or call.anonymous_id or "", f"{call.type} at {iso_ms(logged.received_us)}")
        if "future_time" in call.notes:
            found["future_times"].append(sample)
        if "clock_corrected" in call.notes:
            found["clocks_corrected"].append(sample)
        elif call.at_us - logged.received_us > AHEAD_US:
            found["clocks_ahead"].append(sample)
    for code, samples in found.items():
        yield code, len(samples), samples[-SAMPLES:][::-1]


def _keys(refused: Sequence[RefusedKey]) -> Found:
    told = [Sample("key", each.hint, f"{each.times} times, last {iso_ms(each.last_us)}") for each in refused[:SAMPLES]]
    return "refused_keys", sum(each.times for each in refused), told


# ---- users and accounts
def _doubts(product: ProductView) -> Iterator[Found]:
    for doubt in DOUBTS:
        found = product.store.doubtful(doubt, most=SAMPLES)
        if doubt == "one_email_many_ids":
            samples = [Sample("email", email, "users " + ", ".join(ids)) for email, *ids in found.samples]
        else:
            kind: Kind = "account" if doubt == "accounts_without_group" else "user"
            samples = [Sample(kind, each) for (each,) in found.samples]
        yield doubt, found.times, samples


def _cycles(product: ProductView) -> Iterator[Found]:
    cycles = product.store.parent_cycles()
    yield "parent_cycles", len(cycles), [Sample("account", each[0], " → ".join(each)) for each in cycles[:SAMPLES]]


# ---- traits and events
def _traits(product: ProductView) -> Iterator[Found]:
    kinds: tuple[Kind, ...] = ("user", "account")
    odd = [trait for kind in kinds for trait in trait_list(product, kind, samples=1) if trait.unfit]
    odd.sort(key=lambda trait: (-trait.unfit, trait.kind, trait.key))
    yield (
        "mixed_traits",
        len(odd),
        [
            Sample(
                "trait",
                f"{trait.kind}.{trait.key}",
                f"{trait.unfit} of {trait.have} are no {trait.type}: {trait.samples[0].value}",
            )
            for trait in odd[:SAMPLES]
        ],
    )


def _stopped(product: ProductView) -> Iterator[Found]:
    today = product.today()
    aside = {*product.version.config.hidden_events, *product.version.config.ignored_events}
    rhythms = product.store.event_rhythms((today - timedelta(days=RHYTHM_DAYS - 1), today))
    stopped = [each for each in rhythms if each.event not in aside and has_stopped(each, today)]
    stopped.sort(key=lambda each: (-each.days, each.event))
    yield (
        "stopped_events",
        len(stopped),
        [
            Sample("event", each.event, f"on {each.days} days until {each.last_day}, none since")
            for each in stopped[:SAMPLES]
        ],
    )


def has_stopped(rhythm: EventRhythm, today: date) -> bool:
    """Was the event regular, and is it silent for longer than it ever should be?

    >>> has_stopped(EventRhythm("Export", 20, date(2026, 3, 1), date(2026, 3, 30)), date(2026, 4, 10))
    True
    """
    if rhythm.days < REGULAR_DAYS:
        return False
    usual_gap = (rhythm.last_day - rhythm.first_day).days / (rhythm.days - 1)
    return (today - rhythm.last_day).days > max(SILENT_DAYS, SILENT_GAPS * usual_gap)
