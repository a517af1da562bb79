"""Downloads through a real Temporal server: how far they are is told, and a cancel ends them."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from file_server import MEGABYTE, FileServer
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from catalogue import load_catalogue, worker_defaults
from commands.pending_activities import pending_of
from commands.pending_activities import told as told_in_words
from worker import running_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from temporalio.client import Client, WorkflowHandle

    from settings import Settings

DOCUMENT = """
arazzo: 1.0.1
info: {title: Files, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: fetch
    steps:
      - stepId: get
        operationId: getFile
        outputs: {file: $response.body}
    outputs: {file: $steps.get.outputs.file}
"""
API = """
openapi: 3.0.3
info: {title: Files, version: 1.0.0}
paths:
  /file: {get: {operationId: getFile, responses: {'200': {description: ok}}}}
"""
SECONDS = 40.0
"""The longest wait: a loaded machine is slow."""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Write a document that fetches a file."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "files.arazzo.yaml").write_text(DOCUMENT)
    (folder / "api.yaml").write_text(API)
    return folder


@asynccontextmanager
async def fetching(
    client: Client, settings: Settings, documents: Path, server: FileServer, cached: int
) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """Serve the document and start a run of it."""
    queue = f"test-{uuid.uuid4().hex[:8]}"
    catalogue = load_catalogue([documents], worker_defaults(settings))
    async with (
        server.running() as url,
        running_worker(
            client,
            catalogue,
            settings,
            task_queue=queue,
            servers={"api": url},
            max_cached_workflows=cached,
        ),
    ):
        yield await client.start_workflow("fetch", args=[{}], id=queue, task_queue=queue)


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; fail when it does not in time."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def told(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Return what the newest heartbeat says once it says how much has come."""
    async with asyncio.timeout(SECONDS):
        while True:
            pending = (await handle.describe()).raw_description.pending_activities
            details = pending[0].heartbeat_details.payloads if pending else []
            found: dict[str, Any] = json.loads(details[0].data) if details else {}
            if found.get("done"):
                return found
            await asyncio.sleep(0.05)


async def test_a_cancel_ends_a_download_and_leaves_its_part(
    client: Client, settings: Settings, documents: Path, max_cached_workflows: int
) -> None:
    """A heartbeat brings it; the part stays in `.parts` with its record, and no file appears.

    Before, the heartbeats tell how many bytes came, and of how many.
    """
    endless = FileServer(2048 * MEGABYTE, rate=12 * MEGABYTE)
    short = settings.model_copy(update={"heartbeat_seconds": 1.5})
    async with fetching(client, short, documents, endless, max_cached_workflows) as handle:
        found = await told(handle)
        assert 0 < found["done"] < found["total"] == endless.size
        assert found["resumed_at"] == 0
        pending = (await pending_of(client, await handle.describe()))[0]
        assert found["done"] <= pending["bytesDone"] < pending["bytesTotal"] == endless.size
        assert told_in_words({**pending, "bytesDone": 12_300_000}) == (
            f"getFile: attempt 1 of {pending['of']}, 12.3 of 2147.5 MB"
        )
        await until(lambda: sum(endless.sent) > 10 * MEGABYTE)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        await until(lambda: not endless.open)
        assert len(endless.sent) == 1
    blobs = settings.state_folder / "blobs"
    files = {one.name: one for one in blobs.rglob("*") if one.is_file()}
    assert set(files) == {"body", "body.json"}
    assert all(".parts" in one.parts for one in files.values())
    record = json.loads(files["body.json"].read_bytes())
    assert 8 * MEGABYTE <= record["offset"] <= files["body"].stat().st_size


async def test_without_a_short_timeout_a_cancel_comes_within_seconds(
    client: Client, settings: Settings, documents: Path
) -> None:
    """Heartbeats come every five seconds at least, however long a worker may be silent."""
    endless = FileServer(2048 * MEGABYTE, rate=MEGABYTE)
    assert settings.heartbeat_seconds == 30
    async with fetching(client, settings, documents, endless, 1000) as handle:
        await until(lambda: sum(endless.sent) > 0)
        await handle.cancel()
        async with asyncio.timeout(20):
            await until(lambda: not endless.open)
