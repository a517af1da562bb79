"""Messages and secrets: a message lies in the history as it came, so nothing of it is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.call_compilation import expressions_in
from arazzo.evaluation import hidden_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.compilation import CompiledWorkflow
    from arazzo.errors import Finding
    from arazzo.plan import Plan


def secret_messages(compiled: CompiledWorkflow, plan: Plan) -> Iterator[Finding]:
    """Refuse outputs of messages that flow into credentials, and secrets that select a message."""
    hidden = hidden_values(plan)
    for index, step in enumerate(plan.steps):
        reception, path = step.attempt.reception, (*compiled.path, "steps", index)
        if reception is None:
            continue
        for name in step.attempt.sealed:
            said = f"a secret output of a message (`{name}`) is not supported yet"
            mend = "give the secret to the worker by its name"
            yield compiled.source.finding("unsupported", said, (*path, "outputs", name), mend=mend)
        if any(map(hidden.has, expressions_in(reception.correlation))):
            said = "a `correlationId` that reads a secret is not supported yet"
            yield compiled.source.finding("unsupported", said, (*path, "correlationId"))
