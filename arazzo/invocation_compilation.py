"""From a step with `workflowId` to the invocation of that workflow (Arazzo 1.0.1, 4.6.5).

«If a workflowId is referenced, parameters map to workflow inputs.» The called workflow runs as a
child of its own, by a plan that lies inside the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arazzo.asyncapi_steps import fields_of
from arazzo.handed_inputs import Called, HandedInputs
from arazzo.plan import Invocation
from arazzo.workflow_lookup import find_workflow, runnable, sub_workflow

if TYPE_CHECKING:
    from arazzo.collected import Collected
    from arazzo.compilation import CompiledWorkflow
    from arazzo.model import Step
    from arazzo.plan import SubWorkflow
    from arazzo.references import Names
    from arazzo.scope import Scope
    from arazzo.workflow_lookup import FoundWorkflow
    from arazzo.yaml_text import Path


@dataclass
class InvocationCompiler:
    """Compiles one step that calls a workflow; what it learns goes into the shared gatherings."""

    scope: Scope
    names: Names
    step: Step
    path: Path
    collected: Collected
    secret_inputs: set[str]
    servers: dict[str, dict[str, str]]
    workflows: dict[str, SubWorkflow]

    def compile(self) -> Invocation | None:
        """Return the invocation, None when there is no such workflow or it has no plan."""
        self._refuse_operations()
        path = (*self.path, "workflowId")
        found = find_workflow(self.scope, self.step.workflow_id or "", path, self.step.step_id)
        called = runnable(self.scope, found, path, self.step.step_id) if found else None
        inputs = self._inputs(found, called) if found else {}
        if called is None:
            return None
        for source, choices in called.servers.items():
            self.servers.setdefault(source, dict(choices))
        self.workflows[called.workflow_type] = sub_workflow(called)
        return Invocation(
            workflow_type=called.workflow_type,
            workflow_id=called.workflow.workflow_id,
            inputs=inputs,
        )

    def _inputs(self, found: FoundWorkflow, called: CompiledWorkflow | None) -> dict[str, Any]:
        """The parameters; those of a workflow that can't be run are checked as well."""
        secrets = called.plan.secret_inputs if called and called.plan else ()
        gets = Called(found.workflow.workflow_id, found.schema, secrets)
        handed = HandedInputs(
            self.scope, self.names, self.path, self.step.step_id, self.collected,
            self.secret_inputs,
        )  # fmt: skip
        return handed.compile(self.step.parameters, gets)

    def _refuse_operations(self) -> None:
        """«The field is mutually exclusive of» operationId and operationPath."""
        step = self.step
        others = {
            "operationId": step.operation_id,
            "operationPath": step.operation_path,
            "requestBody": step.request_body,
        }
        given = [name for name, value in others.items() if value is not None]
        for name in (*given, *fields_of(step)):
            self._add(
                "workflow-and-operation",
                f"a step with `workflowId` can't have `{name}`",
                (name,),
                mend=f"keep either `workflowId` or `{name}`",
            )

    def _add(self, code: str, message: str, path: Path, *, mend: str = "") -> None:
        where = (*self.path, *path)
        self.scope.add(code, message, where, mend=mend, step_id=self.step.step_id)
