"""Which inputs are secret: all that flow into a credential, by whatever way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shelf import Shelf, description, document, step, workflow

from arazzo.findings import checked_findings
from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

TEXT = {"type": "string"}


def taking(*names: str) -> dict[str, Any]:
    """Return a schema of inputs."""
    return {"type": "object", "properties": dict.fromkeys(names, TEXT)}


def sending(value: str, **fields: Any) -> dict[str, Any]:
    """Return a step that sends a credential."""
    parameter = {"name": "Authorization", "in": "header", "value": value}
    return step("send", parameters=[parameter], **fields)


def calling(called: str, **given: str) -> dict[str, Any]:
    """Return a step that calls a workflow."""
    parameters = [{"name": name, "value": value} for name, value in given.items()]
    return {"stepId": "call", "workflowId": called, "parameters": parameters}


MIRROR = workflow(
    "other", inputs=taking("key", "more"),
    outputs={"k": "$inputs.key", "s": "$steps.only.outputs.o"},
    steps=[step(outputs={"o": "$inputs.more"})],
)  # fmt: skip
QUIET = workflow("other", inputs=taking("key"))
NESTED = workflow(
    "outer", inputs=taking("key"), outputs={"k": "$steps.call.outputs.k"},
    steps=[calling("other", key="$inputs.key")],
)  # fmt: skip
BY_GOTO = step(onSuccess=[{
    "name": "on", "type": "goto", "workflowId": "other",
    "parameters": [{"name": "key", "value": "$inputs.a"}],
}])  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "others", "secret"),
    [
        ([sending("Bearer {$inputs.a}")], [], {"main": {"a"}}),
        ([step(outputs={"o": "$inputs.a"}), sending("$steps.only.outputs.o")], [], {"main": {"a"}}),
        ([step(outputs={"o": "$inputs.a", "p": "$inputs.b"}), sending("$steps.only.outputs.o")],
         [], {"main": {"a"}}),
        ([calling("other", key="$inputs.a", more="$inputs.b"), sending("$steps.call.outputs.k")],
         [MIRROR], {"main": {"a"}, "other": {"key"}}),
        ([calling("other", key="$inputs.a", more="$inputs.b"), sending("$steps.call.outputs.s")],
         [MIRROR], {"main": {"b"}, "other": {"more"}}),
        ([{**calling("other", key="$inputs.a"), "outputs": {"o": "$outputs.k"}},
          sending("$steps.call.outputs.o")], [MIRROR], {"main": {"a"}, "other": {"key"}}),
        ([calling("outer", key="$inputs.a"), sending("$steps.call.outputs.k")], [NESTED, MIRROR],
         {"main": {"a"}, "outer": {"key"}, "other": {"key"}}),
        ([calling("other", key="$inputs.a"), sending("$workflows.other.inputs.key")], [QUIET],
         {"main": {"a"}, "other": {"key"}}),
        ([calling("other", key="$inputs.a"), sending("$workflows.other.outputs.k")], [MIRROR],
         {"main": {"a"}, "other": {"key"}}),
        ([calling("other", key="$inputs.a"), sending("Bearer {$inputs.b}")], [MIRROR],
         {"main": {"b"}}),
        ([BY_GOTO], [workflow("other", inputs=taking("key"), steps=[sending("$inputs.key")])],
         {"main": {"a"}, "other": {"key"}}),
        ([step(outputs={"o": "$response.body#/t"}), sending("$steps.only.outputs.o")], [], {}),
    ],
    ids=[
        "by itself", "by an output of a step", "by one of two outputs",
        "by an output of a called workflow", "by a step of a called workflow",
        "by an own name for the output", "by two workflows", "as an input of a called workflow",
        "as a result of a called workflow", "what is only handed on", "by a goto",
        "an answer is sealed, and no input",
    ],
)  # fmt: skip
def test_an_input_that_flows_into_a_credential_is_secret(
    tmp_path: Path,
    steps: list[dict[str, Any]],
    others: list[dict[str, Any]],
    secret: dict[str, set[str]],
) -> None:
    """In each workflow that it passes, whatever it is called there; and no other one is."""
    shelf = Shelf(tmp_path)
    main = workflow("main", inputs=taking("a", "b"), steps=steps)
    shelf.add("flow.arazzo.json", document(main, *others, arazzo="1.1.0"))
    shelf.add("api.json", description())
    entries = load_catalogue([tmp_path]).entries
    plans = {one.compiled.workflow_type: one.compiled for one in entries}
    assert all(one.plan for one in plans.values()), [one.findings for one in plans.values()]
    known = {name: set(one.plan.secret_inputs) for name, one in plans.items() if one.plan}
    assert {name: names for name, names in known.items() if names} == secret


@pytest.mark.parametrize(("value", "found"), [("in plain", True), ("$inputs.a", False)])
def test_a_credential_in_plain_that_is_handed_to_a_workflow_is_doubtful(
    tmp_path: Path, value: str, *, found: bool
) -> None:
    """As one that is sent at once."""
    other = workflow("other", inputs=taking("key"), steps=[sending("$inputs.key")])
    main = workflow("main", inputs=taking("a"), steps=[calling("other", key=value)])
    entry = load_catalogue([Shelf(tmp_path).fill(main, other).folder]).entries[0]
    codes = {one.code for one in checked_findings(entry.document)}
    assert ("plain-credential" in codes) is found
