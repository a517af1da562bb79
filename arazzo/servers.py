"""Server Objects of a description: base URLs, and the variables in them (OpenAPI 3.2, 4.5, 4.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.context import Json

_ABSOLUTE: Final = ("https://", "http://")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_LABELS: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*(?<![.-])", re.ASCII)
"""Host labels: nothing that could end the host, name a port or a user, or lead up a path."""


@dataclass(frozen=True, slots=True)
class ServerVariable:
    """A Server Variable Object; `default` is its first value where none is written, or empty."""

    default: str = ""
    enum: tuple[str, ...] = ()

    def allows(self, value: str) -> bool:
        """Return whether a value is of the enum, or of host labels where there is no enum."""
        return value in self.enum if self.enum else _LABELS.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Server:
    """A Server Object: `url` as written, with its variables in braces; `name` is of OpenAPI 3.2."""

    url: str
    name: str = ""
    variables: Mapping[str, ServerVariable] = field(default_factory=dict)

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the URL with these values of variables, and the defaults of all others."""

        def value_of(found: re.Match[str]) -> str:
            return values.get(found[1]) or self._variable(found[1]).default or found[0]

        return _VARIABLE.sub(value_of, self.url)

    def refused(self, values: Mapping[str, str]) -> list[str]:
        """Return the names of variables that may not have the values which are given to them."""
        names = [name for name in _VARIABLE.findall(self.url) if name in values]
        return [name for name in names if not self._variable(name).allows(values[name])]

    def _variable(self, name: str) -> ServerVariable:
        """Also one that is not declared can be given a value."""
        return self.variables.get(name, ServerVariable())


def read_servers(node: Json) -> Iterator[Server]:
    """Yield the Server Objects of a `servers` list; what has no text as its URL is none."""
    for one in node if isinstance(node, list) else []:
        if isinstance(one, dict) and one.get("url") and isinstance(one["url"], str):
            name = one.get("name")
            variables = dict(_variables(one.get("variables")))
            yield Server(one["url"], name if isinstance(name, str) else "", variables)


def _variables(node: Json) -> Iterator[tuple[str, ServerVariable]]:
    for name, one in node.items() if isinstance(node, dict) else ():
        if isinstance(one, dict):
            enum = one.get("enum")
            values = tuple(str(value) for value in (enum if isinstance(enum, list) else ()))
            yield name, ServerVariable(_default(one, values), values)


def _default(one: dict[str, Any], values: tuple[str, ...]) -> str:
    """A default that has a variable itself, as `{tenant}.a.test`, is a note to the reader."""
    found = one.get("default", next(iter(values), ""))
    text = "" if found is None else str(found)
    return "" if _VARIABLE.search(text) else text


def is_absolute(url: str) -> bool:
    """Return whether a URL names scheme and host."""
    return url.lower().startswith(_ABSOLUTE)


def unfilled(url: str) -> str:
    """Return the first variable that is left in a URL, empty where there is none."""
    found = _VARIABLE.search(url)
    return found[1] if found else ""


def absolute(url: str, base: str) -> str:
    """Return a URL resolved against the place of its description, empty where that is unknown.

    «The URL MAY be relative, to indicate that the host location is relative to the location where
    the document containing the Server Object is being served» (OpenAPI 3.1.1, 4.8.5). One that
    names only its host is of HTTPS.
    """
    if is_absolute(url):
        return url
    if is_absolute(base):
        return urljoin(base, url)
    return f"https:{url}" if url.startswith("//") else ""
