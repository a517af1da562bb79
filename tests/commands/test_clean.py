"""`durazzo clean`: old files go, and no open run loses one that it may read."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest
from scripted import scripted_house
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from terminal import NOWHERE, Terminal, expect_clear

from activities.files import BlobStore, open_store
from arazzo.blobs import Blob
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from conftest import House
    from temporalio.client import Client

DOCUMENT = """
arazzo: 1.0.1
info: {title: Files, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: keep
    inputs: {type: object, properties: {file: {type: string}}}
    steps:
      - stepId: read
        operationId: read
        outputs: {rows: $response.body}
    outputs: {rows: $steps.read.outputs.rows, file: $inputs.file}
"""
API = """
openapi: 3.1.0
info: {title: Files, version: 1.0.0}
paths:
  /rows: {get: {operationId: read, responses: {'200': {description: ok}}}}
"""
CLEAN = ("clean", "--older-than", "30d")
DAY = 86400.0


@pytest.fixture
async def house(client: Client, tmp_path: Path) -> AsyncIterator[House]:
    """Give a worker that has its store where the terminal has it."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "files.arazzo.yaml").write_text(DOCUMENT)
    (folder / "api.yaml").write_text(API)
    settings = Settings(state_folder=tmp_path / "state")
    answer = (200, ["x" * 100] * 1000)
    async with scripted_house(client, settings, folder, lambda _: answer) as (opened, _):
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """Give the store of both."""
    return open_store(None, tmp_path / "state")


def made_older(store: BlobStore, blob: Blob) -> Path:
    """Let a file be 40 days old."""
    assert store.folder is not None
    place = store.folder / store.name_of(blob)
    os.utime(place, (time.time() - 40 * DAY,) * 2)
    return place


async def shown_as_open(client: Client, run: str, *, is_open: bool) -> None:
    """Wait until the list of the server has it, which may be a little behind."""
    query = f"WorkflowId = '{run}' AND ExecutionStatus = 'Running'"
    async with asyncio.timeout(20):
        while bool([one async for one in client.list_workflows(query)]) != is_open:
            await asyncio.sleep(0.05)


async def file_of(store: BlobStore, letter: str) -> Blob:
    """Return a file as `durazzo put` names it."""
    return await store.put(f"put/{letter * 64}", b"1", "text/csv")


async def test_what_no_open_run_may_read_is_removed_when_it_is_old(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """Given files and outputs of runs that ended go; what an open one was given stays."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    given, other = await file_of(store, "a"), await file_of(store, "b")
    ended = await house.start("keep", {"file": other.as_json()})
    rows = (await ended.result())["rows"]["$blob"]
    output = Blob(rows["uri"], rows["bytes"], rows["sha256"], rows["contentType"])
    waiting = await house.client.start_workflow(
        "keep", {"file": given.as_json()}, id=f"{ended.id}-open", task_queue="nobody"
    )
    await shown_as_open(house.client, waiting.id, is_open=True)
    places = [made_older(store, one) for one in (given, other, output)]
    listed = await terminal.durazzo(*CLEAN, "--dry-run")
    assert listed.code == 0, listed
    names = {line.split()[-1] for line in listed.out.splitlines()}
    assert names == {store.name_of(other), store.name_of(output)}
    assert "2 files, " in listed.err
    assert all(place.exists() for place in places)
    done = await terminal.durazzo(*CLEAN, "--json")
    assert (done.json["files"], done.json["removed"]) == (2, True)
    assert [place.exists() for place in places] == [True, False, False]
    await waiting.terminate()
    await shown_as_open(house.client, waiting.id, is_open=False)
    again = await terminal.durazzo(*CLEAN)
    assert "1 files, 1 byte, removed" in again.err
    assert not places[0].exists()


async def test_what_is_younger_than_the_first_open_run_stays(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """It may hold what others made for it meanwhile."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    old = made_older(store, await file_of(store, "a"))
    waiting = await house.client.start_workflow("keep", id="clean-waits", task_queue="nobody")
    await shown_as_open(house.client, waiting.id, is_open=True)
    assert store.folder is not None
    young = store.folder / store.name_of(await file_of(store, "b"))
    os.utime(young, (time.time() + 5,) * 2)
    done = await terminal.durazzo("clean", "--older-than", "0h")
    assert done.code == 0, done
    assert "is open since" in done.err
    assert (old.exists(), young.exists()) == (False, True)
    await waiting.terminate()


async def test_arguments_that_can_not_be_read_stop_it(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """They may name any file."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    place = made_older(store, await file_of(store, "a"))
    hidden = RawValue(Payload(metadata={"encoding": b"binary/other"}, data=b"x"))
    waiting = await house.client.start_workflow(
        "theirs", hidden, id="clean-hidden", task_queue="nobody"
    )
    await shown_as_open(house.client, waiting.id, is_open=True)
    done = await terminal.durazzo(*CLEAN)
    await waiting.terminate()
    await shown_as_open(house.client, waiting.id, is_open=False)
    expect_clear(done, 2, "the open run `clean-hidden` can't be read: they are `binary/other`")
    assert place.exists()


async def test_without_a_server_nothing_is_removed(store: BlobStore, tmp_path: Path) -> None:
    """Nobody could tell which runs are open; an age that is none is told."""
    terminal = Terminal(tmp_path, NOWHERE)
    place = made_older(store, await file_of(store, "a"))
    expect_clear(await terminal.durazzo(*CLEAN), 3, "no Temporal server")
    expect_clear(await terminal.durazzo("clean", "--older-than", "soon"), 2, "such as 30d or 12h")
    assert place.exists()
