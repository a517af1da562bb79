"""Which operation a step means: by operationId, plain or qualified by its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo.model import Parameter
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.model import Step
    from arazzo.openapi import Operation
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

RESERVED_OPERATION_IDS: Final = frozenset(
    ("load_plan", "seal_run", "judge_lost_attempt", "judge_workflow_step")
)
"""Names of our own activities: Temporal would call those in place of the operation's."""

Found = tuple[str, "Operation"]
"""The name of a source description, and one of its operations."""


def find_operation(scope: Scope, step: Step, path: Path) -> Found | None:
    """Return the operation of a step; None when there is none, which is then a finding."""
    return _Lookup(scope, step, path).find()


def path_variables(path: str) -> Iterator[str]:
    """Yield the names of the variables in a path template, in their order."""
    for part in path.split("{")[1:]:
        name, closing, _ = part.partition("}")
        if closing:
            yield name


class _Lookup:
    def __init__(self, scope: Scope, step: Step, path: Path) -> None:
        self.scope = scope
        self.step = step
        self.path = path

    def find(self) -> Found | None:
        if self.step.operation_path:
            self._unsupported("a step with `operationPath`", ("operationPath",))
            return None
        for extra in ("channelPath", "action", "correlationId"):
            if extra in (self.step.model_extra or {}):
                self._unsupported(f"`{extra}` (AsyncAPI)", (extra,))
                return None
        if not self.step.operation_id:
            self._add(
                "missing-operation", "the step names no operation", (), mend="add `operationId:`"
            )
            return None
        return self._found(self.step.operation_id)

    def _found(self, text: str) -> Found | None:
        found = list(self._candidates(text))
        if len(found) > 1:
            found = [one for one in found if self._fits(one[1])] or found
        if len(found) == 1:
            self._check_operation(found[0][1])
            return found[0]
        if found:
            places = ", ".join(f"{source}: {one.method} {one.path}" for source, one in found)
            self._add(
                "ambiguous-operation",
                f"the operationId `{text}` names several operations: {places}",
                ("operationId",),
                mend="write `$sourceDescriptions.NAME." + text + "`",
            )
        else:
            self._unknown_operation(text)
        return None

    def _candidates(self, text: str) -> Iterator[Found]:
        """The whole text as an id first, then `$sourceDescriptions.name.id` and `name.id`."""
        exact = [
            (name, operation)
            for name, description in self.scope.sources.openapi.items()
            for operation in description.find(text)
        ]
        yield from exact
        qualified = text.removeprefix("$sourceDescriptions.")
        for name, description in self.scope.sources.openapi.items():
            if not exact and qualified.startswith(f"{name}."):
                for operation in description.find(qualified.removeprefix(f"{name}.")):
                    yield name, operation

    def _fits(self, operation: Operation) -> bool:
        given = {one.name for one in self.step.parameters if isinstance(one, Parameter)}
        return set(path_variables(operation.path)) <= given

    def _unknown_operation(self, text: str) -> None:
        for name, problem in self.scope.sources.problems.items():
            self._add("source-missing", f"the source `{name}` {problem}", ("operationId",))
        if self.scope.sources.problems:
            return
        known = [
            one
            for description in self.scope.sources.openapi.values()
            for one in description.operation_ids
        ]
        self._add(
            "unknown-operation",
            f"no source description has an operation `{text}`",
            ("operationId",),
            mend=closest(text, known),
        )

    def _check_operation(self, operation: Operation) -> None:
        if operation.operation_id in RESERVED_OPERATION_IDS:
            self._add(
                "reserved-operation",
                f"the operationId `{operation.operation_id}` is a name of the engine's own",
                ("operationId",),
                mend="give the operation another operationId in its OpenAPI description",
            )
        for reference in operation.problems:
            self._unsupported(f"a reference to another file (`{reference}`)", ("operationId",))

    def _add(self, code: str, message: str, path: Path, **more: Any) -> None:
        self.scope.add(code, message, (*self.path, *path), step_id=self.step.step_id, **more)

    def _unsupported(self, what: str, path: Path) -> None:
        self.scope.unsupported(what, (*self.path, *path), self.step.step_id)
