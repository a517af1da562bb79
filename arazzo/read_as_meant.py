"""Shapes that documents have and the standard lacks, read as they are meant (dialect.md, O36).

`parameters` as an object, `$ref` where a Reusable Object has `reference`, and actions without the
name that 4.6.7 and 4.6.8 ask for. Each is told, and refused by the strict check.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.yaml_text import Path

_OF_WORKFLOW: Final = {"successActions": "successActions", "failureActions": "failureActions"}
_OF_STEP: Final = {"onSuccess": "successActions", "onFailure": "failureActions"}
_COMPONENTS: Final = "#/components/"


@dataclass(frozen=True, slots=True)
class Meant:
    """What stands at a path, what it is read as, and the words of its warning."""

    path: Path
    value: Any
    code: str
    message: str
    mend: str


def as_meant(root: dict[str, Any]) -> tuple[dict[str, Any], list[Meant]]:
    """Return the document in the shapes of the standard, and what was not in them.

    Places of findings stay those of the text: a path that it lacks leads to the nearest above it.
    """
    found = list(_in_document(root))
    if not found:
        return root, found
    changed = deepcopy(root)
    for one in found:
        parent: Any = changed
        for part in one.path[:-1]:
            parent = parent[part]
        parent[one.path[-1]] = deepcopy(one.value)
    return changed, found


def _in_document(root: dict[str, Any]) -> Iterator[Meant]:
    for index, workflow in _objects(root.get("workflows")):
        path: Path = ("workflows", index)
        yield from _in_lists(workflow, path, _OF_WORKFLOW)
        for at, step in _objects(workflow.get("steps")):
            yield from _in_lists(step, (*path, "steps", at), _OF_STEP)


def _in_lists(node: dict[str, Any], path: Path, fields: dict[str, str]) -> Iterator[Meant]:
    given = node.get("parameters")
    if isinstance(given, dict):
        yield _as_list(given, (*path, "parameters"))
    yield from _references(node, path, "parameters", "parameters")
    for name, kind in fields.items():
        yield from _references(node, path, name, kind)
        for index, action in _objects(node.get(name)):
            if "name" not in action and isinstance(action.get("type"), str):
                yield _named(action, (*path, name, index), f"{name}-{index + 1}")


def _as_list(given: dict[str, Any], path: Path) -> Meant:
    """One parameter that lacks its dash, or an object of values by their names."""
    alone = isinstance(given.get("name"), str) and "value" in given
    read = [given] if alone else [_parameter(name, one) for name, one in given.items()]
    return Meant(
        path,
        read,
        "parameters-as-map",
        "`parameters` is an object; it is read as the list that the standard has",
        "write each as `- name: NAME` with its `in:` and `value:`",
    )


def _parameter(name: str, one: Any) -> dict[str, Any]:
    written = isinstance(one, dict) and "value" in one
    return {"name": name, **(one if written else {"value": one})}


def _references(node: dict[str, Any], path: Path, field: str, kind: str) -> Iterator[Meant]:
    for index, one in _objects(node.get(field)):
        target = one.get("$ref")
        if not isinstance(target, str) or "reference" in one:
            continue
        reference = f"$components.{target.removeprefix(_COMPONENTS).replace('/', '.')}"
        reference = reference if target.startswith(_COMPONENTS) else target
        rest = {name: value for name, value in one.items() if name != "$ref"}
        yield Meant(
            (*path, field, index),
            {"reference": reference, **rest},
            "ref-for-reference",
            "`$ref` stands where the standard has `reference`; it is read as that",
            f"write `reference: $components.{kind}.NAME`",
        )


def _named(action: dict[str, Any], path: Path, name: str) -> Meant:
    return Meant(
        path,
        {"name": name, **action},
        "unnamed-action",
        f"an action has no name; it is called `{name}`",
        "add `name:`",
    )


def _objects(node: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, one in enumerate(node if isinstance(node, list) else ()):
        if isinstance(one, dict):
            yield index, one
