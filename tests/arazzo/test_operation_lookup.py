"""Which operation a step means, in each of the forms that documents write."""

from __future__ import annotations

import pytest
from written import ARAZZO, OPENAPI, Written, changed

from arazzo import yaml_text
from arazzo.compilation import Defaults, Sources, compile_document
from arazzo.openapi import OpenApiDescription
from arazzo.operation_path import WrittenPath
from arazzo.provider import ProviderSettings

POLL = "operationId: getJob"
URL = "{$sourceDescriptions.jobs.url}"


def operation_of(written: str, openapi: str = OPENAPI) -> tuple[str, list[str]]:
    """Return request line of the second step, and the codes of all findings."""
    document = Written(changed(ARAZZO, POLL, written), openapi)
    codes = [one.code for one in document.findings()]
    plan = document.workflow().plan
    return (plan.steps[1].request_line if plan else ""), codes


STANDARD = [
    POLL,
    "operationId: $sourceDescriptions.jobs.getJob",
    f"operationPath: '{URL}#/paths/~1jobs~1{{jobId}}/get'",
    f"operationPath: '{URL}#/paths/~1jobs~1%7BjobId%7D/get'",
]
TOLERATED = [
    "operationPath: '#/paths/~1jobs~1{jobId}/get'",
    "operationPath: jobs#/paths/~1jobs~1{jobId}/get",
    "operationPath: jobs.yaml#/paths/~1jobs~1{jobId}/get",
    "operationPath: $sourceDescriptions.jobs#/paths/~1jobs~1{jobId}/get",
    "operationPath: $sourceDescriptions.jobs.url#/paths/~1jobs~1{jobId}/get",
    f"operationPath: '{URL}#/paths/jobs/{{jobId}}/get'",
    f"operationPath: '{URL}#/paths/~1jobs~1{{jobId}}'",
    "operationPath: GET /jobs/{jobId}",
    "operationPath: get /jobs/{jobId}",
    "operationPath: /jobs/{jobId}",
]


@pytest.mark.parametrize("written", STANDARD)
def test_the_standard_forms(written: str) -> None:
    """An operationId, plain or qualified, and a source's url with a JSON Pointer (4.6.5)."""
    assert operation_of(written) == ("GET /jobs/{jobId}", [])


@pytest.mark.parametrize("written", TOLERATED)
def test_the_forms_of_the_dialect(written: str) -> None:
    """Read as meant, with a warning that shows the standard's form (O5)."""
    assert operation_of(written) == ("GET /jobs/{jobId}", ["operation-path-form"])


def test_a_source_and_an_id() -> None:
    """`source.operationId`, without the word `$sourceDescriptions`."""
    assert operation_of("operationId: jobs.getJob")[0] == "GET /jobs/{jobId}"


@pytest.mark.parametrize("name", ["jobs.getJob", "get#Job", "get Job", "a/b", "$getJob"])
def test_the_whole_id_is_tried_first(name: str) -> None:
    """An id may hold dots, slashes and spaces; it is looked up as written."""
    openapi = changed(OPENAPI, "operationId: getJob", f"operationId: '{name}'")
    assert operation_of(f"operationId: '{name}'", openapi) == ("GET /jobs/{jobId}", [])


def test_an_operation_without_an_id() -> None:
    """Its path names it; method and path stand where an id would."""
    openapi = changed(OPENAPI, "      operationId: getJob\n", "")
    written = f"operationPath: '{URL}#/paths/~1jobs~1{{jobId}}/get'"
    assert operation_of(written, openapi) == ("GET /jobs/{jobId}", [])


def test_a_path_without_a_method_must_mean_one_operation() -> None:
    """A method is guessed only when it is unique."""
    assert operation_of("operationPath: /jobs") == (
        "", ["operation-path-form", "ambiguous-operation"],
    )  # fmt: skip


def test_an_id_of_two_operations_means_the_one_whose_path_is_filled() -> None:
    """The step gives `jobId` in the path, so `/jobs` can't be meant (O24)."""
    openapi = changed(OPENAPI, "operationId: createJob", "operationId: getJob", "post:", "put:")
    document = Written(changed(ARAZZO, "operationId: createJob", "operationId: listJobs"), openapi)
    assert [one.message for one in document.findings()] == []


@pytest.mark.parametrize(
    ("text", "path", "method"),
    [
        ("#/paths/~1a~1{b}/get", "/a/{b}", "GET"),
        ("#/paths/~1a~0b/PUT", "/a~b", "PUT"),
        ("#/paths/~1get/get", "/get", "GET"),
        ("#/paths/~1a", "/a", ""),
        (" POST /a ", "/a", "POST"),
        ("/a", "/a", ""),
        ("get", "get", ""),
        ("", "", ""),
    ],
)
def test_reading_an_operation_path(text: str, path: str, method: str) -> None:
    """Path template and method, in all written forms."""
    read = WrittenPath.read(text)
    assert (read.path, read.method) == (path, method)


def test_the_same_method_and_path_in_two_sources_is_one_operation() -> None:
    """Either is meant where both have the id with the same method and path (O24)."""
    description = OpenApiDescription(yaml_text.read(OPENAPI, "jobs.yaml"))
    sources = Sources(openapi={"jobs": description, "again": description})
    text = yaml_text.read(ARAZZO, "jobs.arazzo.yaml")
    compiled = compile_document(text, sources, ProviderSettings(), Defaults())
    assert compiled.workflows[0].findings == ()
