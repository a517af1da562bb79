"""The flow of a plan as a graph: which step may follow which.

An action that transfers to another workflow leaves this one, so it is no way to any step. A retry
with `stepId` runs that step in between: it is reached, and nothing follows it from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arazzo.transition import leads_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arazzo.plan import ActionPlan, Plan, StepPlan


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one step to another, by their positions; `action` is None for the next step."""

    begin: int
    end: int
    action: ActionPlan | None = None


class Flow:
    """The ways between the steps of one workflow."""

    def __init__(self, plan: Plan) -> None:
        """Follow every action that may be taken."""
        self.plan = plan
        self.edges = [edge for i in range(len(plan.steps)) for edge in self._edges(i)]

    def reachable(self, without: int | None = None, *, start: int = 0) -> set[int]:
        """Return the steps that `start` leads to, itself too, on ways that avoid one step."""
        found: set[int] = set()
        pending = [] if without == start else [start]
        while pending:
            here = pending.pop()
            if here not in found:
                found.add(here)
                pending += [e.end for e in self.edges if e.begin == here and e.end != without]
        between = {step for here in found for step in self._run_between(here)}
        return found | (between - {without})

    def leaves(self, here: int) -> bool:
        """Return whether an action of the step may end the run, or transfer it."""
        return any(one.type == "end" or _transfers(one) for one in self._actions(here))

    def may_complete(self, without: int) -> bool:
        """Return whether the run may be completed, or transferred, on a way that avoids a step."""
        return any(self._completes(here) for here in self.reachable(without=without))

    def _completes(self, here: int) -> bool:
        attempt = self.plan.steps[here].attempt
        success = considered(attempt.on_success)
        return (
            any(one.type == "end" or _transfers(one) for one in success)
            or any(_transfers(one) for one in considered(attempt.on_failure, failed=True))
            or (here + 1 == len(self.plan.steps) and self._goes_on(self.plan.steps[here]))
        )

    def leads_beyond(self, here: int, last: int) -> bool:
        """Return whether a way from the step leads behind another one."""
        return any(edge.begin == here and edge.end > last for edge in self.edges)

    def _actions(self, here: int) -> Iterator[ActionPlan]:
        attempt = self.plan.steps[here].attempt
        yield from considered(attempt.on_success)
        yield from considered(attempt.on_failure, failed=True)

    def _run_between(self, here: int) -> Iterator[int]:
        for action in self._actions(here):
            if action.type == "retry" and action.target is not None:
                yield self.plan.index(action.target)

    def _edges(self, here: int) -> Iterator[Edge]:
        step = self.plan.steps[here]
        for action in self._actions(here):
            if action.type == "retry":
                yield Edge(here, here, action)
            elif action.type == "goto" and action.target is not None:
                yield Edge(here, self.plan.index(action.target), action)
        if here + 1 < len(self.plan.steps) and self._goes_on(step):
            yield Edge(here, here + 1)

    def _goes_on(self, step: StepPlan) -> bool:
        """Whether the next step may follow: no action always matches, and it is no poll."""
        actions = step.attempt.on_success
        if any(not action.criteria for action in actions):
            return False
        back = [leads_back(self.plan, step, action) for action in actions]
        return not any(back) or all(back)


def considered(actions: Sequence[ActionPlan], *, failed: bool = False) -> Iterator[ActionPlan]:
    """Yield the actions that may be taken: none behind one that always matches.

    A retry of a failed step does so only until its limit is used up.
    """
    for action in actions:
        yield action
        if not action.criteria and not (failed and action.type == "retry"):
            return


def _transfers(action: ActionPlan) -> bool:
    return action.type == "goto" and action.workflow is not None
