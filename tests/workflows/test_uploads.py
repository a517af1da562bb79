"""Uploads through a real Temporal server: files of a step before, and files given to a run."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Asked, Service, scripted_house

from activities.files import open_store
from activities.local_files import put_value
from arazzo.blobs import blob_of
from catalogue import load_catalogue, worker_defaults
from rehearsal import try_entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from conftest import House
    from temporalio.client import Client

    from settings import Settings

DOCUMENT = """
arazzo: 1.0.1
info: {title: Files, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: pass-on
    steps:
      - stepId: export
        operationId: export
        outputs: {file: $response.body}
      - stepId: import
        operationId: import
        requestBody: {contentType: application/json, payload: $steps.export.outputs.file}
        outputs: {count: $response.body#/count}
      - stepId: form
        operationId: form
        requestBody:
          contentType: multipart/form-data
          payload: {title: Rows, file: $steps.export.outputs.file}
        outputs: {count: $response.body#/count}
    outputs:
      file: $steps.export.outputs.file
      imported: $steps.import.outputs.count
      formed: $steps.form.outputs.count
  - workflowId: send
    inputs: {type: object, properties: {file: {type: string}}}
    steps:
      - stepId: put
        operationId: put
        requestBody: {contentType: text/csv, payload: $inputs.file}
        outputs: {count: $response.body#/count}
    outputs: {count: $steps.put.outputs.count}
  - workflowId: send-all
    inputs: {type: object, properties: {files: {type: array}}}
    steps:
      - stepId: many
        operationId: many
        requestBody: {contentType: multipart/form-data, payload: {files: $inputs.files}}
  - workflowId: embed
    inputs: {type: object, properties: {rows: {type: array, maxItems: 3}, text: {type: string}}}
    steps:
      - stepId: import
        operationId: import
        requestBody:
          contentType: application/json
          payload: {rows: $inputs.rows, text: $inputs.text, last: '{$inputs.rows#/4999/id}'}
        outputs: {count: $response.body#/count}
      - stepId: below
        workflowId: second-row
        parameters: [{name: rows, value: $inputs.rows}]
    outputs: {count: $steps.import.outputs.count, second: $steps.below.outputs.second}
  - workflowId: second-row
    inputs: {type: object, properties: {rows: {type: array}}}
    steps:
      - stepId: look
        operationId: export
        successCriteria: [{condition: $inputs.rows#/1/id == 'id-1'}]
        outputs: {status: $statusCode}
    outputs: {second: $inputs.rows#/1/id}
"""
API = """
openapi: 3.1.0
info: {title: Files, version: 1.0.0}
paths:
  /export: {get: {operationId: export, responses: {'200': {description: ok}}}}
  /import:
    post:
      operationId: import
      requestBody: {content: {application/json: {}}}
      responses: {'200': {description: ok}}
  /form:
    post:
      operationId: form
      requestBody: {content: {multipart/form-data: {schema: {type: object}}}}
      responses: {'200': {description: ok}}
  /many:
    post:
      operationId: many
      requestBody: {content: {multipart/form-data: {schema: {type: object}}}}
      responses: {'200': {description: ok}}
  /put:
    put:
      operationId: put
      requestBody: {content: {text/csv: {}}}
      responses: {'200': {description: ok}}
"""
ROWS = [{"id": f"id-{number}", "text": "x" * 50} for number in range(5000)]
CSV = "id,name\r\n" + "1,somebody\r\n" * 100_000


def answer(asked: Asked) -> tuple[int, Any]:
    """Give rows, and count what is sent."""
    if asked.path == "/export":
        return 200, ROWS
    assert int(asked.headers["content-length"]) > 300_000 or asked.body == "a,b\r\n"
    assert "transfer-encoding" not in asked.headers
    if asked.path == "/form":
        assert 'filename="file.json"\r\nContent-Type: application/json\r\n\r\n[{"id"' in asked.body
    return 200, {"count": len(asked.body)}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Write the document with its description."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "files.arazzo.yaml").write_text(DOCUMENT)
    (folder / "api.yaml").write_text(API)
    (folder / "settings.yaml").write_text("operations: {export: {download: {}}}\n")
    return folder


@pytest.fixture
async def house(
    client: Client, settings: Settings, documents: Path, max_cached_workflows: int
) -> AsyncIterator[tuple[House, Service]]:
    """Serve the document."""
    async with scripted_house(client, settings, documents, answer, max_cached_workflows) as opened:
        yield opened


async def test_a_file_goes_from_one_service_to_the_next(
    house: tuple[House, Service],
    settings: Settings,
    documents: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the whole body and as a part, in a run and in a try; the history has its reference."""
    run = await house[0].start("pass-on", {})
    outputs = await run.result()
    assert outputs["imported"] == len(ROWS)
    assert outputs["formed"] > blob_of(outputs["file"]).size > 300_000
    assert house[1].asked[1].body == ROWS
    history = (await run.fetch_history()).to_json()
    assert len(history) < 60_000
    assert "id-1000" not in history
    monkeypatch.setenv("DURAZZO_STATE_FOLDER", str(settings.state_folder))
    catalogue = load_catalogue([documents], worker_defaults(settings))
    tried = await try_entry(catalogue.runnable("pass-on"), {}, {"api": house[0].base_url})
    assert tried.outputs is not None, tried.error
    assert (tried.outputs["imported"], tried.outputs["formed"]) == (
        outputs["imported"],
        outputs["formed"],
    )


async def test_a_large_input_is_given_as_a_value(
    house: tuple[House, Service], settings: Settings, tmp_path: Path
) -> None:
    """By its reference: a body, a pointer, a called workflow and outputs read it as any other."""
    store = open_store(settings.blob_store, settings.state_folder)
    (tmp_path / "rows.json").write_text(json.dumps(ROWS * 4))
    (tmp_path / "text.txt").write_text("ü" * 1_000_000)
    rows = await asyncio.to_thread(put_value, store, tmp_path / "rows.json", "application/json")
    text = await asyncio.to_thread(put_value, store, tmp_path / "text.txt", "text/plain")
    assert rows.size + text.size > 2_000_000
    run = await house[0].start("embed", {"rows": rows.as_json(), "text": text.as_json()})
    assert await run.result() == {"count": 3, "second": "id-1"}
    body = house[1].asked[0].body
    assert body == {"rows": ROWS * 4, "text": "ü" * 1_000_000, "last": "id-4999"}
    assert len((await run.fetch_history()).to_json()) < 60_000


async def times_of(house: House, name: str, inputs: Any) -> tuple[Any, int, int]:
    """Run a workflow: its outputs, the timeout of its first operation, and of its heartbeat."""
    run = await house.start(name, inputs)
    outputs = await run.result()
    async for event in run.fetch_history_events():
        found = event.activity_task_scheduled_event_attributes
        if found.activity_type.name in ("put", "many"):
            timeout, beat = found.start_to_close_timeout, found.heartbeat_timeout
            return outputs, timeout.seconds, beat.seconds
    raise AssertionError


async def test_only_an_attempt_that_moves_a_file_has_hours(
    house: tuple[House, Service], settings: Settings
) -> None:
    """And a heartbeat; the same step with a small text keeps the short time of a request."""
    store = open_store(settings.blob_store, settings.state_folder)
    blob = await store.put("put/rows", CSV.encode(), "text/csv")
    outputs, seconds, heartbeat = await times_of(house[0], "send", {"file": blob.as_json()})
    assert outputs["count"] == len(CSV)
    assert (seconds > settings.transfer_seconds, heartbeat > 0) == (True, True)
    outputs, seconds, heartbeat = await times_of(house[0], "send", {"file": "a,b\r\n"})
    assert (outputs["count"], heartbeat) == (5, 0)
    assert seconds < settings.transfer_seconds


async def test_files_within_a_stored_value_have_hours_too(
    house: tuple[House, Service], settings: Settings, tmp_path: Path
) -> None:
    """The reference of the value says that it holds some; one that holds none does not."""
    store = open_store(settings.blob_store, settings.state_folder)
    blob = await store.put("put/rows", CSV.encode(), "text/csv")
    for element, moves in ((blob.as_json(), True), ("x" * 500_000, False)):
        (tmp_path / "list.json").write_text(json.dumps([element]))
        path, kind = tmp_path / "list.json", "application/json"
        value = await asyncio.to_thread(put_value, store, path, kind)
        _, seconds, heartbeat = await times_of(house[0], "send-all", {"files": value.as_json()})
        assert (seconds > settings.transfer_seconds, heartbeat > 0) == (moves, moves)
    assert [len(one.body) > 300_000 for one in house[1].asked] == [True, True]
