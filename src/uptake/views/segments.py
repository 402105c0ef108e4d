"""Segments of a workspace: the suggested ones and those of the configuration, who is in them, and why.

A segment's id is the number that the configuration gave it, or for a suggested one the level and a word:
`accounts.red_hot`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby

import msgspec

from uptake.core.conditions import Condition
from uptake.core.config import Segment
from uptake.core.days import days_between
from uptake.core.effects import Kind
from uptake.core.scores import Numbers
from uptake.segments import parse, text
from uptake.segments.judging import Verdict, holds, judge
from uptake.segments.looking_back import looks_back
from uptake.segments.suggested import suggested
from uptake.stores.events.base import GroupDay, GroupSize, ListQuery
from uptake.views.base import FIRST_DAY, BadDay, ProductView, Unknown, model_of, scored_day
from uptake.views.facts import StoreFacts
from uptake.views.ranking import NumbersPage, known, numbers_of, page_of, ranked
from uptake.views.summary import Asked, asked_about

KINDS: tuple[Kind, ...] = ("account", "user")
CENTS = 100
HISTORY_DAYS, MOST_HISTORY_DAYS = 30, 90
"""How many days a history has by default, and at most."""


class SegmentName(msgspec.Struct, frozen=True):
    """A segment's id and name."""

    id: str
    name: str


class SegmentInfo(msgspec.Struct, frozen=True):
    """A segment: whom it can hold, of which workspace, and its condition."""

    id: str
    name: str
    kind: Kind
    workspace_id: int
    condition: Condition
    description: str = ""
    suggested: bool = False


class SegmentSize(msgspec.Struct, frozen=True):
    """How large a segment is on a day.

    average_score: the plain mean over active members, None without any.  mrr: the sum over the accounts, or the
    accounts that the users are in, in whole units of the product's currency.
    """

    members: int
    active: int
    average_score: float | None
    mrr: float


class SegmentHistory(msgspec.Struct, frozen=True):
    """A segment day by day from first to last inclusive; days without numbers are left out."""

    days: Sequence[GroupDay]
    first: date
    last: date


class Membership(msgspec.Struct, frozen=True):
    """Is somebody in a segment on a day, and which part of the condition decided?"""

    numbers: Numbers
    day: date
    why: Verdict


class SegmentPreview(msgspec.Struct, frozen=True):
    """A condition that is not saved: its text in one form, how large the segment would be, and its first members."""

    where: str
    size: SegmentSize
    sample: NumbersPage


def segment_list(
    product: ProductView, workspace_id: int | None, *, kind: Kind | None = None, with_suggested: bool = True
) -> list[SegmentInfo]:
    """The segments of a workspace: suggested ones first, then those of the configuration.  Raises Unknown."""
    model = model_of(product, workspace_id)
    ready = [
        SegmentInfo(f"{each_kind}s.{each.key}", each.name, each_kind, model.workspace_id, each.condition, "", True)
        for each_kind in KINDS
        for each in suggested(each_kind, window_days=model.window_days)
    ]
    names = {workspace.name: workspace.id for workspace in product.version.config.workspaces}
    own = [
        _saved(segment, model.workspace_id)
        for segment in product.version.config.segments
        if names.get(segment.workspace) == model.workspace_id
    ]
    return [each for each in [*(ready if with_suggested else []), *own] if kind in (None, each.kind)]


def segment_named(product: ProductView, segment_id: str, workspace_id: int | None = None) -> SegmentInfo:
    """The segment with this id; a suggested one in the workspace, by default the first.  Raises Unknown."""
    workspaces = [workspace_id] if workspace_id is not None else [model.workspace_id for model in product.models]
    for each in workspaces:
        for segment in segment_list(product, each):
            if segment.id == segment_id:
                return segment
    raise Unknown("unknown_segment", f"the product has no segment {segment_id!r}")


def segment_size(product: ProductView, segment: SegmentInfo, day: date | None = None) -> SegmentSize:
    """How large the segment is on a day, by default today.  Raises Unknown, BadDay."""
    return _sizes(product, segment.kind, segment.workspace_id, [segment.condition], day)[0]


def segment_sizes(product: ProductView, segments: Sequence[SegmentInfo], day: date | None = None) -> list[SegmentSize]:
    """How large each is, as `segment_size`, in one question; all of one kind and workspace."""
    if not segments:
        return []
    first = segments[0]
    return _sizes(product, first.kind, first.workspace_id, [each.condition for each in segments], day)


def segment_members(
    product: ProductView, segment: SegmentInfo, query: ListQuery, day: date | None = None
) -> NumbersPage:
    """One page of the ranked members on a day, by default today.  Raises Unknown, BadDay."""
    within = msgspec.structs.replace(query, where=segment.condition)
    return ranked(product, segment.kind, segment.workspace_id, within, day=day)


