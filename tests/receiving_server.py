"""A server that takes uploads in constant memory, and notes what came of each.

As a process: `python tests/receiving_server.py --port 8091`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ_AT_ONCE = 64 * 1024
KEPT_BYTES = 2048


@dataclass
class Upload:
    """A request as it came: `size` bytes of its body, their digest, begin and end."""

    method: str
    path: str
    headers: dict[str, str]
    size: int = 0
    sha256: str = ""
    begin: bytes = b""
    end: bytes = b""

    @property
    def whole(self) -> bool:
        """Return whether nothing of the body was missing."""
        return self.size == int(self.headers.get("content-length", -1))


@dataclass
class ReceivingServer:
    """Answers with `statuses` in turn, the last one for ever; `rate` is in bytes a second.

    After `cuts` bytes of a body one connection after the other breaks; `place` is where
    redirects lead to; `waits` are the seconds before each answer; `headers` are sent besides.
    """

    statuses: list[int] = field(default_factory=lambda: [200])
    rate: int = 0
    cuts: list[int] = field(default_factory=list)
    place: str = "/other"
    waits: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request of a connection, answer, and close it."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if await self._received(reader):
                await asyncio.sleep(self.waits)
                status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
                await self._answer(status, writer)
        writer.close()

    async def _answer(self, status: int, writer: asyncio.StreamWriter) -> None:
        body = f'{{"bytes": {self.uploads[-1].size}}}'
        headers = {
            "Location": self.place,
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self.headers,
        }
        lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {it}" for name, it in headers.items())]
        writer.write("\r\n".join([*lines, "", body]).encode())
        await writer.drain()

    async def _received(self, reader: asyncio.StreamReader) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines[1:-2])}
        upload, digest = Upload(method, path, headers), hashlib.sha256()
        self.uploads.append(upload)
        length = int(headers.get("content-length", 0))
        cut = self.cuts.pop(0) if self.cuts else length
        while upload.size < length:
            data = await reader.read(min(READ_AT_ONCE, length - upload.size))
            if not data or upload.size >= cut:
                return False
            upload.size += len(data)
            digest.update(data)
            upload.begin = (upload.begin + data)[:KEPT_BYTES]
            upload.end = (upload.end + data)[-KEPT_BYTES:]
            if self.rate:
                await asyncio.sleep(len(data) / self.rate)
        upload.sha256 = digest.hexdigest()
        return True

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on this machine, and give the base URL."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", port, limit=READ_AT_ONCE)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--rate", type=int, default=0)
    given = parser.parse_args()
    server = ReceivingServer(rate=given.rate)
    async with server.running(given.port):
        shown = 0
        while True:
            await asyncio.sleep(0.2)
            for one in server.uploads[shown:]:
                if one.sha256:
                    print(one.method, one.path, one.size, one.sha256, flush=True)  # noqa: T201
                    shown += 1


if __name__ == "__main__":
    asyncio.run(_main())
