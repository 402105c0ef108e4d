"""Handlers of the workspaces: how they are listed, and the management of what makes their scores."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Router, delete, get, post, put
from litestar.params import FromPath, RawBody

from uptake.core.config import Workspace
from uptake.core.effects import Kind
from uptake.core.errors import ConfigInvalid, Fault
from uptake.pipeline.document import merge_document
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.workspace_changes import add_workspace, change_workspace, drop_workspace
from uptake.views.base import Unknown
from uptake.views.versions import model_versions
from uptake.views.what_if import WhatIf, what_if, workspace_named
from uptake.views.what_if_ranking import PlacesQuery, Rankings
from uptake.views.workspaces import workspace_detail, workspace_list, workspace_size
from uptake.web.api.bodies import read_body
from uptake.web.api.config_shapes import WorkspaceDraft, WorkspaceModel
from uptake.web.api.lists import list_links
from uptake.web.api.params import PlacesAsked, WhatIfAsked, WorkspaceAsked, WorkspacesAsked, asked
from uptake.web.api.saving import named_in, save
from uptake.web.api.shapes import (
    ModelVersionsAnswer,
    Pagination,
    PlacesAnswer,
    WorkspaceAnswer,
    WorkspaceEntry,
    WorkspacesAnswer,
    model_version_entry,
    workspace_entry,
)
from uptake.web.problems import AnyRequest
from uptake.web.site import managed_product_of, product_of


@get("/v2/workspaces", sync_to_thread=True)
def workspaces(request: AnyRequest) -> WorkspacesAnswer:
    """The workspaces of the token's product."""
    product = product_of(request)
    params = asked(request, WorkspacesAsked)
    every = workspace_list(product)
    chosen = every[params.offset : params.offset + params.limit]
    return WorkspacesAnswer(
        data=[_entry(product, each, params.expand) for each in chosen],
        pagination=Pagination(params.limit, params.offset, len(every)),
        expansions=list(dict.fromkeys(params.expand)),
        links=list_links(request, params.limit, params.offset, len(every)),
    )


@get("/v2/workspaces/{workspace_id:str}", sync_to_thread=True)
def workspace(request: AnyRequest, workspace_id: FromPath[str]) -> WorkspaceAnswer:
    """One workspace."""
    product = product_of(request)
    params = asked(request, WorkspaceAsked)
    found = workspace_detail(product, number_in(workspace_id))
    return WorkspaceAnswer(_entry(product, found, params.expand), list(dict.fromkeys(params.expand)))


@get("/v2/workspaces/{workspace_id:str}/versions", sync_to_thread=True)
def versions(request: AnyRequest, workspace_id: FromPath[str]) -> ModelVersionsAnswer:
    """Versions of a workspace's scoring model, the latest first."""
    found = model_versions(product_of(request), number_in(workspace_id))
    return ModelVersionsAnswer([model_version_entry(each) for each in found])


@post("/v2/workspaces/{workspace_id:str}/what-if", status_code=200, sync_to_thread=True)
def imagine(request: AnyRequest, workspace_id: FromPath[str], body: RawBody) -> WhatIf:
    """What a partial configuration document would make of the ranking of a day; nothing is changed."""
    product = managed_product_of(request)
    number, params = number_in(workspace_id), asked(request, WhatIfAsked)
    candidate = merge_document(product.config, read_body(body, dict[str, Any]), prune=False)
    beside = workspace_named(candidate, params.beside)
    return what_if(product, number, candidate, params.day, most=params.most, beside=beside)


@post("/v2/workspaces/{workspace_id:str}/what-if/ranking", status_code=200, sync_to_thread=True)
def imagine_ranking(request: AnyRequest, workspace_id: FromPath[str], body: RawBody) -> PlacesAnswer:
    """The ranking of a day under a partial configuration document beside the one in force, row by row."""
    product = managed_product_of(request)
    number, params = number_in(workspace_id), asked(request, PlacesAsked)
    candidate = merge_document(product.config, read_body(body, dict[str, Any]), prune=False)
    rankings = Rankings(product, number, candidate, params.day, beside=workspace_named(candidate, params.beside))
    kind: Kind = "user" if params.scope == "users" else "account"
    query = PlacesQuery(kind, params.sort, params.order == "desc", params.limit, params.offset)
    found = rankings.page(query)
    return PlacesAnswer(found.rows, Pagination(params.limit, params.offset, found.total), number, found.day)


@get("/v2/workspaces/{workspace_id:str}/model", sync_to_thread=True)
def model(request: AnyRequest, workspace_id: FromPath[str]) -> WorkspaceModel:
    """A workspace with all that makes its scores."""
    product = product_of(request)
    return WorkspaceModel(workspace_detail(product, number_in(workspace_id)), product.version.revision)


@post("/v2/workspaces", sync_to_thread=True)
def add(request: AnyRequest, body: RawBody) -> WorkspaceModel:
    """Add a workspace."""
    product = managed_product_of(request)
    fields = named_in(read_body(body, WorkspaceDraft))
    if "name" not in fields:
        raise ConfigInvalid([Fault("$.name", "a new workspace needs a name")])
    version = save(request, product, add_workspace(Workspace(**fields)), f"workspace {fields['name']} added")
    return WorkspaceModel(max(version.config.workspaces, key=lambda each: each.id), version.revision)


@put("/v2/workspaces/{workspace_id:str}", sync_to_thread=True)
def change(request: AnyRequest, workspace_id: FromPath[str], body: RawBody) -> WorkspaceModel:
    """Change a workspace: what is not named stays."""
    product = managed_product_of(request)
    number, fields = number_in(workspace_id), named_in(read_body(body, WorkspaceDraft))
    save(request, product, change_workspace(number, fields), f"workspace {number}: {', '.join(fields)}")
    return WorkspaceModel(workspace_detail(product, number), product.version.revision)


@delete("/v2/workspaces/{workspace_id:str}", status_code=200, sync_to_thread=True)
def drop(request: AnyRequest, workspace_id: FromPath[str]) -> WorkspaceModel:
    """Delete a workspace and its segments."""
    product = managed_product_of(request)
    found = workspace_detail(product, number_in(workspace_id))
    version = save(request, product, drop_workspace(found.id), f"workspace {found.name} deleted")
    return WorkspaceModel(found, version.revision)


# Litestar breaks the first of three handlers of one path where they are not registered together.
_HANDLERS = [workspaces, workspace, versions, imagine, imagine_ranking, model, add, change, drop]
WORKSPACE_HANDLERS = (Router("/", route_handlers=_HANDLERS),)


def number_in(workspace_id: str) -> int:
    """A workspace's id out of a path.  Raises Unknown for what is no such number."""
    if not (workspace_id.isascii() and workspace_id.isdigit() and len(workspace_id) < 10):
        raise Unknown("unknown_workspace", f"the product has no workspace {workspace_id!r}")
    return int(workspace_id)


def _entry(product: RunningProduct, found: Workspace, expand: Sequence[str]) -> WorkspaceEntry:
    size = workspace_size(product, found.id) if "stats" in expand else msgspec.UNSET
    return workspace_entry(found, size)
