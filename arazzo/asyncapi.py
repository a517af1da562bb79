"""AsyncAPI 2 and 3 descriptions: channels, operations, messages and servers, as far as needed.

What 2.x writes otherwise is read into the words of 3.0: a `publish` is what the described
application receives, a `subscribe` what it sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from arazzo.context import ABSENT
from arazzo.openapi_files import Files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arazzo.context import Json
    from arazzo.openapi_files import Retrieve
    from arazzo.yaml_text import YamlText

Action = Literal["send", "receive"]
LONGEST_REFERENCE_CHAIN: Final = 32
HTTP: Final = ("http", "https")
_ACTION_OF_2: Final[dict[str, Action]] = {"publish": "receive", "subscribe": "send"}
_JSON_SCHEMA: Final = ("asyncapi", "schema+json", "schema+yaml")
"""What the media type of a schema format holds that is a JSON Schema."""


@dataclass(frozen=True, slots=True)
class Server:
    """A Server Object: its name, its protocol in lower case, and its URL with a scheme.

    `security` are the alternatives as they are written (see asyncapi_security.py).
    """

    name: str
    protocol: str
    url: str
    security: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageType:
    """A Message Object, its traits applied.

    `payload` and `headers` are JSON Schemas, True where none can be read; `location` is the
    runtime expression of its correlation id, empty without one.
    """

    name: str
    payload: Json = True
    headers: Json = True
    content_type: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A Channel Object by its name; in 2.x the name is the address as well."""

    name: str
    address: str
    messages: tuple[MessageType, ...] = ()
    servers: tuple[Server, ...] = ()


@dataclass(frozen=True, slots=True)
class AsyncOperation:
    """An operation of the described application: what it does there, on which channel.

    `reply` is the channel of its Operation Reply Object, with the messages of the reply; `method`
    is that of its HTTP binding, empty without one; `security` as that of a server.
    """

    operation_id: str
    action: Action
    channel: Channel
    reply: Channel | None = None
    method: str = ""
    security: tuple[Json, ...] = ()


