"""Hears a service that refuses a large request while it is still being sent (413, 401).

RFC 9112, 9.3: a client that sends a body «SHOULD monitor the open connection for an error
response». httpcore does not look before all is sent, and then the connection may be broken and the
answer lost; but it looks for an answer once a write has failed, so such a failure is what it gets.

Nor is what comes without a request the answer to the next one (RFC 9110, 15.5.9: a service may send
408 into an idle connection). httpcore drops an idle connection in which something lies, but would
not see what came in one piece with the answer before.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING, Final

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterable

QUIET_BYTES: Final = 64 * 1024
"""What is sent before the service is listened to: requests that are no uploads are not slowed."""
READ_AT_ONCE: Final = 64 * 1024
MOST_UNCLEAR: Final = 64 * 1024
"""What a service may say while it is sent to, without a status: it speaks no HTTP."""
MOMENT: Final = 0.05
"""Seconds to read what has arrived: it may be of TLS itself, and hold nothing of an answer."""
REFUSED: Final = 300

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5])(\d\d)")
_BEGINNING: Final = b"HTTP/1."
_END_OF_HEAD: Final = b"\r\n\r\n"


class HearingStream(httpcore.AsyncNetworkStream):
    """A connection on which a write fails when a refusal has come already."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        """Listen to what `inner` brings."""
        self._inner = inner
        self._heard = b""
        self._ended = False
        self._unheard = 0

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
    ) -> bytes:
        """Return what was heard, then what comes; where another answer begins, a read ends."""
        self._unheard = 0
        if not self._heard and not self._ended:
            self._heard = await self._inner.read(max_bytes, timeout)
        begins = self._heard.rfind(_BEGINNING, 1)
        end = min(max_bytes, begins if begins > 0 else max_bytes)
        part, self._heard = self._heard[:end], self._heard[end:]
        return part

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
    ) -> None:
        """Send. Raises httpcore.WriteError when that makes no sense any more."""
        if self._unheard >= QUIET_BYTES:
            await self._expect_no_refusal()
        try:
            await self._inner.write(buffer, timeout)
        except httpcore.WriteTimeout:  # who has refused need not take the rest
            await self._expect_no_refusal()
            raise
        self._unheard += len(buffer)

    async def _expect_no_refusal(self) -> None:
        status = status_in(self._heard)
        if not status and not self._ended:
            await self._hear()
            status = status_in(self._heard)
        unclear = not status and len(self._heard) >= MOST_UNCLEAR
        if self._ended or unclear or status >= REFUSED:
            raise httpcore.WriteError("the answer came before all was sent")

    async def _hear(self) -> None:
        if not self._inner.get_extra_info("is_readable"):
            return
        try:
            data = await self._inner.read(READ_AT_ONCE, MOMENT)
        except httpcore.ReadTimeout:
            return
        self._heard = after_interim(self._heard + data)
        self._ended = not data

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
    ) -> httpcore.AsyncNetworkStream:
        """Return the connection within TLS, which hears as well."""
        try:
            found = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:  # httpcore would leave the connection open
            await self.aclose()
            raise
        return HearingStream(found)

    def get_extra_info(self, info: str) -> object:
        """Return what the connection tells of itself.

        httpcore asks an idle one for `is_readable`, and closes it when something lies there.
        """
        if info == "is_readable" and (self._heard or self._ended or self._holds_unpacked()):
            return True
        return self._inner.get_extra_info(info)

    def _holds_unpacked(self) -> bool:
        """Look within TLS: what came in one piece with the answer has left the socket."""
        tls = self._inner.get_extra_info("ssl_object")
        if not isinstance(tls, ssl.SSLObject):
            return False
        try:
            self._heard = tls.read(READ_AT_ONCE)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            self._ended = True
        return True

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()


class HearingBackend(httpcore.AsyncNetworkBackend):
    """Makes connections that hear."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        """Connect by `inner`."""
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host."""
        return HearingStream(
            await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        )

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore does between its own attempts."""
        await self._inner.sleep(seconds)


def after_interim(heard: bytes) -> bytes:
    """Return what came without the interim answers before it, of which there may be any number."""
    at = 0
    while (found := _STATUS.match(heard, at)) and found[1] == b"1":
        end = heard.find(_END_OF_HEAD, at)
        if end < 0:
            break
        at = end + len(_END_OF_HEAD)
    return heard[at:]


def status_in(heard: bytes) -> int:
    """Return the status of an answer that has begun, 0 when there is none yet but interim ones."""
    found = _STATUS.match(after_interim(heard))
    return int(found[1] + found[2]) if found and found[1] != b"1" else 0
