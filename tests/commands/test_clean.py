"""`durazzo clean`: old files go, and no open run loses one that it may read."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from scripted import scripted_house
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.common import RawValue
from terminal import NOWHERE, Terminal, expect_clear

from activities.clearing import Needed
from activities.credentials import SecretStore
from activities.encryption import Encryption, KeyRing
from activities.files import BlobStore, open_store
from activities.sealing import seal
from activities.signing import load_key
from arazzo.blobs import SEALED_TYPE, VALUE_TYPE, Blob, blob_name
from commands.needed_files import NeededFiles
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from conftest import House

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


@asynccontextmanager
async def opened_house(client: Client, folder: Path) -> AsyncIterator[House]:
    """Give a worker that has its store where the terminal has it."""
    documents = folder / "documents"
    documents.mkdir()
    (documents / "files.arazzo.yaml").write_text(DOCUMENT)
    (documents / "api.yaml").write_text(API)
    settings = Settings(state_folder=folder / "state")
    answer = (200, ["x" * 100] * 1000)
    async with scripted_house(client, settings, documents, lambda _: answer) as (opened, _):
        yield opened


@pytest.fixture
async def house(client: Client, tmp_path: Path) -> AsyncIterator[House]:
    """Give the worker."""
    async with opened_house(client, tmp_path) as opened:
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


async def value_of(store: BlobStore, value: Any, kind: str = VALUE_TYPE) -> Blob:
    """Return a value as `durazzo put --value` keeps it."""
    content = json.dumps(value).encode()
    return await store.put(f"put/{sha256(content).hexdigest()}", content, kind)


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


async def test_nothing_is_removed_that_was_just_written(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """Whatever age is given: the run that it is for may begin now."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    old = made_older(store, await file_of(store, "a"))
    young = await file_of(store, "b")
    done = await terminal.durazzo("clean", "--older-than", "0h")
    assert done.code == 0, done
    assert (old.exists(), await store.read(young)) == (False, b"1")


