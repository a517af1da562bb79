"""Arazzo 1.1.0: its versions, the fields it adds, and what is wrong with the use of one."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from written import ARAZZO, HERE, Written, changed, pointed

from arazzo import model

if TYPE_CHECKING:
    from arazzo.errors import Finding

NEW = changed(ARAZZO, "arazzo: 1.0.1", "arazzo: 1.1.0")
CREATE = "stepId: create\n    operationId: createJob"
POLL = "stepId: poll\n    operationId: getJob"
GOTO = "type: goto\n      stepId: poll"
PAYLOAD = "payload: {name: $inputs.name}"
CRITERIA = "successCriteria:\n    - condition: $statusCode == 200"
CHILD = """\
- workflowId: child
  inputs: {type: object, required: [size], properties: {size: {type: integer}}}
  steps: [{stepId: one, operationId: listJobs, outputs: {all: $response.body}}]
  outputs: {all: $steps.one.outputs.all}
"""


def found_in(text: str) -> list[Finding]:
    """Return the findings of a document with its source."""
    return Written(text).findings()


@pytest.mark.parametrize("version", ["1.1.0", "1.1.1", "1.1.12"])
def test_versions_of_1_1_are_read(version: str) -> None:
    """A patch changes no meaning."""
    assert found_in(changed(NEW, "arazzo: 1.1.0", f"arazzo: {version}")) == []


@pytest.mark.parametrize("version", ["1.1", "1.1.0-dev", "1.1.01", "1.10.0", "1.2.0"])
def test_what_only_looks_like_1_1_is_refused(version: str) -> None:
    """Nothing is taken for 1.1 that does not say so."""
    with pytest.raises(model.DocumentInvalid) as caught:
        found_in(changed(NEW, "arazzo: 1.1.0", f"arazzo: {version}"))
    (found,) = caught.value.findings
    assert found.code == "unsupported-version"
    assert found.mend == "supported are 1.0.0, 1.0.1 and 1.1.0"


TYPE = f"{HERE}targetSelectorType: jsonpointer"
LATER = [
    ("$self", ("info:", f"{HERE}$self: 'urn:jobs#x'\ninfo:"), "so it is ignored in a document of"),
    ("timeout", (POLL, f"{POLL}\n    {HERE}timeout: 30s"), "so it is ignored in a document of"),
    ("dependsOn", (POLL, f"{POLL}\n    {HERE}dependsOn: [no]"), "so it is ignored in a document"),
    (
        "parameters",
        (GOTO, f"{GOTO}\n      {HERE}parameters: [1]"),
        "so it is ignored in a document of",
    ),
    (
        "targetSelectorType",
        (
            PAYLOAD,
            f"{PAYLOAD}\n      replacements: [{{target: /name, value: a, {TYPE}}}]",
        ),
        "not of",
    ),
]


@pytest.mark.parametrize(("name", "changes", "effect"), LATER, ids=[one[0] for one in LATER])
def test_a_field_of_1_1_in_a_document_of_1_0(
    name: str, changes: tuple[str, str], effect: str
) -> None:
    """It is told of which version it is; whatever it holds, it changes nothing there."""
    text, place = pointed(changed(ARAZZO, *changes))
    (found,) = found_in(text)
    assert (found.code, found.severity) == ("unknown-field", "warning")
    assert found.message.startswith(f"`{name}` is of Arazzo 1.1, {effect}")
    assert found.mend == "write `arazzo: 1.1.0`"
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"
    assert Written(text).workflow().plan is not None


def test_a_close_name_is_offered_of_the_same_version_only() -> None:
    """A document of 1.0 is not led to a field that it can't have."""
    changes = (POLL, f"{POLL}\n    timeOut: 5")
    (old,) = found_in(changed(ARAZZO, *changes))
    (new,) = found_in(changed(NEW, *changes))
    assert "timeout" not in old.mend
    assert new.mend == "did you mean `timeout`?"


@dataclass(frozen=True)
class Case:
    """A mistake in a document of 1.1.0, and what is found."""

    code: str
    changes: tuple[str, ...]
    message: str
    mend: str = ""
    severity: str = "error"
    child: str = ""


def channel(more: str) -> tuple[str, str]:
    """Change the first step into one of AsyncAPI."""
    return (CREATE, f"stepId: create\n    {more}")


