"""Reading an answer: its body as the value that its content type says, and its flaws."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import httpx

from activities.body_reading import read_body
from activities.decoding import unpacked_body
from activities.faults import CAUGHT, Unreadable
from activities.retry_after import asked_wait
from arazzo.blobs import Blob
from arazzo.context import ABSENT, ResponseView
from arazzo.errors import PayloadTooLarge

if TYPE_CHECKING:
    from activities.body_reading import Read
    from activities.downloads import Download
    from arazzo.plan import Call

SUCCESS: Final = 2
"""The first digit of a status of success."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that came: its view, what is wrong with it, and the text of its body.

    `retry_after` is in seconds from now, None when the service does not ask to wait; `blob` is
    where the body lies when it was downloaded.
    """

    response: ResponseView
    flaw: str
    text: str
    retry_after: float | None
    blob: Blob | None = None


async def read_answer(
    response: httpx.Response, call: Call, deadline: float, download: Download | None = None
) -> Answer:
    """Read a response that has begun, until the deadline by the loop's clock.

    A download takes the body that it wants, and what is too large for memory, in its own time.
    Raises PayloadTooLarge when a body passes the limit, Unreadable when a body of success
    breaks, or is too large and that of a write; any other status says enough without its body.
    """
    if download is not None:
        await download.refuse_another(response)
    try:
        async with asyncio.timeout_at(deadline) as limit:
            body = await _received(response, call, download, limit)
    except CAUGHT as error:
        if response.status_code // 100 == SUCCESS:
            raise Unreadable(_view(response, ABSENT), error) from error
        return _made(response, (ABSENT, f"the body can't be read: {error}", ""), call)
    except PayloadTooLarge as error:
        if response.status_code // 100 != SUCCESS:
            return _made(response, (ABSENT, error.message, ""), call)
        if call.writes and not call.idempotency:
            broken = httpx.DecodingError(error.message)
            raise Unreadable(_view(response, ABSENT), broken) from error
        raise
    if isinstance(body, Blob):
        return _downloaded(response, body, call)
    return _made(response, _parsed(response, body), call)


def _downloaded(response: httpx.Response, blob: Blob, call: Call) -> Answer:
    """The answer as if it had come in one piece, whatever the number of requests."""
    response.status_code = 200
    response.headers.pop("content-range", None)
    response.headers["content-length"] = str(blob.size)
    return replace(_made(response, (blob.as_json(), "", ""), call), blob=blob)


async def _received(
    response: httpx.Response, call: Call, download: Download | None, limit: asyncio.Timeout
) -> bytes | Blob:
    if download is not None:
        download.limit = limit
        if download.takes(response):
            return await download.received(response)
    return await _whole_body(response, call, download)


async def _whole_body(
    response: httpx.Response, call: Call, download: Download | None
) -> bytes | Blob:
    parts, size = [], 0
    body = unpacked_body(response)
    async for part in body:
        size += len(part)
        parts.append(part)
        if size > call.largest_response:
            if download is not None and download.may_take(response):
                return await download.received(response, parts, body)
            raise PayloadTooLarge(
                f"the answer of {call.method} {call.path} is larger than "
                f"{call.largest_response} bytes",
                reason="response-too-large",
            )
    return b"".join(parts)


def _made(response: httpx.Response, parsed: tuple[Any, str, str], call: Call) -> Answer:
    value, flaw, text = parsed
    view = _view(response, value)
    wait = asked_wait(view.status, view.headers, value, call)
    return Answer(response=view, flaw=flaw, text=text, retry_after=wait)


def _view(response: httpx.Response, body: Any) -> ResponseView:
    headers = {name.lower(): found for name, found in response.headers.items()}
    return ResponseView(response.status_code, headers, body)


def _parsed(response: httpx.Response, body: bytes) -> Read:
    content_type = response.headers.get("content-type", "")
    return read_body(body, content_type, response.charset_encoding)
