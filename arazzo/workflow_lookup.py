"""Which workflow a document means: its own by workflowId, or one of another document.

«$sourceDescriptions.<name>.<workflowId>» names a workflow of a source of the type arazzo
(Arazzo 1.0.1, 4.6.5 and 4.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from arazzo.inputs import InputsSchema
from arazzo.plan import SubWorkflow
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Callable

    from arazzo.compilation import CompiledWorkflow
    from arazzo.model import Workflow
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

SOURCE_PREFIX: Final = "$sourceDescriptions."


@dataclass(frozen=True)
class FoundWorkflow:
    """A workflow that is named somewhere: its type, its model, its inputs, and its compilation.

    `compiled` is None while the workflow is being compiled itself.
    """

    workflow_type: str
    workflow: Workflow
    schema: InputsSchema
    compiled: Callable[[], CompiledWorkflow | None]


def find_workflow(
    scope: Scope, written: str, path: Path, step_id: str = ""
) -> FoundWorkflow | None:
    """Return the workflow that is meant; None when there is none, which is then a finding."""
    found = peek_workflow(scope, written)
    if found is None:
        why = missing_source(scope, written)
        own = [one.workflow_id for one in scope.document.workflows]
        scope.add(
            "unknown-workflow",
            f"there is no workflow `{written}`{why}",
            path,
            mend="" if why else closest(written, [*own, *_known_elsewhere(scope)]),
            step_id=step_id,
        )
    return found


def peek_workflow(scope: Scope, written: str) -> FoundWorkflow | None:
    """Return the workflow that is meant, None when there is none; `name.id` is tolerated."""
    for one in scope.document.workflows:
        if one.workflow_id == written:
            kind, schema = scope.settings.prefix + written, _schema(scope, one)
            return FoundWorkflow(kind, one, schema, lambda: scope.compiled(written))
    rest = written.removeprefix(SOURCE_PREFIX)
    for name, document in scope.sources.arazzo.items():
        for other in document.workflows:
            if rest == f"{name}.{other.workflow.workflow_id}":
                return _compiled_already(other)
    return None


def _compiled_already(other: CompiledWorkflow) -> FoundWorkflow:
    return FoundWorkflow(other.workflow_type, other.workflow, other.schema, lambda: other)


def _schema(scope: Scope, workflow: Workflow) -> InputsSchema:
    try:
        return InputsSchema(workflow.inputs, scope.document.components.inputs)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        return InputsSchema(None)  # the workflow itself tells what is wrong


def _known_elsewhere(scope: Scope) -> list[str]:
    return [
        f"{SOURCE_PREFIX}{name}.{one.workflow.workflow_id}"
        for name, document in scope.sources.arazzo.items()
        for one in document.workflows
    ]


def missing_source(scope: Scope, written: str) -> str:
    """Return why the source that a name leads into is not there, the empty text when it is."""
    rest = written.removeprefix(SOURCE_PREFIX)
    for name, problem in scope.sources.problems.items():
        if rest.startswith(f"{name}."):
            return f": the source `{name}` {problem}"
    return ""


def runnable(
    scope: Scope, found: FoundWorkflow, path: Path, step_id: str = ""
) -> CompiledWorkflow | None:
    """Return the workflow with its plan; None when it has none, which is then a finding."""
    compiled = found.compiled()
    name = found.workflow.workflow_id
    if compiled is None:
        scope.add(
            "recursive-workflow",
            f"the workflow `{name}` calls itself by this way",
            path,
            mend="a loop is written with `goto`",
            step_id=step_id,
        )
    elif compiled.plan is None:
        scope.add(
            "broken-workflow",
            f"the workflow `{name}` can't be run",
            path,
            mend=f"mend the errors of `{name}`",
            step_id=step_id,
        )
    return compiled if compiled and compiled.plan else None


def sub_workflow(compiled: CompiledWorkflow) -> SubWorkflow:
    """Return the plan of a workflow as it lies in that of its caller: with its inputs' schema."""
    if compiled.plan is None:
        message = f"{compiled.workflow_type} has no plan"
        raise ValueError(message)
    schema = compiled.schema
    update = {"inputs_schema": schema.schema, "component_inputs": schema.components}
    return SubWorkflow(plan=compiled.plan.model_copy(update=update))


def same_named(own: InputsSchema, called: InputsSchema) -> dict[str, Any]:
    """Return inputs for a workflow that gets none of its own: those that both have by name.

    The standard is silent on the inputs of a transfer, a dependency and a retried workflow; a
    workflow that declares no inputs gets all of the caller's.
    """
    wanted = called.properties if called.declares else own.properties
    return {name: f"$inputs.{name}" for name in wanted if name in own.properties}
