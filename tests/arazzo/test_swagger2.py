"""Swagger 2.0 descriptions, and descriptions that are spread over several files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from written import ARAZZO, Written, changed

from arazzo import yaml_text
from arazzo.compilation import Defaults, Sources, compile_document
from arazzo.context import Context
from arazzo.openapi import DeclaredParameter, OpenApiDescription, Operation, SecurityScheme
from arazzo.openapi_files import normal
from arazzo.provider import ProviderSettings
from arazzo.request import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from arazzo.yaml_text import YamlText

SWAGGER = """\
swagger: '2.0'
info: {title: Jobs, version: '1'}
host: jobs.test
basePath: /v1/
schemes: [http, https, wss]
consumes: [application/json]
produces: [application/json, text/csv]
security: [{basic: []}]
securityDefinitions:
  basic: {type: basic}
  key: {type: apiKey, in: header, name: X-Key}
  oauth: {type: oauth2, flow: application, tokenUrl: /token, scopes: {jobs: all}}
  user: {type: oauth2, flow: accessCode, tokenUrl: /token, authorizationUrl: /auth}
parameters:
  Page: {name: page, in: query, type: integer}
  Job: {name: job, in: body, required: true, schema: {$ref: '#/definitions/Job'}}
responses:
  Made: {description: made, schema: {$ref: '#/definitions/Job'}}
definitions:
  Job: {type: object, required: [name], properties: {name: {type: string}}}
paths:
  /jobs/{jobId}:
    parameters:
    - {name: jobId, in: path, required: true, type: array, items: {type: string}}
    - {name: fields, in: query, type: array, items: {type: string}}
    get:
      operationId: getJob
      schemes: [http]
      security: [{key: []}, {oauth: [jobs]}, {user: []}]
      parameters:
      - $ref: '#/parameters/Page'
      - {name: fields, in: query, type: array, collectionFormat: multi}
      - {name: ssv, in: query, type: array, collectionFormat: ssv}
      - {name: tsv, in: query, type: array, collectionFormat: tsv}
      - {name: pipes, in: header, type: array, collectionFormat: pipes}
      responses: {'200': {description: one}}
  /jobs:
    post:
      operationId: createJob
      parameters: [{$ref: '#/parameters/Job'}]
      responses: {'201': {$ref: '#/responses/Made'}}
  /form:
    post:
      operationId: sendForm
      consumes: [multipart/form-data, application/x-www-form-urlencoded]
      parameters:
      - {name: a, in: formData, type: string, required: true}
      - {name: b, in: formData, type: array, items: {type: string}, collectionFormat: multi}
      - {name: c, in: formData, type: array, items: {type: string}}
    put:
      operationId: sendPlainForm
      parameters: [{name: a, in: formData, type: string}]
  /file:
    post:
      operationId: sendFile
      consumes: [application/x-www-form-urlencoded]
      parameters: [{name: f, in: formData, type: file}, {name: note, in: formData, type: string}]