async def test_however_an_open_run_was_given_a_file_it_stays(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """By another path to the store, within a value that lies there, and sealed in one."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    files = {letter: await file_of(store, letter) for letter in "abcdef"}
    inline = {letter: one.as_json() for letter, one in files.items()}
    elsewhere = replace(files["a"], uri=files["a"].uri.replace(store.base, "file:///mnt/blobs/"))
    inner = await value_of(store, {"deep": [inline["b"]]})
    outer = await value_of(store, [inner.as_json(), inline["c"]])
    key = load_key(SecretStore(), tmp_path / "state")
    sealed = await value_of(store, seal(key, {"file": inline["d"]}), SEALED_TYPE)
    given = [elsewhere.as_json(), outer.as_json(), sealed.as_json(), seal(key, inline["e"])]
    waiting = await house.client.start_workflow(
        "keep", {"file": given}, id="clean-given", task_queue="nobody"
    )
    await shown_as_open(house.client, waiting.id, is_open=True)
    places = [made_older(store, one) for one in (*files.values(), inner, outer, sealed)]
    done = await terminal.durazzo(*CLEAN)
    await waiting.terminate()
    await shown_as_open(house.client, waiting.id, is_open=False)
    assert done.code == 0, done
    assert [one for one in places if not one.exists()] == [places[5]]


async def test_what_a_schedule_will_give_its_runs_stays(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """As long as there is the schedule, and also while it is paused."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    given, other = await file_of(store, "a"), await file_of(store, "b")
    places = [made_older(store, one) for one in (given, other)]
    start = ScheduleActionStartWorkflow(
        "keep", {"file": given.as_json()}, id="scheduled", task_queue="nobody"
    )
    schedule = await house.client.create_schedule(
        "clean-schedule",
        Schedule(action=start, spec=ScheduleSpec(), state=ScheduleState(paused=True)),
    )
    async with asyncio.timeout(20):
        while not [one async for one in await house.client.list_schedules()]:
            await asyncio.sleep(0.05)
    done = await terminal.durazzo(*CLEAN)
    await schedule.delete()
    assert done.code == 0, done
    assert [place.exists() for place in places] == [True, False]


async def test_the_folder_of_an_open_run_stays(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """It may have gone on as new long after it wrote there."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    waiting = await house.client.start_workflow("keep", id="clean own", task_queue="nobody")
    await shown_as_open(house.client, waiting.id, is_open=True)
    own = f"{blob_name(waiting.id)}/{waiting.first_execution_run_id}/read/1/rows"
    places = [
        made_older(store, await store.put(name, b"1", "text/csv"))
        for name in (own, f"another/{waiting.first_execution_run_id}/read/1/rows")
    ]
    done = await terminal.durazzo(*CLEAN)
    await waiting.terminate()
    await shown_as_open(house.client, waiting.id, is_open=False)
    assert done.code == 0, done
    assert [place.exists() for place in places] == [True, False]


async def test_a_run_needs_what_is_younger_than_its_first_event(
    client: Client, store: BlobStore, tmp_path: Path
) -> None:
    """Others may have made it for it; one that was reset is listed only from its reset on."""
    async with opened_house(client, tmp_path) as house:
        run = await house.start("keep", {})
        await run.result()
    began = (await run.describe()).start_time
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=run.id, run_id=run.first_execution_run_id),
        workflow_task_finish_event_id=3,
        request_id=run.id,
    )
    await client.workflow_service.reset_workflow_execution(request)
    await shown_as_open(client, run.id, is_open=True)
    again = client.get_workflow_handle(run.id)
    assert (await again.describe()).start_time > began
    needed = await NeededFiles(client, store, lambda: b"", Needed(datetime.now(UTC))).look()
    await again.terminate()
    await shown_as_open(client, run.id, is_open=False)
    assert needed.since <= began
    assert needed.run


async def test_arguments_that_can_not_be_read_stop_it(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """They may name any file, unless somebody knows that runs of this type hold none."""
    terminal = Terminal(tmp_path, house.client.service_client.config.target_host)
    place = made_older(store, await file_of(store, "a"))
    hidden = RawValue(Payload(metadata={"encoding": b"binary/other"}, data=b"x"))
    waiting = await house.client.start_workflow(
        "theirs", hidden, id="clean-hidden", task_queue="nobody"
    )
    await shown_as_open(house.client, waiting.id, is_open=True)
    done = await terminal.durazzo(*CLEAN)
    expect_clear(
        done, 2, "the open run `clean-hidden`, of the type `theirs`, can't be read: they are "
        "`binary/other`", "`--foreign theirs`",
    )  # fmt: skip
    assert place.exists()
    done = await terminal.durazzo(*CLEAN, "--foreign", "theirs")
    await waiting.terminate()
    await shown_as_open(house.client, waiting.id, is_open=False)
    assert done.code == 0, done
    assert not place.exists()


async def test_encrypted_arguments_are_read_where_the_key_is(
    house: House, store: BlobStore, tmp_path: Path
) -> None:
    """And stop it where it is not, as all that can't be read."""
    address = house.client.service_client.config.target_host
    codec = Encryption(KeyRing(SecretStore(), tmp_path / "state"), encrypts=True)
    converter = replace(house.client.data_converter, payload_codec=codec)
    own = Client(**{**house.client.config(), "data_converter": converter})
    given, other = await file_of(store, "a"), await file_of(store, "b")
    places = [made_older(store, one) for one in (given, other)]
    waiting = await own.start_workflow(
        "keep", {"file": given.as_json()}, id="clean-encrypted", task_queue="nobody"
    )
    await shown_as_open(own, waiting.id, is_open=True)
    variables = {"DURAZZO_BLOB_STORE": store.base.rstrip("/")}
    done = await Terminal(tmp_path / "elsewhere", address, variables=variables).durazzo(*CLEAN)
    expect_clear(done, 2, "the open run `clean-encrypted`", "is encrypted with the key")
    assert [place.exists() for place in places] == [True, True]
    done = await Terminal(tmp_path, address).durazzo(*CLEAN)
    await waiting.terminate()
    await shown_as_open(own, waiting.id, is_open=False)
    assert done.code == 0, done
    assert [place.exists() for place in places] == [True, False]


async def test_without_a_server_nothing_is_removed(store: BlobStore, tmp_path: Path) -> None:
    """Nobody could tell which runs are open; an age that is none is told."""
    terminal = Terminal(tmp_path, NOWHERE)
    place = made_older(store, await file_of(store, "a"))
    expect_clear(await terminal.durazzo(*CLEAN), 3, "no Temporal server")
    expect_clear(await terminal.durazzo("clean", "--older-than", "soon"), 2, "such as 30d or 12h")
    assert place.exists()
