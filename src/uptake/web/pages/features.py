"""The Features page: how far each feature is adopted, how that changes, and which accounts use which of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get

from uptake.core.config import Feature
from uptake.core.scores import Numbers
from uptake.stores.events.base import ListQuery
from uptake.views.accounts import account_list
from uptake.views.usage import Thing, adoptions, used_by_day
from uptake.web.pages.charts import Figure, Series
from uptake.web.pages.heat import shade
from uptake.web.pages.render import page
from uptake.web.pages.use import Asked, Told, told_of
from uptake.web.pages.visit import PageRequest, Visit

MOST_LINES = 5
MOST_ACCOUNTS = 20
COLORS = ("series-1", "series-2", "series-3", "level-most", "level-least")


class FeatureRow(msgspec.Struct, frozen=True):
    """A feature with its adoption; weight: in the workspace, 0 where it does not count."""

    feature: Feature
    weight: int
    told: Told


class MapCell(msgspec.Struct, frozen=True):
    """How often an account used a feature in the window, and its shade from 0 to 5."""

    feature: str
    times: int
    shade: int


@get("/features", sync_to_thread=True)
def features_page(request: PageRequest) -> Response[str]:
    """How features are used."""
    visit = Visit(request)
    asked = Asked(visit)
    features = visit.product.config.features
    things = [Thing(each.name, each.events, feature=True) for each in features]
    adopted = adoptions(visit.product, visit.workspace.id, things, days=asked.days)
    days = used_by_day(visit.product, visit.workspace.id, things, days=asked.days, of=(asked.kind,))
    rows = [
        FeatureRow(each, visit.workspace.features.get(each.name, 0), told_of(asked, adoption, by_day))
        for each, adoption, by_day in zip(features, adopted, days, strict=True)
    ]
    lines = sorted(range(len(rows)), key=lambda n: -rows[n].told.share)[:MOST_LINES]
    series = [
        Series(rows[n].feature.name, [day.share(asked.kind) for day in days[n]], "line", color)
        for n, color in zip(lines, COLORS, strict=False)
    ]
    return page(
        visit,
        "features.html",
        asked=asked,
        rows=rows,
        figure=Figure("Adoption by day", [day.day for day in days[0]], series, unit="%") if days else None,
        average=_mean([row.told.share for row in rows]),
        average_change=_mean([row.told.change for row in rows]),
        average_times=_mean([row.told.times for row in rows]),
        map=use_map(visit, [each.name for each in features]) if features else [],
    )


def use_map(visit: Visit, features: Sequence[str]) -> list[tuple[Numbers, list[MapCell]]]:
    """The most engaged accounts, each with how often it used every feature in the workspace's window."""
    listed = account_list(visit.product, visit.workspace.id, ListQuery(limit=MOST_ACCOUNTS))
    accounts = [row for row in listed.rows if row.score]
    asked = [(row.tracking_id, listed.day) for row in accounts]
    found: Mapping[Any, int] = {
        (use.account, use.feature): use.times for use in visit.product.store.feature_use(visit.model, asked)
    }
    most = max(found.values(), default=0)
    return [
        (
            row,
            [MapCell(name, times := found.get((row.tracking_id, name), 0), shade(times, most)) for name in features],
        )
        for row in accounts
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
