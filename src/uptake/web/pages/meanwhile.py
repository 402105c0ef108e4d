"""Forms that were open while somebody else saved: what they would have written over, and whose it is.

A form carries the revision of the configuration that it was opened with.  What it is about may have changed since only
by this reader's own saving; else saving is refused with what differs, and the form is good again from then on.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

import msgspec

from uptake.core.config import ConfigVersion, ProductConfig
from uptake.web.pages.visit import Visit

Change = Callable[[ProductConfig], ProductConfig]
Told = Callable[[ProductConfig], Mapping[str, str]]
"""What a form is about, as its fields hold it, by the field's name in words."""

MOST_LINES = 6
MOST_LENGTH = 200


class Differing(msgspec.Struct, frozen=True):
    """A field that is another one now: what it was when the form was opened, and what it is; '' for nothing."""

    field: str
    opened: str
    now: str


class Meanwhile(msgspec.Struct, frozen=True):
    """Who changed what a form is about, when, and what differs; never nothing."""

    by: str
    saved_us: int
    differing: tuple[Differing, ...]


class ChangedMeanwhile(Exception):
    """Saving would write over what somebody else saved."""

    def __init__(self, meanwhile: Meanwhile) -> None:
        super().__init__(f"{meanwhile.by} changed it meanwhile")
        self.meanwhile = meanwhile


def unless_meanwhile(visit: Visit, opened: str, told: Told, change: Change) -> Callable[[ConfigVersion], ProductConfig]:
    """The change as `change_config` takes it, refused where what the form is about was changed since it was opened.

    opened: the revision that the form carried; nothing is compared where no such revision is known.
    The result raises ChangedMeanwhile.
    """

    def changed(version: ConfigVersion) -> ProductConfig:
        if meanwhile := _meanwhile(visit.product.versions, version, opened, told):
            raise ChangedMeanwhile(meanwhile)
        return change(version.config)

    return changed


def name_now(visit: Visit, opened: str, names: Callable[[ProductConfig], Sequence[str]], name: str) -> str:
    """What something is called now that was called `name` when a form was opened; '' where it is gone.

    A list that lost one name and got one other in the same version renamed it.
    opened: the revision that the form carried; where no such revision is known, only the present names are.
    """
    present = visit.product.version
    steps = [each for each in visit.product.versions if each.revision < present.revision]
    first = next((at for at, each in enumerate(steps) if str(each.revision) == opened), len(steps))
    steps = [*steps[first:], present]
    if name in names(present.config):
        return name
    for before, after in itertools.pairwise(steps):
        was, now = set(names(before.config)), set(names(after.config))
        if name in was and name not in now:
            name = (now - was).pop() if len(now - was) == len(was - now) == 1 else ""
    return name if name in names(present.config) else ""


def name_since(visit: Visit, opened: str, names: Callable[[ProductConfig], Sequence[str]], was: str) -> str | None:
    """As `name_now`; None where it is gone since the form was opened, so that what was typed goes on as something new.

    A name that the form never knew is returned as it is.
    """
    now = name_now(visit, opened, names, was)
    version = next((each for each in visit.product.versions if str(each.revision) == opened), None)
    gone = not now and version is not None and was in names(version.config)
    return None if gone else now or was


def _meanwhile(versions: Sequence[ConfigVersion], now: ConfigVersion, opened: str, told: Told) -> Meanwhile | None:
    before = next((each for each in versions if str(each.revision) == opened), None)
    if before is None:
        return None
    was, present = told(before.config), told(now.config)
    fields = [field for field in {**was, **present} if was.get(field, "") != present.get(field, "")]
    if not fields:
        return None
    between = [each for each in versions if before.revision < each.revision < now.revision]
    steps = [before, *between, now]
    last = next(
        after
        for earlier, after in zip(steps[-2::-1], steps[:0:-1], strict=True)
        if told(earlier.config) != told(after.config)
    )
    differing = tuple(_differing(field, was.get(field, ""), present.get(field, "")) for field in fields)
    return Meanwhile(last.by, last.saved_us, differing)


def _differing(field: str, was: str, now: str) -> Differing:
    """A text of one line as it is; of more lines, those that only one of the two has."""
    if "\n" not in was + now:
        return Differing(field, was[:MOST_LENGTH], now[:MOST_LENGTH])
    before, after = was.split("\n"), now.split("\n")
    kept = set(before) & set(after)
    return Differing(field, *(_lines([each for each in side if each not in kept]) for side in (before, after)))


def _lines(lines: Sequence[str]) -> str:
    shown = ", ".join(line[:MOST_LENGTH] for line in lines[:MOST_LINES])
    return f"{shown} and {len(lines) - MOST_LINES:,} more" if len(lines) > MOST_LINES else shown
