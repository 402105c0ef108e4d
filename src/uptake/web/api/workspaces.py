"""Handlers of the workspaces."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, RawBody

from uptake.core.config import Workspace
from uptake.pipeline.document import merge_document
from uptake.pipeline.product import RunningProduct
from uptake.views.base import Unknown
from uptake.views.versions import model_versions
from uptake.views.what_if import WhatIf, what_if
from uptake.views.workspaces import workspace_detail, workspace_list, workspace_size
from uptake.web.api.bodies import read_body
from uptake.web.api.lists import list_links
from uptake.web.api.params import WhatIfAsked, WorkspaceAsked, WorkspacesAsked, asked
from uptake.web.api.shapes import (
    ModelVersionsAnswer,
    Pagination,
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
    return what_if(product, number, candidate, params.day, most=params.most)


WORKSPACE_HANDLERS = (workspaces, workspace, versions, imagine)


def number_in(workspace_id: str) -> int:
    """A workspace's id out of a path.  Raises Unknown for what is no such number."""
    if not (workspace_id.isascii() and workspace_id.isdigit() and len(workspace_id) < 10):
        raise Unknown("unknown_workspace", f"the product has no workspace {workspace_id!r}")
    return int(workspace_id)


def _entry(product: RunningProduct, found: Workspace, expand: Sequence[str]) -> WorkspaceEntry:
    size = workspace_size(product, found.id) if "stats" in expand else msgspec.UNSET
    return workspace_entry(found, size)
