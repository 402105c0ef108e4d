"""Merging users or accounts whose id changed, and taking a merge back.

A merge is a fact beside the configuration.  It applies where calls are folded, so that everything derived tells of one
user or account; what is folded already is made anew by a rebuild, which the worker does next.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from uptake.core.config import ConfigVersion, ProductConfig
from uptake.core.effects import Kind
from uptake.core.errors import UptakeError
from uptake.core.merges import Canonical, Merge, MergeRefused, canonical_of, refuse
from uptake.pipeline.fold import Rules
from uptake.scoring.versions import Timeline, timeline
from uptake.stores.events.base import EventStore
from uptake.stores.events.rows import opaque_id
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore


class Merging(Protocol):
    """What merging needs of the running installation."""

    meta: MetaStore

    def clock(self) -> int:
        """Now, µs since 1970 UTC."""

    def refresh(self) -> bool:
        """Take what the meta store holds into force."""


def merge_ids(running: Merging, product_id: int, kind: Kind, merged: str, into: str, *, by: str) -> Merge:
    """Count the calls of `merged` as those of `into`, from the beginning.

    Raises UptakeError: bad_id, merge_exists, merge_cycle, too_many_merges.
    """
    entry = Entry(running.clock(), by, "ids_merged", product_id, f"{kind} {merged} into {into}")
    try:
        made = running.meta.merges.add(
            product_id, kind, merged, into, check=lambda present: refuse(present, kind, merged, into), entry=entry
        )
    except MergeRefused as refused:
        raise UptakeError(refused.code, f"{refused.message[:1].upper()}{refused.message[1:]}.") from refused
    running.refresh()
    return made


def undo_merge(running: Merging, product_id: int, merge_id: int, *, by: str) -> Merge:
    """Let calls count for the id that they came with again.  Raises UptakeError (unknown_merge)."""
    known = {each.id: each for each in running.meta.merges.all(product_id)}
    if merge_id not in known:
        raise UptakeError("unknown_merge", f"There is no merge {merge_id}.", hint="`uptake merge list` lists them.")
    about = f"{known[merge_id].kind} {known[merge_id].merged} into {known[merge_id].into}"
    entry = Entry(running.clock(), by, "merge_undone", product_id, about)
    try:
        undone = running.meta.merges.drop(product_id, merge_id, entry)
    except KeyError as error:
        raise UptakeError("unknown_merge", f"There is no merge {merge_id} any more.") from error
    running.refresh()
    return undone


class WhoIsWho:
    """Which ids of a product count for others: as it was decided, and as the rows in force were folded.

    New calls are folded as the rows were until a rebuild brings rows and decision together, so that a merge which is
    taken back before that leaves no trace.
    """

    def __init__(self, product_id: int, meta: MetaStore) -> None:
        self._product_id, self._meta = product_id, meta
        self._take()
        self.built = Canonical()
        self._unsure = False

    def _take(self) -> None:
        self.decided = canonical_of(self._meta.merges.all(self._product_id))
        self._behind: dict[tuple[Kind, str], str] = {}
        for kind, ids in self.decided.by_kind():
            for each, into in ids.items():
                self._behind[kind, each] = self._behind[kind, opaque_id(kind, each)] = into

    def read(self, generation: int) -> None:
        """Find out how the rows of the generation in force were folded."""
        told = self._meta.fact(self._fact())
        if told is not None:
            built = msgspec.json.decode(told, type=_Built)
            self.built, self._unsure = built.canonical, built.generation != generation

    @property
    def differs(self) -> bool:
        """Must rows be made anew?"""
        return self._unsure or self.built != self.decided

    def look_again(self) -> bool:
        """Read what is decided; True if that changed."""
        before = self.decided
        self._take()
        return before != self.decided

    def spare_rebuild(self, store: EventStore) -> None:
        """Nothing need be made anew where nobody who now counts for somebody else has any rows."""
        changed = self.built.changed(self.decided)
        if changed and not self._unsure and not any(store.find(kind, "tracking_id", each) for kind, each in changed):
            self.remember(store.generation, self.decided)

    def remember(self, generation: int, canonical: Canonical) -> None:
        """Write down how the rows of a generation are folded from now on."""
        self.built, self._unsure = canonical, False
        if canonical != Canonical() or self._meta.fact(self._fact()) is not None:
            self._meta.set_fact(self._fact(), msgspec.json.encode(_Built(generation, canonical)).decode())

    def behind(self, kind: Kind, some_id: str) -> str | None:
        """The id that a merged one counts for, by its opaque id or itself; None for who was not merged."""
        return self._behind.get((kind, some_id))

    def _fact(self) -> str:
        return _fact_of(self._product_id)


def forget_built(meta: MetaStore, product_id: int) -> None:
    """Forget under which ids rows were folded; for a product whose event store will be made anew."""
    meta.set_fact(_fact_of(product_id), msgspec.json.encode(_Built(0, Canonical())).decode())


def _fact_of(product_id: int) -> str:
    return f"product:{product_id}:merges"


class _Built(msgspec.Struct, frozen=True):
    """How the rows of a generation are folded."""

    generation: int
    canonical: Canonical


class Counted(msgspec.Struct, frozen=True):
    """What a product's calls, models and exclusions mean under the ids that count."""

    rules: Rules
    timeline: Timeline


def counted_as(versions: Sequence[ConfigVersion], canonical: Canonical) -> Counted:
    """The rules of the fold, and the models with excluded users and accounts under the ids that count."""
    return Counted(Rules(versions, canonical), timeline([_counted(version, canonical) for version in versions]))


def _counted(version: ConfigVersion, canonical: Canonical) -> ConfigVersion:
    config = counted_config(version.config, canonical)
    return version if config is version.config else msgspec.structs.replace(version, config=config)


def counted_config(config: ProductConfig, canonical: Canonical) -> ProductConfig:
    """The configuration with excluded users and accounts under the ids that count."""
    rules = config.exclusions
    users = tuple(dict.fromkeys(canonical.id("user", each) for each in rules.users))
    accounts = tuple(dict.fromkeys(canonical.id("account", each) for each in rules.accounts))
    if users == rules.users and accounts == rules.accounts:
        return config
    exclusions = msgspec.structs.replace(rules, users=users, accounts=accounts)
    return msgspec.structs.replace(config, exclusions=exclusions)
