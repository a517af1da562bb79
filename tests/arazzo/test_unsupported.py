"""What this version does not support yet is refused by name, before the first request.

A feature that is built leaves its row.
"""

from __future__ import annotations

import pytest
from written import ARAZZO, HERE, OPENAPI, Written, changed, pointed

CREATE = "stepId: create\n    operationId: createJob"
POLL = "stepId: poll\n    operationId: getJob"
GOTO = "type: goto\n      stepId: poll"
PARAMETER = "- name: jobId\n      in: path\n      value: $steps.create.outputs.id"
DONE = "$response.body#/state == 'done'"
PAYLOAD = "payload: {name: $inputs.name}"
HEADER = f"{PARAMETER}\n    - {HERE}"

NOT_YET = [
    ("a parameter `in: body`", (PARAMETER, f"{HEADER}{{name: c, in: body, value: 1}}")),
    (
        "an object or a list as a body of the media type `text/csv`",
        (PAYLOAD, f"{PAYLOAD}\n      contentType: {HERE}text/csv"),
    ),
    (
        "a body of the media type `multipart/byteranges`",
        (PAYLOAD, f"{PAYLOAD}\n      contentType: {HERE}multipart/byteranges"),
    ),
    (
        "the charset `klingon`",
        (PAYLOAD, f"{PAYLOAD}\n      contentType: {HERE}application/json;charset=klingon"),
    ),
    (
        "an output that is no expression",
        ("state: $response.body#/state", f"{HERE}state: [1]"),
    ),
]


@pytest.mark.parametrize(("what", "changes"), NOT_YET, ids=[what for what, _ in NOT_YET])
def test_what_is_not_supported_yet_is_refused_by_name(what: str, changes: tuple[str, ...]) -> None:
    """Nothing is ignored: a document that needs the feature has no plan, and says why."""
    text, place = pointed(changed(ARAZZO, *changes))
    workflow = Written(text).workflow()
    found = [one for one in workflow.findings if one.code == "unsupported"]
    assert f"{what} is not supported yet" in [one.message for one in found]
    assert str(found[0].place) == f"jobs.arazzo.yaml:{place}"
    assert workflow.plan is None


def test_a_reference_to_another_file_is_refused() -> None:
    """A part of a description that can't be followed is never taken for absent."""
    old = "- {name: page, in: query, schema: {type: integer}}"
    openapi = changed(OPENAPI, old, "- {$ref: 'common.yaml#/page'}")
    text = changed(ARAZZO, CREATE, CREATE.replace("createJob", "listJobs"))
    (found,) = Written(text, openapi).findings()
    assert found.code == "missing-reference"
    assert "a reference to another file (`common.yaml#/page`)" in found.message


def test_a_style_that_nobody_knows_is_refused() -> None:
    """A parameter is never sent in another style than the description asks for."""
    old = "name: page, in: query,"
    openapi = changed(OPENAPI, old, f"{old} style: tabular,")
    arazzo = changed(
        ARAZZO, CREATE, "stepId: create\n    operationId: listJobs\n    parameters: "
        "[{name: page, in: query, value: 1}]",
    )  # fmt: skip
    (found,) = Written(arazzo, openapi).findings()
    assert found.message == (
        "the style `tabular` of the query parameter `page` is not supported yet"
    )


def test_an_expression_that_is_not_supported_yet_is_refused() -> None:
    """An expression is never taken for absent because the engine can't read it."""
    workflow = Written(changed(ARAZZO, PAYLOAD, "payload: $outputs.id")).workflow()
    (found,) = (one for one in workflow.findings if one.severity == "error")
    assert found.code == "unsupported-expression"
    assert found.message == (
        "`$outputs.id`: reading the workflow's own outputs is not supported yet"
    )
