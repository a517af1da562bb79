"""A server of one large file on this machine: with ranges, and with breaks where a test wants them.

As a process: `python tests/file_server.py --megabytes 2048 --port 8090`, with `--rate` in bytes a
second. It prints its address; `/_control/requests` tells what was asked for and sent.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MEGABYTE = 1024 * 1024
_BLOCK = random.Random(7).randbytes(MEGABYTE)
_RANGE = re.compile(r"bytes=(\d+)-")
REQUESTS = "/_control/requests"


@dataclass
class FileServer:
    """Serves `size` bytes; every other is told apart by its place.

    `cuts` are the bytes after which one connection after the other breaks; `rate` is in bytes a
    second, 0 for as fast as can be; `etag` is None for none; `headers` are sent besides.
    """

    size: int
    etag: str | None = '"one"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    rate: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    """The bytes of the body that each request got."""
    open: int = 0
    """How many requests are being answered."""

    def block(self, number: int) -> bytes:
        """Return the megabyte of that number."""
        if self.content is not None:
            return self.content[number * MEGABYTE : (number + 1) * MEGABYTE]
        return (number.to_bytes(8, "big") + _BLOCK[8:])[: self.size - number * MEGABYTE]

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """Yield the content from an offset on."""
        for number in range(start // MEGABYTE, -(-self.size // MEGABYTE)):
            yield self.block(number)[max(0, start - number * MEGABYTE) :]

    def sha256(self) -> str:
        """Return the digest of the whole, as hex."""
        digest = hashlib.sha256()
        for one in self.blocks():
            digest.update(one)
        return digest.hexdigest()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of a connection, and close it."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        if first.split()[1] == REQUESTS:
            self._tell(writer)
        else:
            asked = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}
            self.asked.append(asked)
            self.sent.append(0)
            self.open += 1
            with suppress(ConnectionError):
                await self._answer(asked, writer, len(self.sent) - 1)
            self.open -= 1
        writer.close()

    def _tell(self, writer: asyncio.StreamWriter) -> None:
        told = [
            {"range": asked.get("range"), "sent": sent}
            for asked, sent in zip(self.asked, self.sent, strict=True)
        ]
        body = json.dumps(told)
        writer.write(f"HTTP/1.1 200 ok\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())

    async def _answer(
        self, asked: dict[str, str], writer: asyncio.StreamWriter, number: int
    ) -> None:
        wanted = _RANGE.fullmatch(asked.get("range", ""))
        same = asked.get("if-range", self.etag) == self.etag
        start = int(wanted[1]) if wanted and same and self.ranges else 0
        headers = {
            "content-type": "application/octet-stream",
            "content-length": str(self.size - start),
            "connection": "close",
            **({"etag": self.etag} if self.etag else {}),
            **({"content-range": f"bytes {start}-{self.size - 1}/{self.size}"} if start else {}),
            **self.headers,
        }
        head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        writer.write(f"HTTP/1.1 {206 if start else 200} ok\r\n{head}\r\n".encode())
        cut = self.cuts.pop(0) if self.cuts else self.size
        for block in self.blocks(start):
            part = block[: cut - self.sent[number]]
            writer.write(part)
            await writer.drain()
            self.sent[number] += len(part)
            if len(part) < len(block):
                return
            if self.rate:
                await asyncio.sleep(len(part) / self.rate)

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on this machine, and give the base URL."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--rate", type=int, default=0)
    given = parser.parse_args()
    server = FileServer(given.megabytes * MEGABYTE, rate=given.rate)
    async with server.running(given.port) as url:
        print(f"listening on {url}", flush=True)  # noqa: T201 - who started it reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
