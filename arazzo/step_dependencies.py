"""`dependsOn` of a step (Arazzo 1.1.0, 5.8.5): what must be completed before it.

«`dependsOn` only establishes a prerequisite relationship for the current step and does not
trigger execution of the referenced steps.» Steps run in the order written, so one that is never
before its dependent is a mistake; one that a goto may leave out is a warning, and the run fails
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.flow import Flow
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.model import Step
    from arazzo.plan import Plan
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

ELSEWHERE = ("$workflows.", "$sourceDescriptions.")


def dependencies(scope: Scope, step: Step, path: Path) -> tuple[str, ...]:
    """Return the stepIds that a step depends on; what is wrong with one is a finding."""
    if step.depends_on == ():
        scope.add(
            "empty-dependencies",
            "`dependsOn` must name at least one step",
            (*path, "dependsOn"),
            mend="take it out",
            step_id=step.step_id,
        )
    return tuple(dict.fromkeys(_known(scope, step, (*path, "dependsOn"))))


def _known(scope: Scope, step: Step, path: Path) -> Iterator[str]:
    known = [one.step_id for one in scope.workflow.steps]
    named: set[str] = set()
    for index, name in enumerate(step.depends_on or ()):
        place = (*path, index)
        if name in named:
            said = f"`dependsOn` names `{name}` twice"
            scope.add(
                "duplicate-dependency", said, place, mend="name it once", step_id=step.step_id
            )
        elif name in known:
            yield name
        elif name.startswith(ELSEWHERE):
            what = f"a step that depends on a step of another workflow (`{name}`)"
            scope.unsupported(what, place, step.step_id)
        else:
            scope.add(
                "unknown-dependency",
                f"`dependsOn` names no step of this workflow: `{name}`",
                place,
                mend=closest(name.removeprefix("$steps."), known),
                step_id=step.step_id,
            )
        named.add(name)


def check_order(scope: Scope, plan: Plan) -> None:
    """Add what can't be completed before the step that depends on it, or may be left out."""
    flow = Flow(plan)
    if scope.document.is_of_1_1:
        _check_outputs(scope, plan, flow)
    for index, step in enumerate(plan.steps):
        for name in step.depends_on if index in flow.reachable() else ():
            there = plan.index(name)
            place: Path = ("steps", index, "dependsOn")
            if there not in flow.reachable(without=index):
                scope.add(
                    "late-dependency",
                    f"the step depends on `{name}`, which no way leads to before it",
                    place,
                    mend=f"put the step `{name}` before it",
                    step_id=step.step_id,
                )
            elif index in flow.reachable(without=there):
                scope.add(
                    "skipped-dependency",
                    f"the step depends on `{name}`, which a way to it leaves out; "
                    "the run fails there then",
                    place,
                    mend=f"let every way to this step lead through `{name}`",
                    severity="warning",
                    step_id=step.step_id,
                )


def _check_outputs(scope: Scope, plan: Plan, flow: Flow) -> None:
    """«Implementations SHOULD produce an error if a step references another step's outputs where
    the referenced step appears later in the steps array»: unless a way leads there before.
    """  # noqa: D205 - the words of the standard
    for index, step in enumerate(plan.steps):
        for name in step.reads.steps if index in flow.reachable() else ():
            there = plan.index(name)
            if there != index and there not in flow.reachable(without=index):
                scope.add(
                    "late-outputs",
                    f"the step reads outputs of `{name}`, which no way leads to before it",
                    ("steps", index, "stepId"),
                    mend=f"put the step `{name}` before it",
                    step_id=step.step_id,
                )
