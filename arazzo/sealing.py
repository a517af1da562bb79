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


def with_sealed_outputs(plan: Plan, wanted: Mapping[str, set[str]]) -> Plan:
    """Return the plan in which these outputs are sealed where they arise, in sub-plans too."""
    if not wanted:
        return plan
    workflows = dict(plan.workflows)
    steps = []
    for step in plan.steps:
        names = wanted.get(step.step_id, set())
        if step.attempt.invocation and names:
            sub = workflows[step.called]
            inner = with_sealed_outputs(sub.plan, _inside(step, names, sub.plan))
            workflows[step.called] = SubWorkflow(plan=inner)
        steps.append(_sealing(step, names))
    return plan.model_copy(update={"steps": tuple(steps), "workflows": workflows})


def _sealing(step: StepPlan, names: set[str]) -> StepPlan:
    if not names or step.attempt.invocation:
        return step
    sealed = tuple(sorted(names.union(step.attempt.sealed)))
    return step.model_copy(update={"attempt": step.attempt.model_copy(update={"sealed": sealed})})


def _inside(step: StepPlan, names: set[str], called: Plan) -> Wanted:
    """The outputs of the called workflow's steps that the step's outputs of these names are."""
    of_workflow = set(names)
    for name in names & set(step.attempt.outputs):
        for one in expressions_in(step.attempt.outputs[name]):
            of_workflow.update(other for other in called.outputs if _reads_output(one, other))
    wanted: Wanted = {}
    for name in of_workflow & set(called.outputs):
        for step_id, output in read_outputs(called, called.outputs[name]):
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
