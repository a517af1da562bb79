"""`server`, `worker` and `demo`: the commands that are processes of their own."""

from __future__ import annotations

import asyncio
import importlib
import re
import signal
from typing import TYPE_CHECKING

import httpx
import pytest
from end_to_end.processes import free_port
from shelf import Shelf, step, workflow
from temporalio.client import Client
from terminal import NOWHERE, Terminal, call, expect_clear

import worker
from commands import server
from starter import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Give a terminal in an empty state folder."""
    return Terminal(tmp_path)


async def lines_of(process: asyncio.subprocess.Process, last: str) -> list[str]:
    """Return what a process printed up to a line that holds a text."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or last not in lines[-1]:
        line = await asyncio.wait_for(process.stdout.readline(), 40)
        assert line, lines
        lines.append(line.decode().rstrip())
    return lines


async def test_a_server_tells_where_it_is_and_keeps_what_it_knows(terminal: Terminal) -> None:
    """Address, Web UI, database; its port is refused to a second one; Ctrl-C ends it with 0."""
    port, ui_port = free_port(), free_port()
    ports = ("server", "--port", str(port), "--ui-port", str(ui_port))
    process = await terminal.start(*ports)
    try:
        told = "\n".join(await lines_of(process, "Ctrl-C"))
        assert f"127.0.0.1:{port}" in told
        assert re.search(r"database +\S*temporal\.db", told)
        async with httpx.AsyncClient() as web:
            assert (await web.get(f"http://127.0.0.1:{ui_port}/")).is_success
        await Client.connect(f"127.0.0.1:{port}")
        second = await terminal.durazzo(*ports)
        expect_clear(second, 2, f"port {port} is taken by a Temporal server", "use that one")
    finally:
        ended = await terminal.interrupt(process)
    assert ended.code == 0
    assert (terminal.folder / "state" / "temporal.db").is_file()


async def test_a_port_that_something_else_has_is_told(terminal: Terminal) -> None:
    """With the option that mends it."""
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = str(listening.sockets[0].getsockname()[1])
    async with listening:
        done = await terminal.durazzo("server", "--port", port, "--ui-port", str(free_port()))
    expect_clear(done, 2, f"port {port} is taken by another program", "--port")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_is_a_number_of_a_port(port: str) -> None:
    """Refused before anything is started."""
    expect_clear(call(server.app, "--port", port), 2, "--port")


async def test_a_worker_serves_until_it_is_stopped(
    terminal: Terminal, client: Client, tmp_path: Path
) -> None:
    """It says what it serves and what not, and SIGTERM ends it with 0."""
    shelf = Shelf(tmp_path / "docs").fill(
        workflow("good"), workflow("bad", steps=[step("s", "gone")])
    )
    shelf.add("broken.arazzo.yaml", "arazzo: [\n")
    there = Terminal(terminal.folder, client.service_client.config.target_host, "cli-worker")
    process = await there.start("worker", "--documents", str(shelf.folder))
    assert process.stderr is not None
    told = ""
    while "cannot read" not in told:
        line = await asyncio.wait_for(process.stderr.readline(), 40)
        assert line, told
        told += line.decode()
    assert "task queue `cli-worker`" in told
    assert "serves good" in told
    assert "cannot run bad" in told
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0
    assert b"stopping" in err


def test_a_worker_refuses_two_workflows_of_one_name(tmp_path: Path) -> None:
    """Both files are named, and the mend."""
    for folder in ("one", "two"):
        Shelf(tmp_path / folder).fill()
    done = call(worker.app, "--documents", str(tmp_path), "--address", NOWHERE)
    expect_clear(done, 2, "`fetch-thing`", "one/flow", "two/flow", "prefix:")


@pytest.mark.parametrize("text", ["api", "api=", "=http://x", "api=ftp://x", "api=example.com"])
def test_a_worker_wants_servers_as_urls(text: str) -> None:
    """SOURCE=URL, http or https."""
    done = call(worker.app, "--server", text, "--address", NOWHERE)
    expect_clear(done, 2, f"`--server {text}`", "SOURCE=URL")


async def test_a_worker_without_a_temporal_server_ends(terminal: Terminal) -> None:
    """Exit code 3, as every command."""
    expect_clear(await terminal.durazzo("worker"), 3, NOWHERE, "durazzo server")


async def test_the_demo_has_help(terminal: Terminal) -> None:
    """It is what a newcomer asks for first."""
    done = await terminal.durazzo("demo", "--help")
    assert done.code == 0
    assert "durazzo demo" in done.out


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"demo"}))
def test_every_command_has_help(name: str) -> None:
    """Which tells what it is for, and its options."""
    done = call(importlib.import_module(COMMANDS[name][0]).app, "--help")
    assert done.code == 0
    assert "--help" in done.out


async def test_a_variable_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Exit code 2 and the variable, whichever command reads it."""
    wrong = [
        ("DURAZZO_HTTP_TOTAL_SECONDS", "soon"),
        ("DURAZZO_SERVERS", "api=example.com"),
    ]
    terminals = [Terminal(tmp_path, variables={name: value}) for name, value in wrong]
    told = await asyncio.gather(*(one.durazzo("list") for one in terminals))
    for (variable, _), done in zip(wrong, told, strict=True):
        expect_clear(done, 2, variable)


async def test_a_profile_that_is_not_there_is_told(terminal: Terminal) -> None:
    """The configuration of Temporal's own tools."""
    done = await terminal.durazzo("status", "--profile", "no-such-profile")
    expect_clear(done, 2, "no-such-profile")
