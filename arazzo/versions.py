"""The versions of the standard that are read, and the fields that a later one added.

A document is read as its own version has it: a field of Arazzo 1.1 in a document of 1.0 is taken
out before anything is read, and reported. A `timeout` of 1.0 would be anybody's guess in seconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from arazzo.selector import marked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from arazzo.yaml_text import Path

PUBLISHED: Final = ("1.0.0", "1.0.1", "1.1.0")
_OF_1_1: Final = re.compile(r"1\.1\.(?:0|[1-9][0-9]*)")

EACH: Final = "*"
_STEP: Final = ("workflows", EACH, "steps", EACH)
_ACTIONS: Final = (
    (*_STEP, "onSuccess", EACH),
    (*_STEP, "onFailure", EACH),
    ("workflows", EACH, "successActions", EACH),
    ("workflows", EACH, "failureActions", EACH),
    ("components", "successActions", EACH),
    ("components", "failureActions", EACH),
)
LATER: Final = (
    ("$self",),
    *((*_STEP, name) for name in ("timeout", "dependsOn")),
    *((*path, "parameters") for path in _ACTIONS),
)
"""The places of fields that Arazzo 1.1 added and that would change what a document of 1.0 does."""

HONOURED: Final = (
    *((*_STEP, name) for name in ("channelPath", "action", "correlationId")),
    (*_STEP, "requestBody", "replacements", EACH, "targetSelectorType"),
)
"""Those that are read in any version: the first are refused then, the last has one meaning."""

_PARAMETERS: Final = (
    (*_STEP, "parameters"),
    ("workflows", EACH, "parameters"),
    ("components", "parameters"),
    *((*path, "parameters") for path in _ACTIONS),
)
SELECTORS: Final = (
    *((*path, EACH, "value") for path in _PARAMETERS),
    (*_STEP, "requestBody", "payload"),
    (*_STEP, "requestBody", "replacements", EACH, "value"),
    (*_STEP, "outputs"),
    ("workflows", EACH, "outputs"),
)
"""The places of values that may be, or hold, selector objects."""

ADDED: Final = {
    "Document": frozenset(("$self",)),
    "Step": frozenset(("channelPath", "action", "correlationId", "timeout", "dependsOn")),
    "Action": frozenset(("parameters",)),
    "PayloadReplacement": frozenset(("targetSelectorType",)),
}
"""The fields that Arazzo 1.1 added, by object."""


def is_supported(version: object) -> bool:
    """Return whether documents of that version are read."""
    return version in PUBLISHED[:2] or is_of_1_1(version)


def is_of_1_1(version: object) -> bool:
    """Return whether it is Arazzo 1.1, in any of its patches."""
    return isinstance(version, str) and _OF_1_1.fullmatch(version) is not None


def as_version(value: dict[str, Any]) -> tuple[dict[str, Any], dict[Path, bool]]:
    """Return the document without fields of a later version, and where they stand.

    Of each it is told whether it is ignored. Only documents of 1.1 have selector objects.
    """
    if is_of_1_1(value.get("arazzo")):
        for pattern in SELECTORS:
            value = _changed(value, pattern)
        return value, {}
    taken = {path: True for pattern in LATER for path in _matching(value, pattern, ())}
    read = {path: False for pattern in HONOURED for path in _matching(value, pattern, ())}
    return (_without(value, taken, ()) if taken else value), {**taken, **read}


def _changed(node: Any, pattern: tuple[str, ...]) -> Any:
    """Mark the selector objects in the values at some places."""
    if not pattern:
        return marked(node)
    if isinstance(node, dict):
        changed = {
            key: _changed(child, pattern[1:])
            for key, child in node.items()
            if pattern[0] in (EACH, key)
        }
        return {**node, **changed} if changed else node
    if isinstance(node, list) and pattern[0] == EACH:
        return [_changed(child, pattern[1:]) for child in node]
    return node


def _matching(node: Any, pattern: tuple[str, ...], path: Path) -> Iterator[Path]:
    if not pattern:
        yield path
        return
    children: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        children = [(key, one) for key, one in node.items() if pattern[0] in (EACH, key)]
    elif isinstance(node, list) and pattern[0] == EACH:
        children = list(enumerate(node))
    for key, child in children:
        yield from _matching(child, pattern[1:], (*path, key))


def _without(node: Any, taken: Collection[Path], path: Path) -> Any:
    if isinstance(node, dict):
        return {
            key: _without(child, taken, (*path, key))
            for key, child in node.items()
            if (*path, key) not in taken
        }
    if isinstance(node, list):
        return [_without(child, taken, (*path, index)) for index, child in enumerate(node)]
    return node
