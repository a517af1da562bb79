"""The blob store: what is put is there again, and nothing else can be reached through it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from activities.files import BlobStore, local_store, memory_store, open_store
from arazzo.blobs import Blob
from arazzo.errors import InputInvalid, StepFailed

if TYPE_CHECKING:
    from pathlib import Path

SHA_OF_HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """Give a store of each kind that needs no service."""
    return local_store(tmp_path / "a store") if request.param == "folder" else memory_store()


async def test_what_was_put_is_read_again(store: BlobStore) -> None:
    """With its length, its SHA-256 and its media type in the reference; from any offset."""
    blob = await store.put("run/step/1/text", b"hello", "text/plain")
    assert blob == Blob(store.base + "run/step/1/text", 5, SHA_OF_HELLO, "text/plain")
    assert await store.read(blob) == b"hello"
    assert b"".join([part async for part in store.stream(blob, 3)]) == b"lo"
    assert b"".join(store.chunks(blob)) == b"hello"
    empty = await store.put("run/step/1/empty", b"", "text/plain")
    assert await store.read(empty) == b""


async def test_a_name_has_the_content_that_was_put_last(store: BlobStore) -> None:
    """There are no versions, so contents of attempts have names of their own."""
    await store.put("name", b"first", "text/plain")
    second = await store.put("name", b"second", "text/plain")
    assert await store.read(second) == b"second"


async def test_another_content_than_the_reference_says_is_refused(store: BlobStore) -> None:
    """Whether of another length or of the same."""
    blob = await store.put("name", b"hello", "text/plain")
    await store.put("name", b"jello", "text/plain")
    with pytest.raises(StepFailed, match="no longer the one"):
        await store.read(blob)
    await store.put("name", b"hello, world", "text/plain")
    with pytest.raises(StepFailed, match="it has 12 bytes"):
        await store.read(blob)


async def test_what_is_read_in_a_thread_is_checked_as_well(store: BlobStore) -> None:
    """Its length before the first byte is given, its SHA-256 where it is read to its end."""
    blob = await store.put("name", b"hello", "text/plain")
    with pytest.raises(StepFailed, match="it has 5 bytes"):
        next(store.chunks(replace(blob, size=4)))
    another = store.chunks(replace(blob, sha256="0" * 64))
    assert next(another) == b"hello"
    with pytest.raises(StepFailed, match=f"its SHA-256 is {SHA_OF_HELLO}"):
        next(another)


async def test_a_blob_that_is_gone_is_told(store: BlobStore) -> None:
    """The message names it, and the likely cause where many workers have many folders."""
    blob = await store.put("name", b"hello", "text/plain")
    await store.delete(blob)
    with pytest.raises(StepFailed, match="DURAZZO_BLOB_STORE") as caught:
        await store.read(blob)
    assert caught.value.reason == "blob-missing"


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "s3://other/name",
        "http://127.0.0.1/secret",
        "{base}../secret",
        "{base}run/../../secret",
        "{base}run/%2e%2e/secret",
        "{base}/etc/passwd",
        "{base}run//name",
        "{base}run/.hidden",
        "{base}run\\name",
        "{base}run/na\nme",
        "{base}",
        "",
    ],
)
async def test_nothing_is_read_outside_of_the_store(store: BlobStore, uri: str) -> None:
    """No other scheme, bucket or folder, and no way upwards, however it is spelt."""
    blob = Blob(uri.format(base=store.base), 1, "0" * 64, "text/plain")
    with pytest.raises(InputInvalid, match="does not lie in the worker's store"):
        await store.read(blob)


async def test_a_link_out_of_the_folder_can_not_be_made_through_it(tmp_path: Path) -> None:
    """What is put is a file of its own, for this user only."""
    store = local_store(tmp_path / "store")
    blob = await store.put("run/name", b"hello", "text/plain")
    assert (tmp_path / "store" / "run" / "name").read_bytes() == b"hello"
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    with pytest.raises(InputInvalid):
        store.name_of(replace(blob, uri=blob.uri + "/../../../x"))


@pytest.mark.parametrize("url", ["gopher://x", "bucket", "http://127.0.0.1/x", "s3://"])
def test_a_store_that_can_not_be_is_named(url: str, tmp_path: Path) -> None:
    """The message names the variable and the kinds of store."""
    with pytest.raises(InputInvalid, match="DURAZZO_BLOB_STORE"):
        open_store(url, tmp_path)


def test_without_a_url_the_store_is_a_folder_of_the_state(tmp_path: Path) -> None:
    """One machine needs no settings; `file://` names another folder."""
    assert open_store(None, tmp_path).folder == tmp_path / "blobs"
    assert open_store(f"file://{tmp_path}/else%20where", tmp_path).folder == tmp_path / "else where"
