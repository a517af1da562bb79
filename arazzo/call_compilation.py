"""From a step's operation, parameters and body to the call that an activity makes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from arazzo import expression, template
from arazzo.bodies import is_media_type
from arazzo.body_hints import (
    body_hints,
    chosen_content_type,
    reads_json_text,
    why_unsupported,
)
from arazzo.credential_compilation import CredentialCompiler
from arazzo.description_faults import description_faults
from arazzo.errors import ExpressionError
from arazzo.limit_plans import limits_plan
from arazzo.openapi import SAFE_TO_REPEAT
from arazzo.operation_lookup import find_operation
from arazzo.parameter_styles import DEFAULT_STYLES, STYLES, applicable
from arazzo.path_templates import path_variables
from arazzo.plan import Call, CredentialPlan, ParameterPlan, ReplacementPlan
from arazzo.provider import OperationSettings
from arazzo.replacement_compilation import replacement_plans
from arazzo.scope import FoundOperation, closest
from arazzo.server_choice import ServerChoice
from arazzo.written_parameters import WrittenParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.collected import Collected
    from arazzo.model import Parameter, Step
    from arazzo.openapi import DeclaredParameter, Operation
    from arazzo.references import Names
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

CREDENTIAL_HEADERS: Final = frozenset(("authorization", "proxy-authorization", "cookie"))
FORBIDDEN_HEADERS: Final = frozenset(("host", "content-length", "transfer-encoding", "connection"))
"""Headers that frame the message or name its target; they are the HTTP client's to set."""

UNDECLARED_HEADERS: Final = frozenset(("accept", "content-type", "authorization"))
"""Headers whose declaration as a parameter OpenAPI ignores (3.1.1, 4.8.12.2)."""


