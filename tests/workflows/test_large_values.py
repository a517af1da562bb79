"""Large outputs through a real Temporal server: references in the history, values where read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Asked, Service, scripted_house
from stored import value_of

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
info: {title: Rows, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: pass-on
    steps:
      - stepId: read
        operationId: read
        outputs: {rows: $response.body#/rows}
      - stepId: send
        operationId: send
        requestBody:
          contentType: application/json
          payload: {rows: $steps.read.outputs.rows, last: '{$steps.read.outputs.rows#/1999/id}'}
        outputs: {count: $response.body#/count}
      - stepId: below
        workflowId: second-row
        parameters: [{name: rows, value: $steps.read.outputs.rows}]
    outputs:
      rows: $steps.read.outputs.rows
      third: $steps.read.outputs.rows#/2/id
      second: $steps.below.outputs.second
      count: $steps.send.outputs.count
  - workflowId: second-row
    inputs: {type: object, properties: {rows: {type: array}}}
    steps:
      - stepId: look
        operationId: read
        successCriteria: [{condition: $inputs.rows#/1/id == 'id-1'}]
        outputs: {status: $statusCode}
    outputs: {second: $inputs.rows#/1/id}
  - workflowId: all-pages
    steps:
      - stepId: list
        operationId: page
        parameters: [{name: number, in: query, value: $steps.list.outputs.next}]
        outputs: {rows: $response.body#/rows, next: $response.body#/next}
        onSuccess:
          - name: more
            type: goto
            stepId: list
            criteria: [{condition: $response.body#/next != null}]
    outputs:
      rows: $steps.list.outputs.rows
      count: $steps.list.outputs.rows.length
"""
API = """
openapi: 3.1.0
info: {title: Rows, version: 1.0.0}
paths:
  /rows: {get: {operationId: read, responses: {'200': {description: ok}}}}
  /page:
    get:
      operationId: page
      parameters: [{name: number, in: query, schema: {type: integer}}]
      responses: {'200': {description: ok}}
  /all:
    post:
      operationId: send
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'200': {description: ok}}
"""
ROWS = [{"id": f"id-{number}", "text": "x" * 50} for number in range(2000)]
PAGES = 5


def answer(asked: Asked) -> tuple[int, Any]:
    """Give rows, count those that are sent, and give pages of 40 KB."""
    if asked.path == "/all":
        assert asked.body["last"] == "id-1999"
        return 200, {"count": len(asked.body["rows"])}
    if asked.path == "/rows":
        return 200, {"rows": ROWS}
    number = int(asked.query.get("number", 0))
    rows = [{"page": number, "row": row, "text": "y" * 80} for row in range(400)]
    return 200, {"rows": rows, "next": number + 1 if number + 1 < PAGES else None}


@pytest.fixture
async def house(
    client: Client, settings: Settings, documents: Path, max_cached_workflows: int
) -> AsyncIterator[tuple[House, Service]]:
    """Serve the document."""
    async with scripted_house(client, settings, documents, answer, max_cached_workflows) as opened:
        yield opened


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Write the document with its description."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "rows.arazzo.yaml").write_text(DOCUMENT)
    (folder / "api.yaml").write_text(API)
    (folder / "settings.yaml").write_text("collect: {all-pages: {list: [rows]}}\n")
    return folder


async def test_a_large_output_is_passed_on_and_read_in_part(
    house: tuple[House, Service], settings: Settings
) -> None:
    """By a request, a pointer, a workflow that is called, and the outputs: always the value."""
    run = await house[0].start("pass-on", {})
    outputs = await run.result()
    assert (outputs["count"], outputs["third"], outputs["second"]) == (2000, "id-2", "id-1")
    assert await value_of(settings, outputs["rows"]) == ROWS
    history = (await run.fetch_history()).to_json()
    assert len(history) < 60_000
    assert "id-1000" not in history


async def test_no_row_is_lost_when_pages_are_joined_beyond_64_kilobytes(
    house: tuple[House, Service], settings: Settings
) -> None:
    """Five pages of 40 KB: the whole list in the store, its length in the result."""
    outputs = await house[0].run("all-pages", {})
    assert outputs["count"] == PAGES * 400
    rows = await value_of(settings, outputs["rows"])
    assert [(row["page"], row["row"]) for row in rows] == [
        (page, row) for page in range(PAGES) for row in range(400)
    ]


async def test_a_try_gives_what_a_run_gives(
    house: tuple[House, Service],
    settings: Settings,
    documents: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same references, to contents with the same SHA-256, and the same small values."""
    monkeypatch.setenv("DURAZZO_STATE_FOLDER", str(settings.state_folder))
    catalogue = load_catalogue([documents], worker_defaults(settings))
    tried = await try_entry(catalogue.runnable("all-pages"), {}, {"api": house[0].base_url})
    outputs = await house[0].run("all-pages", {})
    assert tried.outputs is not None, tried.error
    assert json.dumps(tried.outputs["count"]) == json.dumps(outputs["count"])
    assert tried.outputs["rows"]["$blob"]["sha256"] == outputs["rows"]["$blob"]["sha256"]
