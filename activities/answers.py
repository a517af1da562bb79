"""Reading an answer: its body as the value that its content type says, and its flaws."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from activities.body_reading import read_body
from activities.decoding import unpacked_body
from activities.faults import CAUGHT, Unreadable
from activities.retry_after import asked_wait
from arazzo.context import ABSENT, ResponseView
from arazzo.errors import PayloadTooLarge

if TYPE_CHECKING:
    import httpx

    from activities.body_reading import Read
    from arazzo.plan import Call

SUCCESS: Final = 2
"""The first digit of a status of success."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that came: its view, what is wrong with it, and the text of its body.

    `retry_after` is in seconds from now, None when the service does not ask to wait.
    """

    response: ResponseView
    flaw: str
    text: str
    retry_after: float | None


async def read_answer(response: httpx.Response, call: Call, deadline: float) -> Answer:
    """Read a response that has begun, until the deadline by the loop's clock.

    Raises PayloadTooLarge when its body passes the limit, Unreadable when a body of success
    breaks; any other status says enough without its body.
    """
    try:
        async with asyncio.timeout_at(deadline):
            body = await _whole_body(response, call)
    except CAUGHT as error:
        if response.status_code // 100 == SUCCESS:
            raise Unreadable(_view(response, ABSENT), error) from error
        return _made(response, (ABSENT, f"the body can't be read: {error}", ""), call)
    return _made(response, _parsed(response, body), call)


async def _whole_body(response: httpx.Response, call: Call) -> bytes:
    parts, size = [], 0
    async for part in unpacked_body(response):
        size += len(part)
        if size > call.largest_response:
            raise PayloadTooLarge(
                f"the answer of {call.method} {call.path} is larger than "
                f"{call.largest_response} bytes",
                reason="response-too-large",
            )
        parts.append(part)
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