"""
API = OpenApiDescription(yaml_text.read(SWAGGER, "api.yaml"))


def only(operation_id: str) -> Operation:
    """Return the one operation of that id."""
    (found,) = API.find(operation_id)
    return found


def test_version_and_operations() -> None:
    """Operations are found as in any description, and keep their places in the file."""
    assert API.version == "2.0"
    assert API.operation_ids == ["getJob", "createJob", "sendPlainForm", "sendForm", "sendFile"]
    assert only("sendForm").path_in_file == ("paths", "/form", "post")
    unquoted = SWAGGER.replace("'2.0'", "2.0")
    assert OpenApiDescription(yaml_text.read(unquoted, "a.yaml")).version.startswith("2.")


def test_parameters() -> None:
    """Collection formats become styles; csv is the default of lists (Swagger 2.0, Parameter)."""
    strings = {"type": "string"}
    assert only("getJob").parameters == (
        DeclaredParameter(
            "jobId", "path", True, "simple", False, {"type": "array", "items": strings}
        ),
        DeclaredParameter("fields", "query", False, "form", True, {"type": "array"}),
        DeclaredParameter("page", "query", False, "form", True, {"type": "integer"}),
        DeclaredParameter("ssv", "query", False, "ssv", False, {"type": "array"}),
        DeclaredParameter("tsv", "query", False, "tsv", False, {"type": "array"}),
        DeclaredParameter("pipes", "header", False, "pipes", False, {"type": "array"}),
    )


def test_a_body() -> None:
    """`in: body` is the request body, in the media types that the operation consumes."""
    made = only("createJob")
    assert made.parameters == ()
    assert (made.body_required, made.body_media_types) == (True, ("application/json",))
    assert made.body_schema["required"] == ["name"]


def test_forms() -> None:
    """`in: formData` are properties; a file makes it multipart, whatever is consumed."""
    form = only("sendForm")
    assert form.body_media_types == ("multipart/form-data", "application/x-www-form-urlencoded")
    assert form.body_required
    assert form.body_schema["required"] == ["a"]
    assert set(form.body_schema["properties"]) == {"a", "b", "c"}
    assert only("sendPlainForm").body_media_types == ("application/x-www-form-urlencoded",)
    file = only("sendFile")
    assert file.body_media_types == ("multipart/form-data",)
    assert file.body_schema["properties"]["f"] == {"type": "string", "format": "binary"}


def test_responses() -> None:
    """A schema of a response stands in each media type that the operation produces."""
    content = only("createJob").responses["201"]["content"]
    assert list(content) == ["application/json", "text/csv"]
    assert content["text/csv"]["schema"] == {"$ref": "#/definitions/Job"}
    assert API.follow(content["text/csv"]["schema"])["required"] == ["name"]


def test_credentials() -> None:
    """Basic, apiKey, and the flows of oauth2 by their names in OpenAPI 3."""
    assert only("createJob").security == ((SecurityScheme("basic", "basic"),),)
    key, oauth, user = only("getJob").security
    assert key == (SecurityScheme("key", "apiKey", "header", "X-Key"),)
    assert oauth == (SecurityScheme("oauth", "oauth2", token_url="/token", scopes=("jobs",)),)  # noqa: S106
    assert user == (SecurityScheme("user", "oauth2"),)


SERVERS = [
    ("host: a.test", ("https://a.test",)),
    ("{host: a.test, basePath: /v1, schemes: [http]}", ("http://a.test/v1",)),
    ("{host: a.test, basePath: v1/, schemes: [http, https]}",
     ("https://a.test/v1", "http://a.test/v1")),
    ("{host: 'https://a.test/', basePath: /}", ("https://a.test",)),
    ("{host: a.test, schemes: [ws]}", ("https://a.test",)),
    ("basePath: /v1", ("/v1",)),
    ("{}", ()),
]  # fmt: skip


@pytest.mark.parametrize(("written", "servers"), SERVERS, ids=[one for one, _ in SERVERS])
def test_servers(written: str, servers: tuple[str, ...]) -> None:
    """Schemes, host and base path; without a host the base path is relative."""
    value = {"swagger": "2.0", "paths": {"/a": {"get": {"operationId": "a"}}}}
    text = yaml_text.read(written, "a.yaml")
    value |= text.value
    source = yaml_text.YamlText("a.yaml", "", value, {})
    (found,) = OpenApiDescription(source).find("a")
    assert tuple(one.url for one in found.servers) == servers


def test_an_operation_has_its_own_schemes() -> None:
    """They take the place of those of the root."""
    assert [one.url for one in only("getJob").servers] == ["http://jobs.test/v1"]
    both = ["https://jobs.test/v1", "http://jobs.test/v1"]
    assert [one.url for one in only("createJob").servers] == both


NONSENSE = [
    "swagger: '2.0'",
    "swagger: '2.0'\npaths: [1]\nhost: 5",
    "{swagger: '2.0', paths: {/a: {get: {parameters: [1, {}]}}}}",
    "{swagger: '2.0', paths: {/a: 1, /b: {get: 1}}, securityDefinitions: {a: 1}}",
]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_no_crash(text: str) -> None:
    """What is not there or of another type counts for nothing."""
    assert OpenApiDescription(yaml_text.read(text, "a.yaml")).operation_ids == []


# -- in a document ------------------------------------------------------------------------------

STEP = """\
- stepId: create
    operationId: createJob
    requestBody:
      payload: {name: $inputs.name}"""


def request_of(operation_id: str, step: str) -> Any:
    """Return the request of the first step of a document over the description."""
    text = changed(ARAZZO, STEP, f"- stepId: create\n    operationId: {operation_id}\n{step}")
    plan = Written(text, SWAGGER).plan()
    made = plan.steps[0].attempt.operation
    return build(made, made.server or "https://jobs.test/v1", Context(inputs={"name": "é"}))


def test_a_step_with_a_body() -> None:
    """JSON, as the description consumes it."""
    request = request_of("createJob", "    requestBody: {payload: {name: $inputs.name}}")
    assert request.headers == {"Content-Type": "application/json"}
    assert request.body == b'{"name": "\\u00e9"}'


def test_a_step_with_a_form() -> None:
    """Lists of a form are joined, or repeat their name, by their collection format."""
    step = (
        "    requestBody: {contentType: application/x-www-form-urlencoded, "
        "payload: {a: $inputs.name, b: [1, 2], c: [3, 4]}}"
    )
    assert request_of("sendForm", step).body == b"a=%C3%A9&b=1&b=2&c=3,4"
    parts = request_of("sendForm", step.replace("x-www-form-urlencoded", "x").replace(
        "application/x", "multipart/form-data"))  # fmt: skip
    assert parts.body.count(b'name="b"') == 2
    assert b'name="c"\r\n\r\n3,4\r\n' in parts.body


def test_a_step_with_a_file() -> None:
    """A field of the type file is a part with a file name."""
    request = request_of("sendFile", "    requestBody: {payload: {f: $inputs.name, note: x}}")
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="f"; filename="f"\r\nContent-Type: application/octet-stream' in request.body
    assert b'name="note"\r\n\r\nx\r\n' in request.body


def test_a_step_with_lists() -> None:
    """Each collection format as Swagger 2.0 has it."""
    values = {"jobId": "path", "fields": "query", "ssv": "query", "tsv": "query", "pipes": "header"}
    parameters = ", ".join(
        f"{{name: {name}, in: {place}, value: [1, 2]}}" for name, place in values.items()
    )
    request = request_of("getJob", f"    parameters: [{parameters}]")
    assert request.url == "http://jobs.test/v1/jobs/1,2?fields=1&fields=2&ssv=1%202&tsv=1%092"
    assert request.headers == {"pipes": "1|2"}


# -- several files ------------------------------------------------------------------------------

ROOT = """\
openapi: 3.1.0
servers: [{url: 'https://jobs.test/v1'}]
paths:
  /jobs:
    post:
      operationId: createJob
      parameters:
      - $ref: 'parts/parameters.yaml#/Page'
      - $ref: '#/components/parameters/Size'
      requestBody: {$ref: './parts/bodies.yaml#/Job'}
      responses: {'201': {$ref: 'parts/bodies.yaml#/Made'}}
  /jobs/{jobId}: {$ref: 'parts/paths.yaml#/~1jobs~1%7BjobId%7D'}
