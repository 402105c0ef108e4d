"""Why a score is what it is on a day, and what moved it since another day.

Nothing of this is stored: parts are asked of the event store, and `uptake.scoring.explain` does the arithmetic.  So the
parts sum to raw and the difference adds up by construction, also while new events arrive.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from uptake.core.effects import Kind
from uptake.core.scores import Numbers, Part
from uptake.scoring import explain as why
from uptake.views.base import FIRST_DAY, BadDay, ProductView, Unknown, model_of, scored_day
from uptake.views.comparing import KEYS, Between, Compared, Difference
from uptake.views.words import sentence

__all__ = ["Difference", "Explanation", "WorthPart", "explain", "summaries"]

MOST_SUMMARIES = 50


class WorthPart(msgspec.Struct, frozen=True):
    """A part of the raw score with its share of the points."""

    user: str
    feature: str
    event: str
    times: int
    weight: int
    raw: float
    points: float


class Explanation(msgspec.Struct, frozen=True):
    """One score taken apart.  raw = the sum of the parts; points (unrounded) = the sum of their points.

    p90: the benchmark, None where nobody was active.  mean: is an account's score the mean of its active users'?
    user_names: display names of the users in parts and difference.
    """

    kind: Kind
    tracking_id: str
    workspace_id: int
    window_days: int
    day: date
    score: int
    raw: float
    points: float
    p90: float | None
    curve: str
    mean: bool
    summary: str
    parts: Sequence[WorthPart]
    features: Sequence[why.Share]
    events: Sequence[why.Share]
    users: Sequence[why.Share]
    user_names: dict[str, str]
    difference: Difference


def explain(
    product: ProductView,
    kind: Kind,
    workspace_id: int | None,
    tracking_id: str,
    day: date | None = None,
    *,
    against: date | None = None,
    numbers: Numbers | None = None,
) -> Explanation:
    """Take a score apart, and its difference from an earlier day, by default one window before.

    By default both ends are under the model of the day, as the change that is listed beside the score.  Against a day
    that another model scored, the difference is from the score that stood there, and tells what the model did.
    numbers: those of the day, where they are known already.

    Raises Unknown for a workspace, and for an account or user that is not known or is excluded; BadDay, also where
    `against` is after the day.
    """
    chosen = scored_day(product, day)
    model = model_of(product, workspace_id, chosen)
    earlier = scored_day(product, against or max(chosen - timedelta(days=model.window_days), FIRST_DAY))
    if earlier > chosen:
        raise BadDay(f"expected a day to compare with up to {chosen}, got {earlier}")
    between = Between(product, kind, model.workspace_id, (earlier, chosen), as_stood=against is not None)
    if numbers is not None:
        between.rows.hold(chosen, numbers)
    if not between.ask([tracking_id]):
        raise Unknown(f"unknown_{kind}", f"the product knows no {kind} {tracking_id!r}")
    return _told(tracking_id, between, between.compared(tracking_id))


def summaries(
    product: ProductView, kind: Kind, workspace_id: int | None, tracking_ids: Sequence[str], days: tuple[date, date]
) -> dict[str, str]:
    """Why the scores of a few (50 at most) moved between two days, the earlier first: by id the sentence of `explain`.

    Both days are under the model of the later one, as the change that is listed beside a score.  Who is not known or is
    excluded is left out.  Raises Unknown for a workspace, BadDay, and ValueError for too many.
    """
    if len(tracking_ids) > MOST_SUMMARIES:
        raise ValueError(f"expected up to {MOST_SUMMARIES} ids, got {len(tracking_ids)}")
    before, after = (scored_day(product, day) for day in days)
    between = Between(product, kind, workspace_id, (before, after), as_stood=False)
    return {each: sentence(between.compared(each).told) for each in between.ask(tracking_ids)}


def _told(tracking_id: str, between: Between, compared: Compared) -> Explanation:
    model, scale, after = between.model, between.scale, compared.told.after
    worths = why.part_points(after.parts, after.p90, scale)
    features, events, users = (why.shares(after, worths, key) for key in KEYS)
    return Explanation(
        kind=between.kind,
        tracking_id=tracking_id,
        workspace_id=model.workspace_id,
        window_days=model.window_days,
        day=after.day,
        score=after.score,
        raw=after.raw,
        points=why.worth(after.parts, after.p90, scale),
        p90=after.p90,
        curve=model.curve,
        mean=scale.mean,
        summary=sentence(compared.told),
        parts=[_worth_part(part, its_points) for part, its_points in zip(after.parts, worths, strict=True)],
        features=features,
        events=events,
        users=users,
        user_names=between.rows.names("user", compared.people),
        difference=compared.difference,
    )


def _worth_part(part: Part, its_points: float) -> WorthPart:
    return WorthPart(part.user, part.feature, part.event, part.times, part.weight, part.raw, its_points)
