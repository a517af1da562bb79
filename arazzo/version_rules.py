"""What Arazzo 1.1.0 demands of a document beyond 1.0.1; documents of 1.0 are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.errors import Finding
    from arazzo.model import Document
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
