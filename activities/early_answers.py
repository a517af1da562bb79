"""Hears a service that refuses a large request while it is still being sent (413, 401).

RFC 9112, 9.3: a client that sends a body «SHOULD monitor the open connection for an error
response». httpcore does not look before all is sent, and then the connection may be broken and the
answer lost; but it looks for an answer once a write has failed, so such a failure is what it gets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import httpcore

if TYPE_CHECKING:
    import ssl

QUIET_BYTES: Final = 64 * 1024
"""What is sent before the service is listened to: requests that are no uploads are not slowed."""
READ_AT_ONCE: Final = 64 * 1024
MOMENT: Final = 0.05
"""Seconds to read what has arrived: it may be of TLS itself, and hold nothing of an answer."""
REFUSED: Final = 300

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5])(\d\d)")


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
        """Return what was heard, then what comes."""
        self._unheard = 0
        if self._heard:
            part, self._heard = self._heard[:max_bytes], self._heard[max_bytes:]
            return part
        return b"" if self._ended else await self._inner.read(max_bytes, timeout)

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
        if not status_in(self._heard) and not self._ended:
            await self._hear()
        if self._ended or status_in(self._heard) >= REFUSED:
            raise httpcore.WriteError("the answer came before all was sent")

    async def _hear(self) -> None:
        if not self._inner.get_extra_info("is_readable"):
            return
        try:
            data = await self._inner.read(READ_AT_ONCE, MOMENT)
        except httpcore.ReadTimeout:
            return
        self._heard += data
        self._ended = not data

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
    ) -> httpcore.AsyncNetworkStream:
        """Return the connection within TLS, which hears as well."""
        return HearingStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        """Return what the connection tells of itself."""
        return self._inner.get_extra_info(info)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()


def status_in(heard: bytes) -> int:
    """Return the status of an answer that has begun, 0 when there is none yet but interim ones."""
    while found := _STATUS.match(heard):
        if found[1] != b"1":
            return int(found[1] + found[2])
        heard = heard.partition(b"\r\n\r\n")[2]
    return 0