class AsyncApiDescription:
    """One description that has been read, with its channels and operations by name."""

    def __init__(self, source: YamlText, retrieve: Retrieve | None = None) -> None:
        """Index channels and operations; `retrieve` reads the files that it refers to."""
        self.source = source
        self._files = Files(source, retrieve)
        self.root: dict[str, Any] = source.value if isinstance(source.value, dict) else {}
        self._servers = {
            name: _server(name, self.follow(node))
            for name, node in _object(self.root.get("servers")).items()
        }
        is_of_2 = self.version.startswith("2.")
        self.channels = {
            name: (self._channel_of_2 if is_of_2 else self._channel)(name, self.follow(node))
            for name, node in _object(self.root.get("channels")).items()
        }
        operations = self._operations_of_2() if is_of_2 else self._operations()
        self.operations: dict[str, AsyncOperation] = {one.operation_id: one for one in operations}

    @property
    def version(self) -> str:
        """Return the version of AsyncAPI, or no text where the file is something else."""
        return str(self.root.get("asyncapi", ""))

    def find(self, reference: str) -> Json:
        """Return what a reference leads to, None when there is nothing."""
        found = self._files.find(reference)
        return None if found is ABSENT else found

    def follow(self, node: Json) -> dict[str, Any]:
        """Return the object that a Reference Object leads to, in this file or in one beside it."""
        for _ in range(LONGEST_REFERENCE_CHAIN):
            reference = node.get("$ref") if isinstance(node, dict) else None
            if not isinstance(reference, str):
                break
            node = self.find(reference)
        return _object(node)

    def schemes(self) -> dict[str, Any]:
        """Return the security schemes of the components, by name."""
        components = self.follow(self.root.get("components"))
        return _object(self.follow(components.get("securitySchemes")))

    # -- 3.0 -------------------------------------------------------------------------------------

    def _channel(self, name: str, node: dict[str, Any]) -> Channel:
        messages = tuple(
            self._message(key, one) for key, one in _object(node.get("messages")).items()
        )
        named = [_last(one.get("$ref")) for one in _list(node.get("servers")) if "$ref" in one]
        return Channel(name, str(node.get("address") or ""), messages, self._named(named))

    def _operations(self) -> Iterator[AsyncOperation]:
        for name, node in _object(self.root.get("operations")).items():
            found = self.follow(node)
            channel = self._channel_at(found)
            action = found.get("action")
            if channel is None or action not in ("send", "receive"):
                continue
            reply = self._channel_at(self.follow(found.get("reply")))
            method, security = _method(self._bindings(found)), self._security(found)
            yield AsyncOperation(name, action, channel, reply, method, security)

    def _channel_at(self, node: dict[str, Any]) -> Channel | None:
        """The channel that an operation or a reply names, with the messages that it allows."""
        reference = _object(node.get("channel")).get("$ref")
        found = self.channels.get(_last(reference))
        names = {_last(one.get("$ref")) for one in _list(node.get("messages")) if "$ref" in one}
        if found is None or not names:
            return found
        messages = tuple(one for one in found.messages if one.name in names)
        return Channel(found.name, found.address, messages, found.servers)

    # -- 2.x -------------------------------------------------------------------------------------

    def _channel_of_2(self, name: str, node: dict[str, Any]) -> Channel:
        both = (self.follow(node.get(key)) for key in _ACTION_OF_2)
        messages = tuple(one for operation in both for one in self._messages_of_2(operation))
        named = [one for one in _list(node.get("servers")) if isinstance(one, str)]
        return Channel(name, name, messages, self._named(named))

    def _operations_of_2(self) -> Iterator[AsyncOperation]:
        for name, node in _object(self.root.get("channels")).items():
            item, whole = self.follow(node), self.channels[name]
            for key, action in _ACTION_OF_2.items():
                found = self.follow(item.get(key))
                if found:
                    known = str(found.get("operationId") or f"{key} {name}")
                    messages = tuple(self._messages_of_2(found))
                    channel = Channel(name, name, messages, whole.servers)
                    method = _method(self._bindings(found))
                    security = self._security(found)
                    yield AsyncOperation(known, action, channel, None, method, security)

    def _messages_of_2(self, operation: dict[str, Any]) -> Iterator[MessageType]:
        node = operation.get("message")
        found = self.follow(node)
        several = _list(found.get("oneOf"))
        for index, one in enumerate(several or ([node] if found else [])):
            resolved = self.follow(one)
            yield self._message(str(resolved.get("name") or f"message{index + 1}"), one)

    # -- both ------------------------------------------------------------------------------------

    def _message(self, name: str, node: Json) -> MessageType:
        found = self._with_traits(self.follow(node))
        correlation = self.follow(found.get("correlationId"))
        return MessageType(
            name=name,
            payload=_payload(found),
            headers=_schema(found.get("headers")),
            content_type=str(found.get("contentType") or self.root.get("defaultContentType") or ""),
            location=str(correlation.get("location") or ""),
        )

    def _with_traits(self, node: dict[str, Any]) -> dict[str, Any]:
        traits: dict[str, Any] = {}
        for one in _list(node.get("traits")):
            traits.update(self.follow(one))
        return {**traits, **node}

    def _bindings(self, node: dict[str, Any]) -> dict[str, Any]:
        return self.follow(self._with_traits(node).get("bindings"))

    def _security(self, node: dict[str, Any]) -> tuple[Json, ...]:
        return tuple(_list(self._with_traits(node).get("security")))

    def _named(self, names: Iterable[str]) -> tuple[Server, ...]:
        """The servers of those names; «if servers is absent or empty», all."""
        found = tuple(self._servers[name] for name in names if name in self._servers)
        return found or tuple(self._servers.values())


def _server(name: str, node: dict[str, Any]) -> Server:
    """3.0 has `host` and `pathname`, 2.x a `url`; variables stand at their defaults."""
    protocol = str(node.get("protocol", "")).lower()
    url = str(node.get("url") or f"{node.get('host', '')}{node.get('pathname', '')}")
    for variable, described in _object(node.get("variables")).items():
        first = next(iter(_list(_object(described).get("enum"))), "")
        url = url.replace(f"{{{variable}}}", str(_object(described).get("default", first)))
    url = url if "://" in url else f"{protocol}://{url}"
    return Server(name, protocol, url, tuple(_list(node.get("security"))))


def _payload(message: dict[str, Any]) -> Json:
    """The schema of a payload; one in another language than JSON Schema allows everything."""
    payload, form = message.get("payload"), message.get("schemaFormat")
    if isinstance(payload, dict) and "schemaFormat" in payload:
        form, payload = payload["schemaFormat"], payload.get("schema")
    is_json = form is None or any(one in str(form) for one in _JSON_SCHEMA)
    return _schema(payload) if is_json else True


def _schema(node: Json) -> Json:
    return node if isinstance(node, dict | bool) else True


def _method(bindings: dict[str, Any]) -> str:
    return str(_object(bindings.get("http")).get("method") or "").upper()


def _last(reference: Json) -> str:
    """The last name of a reference's pointer."""
    name = str(reference or "").rpartition("/")[2]
    return name.replace("~1", "/").replace("~0", "~")


def _object(node: Json) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _list(node: Json) -> list[Any]:
    return node if isinstance(node, list) else []
