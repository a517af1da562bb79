"""From a step of AsyncAPI to its part of the plan: a message that is awaited, or one that is sent.

Sending is a request where the server speaks plain HTTP: the channel is then read as a path of an
OpenAPI description, so that it is called as any other operation is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from arazzo import navigation, selector
from arazzo.asyncapi import HTTP
from arazzo.asyncapi_security import SecurityReader
from arazzo.call_compilation import CallCompiler, expressions_in
from arazzo.message_schema import DEFINITIONS, SchemaInvalid, message_schema
from arazzo.openapi import OpenApiDescription
from arazzo.operation_lookup import RESERVED_OPERATION_IDS
from arazzo.reception_plan import ReceptionPlan
from arazzo.scope import FoundOperation
from arazzo.yaml_text import YamlText

if TYPE_CHECKING:
    from arazzo.asyncapi import Server
    from arazzo.channel_lookup import FoundChannel
    from arazzo.collected import Collected
    from arazzo.model import Step
    from arazzo.plan import Call
    from arazzo.references import Names
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

JSON_TYPE: Final = "application/json"
DEFAULT_METHOD: Final = "POST"


@dataclass
class MessageCompiler:
    """Compiles one step that sends or receives; gathers what the compilers of calls gather."""

    scope: Scope
    names: Names
    step: Step
    path: Path
    collected: Collected
    secret_inputs: set[str]
    servers: dict[str, dict[str, str]]

    def compile(self, found: FoundChannel) -> dict[str, Any] | None:
        """Return the part of the plan by its name, None when the step can't be compiled."""
        if found.action == "receive":
            return {"reception": self._reception(found)}
        call = self._call(found)
        return None if call is None else {"call": call}

    # -- receiving -------------------------------------------------------------------------------

    def _reception(self, found: FoundChannel) -> ReceptionPlan:
        self._refuse_request()
        if self.step.correlation_id is not None:
            self._check_correlation(found)
        locations = [one.location for one in found.channel.messages if one.location]
        return ReceptionPlan(
            channel=found.channel.name,
            source=found.source,
            correlation=self.step.correlation_id,
            locations=tuple(dict.fromkeys(locations)),
            message_schema=self._schema(found),
        )

    def _refuse_request(self) -> None:
        for name, value in (
            ("requestBody", self.step.request_body),
            ("parameters", self.step.parameters or None),
        ):
            if value is not None:
                self._add(
                    "request-of-receive",
                    f"a step that receives sends nothing, so its `{name}` is not used",
                    (name,),
                    severity="warning",
                    mend="take it out; select a message by `correlationId`",
                )

    def _schema(self, found: FoundChannel) -> Any:
        try:
            return message_schema(found.description, found.channel.messages)
        except SchemaInvalid as error:
            self._add(
                "invalid-message-schema",
                f"a message of the channel `{found.channel.name}` has no JSON Schema: {error}",
                (),
                mend="mend the schema in the AsyncAPI description",
            )
            return None

    def _check_correlation(self, found: FoundChannel) -> None:
        """It is evaluated in workflow code, where no query runs and nothing is opened."""
        path: Path = (*self.path, "correlationId")
        written = self.step.correlation_id
        where = (*self.scope.path, *path)
        self.names.check_value(written, where, self.collected, after_response=False)
        is_query = any(selector.queries_in(written)) or any(
            navigation.needs_jsonpath(one.text) for one in expressions_in(written)
        )
        if is_query:
            self.scope.unsupported("a query in a `correlationId`", path, self.step.step_id)
        if not any(one.location for one in found.channel.messages):
            self._add(
                "no-correlation-location",
                f"the messages of the channel `{found.channel.name}` do not say where their "
                "correlation id is, so each must be delivered with it",
                ("correlationId",),
                severity="warning",
                mend="give the message a `correlationId: {location: $message.header#/NAME}`",
            )

    # -- sending ---------------------------------------------------------------------------------

    def _call(self, found: FoundChannel) -> Call | None:
        """Return the request; any other protocol than HTTP is refused by name."""
        spoken = [one for one in found.channel.servers if one.protocol in HTTP]
        overridden = self.scope.settings.servers.get(found.source)
        if not spoken and not (overridden and not found.channel.servers):
            self._refuse_protocol(found)
            return None
        if not found.channel.address:
            what = f"sending to the channel `{found.channel.name}`, which has no address,"
            self.scope.unsupported(what, self.path, self.step.step_id)
            return None
        described = _as_openapi(found, spoken)
        (operation,) = described.at(_path(found)).values()
        if operation.operation_id in RESERVED_OPERATION_IDS:
            self._refuse_name(operation.operation_id)
        compiler = CallCompiler(
            self.scope, self.names, self.step, self.path, self.collected, self.secret_inputs,
            self.servers,
        )  # fmt: skip
        return compiler.of_operation(found.source, FoundOperation(described, operation))

    def _refuse_name(self, name: str) -> None:
        self._add(
            "reserved-operation",
            f"the operationId `{name}` is a name of the engine's own",
            ("operationId",),
            mend="give the operation another name in its AsyncAPI description",
        )

    def _refuse_protocol(self, found: FoundChannel) -> None:
        named = [f"the server `{one.name}` speaks {one.protocol}" for one in found.channel.servers]
        said = ", ".join(named) or "the description names no server"
        self.scope.unsupported(
            f"sending to the channel `{found.channel.name}` without HTTP ({said})",
            (*self.path, "action") if self.step.action else self.path,
            self.step.step_id,
        )

    def _add(self, code: str, message: str, path: Path, **more: Any) -> None:
        self.scope.add(code, message, (*self.path, *path), step_id=self.step.step_id, **more)


def _as_openapi(found: FoundChannel, servers: list[Server]) -> OpenApiDescription:
    """Read a channel as the path of an OpenAPI description; its payload is the body.

    Of several servers the first one's security counts, as a run is sent there unless it says
    otherwise.
    """
    channel, operation = found.channel, found.operation
    security = SecurityReader(found.description.schemes(), found.description.follow)
    wanted = security.requirements(
        servers[0].security if servers else (), operation.security if operation else ()
    )
    method = (operation.method if operation else "") or DEFAULT_METHOD
    payload, definitions = _payload_schema(found)
    content = {one.content_type or JSON_TYPE: {"schema": payload} for one in channel.messages[:1]}
    described = {
        "operationId": operation.operation_id if operation else f"{method} {_path(found)}",
        "requestBody": {"content": content or {JSON_TYPE: {}}},
        "responses": {},
        "security": wanted,
    }
    root = {
        "openapi": "3.1.0",
        "servers": [{"url": one.url} for one in servers],
        "paths": {_path(found): {method.lower(): described}},
        "components": {"securitySchemes": security.schemes},
        DEFINITIONS: definitions,
    }
    file = found.description.source.file
    return OpenApiDescription(YamlText(file, "", root, {}))


def _path(found: FoundChannel) -> str:
    return "/" + found.channel.address.lstrip("/")


def _payload_schema(found: FoundChannel) -> tuple[Any, Any]:
    """The schema of the payload, and what its references lead to; nothing where it is none."""
    try:
        made = message_schema(found.description, found.channel.messages[:1]) or {}
    except SchemaInvalid:
        made = {}
    return made.get("properties", {}).get("payload", {}), made.get(DEFINITIONS, {})
