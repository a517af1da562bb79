"""What OpenAPI 3.2 adds to a description: methods, `$self`, media types by reference."""

from __future__ import annotations

import pytest
from written import ARAZZO, Written, changed

from arazzo import yaml_text
from arazzo.openapi import OpenApiDescription
from arazzo.operation_path import WrittenPath

TEXT = """\
openapi: 3.2.0
$self: https://self.test/api
servers: [{url: 'https://jobs.test'}]
paths:
  /jobs:
    summary: own
    $ref: '#/components/pathItems/Jobs'
    get: {operationId: listJobs}
components:
  pathItems:
    Jobs:
      summary: referred
      get: {operationId: hidden}
      query:
        operationId: searchJobs
        requestBody:
          required: true
          content: {application/json: {$ref: 'https://self.test/api#/components/mediaTypes/Search'}}
      additionalOperations:
        COPY:
          operationId: copyJobs
          parameters: [{name: all, in: querystring, content: {application/json: {}}}]
        'BAD METHOD': {operationId: bad}
        LOCK: text
  mediaTypes:
    Search: {schema: {type: object, required: [text]}}
    Events: {itemSchema: {type: object}}
"""
API = OpenApiDescription(yaml_text.read(TEXT, "api.yaml"))


def test_methods() -> None:
    """`query` is a method of a path; `additionalOperations` has all others, as they are written."""
    assert API.operation_ids == ["listJobs", "searchJobs", "copyJobs"]
    assert list(API.at("/jobs")) == ["GET", "QUERY", "COPY"]
    places = {one.operation_id: one.path_in_file for one in API.at("/jobs").values()}
    assert places["searchJobs"] == ("paths", "/jobs", "query")
    assert places["copyJobs"] == ("paths", "/jobs", "additionalOperations", "COPY")


def test_media_types_by_reference() -> None:
    """They stand in the components, and a description may name itself by its `$self`."""
    (search,) = API.find("searchJobs")
    assert search.body_schema == {"type": "object", "required": ["text"]}
    assert API.self_uri == "https://self.test/api"


@pytest.mark.parametrize(
    ("written", "method", "path"),
    [
        ("{$sourceDescriptions.jobs.url}#/paths/~1jobs/additionalOperations/COPY", "COPY", "/jobs"),
        ("{$sourceDescriptions.jobs.url}#/paths/~1jobs/query", "QUERY", "/jobs"),
        ("{$sourceDescriptions.jobs.url}#/paths/~1jobs~1query/get", "GET", "/jobs/query"),
    ],
)
def test_paths_of_operations(written: str, method: str, path: str) -> None:
    """A pointer leads to any of them, in the form of the standard."""
    found = WrittenPath.read(written)
    assert (found.method, found.path, found.is_standard) == (method, path, True)


def test_a_query_may_be_sent_again_and_other_methods_may_not() -> None:
    """QUERY is safe; of a method that we do not know nothing is known («Never twice»)."""
    both = "operationId: createJob\n", "operationId: searchJobs\n"
    made = Written(changed(ARAZZO, both[0].strip(), both[1].strip(), "getJob", "copyJobs",
        "- name: jobId\n      in: path\n      value: $steps.create.outputs.id",
        "- {name: all, in: querystring, value: {a: 1}}"), TEXT)  # fmt: skip
    plan = made.plan()
    assert [(one.attempt.operation.method, one.attempt.operation.writes) for one in plan.steps] == [
        ("QUERY", False), ("COPY", True),
    ]  # fmt: skip
    assert {one.code for one in made.findings()} <= {"missing-property"}
