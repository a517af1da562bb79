"""Sending one request: one connection pool per worker, bounded time and size, safe redirects."""

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
from activities.decoding import ACCEPTED_CODINGS
from activities.early_answers import HearingBackend
from activities.faults import CAUGHT, TransportFailed, fault_of
from activities.late_requests import timely
from activities.network import (
    GuardedBackend,
    is_local_name,
    is_private,
    private_addresses,
)
from activities.uploads import Upload
from arazzo.bodies import Pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import httpcore

    from activities.answers import Answer
    from activities.downloads import Download
    from arazzo.plan import Call
    from arazzo.request import Request

KEEPALIVE_SECONDS: Final = 2.0
"""Shorter than the idle time after which common servers hang up (5 s), so that no request is
written into a connection that is just being closed."""

LAST_PORT: Final = 65535
MOST_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
FOLLOWED: Final = ("GET", "HEAD")
"""A request that writes is not sent again somewhere else, whatever the answer says."""

NO_CREDENTIALS: Final = frozenset(("accept", "accept-encoding", "range", "if-range"))
"""Headers that a redirect to another host keeps."""

DEFAULT_HEADERS: Final = {
    "user-agent": "durazzo",
    "accept": "application/json, */*;q=0.8",
    "accept-encoding": ACCEPTED_CODINGS,
    "connection": "keep-alive",
}


def make_client(
    transport: httpx.AsyncBaseTransport | None = None,
    *,
    certificates: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """Return the one client of a worker; `transport` is a test's own other side.

    One that shows a certificate of its own has `certificates` with it.

    It keeps no cookies: a session that one run was given would be sent with the next one's.
    """
    client = httpx.AsyncClient(
        transport=transport,
        verify=certificates or _certificates(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        limits=httpx.Limits(
            max_connections=200,
            max_keepalive_connections=50,
            keepalive_expiry=KEEPALIVE_SECONDS,
        ),
        trust_env=True,
    )
    # httpx takes no network backend, httpcore does
    _connect_by(client._transport, lambda inner: GuardedBackend(HearingBackend(inner)))  # noqa: SLF001
    for proxied in client._mounts.values():  # noqa: SLF001 - the operator's proxies need no guard
        _connect_by(proxied, HearingBackend)
    return client


def _connect_by(
    transport: httpx.AsyncBaseTransport | None,
    backend: Callable[[httpcore.AsyncNetworkBackend], httpcore.AsyncNetworkBackend],
) -> None:
    if isinstance(transport, httpx.AsyncHTTPTransport):
        pool = transport._pool  # noqa: SLF001 - it is the place of the network backend
        pool._network_backend = backend(pool._network_backend)  # noqa: SLF001 - the same


@cache
def _certificates() -> ssl.SSLContext:
    """Read the authorities' certificates once a process: it takes longer than a request."""
    return httpx.create_ssl_context()


async def send(
    client: httpx.AsyncClient,
    request: Request,
    call: Call,
    download: Download | None = None,
    upload: Upload | None = None,
) -> Answer:
    """Send a request once and return the answer, whose body may go to where downloads go.

    `upload` is the request's body where it holds files. Raises TransportFailed when no answer came
    or its body broke, PayloadTooLarge when that passes the limit, StepFailed when a file of the
    request can't be read to its end.
    """
    try:
        allowed = call.own_server or is_local_name(_host(request.url))
        with private_addresses(allowed=allowed):
            deadline = asyncio.get_running_loop().time() + call.total_timeout
            return await _follow(client, request, call, deadline, download, upload)
    except CAUGHT as error:
        raise TransportFailed(fault_of(error), str(error)) from error


def _host(url: str) -> str:
    """Return the host of a URL, nothing for one that is not valid, which httpx then says."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


async def _follow(
    client: httpx.AsyncClient,
    request: Request,
    call: Call,
    deadline: float,
    download: Download | None,
    upload: Upload | None,
) -> Answer:
    for _ in range(MOST_REDIRECTS + 1):
        async with _answered(client, request, call, deadline, upload) as response:
            target = response.headers.get("location")
            followed = response.status_code in REDIRECTS and request.method in FOLLOWED
            followed &= not call.keeps_redirects
            if not followed or not target:
                return await read_answer(response, call, deadline, download)
        async with asyncio.timeout_at(deadline):
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
    if await is_private(there.hostname) and not await is_private(here.hostname):
        raise TransportFailed(
            fault_of(httpx.TooManyRedirects("")),
            "a redirect led from a public host to a private address, which is not followed",
        )
    kept = {name: text for name, text in request.headers.items() if name.lower() in NO_CREDENTIALS}
    return replace(request, url=url, headers=kept, body=None)


@asynccontextmanager
async def _answered(
    client: httpx.AsyncClient,
    request: Request,
    call: Call,
    deadline: float,
    upload: Upload | None,
) -> AsyncIterator[httpx.Response]:
    """Send a request; gives the response when its headers have come."""
    given = {name.lower() for name in request.headers}
    headers = [(name, text) for name, text in DEFAULT_HEADERS.items() if name not in given]
    content = _content(request, upload)
    if isinstance(content, Upload):
        headers.append(("content-length", str(content.size)))  # or it would be sent as chunked
    sent = httpx.Request(
        request.method,
        request.url,
        headers=[*_encoded(dict(headers)), *_encoded(request.headers)],
        content=content,
        extensions={"timeout": _timeouts(call), **timely(call)},
    )
    if (sent.url.port or 0) > LAST_PORT:  # the network code would raise all kinds of errors
        raise httpx.InvalidURL(f"there is no port {sent.url.port}")
    async with asyncio.timeout_at(deadline):
        response = await client.send(sent, stream=True)
    try:
        yield response
    finally:
        await response.aclose()


def _content(request: Request, upload: Upload | None) -> bytes | Upload | None:
    if not isinstance(request.body, Pieces):
        return request.body
    if upload is None:
        message = "a body that holds files needs the store in which they lie"
        raise TypeError(message)
    return upload


def _timeouts(call: Call) -> dict[str, float]:
    """Connecting and TLS end before the whole time does: then the request was surely not sent."""
    half = call.total_timeout / 2
    return {
        "connect": min(call.connect_timeout, half),
        "pool": min(call.pool_timeout or call.connect_timeout, half),
        "read": min(call.read_timeout or call.total_timeout, call.total_timeout),
        "write": min(call.write_timeout or call.total_timeout, call.total_timeout),
    }


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers are Latin-1 (RFC 9110, 5.5); httpx itself would take only ASCII."""
    try:
        return [(name.encode("ascii"), text.encode("latin-1")) for name, text in headers.items()]
    except UnicodeEncodeError:
        raise TransportFailed(
            fault_of(httpx.LocalProtocolError("")),
            "a header holds a character that no header may hold",
        ) from None  # which would show a part of the value
