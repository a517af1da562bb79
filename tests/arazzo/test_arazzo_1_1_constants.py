"""What expressions read of the document itself: `$self`, its source descriptions, components."""

from __future__ import annotations

from typing import Any

import pytest
from plans import plan, step
from world import World, passed, run
from written import ARAZZO, HERE, Written, changed, pointed

from arazzo.context import context_of
from arazzo.outcome import judge
from arazzo.request import build

SELF = "https://flows.test/jobs.arazzo.yaml"
NEW = changed(ARAZZO, "arazzo: 1.0.1", f"arazzo: 1.1.0\n$self: {SELF}")
STATE = "state: $response.body#/state"
LAST = "state: $steps.poll.outputs.state"
PAYLOAD = "{name: $inputs.name}"

READ = [
    ("$self", SELF),
    ("of {$self}", f"of {SELF}"),
    ("$sourceDescriptions.jobs.url", "jobs.yaml"),
    ("$sourceDescriptions.jobs.type", "openapi"),
    ("{$sourceDescriptions.jobs.name} at {$self}", f"jobs at {SELF}"),
]


@pytest.mark.parametrize(("text", "value"), READ, ids=[text for text, _ in READ])
def test_a_request_reads_the_document(text: str, value: Any) -> None:
    """Its step takes along what it reads, and nothing else of the document."""
    create, poll = Written(changed(NEW, PAYLOAD, f"{{name: '{text}'}}")).plan().steps
    context = context_of({}, create.attempt.constants)
    assert build(create.attempt.operation, "https://jobs.test", context).view.body == {
        "name": value
    }
    assert poll.attempt.constants == {}
    assert set(create.attempt.constants) == ({"self"} if "$self" in text else set()) | (
        {"sources"} if "sourceDescriptions" in text else set()
    )


COMPONENTS = """\
components:
  inputs: {size: {type: integer, maximum: 9}}
  parameters:
    page: {name: page, in: query, value: 50}
    page.one: {name: page, in: query, value: 1}
    mine: {name: page, in: query, value: $inputs.name}
  successActions: {done: {name: done, type: end}}
"""

COMPONENTS_READ = [
    ("$components.parameters.page.value", 50),
    ("$components.parameters.page.one.value", 1),
    ("{$components.parameters.page.value} of {$inputs.name}", "50 of ada"),
    ("$components.inputs.size.maximum", 9),
    ("$components.parameters.page", {"name": "page", "in": "query", "value": 50}),
    ("$components.successActions.done.type", "end"),
    ("$components.parameters.mine.value", "$inputs.name"),
    ("$components.parameters.page.gone", None),
]


@pytest.mark.parametrize(("text", "value"), COMPONENTS_READ, ids=[t for t, _ in COMPONENTS_READ])
def test_a_request_reads_components(text: str, value: Any) -> None:
    """A component is data, as it is written; its step takes along that one and no other."""
    written = changed(NEW + COMPONENTS, PAYLOAD, f"{{name: '{text}'}}")
    create, poll = Written(written).plan().steps
    context = context_of({"inputs": {"name": "ada"}}, create.attempt.constants)
    body = build(create.attempt.operation, "https://jobs.test", context).view.body
    assert body == ({} if value is None else {"name": value})
    (named,) = create.attempt.constants["components"].values()
    assert len(named) == 1
    assert poll.attempt.constants == {}


AS_WRITTEN = ["page", "mine", "mine.value"]


@pytest.mark.parametrize("name", ["page.value", *AS_WRITTEN])
def test_a_component_that_would_be_applied_is_told(name: str) -> None:
    """Whoever reads one as a whole, or its expressions, mostly means `reference`."""
    text = changed(NEW + COMPONENTS, PAYLOAD, f"{{name: {HERE}$components.parameters.{name}}}")
    text, place = pointed(text)
    found = [one for one in Written(text).findings() if one.code == "component-as-written"]
    assert [str(one.place) for one in found] == (
        [f"jobs.arazzo.yaml:{place}"] if name in AS_WRITTEN else []
    )


