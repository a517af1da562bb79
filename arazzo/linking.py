"""Plans laid beside each other: what a goto transfers to, and where secrets flow between them.

Which inputs are secret is known only once all workflows are compiled (see secret_flow.py). What
is handed to a secret input is sealed where it arises (see sealing.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arazzo.evaluation import with_evaluations
from arazzo.message_secrets import secret_messages
from arazzo.plan import SubWorkflow
from arazzo.sealing import (
    by_first,
    read_outputs,
    read_results,
    with_results_of_transfers_sealed,
    with_sealed_outputs,
)
from arazzo.secret_flow import handed, secret_inputs
from arazzo.transfers import missing_targets, with_transfers
from arazzo.workflow_lookup import sub_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from arazzo.compilation import CompiledWorkflow
    from arazzo.plan import Plan
    from arazzo.scope import Sources
    from arazzo.secret_flow import Secrets


def linked(workflows: Sequence[CompiledWorkflow], sources: Sources) -> tuple[CompiledWorkflow, ...]:
    """Return the workflows of a document with all that their plans need of each other's."""
    others = [one for document in sources.arazzo.values() for one in document.workflows]
    runnable = [one for one in (*workflows, *others) if one.plan]
    known = {one.workflow_type: sub_workflow(one) for one in runnable}
    secrets = secret_inputs(runnable)
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


def _into_secrets(plan: Plan, secrets: Secrets) -> Iterator[Any]:
    """Yield the values that the plan hands to secret inputs of other workflows."""
    for kind, inputs in handed(plan):
        wanted = secrets.get(kind, set()) & set(inputs)
        yield from (inputs[name] for name in wanted)
