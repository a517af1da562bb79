"""The command line beside encrypted runs: with the key as ever, without it with clear words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from encrypted import API, encrypting
from scripted import Asked, scripted_house
from temporalio.client import Client
from terminal import Done, Terminal, expect_clear

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from conftest import House

    from settings import Settings

DOCUMENT = """
arazzo: 1.0.1
info: {title: Things, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: read-thing
    inputs: {type: object, properties: {what: {type: string}}}
    steps:
      - stepId: read
        operationId: ask
        parameters: [{name: what, in: query, value: $inputs.what}]
        outputs: {echo: $response.body#/echo}
    outputs: {echo: $steps.read.outputs.echo}
"""


def answer(asked: Asked) -> tuple[int, Any]:
    """Echo; be down for who asks for that."""
    return (503 if asked.query["what"] == "down" else 200), {"echo": asked.query["what"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of the documents."""
    made = tmp_path / "documents"
    made.mkdir()
    (made / "it.arazzo.yaml").write_text(DOCUMENT, encoding="utf-8")
    (made / "api.yaml").write_text(API, encoding="utf-8")
    return made


@pytest.fixture
async def house(client: Client, settings: Settings, folder: Path) -> AsyncIterator[House]:
    """Give a worker that encrypts, with short waits."""
    async with scripted_house(encrypting(client, settings), settings, folder, answer) as (it, _):
        yield it


def terminal(client: Client, house: House, folder: Path, *, encrypts: bool = True) -> Terminal:
    """Return a terminal whose state is that of the folder: with the worker's key, or another."""
    variables = {"DURAZZO_WORKER_WAIT_SECONDS": "5", "DURAZZO_ENCRYPT": str(int(encrypts))}
    address = client.service_client.config.target_host
    return Terminal(folder, address, house.task_queue, variables)


def start(folder: Path, what: str = "it") -> tuple[str, ...]:
    """Return the arguments that run the workflow."""
    return "run", "read-thing", "--documents", str(folder), "--input", f"what={what}", "--json"


async def test_with_the_key_a_run_is_as_ever(
    client: Client, house: House, folder: Path, tmp_path: Path
) -> None:
    """Run, status and result."""
    here = terminal(client, house, tmp_path)
    done = await here.durazzo(*start(folder))
    assert (done.code, done.json["outputs"]) == (0, {"echo": "it"})
    run = done.json["workflowId"]
    assert (await here.durazzo("status", run, "--json")).json["progress"]["steps"]
    assert (await here.durazzo("result", run, "--json")).json["outputs"] == {"echo": "it"}


async def test_without_the_key_a_run_that_completed_is_not_called_failed(
    client: Client, house: House, folder: Path, tmp_path: Path
) -> None:
    """Whoever would start it again is told that it is there, and which key reads it."""
    elsewhere = terminal(client, house, tmp_path / "elsewhere", encrypts=False)
    done = await elsewhere.durazzo(*start(folder))
    assert done.code == 1
    assert done.json["workflowId"].startswith("read-thing-")
    assert (done.json["status"], done.json["outputs"]) == ("completed", None)
    assert done.json["error"]["type"] == "SecretMissing"
    assert "encrypted with the key" in done.json["error"]["message"]
    run = done.json["workflowId"]
    for command in ("status", "result", "watch"):
        told = await elsewhere.durazzo(command, run)
        assert "Traceback" not in told.out + told.err
        assert "completed" in told.out + told.err, command
        assert "is encrypted with the key" in told.out + told.err, command
    expect_clear(await elsewhere.durazzo("get", run, "echo"), 2, "is encrypted with the key")


async def test_status_shows_the_last_failure_of_a_request(
    client: Client, settings: Settings, folder: Path, tmp_path: Path
) -> None:
    """Decrypted, where the key is; without the key all the rest is shown."""
    paced = {"transport_first_seconds": 30.0, "transport_longest_seconds": 30.0}
    slow = {"http_total_seconds": 0.3, **paced}
    changed, own = settings.model_copy(update=slow), encrypting(client, settings)
    async with scripted_house(own, changed, folder, answer) as (house, service):
        service.delays["/things"] = 5.0
        handle = await house.start("read-thing", {"what": "it"})
        here = terminal(client, house, tmp_path)
        pending = await _pending(here, handle.id)
        assert pending["lastFailure"].startswith("GET http"), pending
        elsewhere = terminal(client, house, tmp_path / "elsewhere", encrypts=False)
        done = await elsewhere.durazzo("status", handle.id)
        assert f"{handle.id}  running" in done.out
        assert "ask: attempt 2 of" in done.out
        assert "it can't be read here" in done.out
        await handle.terminate()


async def _pending(here: Terminal, run: str) -> dict[str, Any]:
    """Ask until the first request has failed; return what is told of it."""
    async with asyncio.timeout(30):
        while True:
            done = await here.durazzo("status", run, "--json")
            for one in done.json["pendingActivities"]:
                if one["lastFailure"]:
                    return dict(one)


async def test_a_worker_with_another_key_refuses_to_serve_runs_that_it_cannot_read(
    client: Client, house: House, folder: Path, tmp_path: Path
) -> None:
    """It would only fail their tasks; where there are none it serves, and says how it sends."""
    handle = await house.start("read-thing", {"what": "down"})
    while not await (await handle.describe()).memo():
        await asyncio.sleep(0.05)
    other = terminal(client, house, tmp_path / "elsewhere")
    for _ in range(50):  # the list of runs lags behind
        done = await asyncio.wait_for(_worker(other, folder), 60)
        if done.code:
            break
    expect_clear(done, 2, "is encrypted with the key", "durazzo_former_keys")
    free = Terminal(tmp_path, other.address, "a-queue-of-nobody", {"DURAZZO_ENCRYPT": "1"})
    done = await _worker(free, folder)
    assert "values encrypted with the key" in done.err


async def _worker(terminal: Terminal, folder: Path) -> Done:
    """Start a worker; stop it as soon as it serves."""
    process = await terminal.start(
        "worker", "--documents", str(folder), "--server", "api=http://127.0.0.1:1"
    )
    assert process.stderr is not None
    told = b""
    async for line in process.stderr:
        told += line
        if b"serves read-thing" in line:
            process.terminate()
    return Done(await process.wait(), "", told.decode())
