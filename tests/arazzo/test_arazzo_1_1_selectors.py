"""Selector objects where a document has values: outputs, parameters, payloads, replacements."""

from __future__ import annotations

from typing import Any

import pytest
from written import ARAZZO, HERE, OPENAPI, Written, changed, pointed

from arazzo import selector, template
from arazzo.context import ABSENT, Context, ResponseView
from arazzo.outcome import computed
from arazzo.request import build
from arazzo.versions import as_version

NEW = changed(ARAZZO, "arazzo: 1.0.1", "arazzo: 1.1.0")
ID = "id: $response.body#/id"
NAME = "{name: $inputs.name}"
VALUE = "value: $steps.create.outputs.id"
LAST = "state: $steps.poll.outputs.state"
STATE = "state: $response.body#/state"
CHILD = """\
- workflowId: child
  inputs: {type: object, properties: {size: {}}}
  steps: [{stepId: one, operationId: listJobs}]
"""


def of(context: str, text: str, kind: str = "jsonpath") -> str:
    """Return a selector object, as it is written in YAML."""
    return f"{{context: {context}, selector: '{text}', type: {kind}}}"


BODY: Any = {"items": [{"id": 7}, {"id": 8}], "xml": "<a><b>x</b></a>"}
CONTEXT = Context(inputs={"user": {"id": 5}}, response=ResponseView(201, {}, BODY))

OUTPUTS = [
    (of("$response.body", "$.items[1].id"), 8),
    (of("$response.body", "/items/0/id", "jsonpointer"), 7),
    (of("$response.body#/xml", "/a/b", "xpath"), "x"),
    (of("$response.body", "$.items[*].id", "{type: jsonpath, version: rfc9535}"), [7, 8]),
    (of("$inputs.name", "$.id"), None),
    (of("$response.body", "$.nothing"), None),
]


@pytest.mark.parametrize(("written", "value"), OUTPUTS)
def test_an_output_is_what_a_selector_selects(written: str, value: Any) -> None:
    """From the response, by each of the languages; nothing is null."""
    plan = Written(changed(NEW, ID, f"id: {written}")).plan()
    assert computed(plan.steps[0].attempt.outputs, CONTEXT) == {"id": value}


def request_of(text: str, inputs: dict[str, Any], step: int = 0) -> Any:
    """Return the request of a step."""
    call = Written(text, openapi=OPENAPI).plan().steps[step].attempt.operation
    context = Context(inputs=inputs, steps={"create": {"id": {"n": "a b"}}})
    return build(call, "https://jobs.test", context)


def test_a_parameter_is_what_a_selector_selects() -> None:
    """It has the style of the parameter, and its names are known to the plan."""
    text = changed(NEW, VALUE, f"value: {of('$steps.create.outputs.id', '$.n')}")
    assert request_of(text, {}, 1).url == "https://jobs.test/jobs/a%20b"
    assert Written(text).plan().steps[1].request_reads.steps == {"create": ("id",)}


PAYLOADS = [
    (f"{{name: {of('$inputs.name', '$.first')}}}", b'{"name":"Zoe"}'),
    (of("$inputs.name", "$.all"), b'{"b":1}'),
    (f"[1, {{a: {of('$inputs.name', '/all/b', 'jsonpointer')}}}]", b'[1,{"a":1}]'),
    (f"{{name: {of('$inputs.name', '$.none')}, b: 1}}", b'{"b":1}'),
    ("{context: $inputs.name, selector: $.a}", None),
    ("{context: a, selector: $.a, type: jsonpath}", b'{"context":"a","selector":"$.a","type":"'),
]


@pytest.mark.parametrize(("payload", "body"), PAYLOADS)
def test_a_payload_holds_what_selectors_select(payload: str, body: bytes | None) -> None:
    """At any depth, and as a whole; what only looks like one stays a literal."""
    inputs = {"name": {"first": "Zoe", "all": {"b": 1}}}
    sent = request_of(changed(NEW, NAME, payload), inputs).body.replace(b" ", b"")
    assert sent.startswith(body or b'{"context":{"first"')


def test_a_replacement_is_what_a_selector_selects() -> None:
    """As the example of the standard has it."""
    one = f"{{target: /name, value: {of('$inputs.name', '$.first')}}}"
    text = changed(NEW, f"payload: {NAME}", f"payload: {{name: x}}\n      replacements: [{one}]")
    assert request_of(text, {"name": {"first": "Zoe"}}).body.replace(b" ", b"") == b'{"name":"Zoe"}'