SKIPPING = (
    "onSuccess:\n"
    "    - {name: skip, type: goto, stepId: last, criteria: [{condition: $statusCode == 202}]}\n"
    "    outputs:\n      id: $response"
)


def handing(parameters: str, name: str = "name: again") -> tuple[str, ...]:
    """Let the first action of the last step go to the workflow `child` with these parameters."""
    new = f"type: goto\n      workflowId: child\n      parameters: {parameters}"
    return ("name: again", name, GOTO, new)


LAST = f"  - {{stepId: last, operationId: listJobs, {HERE}dependsOn: [poll]}}\n"
WRONG = [
    Case(
        "invalid-self",
        ("info:", f"$self: {HERE}https://jobs.test/a.yaml#x\ninfo:"),
        "`$self` must not have a fragment: `https://jobs.test/a.yaml#x`",
        "write `https://jobs.test/a.yaml`",
    ),
    Case(
        "empty-list",
        (CRITERIA, f"{HERE}successCriteria: []"),
        "`successCriteria` must have at least one criterion",
        "take it out; without it each 2xx is a success",
    ),
    Case(
        "no-time",
        (POLL, f"{POLL}\n    timeout: {HERE}0"),
        "a `timeout` of 0 leaves the step no time",
        "write milliseconds, or take it out",
    ),
    Case(
        "empty-dependencies",
        (POLL, f"{POLL}\n    {HERE}dependsOn: []"),
        "`dependsOn` must name at least one step",
        "take it out",
    ),
    Case(
        "duplicate-dependency",
        (POLL, f"{POLL}\n    dependsOn: [create, {HERE}create]"),
        "`dependsOn` names `create` twice",
        "name it once",
    ),
    Case(
        "unknown-dependency",
        (POLL, f"{POLL}\n    dependsOn: [{HERE}$steps.create]"),
        "`dependsOn` names no step of this workflow: `$steps.create`",
        "did you mean `create`?",
    ),
    Case(
        "late-dependency",
        (CREATE, f"{CREATE}\n    {HERE}dependsOn: [poll]"),
        "the step depends on `poll`, which no way leads to before it",
        "put the step `poll` before it",
    ),
    Case(
        "late-dependency",
        (POLL, f"{POLL}\n    {HERE}dependsOn: [poll]"),
        "the step depends on `poll`, which no way leads to before it",
        "put the step `poll` before it",
    ),
    Case(
        "late-outputs",
        ("stepId: create", f"stepId: {HERE}create", PAYLOAD, "payload: $steps.poll.outputs.state"),
        "the step reads outputs of `poll`, which no way leads to before it",
        "put the step `poll` before it",
    ),
    Case(
        "skipped-dependency",
        (
            "outputs:\n      id: $response",
            SKIPPING,
            "  outputs:\n    state: $steps",
            f"{LAST}  outputs:\n    state: $steps",
        ),
        "the step depends on `poll`, which a way to it leaves out; the run fails there then",
        "let every way to this step lead through `poll`",
        "warning",
    ),
    Case(
        "parameters-without-workflow",
        (GOTO, f"{GOTO}\n      {HERE}parameters: [{{name: a, value: 1}}]"),
        "the action `again` has parameters and names no workflow for them",
        "add `workflowId`, or take them out",
    ),
    Case(
        "action-parameter-in",
        handing(f"[{{name: size, in: {HERE}query, value: 1}}]"),
        "the parameter `size` of an action is an input, and has no `in`",
        "take `in` out",
        "warning",
        child=CHILD,
    ),
    Case(
        "duplicate-parameter",
        handing(f"[{{name: size, value: 1}}, {HERE}{{name: size, value: 2}}]"),
        "the parameter `size` stands twice",
        "keep one of the two",
        child=CHILD,
    ),
    Case(
        "unknown-input",
        handing(f"[{{name: size, value: 1}}, {HERE}{{name: sise, value: 2}}]"),
        "the workflow `child` has no input `sise`",
        "did you mean `size`?",
        child=CHILD,
    ),
    Case(
        "missing-input",
        handing("[]", f"{HERE}name: again"),
        "the workflow `child` requires the input `size`, and the action does not give it",
        "add a parameter `name: size`",
        child=CHILD,
    ),
    Case(
        "unknown-output",
        handing(f"[{{name: size, value: {HERE}$steps.create.outputs.no}}]"),
        "`$steps.create.outputs.no` names no output of step `create` that exists",
        "there are: `id`",
        child=CHILD,
    ),
    Case(
        "reads-too-early",
        handing(f"[{{name: size, value: {HERE}$response.body}}]"),
        "`$response.body` can't be read here: there is no response yet",
        "keep the value as an output of an earlier step, and read that",
        child=CHILD,
    ),
    Case(
        "invalid-selector",
        ("id: $response.body#/id", f"{HERE}id: {{selector: $.a}}"),
        "an output is an expression, or a selector object, which this is not",
        "a selector object has `context`, `selector` and `type`",
    ),
    Case(
        "missing-action",
        channel(f"channelPath: {HERE}a"),
        "the step names a channel and not what it does there",
        "add `action: send` or `action: receive`",
    ),
    Case(
        "unknown-action-type",
        channel(f"operationId: a\n    action: {HERE}sent"),
        "the step has the action `sent`",
        "did you mean `send`?",
    ),
    Case(
        "correlation-without-receive",
        channel(f"operationId: a\n    action: send\n    correlationId: {HERE}x"),
        "`correlationId` is only for a step that receives",
        "write `action: receive`, or take it out",
    ),
    Case(
        "two-operations",
        channel(f"operationId: a\n    action: send\n    channelPath: {HERE}b"),
        "a step names its operation by `operationId` or by `channelPath`, not by both",
        "keep one of the two",
    ),
    Case(
        "missing-operation",
        (
            "- stepId: create\n    operationId: createJob",
            f"- {HERE}stepId: create\n    action: send",
        ),
        "the step names no operation",
        "add `operationId:`",
    ),
    Case(
        "parameter-without-in",
        channel(f"operationId: a\n    action: send\n    parameters: [{HERE}{{name: p, value: 1}}]"),
        "the parameter `p` has no `in`",
        "add `in: header`",
    ),
    Case(
        "workflow-and-operation",
        channel(f"workflowId: child\n    action: {HERE}send"),
        "a step with `workflowId` can't have `action`",
        "keep either `workflowId` or `action`",
        child=CHILD,
    ),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda one: f"{one.code} {one.message[:30]}")