def segment_history(
    product: ProductView, segment: SegmentInfo, *, first: date | None = None, last: date | None = None
) -> SegmentHistory:
    """The segment's size day by day, and who entered and left; by default of the last 30 days, at most 90.

    Each day holds whom the condition holds for on that day, by the levels and activation of the model that scored it,
    with traits and accounts as they are now.  Raises Unknown, BadDay.
    """
    end = scored_day(product, last)
    start = first or max(end - timedelta(days=HISTORY_DAYS - 1), FIRST_DAY)
    if not max(FIRST_DAY, end - timedelta(days=MOST_HISTORY_DAYS - 1)) <= start <= end:
        raise BadDay(f"expected a first day at most {MOST_HISTORY_DAYS - 1} days before {end}, got {start}")
    before = max(start - timedelta(days=1), FIRST_DAY)  # so that it is known who enters on the first day
    product.ensure_scored(before)
    earliest = before - timedelta(days=max(looks_back(segment.condition), default=0))
    product.ensure_scored_days(max(earliest, FIRST_DAY), end)
    runs = _runs(product, segment.workspace_id, (before, end))
    days = _group_history(runs, segment.kind, text(segment.condition))
    return SegmentHistory([each for each in days if each.day >= start], start, end)


def membership(product: ProductView, segment: SegmentInfo, some_id: str, day: date | None = None) -> Membership:
    """Why somebody (opaque id or tracking id) is in the segment or not.  Raises Unknown, BadDay."""
    chosen = scored_day(product, day, segment.condition)
    model = model_of(product, segment.workspace_id, chosen)
    tracking_id = known(product, segment.kind, some_id)
    numbers = numbers_of(product, segment.kind, segment.workspace_id, tracking_id, chosen)
    if numbers is None:
        raise Unknown(f"unknown_{segment.kind}", f"{tracking_id!r} is excluded from the workspace")
    return Membership(numbers, chosen, judge(segment.condition, StoreFacts(product.store, model, chosen, numbers)))


def segments_of(product: ProductView, workspace_id: int, numbers: Numbers, day: date) -> list[SegmentName]:
    """The segments that somebody is in, from the numbers of a scored day."""
    facts = StoreFacts(product.store, model_of(product, workspace_id, day), day, numbers)
    listed = segment_list(product, workspace_id, kind=numbers.kind)
    for each in listed:
        scored_day(product, day, each.condition)
    return [SegmentName(each.id, each.name) for each in listed if holds(each.condition, facts)]


def segment_preview(
    product: ProductView, kind: Kind, workspace_id: int | None, where: str, *, most: int = 10
) -> SegmentPreview:
    """What a condition would hold today.  Raises Unknown, and ConditionError where the text is no condition."""
    condition = parse(where)
    asked = asked_about(product, workspace_id, None, condition)
    size, rows = asked.store.sampled(kind, condition, asked.model, asked.day, most=most)
    return SegmentPreview(text(condition), _told(product, size), page_of(product, rows, size.members, asked.day))


def _saved(segment: Segment, workspace_id: int) -> SegmentInfo:
    return SegmentInfo(
        str(segment.id), segment.name, segment.of, workspace_id, parse(segment.where), segment.description
    )


def _sizes(
    product: ProductView, kind: Kind, workspace_id: int | None, conditions: Sequence[Condition], day: date | None
) -> list[SegmentSize]:
    for each in conditions:
        asked = asked_about(product, workspace_id, day, each)
    found = _group_sizes(asked, kind, tuple(text(each) for each in conditions))
    return [_told(product, each) for each in found]


def _told(product: ProductView, size: GroupSize) -> SegmentSize:
    units = 1 if product.version.config.mrr_unit == "units" else CENTS
    return SegmentSize(size.members, size.active, size.average_score, size.mrr / units)


@lru_cache(maxsize=512)
def _group_sizes(asked: Asked, kind: Kind, wheres: tuple[str, ...]) -> Sequence[GroupSize]:
    return asked.store.group_sizes(kind, [parse(each) for each in wheres], asked.model, asked.day)


def _runs(product: ProductView, workspace_id: int, days: tuple[date, date]) -> tuple[tuple[date, Asked], ...]:
    """The days in runs that one model scored each: the first day of a run, and what is asked about its last one."""
    found = []
    for _, group in groupby(days_between(*days), key=lambda day: id(product.model(workspace_id, day))):
        within = list(group)
        found.append((within[0], asked_about(product, workspace_id, within[-1])))
    return tuple(found)


@lru_cache(maxsize=256)
def _group_history(runs: tuple[tuple[date, Asked], ...], kind: Kind, where: str) -> Sequence[GroupDay]:
    """Each day by the levels and rules of the model that scored it."""
    days: list[GroupDay] = []
    condition = parse(where)
    for number, (first, asked) in enumerate(runs):
        told = asked.store.group_history(kind, condition, asked.model, (first, asked.day))
        if days and told:
            earlier = runs[number - 1][1]
            before = set(asked.store.matching(kind, condition, earlier.model, days[-1].day))
            after = set(asked.store.matching(kind, condition, asked.model, told[0].day))
            moved = msgspec.structs.replace(told[0], entered=len(after - before), left=len(before - after))
            told = [moved, *told[1:]]
        days += told
    return days
