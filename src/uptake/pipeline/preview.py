"""What a change of the destination would do to history, before it is applied: the log is read, nothing is written.

Every logged call is given its meaning twice, as it stands and as it would be; repeated messages are left out as the
fold leaves them out.  Cost: twice the fold's work of giving meaning, and 16 bytes and a moment for each message.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from uptake.core.calls import Projection, message_digest
from uptake.core.config import ConfigVersion, ProductConfig
from uptake.core.effects import Acted, Joined, Outcome
from uptake.destination.meaning import Meaning
from uptake.pipeline.configure import projection_of
from uptake.pipeline.fold import Rules
from uptake.pipeline.purge import Purged
from uptake.stores.log.base import CallLog, read_past_damage

Progress = Callable[[int, int], None]


class EventChange(msgspec.Struct, frozen=True):
    """How often an event is counted now, and how often it would be."""

    event: str
    before: int
    after: int


class Missing(msgspec.Struct, frozen=True):
    """A path that the new destination reads, but that calls received before this moment were not kept with.

    before_us: µs since 1970 UTC; None where it is not kept today either.
    """

    path: str
    before_us: int | None


class Preview(msgspec.Struct, frozen=True):
    """What would change: fates, events with different counts, and who would be touched.

    calls: how many were read, repeats left out.  missing: what the log no longer holds.
    """

    calls: int
    fates_before: dict[str, int]
    fates_after: dict[str, int]
    events: tuple[EventChange, ...]
    users: int
    accounts: int
    missing: tuple[Missing, ...]


class _Tally:
    """Sums of one reading of the log."""

    def __init__(self) -> None:
        self.calls = 0
        self.fates: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self.events: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self.users: set[str] = set()
        self.accounts: set[str] = set()

    def add(self, before: Outcome, after: Outcome) -> None:
        """Count one call's meaning as it stands and as it would be."""
        self.calls += 1
        for index, outcome in enumerate((before, after)):
            self.fates[index][outcome.fate] += 1
            self.events[index].update(effect.event for effect in outcome.effects if isinstance(effect, Acted))
        if before.effects != after.effects:
            for effect in {*map(_key, before.effects)} ^ {*map(_key, after.effects)}:
                self._touch(effect)

    def _touch(self, effect: tuple[str, str, str]) -> None:
        kind, user, account = effect
        if user and kind != "account":
            self.users.add(user)
        if account:
            self.accounts.add(account)


def _key(effect: object) -> tuple[str, str, str]:
    """Who an effect touches, with enough of it to tell two effects apart."""
    if isinstance(effect, Acted):
        return (f"did {effect.event}", effect.user, effect.account or "")
    if isinstance(effect, Joined):
        return ("joined", effect.user, effect.account)
    text = msgspec.json.encode(effect, order="deterministic").decode()
    kind, id_ = getattr(effect, "kind", ""), getattr(effect, "id", "")
    return (text, id_, "") if kind == "user" else (text, "", id_)


def preview(
    product_id: int,
    log: CallLog,
    versions: Sequence[ConfigVersion],
    config: ProductConfig,
    *,
    purged: Sequence[Purged] = (),
    progress: Progress | None = None,
    most: int = 5_000,
) -> Preview:
    """Compare the product's history as it stands with what this configuration's destination would make of all of it.

    purged: what was cut from older calls.
    """
    rules, meant = Rules(versions), Meaning(config)
    tally, offset, end = _Tally(), 0, log.end(product_id)
    seen: dict[bytes, int] = {}
    while True:
        calls, offset = read_past_damage(log, product_id, offset, most=most)
        if not calls:
            break
        for each in calls:
            if each.call.erased:
                continue
            digest = message_digest(each.call.message_id)
            earlier = seen.get(digest)
            if earlier is not None and each.received_us - earlier < rules.dedupe_us:
                continue
            seen[digest] = each.received_us
            before = rules.meaning(each.offset).outcome(each.call, each.received_us)
            tally.add(before, meant.outcome(each.call, each.received_us))
        if progress:
            progress(offset, max(end, offset))
    return _told(tally, tuple(missing_in(versions, config, purged)))


def _told(tally: _Tally, missing: tuple[Missing, ...]) -> Preview:
    before, after = tally.events
    changed = sorted(event for event in {*before, *after} if before[event] != after[event])
    return Preview(
        calls=tally.calls,
        fates_before=dict(tally.fates[0]),
        fates_after=dict(tally.fates[1]),
        events=tuple(EventChange(event, before[event], after[event]) for event in changed),
        users=len(tally.users),
        accounts=len(tally.accounts),
        missing=missing,
    )


def missing_in(
    versions: Sequence[ConfigVersion], config: ProductConfig, purged: Sequence[Purged] = ()
) -> Iterable[Missing]:
    """The paths that the configuration reads and that ingest did not keep under earlier versions, or that were purged
    since, with until when."""
    reads = projection_of(msgspec.structs.replace(config, keep_properties_days=0))
    for path in sorted(paths_in(reads)):
        without = [index for index, version in enumerate(versions) if not keeps(projection_of(version.config), path)]
        if without and without[-1] == len(versions) - 1:
            yield Missing(path, None)
            continue
        until_us = [versions[index + 1].saved_us for index in without[-1:]]
        until_us += [each.before_us for each in purged if not keeps(each.kept, path)]
        if until_us:
            yield Missing(path, max(until_us))


def paths_in(projection: Projection) -> set[str]:
    """A projection's paths as dotted text, `$` for everything."""
    if projection.everything:
        return {"$"}
    roots = (("properties", projection.properties), ("context", projection.context))
    return {".".join((root, *keys)) for root, paths in roots for keys in paths} | set(projection.extra)


def keeps(projection: Projection, path: str) -> bool:
    """Did ingest keep this path under a projection?"""
    if projection.everything:
        return True
    kept = paths_in(projection)
    steps = path.split(".")
    return any(".".join(steps[:length]) in kept for length in range(1, len(steps) + 1))
