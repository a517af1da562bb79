"""`durazzo server`: a local Temporal server whose runs survive its restart."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from arazzo.errors import CallerError, InputInvalid
from commands.connection import (
    LAST_PORT,
    UI_PORT_DISTANCE,
    ConnectionOptions,
    NoTemporalServer,
    connect,
    read_server_file,
    write_server_file,
)
from commands.failures import reported
from commands.temporal_binary import find_binary
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(add_completion=False)

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 7233
DATABASE: Final = "temporal.db"
CODEC_PORT: Final = 8089
"""Where `durazzo codec` listens, unless it is told otherwise."""
QUICK_QUEUES: Final = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
}
"""The development server has one shard, which by default hands on a task after up to 50 ms."""
SECONDS_TO_START: Final = 30.0
SECONDS_TO_STOP: Final = 10.0


class PortTaken(CallerError):
    """Something listens on the port already."""


class DatabaseTaken(CallerError):
    """Another server uses the database."""


@app.command()
def server(
    port: Annotated[
        int, typer.Option(min=1, max=LAST_PORT, help="Port of the server.")
    ] = DEFAULT_PORT,
    ui_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=LAST_PORT, help="Port of the Web UI; 1000 above the server's by default."
        ),
    ] = None,
    db: Annotated[
        Path | None, typer.Option(help="Database file; in Durazzo's state folder by default.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Namespace that is made.")] = "default",
    ui_codec_endpoint: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The codec server that the Web UI asks; with DURAZZO_ENCRYPT that of "
            "`durazzo codec` by default.",
        ),
    ] = None,
) -> None:
    """Start a local Temporal server with its Web UI, until Ctrl-C."""
    with reported():
        codec = ui_codec_endpoint or codec_endpoint()
        asyncio.run(_serve(port, ui_port or _ui_port_of(port), db, namespace, codec))


def codec_endpoint() -> str | None:
    """Return where `durazzo codec` listens by default, None where nothing is encrypted."""
    return f"http://{HOST}:{CODEC_PORT}" if load_settings().encrypt else None


def _ui_port_of(port: int) -> int:
    distance = UI_PORT_DISTANCE if port + UI_PORT_DISTANCE <= LAST_PORT else -UI_PORT_DISTANCE
    return port + distance


async def _serve(
    port: int, ui_port: int, db: Path | None, namespace: str, codec: str | None
) -> None:
    console = Console()
    folder = load_settings().state_folder
    database, log = db or folder / DATABASE, folder / "server.log"
    _make_folders(database, log)
    await refuse_taken_ports(port, ui_port)
    refuse_taken_database(database)
    stopped = _stop_signal()
    process = await start_server(
        port, ui_port, database, log=log, namespace=namespace, ui_codec_endpoint=codec
    )
    console.print(f"Temporal server  {HOST}:{port}", highlight=False)
    console.print(f"Web UI           http://{HOST}:{ui_port}", highlight=False)
    console.print(f"database         {database}", highlight=False)
    console.print(f"log              {log}", highlight=False)
    if codec:
        console.print(f"codec server     {codec}, which `durazzo codec` is", highlight=False)
    console.print("Ctrl-C stops it; what was running goes on when it is started again.")
    try:
        await _until_stopped(process, log, stopped)
    finally:
        await asyncio.to_thread(stop_server, process)


def _stop_signal() -> asyncio.Event:
    """Listen before the server starts, so that it is never left behind."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _until_stopped(
    process: subprocess.Popen[bytes], log: Path, stopped: asyncio.Event
) -> None:
    while not stopped.is_set():
        if process.poll() is not None:
            raise NoTemporalServer(
                HOST, f"it ended by itself with code {process.returncode}; see {log}"
            )
        try:
            await asyncio.wait_for(stopped.wait(), 0.5)
        except TimeoutError:
            continue


def _make_folders(*files: Path) -> None:
    for file in files:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputInvalid(
                f"the folder {file.parent} can't be made ({error.strerror}); set "
                "DURAZZO_STATE_FOLDER to a place that can be written, or name the database with "
                "--db",
                reason="state-folder",
            ) from error


def refuse_taken_database(database: Path) -> None:
    """Raise DatabaseTaken while a server that we started uses the database: two would break it."""
    known = read_server_file(load_settings().state_folder) or {}
    address, process = str(known.get("address")), known.get("processId")
    port = address.rpartition(":")[2]
    if known.get("database") == str(database.absolute()) and port.isdigit() and is_taken(int(port)):
        raise DatabaseTaken(
            f"the database {database} is in use by the Temporal server at {address} (process "
            f"{process}); use that one, or name another database with --db",
            reason="database-taken",
        )


async def refuse_taken_ports(port: int, ui_port: int) -> None:
    """Raise PortTaken when one of the ports is taken, and say by what."""
    for number in (port, ui_port):
        if not is_taken(number):
            continue
        by = "a Temporal server" if await _is_temporal(number) else "another program"
        raise PortTaken(
            f"port {number} is taken by {by}; "
            + ("use that one, or " if by == "a Temporal server" else "")
            + "choose other ports with --port and --ui-port",
            reason="port-taken",
        )


def is_taken(port: int) -> bool:
    """Return whether something listens on the port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


async def _is_temporal(port: int) -> bool:
    try:
        await connect(ConnectionOptions(address=f"{HOST}:{port}"))
    except NoTemporalServer:
        return False
    return True


async def start_server(
    port: int,
    ui_port: int,
    database: Path,
    *,
    log: Path,
    namespace: str = "default",
    dynamic_config: Mapping[str, str] | None = None,
    ui_codec_endpoint: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server as a process of its own and return when it answers.

    `database` survives restarts; `dynamic_config` maps Temporal's setting names to JSON values;
    `ui_codec_endpoint` is the URL of the codec server that the Web UI asks.
    Raises NoTemporalServer when it does not answer in time, with the place of its log.
    """
    binary = await asyncio.to_thread(find_binary)
    _make_folders(database, log)
    arguments = [
        *(str(binary), "server", "start-dev", "--ip", HOST, "--log-level", "warn"),
        *("--port", str(port), "--ui-port", str(ui_port), "--namespace", namespace),
        *("--db-filename", str(database)),
        *(("--ui-codec-endpoint", ui_codec_endpoint) if ui_codec_endpoint else ()),
    ]
    for name, value in {**QUICK_QUEUES, **(dynamic_config or {})}.items():
        arguments += ["--dynamic-config-value", f"{name}={value}"]
    process = _spawn(arguments, log)
    await _wait_until_answering(process, port, namespace, log)
    write_server_file(
        load_settings().state_folder,
        f"{HOST}:{port}",
        f"http://{HOST}:{ui_port}",
        process.pid,
        database,
    )
    return process


def _spawn(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - a binary that we found or made
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def _wait_until_answering(
    process: subprocess.Popen[bytes], port: int, namespace: str, log: Path
) -> None:
    address = f"{HOST}:{port}"
    options = ConnectionOptions(address, namespace)
    latest = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < latest:
        if process.poll() is not None:
            raise NoTemporalServer(address, f"it ended with code {process.returncode}; see {log}")
        if is_taken(port):
            try:
                await connect(options)
            except NoTemporalServer:
                await asyncio.sleep(0.2)
            else:
                return
        await asyncio.sleep(0.1)
    stop_server(process)
    raise NoTemporalServer(address, f"it did not answer in {SECONDS_TO_START:g} s; see {log}")


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server that `start_server` started; killed when it does not end in time."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    app()
