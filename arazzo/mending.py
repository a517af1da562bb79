"""The mends of a document that are certain, written into its text (`durazzo check --fix`).

What is mended: expressions without braces inside longer texts, strings of conditions that do not
stand in single quotes, criteria of the type jsonpath that are conditions over the body,
`$response.headers`, and outputs of steps without the word `outputs`. The document means the same
afterwards; its comments and its layout stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from arazzo import yaml_text
from arazzo.errors import DocumentInvalid
from arazzo.respelling import Known, as_simple, respelled_condition, respelled_value
from arazzo.yaml_edits import Edits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.yaml_text import Path

_ACTIONS: Final = ("onSuccess", "onFailure", "successActions", "failureActions")
_CRITERIA: Final = ("successCriteria", "criteria")


@dataclass(frozen=True, slots=True)
class Mend:
    """A line of the document before and after; `line` counts from 1."""

    line: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mended:
    """The new text of a document, and the lines that it differs in from the old one."""

    text: str
    mends: tuple[Mend, ...]


def mended(text: str, file: str) -> Mended:
    """Return the text with all mends that are certain; the same text where there are none."""
    try:
        source = yaml_text.read(text, file)
    except DocumentInvalid:
        return Mended(text, ())
    if source.text != text or not isinstance(source.value, dict):
        return Mended(text, ())
    for quoted in (False, True):
        mender = _Mender(Edits(source, quoted))
        mender.mend()
        new = mender.edits.made()
        if new is not None:
            return Mended(new, tuple(mender.mends()))
    return Mended(text, ())


class _Mender:
    """Walks over the places that hold expressions, and gathers the edits."""

    def __init__(self, edits: Edits) -> None:
        self.edits = edits
        self.root: Any = edits.source.value
        self.touched: list[Path] = []

    def mend(self) -> None:
        for index, workflow in _items(self.root.get("workflows")):
            self._workflow(workflow, ("workflows", index))
        for kind in ("parameters", *_ACTIONS):
            for name, one in _items(_objects(self.root.get("components")).get(kind)):
                self._component(kind, one, ("components", kind, name))

    def mends(self) -> Iterator[Mend]:
        """Tell what was changed; what a mapping lost is told at its condition."""
        for path in self.touched:
            old = _at(self.edits.source.value, path)
            line = self.edits.source.place(path).line
            yield Mend(line, _shown(old), _shown(_at(self.edits.wanted, path)))

    def _component(self, kind: str, one: Any, path: Path) -> None:
        if kind == "parameters":
            self._value(_objects(one).get("value"), (*path, "value"), Known())
        else:
            self._criteria(one, path, Known())

    def _workflow(self, workflow: Any, path: Path) -> None:
        if not isinstance(workflow, dict):
            return
        known = _known(workflow)
        self._parameters(workflow, path, known)
        self._actions(workflow, path, known)
        self._value(workflow.get("outputs"), (*path, "outputs"), known, braces=False)
        for index, step in _items(workflow.get("steps")):
            if isinstance(step, dict):
                self._step(step, (*path, "steps", index), known)

    def _step(self, step: dict[str, Any], path: Path, known: Known) -> None:
        self._parameters(step, path, known)
        body = _objects(step.get("requestBody"))
        payload = body.get("payload")
        if not (isinstance(payload, str) and payload.lstrip()[:1] in ("{", "[", "<")):
            self._value(payload, (*path, "requestBody", "payload"), known)
        for index, one in _items(body.get("replacements")):
            where = (*path, "requestBody", "replacements", index, "value")
            self._value(_objects(one).get("value"), where, known)
        self._value(step.get("outputs"), (*path, "outputs"), known, braces=False)
        self._criteria(step, path, known)
        self._actions(step, path, known)

    def _parameters(self, node: dict[str, Any], path: Path, known: Known) -> None:
        for index, one in _items(node.get("parameters")):
            self._value(_objects(one).get("value"), (*path, "parameters", index, "value"), known)

    def _actions(self, node: dict[str, Any], path: Path, known: Known) -> None:
        for field in _ACTIONS:
            for index, one in _items(node.get(field)):
                self._criteria(one, (*path, field, index), known)

    def _value(self, value: Any, path: Path, known: Known, *, braces: bool = True) -> None:
        if isinstance(value, str):
            new = respelled_value(value, known, braces=braces)
            if new != value and self.edits.set(path, new):
                self.touched.append(path)
        for key, child in _items(value):
            self._value(child, (*path, key), known, braces=braces)

    def _criteria(self, node: Any, path: Path, known: Known) -> None:
        for field in _CRITERIA:
            for index, one in _items(_objects(node).get(field)):
                if isinstance(one, dict) and isinstance(one.get("condition"), str):
                    self._criterion(one, (*path, field, index), known)

    def _criterion(self, one: dict[str, Any], path: Path, known: Known) -> None:
        condition, kind, context = one["condition"], one.get("type", "simple"), one.get("context")
        if kind == "jsonpath" and isinstance(context, str):
            self._condition_in_jsonpath(one, path, known)
        elif kind == "simple" and condition.lstrip()[:1] not in ("{", "["):
            written = context if isinstance(context, str) else None
            new = respelled_condition(condition, written, known)
            if new != condition and self.edits.set((*path, "condition"), new):
                self.touched.append((*path, "condition"))

    def _condition_in_jsonpath(self, one: dict[str, Any], path: Path, known: Known) -> None:
        """The condition names what it reads, so neither its type nor its context is needed."""
        new = as_simple(one["condition"], None, one["context"], known)
        removed = ("type", "context")
        if new is None or not self.edits.can_remove(path, removed):
            return
        if self.edits.set((*path, "condition"), new):
            self.edits.remove(path, removed)
            self.touched.append(path)


def _known(workflow: dict[str, Any]) -> Known:
    outputs = {
        str(step.get("stepId")): list(_objects(step.get("outputs")))
        for _, step in _items(workflow.get("steps"))
        if isinstance(step, dict)
    }
    properties = _objects(workflow.get("inputs")).get("properties")
    return Known(outputs, list(properties) if isinstance(properties, dict) else None)


def _items(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from enumerate(node)


def _objects(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _shown(value: Any) -> str:
    """A text as it is, and a criterion as its fields in one line."""
    if isinstance(value, str):
        return value
    return ", ".join(f"{key}: {one}" for key, one in value.items())
