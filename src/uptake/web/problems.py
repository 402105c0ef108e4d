"""Refusals of the read API and faults of the site, as one body: `{"error": {"code": …, "message": …}}`.

Every code stands in `uptake.core.errors.CODES`, which also says its HTTP status.
"""

import logging
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from uptake.core.errors import CODES, ConfigInvalid, Fault
from uptake.pipeline.following import NotScoredYet
from uptake.stores.events.base import StoreDamaged, StoreUnavailable
from uptake.stores.files.base import FilesUnavailable
from uptake.stores.log.base import LogUnavailable
from uptake.stores.meta.base import MetaUnavailable
from uptake.views.base import BadDay, Unknown

log = logging.getLogger("uptake.web")

AnyRequest: TypeAlias = Request[Any, Any, Any]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was wrong: a stable code and one sentence; for a configuration each fault with its place."""

    code: str
    message: str
    faults: tuple[Fault, ...] = ()


class ProblemBody(msgspec.Struct, frozen=True):
    """The body of every answer from 400 on."""

    error: Problem


class Refused(Exception):
    """A request that cannot be answered: a code of `CODES`, a sentence, and headers for the answer."""

    def __init__(self, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


class FaultCount:
    """How many requests failed by a fault of our own since the start."""

    def __init__(self) -> None:
        self.times = 0


def problem(code: str, message: str, *, headers: Mapping[str, str] | None = None) -> Response[ProblemBody]:
    """The answer for a code of `CODES`."""
    return Response(ProblemBody(Problem(code, message)), status_code=CODES[code].status, headers=dict(headers or {}))


def handlers(faults: FaultCount) -> ExceptionHandlersMap:
    """What the site answers for each kind of exception; faults of our own are logged and counted."""

    def failed(request: AnyRequest, fault: Exception) -> Response[ProblemBody]:
        faults.times += 1
        log.error("request_failed", exc_info=fault, extra={"path": request.scope["path"]})
        return problem("internal", "a fault in Uptake itself; it was logged")

    return {
        Refused: lambda _request, error: problem(error.code, error.message, headers=error.headers),
        Unknown: lambda _request, error: problem(error.code, error.message),
        BadDay: lambda _request, error: problem("invalid_parameter", str(error)),
        ConfigInvalid: lambda _request, error: config_problem(error),
        StoreDamaged: lambda _request, _error: problem(
            "store_damaged", "the event store is being made again", headers={"Retry-After": "2"}
        ),
        StoreUnavailable: lambda _request, error: problem(
            "store_unavailable", str(error), headers={"Retry-After": "5"}
        ),
        NotScoredYet: lambda _request, error: problem("not_scored_yet", str(error), headers={"Retry-After": "5"}),
        MetaUnavailable: lambda _request, error: problem("meta_unavailable", str(error), headers={"Retry-After": "5"}),
        LogUnavailable: lambda _request, error: problem(
            "log_unavailable", str(error), headers={"Retry-After": str(error.retry_after_s)}
        ),
        FilesUnavailable: lambda _request, error: problem(
            "files_unavailable", str(error), headers={"Retry-After": "5"}
        ),
        HTTPException: refused_by_framework,
        Exception: failed,
    }


def config_problem(error: ConfigInvalid) -> Response[ProblemBody]:
    """The answer for a configuration that cannot be saved: every fault; the code of the first that is not plain."""
    code = next((fault.code for fault in error.faults if fault.code in CODES), "config_invalid")
    body = ProblemBody(Problem(code, error.message, tuple(error.faults)))
    return Response(body, status_code=CODES[code].status)


def refused_by_framework(request: AnyRequest, error: HTTPException) -> Response[ProblemBody]:
    """The answer to what the framework refuses by itself: no such route, or not with this method."""
    where = f"{request.method} {request.scope['path']}"
    if error.status_code == 404:
        return problem("not_found", f"there is nothing at {where}")
    if error.status_code == 405:
        return problem("method_not_allowed", f"{where} is not a method of this route", headers=error.headers)
    return problem("invalid_parameter", error.detail)
