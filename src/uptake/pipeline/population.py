"""Whom a workspace counts: exclusions, filters and activation of the configuration, resolved for the store's state.

Rules become ids before anything is scored, so that the scores of every day are without them; a rule that is taken back
brings everyone back, because nothing was deleted.  A workspace's filter is a condition on users.  Accounts follow them:
where it speaks of accounts alone, those that it holds for are in; otherwise those with a user who is in, and the ones
above.
"""

from collections.abc import Sequence
from datetime import date

import msgspec

from uptake.core.conditions import AnyOf, Condition, Did, Everyone, Trait
from uptake.core.config import Exclusions, ProductConfig, Workspace
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel
from uptake.pipeline.condition_check import leaves
from uptake.scoring.models import model_of
from uptake.segments import parse
from uptake.stores.events.base import EventStore, ListQuery

EVERY = 10_000_000
NOBODY: frozenset[str] = frozenset()


class LeftOut(msgspec.Struct, frozen=True):
    """Users and accounts that are not counted."""

    users: frozenset[str] = NOBODY
    accounts: frozenset[str] = NOBODY


class Population:
    """Whom the models of a product count, at one state of its store."""

    def __init__(self, without: LeftOut, store: EventStore, today: date) -> None:
        """without: whom no model counts."""
        self._without, self._store, self._today = without, store, today
        self._filtered: dict[tuple[str, frozenset[tuple[str, str]]], LeftOut] = {}

    def counted(self, workspace: Workspace, config: ProductConfig) -> ScoringModel:
        """The model of a workspace with its activation, and without everyone whom its filter leaves out."""
        model = msgspec.structs.replace(
            model_of(workspace, config),
            excluded_users=self._without.users,
            excluded_accounts=self._without.accounts,
            user_activation=tuple(map(parse, workspace.user_activation)),
            account_activation=tuple(map(parse, workspace.account_activation)),
        )
        # All that a filter can ask about is the same for every model with the same features.
        asked = (workspace.filter or "", frozenset(model.features.items()))
        if asked not in self._filtered:
            self._filtered[asked] = _left_by(asked[0], self._store, model, self._today)
        left = self._filtered[asked]
        return msgspec.structs.replace(
            model,
            excluded_users=model.excluded_users | left.users,
            excluded_accounts=model.excluded_accounts | left.accounts,
        )


def excluded(config: ProductConfig, store: EventStore, today: date) -> LeftOut:
    """Everyone whom the exclusions of a configuration leave out today."""
    model = model_of(config.workspaces[0], config)
    anyone = msgspec.structs.replace(model, excluded_users=NOBODY, excluded_accounts=NOBODY)
    return _excluded(config.exclusions, store, anyone, today)


def _excluded(rules: Exclusions, store: EventStore, anyone: ScoringModel, today: date) -> LeftOut:
    accounts = frozenset(rules.accounts)
    users = frozenset(rules.users)
    if rules.accounts_where.strip():
        accounts |= frozenset(store.matching("account", parse(rules.accounts_where), anyone, today))
    if rules.users_where.strip():
        users |= frozenset(store.matching("user", parse(rules.users_where), anyone, today))
    if rules.email_domains:
        users |= _with_domains(rules.email_domains, store, anyone, today)
    if accounts:
        users |= frozenset(store.members_of(accounts))
    return LeftOut(users, accounts)


def _with_domains(domains: Sequence[str], store: EventStore, anyone: ScoringModel, today: date) -> frozenset[str]:
    """Users whose e-mail address ends with one of the domains, in any case."""
    ends = tuple("@" + domain.lower().removeprefix("@") for domain in domains)
    parts: tuple[Condition, ...] = tuple(Trait("user", "email", "contains", end) for end in ends)
    query = ListQuery(where=parts[0] if len(parts) == 1 else AnyOf(parts), sort="tracking_id", limit=EVERY)
    rows, _ = store.numbers("user", anyone, today, query)
    return frozenset(row.tracking_id for row in rows if (row.email or "").lower().endswith(ends))


def _left_by(words: str, store: EventStore, model: ScoringModel, today: date) -> LeftOut:
    """Whom a filter leaves out of those that a model counts."""
    condition = parse(words)
    if isinstance(condition, Everyone):
        return LeftOut()
    users = store.matching("user", condition, model, today)
    if all(_of_accounts(leaf) for leaf in leaves(condition)):
        accounts = store.matching("account", condition, model, today)
    else:
        accounts = store.accounts_of(users)
    return LeftOut(_others("user", users, store, model, today), _others("account", accounts, store, model, today))


def _others(kind: Kind, inside: Sequence[str], store: EventStore, model: ScoringModel, today: date) -> frozenset[str]:
    return frozenset(store.matching(kind, Everyone(), model, today)) - frozenset(inside)


def _of_accounts(leaf: Condition) -> bool:
    return isinstance(leaf, Trait | Did) and leaf.of == "account"
