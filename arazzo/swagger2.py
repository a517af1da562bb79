"""Swagger 2.0 brought to the shape of OpenAPI 3: parameters, bodies, servers and credentials.

What stood in `definitions`, `parameters` and `responses` stays there, so that references hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from arazzo.context import Json

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
_JSON: Final = "application/json"

_NOT_OF_THE_SCHEMA: Final = frozenset(
    ("name", "in", "required", "description", "collectionFormat", "allowEmptyValue")
)
_FLOWS: Final = {
    "application": "clientCredentials",
    "accessCode": "authorizationCode",
    "password": "password",
    "implicit": "implicit",
}
_SCHEMES: Final = ("https", "http")
"""The schemes that a workflow can use, the better one first."""


def upgraded(root: dict[str, Any], follow: Callable[[Json], dict[str, Any]]) -> dict[str, Any]:
    """Return the root in the shape of OpenAPI 3; `follow` resolves references in the old one."""
    return _Upgrade(root, follow).root_object()


@dataclass(frozen=True)
class _Upgrade:
    root: dict[str, Any]
    follow: Callable[[Json], dict[str, Any]]

    def root_object(self) -> dict[str, Any]:
        schemes = _objects(self.root.get("securityDefinitions"))
        secured = {name: _scheme(self.follow(one)) for name, one in schemes.items()}
        paths = _objects(self.root.get("paths"))
        return {
            **self.root,
            "servers": self._servers(self.root.get("schemes")),
            "components": {"securitySchemes": secured},
            "paths": {path: self._item(self.follow(item)) for path, item in paths.items()},
        }

    def _servers(self, schemes: Json) -> list[dict[str, Any]]:
        host = str(self.root.get("host") or "").rstrip("/")
        base = "/" + str(self.root.get("basePath") or "").strip("/")
        if not host:
            return [{"url": base}] if base != "/" else []
        if "://" in host:
            return [{"url": host + base.rstrip("/")}]
        named = [one for one in _SCHEMES if one in _list(schemes)]
        return [{"url": f"{one}://{host}{base.rstrip('/')}"} for one in named or ["https"]]

    def _item(self, item: dict[str, Any]) -> dict[str, Any]:
        shared = _list(item.get("parameters"))
        made = {
            method: self._operation(item[method], shared)
            for method in METHODS
            if isinstance(item.get(method), dict)
        }
        return {**item, "parameters": [], **made}

    def _operation(self, node: dict[str, Any], shared: list[Any]) -> dict[str, Any]:
        merged: dict[tuple[str, str], dict[str, Any]] = {}
        for raw in [*shared, *_list(node.get("parameters"))]:
            one = self.follow(raw)
            merged[str(one.get("name")), str(one.get("in"))] = one
        given = list(merged.values())
        plain = [one for one in given if one.get("in") not in ("body", "formData")]
        made: dict[str, Any] = {**node, "parameters": [_parameter(one) for one in plain]}
        body = self._body(node, given)
        if body:
            made["requestBody"] = body
        if "schemes" in node:
            made["servers"] = self._servers(node["schemes"])
        made["responses"] = dict(self._responses(node))
        return made

    def _body(self, node: dict[str, Any], given: list[dict[str, Any]]) -> dict[str, Any]:
        consumes = _media_types(node, self.root, "consumes")
        whole = next((one for one in given if one.get("in") == "body"), None)
        if whole is not None:
            media = {"schema": whole.get("schema", {})}
            content = dict.fromkeys(consumes or [_JSON], media)
            return {"required": whole.get("required") is True, "content": content}
        fields = [one for one in given if one.get("in") == "formData"]
        return _form(fields, consumes) if fields else {}

    def _responses(self, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        produces = _media_types(node, self.root, "produces") or [_JSON]
        for status, raw in _objects(node.get("responses")).items():
            one = self.follow(raw)
            media = {"schema": one["schema"]} if "schema" in one else None
            kept = {key: value for key, value in one.items() if key not in ("schema", "headers")}
            yield status, {**kept, **({"content": dict.fromkeys(produces, media)} if media else {})}


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    told = ("name", "in", "required", "description")
    kept: dict[str, Any] = {key: one[key] for key in told if key in one}
    return {**kept, "schema": _schema(one), **_style(one)}


def _schema(one: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in one.items() if key not in _NOT_OF_THE_SCHEMA}
    return found | {"type": "string", "format": "binary"} if one.get("type") == "file" else found


def _style(one: dict[str, Any]) -> dict[str, Any]:
    """The collection format of a list, which is csv where none is told; nothing for other types."""
    if one.get("type") != "array":
        return {}
    collection = str(one.get("collectionFormat", "csv"))
    if collection in ("ssv", "tsv", "pipes"):
        return {"style": collection, "explode": False}
    style = "simple" if one.get("in") in ("path", "header") else "form"
    return {"style": style, "explode": collection == "multi"}


def _form(fields: list[dict[str, Any]], consumes: list[str]) -> dict[str, Any]:
    """A form, or parts where a field is a file or the operation takes nothing else."""
    files = any(one.get("type") == "file" for one in fields)
    known = [one for one in consumes if one.split(";")[0].strip().lower() in (FORM, MULTIPART)]
    if files:
        known = [one for one in known if MULTIPART in one.lower()] or [MULTIPART]
    named = {str(one.get("name")): one for one in fields}
    required = [name for name, one in named.items() if one.get("required") is True]
    properties = {name: _schema(one) for name, one in named.items()}
    media = {
        "schema": {"type": "object", "properties": properties, "required": required},
        "encoding": {name: style for name, one in named.items() if (style := _style(one))},
    }
    return {"required": bool(required), "content": dict.fromkeys(known or [FORM], media)}


def _scheme(one: dict[str, Any]) -> dict[str, Any]:
    kind = one.get("type")
    if kind == "basic":
        return {"type": "http", "scheme": "basic"}
    if kind != "oauth2":
        return one
    flow = _FLOWS.get(str(one.get("flow")), str(one.get("flow")))
    kept = {key: one[key] for key in ("authorizationUrl", "tokenUrl", "scopes") if key in one}
    return {"type": "oauth2", "flows": {flow: kept}}


def _media_types(node: dict[str, Any], root: dict[str, Any], field: str) -> list[str]:
    return [str(one) for one in _list(node.get(field, root.get(field)))]


def _objects(node: Json) -> dict[str, Any]:
    return dict(node) if isinstance(node, dict) else {}


def _list(node: Json) -> list[Any]:
    return list(node) if isinstance(node, list) else []
