"""The security of an AsyncAPI description, in the words of OpenAPI.

Of a list one entry must be satisfied; where a server and an operation have one, both must be
(AsyncAPI 3.0.0, Server Object and Operation Object, `security`).
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arazzo.context import Json

Requirement = dict[str, list[str]]
"""Names of schemes that must be satisfied together, with the scopes of each."""

HTTP_API_KEY: Final = "httpApiKey"
BROKER_API_KEY: Final = "apiKey"
"""In AsyncAPI it goes into the user or the password of a broker's login."""


class SecurityReader:
    """Gathers the schemes that requirements name; `follow` resolves references."""

    def __init__(self, declared: dict[str, Any], follow: Callable[[Json], dict[str, Any]]) -> None:
        """Begin with nothing gathered; `declared` are the schemes of the components."""
        self.schemes: dict[str, Any] = {}
        self._declared = declared
        self._follow = follow

    def requirements(self, *levels: Sequence[Json]) -> list[Requirement]:
        """Return the alternatives of all levels together, none where no level has any."""
        read = [[self._requirement(one) for one in level] or [{}] for level in levels]
        joined = [_joined(some) for some in product(*read)]
        return joined if any(joined) else []

    def _requirement(self, node: Json) -> Requirement:
        """2.x has names with scopes, 3.x the schemes themselves or references to them."""
        if not isinstance(node, dict):
            return {}
        if "$ref" not in node and "type" not in node:
            return {name: self._named(name, scopes) for name, scopes in node.items()}
        found = self._follow(node)
        name = str(node.get("$ref", "")).rpartition("/")[2] or str(found.get("type", ""))
        self.schemes[name] = _as_openapi(found)
        return {name: _texts(found.get("scopes"))}

    def _named(self, name: str, scopes: Json) -> list[str]:
        self.schemes[name] = _as_openapi(self._follow(self._declared.get(name)))
        return _texts(scopes)


def _joined(requirements: Sequence[Requirement]) -> Requirement:
    return {name: scopes for one in requirements for name, scopes in one.items()}


def _as_openapi(scheme: dict[str, Any]) -> dict[str, Any]:
    """An `httpApiKey` is OpenAPI's apiKey; what is of brokers keeps a type that is not served."""
    kind = scheme.get("type")
    if kind == HTTP_API_KEY:
        return {**scheme, "type": "apiKey"}
    if kind == BROKER_API_KEY:
        return {**scheme, "type": f"apiKey in {scheme.get('in')}"}
    return scheme


def _texts(node: Json) -> list[str]:
    return [str(one) for one in node] if isinstance(node, list) else []
