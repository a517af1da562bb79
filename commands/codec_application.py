"""The codec server as an application: POST /decode and /encode, as Temporal's Web UI and CLI ask.

Body and answer are `{"payloads": [{"metadata": {…}, "data": …}]}` in protobuf's JSON
(Temporal's documentation, «Codec Server»).
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads

from arazzo.errors import SecretMissing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from starlette.requests import Request
    from starlette.responses import Response

    from activities.encryption import Encryption

LARGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes; a page of a history has some megabytes."""


def codec_application(encryption: Encryption, origins: Collection[str]) -> Starlette:
    """Return the application; pages of other origins than these are refused."""

    async def decoded(payloads: list[Payload]) -> list[Payload]:
        return [_decrypted(encryption, one) for one in payloads]

    changes = {"/decode": decoded, "/encode": encryption.encode}
    return Starlette(
        routes=[
            Route(path, partial(_answer, change, origins), methods=["POST"])
            for path, change in changes.items()
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=list(origins),
                allow_methods=["POST"],
                allow_headers=["authorization", "content-type", "x-namespace"],
                allow_credentials=True,
            )
        ],
    )


async def _answer(
    change: Callable[[list[Payload]], Awaitable[list[Payload]]],
    origins: Collection[str],
    request: Request,
) -> Response:
    """A browser keeps foreign pages from reading an answer; here they get none."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in origins:
        return _refused(403, f"pages of {origin} may not ask; `--origin {origin}` allows it")
    body = await _body(request)
    if body is None:
        return _refused(413, f"the body is larger than {LARGEST_BODY} bytes")
    try:
        given = _parsed(body)
    except (ParseError, ValueError, RecursionError):
        return _refused(400, 'the body is not `{"payloads": […]}` in JSON')
    changed = Payloads(payloads=await change(given))
    return JSONResponse(MessageToDict(changed))


def _parsed(body: bytes) -> list[Payload]:
    """Return the payloads of a body. Raises ParseError or ValueError."""
    given = json.loads(body)
    if not isinstance(given, dict):
        raise ParseError
    return list(ParseDict(given, Payloads()).payloads)


async def _body(request: Request) -> bytes | None:
    """Return the body, None when it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            return None
    return b"".join(parts)


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"message": why}, status)


def _decrypted(encryption: Encryption, payload: Payload) -> Payload:
    """Leave what has another key as it is, which is logged: the rest can be read then."""
    try:
        return encryption.decrypted(payload)
    except SecretMissing:
        return payload
