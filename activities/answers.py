"""An answer that came: its body read within bounds, what it is, and what is wrong with it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from activities.retry_after import retry_after
from arazzo.context import ABSENT, ResponseView
from arazzo.errors import PayloadTooLarge

if TYPE_CHECKING:
    import httpx

    from arazzo.plan import Call

MOST_NESTED: Final = 200
"""Levels of lists and objects in a body: what is nested deeper can't be handed on as a result."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that came: its view, what is wrong with it, and the text of its body.

    `retry_after` is in seconds from now, None when the service does not ask to wait.
    """

    response: ResponseView
    flaw: str
    text: str
    retry_after: float | None


async def read_answer(response: httpx.Response, call: Call) -> Answer:
    """Read the body of an open response. Raises PayloadTooLarge when it passes the limit."""
    return _answer(response, await _body(response, call), call)


async def _body(response: httpx.Response, call: Call) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > call.largest_response:
            raise PayloadTooLarge(
                f"the answer of {call.method} {call.path} is larger than "
                f"{call.largest_response} bytes",
                reason="response-too-large",
            )
        parts.append(part)
    return b"".join(parts)


def _answer(response: httpx.Response, body: bytes, call: Call) -> Answer:
    value, flaw, text = _parsed(response, body)
    headers = {name.lower(): found for name, found in response.headers.items()}
    return Answer(
        response=ResponseView(response.status_code, headers, value),
        flaw=flaw,
        text=text,
        retry_after=retry_after(headers.get("retry-after"), call.retry_after_ceiling),
    )


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


TOO_DEEP: Final = f"the body is JSON that is nested more than {MOST_NESTED} levels deep"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    """JSON has no infinity, so what would be read as one could not be written again."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_NESTED + 1):
        level = [one for one in level if isinstance(one, (dict, list))]
        if not level:
            return True
        level = [
            child for one in level for child in (one.values() if isinstance(one, dict) else one)
        ]
    return False
