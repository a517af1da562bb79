"""The parameters of a step as they are written: its own, the workflow's, and reusable ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arazzo.model import Parameter, Reusable
from arazzo.path_templates import path_variables
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.model import Step
    from arazzo.openapi import Operation
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path


@dataclass(frozen=True, slots=True)
class WrittenParameters:
    """The parameters of one step, each with its place within the workflow."""

    scope: Scope
    step: Step
    path: Path

    def as_declared(self, operation: Operation) -> list[tuple[Parameter, Path]]:
        """Return the parameters with the names of the operation's path variables."""
        written = list(self.resolved())
        named = {one.name for one, _ in written}
        free = [one for one in path_variables(operation.path) if one not in named]
        return [(self._respelled(one, path, free), path) for one, path in written]

    def resolved(self) -> Iterator[tuple[Parameter, Path]]:
        """The step's own, then those of the workflow that the step does not name itself."""
        own = [
            (found, (*self.path, "parameters", index))
            for index, one in enumerate(self.step.parameters)
            if (found := resolved_parameter(self.scope, one, (*self.path, "parameters", index)))
            is not None
        ]
        self._refuse_duplicates(own)
        yield from own
        named = {(one.name, one.location) for one, _ in own}
        for index, one in enumerate(self.scope.workflow.parameters):
            found = resolved_parameter(self.scope, one, ("parameters", index))
            if found is not None and (found.name, found.location) not in named:
                yield found, ("parameters", index)

    def _respelled(self, one: Parameter, path: Path, free: list[str]) -> Parameter:
        """Read `pet_id` as the variable `petId`, where no other is meant (dialect.md, O22)."""
        if one.location != "path":
            return one
        meant = [name for name in free if _plain(name) == _plain(one.name)]
        if len(meant) != 1:
            return one
        self.scope.add(
            "parameter-spelling",
            f"`{one.name}` is read as `{meant[0]}`, the variable of the operation's path",
            path,
            step_id=self.step.step_id,
            severity="warning",
            mend=f"write `name: {meant[0]}`",
        )
        return one.model_copy(update={"name": meant[0]})

    def _refuse_duplicates(self, own: list[tuple[Parameter, Path]]) -> None:
        """«The list MUST NOT include duplicate parameters» (4.6.5)."""
        seen: set[tuple[str, str | None]] = set()
        for one, path in own:
            if (one.name, one.location) in seen:
                self.scope.add(
                    "duplicate-parameter",
                    f"the parameter `{one.name}` stands twice in the step",
                    path,
                    step_id=self.step.step_id,
                    mend="keep one of the two",
                )
            seen.add((one.name, one.location))


def resolved_parameter(scope: Scope, one: Parameter | Reusable, path: Path) -> Parameter | None:
    """Return the parameter, looked up in the components when it is a reusable one."""
    if isinstance(one, Parameter):
        return one
    known = scope.document.components.parameters
    found = known.get(one.reference.removeprefix("$components.parameters."))
    if found is None:
        scope.add(
            "unknown-component",
            f"`{one.reference}` names no parameter of the components",
            path,
            mend=closest(one.reference, [f"$components.parameters.{name}" for name in known]),
        )
        return None
    return found if one.value is None else found.model_copy(update={"value": one.value})


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
