"""What one account or user did day by day, by feature, or by event where the product has no feature yet."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from uptake.core.days import days_between, window
from uptake.core.effects import Kind
from uptake.views.base import FIRST_DAY, ProductView, model_of

MOST_DAYS = 92


class ActivityRow(msgspec.Struct, frozen=True):
    """One feature or event: how often it was done on each of the days.  name: '' for events in no feature."""

    name: str
    times: Sequence[int]

    @property
    def total(self) -> int:
        """Times on all of the days."""
        return sum(self.times)


class Activity(msgspec.Struct, frozen=True):
    """Days, oldest first, and rows in the order of the product's features, or events most frequent first.

    by_feature: are the rows features?  Those that were not used have a row too; events have one only if they were done.
    """

    days: Sequence[date]
    rows: Sequence[ActivityRow]
    by_feature: bool

    @property
    def most(self) -> int:
        """The highest number of a row on a day."""
        return max((max(row.times) for row in self.rows), default=0)


class ScoredEvents(msgspec.Struct, frozen=True):
    """How many times scored events were done: within the window up to a day, and ever up to it."""

    recently: int
    overall: int


def scored_events(
    product: ProductView, kind: Kind, workspace_id: int | None, tracking_id: str, day: date
) -> ScoredEvents:
    """How often an account or user did what its score is made of, without a daily cap.  Raises Unknown."""
    model = model_of(product, workspace_id, day)
    acts = product.store.acts_by_day(kind, tracking_id, model, (FIRST_DAY, day))
    unnamed = 1 if model.every_event else 0
    scored = [act for act in acts if model.weights.get(act.event, unnamed) > 0]
    first, _ = window(day, model.window_days)
    return ScoredEvents(sum(act.times for act in scored if act.day >= first), sum(act.times for act in scored))


def activity(
    product: ProductView,
    kind: Kind,
    workspace_id: int | None,
    tracking_id: str,
    *,
    days: int,
    last: date | None = None,
) -> Activity:
    """The last so many days (92 at most) up to `last`, by default today.  Raises Unknown for a workspace.

    Scored or not; whom the workspace leaves out is left out here too.
    """
    model, end = model_of(product, workspace_id, last), last or product.today()
    first = max(end - timedelta(days=min(days, MOST_DAYS) - 1), FIRST_DAY)
    span = list(days_between(first, end))
    acts = product.store.acts_by_day(kind, tracking_id, model, (first, end))
    features = [feature.name for feature in product.version.config.features]
    of_feature = {event: each.name for each in product.version.config.features for event in each.events}
    times: dict[str, dict[date, int]] = defaultdict(lambda: dict.fromkeys(span, 0))
    for name in features:
        times[name].update({})
    for act in acts:
        times[of_feature.get(act.event, "") if features else act.event][act.day] += act.times
    rows = [ActivityRow(name, list(by_day.values())) for name, by_day in times.items()]
    if not features:
        rows.sort(key=lambda row: (-row.total, row.name))
    return Activity(span, rows, bool(features))
