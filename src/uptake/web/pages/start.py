"""The way in: a new product is led through its first calls."""

from typing import Any

import msgspec
from litestar import Response, get

from uptake.stores.meta.base import Key
from uptake.views.onboarding import FirstCalls, first_calls
from uptake.web.pages.render import page
from uptake.web.pages.snippets import snippets
from uptake.web.pages.visit import PageRequest, Visit


class Step(msgspec.Struct, frozen=True):
    """One step of the list; `next` marks the first that is not done.

    path, action: where an editor takes the step, and what that is called; '' where calls take it.
    """

    title: str
    text: str
    done: bool
    next: bool = False
    path: str = ""
    action: str = ""


@get("/start", sync_to_thread=True)
def start_page(request: PageRequest) -> Response[str]:
    """How to send calls, and which have arrived."""
    return _start(Visit(request))


def _start(visit: Visit) -> Response[str]:
    told = first_calls(visit.product)
    listed = steps(told)
    context: dict[str, Any] = {"steps": listed, "complete": told.complete, "ended": all(step.done for step in listed)}
    if visit.partial:
        return page(visit, "parts/steps.html", **context)
    held = visit.running.meta.keys(visit.product.product_id) if visit.may("editor") else []
    key, host = usable_key(held, visit.running.clock()), visit.site.access.base_url(visit.request)
    return page(
        visit,
        "start.html",
        ingest_key=key,
        snippets=snippets(key or "YOUR_KEY", host),
        fresh=not visit.status.log_offset,
        here=visit.link("/start"),
        **context,
    )


def usable_key(keys: list[Key], now_us: int) -> str | None:
    """The text of the first ingest key that is not revoked; None if there is none that may be shown."""
    good = (key for key in keys if key.kind == "ingest" and key.good(now_us))
    return next((key.secret for key in good if key.secret), None)


def steps(told: FirstCalls) -> list[Step]:
    """The first steps in their order, each done or not."""
    listed = [
        Step("A user", "An identify call says who someone is: name, e-mail, any trait.", told.identify),
        Step("An account", "A group call says which company the user belongs to.", told.group),
        Step("An event", "A track, page or screen call says what the user did.", told.track),
        Step(
            "Names of accounts",
            "A trait says what an account is called, another since when it is there: choose them from what arrives.",
            told.named,
            path="/settings/configuration",
            action="Name the traits",
        ),
        Step(
            "Features",
            "Named sets of events, suggested from those that were seen: their weights make the score yours.",
            told.features,
            path="/settings/features",
            action="Make features",
        ),
        Step("A score", "Seconds later the account has a score that explains itself.", told.score),
    ]
    first = next((index for index, step in enumerate(listed) if not step.done), None)
    return [msgspec.structs.replace(step, next=index == first) for index, step in enumerate(listed)]
