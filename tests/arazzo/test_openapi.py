"""OpenAPI descriptions: operations by id and path, with all that path and root add to them."""

from __future__ import annotations

from typing import Any

import pytest

from arazzo import yaml_text
from arazzo.openapi import DeclaredParameter, OpenApiDescription, Operation, SecurityScheme

TEXT = """\
openapi: 3.1.0
servers:
- {url: 'https://{region}.test/{v}', variables: {region: {default: eu}, v: {enum: [v1, v2]}}}
- {url: /relative}
- {description: no url}
security: [{key: []}]
paths:
  /jobs/{id}:
    summary: all of a job
    parameters:
    - {name: id, in: path, schema: {type: string}}
    - {name: page, in: query, explode: false}
    get:
      operationId: getJob
      summary: One job
      parameters:
      - $ref: '#/components/parameters/Page'
      - {name: X-Trace, in: header}
      - {name: filter, in: query, content: {application/json: {}}}
      - {name: session, in: cookie}
      - {name: no place}
    delete:
      security: [{}, {oauth: [jobs], basic: []}]
      servers: [{url: 'https://other.test'}]
    post:
      operationId: changeJob
      security: []
      requestBody: {$ref: '#/components/requestBodies/Job'}
    x-note: no operation
  /again:
    get: {operationId: again}
    put: {operationId: again}
  /elsewhere:
    get:
      operationId: elsewhere
      parameters: [{$ref: 'other.yaml#/p'}]
      requestBody: {$ref: 'other.yaml#/b'}
  /shared: {$ref: '#/components/pathItems/Shared'}
components:
  parameters:
    Page: {$ref: '#/components/parameters/RealPage'}
    RealPage: {name: page, in: query, required: true, style: pipeDelimited}
  requestBodies:
    Job:
      required: true
      content: {application/json: {schema: {$ref: '#/components/schemas/Job'}}, text/csv: {}}
  schemas:
    Job: {type: object}
    Circle: {$ref: '#/components/schemas/Circle'}
  pathItems:
    Shared: {trace: {operationId: shared}}
  securitySchemes:
    key: {type: apiKey, in: query, name: api_key}
    basic: {type: http, scheme: Basic}
    bearer: {type: http, scheme: bearer}
    oauth:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: /token, scopes: {}}}
"""
API = OpenApiDescription(yaml_text.read(TEXT, "api.yaml"))


def urls(operation: Operation) -> list[str]:
    """Return the base URLs of an operation, with the defaults of their variables."""
    return [one.filled({}) for one in operation.servers]


def only(operation_id: str) -> Operation:
    """Return the one operation of that id."""
    (found,) = API.find(operation_id)
    return found


def test_operations_by_id() -> None:
    """In the order of the document; none for an id that is not there, several where it is twice."""
    assert API.operation_ids == ["getJob", "changeJob", "again", "elsewhere", "shared"]
    assert [one.method for one in API.find("again")] == ["GET", "PUT"]
    assert API.find("nothing") == []


def test_operations_by_path() -> None:
    """Methods in upper case; one without an id is named by method and path, and has no id."""
    assert API.paths == ["/jobs/{id}", "/again", "/elsewhere", "/shared"]
    assert set(API.at("/jobs/{id}")) == {"GET", "POST", "DELETE"}
    assert API.at("/jobs/{id}")["DELETE"].operation_id == "DELETE /jobs/{id}"
    assert API.find("DELETE /jobs/{id}") == []
    assert API.at("/nothing") == {}


def test_a_path_item_may_be_a_reference() -> None:
    """The operations of the item stand under the path that refers to it."""
    assert (only("shared").method, only("shared").path) == ("TRACE", "/shared")


def test_parameters_of_operation_and_path() -> None:
    """Those of the operation win over those of its path; the defaults of the location apply."""
    assert only("getJob").parameters == (
        DeclaredParameter("id", "path", True, "simple", False, {"type": "string"}),
        DeclaredParameter("page", "query", True, "pipeDelimited", False),
        DeclaredParameter("X-Trace", "header", False, "simple", False),
        DeclaredParameter(
            "filter", "query", False, "content", True, content_type="application/json"
        ),
        DeclaredParameter("session", "cookie", False, "form", True),
    )
    assert only("changeJob").parameter("page", "query") == DeclaredParameter(
        "page", "query", False, "form", False
    )


