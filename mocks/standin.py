"""What every stand-in has: operations, counters, a log of requests, faults, the control API.

Control API, without credentials:

    GET    /_control/counters  {"taken": {operationId: n}, "received": {operationId: n}}
    GET    /_control/requests  the requests in the order received
    GET    /_control/faults    the faults still to come
    POST   /_control/faults    scripts one fault (mocks/faults.py): 201, or 400 with the reason
    DELETE /_control/faults    forgets the faults: 204
    POST   /_control/reset     back to the state at the start, counters and faults too: 204
    POST   /_control/{name}    one of the stand-in's own controls, if it has any: 204
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mocks.calls import Answer, Call, Refusal, Throttled, describe_call, read_call
from mocks.faults import Fault, Faults
from mocks.serving import hang, reset_connection

FIRST_REDIRECT = 300
BODILESS = (204, 304)


@dataclass(frozen=True)
class Operation:
    """One operation of the API, on one path; an operation of two paths is listed twice.

    `handle` changes the state and gives the JSON body of a 200, or an Answer; `scopes` are what a
    credential must be good for, where the service has scopes.
    """

    operation_id: str
    method: str
    path: str
    handle: Callable[[Call], Any]
    scopes: tuple[str, ...] = ()


@dataclass
class Records:
    """What has arrived so far: the requests, and counters by operationId."""

    received: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def receive(self, operation_id: str | None, call: Call) -> None:
        """Note a request before anything is done about it; None: it names no operation."""
        if operation_id is not None:
            self.received[operation_id] = self.received.get(operation_id, 0) + 1
        self.requests.append(describe_call(operation_id, call))

    def take(self, operation_id: str) -> None:
        """Count a request that the service has acted on."""
        self.taken[operation_id] = self.taken.get(operation_id, 0) + 1

    def clear(self) -> None:
        """Forget everything."""
        self.received.clear()
        self.taken.clear()
        self.requests.clear()


class StandIn:
    """One provider's API: its operations, who may call them, and what was asked of it."""

    def __init__(
        self,
        operations: Sequence[Operation],
        authorize: Callable[[Call, Operation], None],
        faults: Faults,
        reset: Callable[[], None],
        *,
        envelope: Callable[[Refusal], Response] | None = None,
        controls: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        self._operations = operations
        self._authorize = authorize
        self._faults = faults
        self._reset = reset
        self._controls = controls or {}
        self.envelope = envelope or default_envelope
        self.records = Records()

    def application(self) -> Starlette:
        """The ASGI application with the operations and the control API."""
        routes = [_route(self, operation) for operation in self._operations]
        return Starlette(
            routes=routes + self._control_routes(),
            exception_handlers={404: self._no_operation, 405: self._no_operation},
        )

    def answer(self, operation: Operation, call: Call) -> Response:
        """Act on a request and give its answer, as if there were no faults."""
        try:
            self._authorize(call, operation)
            answer = operation.handle(call)
        except Refusal as refusal:
            return self.envelope(refusal)
        self.records.take(operation.operation_id)
        return answer_response(answer)

    def strike(self, operation: Operation) -> Fault | None:
        """The fault that strikes this request, if any."""
        return self._faults.strike(operation.operation_id)

    async def _no_operation(self, request: Request, error: Exception) -> Response:
        self.records.receive(None, await read_call(request))
        status = error.status_code if isinstance(error, HTTPException) else 404
        message = f"this API has no {request.method} {request.url.path}"
        return self.envelope(Refusal(status, message))

    def _control_routes(self) -> list[Route]:
        return [
            Route("/_control/counters", self._show_counters, methods=["GET"]),
            Route("/_control/requests", self._show_requests, methods=["GET"]),
            Route("/_control/faults", self._show_faults, methods=["GET"]),
            Route("/_control/faults", self._add_fault, methods=["POST"]),
            Route("/_control/faults", self._forget_faults, methods=["DELETE"]),
            Route("/_control/reset", self._reset_all, methods=["POST"]),
            *(
                Route(f"/_control/{name}", _control(act), methods=["POST"])
                for name, act in self._controls.items()
            ),
        ]

    async def _show_counters(self, _request: Request) -> Response:
        return JSONResponse({"taken": self.records.taken, "received": self.records.received})

    async def _show_requests(self, _request: Request) -> Response:
        return JSONResponse(self.records.requests)

    async def _show_faults(self, _request: Request) -> Response:
        return JSONResponse(self._faults.describe())

    async def _add_fault(self, request: Request) -> Response:
        try:
            fault = self._faults.add(json.loads(await request.body()))
        except ValueError as error:
            return error_response(400, str(error), {})
        return JSONResponse(fault.describe(), status_code=201)

    async def _forget_faults(self, _request: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def _reset_all(self, _request: Request) -> Response:
        self._faults.clear()
        self.records.clear()
        self._reset()
        return Response(status_code=204)


class Endpoint:
    """One operation as an ASGI application; an endpoint function could not keep silent."""

    def __init__(self, stand_in: StandIn, operation: Operation) -> None:
        self._stand_in = stand_in
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request, act on it, and answer it as the faults allow."""
        call = await read_call(Request(scope, receive))
        self._stand_in.records.receive(self._operation.operation_id, call)
        response = await self._respond(call, scope, receive)
        if response is not None:
            await response(scope, receive, send)

    async def _respond(self, call: Call, scope: Scope, receive: Receive) -> Response | None:
        fault = self._stand_in.strike(self._operation)
        if fault and fault.kind == "status":
            return fault_response(fault, self._stand_in.envelope)
        if fault and fault.kind == "throttled":
            return self._stand_in.envelope(Throttled(int(fault.seconds)))
        if fault and fault.kind == "reset-before":
            await reset_connection(scope, receive)
            return None
        response = self._stand_in.answer(self._operation, call)
        return await _spoil(response, fault, scope, receive) if fault else response


async def _spoil(
    response: Response, fault: Fault, scope: Scope, receive: Receive
) -> Response | None:
    if fault.kind == "reset-after":
        await reset_connection(scope, receive)
        return None
    if fault.kind == "hang":
        return response if await hang(receive, fault.seconds) else None
    if response.status_code >= FIRST_REDIRECT:
        return response
    return Response(fault.body, response.status_code, media_type="application/json")


def _control(act: Callable[[], None]) -> Callable[[Request], Response]:
    def control(_request: Request) -> Response:
        act()
        return Response(status_code=204)

    return control


def _route(stand_in: StandIn, operation: Operation) -> Route:
    endpoint = Endpoint(stand_in, operation)
    route = Route(operation.path, endpoint, methods=[operation.method])
    # starlette adds HEAD to every GET, but a HEAD must not start an export.
    route.methods = {operation.method}
    return route


def answer_response(answer: Any) -> Response:
    """What an operation gave, as it goes out."""
    if not isinstance(answer, Answer):
        return JSONResponse(answer)
    if answer.body is None:
        return Response(status_code=answer.status)
    if answer.media_type == "application/json":
        return JSONResponse(answer.body, answer.status)
    return Response(answer.body, answer.status, media_type=answer.media_type)


def default_envelope(refusal: Refusal) -> Response:
    """A refusal as an error answer of a service that has no form of its own."""
    return error_response(refusal.status, refusal.message, refusal.headers)


def error_response(status: int, message: str, headers: dict[str, str]) -> Response:
    """An error answer: {"error": {"code": status, "message": text}}."""
    body = {"error": {"code": status, "message": message}}
    return JSONResponse(body, status_code=status, headers=headers)


def fault_response(fault: Fault, envelope: Callable[[Refusal], Response]) -> Response:
    """The answer that a fault of kind `status` asks for; a string goes out as plain text."""
    if fault.status in BODILESS:
        return Response(status_code=fault.status, headers=fault.headers)
    if fault.body is None:
        return envelope(Refusal(fault.status, "a fault that the test asked for", fault.headers))
    if isinstance(fault.body, str):
        return Response(fault.body, fault.status, fault.headers, media_type="text/plain")
    return JSONResponse(fault.body, fault.status, fault.headers)
