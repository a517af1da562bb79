"""A request as a stand-in received it, and the reading of its parts.

Every reader raises Refusal (400) when a part is not as it should be.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.requests import Request


class Refusal(Exception):
    """The service does not take a request: status, message and headers of its answer."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class Throttled(Refusal):
    """The service has had enough for now; `seconds` tells when it will take requests again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, "too many requests")
        self.seconds = seconds


@dataclass(frozen=True)
class Answer:
    """An answer that is not just the JSON of a 200; without a body when `body` is None."""

    body: Any
    status: int = 200
    media_type: str = "application/json"


@dataclass(frozen=True)
class Call:
    """One request as received: names of headers in lower case, the body as raw bytes."""

    method: str
    path: str
    path_parameters: dict[str, str]
    query: dict[str, str | list[str]]
    headers: dict[str, str]
    content: bytes

    def address(self) -> str:
        """Where the client sent the request, without the query."""
        return f"http://{self.headers.get('host', 'localhost')}{self.path}"

    def json(self) -> Any:
        """The JSON body."""
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise Refusal(400, "the body must be application/json")
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"the body is not JSON: {error}") from error


async def read_call(request: Request) -> Call:
    """The request with its whole body."""
    return Call(
        method=request.method,
        path=request.url.path,
        path_parameters=dict(request.path_params),
        query=_query(request),
        headers={name: ", ".join(request.headers.getlist(name)) for name in request.headers},
        content=await request.body(),
    )


def _query(request: Request) -> dict[str, str | list[str]]:
    parameters = request.query_params
    values = {name: parameters.getlist(name) for name in parameters}
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def describe_call(operation_id: str | None, call: Call) -> dict[str, Any]:
    """The request as the control API lists it; `at` is the time in seconds since the epoch."""
    return {
        "operationId": operation_id,
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "headers": call.headers,
        "body": _readable(call.content),
        "at": time.time(),
    }


def _readable(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", errors="replace")


def read_object(call: Call) -> dict[str, Any]:
    """The JSON object in the body."""
    body = call.json()
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be a JSON object")
    return body


def read_text(body: dict[str, Any], name: str) -> str:
    """A string of the body that is not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(400, f"{name} must be a string that is not empty")
    return value


def read_texts(body: dict[str, Any], name: str) -> list[str]:
    """A list of the body that holds one string or more."""
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise Refusal(400, f"{name} must be an array of one string or more")
    return value


def read_integers(body: dict[str, Any], name: str) -> list[int]:
    """A list of the body that holds integers only."""
    value = body.get(name)
    if not isinstance(value, list) or not all(type(one) is int for one in value):
        raise Refusal(400, f"{name} must be an array of integers")
    return value


def read_day(call: Call, name: str) -> str | None:
    """A day of the query as YYYY-MM-DD, if given."""
    value = call.query.get(name)
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise Refusal(400, f"{name} must be a day as YYYY-MM-DD") from error
