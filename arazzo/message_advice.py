"""Advice about a step that receives: what it reads of a message that no message has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo import criterion
from arazzo.call_compilation import expressions_in
from arazzo.message_schema import DEFINITIONS
from arazzo.openapi import OpenApiDescription
from arazzo.schemas import SchemaReader
from arazzo.yaml_text import YamlText

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.advised import Subject
    from arazzo.errors import Finding
    from arazzo.expression import Expression
    from arazzo.plan import StepPlan
    from arazzo.reception_plan import ReceptionPlan
    from arazzo.yaml_text import Path


def advise_message(subject: Subject, index: int, step: StepPlan) -> Iterator[Finding]:
    """Yield what is doubtful in outputs and criteria of a step that receives."""
    reader = _payload(step.attempt.reception) if step.attempt.reception else None
    for one, path in _read(step) if reader else ():
        pointer = _pointer(one)
        if reader and pointer and not reader.has(pointer):
            yield subject.warn(
                "unknown-message-property",
                f"the description knows nothing at `{pointer}` of the message's payload",
                index,
                path,
                mend=reader.closest(pointer),
            )


def _read(step: StepPlan) -> Iterator[tuple[Expression, Path]]:
    for name, value in step.attempt.outputs.items():
        yield from ((one, ("outputs", name)) for one in expressions_in(value))
    for at, plan in enumerate(step.attempt.success_criteria):
        compiled = criterion.compile(plan.condition, plan.type, plan.version, plan.context)
        yield from ((one, ("successCriteria", at)) for one in compiled.expressions())


def _pointer(one: Expression) -> str:
    """The place in the payload that is read, the empty text for the whole and for all else."""
    if one.root != "message" or one.rest.partition(".")[0] != "payload" or "[" in one.rest:
        return ""
    return one.rest.removeprefix("payload").replace(".", "/") + (one.pointer or "")


def _payload(reception: ReceptionPlan) -> SchemaReader | None:
    """The schemas of the payload, None when one may be anything."""
    root: Any = reception.message_schema
    ways = root.get("anyOf", [root]) if isinstance(root, dict) else []
    schemas = [one["properties"]["payload"] for one in ways]
    if not schemas or True in schemas:
        return None
    source = YamlText("", "", {"openapi": "3.1.0", DEFINITIONS: root.get(DEFINITIONS, {})}, {})
    return SchemaReader(OpenApiDescription(source), tuple(schemas))
