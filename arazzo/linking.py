"""Plans laid beside each other: what a goto transfers to, and where secrets flow between them.

An input is secret when it flows into a credential, or into a secret input of a workflow that it
is handed to, by a step, a goto, a retry or a dependency; so this is known only once all workflows
are compiled. What is handed to a secret input is sealed where it arises (see sealing.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arazzo import expression
from arazzo.call_compilation import expressions_in
from arazzo.evaluation import with_evaluations
from arazzo.message_secrets import secret_messages
from arazzo.navigation import longest_key
from arazzo.plan import SubWorkflow
from arazzo.sealing import (
    by_first,
    completed,
    read_outputs,
    read_results,
    with_results_of_transfers_sealed,
    with_sealed_outputs,
)
from arazzo.transfers import actions_of, missing_targets, with_transfers
from arazzo.workflow_lookup import sub_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from arazzo.compilation import CompiledWorkflow
    from arazzo.expression import Expression
    from arazzo.plan import Plan
    from arazzo.scope import Sources

Secrets = dict[str, set[str]]
"""Names of secret inputs by workflow type."""


def linked(workflows: Sequence[CompiledWorkflow], sources: Sources) -> tuple[CompiledWorkflow, ...]:
    """Return the workflows of a document with all that their plans need of each other's."""
    others = [one for document in sources.arazzo.values() for one in document.workflows]
    runnable = [one for one in (*workflows, *others) if one.plan]
    known = {one.workflow_type: sub_workflow(one) for one in runnable}
    secrets = _secret_inputs(runnable)
    return tuple(_linked(one, known, secrets) for one in workflows)


def _linked(
    compiled: CompiledWorkflow, known: Mapping[str, SubWorkflow], secrets: Secrets
) -> CompiledWorkflow:
    if compiled.plan is None:
        return compiled
    plan = with_transfers(compiled.plan, known)
    missing = missing_targets(plan)
    if missing:
        said = f"a goto transfers to {', '.join(f'`{one}`' for one in missing)}, which can't be run"
        finding = compiled.source.finding(
            "broken-workflow", said, compiled.path, mend="mend the errors of those workflows"
        )
        return replace(compiled, plan=None, findings=(*compiled.findings, finding))

    def secured(kind: str, one: Plan) -> Plan:
        names = tuple(sorted(secrets.get(kind, set()).union(one.secret_inputs)))
        into = list(_into_secrets(one, secrets))
        sealed = with_sealed_outputs(
            one, by_first(read_outputs(one, into)), by_first(read_results(one, into))
        )
        return with_results_of_transfers_sealed(sealed.model_copy(update={"secret_inputs": names}))

    plan = _everywhere(compiled.workflow_type, plan, secured)
    refused = tuple(secret_messages(compiled, plan))
    if refused:
        return replace(compiled, plan=None, findings=(*compiled.findings, *refused))
    plan = _everywhere(compiled.workflow_type, plan, lambda _, one: with_evaluations(one))
    return replace(compiled, plan=plan)


def _everywhere(kind: str, plan: Plan, change: Callable[[str, Plan], Plan]) -> Plan:
    """Return the plan with a change of all plans inside it, and then of itself."""

    def changed(table: Mapping[str, SubWorkflow]) -> dict[str, SubWorkflow]:
        return {
            name: SubWorkflow(plan=_everywhere(name, sub.plan, change))
            for name, sub in table.items()
        }

    update = {"workflows": changed(plan.workflows), "transfers": changed(plan.transfers)}
    return change(kind, plan.model_copy(update=update))


def _secret_inputs(compiled: Sequence[CompiledWorkflow]) -> Secrets:
    """Return the secret inputs, with those that flow into secret inputs of other workflows."""
    plans = {one.workflow_type: one.plan for one in compiled if one.plan}
    declared = {one.workflow_type: one.schema.properties for one in compiled}
    secrets = {kind: set(plan.secret_inputs) for kind, plan in plans.items()}
    for kind, name in (pair for one in compiled for pair in _into_credentials(one)):
        secrets.setdefault(kind, set()).add(name)
    while True:
        more = {
            pair
            for kind, plan in plans.items()
            for one in expressions_in(list(_into_secrets(plan, secrets)))
            for pair in _inputs_read(one, kind, plan, declared)
            if pair[1] not in secrets.get(pair[0], ())
        }
        if not more:
            return secrets
        for kind, name in more:
            secrets.setdefault(kind, set()).add(name)


def _into_credentials(compiled: CompiledWorkflow) -> Iterator[tuple[str, str]]:
    """Yield the inputs of completed workflows that become credentials, with those ones' types."""
    types = completed(compiled.plan) if compiled.plan else {}
    for workflow_id, names in compiled.secret_inputs_of.items():
        if workflow_id in types:
            yield from ((types[workflow_id], name) for name in names)


def _inputs_read(
    one: Expression, kind: str, plan: Plan, declared: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str]]:
    """Yield the input that an expression reads: of the workflow itself, or of a completed one."""
    rest = one.rest
    if one.root in ("workflows", "sourceDescriptions"):
        within = completed(plan)
        flow = rest if one.root == "workflows" else rest.partition(".")[2]
        workflow_id = longest_key(flow, within)
        if workflow_id is None or not flow.startswith(f"{workflow_id}.inputs."):
            return
        kind, rest = within[workflow_id], flow.removeprefix(f"{workflow_id}.inputs.")
    elif one.root != "inputs":
        return
    name = expression.input_name(rest, declared.get(kind, ()))
    if name is not None:
        yield kind, name


def _into_secrets(plan: Plan, secrets: Secrets) -> Iterator[Any]:
    """Yield the values that the plan hands to secret inputs of other workflows."""
    for kind, inputs in _handed(plan):
        wanted = secrets.get(kind, set()) & set(inputs)
        yield from (inputs[name] for name in wanted)


def _handed(plan: Plan) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the inputs that the plan hands to other workflows, with the type of each."""
    yield from ((one.invocation.workflow_type, one.invocation.inputs) for one in plan.depends_on)
    for step in plan.steps:
        if step.attempt.invocation:
            yield step.called, step.attempt.invocation.inputs
        for one in actions_of(step):
            if one.workflow:
                yield one.workflow, one.inputs
