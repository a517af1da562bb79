"""Names outside the grammar: `$steps.s.outputs.Team (all).id`, `$inputs.the id` (dialect, O3).

Nothing in such a text tells where its name ends, but the names that are declared do: the longest
wins. The expression is put into braces, in which a name may hold anything, before it is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from arazzo import expression, template
from arazzo.navigation import longest_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from arazzo.expression import Expression
    from arazzo.model import Document, Step, Workflow
    from arazzo.template import Template
    from arazzo.yaml_text import Path, YamlText

_STEPS: Final = "$steps."
_INPUTS: Final = "$inputs."


@dataclass(frozen=True, slots=True)
class Declared:
    """The names that a workflow declares: outputs by stepId, and inputs."""

    outputs: Mapping[str, Collection[str]] = field(default_factory=dict)
    inputs: Collection[str] = ()


def in_braces(value: Any, declared: Declared) -> Any:
    """Return a JSON value in which texts that read such a name as a whole stand in braces."""
    if isinstance(value, str):
        return f"{{{value}}}" if reads_long_name(value, declared) else value
    if isinstance(value, dict):
        return {key: in_braces(child, declared) for key, child in value.items()}
    if isinstance(value, list):
        return [in_braces(child, declared) for child in value]
    return value


def reads_long_name(text: str, declared: Declared) -> bool:
    """Return whether a text is one read of a declared name that no scan finds the end of.

    What is behind the name must be a path into it, and all of it.
    """
    ends = None if "{" in text or "}" in text else _end_of_name(text, declared)
    if ends is None:
        return False
    path = "$inputs.a" + text[ends:]
    return expression.scan(text, 0) < ends and expression.scan(path, 0) == len(path)


def _end_of_name(text: str, declared: Declared) -> int | None:
    """The offset behind the longest declared name that the text reads."""
    tail, known = "", declared.inputs
    if text.startswith(_INPUTS):
        tail = text.removeprefix(_INPUTS)
    elif text.startswith(_STEPS):
        rest = text.removeprefix(_STEPS)
        step_id = longest_key(rest, declared.outputs) or ""
        tail = rest[len(step_id) :].removeprefix(".").removeprefix("outputs.")
        known = declared.outputs.get(step_id, ())
    name = longest_key(tail, known)
    return None if name is None else len(text) - len(tail) + len(name)


def as_written(text: str, source: YamlText, path: Path) -> str:
    """Return a text without the braces that were put around it here, as the document has it."""
    value: Any = source.value
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return text
    return text[1:-1] if text == f"{{{value}}}" else text


def meant(parsed: Template, written: str, declared: Declared) -> list[str]:
    """Return the deviations of a text, by what its names are: brackets may belong to one."""
    codes = list(parsed.deviations)
    if "braced-whole-value" in codes and not written.startswith("{"):
        codes.remove("braced-whole-value")
    if "indexed-name" in codes:
        read = [one for one in template.expressions(parsed) if "[" in one.rest]
        if all(_is_name(one, declared) for one in read):
            codes[codes.index("indexed-name")] = "name-outside-grammar"
    return list(dict.fromkeys(codes))


def _is_name(one: Expression, declared: Declared) -> bool:
    """Whether an expression ends with the name of an output or of an input."""
    text = f"${one.root}.{one.rest}"
    return _end_of_name(text, declared) == len(text)


def with_long_names(document: Document) -> Document:
    """Return the document with such reads in braces, wherever the steps of a workflow read."""
    workflows = tuple(map(_workflow, document.workflows))
    return document.model_copy(update={"workflows": workflows})


def _workflow(workflow: Workflow) -> Workflow:
    outputs = {step.step_id: list(step.outputs) for step in workflow.steps}
    schema = workflow.inputs
    inputs = schema.get("properties", {}) if isinstance(schema, dict) else {}
    declared = Declared(outputs, list(inputs) if isinstance(inputs, dict) else [])
    steps = tuple(_step(step, declared) for step in workflow.steps)
    update = {"steps": steps, "outputs": in_braces(workflow.outputs, declared)}
    return workflow.model_copy(update=update)


def _step(step: Step, declared: Declared) -> Step:
    parameters = tuple(
        one.model_copy(update={"value": in_braces(one.value, declared)}) for one in step.parameters
    )
    body = step.request_body
    if body is not None:
        payload = in_braces(body.payload, declared)
        body = body.model_copy(update={"payload": payload})
    outputs = in_braces(step.outputs, declared)
    return step.model_copy(
        update={"parameters": parameters, "request_body": body, "outputs": outputs}
    )
