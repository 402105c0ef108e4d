"""One logged call from its bytes to what it counts for, stage by stage.

Runs the pure functions of the fold on the call as it lies in the log, under the destination that applies at its offset,
and asks the event store what that became there.  Nothing is kept.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from uptake.core.calls import LoggedCall
from uptake.core.config import destinations_by_offset
from uptake.core.days import day_of
from uptake.core.effects import Acted, Effect, Joined, Kind
from uptake.core.merges import Canonical
from uptake.core.scores import ScoringModel
from uptake.destination.trace import Trace, trace
from uptake.stores.events.base import FateRow, Membership
from uptake.stores.log.base import read_past_damage
from uptake.views.base import ProductView, Unknown
from uptake.views.copies import first_copy
from uptake.views.events import weight_of

WAITING = "waiting"
"""The fate of a call that is not folded yet."""

KINDS: tuple[Kind, ...] = ("user", "account")

AccountReason = Literal["named", "member", "first", "none"]
Verdict = Literal["counted", "excluded_user", "excluded_account", "not_weighed"]


class Worth(msgspec.Struct, frozen=True):
    """What one act counts for in one workspace: its weight there under the model of its day, and whether it is counted
    (`counted`) or why not."""

    workspace_id: int
    workspace: str
    weight: int
    window_days: int
    verdict: Verdict


class ActStage(msgspec.Struct, frozen=True):
    """One act on its way into the scores.

    user, account: the ids that count, account '' for none.  reason: named by the call; that of the user's membership at
    the moment (`membership`); the user's first one, which counts for everything before it too; or none.
    feature: '' for none.
    """

    user: str
    event: str
    account: str
    reason: AccountReason
    membership: Membership | None
    day: date
    feature: str
    worths: tuple[Worth, ...]


class Merged(msgspec.Struct, frozen=True):
    """An id of the call that counts as another one."""

    kind: Kind
    tracking_id: str
    into: str


class Journey(msgspec.Struct, frozen=True):
    """A call through every stage.

    fate: what the fold made of it, or WAITING; told: is it the fold's own record, or, of an older call, what the rules
    say?  row: that record.  copied: the offset of the copy that was counted in a duplicate's place, None where it is
    none or that is not known.  trace: the destination that applies at its offset, at work on it.  effects: what it
    means under the ids that count, whether it was counted or not; acts: those of them that are events.
    """

    logged: LoggedCall
    fate: str
    told: bool
    row: FateRow | None
    copied: int | None
    trace: Trace
    merged: tuple[Merged, ...]
    effects: tuple[Effect, ...]
    acts: tuple[ActStage, ...]


def journey_of(product: ProductView, offset: int) -> Journey:
    """Follow the product's call at this offset.  Raises Unknown."""
    logged = _logged(product, offset)
    config = product.version.config
    in_force = destinations_by_offset(product.versions)
    destination = next(each for first, each in reversed(in_force) if first <= offset)
    traced = trace(logged.call, logged.received_us, msgspec.structs.replace(config, destination=destination))
    row = next(iter(product.store.fates(most=1, offset=offset)), None)
    waiting = offset >= product.store.offset()
    merged = _merged(product, traced.outcome.effects)
    into = {kind: {each.tracking_id: each.into for each in merged if each.kind == kind} for kind in KINDS}
    canonical = Canonical(into["user"], into["account"])
    effects = tuple(canonical.effect(each) for each in traced.outcome.effects)
    acts = tuple(_act(product, logged.call.at_us, each) for each in effects if isinstance(each, Acted))
    fate = WAITING if waiting else row.fate if row else traced.outcome.fate
    copied = first_copy(product, logged) if fate == "duplicate" or not (row or waiting) else None
    fate = fate if copied is None else "duplicate"
    return Journey(logged, fate, row is not None, row, copied, traced, merged, effects, acts)


def _logged(product: ProductView, offset: int) -> LoggedCall:
    found = read_past_damage(product.log, product.product_id, offset, most=1)[0] if offset >= 0 else []
    for each in found:
        if each.offset == offset:
            return each
    raise Unknown("unknown_call", f"the log holds no call {offset}")


def _ids(effects: Sequence[Effect]) -> dict[tuple[Kind, str], None]:
    """Whom the effects name, each once, in order."""
    found: dict[tuple[Kind, str], None] = {}
    for effect in effects:
        if isinstance(effect, Acted | Joined):
            found["user", effect.user] = None
            if effect.account is not None:
                found["account", effect.account] = None
        else:
            found[effect.kind, effect.id] = None
    return found


def _merged(product: ProductView, effects: Sequence[Effect]) -> tuple[Merged, ...]:
    into = ((kind, each, product.canonical_behind(kind, each)) for kind, each in _ids(effects))
    return tuple(Merged(kind, each, other) for kind, each, other in into if other is not None and other != each)


def _act(product: ProductView, at_us: int, act: Acted) -> ActStage:
    account, reason, membership = _account(product, at_us, act)
    day = day_of(at_us, product.zone)
    asked = min(day, product.today())
    models = [product.model(each.workspace_id, asked) for each in product.models]
    known = [model for model in models if model is not None]
    feature = next((model.features[act.event] for model in known if act.event in model.features), "")
    worths = tuple(_worth(product, model, act, account) for model in known)
    return ActStage(act.user, act.event, account, reason, membership, day, feature, worths)


def _account(product: ProductView, at_us: int, act: Acted) -> tuple[str, AccountReason, Membership | None]:
    if act.account is not None:
        return act.account, "named", None
    for each in product.store.memberships(act.user):
        if (each.from_us is None or each.from_us <= at_us) and (each.until_us is None or at_us < each.until_us):
            return each.account, "first" if each.from_us is None else "member", each
    return "", "none", None


def _worth(product: ProductView, model: ScoringModel, act: Acted, account: str) -> Worth:
    workspace = product.workspace(model.workspace_id)
    weight = weight_of(model, act.event)
    verdict: Verdict = "counted"
    if act.user in model.excluded_users:
        verdict = "excluded_user"
    elif account in model.excluded_accounts:
        verdict = "excluded_account"
    elif not weight:
        verdict = "not_weighed"
    return Worth(model.workspace_id, workspace.name if workspace else "", weight, model.window_days, verdict)