@pytest.mark.parametrize(
    ("name", "location", "is_there"),
    [("x-TRACE", "header", True), ("PAGE", "query", False), ("page", "header", False)],
)
def test_only_headers_are_compared_without_case(name: str, location: str, is_there: bool) -> None:
    """Names of headers have no case (RFC 9110, 5.1); all other names have."""
    assert (only("getJob").parameter(name, location) is not None) is is_there


def test_bodies() -> None:
    """References are followed; media types in their order; the schema is the first one's."""
    operation = only("changeJob")
    assert operation.body_required
    assert operation.body_media_types == ("application/json", "text/csv")
    assert operation.body_schema == {"type": "object"}
    assert not only("getJob").body_required


def test_servers() -> None:
    """The operation's before the root's; variables get their defaults, else their first value."""
    assert urls(only("getJob")) == ["https://eu.test/v1", "/relative"]
    assert not only("getJob").has_own_servers
    own = API.at("/jobs/{id}")["DELETE"]
    assert (urls(own), own.has_own_servers) == (["https://other.test"], True)


def test_security() -> None:
    """The operation's requirement replaces the root's; an empty entry says that none is needed."""
    key = SecurityScheme("key", "apiKey", "query", "api_key")
    assert only("getJob").security == ((key,),)
    assert only("changeJob").security == ()
    oauth = SecurityScheme("oauth", "oauth2", token_url="/token", scopes=("jobs",))  # noqa: S106 - a path
    basic = SecurityScheme("basic", "basic")
    assert API.at("/jobs/{id}")["DELETE"].security == ((), (oauth, basic))
    assert API.at("/jobs/{id}")["DELETE"].credentials == (oauth, basic)


def test_references_to_other_files_are_told() -> None:
    """They can't be followed, so the operation is not what its description says."""
    assert only("elsewhere").problems == ("other.yaml#/p", "other.yaml#/b")
    assert only("getJob").problems == ()


@pytest.mark.parametrize(
    ("node", "found"),
    [
        ({"$ref": "#/components/parameters/Page"}, "page"),
        ({"$ref": "#/components/schemas/Circle"}, None),
        ({"$ref": "#/nothing/here"}, None),
        ({"$ref": "other.yaml"}, None),
        ({"$ref": 7, "name": "own"}, "own"),
        ({"name": "own"}, "own"),
        ("text", None),
        (None, None),
    ],
    ids=str,
)
def test_references_are_followed_inside_the_file(node: Any, found: str | None) -> None:
    """Along a chain, but never round a circle."""
    assert API.follow(node).get("name") == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "openapi: 3.1.0",
        "paths: []",
        "paths: {/a: null, /b: [], /c: {get: null, parameters: no}}",
        "security: {}\npaths: {/a: {get: {security: [null], parameters: [null, 7, {name: 1}]}}}",
        "servers: [null, {url: null}, {url: 7, variables: [1]}]\npaths: {/a: {get: {tags: no}}}",
        "paths: {/a: {get: {requestBody: 7, responses: []}}}",
        "components: []\nsecurity: [{a: no}]\npaths: {/a: {get: {}}}",
    ],
    ids=[
        "empty",
        "list",
        "no paths",
        "paths a list",
        "items",
        "members",
        "servers",
        "body",
        "root",
    ],
)
def test_broken_descriptions_are_read_as_far_as_they_go(text: str) -> None:
    """A description is not ours to judge: what is no operation is none."""
    description = OpenApiDescription(yaml_text.read(text, "api.yaml"))
    assert all(isinstance(description.at(path), dict) for path in description.paths)


def test_the_version() -> None:
    """What is no OpenAPI description has none."""
    assert API.version == "3.1.0"
    assert OpenApiDescription(yaml_text.read("a: 1", "a.yaml")).version == ""
