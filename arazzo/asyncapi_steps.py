"""Steps of AsyncAPI (Arazzo 1.1.0, 5.8.5): which they are, and what is wrong with one by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo.model import Parameter
from arazzo.scope import closest

if TYPE_CHECKING:
    from arazzo.model import Step
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

SEND_OR_RECEIVE: Final = ("send", "receive")
FIELDS: Final = ("channelPath", "action", "correlationId")
"""The fields that only a step of AsyncAPI can have."""
OPERATIONS: Final = "#/operations/"
"""In an operationPath: where a description of AsyncAPI 3 has its operations."""


def fields_of(step: Step) -> list[str]:
    """Return which of those fields a step has."""
    values = (step.channel_path, step.action, step.correlation_id)
    return [name for name, value in zip(FIELDS, values, strict=True) if value is not None]


def is_of_asyncapi(step: Step) -> bool:
    """Return whether a step has a field that only a step of AsyncAPI can have."""
    return bool(fields_of(step))


def names_asyncapi(scope: Scope, step: Step) -> bool:
    """Return whether a step is one of AsyncAPI: by its fields, or by its operation."""
    if is_of_asyncapi(step):
        return True
    if step.operation_path:
        return OPERATIONS in step.operation_path
    named = step.operation_id or ""
    if any(one.find(named) for one in scope.sources.openapi.values()):
        return False
    return any(
        named in described.operations or _behind(named, name) in described.operations
        for name, described in scope.sources.asyncapi.items()
    )


def _behind(named: str, source: str) -> str:
    """The operationId behind the name of its source, the empty text when that is another."""
    plain = named.removeprefix("$sourceDescriptions.")
    return plain.removeprefix(f"{source}.") if plain.startswith(f"{source}.") else ""


def check_asyncapi(scope: Scope, step: Step, path: Path) -> bool:
    """Find what is wrong with a step of AsyncAPI by itself; return whether it names one target."""
    checking = _Check(scope, step, path)
    named = checking.target()
    checking.action()
    checking.parameters()
    return named


class _Check:
    def __init__(self, scope: Scope, step: Step, path: Path) -> None:
        self.scope = scope
        self.step = step
        self.path = path

    def target(self) -> bool:
        """«This field is mutually exclusive of» the others: an operation or a channel."""
        step = self.step
        targets = {"operationId": step.operation_id, "operationPath": step.operation_path}
        given = [name for name, value in targets.items() if value]
        given += ["channelPath"] if step.channel_path else []
        if len(given) > 1:
            self._add(
                "two-operations",
                f"a step names its operation by `{given[0]}` or by `{given[1]}`, not by both",
                (given[1],),
                mend="keep one of the two",
            )
        elif not given:
            self._add(
                "missing-operation", "the step names no operation", (), mend="add `operationId:`"
            )
        return len(given) == 1

    def action(self) -> None:
        """What a channel is for must be said; an id correlates what is received."""
        said = self.step.action
        if said is None and self.step.channel_path:
            self._add(
                "missing-action",
                "the step names a channel and not what it does there",
                ("channelPath",),
                mend="add `action: send` or `action: receive`",
            )
        elif said is not None and said not in SEND_OR_RECEIVE:
            self._add(
                "unknown-action-type",
                f"the step has the action `{said}`",
                ("action",),
                mend=closest(said, SEND_OR_RECEIVE),
            )
        if self.step.correlation_id is not None and said == "send":
            self._add(
                "correlation-without-receive",
                "`correlationId` is only for a step that receives",
                ("correlationId",),
                mend="write `action: receive`, or take it out",
            )

    def parameters(self) -> None:
        """«In all other scenarios (...) the `in` field MUST be specified»."""
        for index, one in enumerate(self.step.parameters):
            if isinstance(one, Parameter) and one.location is None:
                said = f"the parameter `{one.name}` has no `in`"
                mend = "add `in: header`"
                self._add("parameter-without-in", said, ("parameters", index), mend=mend)

    def _add(self, code: str, message: str, path: Path, **more: Any) -> None:
        self.scope.add(code, message, (*self.path, *path), step_id=self.step.step_id, **more)
