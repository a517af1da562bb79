"""Sending one request: one connection pool per worker, bounded time and size, safe redirects."""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import json
import math
import re
import socket
import ssl
import time
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx

from activities.faults import fault_of
from arazzo.context import ABSENT, ResponseView
from arazzo.errors import OtherPartyError, PayloadTooLarge
from arazzo.request import Request

if TYPE_CHECKING:
    from activities.faults import Fault
    from arazzo.plan import Call

KEEPALIVE_SECONDS: Final = 2.0
"""Shorter than the idle time after which common servers hang up (5 s), so that no request is
written into a connection that is just being closed."""

MOST_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
MOST_NESTED: Final = 200
"""Levels of lists and objects in a body: what is nested deeper can't be handed on as a result."""

USER_AGENT: Final = "durazzo"

_DELAY: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that came: its view, what is wrong with it, and the text of its body.

    `retry_after` is in seconds from now, None when the service does not ask to wait.
    """

    response: ResponseView
    flaw: str
    text: str
    retry_after: float | None


class TransportFailed(OtherPartyError):
    """No answer came; `fault` says what that means."""

    def __init__(self, fault: Fault, text: str) -> None:
        """Keep the fault beside the text."""
        super().__init__(f"{fault.said}: {text}" if text else fault.said, reason="transport")
        self.fault = fault


def make_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return the one client of a worker; `transport` is a test's own other side.

    It keeps no cookies: a session that one run was given would be sent with the next one's.
    """
    return httpx.AsyncClient(
        transport=transport,
        verify=_certificates(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        limits=httpx.Limits(
            max_connections=200,
            max_keepalive_connections=50,
            keepalive_expiry=KEEPALIVE_SECONDS,
        ),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json, */*;q=0.8"},
        trust_env=True,
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Read the authorities' certificates once a process: it takes longer than a request."""
    return httpx.create_ssl_context()


async def send(client: httpx.AsyncClient, request: Request, call: Call) -> Answer:
    """Send a request once and return the answer.

    Raises TransportFailed when none came, PayloadTooLarge when its body passes the limit.
    """
    try:
        async with asyncio.timeout(call.total_timeout):
            return await _follow(client, request, call)
    except (
        httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, TimeoutError
    ) as error:  # fmt: skip
        raise TransportFailed(fault_of(error), str(error)) from error


async def _follow(client: httpx.AsyncClient, request: Request, call: Call) -> Answer:
    for _ in range(MOST_REDIRECTS + 1):
        response, body = await _exchange(client, request, call)
        target = response.headers.get("location")
        if response.status_code not in REDIRECTS or not target or request.method != "GET":
            return _answer(response, body, call)
        request = await _redirected(request, str(response.url.join(target)))
    fault = fault_of(httpx.TooManyRedirects(""))
    raise TransportFailed(fault, f"more than {MOST_REDIRECTS}")


async def _redirected(request: Request, url: str) -> Request:
    """Credentials stay with their host; a public host can't lead into a private network."""
    here, there = urlsplit(request.url), urlsplit(url)
    if there.scheme not in ("http", "https"):
        raise TransportFailed(fault_of(httpx.UnsupportedProtocol("")), "a redirect led elsewhere")
    if (here.scheme, here.netloc) == (there.scheme, there.netloc):
        return replace(request, url=url)
    if await _is_private(there.hostname) and not await _is_private(here.hostname):
        raise TransportFailed(
            fault_of(httpx.TooManyRedirects("")),
            "a redirect led from a public host to a private address, which is not followed",
        )
    kept = {name: value for name, value in request.headers.items() if name.lower() == "accept"}
    return replace(request, url=url, headers=kept, body=None)


async def _is_private(host: str | None) -> bool:
    """Return whether a host is of this machine or a private network: by name, or once resolved."""
    name = (host or "").rstrip(".")
    if not name or name == "localhost" or name.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # then it can't be reached either
    return any(not ipaddress.ip_address(address[0]).is_global for *_, address in found)


async def _exchange(
    client: httpx.AsyncClient, request: Request, call: Call
) -> tuple[httpx.Response, bytes]:
    # Connecting and TLS end before the whole time does: then the request was surely not sent.
    to_connect = min(call.connect_timeout, call.total_timeout / 2)
    timeout = httpx.Timeout(call.total_timeout, connect=to_connect, pool=to_connect)
    async with client.stream(
        request.method,
        request.url,
        headers=_encoded(request.headers),
        content=request.body,
        timeout=timeout,
    ) as response:
        parts, size = [], 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > call.largest_response:
                raise PayloadTooLarge(
                    f"the answer of {request.method} {call.path} is larger than "
                    f"{call.largest_response} bytes",
                    reason="response-too-large",
                )
            parts.append(part)
        return response, b"".join(parts)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers are Latin-1 (RFC 9110, 5.5); httpx itself would take only ASCII."""
    try:
        return [(name.encode("ascii"), text.encode("latin-1")) for name, text in headers.items()]
    except UnicodeEncodeError:
        raise TransportFailed(
            fault_of(httpx.LocalProtocolError("")),
            "a header holds a character that no header may hold",
        ) from None  # which would show a part of the value


def _answer(response: httpx.Response, body: bytes, call: Call) -> Answer:
    value, flaw, text = _parsed(response, body)
    headers = {name.lower(): found for name, found in response.headers.items()}
    return Answer(
        response=ResponseView(response.status_code, headers, value),
        flaw=flaw,
        text=text,
        retry_after=_retry_after(headers.get("retry-after"), call.retry_after_ceiling),
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


def _retry_after(text: str | None, ceiling: float) -> float | None:
    """Retry-After in seconds or as a date: RFC 9110, 10.2.3; never more than the ceiling."""
    seconds = None if text is None else _seconds(text.strip())
    return None if seconds is None else min(max(seconds, 0.0), ceiling)


def _seconds(text: str) -> float | None:
    if _DELAY.fullmatch(text):
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
