"""The blob store in S3: the same content, and uploads that are completed or never seen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import httpx
import obstore
import pytest
from attempts import KEY, asked, attempt, call
from file_server import MEGABYTE, FileServer
from s3_server import BUCKET, environment, s3_server

from activities.client import make_client
from activities.downloads import Progress
from activities.files import BlobStore, open_store
from activities.local_files import put_file
from activities.operation import AttemptAgain, Operations
from arazzo.blobs import Blob, blob_of
from arazzo.errors import StepFailed
from arazzo.plan import DownloadPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from arazzo.outcome import Outcome

SIZE = 20 * MEGABYTE + 5
"""Three parts of an upload."""
PLACE = f"s3://{BUCKET}/durazzo/"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Give the endpoint of a server."""
    with s3_server() as started:
        yield started


@pytest.fixture
def store(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    """Give a store in a bucket, found by the variables that obstore reads."""
    variables = environment(endpoint)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    return open_store(variables["DURAZZO_BLOB_STORE"], tmp_path)


async def content_of(store: BlobStore, blob: Blob) -> str:
    """Return the digest of what lies in the store."""
    digest = hashlib.sha256()
    async for part in store.stream(blob):
        digest.update(part)
    return digest.hexdigest()


async def seen(endpoint: str, name: str) -> httpx.Response:
    """Ask S3 itself for an object."""
    async with httpx.AsyncClient() as client:
        return await client.head(f"{endpoint}/{BUCKET}/durazzo/{name}")


async def fetched(
    server: FileServer, store: BlobStore, name: str, progress: Progress | None = None
) -> Outcome:
    """Make the first of two attempts to download."""
    download = DownloadPlan(largest=10**9, total=60.0)
    plan = attempt(call(total_timeout=30.0, download=download), outputs={"file": "$response.body"})
    async with server.running() as url, make_client() as client:
        side = Operations(client, KEY, servers={"api": url}, blobs=store)
        return await side.perform(asked(plan, blobs=name, attempts=2), 1, progress)


async def test_what_was_put_is_read_and_deleted(store: BlobStore, tmp_path: Path) -> None:
    """From memory and from a file; what is gone is told."""
    blob = await store.put("run/text", b"hello", "text/plain")
    assert blob.uri == PLACE + "run/text"
    assert await store.read(blob) == b"hello"
    assert b"".join([part async for part in store.stream(blob, 3)]) == b"lo"
    (tmp_path / "file").write_bytes(bytes(SIZE))
    put = put_file(store, tmp_path / "file", "application/zip")
    assert await content_of(store, put) == put.sha256
    await store.delete(blob)
    with pytest.raises(StepFailed, match="is not in the store"):
        await store.read(blob)


async def test_a_download_is_uploaded_in_parts(store: BlobStore, endpoint: str) -> None:
    """With its digest, and under its media type."""
    server = FileServer(SIZE)
    outcome = await fetched(server, store, "run/get/1")
    assert outcome.passed, outcome.why
    blob = blob_of(outcome.outputs["file"])
    assert (blob.size, blob.sha256) == (SIZE, server.sha256())
    assert await content_of(store, blob) == blob.sha256
    found = await seen(endpoint, store.name_of(blob))
    assert found.headers["content-type"] == "application/octet-stream"


async def test_a_broken_connection_is_gone_on_with_in_the_same_upload(store: BlobStore) -> None:
    """By Range, as long as the worker lives; the object is whole, and its digest right."""
    server = FileServer(SIZE, cuts=[9 * MEGABYTE + 7, 8 * MEGABYTE])
    outcome = await fetched(server, store, "run/get/3")
    assert await content_of(store, blob_of(outcome.outputs["file"])) == server.sha256()
    assert [one.get("range") for one in server.asked] == [
        None, f"bytes={9 * MEGABYTE + 7}-", f"bytes={17 * MEGABYTE + 7}-",
    ]  # fmt: skip


async def test_the_whole_instead_of_the_rest_begins_another_upload(store: BlobStore) -> None:
    """A service that has another file by now sends it whole: nothing of the first is left."""
    server = FileServer(SIZE, ranges=False, cuts=[9 * MEGABYTE])
    outcome = await fetched(server, store, "run/get/4")
    blob = blob_of(outcome.outputs["file"])
    assert await content_of(store, blob) == blob.sha256 == server.sha256()
    assert [one.get("range") for one in server.asked] == [None, f"bytes={9 * MEGABYTE}-"]


async def test_another_attempt_begins_anew_and_nothing_is_seen_before(
    store: BlobStore,
) -> None:
    """Without Range, and its progress says that it went on at 0."""
    server = FileServer(SIZE, cuts=[17 * MEGABYTE, 0])
    with pytest.raises(AttemptAgain):
        await fetched(server, store, "run/get/2")
    assert not obstore.list(store.store, prefix="run/get/2").collect()
    progress = Progress()
    outcome = await fetched(server, store, "run/get/2", progress)
    assert await content_of(store, blob_of(outcome.outputs["file"])) == server.sha256()
    assert [one.get("range") for one in server.asked] == [None, f"bytes={17 * MEGABYTE}-", None]
    assert (progress.done, progress.total, progress.resumed_at) == (SIZE, SIZE, 0)


async def test_a_store_that_fails_is_told(store: BlobStore, tmp_path: Path) -> None:
    """A bucket that is not there: the message names the place."""
    assert store.base == PLACE
    missing = open_store("s3://nowhere/", tmp_path)
    with pytest.raises(StepFailed, match="s3://nowhere/"):
        await missing.put("run/text", b"hello", "text/plain")
