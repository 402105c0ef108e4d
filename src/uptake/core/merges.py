"""Changed ids: which user or account another one really is.

A merge is a decision of an operator: calls of `merged` count as those of `into`, from the beginning.  Merges form
chains, resolved here whatever their order; a cycle is refused before it is saved.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from uptake.core.effects import Acted, Effect, Joined, Kind, TraitsSet

MOST_MERGES = 10_000
"""Of a product: they are kept in memory while it runs."""

MOST_ID_LENGTH = 500

PARENT_KEYS = ("parent_group_id", "parent")
"""Account traits that name another account."""


class Merge(msgspec.Struct, frozen=True):
    """Calls of `merged` count as those of `into`; made_us: µs since 1970 UTC."""

    id: int
    product_id: int
    kind: Kind
    merged: str
    into: str
    made_us: int
    by: str


class MergeRefused(ValueError):
    """A merge that cannot be: a code of `uptake.core.errors.CODES` and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Canonical(msgspec.Struct, frozen=True):
    """Who merged users and accounts really are: id → the id that its calls count for."""

    users: Mapping[str, str] = {}
    accounts: Mapping[str, str] = {}

    def id(self, kind: Kind, tracking_id: str) -> str:
        """The id that counts; the id itself where it was not merged."""
        return (self.users if kind == "user" else self.accounts).get(tracking_id, tracking_id)

    def by_kind(self) -> tuple[tuple[Kind, Mapping[str, str]], ...]:
        """Users, then accounts."""
        return ("user", self.users), ("account", self.accounts)

    def changed(self, other: "Canonical") -> set[tuple[Kind, str]]:
        """Those whose calls count for somebody else under `other`, as they are told here."""
        found: set[tuple[Kind, str]] = set()
        for (kind, one), (_, two) in zip(self.by_kind(), other.by_kind(), strict=True):
            found |= {(kind, self.id(kind, each)) for each in one.keys() | two.keys() if one.get(each) != two.get(each)}
        return found

    def effect(self, effect: Effect) -> Effect:
        """The effect with the ids that count.  An account that would be its own parent by a merge has none."""
        if isinstance(effect, Acted):
            account = None if effect.account is None else self.id("account", effect.account)
            return Acted(self.id("user", effect.user), effect.event, account)
        if isinstance(effect, Joined):
            return Joined(self.id("user", effect.user), self.id("account", effect.account))
        tracking_id = self.id(effect.kind, effect.id)
        if effect.kind == "user" or not self.accounts:
            return TraitsSet(effect.kind, tracking_id, effect.traits)
        return TraitsSet("account", tracking_id, self._with_parents(tracking_id, effect))

    def _with_parents(self, tracking_id: str, effect: TraitsSet) -> dict[str, object]:
        traits = dict(effect.traits)
        for key in PARENT_KEYS:
            named = traits.get(key)
            text = str(named) if isinstance(named, str | int) and not isinstance(named, bool) else ""
            parent = self.id("account", text)
            if text and parent == tracking_id and (text, effect.id) != (parent, tracking_id):
                del traits[key]
            elif parent != text:
                traits[key] = parent
        return traits


def canonical_of(merges: Iterable[Merge]) -> Canonical:
    """Resolve merges, chains too: with B merged into A and C into B, C's calls are A's.

    >>> made = [Merge(1, 1, "user", "C", "B", 0, ""), Merge(2, 1, "user", "B", "A", 0, "")]
    >>> canonical_of(made).users
    {'C': 'A', 'B': 'A'}
    """
    direct: dict[Kind, dict[str, str]] = {"user": {}, "account": {}}
    for merge in merges:
        direct[merge.kind][merge.merged] = merge.into
    return Canonical(*({each: _end(each, into) for each in into} for into in direct.values()))


def _end(tracking_id: str, into: Mapping[str, str]) -> str:
    while tracking_id in into:
        tracking_id = into[tracking_id]
    return tracking_id


def refuse(merges: Sequence[Merge], kind: Kind, merged: str, into: str) -> None:
    """Raise MergeRefused where the merge cannot be added to the present ones."""
    for tracking_id in (merged, into):
        if not 0 < len(tracking_id) <= MOST_ID_LENGTH or "\x00" in tracking_id:
            raise MergeRefused("bad_id", f"expected ids of 1 to {MOST_ID_LENGTH} characters")
    present = {merge.merged: merge for merge in merges if merge.kind == kind}
    if merged in present:
        told = f"{kind} {merged!r} is merged into {present[merged].into!r} already (merge {present[merged].id})"
        raise MergeRefused("merge_exists", told)
    if _end(into, {each: merge.into for each, merge in present.items()}) == merged:
        told = f"{kind} {into!r} is {merged!r} already, so that each would be the other"
        raise MergeRefused("merge_cycle", told if into != merged else f"{kind} {into!r} cannot be merged into itself")
    if len(merges) >= MOST_MERGES:
        raise MergeRefused("too_many_merges", f"a product has at most {MOST_MERGES:,} merges")
