"""OpenAPI 3 and Swagger 2.0 descriptions: operations that a document can call, by id and path."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from arazzo.context import ABSENT
from arazzo.openapi_files import Files
from arazzo.parameter_styles import DEFAULT_STYLES
from arazzo.path_templates import with_braces
from arazzo.servers import read_servers
from arazzo.swagger2 import upgraded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.context import Json
    from arazzo.openapi_files import Retrieve
    from arazzo.servers import Server
    from arazzo.yaml_text import Path, YamlText

METHODS: Final = (
    "get", "put", "post", "delete", "options", "head", "patch", "trace", "query",
)  # fmt: skip
"""The fields of a Path Item Object that hold operations; `query` is of OpenAPI 3.2."""
MORE_OPERATIONS: Final = "additionalOperations"
"""The field that holds operations of any other method, by its name (OpenAPI 3.2, 4.9.1)."""

SAFE_TO_REPEAT: Final = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "QUERY"))
"""Methods that RFC 9110 section 9.2.2 calls idempotent, and QUERY, which is safe as well."""

Location = Literal["path", "query", "header", "cookie"]
LONGEST_REFERENCE_CHAIN: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_|~-]+")
"""RFC 9110, 5.6.2: what the name of a method is made of."""


@dataclass(frozen=True, slots=True)
class DeclaredParameter:
    """A Parameter Object: `style` and `explode` with the defaults of its location applied.

    The style of one with `content` is `content`; `content_type` is then its media type.
    """

    name: str
    location: str
    required: bool
    style: str
    explode: bool
    schema: Mapping[str, Json] = field(default_factory=dict)
    allow_reserved: bool = False
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """A Security Scheme Object, and where it puts its credential.

    `kind` is the scheme of `http` (basic, bearer, digest or another), apiKey, oauth2,
    openIdConnect, mutualTLS, or empty where the description declares no scheme of that name;
    `location` and `name` are header and Authorization unless an apiKey says otherwise.
    `token_url` is that of the client credentials flow, `password_url` that of the password flow,
    `discovery_url` the openIdConnectUrl, each as written.
    """

    scheme: str
    kind: str
    location: str = "header"
    name: str = "Authorization"
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    password_url: str = ""
    discovery_url: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """An Operation Object with all that its path and the root of the description add to it.

    `has_own_servers` is true where operation or path have servers, which replace the root's.
    """

    operation_id: str
    method: str
    path: str
    path_in_file: Path
    summary: str = ""
    parameters: tuple[DeclaredParameter, ...] = ()
    body_required: bool = False
    body_media_types: tuple[str, ...] = ()
    body_schema: Mapping[str, Json] = field(default_factory=dict)
    body_content: Mapping[str, Json] = field(default_factory=dict)
    responses: Mapping[str, Json] = field(default_factory=dict)
    servers: tuple[Server, ...] = ()
    has_own_servers: bool = False
    security: tuple[tuple[SecurityScheme, ...], ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def written_path(self) -> str:
        """Return the path template as the description has it."""
        return str(self.path_in_file[1])

    @property
    def credentials(self) -> tuple[SecurityScheme, ...]:
        """Return all schemes that some alternative of the security requirements names."""
        return tuple(dict.fromkeys(one for schemes in self.security for one in schemes))

    def parameter(self, name: str, location: str) -> DeclaredParameter | None:
        """Return the declared parameter; names of headers are compared without case."""
        for declared in self.parameters:
            same = declared.name == name
            if location == "header":
                same = declared.name.lower() == name.lower()
            if same and declared.location == location:
                return declared
        return None


class OpenApiDescription:
    """One description that has been read. Operations are looked up by id, in document order."""

    def __init__(self, source: YamlText, retrieve: Retrieve | None = None) -> None:
        """Index the operations; `retrieve` reads the files that the description refers to."""
        self.source = source
        self.root: dict[str, Any] = source.value if isinstance(source.value, dict) else {}
        self._files = Files(source, retrieve, self.self_uri)
        if self.version.startswith("2."):
            self.root = upgraded(self.root, self.follow)
            self._files.root_is(self.root)
        self._by_id: dict[str, list[Operation]] = {}
        self._by_path: dict[str, dict[str, Operation]] = {}
        for operation, has_id in self._operations():
            self._by_path.setdefault(operation.written_path, {})[operation.method] = operation
            if has_id:
                self._by_id.setdefault(operation.operation_id, []).append(operation)

    @property
    def version(self) -> str:
        """Return the version of OpenAPI or Swagger, or no text where the file is something else."""
        return str(self.root.get("openapi", self.root.get("swagger", "")))

    @property
    def self_uri(self) -> str:
        """Return the `$self` of the description (OpenAPI 3.2), or no text."""
        found = self.root.get("$self")
        return found if isinstance(found, str) else ""

    @property
    def servers(self) -> tuple[Server, ...]:
        """Return the servers of the root."""
        return tuple(read_servers(self.root.get("servers")))

    @property
    def operation_ids(self) -> list[str]:
        """Return all operationIds in document order."""
        return list(self._by_id)

    def find(self, operation_id: str) -> list[Operation]:
        """Return the operations of that id: none, one, or several where the id is not unique."""
        return self._by_id.get(operation_id, [])

    @property
    def paths(self) -> list[str]:
        """Return the path templates that have operations, as written, in document order."""
        return list(self._by_path)

    def at(self, path: str) -> dict[str, Operation]:
        """Return the operations of a path template as written, by upper-case method."""
        return self._by_path.get(path, {})

    def follow(self, node: Json) -> dict[str, Any]:
        """Return the object that a Reference Object leads to, in this file or in one beside it."""
        for _ in range(LONGEST_REFERENCE_CHAIN):
            if not isinstance(node, dict):
                return {}
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            found = self._files.find(reference)
            node = {} if found is ABSENT else found
        return {}

    def _operations(self) -> Iterator[tuple[Operation, bool]]:
        """Each operation, and whether it has an id of its own; else method and path are its id."""
        paths = self.root.get("paths")
        for path, item in (paths if isinstance(paths, dict) else {}).items():
            resolved = self._path_item(item)
            for method, place in _methods(resolved):
                node = _objects(resolved.get(place[0]))
                node = node if len(place) == 1 else node[method]
                has_id = isinstance(node.get("operationId"), str)
                yield self._operation(path, method, place, resolved, node), has_id

    def _path_item(self, item: Json) -> dict[str, Any]:
        """A Path Item Object; what stands beside its `$ref` wins over what that leads to."""
        beside = {key: one for key, one in _objects(item).items() if key != "$ref"}
        return {**self.follow(item), **beside} if "$ref" in _objects(item) else beside

    def _operation(
        self, path: str, method: str, place: Path, item: dict[str, Any], node: dict[str, Any]
    ) -> Operation:
        body = self.follow(node.get("requestBody"))
        content = _objects(body.get("content"))
        parameters = tuple(self._parameters(item, node))
        own = tuple(read_servers(node.get("servers"))) or tuple(read_servers(item.get("servers")))
        return Operation(
            operation_id=str(node.get("operationId") or f"{method} {path}"),
            method=method,
            path=with_braces(path, (one.name for one in parameters if one.location == "path")),
            path_in_file=("paths", path, *place),
            summary=str(node.get("summary", "")),
            parameters=parameters,
            body_required=body.get("required") is True,
            body_media_types=tuple(content),
            body_schema=self.follow(self.follow(next(iter(content.values()), None)).get("schema")),
            body_content=content,
            responses=_objects(node.get("responses")),
            servers=own or self.servers,
            has_own_servers=bool(own),
            security=tuple(self._security(node)),
            problems=tuple(self._unresolved(node, item)),
        )

    def _parameters(
        self, item: dict[str, Any], node: dict[str, Any]
    ) -> Iterator[DeclaredParameter]:
        merged: dict[tuple[str, str], DeclaredParameter] = {}
        for raw in [*_list(item.get("parameters")), *_list(node.get("parameters"))]:
            found = self.follow(raw)
            if isinstance(found.get("name"), str) and isinstance(found.get("in"), str):
                merged[found["name"], found["in"]] = self._parameter(found)
        yield from merged.values()

    def _parameter(self, node: dict[str, Any]) -> DeclaredParameter:
        location = node["in"]
        style = str(node.get("style") or DEFAULT_STYLES.get(location, "simple"))
        content = _objects(node.get("content"))
        explode = node.get("explode")
        return DeclaredParameter(
            name=node["name"],
            location=location,
            required=node.get("required") is True or location == "path",
            style="content" if "content" in node else style,
            explode=explode if isinstance(explode, bool) else style in ("form", "cookie"),
            schema=self.follow(node.get("schema")),
            allow_reserved=node.get("allowReserved") is True,
            content_type=next(iter(content), ""),
        )

    def _unresolved(self, node: dict[str, Any], item: dict[str, Any]) -> Iterator[str]:
        """Yield the references to other files that lead nowhere."""
        shallow = [*_list(item.get("parameters")), *_list(node.get("parameters"))]
        for one in [*shallow, node.get("requestBody")]:
            reference = one.get("$ref") if isinstance(one, dict) else None
            if not isinstance(reference, str) or reference.startswith("#"):
                continue
            if self._files.find(reference) is ABSENT:
                yield reference

    def _security(self, node: dict[str, Any]) -> Iterator[tuple[SecurityScheme, ...]]:
        """One entry for each alternative; an empty one says that no credential is needed."""
        schemes = _objects(self.follow(self.root.get("components")).get("securitySchemes"))
        for requirement in _list(node.get("security", self.root.get("security"))):
            yield tuple(
                _scheme(name, self.follow(schemes.get(name)), _list(scopes))
                for name, scopes in _objects(requirement).items()
            )


def _scheme(name: str, found: dict[str, Any], scopes: list[Any]) -> SecurityScheme:
    kind = str(found.get("type", ""))
    if kind == "apiKey":
        location, key = str(found.get("in", "")), str(found.get("name", ""))
        return SecurityScheme(name, kind, location, key)
    if kind == "http":
        return SecurityScheme(name, str(found.get("scheme", "")).lower())
    if kind == "mutualTLS":
        return SecurityScheme(name, kind, location="", name="")
    flows = _objects(found.get("flows"))
    return SecurityScheme(
        name,
        kind,
        token_url=str(_objects(flows.get("clientCredentials")).get("tokenUrl", "")),
        scopes=tuple(str(scope) for scope in scopes),
        password_url=str(_objects(flows.get("password")).get("tokenUrl", "")),
        discovery_url=str(found.get("openIdConnectUrl", "")),
    )


def _methods(item: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the methods of a path, and where in its item the operation of each stands."""
    for method in METHODS:
        if isinstance(item.get(method), dict):
            yield method.upper(), (method,)
    for method, node in _objects(item.get(MORE_OPERATIONS)).items():
        if isinstance(node, dict) and _TOKEN.fullmatch(method):
            yield method, (MORE_OPERATIONS, method)


def _objects(node: Json) -> dict[str, Any]:
    return cast("dict[str, Any]", node) if isinstance(node, dict) else {}


def _list(node: Json) -> list[Any]:
    return node if isinstance(node, list) else []
