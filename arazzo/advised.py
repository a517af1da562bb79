"""What advice is about: one workflow with its plan, and where its parts stand in the document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from arazzo.model import Action, Parameter, Reusable
from arazzo.schemas import SchemaReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arazzo.compilation import CompiledWorkflow
    from arazzo.errors import Finding
    from arazzo.plan import Plan, StepPlan
    from arazzo.yaml_text import Path

_OTHER_STATUS: Final = re.compile(r"\b[1345]\d\d\b|[<>!]")
_OF_WORKFLOW: Final = {"onSuccess": "successActions", "onFailure": "failureActions"}


@dataclass(frozen=True)
class Subject:
    """A workflow that can run."""

    compiled: CompiledWorkflow
    plan: Plan

    def warn(self, code: str, message: str, index: int, path: Path, *, mend: str = "") -> Finding:
        """Return a warning at a path below a step."""
        where = f"workflow {self.plan.workflow_id}, step {self.plan.steps[index].step_id}"
        full = (*self.compiled.path, "steps", index, *path)
        return self._warn(code, message, full, where, mend)

    def warn_workflow(self, code: str, message: str, path: Path, *, mend: str = "") -> Finding:
        """Return a warning at a path below the workflow."""
        where = f"workflow {self.plan.workflow_id}"
        return self._warn(code, message, (*self.compiled.path, *path), where, mend)

    def _warn(self, code: str, message: str, full: Path, where: str, mend: str) -> Finding:
        return self.compiled.source.finding(
            code, message, full, severity="warning", where=where, mend=mend
        )

    def response(self, step: StepPlan) -> SchemaReader | None:
        """Return the schemas of the response that a step passes with, None when not all are told.

        A step that passes with another status than 2xx may have any response.
        """
        found = self.compiled.operations.get(step.step_id)
        if found is None or any(
            "$statusCode" in one.condition and _OTHER_STATUS.search(one.condition)
            for one in step.attempt.success_criteria
        ):
            return None
        return SchemaReader.of_success(found)

    def success_statuses(self, step: StepPlan) -> list[int]:
        """Return the statuses of a success that the description tells, else 200."""
        found = self.compiled.operations.get(step.step_id)
        told = [str(one) for one in (found.operation.responses if found else ())]
        return [int(one) for one in told if one.startswith("2") and one.isdecimal()] or [200]

    def action_path(self, index: int, field: str, name: str) -> Path | None:
        """Return where a step writes an action, below the step; None when the workflow does."""
        step = self.compiled.workflow.steps[index]
        actions = step.on_success if field == "onSuccess" else step.on_failure
        components = _OF_WORKFLOW[field]
        for at, one in enumerate(actions):
            own = one.name if isinstance(one, Action) else self._component(one, components)
            if own == name:
                return (field, at)
        return None

    def parameter_path(self, index: int, name: str, location: str) -> tuple[Path, bool]:
        """Return where a parameter is written, and whether that is below the step."""
        workflow = self.compiled.workflow
        for at in self._named(workflow.steps[index].parameters, name, location):
            return ("parameters", at), True
        for at in self._named(workflow.parameters, name, location):
            return ("parameters", at), False
        return (), True

    def _named(
        self, parameters: Sequence[Parameter | Reusable], name: str, location: str
    ) -> Iterator[int]:
        """The positions of the parameter: in the same place first, then where no place is told."""
        written = [
            (one.name, one.location)
            if isinstance(one, Parameter)
            else (self._component(one, "parameters"), location)
            for one in parameters
        ]
        yield from (at for at, one in enumerate(written) if one == (name, location))
        yield from (at for at, one in enumerate(written) if one[0] == name)

    def _component(self, one: Reusable, kind: str) -> str:
        """The name of what a reusable object refers to."""
        root: Any = self.compiled.source.value
        known = root.get("components", {}).get(kind, {}) if isinstance(root, dict) else {}
        found = known.get(one.reference.removeprefix(f"$components.{kind}."), {})
        return str(found.get("name", "")) if isinstance(found, dict) else ""
