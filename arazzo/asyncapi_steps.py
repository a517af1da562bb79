"""Steps of AsyncAPI (Arazzo 1.1.0, 5.8.5): what is wrong with one, and that none is run yet."""

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


def fields_of(step: Step) -> list[str]:
    """Return which of those fields a step has."""
    values = (step.channel_path, step.action, step.correlation_id)
    return [name for name, value in zip(FIELDS, values, strict=True) if value is not None]


def is_of_asyncapi(step: Step) -> bool:
    """Return whether a step has a field that only a step of AsyncAPI can have."""
    return bool(fields_of(step))


def check_asyncapi(scope: Scope, step: Step, path: Path) -> None:
    """Find what is wrong with a step of AsyncAPI; then refuse it, as it can't be run yet."""
    checking = _Check(scope, step, path)
    checking.target()
    checking.action()
    checking.parameters()
    first = fields_of(step)[0]
    scope.unsupported(f"`{first}` (AsyncAPI)", (*path, first), step.step_id)


class _Check:
    def __init__(self, scope: Scope, step: Step, path: Path) -> None:
        self.scope = scope
        self.step = step
        self.path = path

    def target(self) -> None:
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
        if self.step.correlation_id is not None and said != "receive":
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
