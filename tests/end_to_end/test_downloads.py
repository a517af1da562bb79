"""Downloads through real processes: what a killed worker received is not asked for again."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from end_to_end.processes import Site, wait_for
from file_server import MEGABYTE, FileServer

if TYPE_CHECKING:
    from collections.abc import Iterator

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
MEGABYTES = 40
SIZE = MEGABYTES * MEGABYTE
RATE = 10 * MEGABYTE
"""Bytes a second, so that there is a half-way."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give an installation with a server of one file, and a document that fetches it."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "files.arazzo.yaml").write_text(DOCUMENT)
    (documents / "api.yaml").write_text(API)
    made = Site(tmp_path, documents, {"DURAZZO_HEARTBEAT_SECONDS": "2"})
    try:
        made.start_server()
        made.start_file_server(*("--megabytes", str(MEGABYTES), "--rate", str(RATE)), source="api")
        yield made
    finally:
        made.stop_all()


def sent(site: Site) -> int:
    """Return the bytes of the file that were sent so far, by all requests."""
    return sum(one["sent"] for one in site.requests())


def test_another_worker_goes_on_where_a_killed_one_was(site: Site) -> None:
    """It asks for the rest behind what surely was on the disk, and the file is the right one."""
    site.start_worker()
    started = site.starter(
        *("run", "fetch", "--documents", str(site.documents), "--id", "fetch", "--detach")
    )
    assert started.returncode == 0, started.stderr
    wait_for(lambda: sent(site) >= SIZE // 2, "the half")
    site.kill("worker")
    site.start_worker()
    done = site.starter("result", "fetch", "--json")
    assert done.returncode == 0, done.stdout
    blob = json.loads(done.stdout)["outputs"]["file"]["$blob"]
    assert (blob["bytes"], blob["sha256"]) == (SIZE, FileServer(SIZE).sha256())
    with Path(unquote(urlsplit(blob["uri"]).path)).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == blob["sha256"]
    first, second = site.requests()
    assert first["range"] is None
    asked = re.fullmatch(r"bytes=(\d+)-", second["range"])
    assert asked
    assert int(asked[1]) >= SIZE // 4
    assert sent(site) < 2 * SIZE
    parts = site.folder / "state" / "blobs" / ".parts"
    assert not [one for one in parts.rglob("*") if one.is_file()]
