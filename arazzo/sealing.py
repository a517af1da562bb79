"""Which outputs are secret, and are sealed before they enter a history (DESIGN.md, section 4).

An output is secret when it flows into a credential of a later step, or into a secret input of a
workflow that a step calls. It travels as `{"$sealed": text}`, which only an activity can open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arazzo import expression
from arazzo.call_compilation import expressions_in
from arazzo.navigation import longest_key
from arazzo.plan import SubWorkflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from arazzo.expression import Expression
    from arazzo.plan import Plan, StepPlan

Wanted = dict[str, set[str]]
"""Names of outputs by stepId."""


@dataclass(frozen=True, slots=True)
class IntoCredentials:
    """What a workflow puts into its own credentials, besides its own inputs.

    Outputs of its steps by stepId; outputs (`results`) and inputs of workflows that are completed
    before, by workflowId.
    """

    outputs: Wanted
    results: Wanted
    inputs: Wanted


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
        if step.attempt.invocation:
            called, read = workflows[step.called].plan, (of_workflows or {})
            names = _of_workflow(step, wanted.get(step.step_id, set()), called)
            names |= read.get(step.attempt.invocation.workflow_id, set())
            _seal_inside(workflows, step.called, names)
    steps = tuple(_sealing(step, wanted.get(step.step_id, set())) for step in plan.steps)
    return plan.model_copy(update={"steps": steps, "workflows": workflows})


def _seal_inside(workflows: dict[str, SubWorkflow], kind: str, names: set[str] | None) -> None:
    if names:
        workflows[kind] = SubWorkflow(plan=_with_sealed_results(workflows[kind].plan, names))


def _with_sealed_results(plan: Plan, names: set[str]) -> Plan:
    """Seal outputs of the workflow, and those of one that a goto puts in its place."""
    wanted, of_workflows = _arising(plan, names)
    return _in_transfers(with_sealed_outputs(plan, wanted, of_workflows), names)


def with_results_of_transfers_sealed(plan: Plan) -> Plan:
    """Return the plan in which a transfer seals the outputs that are sealed without one."""
    return _in_transfers(plan, sealed_results(plan)) if plan.transfers else plan


def _in_transfers(plan: Plan, names: set[str]) -> Plan:
    transfers = {
        kind: SubWorkflow(plan=_with_sealed_results(sub.plan, names))
        for kind, sub in plan.transfers.items()
    }
    return plan.model_copy(update={"transfers": transfers})


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


def _arising(plan: Plan, names: set[str]) -> tuple[Wanted, Wanted]:
    """The outputs of steps, and of workflows, that the workflow's outputs of these names are."""
    values = [plan.outputs[name] for name in names & set(plan.outputs)]
    return by_first(read_outputs(plan, values)), by_first(read_results(plan, values))


def by_first(pairs: Iterable[tuple[str, str]]) -> Wanted:
    """Return the second ones of pairs by the first."""
    found: Wanted = {}
    for first, second in pairs:
        found.setdefault(first, set()).add(second)
    return found


def _reads_output(one: Expression, name: str) -> bool:
    return one.root == "outputs" and one.rest == name


def read_outputs(plan: Plan, value: object) -> Iterator[tuple[str, str]]:
    """Yield the outputs of steps that a value reads, as pairs of stepId and name."""
    known = {step.step_id: names_of_outputs(plan, step) for step in plan.steps}
    for one in expressions_in(value):
        found = expression.references(one)
        pair = expression.step_reference(found.rest, known) if found.root == "steps" else None
        if pair is not None:
            step_id, output = pair
            yield from (
                (step_id, name) for name in (known[step_id] if output is None else [output])
            )


def read_results(plan: Plan, value: object) -> Iterator[tuple[str, str]]:
    """Yield the outputs of completed workflows that a value reads, by workflowId and name."""
    known = {name: set(plan.workflows[kind].plan.outputs) for name, kind in completed(plan).items()}
    for one in expressions_in(value):
        rest = one.rest if one.root == "workflows" else one.rest.partition(".")[2]
        name = longest_key(rest, known) if one.root in ("workflows", "sourceDescriptions") else None
        kind, _, read = rest[len(name) + 1 :].partition(".") if name else ("", "", "")
        if name and kind == "outputs":
            only = longest_key(read, known[name])
            yield from ((name, each) for each in (known[name] if only is None else [only]))


def completed(plan: Plan) -> dict[str, str]:
    """Return the types of the workflows that are completed before or by steps, by workflowId."""
    found = {one.name: one.invocation.workflow_type for one in plan.depends_on}
    for step in plan.steps:
        if step.attempt.invocation:
            found[step.attempt.invocation.workflow_id] = step.called
    return found


def names_of_outputs(plan: Plan, step: StepPlan) -> tuple[str, ...]:
    """Return the names of a step's outputs, those of the workflow that it calls among them."""
    called = plan.workflows[step.called].plan.outputs if step.attempt.invocation else {}
    return tuple(dict.fromkeys([*step.attempt.outputs, *called]))


def sealed_outputs(plan: Plan) -> Wanted:
    """Return the outputs of steps that hold something sealed, by stepId."""
    return {step.step_id: found for step in plan.steps if (found := _sealed_of(plan, step))}


def _sealed_of(plan: Plan, step: StepPlan) -> set[str]:
    if step.attempt.invocation is None:
        return set(step.attempt.sealed)
    called = sealed_results(plan.workflows[step.called].plan)
    own = {
        name
        for name, value in step.attempt.outputs.items()
        if any(
            one.root == "outputs" and longest_key(one.rest, called) for one in expressions_in(value)
        )
    }
    return (called - set(step.attempt.outputs)) | own


def sealed_results(plan: Plan) -> set[str]:
    """Return the outputs of a workflow that hold a secret by name, or something of one sealed."""
    sealed, within = sealed_outputs(plan), completed(plan)
    results = {name: sealed_results(plan.workflows[kind].plan) for name, kind in within.items()}
    found = {
        name
        for name, value in plan.outputs.items()
        if any(output in sealed.get(step, ()) for step, output in read_outputs(plan, value))
        or any(output in results[flow] for flow, output in read_results(plan, value))
        or any(_reads_secret(one, plan) for one in expressions_in(value))
    }
    return found.union(*(sealed_results(sub.plan) for sub in plan.transfers.values()))


def _reads_secret(one: Expression, plan: Plan) -> bool:
    return one.root == "inputs" and longest_key(one.rest, plan.secret_inputs) is not None
