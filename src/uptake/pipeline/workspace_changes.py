"""Changes of a product's workspaces, as functions from one configuration to the next; saving checks the result."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from uptake.core.config import ProductConfig, Workspace
from uptake.core.errors import ConfigInvalid, Fault

Change = Callable[[ProductConfig], ProductConfig]
replace = msgspec.structs.replace


def add_workspace(workspace: Workspace) -> Change:
    """Add a workspace under the next free id, whatever it says."""

    def added(config: ProductConfig) -> ProductConfig:
        number = max((each.id for each in config.workspaces), default=0) + 1
        return replace(config, workspaces=(*config.workspaces, replace(workspace, id=number)))

    return added


def change_workspace(workspace_id: int, fields: Mapping[str, Any]) -> Change:
    """Give a workspace these fields; the others stay.  Segments of a workspace that is renamed go with it."""

    def changed(config: ProductConfig) -> ProductConfig:
        old = _numbered(config, workspace_id)
        new = replace(old, **fields)
        workspaces = tuple(new if each is old else each for each in config.workspaces)
        segments = tuple(
            replace(each, workspace=new.name) if each.workspace == old.name else each for each in config.segments
        )
        return replace(config, workspaces=workspaces, segments=segments)

    return changed


def drop_workspace(workspace_id: int) -> Change:
    """Delete a workspace and its segments; the last one is refused on saving."""

    def dropped(config: ProductConfig) -> ProductConfig:
        old = _numbered(config, workspace_id)
        return replace(
            config,
            workspaces=tuple(each for each in config.workspaces if each is not old),
            segments=tuple(each for each in config.segments if each.workspace != old.name),
        )

    return dropped


def _numbered(config: ProductConfig, workspace_id: int) -> Workspace:
    for workspace in config.workspaces:
        if workspace.id == workspace_id:
            return workspace
    raise ConfigInvalid([Fault("$.workspaces", f"the product has no workspace {workspace_id}", "unknown_workspace")])
