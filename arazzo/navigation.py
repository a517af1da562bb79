"""Finding a value inside a value: JSON Pointer (RFC 6901), and the dotted paths of the dialect.

Everywhere the exact key comes first, then navigation: `a.b` is the key `a.b` when there is one,
else `b` inside `a`. What finds nothing is ABSENT, never an error.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import jsonpath

from arazzo.context import ABSENT

if TYPE_CHECKING:
    from collections.abc import Collection

    from arazzo.context import Absent, Json

_INDEX: Final = re.compile(r"\[\s*(-?\d+)\s*\]")
_QUOTED: Final = re.compile(r"""\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\]""")
_BOUNDARIES: Final = ".[#"
LENGTH: Final = "length"


def longest_key(text: str, keys: Collection[str]) -> str | None:
    """Return the longest key that the text begins with, up to a `.`, a `[`, a `#` or its end."""
    found: str | None = None
    for key in keys:
        if text.startswith(key) and (len(text) == len(key) or text[len(key)] in _BOUNDARIES):
            found = key if found is None or len(key) > len(found) else found
    return found


def resolve_pointer(value: Json, pointer: str) -> Json | Absent:
    """Return what a JSON Pointer leads to; a missing leading slash is tolerated."""
    if pointer in ("", "/") and pointer != "/":
        return value
    for token in pointer.removeprefix("/").split("/"):
        value = _step(value, token.replace("~1", "/").replace("~0", "~"))
        if value is ABSENT:
            return ABSENT
    return value


def _step(value: Json, token: str) -> Json | Absent:
    if isinstance(value, dict):
        if token in value:
            return value[token]
        return navigate(value, token) if any(mark in token for mark in ".[") else ABSENT
    if isinstance(value, list):
        if token.isascii() and token.isdigit():
            return value[int(token)] if len(token) < 10 and int(token) < len(value) else ABSENT  # noqa: PLR2004
        return navigate(value, token) if "[" in token else ABSENT
    return ABSENT


def needs_jsonpath(path: str) -> bool:
    """Return whether a path holds `[*]` or a filter, which only a query library can read."""
    return "[*]" in path or "[?" in path or "[]." in path


def navigate(value: Json, path: str) -> Json | Absent:
    """Return what a dotted path such as `a.b[0].c` leads to.

    A name on a list is looked up in its first element; `length` is the size unless such a key
    exists; a filter gives its first match, `[*]` a list of all.
    """
    while path:
        if needs_jsonpath(path) and path.startswith(("[*]", "[?", "[].")):
            return _query(value, path)
        value, path = _advance(value, path)
        if value is ABSENT:
            return ABSENT
    return value


def _advance(value: Json, path: str) -> tuple[Json | Absent, str]:
    """Take one name or index off the path and follow it."""
    if path.startswith("["):
        return _bracket(value, path)
    if isinstance(value, list) and value and longest_key(path, [LENGTH]) is None:
        return value[0], path
    if isinstance(value, dict):
        key = longest_key(path, value)
        if key is not None:
            return value[key], _after(path, key)
    if longest_key(path, [LENGTH]) is not None and isinstance(value, (dict, list, str)):
        return len(value), _after(path, LENGTH)
    return ABSENT, ""


def _after(path: str, key: str) -> str:
    return path[len(key) :].removeprefix(".")


def _bracket(value: Json, path: str) -> tuple[Json | Absent, str]:
    quoted, index = _QUOTED.match(path), _INDEX.match(path)
    if quoted and isinstance(value, dict):
        key = next(part for part in quoted.groups() if part is not None)
        return value.get(re.sub(r"\\(.)", r"\1", key), ABSENT), path[quoted.end() :].removeprefix(
            "."
        )
    if index and isinstance(value, list):
        number = int(index[1]) if len(index[1]) < 10 else len(value)  # noqa: PLR2004
        there = -len(value) <= number < len(value)
        return (value[number] if there else ABSENT), path[index.end() :].removeprefix(".")
    return ABSENT, ""


def _query(value: Json, path: str) -> Json | Absent:
    query = path.replace("[].", "[*].")
    try:
        found = jsonpath.findall(f"${query}", value)
    except jsonpath.JSONPathError:
        return ABSENT
    if path.startswith("[?"):
        return found[0] if found else ABSENT
    return list(found)


def text_of(value: Json | Absent) -> str:
    """Return how a value stands inside a longer text; absent is nothing, objects are JSON."""
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
