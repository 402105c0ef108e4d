"""The OpenAPI 3.1 document: the read API from `uptake.web.api.operations`, ingest from `uptake.web.api.ingest_paths`.

It is made from the very types that handlers read and return, on the first request for it, and kept as bytes.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from uptake.core.errors import CODES
from uptake.web.api.ingest_paths import INGEST_SCHEMAS, SECURITY, ingest_paths
from uptake.web.api.operation import Operation
from uptake.web.api.operations import OPERATIONS
from uptake.web.api.params import bare, is_list
from uptake.web.problems import ProblemBody

REF = "#/components/schemas/{name}"
STATUS_WORDS = {
    400: "Refused",
    401: "No good token",
    403: "Not allowed",
    404: "Not found",
    409: "In conflict with what is there",
    413: "Too large",
    503: "Not now",
}
DESCRIPTION = (
    "Product engagement: Segment's calls in, explained account scores out. "
    "An ingest key writes and never reads; a read token reads and never writes."
)


@cache
def document(version: str) -> bytes:
    """The whole document as JSON."""
    answers = [kind for each in OPERATIONS for kind in (each.answer, each.body) if kind not in (None, dict[str, Any])]
    _, schemas = msgspec.json.schema_components([*answers, ProblemBody], ref_template=REF)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in OPERATIONS:
        paths[operation.path][operation.method.lower()] = _described(operation)
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Uptake", "version": version, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "read", "description": "Read API"},
            {"name": "manage", "description": "Management API"},
            {"name": "ingest", "description": "Calls in"},
        ],
        "paths": paths | ingest_paths(),
        "components": {"schemas": schemas | INGEST_SCHEMAS, "securitySchemes": SECURITY},
    }
    return msgspec.json.encode(whole)


_FAULTS = ("store_damaged", "meta_unavailable", "log_unavailable")
"""What every operation may answer for a while when something is broken."""


def _described(operation: Operation) -> dict[str, Any]:
    fields = msgspec.structs.fields(operation.query) if operation.query else ()
    codes = ("invalid_token", *(("bad_json", "body_too_large") if operation.body else ()), *operation.errors, *_FAULTS)
    created = "201" if operation.creates else "200"
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": ["manage" if operation.manages else "read"],
        "security": [{"manageToken": []} if operation.manages else {"readToken": []}],
        **({"requestBody": _body(operation.body)} if operation.body else {}),
        "parameters": [*_path_parameters(operation.path), *map(_query_parameter, fields)],
        "responses": {created: _answer(operation.answer), **refusals(codes)},
    }


def _body(shape: Any) -> dict[str, Any]:
    schema = {"type": "object"} if shape == dict[str, Any] else {"$ref": REF.format(name=shape.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answer(shape: Any) -> dict[str, Any]:
    if shape is None:
        return {"description": "The file", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    content = {"application/json": {"schema": {"$ref": REF.format(name=shape.__name__)}}}
    return {"description": "Success", "content": content}


def refusals(codes: Iterable[str]) -> dict[str, Any]:
    """The answers that these codes give, one a status; each names its codes."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[CODES[code].status].append(code)
    return {str(status): _refusal(status, by_status[status]) for status in sorted(by_status)}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    told = "; ".join(f"`{code}`: {CODES[code].help}" for code in codes)
    content = {"application/json": {"schema": {"$ref": REF.format(name="ProblemBody")}}}
    answer: dict[str, Any] = {"description": f"{STATUS_WORDS[status]}. {told}", "content": content}
    if status == 503:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return answer


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameter(field: FieldInfo) -> dict[str, Any]:
    kind = bare(field.type)
    schema = msgspec.json.schema(kind)
    described = _description(field.type) or schema.pop("description", "")
    schema.pop("description", None)
    if not field.required and field.default not in (None, ()):
        schema["default"] = field.default
    parameter = {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema}
    if described:
        parameter["description"] = described
    return {**parameter, "style": "form", "explode": False} if is_list(kind) else parameter


def _description(kind: Any) -> str:
    """What is said around a type."""
    around = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return next((each.description for each in around if isinstance(each, Meta) and each.description), "")
