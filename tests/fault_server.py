"""A server that does to each request what a test scripts, down to single bytes and connections.

It speaks HTTP by hand, for no library would let it lie: about lengths, codings or the protocol.
What arrived is counted, in full and in part, so that a test can prove what was sent.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
LINE_END: Final = b"\r\n"


@dataclass(frozen=True)
class Reply:
    """What is done with one request.

    `reads` are the bytes of the request that are read before (None: all of it); then `raw` is
    written, in pieces of `piece` bytes (0: at once) with `pause` seconds between them; `then` says
    what becomes of the connection: it is kept for another request, closed, reset, or held open
    without another word.
    """

    raw: bytes = b""
    reads: int | None = None
    piece: int = 0
    pause: float = 0.0
    then: Literal["keep", "close", "reset", "hold"] = "close"


@dataclass(frozen=True)
class Received:
    """A request as it came; `whole` when nothing of it was missing."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    whole: bool


def answer(
    status: int = 200, body: Any = b"{}", headers: dict[str, str] | None = None, **how: Any
) -> Reply:
    """Return a reply with a true length, unless `headers` say another one."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        **(headers or {}),
    }
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in told.items())]
    raw = "\r\n".join([*lines, "", ""]).encode("latin-1") + content
    return replace(Reply(raw, then="keep"), **how)


def cut_off(body: Any, missing: int = 5, status: int = 200) -> Reply:
    """Return an answer that lacks its last bytes."""
    whole = answer(status, body)
    return replace(whole, raw=whole.raw[:-missing], then="close")


def cut_gzip(body: Any, status: int = 200) -> Reply:
    """Return an answer whose gzip ends too early, while its length is true."""
    packed = gzip.compress(json.dumps(body).encode())[:-6]
    return answer(status, packed, {"Content-Encoding": "gzip"})


def bomb(size: int = 20_000_000) -> Reply:
    """Return an answer that unpacks to so many bytes."""
    return answer(200, gzip.compress(b"0" * size), {"Content-Encoding": "gzip"})


REFUSED_TLS: Final = Reply(b"HTTP/1.1 400 Told\r\n\r\n", reads=5)
"""What a server without TLS says to whoever begins one."""
SILENT: Final = Reply(then="hold")


@dataclass
class FaultServer:
    """Replies by the scripts of a path, else by `replies`; the last one of a script is for ever."""

    replies: list[Reply] = field(default_factory=lambda: [answer()])
    scripts: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Return the base URL."""
        return f"http://127.0.0.1:{self.port}"

    def whole(self, method: str = "") -> int:
        """Return how many requests arrived in full."""
        return sum(one.whole for one in self.requests if method in ("", one.method))

    def partial(self) -> int:
        """Return how many requests began and did not arrive in full."""
        return sum(not one.whole for one in self.requests)

    def _next(self, path: str) -> Reply:
        script = self.scripts.get(path, self.replies)
        return script.pop(0) if len(script) > 1 else script[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            writer.transport.abort() if reader.at_eof() else writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether another one may follow."""
        begin = await reader.read(1)
        if not begin:
            return False
        if not begin.isalpha():  # the first byte of TLS, which has no path
            reply = self._next("")
            await reader.readexactly(reply.reads or 0)
        else:
            reply = await self._received(begin, reader)
        await _write(reply, writer)
        if reply.then == "hold":
            while await reader.read(1000):  # until the other side gives up
                pass
        if reply.then == "reset":
            linger = writer.get_extra_info("socket")
            linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()
        return reply.then == "keep"

    async def _received(self, begin: bytes, reader: asyncio.StreamReader) -> Reply:
        """Read a request as far as its reply wants, and note it."""
        line = begin + await reader.readuntil(LINE_END)
        method, path, _ = line.decode("latin-1").split(" ", 2)
        reply = self._next(path.partition("?")[0])
        if reply.reads is not None:
            self.requests.append(Received(method, path, {}, b"", whole=False))
            return reply
        headers = await _headers(reader)
        size = int(headers.get("content-length", 0))
        body = await reader.read(0) if not size else await reader.readexactly(size)
        self.requests.append(Received(method, path, headers, body, whole=True))
        return reply


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    found: dict[str, str] = {}
    while (line := await reader.readuntil(LINE_END)) != LINE_END:
        name, _, value = line.decode("latin-1").partition(":")
        found[name.lower()] = value.strip()
    return found


async def _write(reply: Reply, writer: asyncio.StreamWriter) -> None:
    size = reply.piece or len(reply.raw) or 1
    for start in range(0, len(reply.raw), size):
        writer.write(reply.raw[start : start + size])
        await writer.drain()
        await asyncio.sleep(reply.pause)


@asynccontextmanager
async def fault_server(*replies: Reply, **scripts: list[Reply]) -> AsyncIterator[FaultServer]:
    """Serve on a free port of this machine; `scripts` are by the path without its slash."""
    made = FaultServer(
        list(replies) or [answer()], {f"/{name}": list(one) for name, one in scripts.items()}
    )
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(made.serve(reader, writer))
        tasks.add(task)
        await asyncio.wait([task])
        tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
