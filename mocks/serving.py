"""Serves a stand-in over real sockets, so that a connection can be reset as a network would."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable, Generator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

TICK_SECONDS = 0.1
LINGER_ZERO = struct.pack("ii", 1, 0)


class TransportProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with the connection's transport in `scope["state"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport of a new connection where a request finds it."""
        super().connection_made(transport)
        # asyncio sets this only for sockets made with the protocol spelt out; without it every
        # answer waits 40 ms for the client's delayed acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has gone or the connection was reset."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def reset_connection(scope: Scope, receive: Receive) -> None:
    """End the connection of this request with a TCP reset, without any answer."""
    transport = scope["state"]["transport"]
    # Without a linger time of zero the kernel says goodbye politely (FIN) and no client sees a
    # reset.
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    transport.abort()
    await wait_for_disconnect(receive)


async def hang(receive: Receive, seconds: float) -> bool:
    """Wait for that many seconds; True when the client is still there afterwards."""
    gone = asyncio.ensure_future(wait_for_disconnect(receive))
    done, _ = await asyncio.wait({gone}, timeout=seconds)
    gone.cancel()
    return not done


class StandInServer(uvicorn.Server):
    """A uvicorn server that leaves signals alone and drops open connections when it stops."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing: uvicorn would raise the signal again, and the exit code be no 0."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting, then tell so."""
        await super().startup(sockets)
        self._on_started()

    async def main_loop(self) -> None:
        """Do uvicorn's regular work ten times a second, and notice at once when to stop."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks = (ticks + 1) % 864_000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - as uvicorn calls it
        """Stop at once: only requests that hang on purpose can still be open."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*self.server_state.tasks)

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Ask the server to stop; fits as a signal handler."""
        self.should_exit = True
        self._stopping.set()


def create_server(app: ASGIApp, on_started: Callable[[], None]) -> StandInServer:
    """A server for one application, which calls `on_started` when it accepts."""
    config = uvicorn.Config(
        app,
        http=TransportProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    return StandInServer(config, on_started)


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its base URL; port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family)
    shown = f"[{host}]" if ":" in host else host
    return sock, f"http://{shown}:{sock.getsockname()[1]}"


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application in this event loop on a free port; gives its base URL."""
    sock, base_url = listen("127.0.0.1", 0)
    started = asyncio.Event()
    server = create_server(app, started.set)
    task = asyncio.ensure_future(server.serve(sockets=[sock]))
    await started.wait()
    try:
        yield base_url
    finally:
        server.stop()
        await task


def run(app: ASGIApp, name: str, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; prints one line with the address when it accepts."""
    sock, base_url = listen(host, port)
    line = f"{name} stand-in listening on {base_url}"
    server = create_server(app, lambda: print(line, flush=True))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    asyncio.run(server.serve(sockets=[sock]))
