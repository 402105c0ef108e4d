"""The workspaces of a product and their size."""

from collections.abc import Sequence

import msgspec

from uptake.core.config import ProductConfig, Workspace
from uptake.stores.events.base import ListQuery
from uptake.views.base import ProductView, Unknown, model_of, scored_day


class WorkspaceSize(msgspec.Struct, frozen=True):
    """How many users and accounts a workspace lists, the inactive too."""

    users: int
    accounts: int


def workspace_list(product: ProductView) -> Sequence[Workspace]:
    """All workspaces by id."""
    return sorted(product.version.config.workspaces, key=lambda each: each.id)


def workspace_detail(product: ProductView, workspace_id: int) -> Workspace:
    """One workspace.  Raises Unknown."""
    found = product.workspace(workspace_id)
    if found is None:
        raise Unknown("unknown_workspace", f"the product has no workspace {workspace_id}")
    return found


def workspace_size(product: ProductView, workspace_id: int) -> WorkspaceSize:
    """How many users and accounts the workspace lists today.  Raises Unknown."""
    model = model_of(product, workspace_id)
    day = scored_day(product, None)
    store, one = product.store, ListQuery(limit=1)
    _, users = store.numbers("user", model, day, one)
    _, accounts = store.numbers("account", model, day, one)
    return WorkspaceSize(users, accounts)


def workspace_reach(product: ProductView, workspace_id: int, candidate: ProductConfig) -> WorkspaceSize:
    """How many users and accounts a workspace of another configuration would list today.  Raises Unknown."""
    model = product.model_under(workspace_id, candidate)
    if model is None:
        raise Unknown("unknown_workspace", f"the candidate has no workspace {workspace_id}")
    store, day, none = product.store, product.today(), ListQuery(limit=0)
    _, users = store.numbers("user", model, day, none)
    _, accounts = store.numbers("account", model, day, none)
    return WorkspaceSize(users, accounts)
