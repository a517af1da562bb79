"""Names of outputs outside the grammar: `$steps.s.outputs.Team (all).id` (the dialect's O3).

Nothing in such a text tells where its name ends, but the names that are declared do: the longest
wins. The expression is put into braces, in which a name may hold anything, before it is parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo import expression
from arazzo.navigation import longest_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from arazzo.model import Document, Step, Workflow

_STEPS: Final = "$steps."


def in_braces(value: Any, outputs_of: Mapping[str, Collection[str]]) -> Any:
    """Return a JSON value in which texts that read such a name as a whole stand in braces."""
    if isinstance(value, str):
        return f"{{{value}}}" if reads_long_name(value, outputs_of) else value
    if isinstance(value, dict):
        return {key: in_braces(child, outputs_of) for key, child in value.items()}
    if isinstance(value, list):
        return [in_braces(child, outputs_of) for child in value]
    return value


def reads_long_name(text: str, outputs_of: Mapping[str, Collection[str]]) -> bool:
    """Return whether a text is one read of a declared output whose name no scan finds the end of.

    What is behind the name must be a path into it, and all of it.
    """
    if not text.startswith(_STEPS) or "{" in text or "}" in text:
        return False
    rest = text.removeprefix(_STEPS)
    step_id = longest_key(rest, outputs_of)
    if step_id is None:
        return False
    tail = rest[len(step_id) :].removeprefix(".").removeprefix("outputs.")
    name = longest_key(tail, outputs_of[step_id])
    if name is None:
        return False
    ends = len(text) - len(tail) + len(name)
    path = "$steps.a" + text[ends:]
    return expression.scan(text, 0) < ends and expression.scan(path, 0) == len(path)


def with_long_names(document: Document) -> Document:
    """Return the document with such reads in braces, wherever the steps of a workflow are read."""
    workflows = tuple(map(_workflow, document.workflows))
    return document.model_copy(update={"workflows": workflows})


def _workflow(workflow: Workflow) -> Workflow:
    outputs_of = {step.step_id: list(step.outputs) for step in workflow.steps}
    steps = tuple(_step(step, outputs_of) for step in workflow.steps)
    outputs = in_braces(workflow.outputs, outputs_of)
    return workflow.model_copy(update={"steps": steps, "outputs": outputs})


def _step(step: Step, outputs_of: Mapping[str, Collection[str]]) -> Step:
    parameters = tuple(
        one.model_copy(update={"value": in_braces(one.value, outputs_of)})
        for one in step.parameters
    )
    body = step.request_body
    if body is not None:
        payload = in_braces(body.payload, outputs_of)
        body = body.model_copy(update={"payload": payload})
    outputs = in_braces(step.outputs, outputs_of)
    return step.model_copy(
        update={"parameters": parameters, "request_body": body, "outputs": outputs}
    )
