"""Sending one request: one connection pool per worker, bounded times, safe redirects."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from activities.answers import read_answer
from activities.faults import TransportFailed, fault_of
from activities.network import is_private
from arazzo.request import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from activities.answers import Answer
    from arazzo.plan import Call

KEEPALIVE_SECONDS: Final = 2.0
"""Shorter than the idle time after which common servers hang up (5 s), so that no request is
written into a connection that is just being closed."""

MOST_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))

USER_AGENT: Final = "durazzo"


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
        async with _open(client, request, call) as response:
            target = _target(response, request)
            if target is None:
                return await read_answer(response, call)
        request = await _redirected(request, target)
    fault = fault_of(httpx.TooManyRedirects(""))
    raise TransportFailed(fault, f"more than {MOST_REDIRECTS}")


def _target(response: httpx.Response, request: Request) -> str | None:
    """Return where a response leads, None for one that is the answer."""
    place = response.headers.get("location")
    if response.status_code not in REDIRECTS or not place or request.method != "GET":
        return None
    return str(response.url.join(place))


async def _redirected(request: Request, url: str) -> Request:
    """Credentials stay with their host; a public host can't lead into a private network."""
    here, there = urlsplit(request.url), urlsplit(url)
    if there.scheme not in ("http", "https"):
        raise TransportFailed(fault_of(httpx.UnsupportedProtocol("")), "a redirect led elsewhere")
    if (here.scheme, here.netloc) == (there.scheme, there.netloc):
        return replace(request, url=url)
    if await is_private(there.hostname) and not await is_private(here.hostname):
        raise TransportFailed(
            fault_of(httpx.TooManyRedirects("")),
            "a redirect led from a public host to a private address, which is not followed",
        )
    kept = {name: value for name, value in request.headers.items() if name.lower() == "accept"}
    return replace(request, url=url, headers=kept, body=None)


@asynccontextmanager
async def _open(
    client: httpx.AsyncClient, request: Request, call: Call
) -> AsyncIterator[httpx.Response]:
    """Send a request; its response is open, with the body still to be read."""
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
        yield response


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers are Latin-1 (RFC 9110, 5.5); httpx itself would take only ASCII."""
    try:
        return [(name.encode("ascii"), text.encode("latin-1")) for name, text in headers.items()]
    except UnicodeEncodeError:
        raise TransportFailed(
            fault_of(httpx.LocalProtocolError("")),
            "a header holds a character that no header may hold",
        ) from None  # which would show a part of the value
