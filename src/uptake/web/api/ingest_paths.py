"""The ingest routes as OpenAPI describes them, by hand: they run outside the framework, on bytes.

Senders differ more than a schema says: any content type, gzip, the key in the header or in the body.  What is written
here is what every sender may rely on.
"""

from typing import Any

from uptake.core.errors import CODES

SECURITY: dict[str, Any] = {
    "readToken": {"type": "http", "scheme": "bearer", "description": "`uptake key create --kind read`"},
    "ingestKey": {
        "type": "http",
        "scheme": "basic",
        "description": "The ingest key as user name, without a password. It is also taken as Bearer, raw, "
        "or in the body as `writeKey` or `api_key`.",
    },
}

_ID = {"type": ["string", "integer", "null"], "maxLength": 1024}
_OBJECT = {"type": ["object", "null"]}
_TIME = {"type": ["string", "number", "null"], "description": "ISO 8601, or Unix seconds or milliseconds."}
_FIELDS: dict[str, Any] = {
    "messageId": {"type": ["string", "null"], "description": "The same id counts once within the dedupe window."},
    "userId": _ID,
    "anonymousId": _ID,
    "groupId": _ID,
    "previousId": _ID,
    "event": {"type": ["string", "null"]},
    "name": {"type": ["string", "null"]},
    "traits": _OBJECT,
    "properties": _OBJECT,
    "context": _OBJECT,
    "integrations": _OBJECT,
    "timestamp": _TIME,
    "originalTimestamp": _TIME,
    "sentAt": _TIME,
    "writeKey": {"type": ["string", "null"]},
}
_TYPES = ["identify", "group", "track", "page", "screen", "alias"]

INGEST_SCHEMAS: dict[str, Any] = {
    "SegmentCall": {
        "type": "object",
        "description": "One call of Segment's specification; at most 32 KB.",
        "properties": _FIELDS,
    },
    "SegmentItem": {
        "type": "object",
        "properties": {"type": {"enum": _TYPES}, **_FIELDS},
        "required": ["type"],
    },
    "SegmentBatch": {
        "type": "object",
        "description": "At most 500 KB and 2,500 calls. A bad item never costs its neighbours.",
        "properties": {
            "batch": {"type": "array", "maxItems": 2500, "items": {"$ref": "#/components/schemas/SegmentItem"}},
            "sentAt": _TIME,
            "context": _OBJECT,
            "integrations": _OBJECT,
            "writeKey": {"type": ["string", "null"]},
        },
        "required": ["batch"],
    },
    "Mapped": {
        "type": "object",
        "description": "A call that is already mapped: it passes no trigger and no mapping.",
        "properties": {
            name: _FIELDS[name] for name in ("userId", "groupId", "event", "name", "traits", "context", "timestamp")
        },
    },
    "Legacy": {
        "type": "object",
        "description": "Accoil's first ingest API; timestamp is in whole Unix milliseconds.",
        "properties": {
            "api_key": {"type": "string"},
            "timestamp": {"type": "integer"},
            **{name: _FIELDS[name] for name in ("userId", "groupId", "event", "traits")},
        },
    },
    "Taken": {"type": "object", "properties": {"success": {"const": True}}, "required": ["success"]},
    "IngestRefusal": {
        "type": "object",
        "properties": {
            "success": {"const": False},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "error": {},
        },
        "required": ["success", "code", "message"],
    },
}

_SHORT = {"i": "identify", "g": "group", "t": "track", "p": "page", "s": "screen", "a": "alias"}
_BATCHES = ("/v1/batch", "/v1/import", "/v1/b")
_SETTINGS = ("/v1/projects/{key}/settings", "/cdn/v1/projects/{key}/settings")


def ingest_paths() -> dict[str, Any]:
    """Path → operations of every ingest route."""
    singles = {f"/v1/{name}": f"A {name} call" for name in _TYPES}
    singles |= {f"/v1/{short}": f"A {name} call, as browsers send it" for short, name in _SHORT.items()}
    mapped = {f"/v2/{name}": f"A {name} call in Accoil's form" for name in ("identify", "group", "track")}
    legacy = {f"/v1/{name}": f"Accoil's first API: {name}" for name in ("users", "groups", "events")}
    return {
        **{path: {"post": _post(path, told, "SegmentCall", 200)} for path, told in singles.items()},
        **{path: {"post": _post(path, "Several calls at once", "SegmentBatch", 200)} for path in _BATCHES},
        "/v1/m": {"post": _post("/v1/m", "The browser client's own metrics: taken and dropped", "SegmentCall", 200)},
        **{path: {"post": _post(path, told, "Mapped", 202)} for path, told in mapped.items()},
        **{path: {"post": _post(path, told, "Legacy", 202)} for path, told in legacy.items()},
        "/segment": {"post": _post("/segment", "What Segment's Accoil Analytics destination delivers", "Mapped", 202)},
        "/v1/pixel/{type}": {"get": _pixel()},
        **{path: {"get": _settings(path)} for path in _SETTINGS},
    }


def _post(path: str, summary: str, body: str, status: int) -> dict[str, Any]:
    answer = {"schema": {"$ref": "#/components/schemas/Taken"} if status == 200 else {"type": "object"}}
    codes = ("bad_json", "unknown_key", "body_too_large", "overloaded", "log_unavailable")
    return {
        "operationId": "post" + "".join(step.title() for step in path.split("/")),
        "summary": summary,
        "tags": ["ingest"],
        "security": [{"ingestKey": []}, {}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
        },
        "responses": {
            str(status): {"description": "Durable in the call log", "content": {"application/json": answer}},
            **{str(CODES[code].status): _refusal(code) for code in codes},
        },
    }


def _refusal(code: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/IngestRefusal"}
    answer: dict[str, Any] = {
        "description": f"`{code}`: {CODES[code].help}",
        "content": {"application/json": {"schema": schema}},
    }
    if CODES[code].status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return answer


def _pixel() -> dict[str, Any]:
    kind = {"name": "type", "in": "path", "required": True, "schema": {"enum": _TYPES}}
    data = {
        "name": "data",
        "in": "query",
        "required": True,
        "description": "The call as JSON in base64, with writeKey.",
        "schema": {"type": "string"},
    }
    return {
        "operationId": "getPixel",
        "summary": "A call as an image, for e-mails",
        "tags": ["ingest"],
        "security": [{}],
        "parameters": [kind, data],
        "responses": {"200": {"description": "A transparent GIF", "content": {"image/gif": {}}}},
    }


def _settings(path: str) -> dict[str, Any]:
    key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "operationId": "getProjectSettings" + ("Cdn" if path.startswith("/cdn") else ""),
        "summary": "What the browser client asks for at its start",
        "tags": ["ingest"],
        "security": [{}],
        "parameters": [key],
        "responses": {
            "200": {
                "description": "The client's settings",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    }
