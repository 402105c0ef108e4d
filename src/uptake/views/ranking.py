"""The numbers of a workspace: one page of the ranked list, one of its entries, and its history.

`uptake.views.accounts` and `uptake.views.users` are these questions for either kind.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby

import msgspec

from uptake.core.days import days_between
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Point
from uptake.scoring.versions import Reign
from uptake.stores.events.base import ListQuery
from uptake.views.base import FIRST_DAY, BadDay, ProductView, Unknown, begun_day, model_of, scored_day
from uptake.views.versions import asked_at, page_at, series_at

HISTORY_DAYS = 30
MOST_HISTORY_DAYS = 400
MOST_IMAGINED_DAYS = 100


class NumbersPage(msgspec.Struct, frozen=True):
    """Some rows of a ranked list of `total`, on a day; as_of_us: when the scores were published, None if never."""

    rows: Sequence[Numbers]
    total: int
    day: date
    day_complete: bool
    as_of_us: int | None


class Standing(msgspec.Struct, frozen=True):
    """One account's or user's numbers on a day, with its scores a day and a window earlier."""

    numbers: Numbers
    score_yesterday: int
    score_last_period: int
    workspace_id: int
    day: date
    day_complete: bool
    as_of_us: int | None


class History(msgspec.Struct, frozen=True):
    """A series by day from first to last inclusive, from the product's first event on.

    revisions: of each point, the version of the configuration whose model scored it.  today: the day that is partial.
    """

    points: Sequence[Point]
    revisions: Sequence[int]
    workspace_id: int
    first: date
    last: date
    today: date


def ranked(
    product: ProductView,
    kind: Kind,
    workspace_id: int | None,
    query: ListQuery,
    *,
    day: date | None,
    revision: int | None = None,
) -> NumbersPage:
    """One page of the list of all known ones that are not excluded.

    revision: under the model of this version of the configuration, instead of the one that is in force on the day.
    Raises Unknown for a workspace or revision, BadDay.
    """
    if revision is not None:
        chosen = begun_day(product, day)
        rows, total = page_at(asked_at(product, workspace_id, revision, chosen), kind, query)
        return page_of(product, rows, total, chosen)
    chosen = scored_day(product, day, query.where)
    model = model_of(product, workspace_id, chosen)
    rows, total = product.store.numbers(kind, model, chosen, query)
    return page_of(product, rows, total, chosen)


def page_of(product: ProductView, rows: Sequence[Numbers], total: int, day: date) -> NumbersPage:
    """Some rows of a list, on a day."""
    return NumbersPage(rows, total, day, day < product.today(), _as_of_us(product))


def standing(
    product: ProductView, kind: Kind, workspace_id: int | None, tracking_id: str, *, day: date | None
) -> Standing:
    """One entry by its tracking id.

    Raises Unknown for a workspace, and for an account or user that is not known or is excluded; BadDay.
    """
    chosen = scored_day(product, day)
    model = model_of(product, workspace_id, chosen)
    numbers = numbers_of(product, kind, model.workspace_id, tracking_id, chosen)
    if numbers is None:
        raise Unknown(f"unknown_{kind}", f"the product knows no {kind} {tracking_id!r}")
    yesterday = max(chosen - timedelta(days=1), FIRST_DAY)
    product.ensure_scored(yesterday)
    before = model_of(product, model.workspace_id, yesterday)
    return Standing(
        numbers=numbers,
        score_yesterday=product.store.score(kind, tracking_id, before, yesterday),
        score_last_period=numbers.score - numbers.score_change,
        workspace_id=model.workspace_id,
        day=chosen,
        day_complete=chosen < product.today(),
        as_of_us=_as_of_us(product),
    )


def numbers_of(product: ProductView, kind: Kind, workspace_id: int, tracking_id: str, day: date) -> Numbers | None:
    """The numbers on a scored day; None where the product knows no such one, or excludes it."""
    model = model_of(product, workspace_id, day)
    rows, _ = product.store.numbers(kind, model, day, ListQuery(tracking_ids=(tracking_id,), limit=1))
    return rows[0] if rows else None


def history(
    product: ProductView,
    kind: Kind,
    workspace_id: int | None,
    tracking_id: str,
    *,
    first: date | None = None,
    last: date | None = None,
    revision: int | None = None,
) -> History:
    """Day by day, by default the last 30 days; at most 400 at once.

    Every day is told under the model that scored it, or, with a revision, under that one alone; of those at most 100
    days at once.  Raises Unknown for a workspace or revision, BadDay.
    """
    workspace = model_of(product, workspace_id).workspace_id
    end = begun_day(product, last)
    start = first or max(end - timedelta(days=HISTORY_DAYS - 1), FIRST_DAY)
    most = (MOST_HISTORY_DAYS if revision is None else MOST_IMAGINED_DAYS) - 1
    if not max(FIRST_DAY, end - timedelta(days=most)) <= start <= end:
        raise BadDay(f"expected a first day at most {most} days before {end}, got {start}")
    if revision is not None:
        points = series_at(asked_at(product, workspace, revision, end), kind, tracking_id, start)
        revisions = [revision] * len(points)
    else:
        product.ensure_scored_days(start, end)
        points = _series(product, kind, workspace, tracking_id, (start, end))
        reigning = product.reigns(workspace)
        revisions = [_reigning(reigning, point.day).revision for point in points]
    return History(points, revisions, workspace, start, end, product.today())


def _series(
    product: ProductView, kind: Kind, workspace_id: int, tracking_id: str, days: tuple[date, date]
) -> list[Point]:
    """The series of scored days, each under the model of its day."""
    store, found = product.store, []
    for _, group in groupby(days_between(*days), key=lambda day: id(product.model(workspace_id, day))):
        within = list(group)
        model = model_of(product, workspace_id, within[0])
        found += store.series(kind, tracking_id, model, (within[0], within[-1]))
    return found


def _reigning(reigning: Sequence[Reign], day: date) -> Reign:
    return next(each for each in reversed(reigning) if each.first <= day)


def find(product: ProductView, kind: Kind, match_type: str, match_value: str) -> str | None:
    """The tracking id of who matches: by `id`, `tracking_id`, `name`, `email`, `domain` or a trait; else None.

    The ids of one that was merged find the one that its calls count for.
    """
    if match_type in ("id", "tracking_id") and (into := product.canonical_behind(kind, match_value)):
        return product.store.find(kind, "tracking_id", into)
    return product.store.find(kind, match_type, match_value)


def known(product: ProductView, kind: Kind, some_id: str) -> str:
    """The tracking id behind an opaque id, or else behind itself.  Raises Unknown."""
    found = find(product, kind, "id", some_id) or find(product, kind, "tracking_id", some_id)
    if found is None:
        raise Unknown(f"unknown_{kind}", f"the product knows no {kind} with the id {some_id!r}")
    return found


def _as_of_us(product: ProductView) -> int | None:
    published = product.store.published()
    return published.as_of_us if published else None
