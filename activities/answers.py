"""Reading an answer: its body as the value that its content type says, and its flaws."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from activities.decoding import unpacked_body
from activities.faults import CAUGHT, Unreadable
from activities.retry_after import asked_wait
from arazzo.context import ABSENT, ResponseView
from arazzo.errors import PayloadTooLarge

if TYPE_CHECKING:
    import httpx

    from arazzo.plan import Call

MOST_NESTED: Final = 200
"""Levels of lists and objects in a body: what is nested deeper can't be handed on as a result."""
TOO_DEEP: Final = f"the body is JSON that is nested more than {MOST_NESTED} levels deep"
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


def _parsed(response: httpx.Response, body: bytes) -> tuple[Any, str, str]:
    """Return the body's value, what is wrong with it, and its text."""
    if not body:
        return ABSENT, "", ""
    content_type = response.headers.get("content-type", "")
    try:
        text = body.decode(response.charset_encoding or "utf-8").removeprefix("\ufeff")
    except (UnicodeError, LookupError):
        shown = repr(body[:60])
        return ABSENT, f"the body ({content_type}) is no text: it begins {shown}", shown
    if "json" not in content_type.split(";")[0].lower():
        return text, "", text
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except ValueError as error:
        said = f"the body is not the JSON that its content type `{content_type}` says ({error})"
        return text, said, text
    except RecursionError:
        return text, TOO_DEEP, text
    return (value, "", text) if _is_shallow(value) else (text, TOO_DEEP, text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    """JSON has no infinity, so what would be read as one could not be written again."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number


def _is_shallow(value: Any) -> bool:
    """Look level by level, at containers only; every answer passes here, so it must be quick."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MOST_NESTED):
        if not level:
            return True
        level = [
            child
            for one in level
            for child in (one.values() if type(one) is dict else one)
            if type(child) is dict or type(child) is list
        ]
    return not level
