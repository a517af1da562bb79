"""`durazzo get` and `durazzo put`: outputs of any size as files, and files for runs."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from scripted import scripted_house
from terminal import NOWHERE, Terminal, expect_clear

from activities.blob_values import BlobValues
from activities.files import open_store
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
  - workflowId: echo
    inputs:
      type: object
      properties: {file: {type: string}, note: {type: string}}
    steps:
      - stepId: read
        operationId: read
        outputs: {rows: $response.body#/rows, first: $response.body#/rows/0}
    outputs:
      file: $inputs.file
      note: $inputs.note
      rows: $steps.read.outputs.rows
      first: $steps.read.outputs.first
"""
API = """
openapi: 3.1.0
info: {title: Files, version: 1.0.0}
paths:
  /rows: {get: {operationId: read, responses: {'200': {description: ok}}}}
"""
ROWS: list[Any] = [{"id": number, "text": "ü" * 40} for number in range(2000)]
CONTENT = b"name,age\r\n" * 300_000


@pytest.fixture
async def house(client: Client, tmp_path: Path) -> AsyncIterator[House]:
    """Give a worker that has its store where the terminal has it."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "files.arazzo.yaml").write_text(DOCUMENT)
    (folder / "api.yaml").write_text(API)
    settings = Settings(state_folder=tmp_path / "state")
    answer = (200, {"rows": ROWS})
    async with scripted_house(client, settings, folder, lambda _: answer) as (opened, _):
        yield opened


@pytest.fixture
def terminal(house: House, tmp_path: Path) -> Terminal:
    """Give a terminal that knows the server and the queue of the worker."""
    return Terminal(tmp_path, house.client.service_client.config.target_host, house.task_queue)


async def test_a_file_is_put_given_to_a_run_and_got_again(terminal: Terminal) -> None:
    """The same bytes; also unpacked; a large value as JSON, a small one as text."""
    folder = terminal.folder
    packed = folder / "people.csv.gz"
    packed.write_bytes(gzip.compress(CONTENT))
    put = await terminal.durazzo("put", str(packed), "--content-type", "text/csv")
    assert put.code == 0, put
    assert put.json["$blob"]["contentType"] == "text/csv"
    done = await terminal.durazzo(
        *("run", "echo", "--documents", str(folder / "documents"), "--id", "files"),
        *("--input", f"file={put.out.strip()}", "--input", "note=hello"),
    )
    assert done.code == 0, done
    assert json.loads(done.out)["file"] == put.json
    assert "rows: a large value, " in done.err
    assert "`durazzo get files file -o FILE`" in done.err
    target = str(folder / "got")
    assert (await terminal.durazzo("get", "files", "file", "-o", target)).code == 0
    assert (folder / "got").read_bytes() == packed.read_bytes()
    again = ("get", "files", "file", "-o", target, "--decompress")
    expect_clear(await terminal.durazzo(*again), 2, "--force writes over it")
    assert (await terminal.durazzo(*again, "--force")).code == 0
    assert (folder / "got").read_bytes() == CONTENT
    assert not (folder / "got.part").exists()
    assert (await terminal.durazzo("get", "files", "rows")).json == ROWS
    assert (await terminal.durazzo("get", "files", "rows#/1999/id")).out == "1999"
    assert (await terminal.durazzo("get", "files", "first")).json == ROWS[0]
    assert (await terminal.durazzo("get", "files", "note")).out == "hello"
    wrong = await terminal.durazzo("get", "files", "fil")
    expect_clear(wrong, 2, "no output `fil`; did you mean `file`?")
    expect_clear(await terminal.durazzo("get", "files", "rows#/x"), 2, "has nothing there")
    expect_clear(await terminal.durazzo("get", "files", "file#/x"), 2, "got as a whole")
    expect_clear(await terminal.durazzo("get", "nobody", "file"), 2, "there is no run")
    blob = folder / "state" / "blobs" / "put" / put.json["$blob"]["sha256"]
    blob.write_bytes(bytes(blob.stat().st_size))
    changed = await terminal.durazzo("get", "files", "file", "-o", str(folder / "changed"))
    expect_clear(changed, 1, "no longer the one of the reference")
    assert not (folder / "changed").exists()


async def test_a_run_without_outputs_says_so(terminal: Terminal, house: House) -> None:
    """One that goes on, here for want of a worker, and one that was stopped."""
    handle = await house.client.start_workflow("echo", id="goes-on", task_queue="nobody")
    expect_clear(await terminal.durazzo("get", "goes-on", "file"), 1, "durazzo watch goes-on")
    await handle.terminate()
    expect_clear(await terminal.durazzo("get", "goes-on", "file"), 1, "ended as terminated")


async def test_a_value_is_put_as_what_its_file_holds(tmp_path: Path) -> None:
    """JSON by its value, all else as a text; what is neither is told."""
    terminal = Terminal(tmp_path, NOWHERE)
    store = open_store(None, tmp_path / "state")
    files = {"a.json": (b'[1,\n{"a": 2}]', [1, {"a": 2}]), "a.csv": (b"a,b\r\n1", "a,b\r\n1")}
    for name, (content, value) in files.items():
        (tmp_path / name).write_bytes(content)
        done = await terminal.durazzo("put", "--value", str(tmp_path / name))
        assert await BlobValues(store).loaded(done.json) == value, done
        assert "a large value, " in done.err
        assert "durazzo put --value " in done.err
    for name, content, said in (
        ("b.json", b"[1", "holds no `application/json`"),
        ("c.json", b"[NaN]", "NaN is no number"),
        ("d.txt", b"\xff", "holds no `text/plain`"),
    ):
        (tmp_path / name).write_bytes(content)
        expect_clear(await terminal.durazzo("put", "--value", str(tmp_path / name)), 2, said)
    with (tmp_path / "e.json").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    done = await terminal.durazzo("put", "--value", str(tmp_path / "e.json"))
    expect_clear(done, 2, "Without `--value` it is a file, of any size")


async def test_a_put_leaves_before_the_threads_of_the_store_can_crash(tmp_path: Path) -> None:
    """They end a process by a signal, when the interpreter shuts down under them."""
    (tmp_path / "sitecustomize.py").write_text("import atexit; atexit.register(print, 'shut down')")
    terminal = Terminal(tmp_path, NOWHERE, variables={"PYTHONPATH": str(tmp_path)})
    assert "shut down" in (await terminal.durazzo("--version")).out
    (tmp_path / "a.json").write_bytes(b"1")
    done = await terminal.durazzo("put", "--value", str(tmp_path / "a.json"))
    assert (done.code, "shut down" in done.out) == (0, False)


async def test_what_can_not_be_put_is_told(tmp_path: Path) -> None:
    """And what is put twice lies there once; the media type is that of the name."""
    terminal = Terminal(tmp_path, NOWHERE)
    expect_clear(await terminal.durazzo("put", str(tmp_path / "gone")), 2, "can't be read")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        for option in ((), ("--value",)):
            done = await terminal.durazzo("put", str(path), *option)
            expect_clear(done, 2, "is no regular file, but a folder, a pipe or a device")
    for name, kind in (("a.ndjson", "application/x-ndjson"), ("a.csv.gz", "application/gzip")):
        (tmp_path / name).write_bytes(b"x")
        done = await terminal.durazzo("put", str(tmp_path / name))
        assert done.json["$blob"]["contentType"] == kind
    assert len([*(tmp_path / "state" / "blobs" / "put").iterdir()]) == 1
