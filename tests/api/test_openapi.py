"""Whatever is sent to any described endpoint, the answer is described as well, and is never a fault."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releasetrain.accounts.actions import issue_token
from releasetrain.api.urls import api
from tests import make

pytestmark = pytest.mark.django_db

JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers())
)
Schema = dict[str, Any]


def like(schema: Schema, parts: Schema) -> st.SearchStrategy[Any]:
    """Generate what a schema describes, and now and then something else in its place."""
    return st.one_of(_fitting(schema, parts), _fitting(schema, parts), _fitting(schema, parts), JUNK)


def _fitting(schema: Schema, parts: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _fitting(parts[schema["$ref"].rpartition("/")[2]], parts)
    if "anyOf" in schema:
        return st.one_of([_fitting(one, parts) for one in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "object":
            fields = {name: like(one, parts) for name, one in schema.get("properties", {}).items()}
            return st.fixed_dictionaries({}, optional=fields) | st.fixed_dictionaries(fields)
        case "array":
            return st.lists(like(schema["items"], parts), max_size=4)
        case "integer":
            return st.integers(schema.get("minimum", -5), schema.get("maximum", 10**9))
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
    return _texts(schema)


def _texts(schema: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda one: f"{one.isoformat()}Z")
    if "pattern" in schema:
        return st.from_regex(str(schema["pattern"])) | st.sampled_from(["storefront", "production", "errors"])
    return st.text(max_size=30) | st.just("storefront")


@dataclass(frozen=True)
class Asked:
    """A request, and what the description says may come back."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    described: frozenset[int]


def requests_to(method: str, path: str, operation: Schema, parts: Schema) -> st.SearchStrategy[Asked]:
    """Generate requests to one endpoint."""
    parameters = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")

    def build(values: list[Any], body: Any) -> Asked:
        full, query, headers = path, {}, {}
        for one, value in zip(parameters, values, strict=True):
            if one["in"] == "path":
                full = full.replace(f"{{{one['name']}}}", quote(str(value), safe="") or "x")
            elif one["in"] == "query":
                query[one["name"]] = str(value)
            else:
                headers[one["name"]] = "".join(letter for letter in str(value) if letter.isprintable())
        encoded = json.dumps(body).encode() if content else b""
        return Asked(
            method.upper(), full, query, headers, encoded, frozenset(map(int, operation["responses"]))
        )

    values = st.tuples(*(like(one["schema"], parts) for one in parameters)).map(list)
    return st.builds(build, values, like(content["schema"], parts) if content else st.none())


DESCRIBED = api.get_openapi_schema()
REQUESTS = st.one_of(
    [
        requests_to(method, path, operation, DESCRIBED["components"]["schemas"])
        for path, methods in DESCRIBED["paths"].items()
        for method, operation in methods.items()
    ]
)


@pytest.fixture
def machine() -> Client:
    """Make what requests may hit by luck, and a token that opens everything."""
    make.target()
    make.change(departure=make.departure(), state="aboard")
    scopes = ["read", "metrics:storefront"]
    _, secret = issue_token(name="fuzz", scopes=scopes, by=None, now=make.NOW)
    return Client(headers={"Authorization": f"Bearer {secret}"})


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=REQUESTS)
def test_no_request_brings_a_fault_or_an_answer_that_is_not_described(machine: Client, asked: Asked) -> None:
    answer = machine.generic(
        asked.method,
        asked.path,
        asked.body,
        content_type="application/json",
        headers=asked.headers,
        query_params=asked.query,
    )
    assert answer.status_code < 500, answer.content
    assert answer.status_code in asked.described
    if answer.status_code >= 400:
        refusal = json.loads(answer.content)
        assert refusal["error"]
        assert refusal["message"].endswith(".")
