"""Downloads into the blob store: constant memory, checked, and resumed where they broke off."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attempts import KEY, asked, attempt, call
from file_server import MEGABYTE, FileServer

from activities.client import make_client
from activities.downloads import Progress
from activities.files import BlobStore, local_store, memory_store
from activities.operation import AttemptAgain, Operations
from activities.partial_files import LocalPart, Standing
from arazzo.blobs import Blob, blob_of
from arazzo.errors import PayloadTooLarge, StepFailed
from arazzo.plan import AttemptPlan, DownloadPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from arazzo.outcome import Outcome

SIZE = 20 * MEGABYTE + 5


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """Give a store in a folder."""
    return local_store(tmp_path / "blobs")


def step(**fields: Any) -> AttemptPlan:
    """Return a step that downloads; `fields` are those of its plan."""
    download = DownloadPlan(**{"largest": 10**9, "total": 30.0, **fields})
    called = call(largest_response=MEGABYTE, total_timeout=5.0, download=download)
    return attempt(
        called, outputs={"file": "$response.body", "size": "$response.header.Content-Length"}
    )


async def fetched(
    server: FileServer, store: BlobStore, plan: AttemptPlan | None = None, **fields: Any
) -> Outcome:
    """Make one attempt against a server that is started for it."""
    async with server.running() as url, make_client() as client:
        side = Operations(client, KEY, servers={"api": url}, blobs=store)
        return await side.perform(asked(plan or step(), blobs="run/get/1", **fields), 1)


async def content_of(store: BlobStore, outcome: Outcome) -> tuple[Blob, str]:
    """Return the file that a step output, and the digest of what lies in the store."""
    assert outcome.passed, outcome.why
    blob, digest = blob_of(outcome.outputs["file"]), hashlib.sha256()
    async for part in store.stream(blob):
        digest.update(part)
    return blob, digest.hexdigest()


@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_a_binary_body_is_received_into_the_store(kind: str, store: BlobStore) -> None:
    """With its length, digest and media type, whatever its size; the folder keeps nothing else."""
    place = store if kind == "folder" else memory_store()
    server = FileServer(SIZE)
    outcome = await fetched(server, place)
    blob, found = await content_of(place, outcome)
    assert (blob.size, blob.sha256, found) == (SIZE, server.sha256(), server.sha256())
    assert blob.content_type == "application/octet-stream"
    assert blob.uri.startswith(place.uri("run/get/1/body."))
    assert outcome.outputs["size"] == str(SIZE)
    if store.folder and kind == "folder":
        files = [one for one in store.folder.rglob("*") if one.is_file()]
        assert files == [store.folder / store.name_of(blob)]


async def test_a_text_goes_to_the_store_only_when_it_is_too_large_for_memory(
    store: BlobStore,
) -> None:
    """Below the bound it is the value that it was, so that size alone changes no meaning there."""
    small = FileServer(6, content=b"a,b\r\n1", headers={"content-type": "text/csv"})
    assert (await fetched(small, store)).outputs["file"] == "a,b\r\n1"
    large = FileServer(
        2 * MEGABYTE, content=b"a,b\r\n" * 419430 + b"..", headers={"content-type": "text/csv"}
    )
    blob, found = await content_of(store, await fetched(large, store))
    assert (blob.content_type, found) == ("text/csv", large.sha256())


async def test_a_broken_connection_is_gone_on_with_at_the_byte_where_it_broke(
    store: BlobStore,
) -> None:
    """By Range and If-Range, within the same attempt; the digest is that of the whole."""
    server = FileServer(SIZE, cuts=[3 * MEGABYTE + 7, 2 * MEGABYTE])
    outcome = await fetched(server, store)
    _, found = await content_of(store, outcome)
    assert found == server.sha256()
    assert [one.get("range") for one in server.asked] == [
        None, f"bytes={3 * MEGABYTE + 7}-", f"bytes={5 * MEGABYTE + 7}-",
    ]  # fmt: skip
    assert server.asked[1]["if-range"] == '"one"'
    assert outcome.status == 200
    assert outcome.outputs["size"] == str(SIZE)


async def test_another_attempt_goes_on_behind_what_surely_lies_on_the_disk(
    store: BlobStore,
) -> None:
    """A worker that is killed leaves a part and its record; the rest is asked for."""
    slow = FileServer(SIZE, rate=20 * MEGABYTE)
    progress = Progress()
    async with slow.running() as url, make_client() as client:
        side = Operations(client, KEY, servers={"api": url}, blobs=store)
        work = side.perform(asked(step(), blobs="run/get/1"), 1, progress)
        task = asyncio.create_task(work)
        while progress.done < 10 * MEGABYTE:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    again = FileServer(SIZE)
    _, found = await content_of(store, await fetched(again, store))
    assert found == again.sha256()
    assert again.sent[0] <= SIZE - 8 * MEGABYTE


@pytest.mark.parametrize(
    "again",
    [
        FileServer(SIZE, etag='"two"', content=bytes(SIZE)),
        FileServer(SIZE, ranges=False),
        FileServer(SIZE - 1, headers={"content-range": f"bytes 5-{SIZE - 1}/{SIZE}"}),
    ],
    ids=["another file", "no ranges", "another range"],
)
async def test_a_download_begins_anew_where_the_rest_is_not_of_the_same(
    store: BlobStore, again: FileServer
) -> None:
    """Parts of two versions are never joined."""
    with pytest.raises(AttemptAgain):
        await fetched(FileServer(SIZE, cuts=[9 * MEGABYTE, 0]), store, attempts=2)
    again.asked.clear()
    _, found = await content_of(store, await fetched(again, store))
    assert found == again.sha256()
    assert again.asked[0]["range"] == f"bytes={9 * MEGABYTE}-"


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
async def test_without_a_strong_etag_nothing_is_kept(store: BlobStore, etag: str | None) -> None:
    """A weak one does not promise the same bytes."""
    with pytest.raises(AttemptAgain):
        await fetched(FileServer(SIZE, etag=etag, cuts=[9 * MEGABYTE]), store, attempts=2)
    assert store.folder is not None
    assert not [one for one in store.folder.rglob("*") if one.is_file()]


def digests(content: bytes) -> dict[str, str]:
    """Return the headers that tell digests of a content."""
    sha = base64.b64encode(hashlib.sha256(content).digest()).decode()
    md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    return {
        "repr-digest": f"sha-512=:AAAA:, sha-256=:{sha}:",
        "digest": f"SHA-256={sha}",
        "content-digest": f"sha-256=:{sha}:",
        "content-md5": md5,
    }


@pytest.mark.parametrize("name", ["repr-digest", "digest", "content-digest", "content-md5"])
async def test_what_the_service_says_of_the_content_is_checked(store: BlobStore, name: str) -> None:
    """A body with another digest is no answer, and nothing of it is kept."""
    content = b"x" * 100_000
    right = FileServer(len(content), content=content, headers={name: digests(content)[name]})
    await content_of(store, await fetched(right, store))
    wrong = FileServer(len(content), content=content, headers={name: digests(b"y")[name]})
    with pytest.raises(AttemptAgain, match=name):
        await fetched(wrong, store, attempts=2)


@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_a_gzip_is_decompressed_on_request(store: BlobStore, kind: str) -> None:
    """The file in the store is what the gzip held, under the type that the settings give it."""
    place = store if kind == "folder" else memory_store()
    plain = b"name,age\r\n" * 500_000
    packed = gzip.compress(plain)
    server = FileServer(len(packed), content=packed)
    plan = step(always=True, decompress=True, content_type="text/csv")
    blob, found = await content_of(place, await fetched(server, place, plan))
    assert found == hashlib.sha256(plain).hexdigest()
    assert (blob.size, blob.content_type) == (len(plain), "text/csv")
    assert server.asked[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"x" * 5000)[:-9]])
@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_what_is_no_whole_gzip_fails_the_step(
    store: BlobStore, content: bytes, kind: str
) -> None:
    """The settings say that it is one, so nothing else is handed on."""
    place = store if kind == "folder" else memory_store()
    server = FileServer(len(content), content=content)
    outcome = await fetched(server, place, step(always=True, decompress=True))
    assert not outcome.passed
    assert "can't be read" in outcome.why


@pytest.mark.parametrize("fields", [{}, {"decompress": True, "always": True}])
async def test_a_file_larger_than_allowed_is_refused(
    store: BlobStore, fields: dict[str, Any]
) -> None:
    """Before it is received where its length is known, and as a bomb where it unpacks."""
    packed = gzip.compress(bytes(4 * MEGABYTE))
    server = FileServer(len(packed), content=packed) if fields else FileServer(SIZE)
    plan = step(largest=3 * MEGABYTE, **fields)
    with pytest.raises(PayloadTooLarge, match="largest"):
        await fetched(server, store, plan)
    assert store.folder is not None
    assert sum(one.stat().st_size for one in store.folder.rglob("*") if one.is_file()) < MEGABYTE


async def test_the_time_of_a_request_does_not_cut_a_download_short(store: BlobStore) -> None:
    """Only silence does; all in all it has a time of its own."""
    server = FileServer(4 * MEGABYTE, rate=5 * MEGABYTE)
    called = step().operation.model_copy(update={"total_timeout": 0.5})
    plan = step().model_copy(update={"call": called})
    await content_of(store, await fetched(server, store, plan))
    short = called.model_copy(update={"download": DownloadPlan(largest=10**9, total=0.3)})
    outcome = await fetched(server, store, plan.model_copy(update={"call": short}))
    assert outcome.why == "the answer 200 can't be read: no complete answer in time"


def test_a_part_that_somebody_holds_is_not_written_to(store: BlobStore) -> None:
    """A worker that was taken for lost may still be writing."""
    assert store.folder is not None
    first = LocalPart(store, store.folder, "run/get/1/body")
    second = LocalPart(store, store.folder, "run/get/1/body")
    assert first.path != second.path


async def test_a_cancel_waits_for_the_thread_that_works_on_the_part(store: BlobStore) -> None:
    """One that reads what is there goes on after the cancel; its part stays as long as it was."""
    assert store.folder is not None
    first = LocalPart(store, store.folder, "run/get/1/body")
    await first.begin(Standing('"one"'), with_md5=False)
    await first.write(bytes(32 * MEGABYTE))
    await first.keep()
    await first.leave()
    second = LocalPart(store, store.folder, "run/get/1/body")
    reading = asyncio.create_task(second.begin(second.standing, with_md5=True))
    await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.wait([reading])
    await second.keep()
    await second.leave()
    third = LocalPart(store, store.folder, "run/get/1/body")
    assert third.standing == Standing('"one"', 32 * MEGABYTE)
    await third.leave()


@pytest.mark.parametrize("kind", ["folder", "memory"])
async def test_an_attempt_that_comes_late_breaks_no_newer_file(kind: str, store: BlobStore) -> None:
    """What each of them received stays what its reference says."""
    place = store if kind == "folder" else memory_store()
    newer, late = (FileServer(MEGABYTE, content=bytes([at]) * MEGABYTE) for at in (1, 2))
    outcomes = [await fetched(server, place) for server in (newer, late)]
    found = [(await content_of(place, outcome))[1] for outcome in outcomes]
    assert found == [newer.sha256(), late.sha256()]


async def test_a_part_that_is_finished_while_another_opens_it_stays_as_it_was(
    store: BlobStore,
) -> None:
    """Between the open and the lock: the lock is then on the finished file, and not on a part."""
    assert store.folder is not None
    first = LocalPart(store, store.folder, "run/get/1/body")
    await first.begin(Standing('"one"'), with_md5=False)
    await first.write(b"good" * 1000)
    names: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        before_the_lock(lambda: names.append(pool.submit(asyncio.run, first.finish()).result()))
        second = LocalPart(store, store.folder, "run/get/1/body")
    await second.begin(Standing(), with_md5=False)
    await second.leave()
    assert (store.folder / names[0]).read_bytes() == b"good" * 1000


def before_the_lock(work: Callable[[], object]) -> None:
    """Do this once, before the next lock of a file: the interpreter tells its hooks of it."""
    left = [work]

    def heard(event: str, _: object) -> None:
        if event == "fcntl.flock" and left:
            left.pop()()

    sys.addaudithook(heard)


async def test_after_its_end_a_part_lets_go_of_nothing_else(store: BlobStore) -> None:
    """A cancel that comes while the end is written is told afterwards."""
    assert store.folder is not None
    part = LocalPart(store, store.folder, "run/get/1/body")
    await part.begin(Standing('"one"'), with_md5=False)
    await part.finish()
    with (store.folder / "another").open("wb") as file:
        await part.keep()
        await part.leave()
        file.write(b"x")
    assert LocalPart(store, store.folder, "run/get/1/body").standing == Standing()


async def test_what_was_unpacked_is_no_part_of_what_the_service_has(store: BlobStore) -> None:
    """The next attempt, after a death before the end, begins anew."""
    assert store.folder is not None
    part = LocalPart(store, store.folder, "run/get/1/body")
    await part.begin(Standing('"one"'), with_md5=False)
    await part.write(gzip.compress(b"a,b\r\n" * 1000))
    await part.keep()
    assert await part.decompress(MEGABYTE)
    assert LocalPart(store, store.folder, "run/get/1/body").path != part.path
    await part.keep()
    await part.leave()
    again = LocalPart(store, store.folder, "run/get/1/body")
    assert again.standing == Standing()
    await again.leave()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_fails_the_step_and_gets_its_room_back(store: BlobStore) -> None:
    """It is no fault of the connection, and nobody would go on with the part."""
    with files_of_at_most(12 * MEGABYTE), pytest.raises(StepFailed, match="can't be written"):
        await fetched(FileServer(SIZE), store)
    assert store.folder is not None
    assert not [one for one in store.folder.rglob("*") if one.is_file()]


async def test_an_error_is_no_download(store: BlobStore) -> None:
    """Its body tells what is wrong, and is judged as ever."""
    async with make_client() as client:
        side = Operations(client, KEY, servers={"api": "http://127.0.0.1:9"}, blobs=store)
        outcome = await side.perform(asked(step(), blobs="run/get/1"), 1)
    assert not outcome.passed
    assert outcome.sent == "no"
