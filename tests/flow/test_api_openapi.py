"""The OpenAPI document is valid, complete and true: what it promises is what the server does."""

import re

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import settings
from litestar.routes import HTTPRoute
from schemathesis.specs.openapi.definitions import OPENAPI_31

from tests.house import House
from uptake.core.errors import CODES
from uptake.web.api.openapi import document
from uptake.web.api.operations import OPERATIONS
from uptake.web.ingest_routes import ROUTES as INGEST_ROUTES
from uptake.web.routes import ROUTES

DOCUMENT = msgspec.json.decode(document("1.0"))


@pytest.fixture(scope="module")
def client():
    house = House()
    house.group("ana", "acme", name="Acme", plan="pro")
    house.identify("ana", email="ana@acme.example")
    house.track("ana", "Login", times=3)
    house.track("ana", "Login", day=8, times=2)
    house.settle()
    with house.client() as client:
        yield client


def test_the_document_is_openapi(client):
    """Valid under OpenAPI 3.1's own schema, and served as it is."""
    faults = list(jsonschema_rs.validator_for(OPENAPI_31).iter_errors(DOCUMENT))

    assert DOCUMENT["openapi"] == "3.1.0"
    assert [fault.message for fault in faults] == []
    assert client.get("/openapi.json").json()["paths"] == DOCUMENT["paths"]


def test_every_reference_leads_somewhere():
    """No schema is named that is not there, and operation ids are unique."""
    text = document("1.0").decode()
    operations = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]

    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named <= set(DOCUMENT["components"]["schemas"])
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_the_document_covers_api_and_ingest():
    """Every operation of the read API and every ingest route, and nothing else."""
    listed = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}

    expected = {(operation.method, operation.path) for operation in OPERATIONS}
    expected |= {(route.method, route.path) for route in INGEST_ROUTES}
    assert listed == expected


def test_the_table_of_routes_is_what_is_served():
    """Nothing is served beside the table, and nothing stands in it that is not served."""
    house = House()

    with house.client():
        site = house.app.site.site

    served = {
        (method, re.sub(r"{(\w+):\w+}", r"{\1}", route.path))
        for route in site.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS"}
    }
    table = {(route.method, route.path) for route in ROUTES if route.part != "ingest"}
    assert {(method, path) for method, path in served if not path.startswith("/static")} == {
        (method, path) for method, path in table if not path.startswith("/static")
    }
    assert {(route.method, route.path) for route in ROUTES if route.part == "ingest"} == {
        (route.method, route.path) for route in INGEST_ROUTES
    }
    assert all(route.summary for route in ROUTES)


def test_every_code_of_an_operation_is_known():
    """Codes come from the one table, with a status that HTTP has."""
    for operation in OPERATIONS:
        for code in operation.errors:
            assert CODES[code].status in (400, 403, 404, 409, 413), code


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/v2/accounts?workspace_id=1", "AccountsAnswer"),
        ("/v2/users?workspace_id=1", "UsersAnswer"),
        ("/v2/accounts/acme?expand=traits,segments,explanation,insights", "AccountAnswer"),
        ("/v2/users/ana?expand=traits,segments,explanation,insights", "UserAnswer"),
        ("/v2/accounts/acme/history", "HistoryAnswer"),
        ("/v1/accounts?workspace_id=1&match_type=name&match_value=Acme", "LookupAnswer"),
        ("/v2/workspaces?expand=stats", "WorkspacesAnswer"),
        ("/v2/segments?workspace_id=1", "SegmentsAnswer"),
        ("/v2/segments/users.all", "SegmentAnswer"),
        ("/v2/segments/users.all/members", "MembersAnswer"),
        ("/v2/segments/accounts.all/members", "MembersAnswer"),
        ("/v2/segments/accounts.new/members/acme", "MembershipAnswer"),
        ("/v2/status", "ProductStatus"),
        ("/v2/health", "HealthReport"),
        ("/v2/features", "FeaturesAnswer"),
        ("/v2/traits", "TraitsAnswer"),
        ("/v2/traits/values?key=plan", "TraitValuesAnswer"),
        ("/v2/configuration", "FieldsAnswer"),
        ("/v2/exclusions", "ExclusionsAnswer"),
        ("/v2/workspaces/1/model", "WorkspaceModel"),
        ("/v2/accounts", "ProblemBody"),
    ],
)
def test_answers_are_as_described(client, path, schema):
    """Each answer is valid under its schema, and has no field that the schema does not name."""
    schemas = DOCUMENT["components"]["schemas"]
    validator = jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": schemas}}
    )

    body = client.get(path).json()

    assert [fault.message for fault in validator.iter_errors(body)] == []
    assert set(body) <= set(schemas[schema]["properties"])


CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_headers_conformance,
    schemathesis.checks.response_schema_conformance,
]
api = schemathesis.openapi.from_dict(DOCUMENT).include(tag="read")


@api.parametrize()
@settings(max_examples=25)
def test_whatever_is_asked_the_answer_is_documented(case, client):
    """Random and broken parameters: never a 500, always a documented status, type, headers and shape."""
    asked = case.as_transport_kwargs(base_url=str(client.base_url))

    answer = client.request(asked["method"], asked["url"], params=asked["params"])

    case.validate_response(answer, checks=CHECKS)
