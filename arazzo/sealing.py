"""Which outputs are secret, and are sealed before they enter a history (DESIGN.md, section 4).

An output is secret when it flows into a credential of a later step, or into a secret input of a
workflow that a step calls. It travels as `{"$sealed": text}`, which only an activity can open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo import expression
from arazzo.call_compilation import expressions_in
from arazzo.plan import SubWorkflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.expression import Expression
    from arazzo.plan import Plan, StepPlan

Wanted = dict[str, set[str]]
"""Names of outputs by stepId."""


def with_sealed_outputs(
    plan: Plan, wanted: Mapping[str, set[str]], of_workflows: Mapping[str, set[str]] | None = None
) -> Plan:
    """Return the plan in which these outputs are sealed where they arise, in sub-plans too.

    `wanted` has them by the stepId; `of_workflows` those of the workflows that the plan depends
    on, by their workflowId.
    """
    workflows = dict(plan.workflows)
    for one in plan.depends_on:
        _seal_inside(workflows, one.invocation.workflow_type, (of_workflows or {}).get(one.name))
    for step in plan.steps:
        if step.attempt.invocation and step.step_id in wanted:
            called = workflows[step.called].plan
            names = _of_workflow(step, wanted[step.step_id], called)
            _seal_inside(workflows, step.called, names)
    steps = tuple(_sealing(step, wanted.get(step.step_id, set())) for step in plan.steps)
    return plan.model_copy(update={"steps": steps, "workflows": workflows})


def _seal_inside(workflows: dict[str, SubWorkflow], kind: str, names: set[str] | None) -> None:
    if names:
        plan = workflows[kind].plan
        sealed = with_sealed_outputs(plan, _arising(plan, names))
        workflows[kind] = SubWorkflow(plan=sealed)


def _sealing(step: StepPlan, names: set[str]) -> StepPlan:
    if not names or step.attempt.invocation:
        return step
    sealed = tuple(sorted(names.union(step.attempt.sealed)))
    return step.model_copy(update={"attempt": step.attempt.model_copy(update={"sealed": sealed})})


def _of_workflow(step: StepPlan, names: set[str], called: Plan) -> set[str]:
    """The outputs of the called workflow that the step's outputs of these names are."""
    of_workflow = set(names)
    for name in names & set(step.attempt.outputs):
        for one in expressions_in(step.attempt.outputs[name]):
            of_workflow.update(other for other in called.outputs if _reads_output(one, other))
    return of_workflow


def _arising(plan: Plan, names: set[str]) -> Wanted:
    """The outputs of steps that the workflow's outputs of these names are."""
    wanted: Wanted = {}
    for name in names & set(plan.outputs):
        for step_id, output in read_outputs(plan, plan.outputs[name]):
            wanted.setdefault(step_id, set()).add(output)
    return wanted


def _reads_output(one: Expression, name: str) -> bool:
    return one.root == "outputs" and one.rest == name


def read_outputs(plan: Plan, value: object) -> Iterator[tuple[str, str]]:
    """Yield the outputs of steps that a value reads, as pairs of stepId and name."""
    known = {step.step_id: _names(plan, step) for step in plan.steps}
    for one in expressions_in(value):
        found = expression.references(one)
        pair = expression.step_reference(found.rest, known) if found.root == "steps" else None
        if pair is not None:
            step_id, output = pair
            yield from (
                (step_id, name) for name in (known[step_id] if output is None else [output])
            )


def _names(plan: Plan, step: StepPlan) -> tuple[str, ...]:
    called = plan.workflows[step.called].plan.outputs if step.attempt.invocation else {}
    return tuple(dict.fromkeys([*step.attempt.outputs, *called]))
