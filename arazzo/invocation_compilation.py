"""From a step with `workflowId` to the invocation of that workflow (Arazzo 1.0.1, 4.6.5).

«If a workflowId is referenced, parameters map to workflow inputs.» The called workflow runs as a
child of its own, by a plan that lies inside the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arazzo import expression, navigation
from arazzo.asyncapi_steps import fields_of
from arazzo.call_compilation import expressions_in, resolved_parameter
from arazzo.plan import Invocation
from arazzo.scope import closest
from arazzo.workflow_lookup import find_workflow, runnable, sub_workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arazzo.compilation import CompiledWorkflow
    from arazzo.model import Parameter, Step
    from arazzo.plan import SubWorkflow
    from arazzo.references import Collected, Names
    from arazzo.scope import Scope
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
        if called is None or called.plan is None:
            return None
        for source, choices in called.servers.items():
            self.servers.setdefault(source, dict(choices))
        self.workflows[called.workflow_type] = sub_workflow(called)
        return Invocation(
            workflow_type=called.workflow_type,
            workflow_id=called.workflow.workflow_id,
            inputs=self._inputs(called, called.plan.secret_inputs),
        )

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

    def _inputs(self, called: CompiledWorkflow, secrets: tuple[str, ...]) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        declared = called.schema.properties
        for index, written in enumerate(self.step.parameters):
            path: Path = (*self.path, "parameters", index)
            one = resolved_parameter(self.scope, written, path)
            if one is None:
                continue
            if called.schema.declares and one.name not in declared:
                self._add(
                    "unknown-input",
                    f"the workflow `{called.workflow.workflow_id}` has no input `{one.name}`",
                    ("parameters", index),
                    mend=closest(one.name, declared),
                )
            self._check(one, path, secret=one.name in secrets)
            inputs[one.name] = one.value
        self._check_required(called, inputs)
        return inputs

    def _check(self, one: Parameter, path: Path, *, secret: bool) -> None:
        where = (*self.scope.path, *path, "value")
        self.names.check_value(one.value, where, self.collected, after_response=False)
        for used in expressions_in(one.value):
            if navigation.needs_jsonpath(used.text):
                self.scope.unsupported(
                    f"a query in an input of a workflow (`{used.text}`)", path, self.step.step_id
                )
            found = expression.references(used)
            if secret and found.root == "steps":
                self.names.seal(found.rest)
            elif secret and found.root == "inputs":
                name = expression.input_name(found.rest, self.names.inputs.properties)
                self.secret_inputs.add(found.rest if name is None else name)

    def _check_required(self, called: CompiledWorkflow, inputs: Mapping[str, Any]) -> None:
        for name in called.schema.required:
            if name not in inputs and "default" not in called.schema.properties.get(name, {}):
                self._add(
                    "missing-input",
                    f"the workflow `{called.workflow.workflow_id}` requires the input `{name}`, "
                    "and the step does not give it",
                    (),
                    mend=f"add a parameter `name: {name}`",
                )

    def _add(self, code: str, message: str, path: Path, *, mend: str = "") -> None:
        where = (*self.path, *path)
        self.scope.add(code, message, where, mend=mend, step_id=self.step.step_id)