def test_a_mistake_is_found(case: Case) -> None:
    """At its place, with its mend."""
    text, place = pointed(changed(NEW + case.child, *case.changes))
    found = next(one for one in reversed(found_in(text)) if one.code == case.code)
    assert (found.message, found.mend, found.severity) == (case.message, case.mend, case.severity)
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"


MODULES = ("asyncapi_steps", "step_dependencies", "version_rules")


def codes_of(module: str) -> set[str]:
    """Return the codes that a module adds."""
    file = Path(model.__file__).with_name(f"{module}.py")
    texts = [one for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, ast.Call)]
    firsts = [one.args[0] for one in texts if one.args and isinstance(one.func, ast.Attribute)]
    values = [one.value for one in firsts if isinstance(one, ast.Constant)]
    return {one for one in values if isinstance(one, str) and "-" in one}


def test_every_code_is_provoked() -> None:
    """No finding goes untested."""
    elsewhere = {"source-missing"}  # in test_step_dependencies.py
    provoked = {one.code for one in WRONG} | elsewhere
    assert set.union(*(codes_of(one) for one in MODULES)) <= provoked


def test_outputs_of_a_later_step_are_read_where_a_way_leads_back() -> None:
    """A cursor, for one; and a document of 1.0 may read what is then null."""
    reading = changed(NEW, PAYLOAD, "payload: $steps.poll.outputs.state")
    looping = changed(reading, "type: goto\n      stepId: poll", "type: goto\n      stepId: create")
    assert "late-outputs" in {one.code for one in found_in(looping)}
    jump = "onSuccess: [{name: on, type: goto, stepId: poll, criteria: [{condition: 1 == 1}]}]"
    first = f"- {{stepId: first, operationId: listJobs, {jump}}}\n  - stepId: create"
    assert found_in(changed(looping, "- stepId: create", first)) == []
    assert found_in(changed(reading, "arazzo: 1.1.0", "arazzo: 1.0.1")) == []
