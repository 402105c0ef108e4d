"""Settings, Data health: what is wrong, or looks wrong, with what arrives, whom it is about, and where to mend it."""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from litestar import Response, get

from uptake.pipeline.standing import Power
from uptake.views.data_health import Finding, Sample, data_health
from uptake.views.health_words import TOLD, Severity
from uptake.web.pages.render import page
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/health"
GOOD: Mapping[str, str] = {
    "refused_calls": "No call was refused in the last 7 days",
    "refused_keys": "No request came with an unknown key",
    "invalid_calls": "Every call passed the validation of its mapping",
    "parent_cycles": "No accounts are each other's parents",
    "unmatched_calls": "Every call matched a mapping",
    "no_user_calls": "Every page and screen call had a user",
    "users_without_account": "Every user is in an account",
    "accounts_without_group": "Group calls told of every account",
    "one_email_many_ids": "No e-mail address is shared by several ids",
    "email_as_id": "No user has an e-mail address as id",
    "mixed_traits": "Every trait fits its type",
    "stopped_events": "No regular event has stopped",
    "future_times": "No event lay in the future",
    "clocks_ahead": "No event lay after its receipt",
    "clocks_corrected": "Clocks of senders agree with ours",
}
"""What a check that found nothing is called."""

Way = tuple[str, str, Power]
WAYS: Mapping[str, tuple[Way, ...]] = {
    "refused_calls": (("/live?fate=refused", "Refused calls in Live", "viewer"),),
    "refused_keys": (("/start", "How to send", "viewer"),),
    "invalid_calls": (("/destination/overview", "Delivery", "viewer"),),
    "unmatched_calls": (("/destination/overview", "Delivery", "viewer"),),
    "no_user_calls": (("/live", "Live", "viewer"),),
    "users_without_account": (("/settings/configuration", "Account ID trait", "editor"),),
    "mixed_traits": (("/settings/traits", "Trait types", "editor"),),
    "stopped_events": (("/events", "Events", "viewer"),),
}
"""Where a finding is looked into or mended, beside its samples."""
SEVERITIES: Mapping[Severity, str] = {"problem": "bad", "warning": "notice", "note": ""}


class Shown(msgspec.Struct, frozen=True):
    """A finding as the page shows it: its badge, its samples with where each leads ('' for nowhere), and ways on."""

    finding: Finding
    badge: str
    samples: list[tuple[Sample, str]]
    ways: list[tuple[str, str]]


@get(PATH, sync_to_thread=True)
def health_page(request: PageRequest) -> Response[str]:
    """Findings, problems first, and what is in order."""
    visit = Visit(request)
    report = data_health(visit.product, visit.site.ingest.refused_keys())
    return page(
        visit,
        "settings_health.html",
        findings=[_shown(visit, each) for each in report.findings],
        good=[GOOD.get(code, TOLD[code].title) for code in report.good],
    )


def _shown(visit: Visit, finding: Finding) -> Shown:
    return Shown(
        finding=finding,
        badge=SEVERITIES[finding.severity],
        samples=[(sample, _where(visit, sample)) for sample in finding.samples],
        ways=[(_in(visit, path), label) for path, label, power in WAYS.get(finding.code, ()) if visit.may(power)],
    )


def _where(visit: Visit, sample: Sample) -> str:
    """The page of whom or what a sample is about."""
    match sample.about:
        case "user" if sample.id:
            return visit.link("/users", sample.id)
        case "account":
            return visit.link("/accounts", sample.id)
        case "event":
            return visit.link("/events", sample.id)
        case "trait" if visit.may("editor"):
            kind, _, key = sample.id.partition(".")
            return visit.link("/settings/traits", None, of=f"{kind}s", q=key)
        case "email":
            return visit.link("/users", q=sample.id)
    return ""


def _in(visit: Visit, path: str) -> str:
    """An address of the app, with its own query, within the reader's product and workspace."""
    where, _, query = path.partition("?")
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    return visit.link(quote(where), None, **pairs)
