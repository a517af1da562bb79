"""Path templates of descriptions: their variables, and one practice of writing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def path_variables(path: str) -> Iterator[str]:
    """Yield the names of the variables in a path template, in their order.

    `{+name}` is practice too: RFC 6570, 3.2.3, a value whose slashes stay as they are.
    """
    for part in path.split("{")[1:]:
        name, closing, _ = part.partition("}")
        if closing:
            yield name.removeprefix("+")


def with_braces(path: str, declared: Iterable[str]) -> str:
    """Return the path with braces around those path parameters that stand in angles: `<<id>>`."""
    for name in declared:
        for angles in (f"<<{name}>>", f"<{name}>"):
            path = path.replace(angles, f"{{{name}}}")
    return path