async def test_outputs_of_a_workflow_read_components() -> None:
    """In workflow code, by the plan."""
    text = changed(NEW + COMPONENTS, LAST, "state: $components.parameters.page.value")
    made = Written(text).plan()
    written = plan(step("a"), outputs=made.outputs, constants=made.constants)
    assert await run(written, World({"a": [passed()]})) == {"state": 50}


def test_criteria_and_outputs_read_the_document() -> None:
    """As requests do."""
    text = changed(NEW, STATE, "state: $self", "$statusCode == 200", f"$self == '{SELF}'")
    poll = Written(text).plan().steps[1].attempt
    attempt = poll.model_copy(update={"on_success": ()})
    assert "did not hold" not in judge(attempt, context_of({}, attempt.constants)).why


async def test_outputs_of_a_workflow_read_the_document() -> None:
    """In workflow code, by the plan."""
    made = Written(changed(NEW, LAST, "state: $self")).plan()
    assert made.constants == {"self": SELF}
    written = plan(step("a"), outputs=made.outputs, constants=made.constants)
    assert await run(written, World({"a": [passed()]})) == {"state": SELF}


def test_inputs_of_a_called_workflow_read_the_document() -> None:
    """They are computed in workflow code as well."""
    child = """\
- workflowId: child
  inputs: {type: object, properties: {size: {}}}
  steps: [{stepId: one, operationId: listJobs}]
"""
    call = (
        "  - {stepId: call, workflowId: child, parameters: "
        "[{name: size, value: $sourceDescriptions.jobs.url}]}\n  outputs:\n    state: $steps"
    )
    made = Written(changed(NEW + child, "  outputs:\n    state: $steps", call)).plan()
    assert made.constants["sources"]["jobs"]["url"] == "jobs.yaml"


WRONG = [
    (ARAZZO, "unknown-self", "$self", "`$self` can't be read: the document has no `$self`"),
    (
        NEW,
        "unknown-source",
        "$sourceDescriptions.jobs.listJobs",
        "`$sourceDescriptions.jobs.listJobs` names no source description's field that exists",
    ),
    (
        NEW + COMPONENTS,
        "unknown-component",
        "$components.parameters.pages",
        "`$components.parameters.pages` names no component that exists",
    ),
    (
        NEW + COMPONENTS,
        "unknown-component",
        "$components.failureActions.done",
        "`$components.failureActions.done` names no component that exists",
    ),
]


@pytest.mark.parametrize(
    ("document", "code", "text", "message"), WRONG, ids=[text for _, _, text, _ in WRONG]
)
def test_what_the_document_does_not_have(document: str, code: str, text: str, message: str) -> None:
    """It is told before anything is sent."""
    written, place = pointed(changed(document, STATE, f"state: {HERE}{text}"))
    (found,) = Written(written).findings()
    assert (found.code, found.message, found.severity) == (code, message, "error")
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"


def test_a_completed_workflow_of_a_source_is_read_by_the_source() -> None:
    """`$sourceDescriptions.NAME.WORKFLOW.outputs.NAME`, as `$workflows.WORKFLOW.outputs.NAME`."""
    read = "$sourceDescriptions.jobs.child.outputs.all"
    child = """\
- workflowId: child
  steps: [{stepId: one, operationId: listJobs, outputs: {all: $response.body}}]
  outputs: {all: $steps.one.outputs.all}
"""
    steps = ("  steps:\n  - stepId: create", "  dependsOn: [child]\n  steps:\n  - stepId: create")
    text = changed(NEW + child, *steps, PAYLOAD, f"{{name: {read}}}")
    create = Written(text).plan().steps[0]
    assert create.request_reads.workflows == ("child",)
    values = {"workflows": {"child": {"outputs": {"all": 7}}}}
    context = context_of(values, create.attempt.constants)
    assert build(create.attempt.operation, "https://jobs.test", context).view.body == {"name": 7}
    wrong, place = pointed(changed(text, read, f"{HERE}{read}s"))
    (found,) = Written(wrong).findings()
    assert (found.code, str(found.place)) == ("unknown-output", f"jobs.arazzo.yaml:{place}")
