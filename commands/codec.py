"""`durazzo codec`: decrypts for Temporal's Web UI and CLI, for who can reach it."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer
import uvicorn

from activities.encryption import Encryption, log_warning
from arazzo.errors import InputInvalid
from commands.codec_application import codec_application
from commands.connection import LAST_PORT, read_server_file
from commands.data_conversion import is_loopback, key_ring
from commands.failures import reported
from commands.server import CODEC_PORT, HOST, PortTaken
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence

    from starlette.applications import Starlette

app = typer.Typer(add_completion=False)

DEFAULT_UI: Final = "http://127.0.0.1:8233"
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@app.command()
def codec(
    port: Annotated[
        int, typer.Option(min=1, max=LAST_PORT, help="Port that it listens on.")
    ] = CODEC_PORT,
    host: Annotated[str, typer.Option(help="Address that it listens on.")] = HOST,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Where a Web UI is, besides the local one, that may ask; may be repeated.",
        ),
    ] = None,
) -> None:
    """Decrypt payloads for Temporal's Web UI and command line, until Ctrl-C.

    Whoever can reach it can read every run of this key: it asks nobody who they are.
    """
    with reported():
        origins = _origins(origin or ())
        encryption = Encryption(key_ring(load_settings()), encrypts=True, warn=log_warning)
        key_id = encryption.keys.present.id
        with _listening(host, port) as listener:
            _tell(_greeting(host, port, key_id, origins))
            asyncio.run(_serve(codec_application(encryption, origins), listener))


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises PortTaken, or InputInvalid for no host of ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} of {host} is taken; choose another with --port", reason="port-taken"
            ) from error
        raise InputInvalid(
            f"`--host {host} --port {port}` can't be listened on: {error.strerror}",
            reason="host-option",
        ) from error


def _origins(given: Sequence[str]) -> list[str]:
    """Return the origins of Web UIs (RFC 6454): those given, and the local one by both names.

    Raises InputInvalid for what is no http or https URL.
    """
    settings = load_settings()
    known = read_server_file(settings.state_folder) or {}
    local = [settings.ui_url, known.get("uiUrl"), DEFAULT_UI]
    found = [_origin(url) for url in given]
    found += [_origin(str(one)) for one in local if one]
    both = [
        one.replace(*names) for one in found for names in ((HOST, "localhost"), ("localhost", HOST))
    ]
    return list(dict.fromkeys((*found, *both)))


def _origin(url: str) -> str:
    """Browsers leave a default port out, and send neither user nor path."""
    parts = urlsplit(url)
    beyond = parts.username or parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or beyond:
        raise InputInvalid(
            f"`--origin {url}`: expected scheme, host and port of a Web UI, such as "
            "https://temporal.example.com",
            reason="origin-option",
        )
    return f"{parts.scheme}://{parts.netloc}".lower().removesuffix(DEFAULT_PORTS[parts.scheme])


def _greeting(host: str, port: int, key_id: str, origins: Collection[str]) -> str:
    shown = f"[{host}]" if ":" in host else host
    lines = [
        f"codec server     http://{shown}:{port}",
        f"key              {key_id}",
        f"Web UIs          {', '.join(origins)}",
        "Ctrl-C stops it.",
    ]
    if not is_loopback(host):
        lines.append(
            f"warning: {host} can be reached from other machines, and whoever reaches it can read "
            "every run of this key; put it behind a proxy that asks who they are"
        )
    return "\n".join(lines)


async def _serve(application: Starlette, listener: socket.socket) -> None:
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that ends well when it is told to stop."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing: uvicorn would raise the signal again, and the exit code be no 0."""
        yield

    def stop(self) -> None:
        """Let the server end."""
        self.should_exit = True


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    app()
