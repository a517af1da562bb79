"""Which operation a step means: by operationId, plain or qualified by its source, or by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo.model import Parameter
from arazzo.operation_path import WrittenPath
from arazzo.path_templates import path_variables
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.model import Step
    from arazzo.openapi import Operation
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

RESERVED_OPERATION_IDS: Final = frozenset(
    (
        "load_plan", "seal_run", "judge_lost_attempt", "judge_workflow_step", "evaluate_values",
        "check_message", "judge_message", "join_pages", "move_outputs",
    )
)  # fmt: skip
"""Names of our own activities: Temporal would call those in place of the operation's."""

SOURCE_PREFIX: Final = "$sourceDescriptions."

Found = tuple[str, "Operation"]
"""The name of a source description, and one of its operations."""


def find_operation(scope: Scope, step: Step, path: Path) -> Found | None:
    """Return the operation of a step; None when there is none, which is then a finding."""
    return _Lookup(scope, step, path).find()


class _Lookup:
    def __init__(self, scope: Scope, step: Step, path: Path) -> None:
        self.scope = scope
        self.step = step
        self.path = path

    def find(self) -> Found | None:
        if self.step.operation_path:
            return self._by_path(self.step.operation_path)
        if not self.step.operation_id:
            self._add(
                "missing-operation", "the step names no operation", (), mend="add `operationId:`"
            )
            return None
        return self._found(self.step.operation_id)

    def _by_path(self, text: str) -> Found | None:
        if self.step.operation_id:
            self._add(
                "two-operations",
                "a step names its operation by `operationId` or by `operationPath`, not by both",
                ("operationPath",),
                mend="keep one of the two",
            )
        written = WrittenPath.read(text)
        if not written.is_standard:
            self._add(
                "operation-path-form",
                f"`{text}` is not how the standard writes an operationPath",
                ("operationPath",),
                severity="warning",
                mend="write `{$sourceDescriptions.NAME.url}#/paths/~1PATH/METHOD`",
            )
        found = [
            (name, operation)
            for name, description in self.scope.sources.openapi.items()
            if written.means(name, self.scope.urls.get(name, ""))
            for method, operation in description.at(written.path).items()
            if written.method in ("", method)
        ]
        if found:
            return self._only("operationPath", text, found)
        self._unknown_path(written)
        return None

    def _unknown_path(self, written: WrittenPath) -> None:
        if self._missing_sources("operationPath"):
            return
        known = [
            f"{method} {path}"
            for description in self.scope.sources.openapi.values()
            for path in description.paths
            for method in description.at(path)
        ]
        wanted = f"{written.method} {written.path}".strip()
        self._add(
            "unknown-operation",
            f"no source description has an operation {wanted}",
            ("operationPath",),
            mend=closest(wanted, known),
        )

    def _only(self, field: str, text: str, found: list[Found]) -> Found | None:
        if len(found) == 1:
            self._check_operation(found[0][1], field)
            return found[0]
        places = ", ".join(f"{source}: {one.method} {one.path}" for source, one in found)
        path_form = "write `{$sourceDescriptions.NAME.url}#/paths/~1PATH/METHOD`"
        one_source_each = len({source for source, _ in found}) == len(found)
        by_id = field == "operationId" and one_source_each
        self._add(
            "ambiguous-operation",
            f"the {field} `{text}` names several operations: {places}",
            (field,),
            mend=f"write `$sourceDescriptions.NAME.{text}`" if by_id else path_form,
        )
        return None

    def _found(self, text: str) -> Found | None:
        found = list(self._candidates(text))
        if len(found) > 1:
            found = [one for one in found if self._fits(one[1])] or found
        if len({(one.method, one.path) for _, one in found}) == 1:
            found = found[:1]  # two descriptions of one operation
        if found:
            return self._only("operationId", text, found)
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
        qualified = text.removeprefix(SOURCE_PREFIX)
        for name, description in self.scope.sources.openapi.items():
            if not exact and qualified.startswith(f"{name}."):
                for operation in description.find(qualified.removeprefix(f"{name}.")):
                    yield name, operation

    def _fits(self, operation: Operation) -> bool:
        """Whether the step gives just what the operation's path wants."""
        own = [one for one in self.step.parameters if isinstance(one, Parameter)]
        placed = {one.name for one in own if one.location == "path"}
        return placed <= set(path_variables(operation.path)) <= {one.name for one in own}

    def _unknown_operation(self, text: str) -> None:
        if text.startswith(SOURCE_PREFIX) and self._unknown_source(text):
            return
        if self._missing_sources("operationId"):
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

    def _unknown_source(self, text: str) -> bool:
        name = text.removeprefix(SOURCE_PREFIX).split(".", maxsplit=1)[0]
        known = list(self.scope.urls)
        if any(text.startswith(f"{SOURCE_PREFIX}{one}.") for one in known):
            return False
        self._add(
            "unknown-source",
            f"there is no source description `{name}`",
            ("operationId",),
            mend=closest(name, known),
        )
        return True

    def _missing_sources(self, field: str) -> bool:
        """What can't be found may stand in a source that is not there: then that is said."""
        for name, problem in self.scope.sources.problems.items():
            self._add("source-missing", f"the source `{name}` {problem}", (field,))
        return bool(self.scope.sources.problems)

    def _check_operation(self, operation: Operation, field: str) -> None:
        if operation.operation_id in RESERVED_OPERATION_IDS:
            self._add(
                "reserved-operation",
                f"the operationId `{operation.operation_id}` is a name of the engine's own",
                (field,),
                mend="give the operation another operationId in its OpenAPI description",
            )
        for reference in operation.problems:
            self._add(
                "missing-reference",
                f"a reference to another file (`{reference}`) in the operation leads nowhere",
                (field,),
                mend="put the file beside the description, or mend the reference there",
            )

    def _add(self, code: str, message: str, path: Path, **more: Any) -> None:
        self.scope.add(code, message, (*self.path, *path), step_id=self.step.step_id, **more)

    def _unsupported(self, what: str, path: Path) -> None:
        self.scope.unsupported(what, (*self.path, *path), self.step.step_id)
