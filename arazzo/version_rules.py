"""What Arazzo 1.1.0 demands of a document beyond 1.0.1; documents of 1.0 are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo import selector
from arazzo.model import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.errors import Finding
    from arazzo.model import Action, Document
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path, YamlText


def document_findings(source: YamlText, document: Document) -> Iterator[Finding]:
    """Yield what is wrong with `$self`: «The `$self` URI MUST NOT contain a fragment identifier».

    5.8.1 of 1.1.0.
    """
    if document.self_uri is not None and "#" in document.self_uri:
        yield source.finding(
            "invalid-self",
            f"`$self` must not have a fragment: `{document.self_uri}`",
            ("$self",),
            mend=f"write `{document.self_uri.partition('#')[0]}`",
        )


def check_workflow(scope: Scope) -> None:
    """Add what is wrong with the steps of a workflow, by rules of 1.1.0 only."""
    if not scope.document.is_of_1_1:
        return
    for index, step in enumerate(scope.workflow.steps):
        path: Path = ("steps", index)
        if step.success_criteria == ():
            scope.add(
                "empty-list",
                "`successCriteria` must have at least one criterion",
                (*path, "successCriteria"),
                mend="take it out; without it each 2xx is a success",
                step_id=step.step_id,
            )
        if step.timeout == 0:
            scope.add(
                "no-time",
                "a `timeout` of 0 leaves the step no time",
                (*path, "timeout"),
                mend="write milliseconds, or take it out",
                step_id=step.step_id,
            )


def check_action(scope: Scope, action: Action, path: Path, step_id: str) -> None:
    """Add what is wrong with the parameters of an action, 5.8.7 and 5.8.8 of 1.1.0.

    They «MUST be passed to a workflow as referenced by `workflowId`», and have no `in`.
    """
    if action.parameters and not action.workflow_id:
        scope.add(
            "parameters-without-workflow",
            f"the action `{action.name}` has parameters and names no workflow for them",
            (*path, "parameters"),
            mend="add `workflowId`, or take them out",
            step_id=step_id,
        )
    for index, one in enumerate(action.parameters or ()):
        if isinstance(one, Parameter) and one.location is not None:
            scope.add(
                "action-parameter-in",
                f"the parameter `{one.name}` of an action is an input, and has no `in`",
                (*path, "parameters", index, "in"),
                mend="take `in` out",
                severity="warning",
                step_id=step_id,
            )


def check_output(scope: Scope, value: object, path: Path, step_id: str = "") -> bool:
    """Return whether an output is an expression or a selector object; add what it is otherwise."""
    if isinstance(value, str) or selector.written(value) is not None:
        return True
    if selector.is_selector(value):
        version = scope.document.arazzo
        what = f"a selector object, which is of Arazzo 1.1, in a document of {version}"
        scope.unsupported(what, path, step_id)
    elif scope.document.is_of_1_1 and isinstance(value, dict):
        scope.add(
            "invalid-selector",
            "an output is an expression, or a selector object, which this is not",
            path,
            mend="a selector object has `context`, `selector` and `type`",
            step_id=step_id,
        )
    else:
        scope.unsupported("an output that is no expression", path, step_id)
    return False
