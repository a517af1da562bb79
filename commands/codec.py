"""`durazzo codec`: decrypts for Temporal's Web UI and CLI, for who can reach it."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer
import uvicorn

from activities.encryption import Encryption
from arazzo.errors import InputInvalid
from commands.codec_application import codec_application
from commands.connection import LAST_PORT, read_server_file
from commands.data_conversion import is_loopback, key_ring
from commands.failures import reported
from commands.server import CODEC_PORT, HOST, PortTaken, is_taken
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence

    from starlette.applications import Starlette

app = typer.Typer(add_completion=False)

DEFAULT_UI: Final = "http://127.0.0.1:8233"


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
        encryption = Encryption(key_ring(load_settings()), encrypts=True)
        key_id = encryption.keys.present.id
        if is_taken(port, host):
            raise PortTaken(
                f"port {port} of {host} is taken; choose another with --port", reason="port-taken"
            )
        _tell(_greeting(host, port, key_id, origins))
        asyncio.run(_serve(codec_application(encryption, origins), host, port))


def _origins(given: Sequence[str]) -> list[str]:
    """Return the origins of Web UIs (RFC 6454): those given, and the local one by both names.

    Raises InputInvalid for what is no http or https URL.
    """
    settings = load_settings()
    known = read_server_file(settings.state_folder) or {}
    local = [settings.ui_url, known.get("uiUrl"), DEFAULT_UI]
    found = [_origin(url) for url in (*given, *(str(one) for one in local if one))]
    both = [
        one.replace(*names) for one in found for names in ((HOST, "localhost"), ("localhost", HOST))
    ]
    return list(dict.fromkeys((*found, *both)))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputInvalid(
            f"`--origin {url}`: expected where a Web UI is, such as https://temporal.example.com",
            reason="origin-option",
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


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


async def _serve(application: Starlette, host: str, port: int) -> None:
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve()


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