GIVEN = f"{HERE}{{name: size, value: {of('$inputs.name', '//a', 'xpath')}}}"
CALL = f"  - {{stepId: call, workflowId: child, parameters: [{GIVEN}]}}\n"
WRONG = [
    (
        "invalid-selector",
        (ID, f"{HERE}id: {{expression: $response.body, selector: $.a}}"),
        "an output is an expression, or a selector object, which this is not",
    ),
    (
        "invalid-selector",
        (LAST, f"{HERE}state: {{selector: $.a, type: jsonpath}}"),
        "an output is an expression, or a selector object, which this is not",
    ),
    (
        "invalid-selector",
        (ID, f"id: {{context: $response.body, selector: {HERE}items.id, type: jsonpath}}"),
        "'items.id' at character 1: expected a JSONPath query (RFC 9535)",
    ),
    (
        "invalid-selector",
        (ID, f"id: {{context: {HERE}$respons.body, selector: $.a, type: jsonpath}}"),
        "'$respons.body' at character 1: expected `$` and one of",
    ),
    (
        "unknown-type",
        (ID, f"id: {{context: $response.body, selector: {HERE}$.a, type: jmespath}}"),
        "expected a type jsonpath, jsonpointer, xpath",
    ),
    (
        "unknown-version",
        (
            ID,
            f"id: {{context: $url, selector: {HERE}$.a, type: {{type: jsonpath, version: 2}}}}",
        ),
        "expected the version rfc9535 or draft-goessner-dispatch-jsonpath-00 of jsonpath, not `2`",
    ),
    (
        "unknown-step",
        (VALUE, f"value: {{context: {HERE}$steps.no.outputs.a, selector: $.a, type: jsonpath}}"),
        "`$steps.no.outputs.a` names no step that exists",
    ),
    (
        "reads-too-early",
        (NAME, f"{{name: {{context: {HERE}$response.body, selector: $.a, type: jsonpath}}}}"),
        "`$response.body` can't be read here: there is no response yet",
    ),
    (
        "dotted-body",
        (ID, f"id: {{context: {HERE}$response.body.a, selector: $.a, type: jsonpath}}"),
        "`$response.body.a` reads inside a body by dots or brackets",
    ),
]


@pytest.mark.parametrize(("code", "changes", "message"), WRONG, ids=lambda one: str(one)[:40])
def test_what_is_wrong_with_a_selector(code: str, changes: tuple[str, str], message: str) -> None:
    """It is found before anything is sent, at its place."""
    text, place = pointed(changed(NEW + CHILD, *changes))
    found = next(one for one in Written(text).findings() if one.code == code)
    assert message in found.message
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"


def test_a_pointer_needs_no_library_so_it_runs_in_workflow_code() -> None:
    """In an output of a workflow; it is not sealed, not a query."""
    written = of("$steps.poll.outputs.state", "/a/0", "jsonpointer")
    plan = Written(changed(NEW, LAST, f"state: {written}")).plan()
    context = Context(steps={"poll": {"state": {"a": ["x"]}}})
    assert computed(plan.outputs, context) == {"state": "x"}


def test_an_input_read_by_a_selector_into_a_credential_is_secret() -> None:
    """All of it: nobody knows which part."""
    header = f"- {{name: Authorization, in: header, value: {of('$inputs.token', '$.key')}}}\n    "
    text = changed(NEW, "- name: jobId", f"{header}- name: jobId")
    assert Written(text).plan().secret_inputs == ("token",)


def test_a_part_of_a_sealed_output_is_selected_in_an_activity_only() -> None:
    """What a request sends is opened there, and so is what the workflow gives back."""
    old = "- name: jobId"
    header = f"- {{name: Authorization, in: header, value: $steps.create.outputs.id}}\n    {old}"
    pointer = of("$steps.create.outputs.id", "/a", "jsonpointer")
    text = changed(NEW, old, header, VALUE, f"value: {pointer}")
    assert Written(text).plan().steps[0].attempt.sealed == ("id",)
    assert Written(changed(text, LAST, f"state: {pointer}")).plan().by_activity == ("state",)


def test_a_document_of_1_0_has_no_selector_objects() -> None:
    """There it is the object that stands there; an output is refused by name."""
    one = of("$inputs.name", "$.a")
    assert Written(changed(ARAZZO, NAME, one)).plan().steps[0].attempt.operation.payload == {
        "context": "$inputs.name", "selector": "$.a", "type": "jsonpath",
    }  # fmt: skip
    (found,) = Written(changed(ARAZZO, STATE, f"state: {one}")).workflow().findings
    assert found.message == (
        "a selector object, which is of Arazzo 1.1, in a document of 1.0.1 is not supported yet"
    )


def test_plans_mark_selectors() -> None:
    """So that an object of that shape in a plan made before stays what it was."""
    one = {"context": "$inputs.a", "selector": "$", "type": "jsonpath"}
    assert template.evaluate_value(template.compile_value(one), Context(inputs={"a": 1})) == {
        "context": 1, "selector": "$", "type": "jsonpath",
    }  # fmt: skip
    assert selector.marked([{"a": one, "b": {selector.MARK: 1}}]) == [
        {"a": {selector.MARK: one}, "b": {selector.MARK: 1}}
    ]
    value = template.compile_value({selector.MARK: one})
    assert template.evaluate_value(value, Context(inputs={"a": 1})) == 1
    assert template.evaluate_value(value, Context()) is ABSENT
    kept = template.compile_value({selector.MARK: {"context": "$inputs.a"}})
    assert template.evaluate_value(kept, Context(inputs={"a": 1})) == {
        selector.MARK: {"context": 1}
    }


def test_selectors_are_marked_wherever_values_stand() -> None:
    """In components, in actions and in workflow parameters, too; nowhere else."""
    one = {"context": "$inputs.a", "selector": "$", "type": "jsonpath"}
    parameters = [{"name": "a", "value": one}]
    action = {"name": "b", "type": "goto", "parameters": parameters, "criteria": [one]}
    step = {"stepId": "s", "parameters": parameters, "onFailure": [action], "outputs": {"o": one}}
    workflow = {"steps": [step], "parameters": parameters, "inputs": {"default": one}}
    document = {
        "arazzo": "1.1.0", "workflows": [workflow],
        "components": {"parameters": {"p": {"value": one}}, "inputs": {"i": one}},
    }  # fmt: skip
    found, ignored = as_version(document)
    assert (str(found).count(selector.MARK), ignored) == (5, {})
    assert as_version({**document, "arazzo": "1.0.1"})[0]["components"] == document["components"]