components:
  parameters:
    Size: {name: size, in: query, style: pipeDelimited}
"""
FILES = {
    "parts/parameters.yaml": """\
Page: {$ref: '#/RealPage'}
RealPage: {name: page, in: query, required: true, schema: {$ref: '../common.json#/Page'}}
Circle: {$ref: 'parameters.yaml#/Circle'}
""",
    "parts/bodies.yaml": """\
Job: {content: {application/json: {schema: {$ref: ../schemas/job.yaml}}}}
Made: {content: {application/json: {schema: {properties: {id: {}}}}}}
""",
    "parts/paths.yaml": """\
/jobs/{jobId}:
  get:
    operationId: getJob
    parameters: [{name: jobId, in: path}, {$ref: '../api.yaml#/components/parameters/Size'}]
""",
    "common.json": '{"Page": {"type": "integer"}}',
    "schemas/job.yaml": "{type: object, required: [name], properties: {self: {$ref: job.yaml}}}",
}


def reading(files: dict[str, str], asked: list[str]) -> Callable[[str], YamlText | None]:
    """Return what reads the files of a folder, and notes which it was asked for."""

    def retrieve(name: str) -> YamlText | None:
        asked.append(name)
        return yaml_text.read(files[name], name) if name in files else None

    return retrieve


def spread(root: str = ROOT, **more: str) -> tuple[OpenApiDescription, list[str]]:
    """Return the description, and the names of the files that it had read."""
    asked: list[str] = []
    source = yaml_text.read(root, "shelf/api.yaml")
    return OpenApiDescription(source, reading({**FILES, **more}, asked)), asked


def test_references_into_other_files() -> None:
    """Parameters, bodies, responses, path items and schemas; relative to the file they stand in."""
    api, asked = spread()
    (made,) = api.find("createJob")
    page = DeclaredParameter("page", "query", True, "form", True, {"type": "integer"})
    size = DeclaredParameter("size", "query", False, "pipeDelimited", False)
    assert made.parameters == (page, size)
    assert made.body_schema["required"] == ["name"]
    assert made.problems == ()
    (got,) = api.find("getJob")
    assert (got.path, got.parameters[1]) == ("/jobs/{jobId}", size)
    circle = made.body_schema["properties"]["self"]
    assert api.follow(circle) == made.body_schema
    assert sorted(asked) == sorted(FILES)


def test_each_file_is_read_once() -> None:
    """Also one that is not there."""
    api, asked = spread(ROOT.replace("parts/parameters.yaml#/Page", "none.yaml#/Page"))
    assert api.find("createJob")[0].problems == ("none.yaml#/Page",)
    _ = [api.follow({"$ref": "none.yaml#/Other"}) for _ in range(3)]
    assert asked.count("none.yaml") == 1


@pytest.mark.parametrize(
    "reference",
    [
        "parts/parameters.yaml#/Circle",
        "parts/parameters.yaml#/None",
        "https://elsewhere.test/a.yaml",
        "/etc/passwd.yaml",
        "file:///etc/a.yaml",
        "C:/a.yaml",
        "none.yaml",
    ],
)
def test_what_leads_nowhere(reference: str) -> None:
    """Circles end, URLs and absolute paths are never asked for."""
    api, asked = spread()
    assert api.follow({"$ref": reference}) == {}
    assert not any(name.startswith(("http", "/", "file", "C:")) for name in asked)


@pytest.mark.parametrize(
    ("base", "target", "found"),
    [
        ("", "a.yaml", "a.yaml"),
        ("", "./b/../a.yaml", "a.yaml"),
        ("b/c.yaml", "a.yaml", "b/a.yaml"),
        ("b/c.yaml", "../a.yaml", "a.yaml"),
        ("c.yaml", "../a.yaml", "../a.yaml"),
        ("../d/c.yaml", "../../a.yaml", "../../a.yaml"),
        ("b/c.yaml", "a%20b.yaml", "b/a b.yaml"),
        ("b/c.yaml", "", "b/c.yaml"),
        ("b/c.yaml", "https://a.test/a.yaml", "https://a.test/a.yaml"),
    ],
)
def test_relative_paths(base: str, target: str, found: str) -> None:
    """RFC 3986, 5.2: relative to the folder of the file in which the reference stands."""
    assert normal(base, target) == found


def test_a_document_over_several_files() -> None:
    """A step is compiled from what the other files hold."""
    api, _ = spread()
    text = changed(
        ARAZZO, "requestBody:", "parameters: [{name: page, in: query, value: 1}]\n    requestBody:"
    )
    source = yaml_text.read(text, "jobs.arazzo.yaml")
    compiled = compile_document(
        source, Sources(openapi={"jobs": api}), ProviderSettings(), Defaults()
    )
    (workflow,) = compiled.workflows
    assert workflow.plan is not None, workflow.findings
    (parameter,) = workflow.plan.steps[0].attempt.operation.parameters
    assert (parameter.style, parameter.explode) == ("form", True)