@dataclass
class CallCompiler:
    """Compiles the call of one step; `secret_inputs` gathers inputs that are credentials."""

    scope: Scope
    names: Names
    step: Step
    path: Path
    collected: Collected
    secret_inputs: set[str]
    servers: dict[str, dict[str, str]]
    given: list[tuple[Parameter, Path]] = field(default_factory=list)

    def compile(self) -> Call | None:
        """Return the call, or None when the step has no operation that could be found."""
        found = find_operation(self.scope, self.step, self.path)
        if found is None:
            self._check_alone()
            return None
        source, operation = found
        description = self.scope.sources.openapi[source]
        return self.of_operation(source, FoundOperation(description, operation))

    def of_operation(self, source: str, found: FoundOperation) -> Call:
        """Return the call of an operation that was found in the source of that name."""
        description, operation = found.description, found.operation
        self.scope.operations[self.step.step_id] = found
        choice = ServerChoice(self.scope, source, description, self._place, self.step.step_id)
        if source not in self.servers:
            self.servers[source] = choice.choices()
        self._tell_faults(operation)
        settings = self.scope.settings.operations.get(operation.operation_id, OperationSettings())
        by_method = operation.method not in SAFE_TO_REPEAT
        writes = by_method if settings.writes is None else settings.writes
        parameters = tuple(self._parameters(operation))
        content_type, payload = self._body(operation)
        provider, defaults = self.scope.settings, self.scope.defaults
        return Call(
            operation_id=operation.operation_id,
            method=operation.method,
            path=operation.path,
            source=source,
            server=choice.own(operation),
            parameters=parameters,
            content_type=content_type,
            payload=payload,
            **body_hints(description, operation, content_type, payload),
            replacements=self._replacements(content_type, payload),
            writes=writes,
            idempotency=settings.idempotency,
            idempotency_header=provider.idempotency_key.header if writes else None,
            secrets=provider.secrets,
            credentials=self._credentials(operation),
            link_parameter=settings.link_parameter,
            connect_timeout=provider.timeouts.connect or defaults.connect_timeout,
            total_timeout=self._bounded(provider.timeouts.total or defaults.total_timeout),
            retry_after_ceiling=defaults.retry_after_ceiling,
            largest_response=defaults.largest_response,
            **self._asked_waits(settings),
            **self._phases(),
            own_server=source in provider.servers,
            limits=limits_plan(provider, operation.operation_id),
        )

    def _phases(self) -> dict[str, float]:
        """The times of the phases of a request, as far as somebody has set them."""
        timeouts, defaults = self.scope.settings.timeouts, self.scope.defaults
        return {
            "read_timeout": timeouts.read or defaults.read_timeout,
            "write_timeout": timeouts.write or defaults.write_timeout,
            "pool_timeout": timeouts.pool or defaults.pool_timeout,
        }

    def _asked_waits(self, settings: OperationSettings) -> dict[str, Any]:
        """Where the body of an error says how long to wait."""
        asked = settings.retry_after or self.scope.settings.retry_after
        if asked is None:
            return {}
        unit = 1.0 if asked.unit == "seconds" else 0.001
        return {"retry_after_body": asked.body, "retry_after_unit": unit}

    def _check_alone(self) -> None:
        """Find what is wrong whatever the operation is, where there is none to be found."""
        for one, path in self._written().resolved():
            where = (*self.scope.path, *path, "value")
            self.names.check_value(one.value, where, self.collected, after_response=False)
            if one.location is None:
                self._at(path, "parameter-without-in", f"the parameter `{one.name}` has no `in`")
        body = self.step.request_body
        path = (*self.scope.path, *self.path, "requestBody", "payload")
        if body is not None:
            self.names.check_value(body.payload, path, self.collected, after_response=False)
            self._replacements(body.content_type, body.payload)

    def _add(self, code: str, message: str, path: Path, **more: Any) -> None:
        self.scope.add(code, message, (*self.path, *path), step_id=self.step.step_id, **more)

    def _unsupported(self, what: str, path: Path) -> None:
        self.scope.unsupported(what, (*self.path, *path), self.step.step_id)

    def _bounded(self, seconds: float) -> float:
        """A request has no more time than the step has, whose `timeout` is in milliseconds."""
        return min(seconds, self.step.timeout / 1000) if self.step.timeout else seconds

    @property
    def _place(self) -> Path:
        """Where the step names its operation."""
        return (*self.path, "operationPath" if self.step.operation_path else "operationId")

    def _tell_faults(self, operation: Operation) -> None:
        for code, message, mend in description_faults(operation):
            self._at(self._place, code, message, severity="warning", mend=mend)

    # -- parameters ------------------------------------------------------------------------------

    def _parameters(self, operation: Operation) -> Iterator[ParameterPlan]:
        self.given = self._written().as_declared(operation)
        for one, path in self.given:
            location = self._location(one, path, operation)
            if location is not None:
                yield self._parameter(one, path, location, operation)
        self._check_required(operation)

    def _written(self) -> WrittenParameters:
        return WrittenParameters(self.scope, self.step, self.path)

    def _location(self, one: Parameter, path: Path, operation: Operation) -> str | None:
        variables = list(path_variables(operation.path))
        location = one.location or self._declared_location(one, operation)
        if location is None:
            self._at(path, "parameter-without-in", f"the parameter `{one.name}` has no `in`")
            return None
        if one.location is None:
            self._at(
                path,
                "parameter-without-in",
                f"the parameter `{one.name}` has no `in`; it goes where the operation declares it",
                severity="warning",
                mend=f"write `in: {location}`",
            )
        known = [operation.parameter(one.name, place) for place in (location, "path")]
        elsewhere = None in known and not self._is_given_in_path(one.name)
        if one.name in variables and location != "path" and elsewhere:
            self._at(
                path,
                "parameter-location",
                f"`{one.name}` is a path parameter of the operation, not one in {location}",
                severity="warning",
                mend="write `in: path`",
            )
            return "path"
        return self._supported(one, path, location, variables)

    def _is_given_in_path(self, name: str) -> bool:
        return any(one.name == name and one.location == "path" for one, _ in self.given)

    def _supported(
        self, one: Parameter, path: Path, location: str, variables: list[str]
    ) -> str | None:
        if location == "path" and one.name not in variables:
            self._at(
                path,
                "unknown-path-parameter",
                f"the operation's path has no variable `{one.name}`",
                mend=closest(one.name, variables),
            )
            return None
        if location == "body":
            self.scope.unsupported(f"a parameter `in: {location}`", path, self.step.step_id)
            return None
        if location not in DEFAULT_STYLES:
            self._at(path, "unknown-location", f"`in: {location}` is no place for a parameter")
            return None
        if location == "header" and one.name.lower() in FORBIDDEN_HEADERS:
            self._at(
                path, "forbidden-header", f"the header `{one.name}` is not a document's to set"
            )
            return None
        return location

    def _declared_location(self, one: Parameter, operation: Operation) -> str | None:
        found = {it.location for it in operation.parameters if it.name == one.name}
        return found.pop() if len(found) == 1 else None

    def _at(self, path: Path, code: str, message: str, **more: Any) -> None:
        self.scope.add(code, message, path, step_id=self.step.step_id, **more)

    def _parameter(
        self, one: Parameter, path: Path, location: str, operation: Operation
    ) -> ParameterPlan:
        declared = operation.parameter(one.name, location)
        if location == "header" and one.name.lower() in UNDECLARED_HEADERS:
            declared = None
        self.names.check_value(
            one.value, (*self.scope.path, *path, "value"), self.collected, after_response=False
        )
        if self._is_credential(one.name, location, operation):
            self._learn_secrets(one)
        exploded = location not in ("path", "header")
        written = {
            "name": one.name,
            "location": location,
            "value": one.value,
            "style": self._style(declared, path, location),
            "explode": declared.explode if declared else exploded,
            "allow_reserved": declared.allow_reserved if declared else False,
            "content_type": declared.content_type if declared else "",
        }
        return ParameterPlan.model_validate(written)

    def _style(self, declared: DeclaredParameter | None, path: Path, location: str) -> str:
        """The declared style where it may stand there; else that of the place, with a finding."""
        usual = DEFAULT_STYLES[location]
        if declared is None or declared.style == "content" or declared.style in STYLES[location]:
            return usual if declared is None or declared.content_type else declared.style
        what = f"the style `{declared.style}` of the {location} parameter `{declared.name}`"
        if not any(declared.style in styles for styles in STYLES.values()):
            self.scope.unsupported(what, path, self.step.step_id)
        else:
            self._at(
                path,
                "inapplicable-style",
                f"{what} does not exist there; it is sent as `{usual}`",
                severity="warning",
                mend=f"declare one of: {', '.join(applicable(location))}",
            )
        return usual

    def _is_credential(self, name: str, location: str, operation: Operation) -> bool:
        if location == "header" and name.lower() in CREDENTIAL_HEADERS:
            return True
        return any(
            one.location == location and one.name.lower() == name.lower()
            for one in operation.credentials
        )

    def _learn_secrets(self, one: Parameter) -> None:
        for used in expressions_in(one.value):
            found = expression.references(used)
            if found.root == "inputs":
                name = expression.input_name(found.rest, self.names.inputs.properties)
                self.secret_inputs.add(name if name is not None else found.rest)
            else:
                self.names.seal(used)

    def _check_required(self, operation: Operation) -> None:
        given = {one.name for one, _ in self.given}
        for name in path_variables(operation.path):
            if name not in given:
                self._add(
                    "missing-path-parameter",
                    f"the path parameter `{name}` of {operation.method} {operation.path} "
                    "is not given",
                    ("parameters",) if self.step.parameters else (),
                    mend=f"add a parameter `name: {name}`, `in: path`",
                )
        credentials = {one.name.lower() for one in operation.credentials}
        for one in operation.parameters:
            known = one.name in given or one.name.lower() in credentials
            if one.required and one.location != "path" and not known:
                self._add(
                    "missing-parameter",
                    f"the {one.location} parameter `{one.name}` is required and not given",
                    (),
                    severity="warning",
                )

    def _credentials(self, operation: Operation) -> tuple[tuple[CredentialPlan, ...], ...]:
        given = frozenset((one.location, one.name.lower()) for one, _ in self.given)
        return CredentialCompiler(self.scope.settings.credentials, given, self._warn).of(operation)

    def _warn(self, code: str, message: str, mend: str) -> None:
        self._add(code, message, (), severity="warning", mend=mend)

    # -- the body --------------------------------------------------------------------------------

    def _body(self, operation: Operation) -> tuple[str | None, Any]:
        body = self.step.request_body
        if body is None:
            if operation.body_required:
                self._add(
                    "missing-body",
                    "the operation requires a body and the step gives none",
                    (),
                    severity="warning",
                )
            return None, None
        path: Path = (*self.path, "requestBody")
        written = body.content_type or self._content_type_header()
        content_type = chosen_content_type(written, operation)
        payload = _parsed(body.payload) if reads_json_text(content_type) else body.payload
        what = why_unsupported(content_type, payload)
        if what:
            self.scope.unsupported(what, (*path, "contentType"), self.step.step_id)
        self.names.check_value(
            payload, (*self.scope.path, *path, "payload"), self.collected, after_response=False
        )
        return content_type, payload

    def _replacements(self, content_type: str | None, payload: Any) -> tuple[ReplacementPlan, ...]:
        path: Path = (*self.scope.path, *self.path, "requestBody")
        body = self.step.request_body
        return replacement_plans(self.names, self.collected, body, content_type, payload, path)

    def _content_type_header(self) -> str | None:
        """What a header parameter says where the body itself names no media type."""
        headers = [one for one, _ in self.given if one.name.lower() == "content-type"]
        value = headers[0].value if headers else None
        return value if isinstance(value, str) and is_media_type(value) else None


def expressions_in(value: Any) -> list[expression.Expression]:
    """Return all expressions in a value; one that can't be parsed is reported elsewhere."""
    try:
        return list(template.expressions_of(value))
    except ExpressionError:
        return []


def _parsed(payload: Any) -> Any:
    """A payload that is JSON text is parsed first, so that its leaves keep their places."""
    if not isinstance(payload, str) or payload.lstrip()[:1] not in ("{", "["):
        return payload
    if payload.lstrip().startswith("{$"):
        return payload
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload
