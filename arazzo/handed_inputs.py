"""Parameters that are the inputs of a workflow: of a step that calls one, of an action.

«When the step, success action, or failure action in context specifies a `workflowId`, then all
parameters map to workflow inputs» (Arazzo 1.1.0, 5.8.6). They are computed in workflow code,
or by a local activity (see evaluation.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arazzo import expression
from arazzo.call_compilation import expressions_in
from arazzo.scope import closest
from arazzo.written_parameters import resolved_parameter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from arazzo.collected import Collected
    from arazzo.inputs import InputsSchema
    from arazzo.model import Parameter, Reusable
    from arazzo.references import Names
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path


@dataclass(frozen=True, slots=True)
class Called:
    """The workflow that gets the inputs; `secrets` are those of its inputs that are secret."""

    workflow_id: str
    schema: InputsSchema
    secrets: Collection[str] = ()


@dataclass
class HandedInputs:
    """Compiles the parameters of one step or action; `path` leads to it from the workflow.

    What it learns goes into the shared gatherings.
    """

    scope: Scope
    names: Names
    path: Path
    step_id: str
    collected: Collected
    secret_inputs: set[str]

    def compile(self, written: Sequence[Parameter | Reusable], called: Called) -> dict[str, Any]:
        """Return the inputs by name; what is wrong is a finding."""
        inputs: dict[str, Any] = {}
        for one, path in self._resolved(written):
            if one.name in inputs:
                self._add(
                    "duplicate-parameter",
                    f"the parameter `{one.name}` stands twice",
                    path,
                    mend="keep one of the two",
                )
            self._known(one, called, path)
            self._check(one, path, secret=one.name in called.secrets)
            inputs[one.name] = one.value
        self._check_required(called, inputs)
        return inputs

    def _resolved(
        self, written: Sequence[Parameter | Reusable]
    ) -> Iterator[tuple[Parameter, Path]]:
        for index, one in enumerate(written):
            path = (*self.path, "parameters", index)
            found = resolved_parameter(self.scope, one, path)
            if found is not None:
                yield found, path

    def _known(self, one: Parameter, called: Called, path: Path) -> None:
        declared = called.schema.properties
        known = {*declared, *called.schema.required}
        if called.schema.declares and one.name not in known:
            self._add(
                "unknown-input",
                f"the workflow `{called.workflow_id}` has no input `{one.name}`",
                path,
                mend=closest(one.name, declared),
            )

    def _check(self, one: Parameter, path: Path, *, secret: bool) -> None:
        where = (*self.scope.path, *path, "value")
        self.names.check_value(one.value, where, self.collected, after_response=False)
        for used in expressions_in(one.value):
            found = expression.references(used)
            if secret:
                self.names.seal(used)
            if secret and found.root == "inputs":
                name = expression.input_name(found.rest, self.names.inputs.properties)
                self.secret_inputs.add(found.rest if name is None else name)

    def _check_required(self, called: Called, inputs: Collection[str]) -> None:
        giver = "step" if self.path[:1] == ("steps",) and len(self.path) == STEP_DEPTH else "action"
        for name in called.schema.required:
            if name not in inputs and "default" not in called.schema.properties.get(name, {}):
                self._add(
                    "missing-input",
                    f"the workflow `{called.workflow_id}` requires the input `{name}`, "
                    f"and the {giver} does not give it",
                    self.path,
                    mend=f"add a parameter `name: {name}`",
                )

    def _add(self, code: str, message: str, path: Path, *, mend: str = "") -> None:
        self.scope.add(code, message, path, mend=mend, step_id=self.step_id)


STEP_DEPTH = 2
"""The length of the path to a step: `steps`, and its number."""
