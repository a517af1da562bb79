"""Workflows that a `goto` transfers to: their plans lie beside that of the run.

They may transfer back, so their plans can't lie inside each other: each plan has a table of all
that can be reached by transfers, and the run takes the table along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.plan import SubWorkflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.plan import ActionPlan, Plan, StepPlan


def transfer_targets(plan: Plan) -> Iterator[str]:
    """Yield the types of the workflows that the plan's own actions transfer to."""
    for step in plan.steps:
        yield from (one.workflow for one in actions_of(step) if one.type == "goto" and one.workflow)


def actions_of(step: StepPlan) -> tuple[ActionPlan, ...]:
    """Return the actions of a step, those of success first."""
    return (*step.attempt.on_success, *step.attempt.on_failure)


def with_transfers(plan: Plan, known: Mapping[str, SubWorkflow]) -> Plan:
    """Return the plan, and those inside it, with the tables of what they can transfer to."""
    workflows = {
        name: SubWorkflow(plan=with_transfers(sub.plan, known))
        for name, sub in plan.workflows.items()
    }
    reached = dict(plan.transfers)
    pending = list(transfer_targets(plan))
    while pending:
        name = pending.pop()
        if name not in reached and name in known:
            target = known[name].plan
            reached |= target.transfers
            reached[name] = SubWorkflow(plan=target.model_copy(update={"transfers": {}}))
            pending += transfer_targets(target)
    return plan.model_copy(update={"workflows": workflows, "transfers": reached})


def missing_targets(plan: Plan) -> set[str]:
    """Return the types that the plan can transfer to and that have no plan."""
    targets = {*transfer_targets(plan)}
    for sub in plan.transfers.values():
        targets.update(transfer_targets(sub.plan))
    return targets - set(plan.transfers)
