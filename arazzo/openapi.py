"""OpenAPI 3 and Swagger 2.0 descriptions: operations that a document can call, by id and path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from arazzo.context import ABSENT
from arazzo.openapi_files import Files
from arazzo.parameter_styles import DEFAULT_STYLES
from arazzo.swagger2 import upgraded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.context import Json
    from arazzo.openapi_files import Retrieve
    from arazzo.yaml_text import Path, YamlText

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SAFE_TO_REPEAT: Final = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))
"""Methods that RFC 9110 section 9.2.2 calls idempotent."""

Location = Literal["path", "query", "header", "cookie"]
LONGEST_REFERENCE_CHAIN: Final = 32


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

    `kind` is basic, bearer, apiKey, oauth2, or the type of a scheme that can't be served;
    `location` and `name` are header and Authorization unless an apiKey says otherwise;
    `token_url` is that of the client credentials flow, as written.
    """

    scheme: str
    kind: str
    location: str = "header"
    name: str = "Authorization"
    token_url: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """An Operation Object with all that its path and the root of the description add to it."""

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
    servers: tuple[str, ...] = ()
    security: tuple[tuple[SecurityScheme, ...], ...] = ()
    problems: tuple[str, ...] = ()

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
        self._files = Files(source, retrieve)
        self.root: dict[str, Any] = source.value if isinstance(source.value, dict) else {}
        if self.version.startswith("2."):
            self.root = upgraded(self.root, self.follow)
            self._files.root_is(self.root)
        self._by_id: dict[str, list[Operation]] = {}
        self._by_path: dict[str, dict[str, Operation]] = {}
        for operation, has_id in self._operations():
            self._by_path.setdefault(operation.path, {})[operation.method] = operation
            if has_id:
                self._by_id.setdefault(operation.operation_id, []).append(operation)

    @property
    def version(self) -> str:
        """Return the version of OpenAPI or Swagger, or no text where the file is something else."""
        return str(self.root.get("openapi", self.root.get("swagger", "")))

    @property
    def operation_ids(self) -> list[str]:
        """Return all operationIds in document order."""
        return list(self._by_id)

    def find(self, operation_id: str) -> list[Operation]:
        """Return the operations of that id: none, one, or several where the id is not unique."""
        return self._by_id.get(operation_id, [])

    @property
    def paths(self) -> list[str]:
        """Return the path templates that have operations, in document order."""
        return list(self._by_path)

    def at(self, path: str) -> dict[str, Operation]:
        """Return the operations of a path template, by upper-case method."""
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
            resolved = self.follow(item)
            for method in METHODS:
                node = resolved.get(method)
                if isinstance(node, dict):
                    has_id = isinstance(node.get("operationId"), str)
                    yield self._operation(path, method, resolved, node), has_id

    def _operation(
        self, path: str, method: str, item: dict[str, Any], node: dict[str, Any]
    ) -> Operation:
        body = self.follow(node.get("requestBody"))
        content = _objects(body.get("content"))
        parameters = tuple(self._parameters(item, node))
        return Operation(
            operation_id=str(node.get("operationId") or f"{method.upper()} {path}"),
            method=method.upper(),
            path=path,
            path_in_file=("paths", path, method),
            summary=str(node.get("summary", "")),
            parameters=parameters,
            body_required=body.get("required") is True,
            body_media_types=tuple(content),
            body_schema=self.follow(_objects(next(iter(content.values()), None)).get("schema")),
            body_content=content,
            responses=_objects(node.get("responses")),
            servers=tuple(_server_urls(node, item, self.root)),
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
            named = _objects(requirement).items()
            known = [(name, scopes, self.follow(schemes.get(name))) for name, scopes in named]
            yield tuple(
                _scheme(name, found, _list(scopes)) for name, scopes, found in known if found
            )


def _scheme(name: str, found: dict[str, Any], scopes: list[Any]) -> SecurityScheme:
    kind = str(found.get("type", ""))
    if kind == "apiKey":
        location, key = str(found.get("in", "")), str(found.get("name", ""))
        return SecurityScheme(name, kind, location, key)
    if kind == "http":
        return SecurityScheme(name, str(found.get("scheme", "")).lower())
    flow = _objects(_objects(found.get("flows")).get("clientCredentials"))
    wanted = tuple(str(scope) for scope in scopes)
    return SecurityScheme(name, kind, token_url=str(flow.get("tokenUrl", "")), scopes=wanted)


def _server_urls(*nodes: dict[str, Any]) -> Iterator[str]:
    for node in nodes:
        servers = [server for server in _list(node.get("servers")) if isinstance(server, dict)]
        if servers:
            yield from (_with_defaults(server) for server in servers if server.get("url"))
            return


def _with_defaults(server: dict[str, Any]) -> str:
    url = str(server["url"])
    for name, variable in _objects(server.get("variables")).items():
        if isinstance(variable, dict):
            first = next(iter(_list(variable.get("enum"))), "")
            url = url.replace(f"{{{name}}}", str(variable.get("default", first)))
    return url


def _objects(node: Json) -> dict[str, Any]:
    return cast("dict[str, Any]", node) if isinstance(node, dict) else {}


def _list(node: Json) -> list[Any]:
    return node if isinstance(node, list) else []
