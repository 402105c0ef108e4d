"""The Settings page: the configuration in force, read-only, and how to change it."""

from collections.abc import Sequence

import yaml
from litestar import Response, get

from uptake.core.config import ProductConfig
from uptake.views.events import EventSummary, event_list
from uptake.web.pages.render import page
from uptake.web.pages.visit import PageRequest, Visit

SAMPLE_EVENTS = 2


@get("/settings", sync_to_thread=True)
def settings_page(request: PageRequest) -> Response[str]:
    """The product's configuration."""
    visit = Visit(request)
    seen = event_list(visit.product, visit.workspace.id, of=())
    return page(
        visit,
        "settings.html",
        config=visit.product.config,
        product_facts=_facts(visit.product.config),
        purged=visit.product.purged[-1:],
        keys=visit.running.meta.keys(visit.product.product_id),
        seen=bool(seen),
        sample=_sample(visit, seen),
    )


def _facts(config: ProductConfig) -> list[tuple[str, str]]:
    kept, read = config.keep_properties_days, "only what mappings read"
    return [
        ("Name", config.product),
        ("Time zone of days", config.time_zone),
        ("Account's name is the trait", config.account_display_name),
        ("Account's creation date is the trait", config.account_created_at),
        ("Account's owner is the trait", config.account_owner_trait or "none"),
        ("User's account is the trait", config.account_id_trait),
        ("Page calls count as", config.page_event),
        ("Screen calls count as", config.screen_event),
        ("The same message counts once in", f"{config.dedupe_days} days"),
        ("Properties are kept for", f"{kept} days, then {read}" if kept else read),
    ]


def _sample(visit: Visit, seen: Sequence[EventSummary]) -> str:
    """A configuration with a first feature, of the most frequent events."""
    events = [each.event for each in seen[:SAMPLE_EVENTS]] or ["Report_Created", "Report_Shared"]
    document = {
        "features": [{"name": "Reporting", "events": events}],
        "workspaces": [{"name": visit.workspace.name, "features": {"Reporting": 8}}],
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip()
