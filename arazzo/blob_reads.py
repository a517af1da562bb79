"""Which expressions reach into a blob reference: read a part of what it names, or embed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arazzo import selector, template
from arazzo.blobs import Blob, blob_of, is_blob
from arazzo.expression import outputs_tail
from arazzo.navigation import longest_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.context import Context, Json
    from arazzo.expression import Expression
    from arazzo.plan import AttemptPlan

Found = tuple[Any, str]
"""A value of the run, and the text of the path that leads on from it."""


@dataclass(frozen=True, slots=True)
class BlobRead:
    """An expression that reads something of a blob.

    `path` leads into the content, as the tokens of its names and of its pointer.
    """

    text: str
    blob: Blob
    path: tuple[str, ...]


def reaching_in(value: Json, context: Context) -> Iterator[BlobRead]:
    """Yield the reads of a JSON value with expressions that do not just pass a reference on."""
    if isinstance(value, str):
        parsed = template.parse(value)
        for one in template.expressions(parsed):
            read = _read(one, context)
            whole = parsed.whole and one is parsed.parts[0]
            if read is not None and (read.path or not whole):
                yield read
    elif isinstance(value, dict):
        written = selector.written(value)
        if written is not None:
            found = (_read(one, context) for one in selector.parse(written).expressions())
            yield from (one for one in found if one is not None)
            return
        for key, child in value.items():
            yield from reaching_in(key, context)
            yield from reaching_in(child, context)
    elif isinstance(value, list):
        for child in value:
            yield from reaching_in(child, context)


def reads_of(plan: AttemptPlan, context: Context) -> Iterator[BlobRead]:
    """Yield such reads of all that an attempt evaluates: request, criteria, actions, outputs."""
    call = plan.call
    if call is not None:
        written = [call.payload, *(one.value for one in call.parameters)]
        yield from reaching_in([*written, *(one.value for one in call.replacements)], context)
    actions = (*plan.on_success, *plan.on_failure)
    criteria = [*plan.success_criteria, *(one for action in actions for one in action.criteria)]
    for one in criteria:
        yield from reaching_in([f" {one.condition}", one.context], context)
    yield from reaching_in(plan.outputs, context)


def _read(one: Expression, context: Context) -> BlobRead | None:
    found = _behind(one, context)
    if found is None or not is_blob(found[0]):
        return None
    value, tail = found
    dotted = [part for part in tail.removeprefix(".").split(".") if part]
    pointed = [part for part in (one.pointer or "").split("/") if part]
    return BlobRead(one.text, blob_of(value), tuple(dotted + pointed))


def _behind(one: Expression, context: Context) -> Found | None:
    match one.root:
        case "steps":
            step_id = longest_key(one.rest, context.steps)
            if step_id is None:
                return None
            outputs = context.steps[step_id]
            return _named(outputs_tail(one.rest[len(step_id) :], outputs), outputs)
        case "inputs" | "outputs":
            return _named(one.rest, getattr(context, one.root))
        case "workflows":
            return _of_workflow(one.rest, context)
        case "sourceDescriptions":
            return _of_workflow(one.rest.partition(".")[2], context)
        case _:
            return None


def _of_workflow(rest: str, context: Context) -> Found | None:
    name = longest_key(rest, context.workflows)
    if name is None:
        return None
    kind, _, tail = rest[len(name) :].removeprefix(".").partition(".")
    return _named(tail, context.workflows[name].get(kind, {}))


def _named(rest: str, values: Mapping[str, Json]) -> Found | None:
    name = longest_key(rest, values)
    return None if name is None else (values[name], rest[len(name) :])
