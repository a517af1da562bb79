"""`dependsOn` of a step (Arazzo 1.1.0, 5.8.5): what must be completed before it.

«`dependsOn` only establishes a prerequisite relationship for the current step and does not
trigger execution of the referenced steps.» Steps run in the order written, so one that is never
before its dependent is a mistake; one that a goto may leave out is a warning, and the run fails
there. A step of another workflow is completed when that workflow is: by `dependsOn` of this
workflow, which nothing is left to do for, or by an earlier step that calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from arazzo.flow import Flow
from arazzo.scope import closest
from arazzo.workflow_lookup import SOURCE_PREFIX, missing_source, peek_workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.model import Step
    from arazzo.plan import Plan
    from arazzo.scope import Scope
    from arazzo.workflow_lookup import FoundWorkflow
    from arazzo.yaml_text import Path

OWN: Final = "$workflows."
ELSEWHERE: Final = (OWN, SOURCE_PREFIX)


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
        elif name.startswith(ELSEWHERE) and missing_source(scope, name):
            said = f"the step depends on `{name}`{missing_source(scope, name)}"
            scope.add("source-missing", said, place, step_id=step.step_id)
        elif name.startswith(ELSEWHERE):
            yield from _elsewhere(scope, step, name, place)
        else:
            scope.add(
                "unknown-dependency",
                f"`dependsOn` names no step of this workflow: `{name}`",
                place,
                mend=closest(name.removeprefix("$steps."), known),
                step_id=step.step_id,
            )
        named.add(name)


def _elsewhere(scope: Scope, step: Step, written: str, place: Path) -> Iterator[str]:
    """Yield the step of this workflow that completes a step of another one, if it takes one.

    «$workflows.<workflowId>.steps.<stepId>», «$sourceDescriptions.<name>.<workflowId>.steps.
    <stepId>»; a step of this workflow «MUST» be named by its stepId.
    """
    name, _, step_id = written.removeprefix(OWN).rpartition(".steps.")
    found = peek_workflow(scope, name)
    steps = [one.step_id for one in found.workflow.steps] if found else []
    if found is None or step_id not in steps or found.workflow is scope.workflow:
        prefix = written.removesuffix(step_id)
        scope.add(
            "unknown-dependency",
            f"`dependsOn` names no step of another workflow: `{written}`",
            place,
            mend=f"write `{step_id}`"
            if found and found.workflow is scope.workflow
            else closest(written, [f"{prefix}{one}" for one in steps]),
            step_id=step.step_id,
        )
        return
    callers = [one.step_id for one in scope.workflow.steps if _calls(scope, one, found)]
    first = any(_is(peek_workflow(scope, one), found) for one in scope.workflow.depends_on)
    if not first and not callers:
        scope.add(
            "late-dependency",
            f"the step depends on a step of another workflow, `{written}`, which nothing completes "
            "before it",
            place,
            mend=f"add `dependsOn: [{name}]` to the workflow, or call `{name}` in a step before",
            step_id=step.step_id,
        )
        return
    _refuse_left_out(scope, step, written, found, place)
    yield from () if first else callers[:1]


def _calls(scope: Scope, step: Step, wanted: FoundWorkflow) -> bool:
    return bool(step.workflow_id) and _is(peek_workflow(scope, step.workflow_id or ""), wanted)


def _is(found: FoundWorkflow | None, wanted: FoundWorkflow) -> bool:
    return found is not None and found.workflow_type == wanted.workflow_type


def _refuse_left_out(
    scope: Scope, step: Step, written: str, found: FoundWorkflow, place: Path
) -> None:
    """What a workflow left out on its way can't be seen from outside of its run."""
    compiled, step_id = found.compiled(), written.rpartition(".")[2]
    if compiled is None or compiled.plan is None:
        return  # told where the workflow is called
    if Flow(compiled.plan).may_complete(without=compiled.plan.index(step_id)):
        what = f"a dependency on `{written}`, which a way through its workflow leaves out,"
        scope.unsupported(what, place, step.step_id)


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
