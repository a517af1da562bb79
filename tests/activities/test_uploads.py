"""Uploads from the blob store: in pieces, of known length, whole or not at all, read anew."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from attempts import KEY, asked, attempt, call, posting
from fault_server import SILENT, fault_server
from file_server import MEGABYTE, FileServer
from receiving_server import ReceivingServer
from temporalio.activity import ActivityCancellationDetails
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import DataConverter
from temporalio.testing import ActivityEnvironment

from activities.client import make_client, send
from activities.credentials import SecretStore
from activities.downloads import Progress
from activities.files import BlobStore, local_store, memory_store
from activities.operation import AttemptAgain, Operations
from activities.uploads import Upload, with_time_for
from arazzo.blobs import Blob
from arazzo.bodies import Pieces
from arazzo.context import RequestView
from arazzo.errors import InputInvalid, StepFailed
from arazzo.plan import CredentialPlan, PartPlan
from arazzo.request import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from arazzo.outcome import Outcome
    from arazzo.plan import AttemptPlan

SIZE = 5 * MEGABYTE + 3
CONTENT = b"".join(FileServer(SIZE).blocks())
FILE = "$inputs.file"
CHALLENGE = {"WWW-Authenticate": 'Digest realm="a", nonce="n", qop="auth"'}
DIGEST = CredentialPlan.model_validate({"scheme": "s", "kind": "digest", "secret": "token"})


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """Give a store in a folder."""
    return local_store(tmp_path / "blobs")


async def file_in(store: BlobStore, content: bytes = CONTENT, kind: str = "text/csv") -> Blob:
    """Return a file that lies in the store."""
    return await store.put("put/file", content, kind)


def step(method: str = "PUT", **fields: Any) -> AttemptPlan:
    """Return a step whose body is a file."""
    made = {"method": method, "content_type": "text/csv", "payload": FILE, "upload": 30.0}
    called = (posting if method == "POST" else call)(**{"total_timeout": 10.0, **made, **fields})
    return attempt(called, outputs={"bytes": "$response.body#/bytes", "sent": "$request.body"})


async def sent(
    server: ReceivingServer,
    store: BlobStore,
    blob: Blob,
    plan: AttemptPlan | None = None,
    progress: Progress | None = None,
    **fields: Any,
) -> Outcome:
    """Make one attempt against a server that is started for it."""
    values = {"inputs": {"file": blob.as_json()}}
    async with server.running() as url, make_client() as client:
        secrets = SecretStore(environment={"DURAZZO_SECRET_TOKEN": "t0ken"})
        side = Operations(client, KEY, secrets, servers={"api": url}, blobs=store)
        request = asked(plan or step(), values=values, blobs="run/send/1", **fields)
        return await side.perform(request, 1, progress)


@pytest.mark.parametrize("kind", ["folder", "memory"])
@pytest.mark.parametrize("content", [CONTENT, b"a,b\r\n", b""], ids=["large", "small", "empty"])
async def test_a_file_is_sent_as_the_whole_body(
    kind: str, content: bytes, store: BlobStore
) -> None:
    """With its length and no transfer coding; the request's own view has the reference."""
    place = store if kind == "folder" else memory_store()
    blob, server, progress = await file_in(place, content), ReceivingServer(), Progress()
    outcome = await sent(server, place, blob, progress=progress)
    assert outcome.outputs == {"bytes": len(content), "sent": blob.as_json()}
    upload = server.uploads[0]
    assert (upload.size, upload.sha256) == (blob.size, blob.sha256)
    assert upload.headers["content-length"] == str(len(content))
    assert upload.headers["content-type"] == "text/csv"
    assert "transfer-encoding" not in upload.headers
    assert (progress.done, progress.total, progress.uploading) == (
        len(content),
        len(content),
        False,
    )


async def test_files_are_parts_of_a_multipart(store: BlobStore) -> None:
    """With name, file name and media type, beside other parts; the length is that of all."""
    blob, server = await file_in(store), ReceivingServer()
    called = {
        "content_type": "multipart/form-data",
        "payload": {"title": "Rows", "file": FILE, "more": [FILE, FILE]},
        "parts": {"file": PartPlan(content_type="application/octet-stream", is_file=True)},
    }
    outcome = await sent(server, store, blob, step("POST", **called))
    assert outcome.passed, outcome.why
    upload = server.uploads[0]
    assert upload.whole
    assert 3 * SIZE < upload.size < 3 * SIZE + 1000
    boundary = upload.headers["content-type"].partition("boundary=")[2]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nRows\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    )
    assert upload.begin.startswith(head.encode() + CONTENT[:50])
    assert upload.end.endswith(CONTENT[-50:] + f"\r\n--{boundary}--\r\n".encode())


async def test_a_file_that_changes_while_it_is_sent_never_arrives_whole(store: BlobStore) -> None:
    """It is read in pieces, when the service takes them, and its end is held back."""
    content = CONTENT * 8
    blob, server, progress = await file_in(store, content), ReceivingServer(), Progress()
    server.rate = 20 * MEGABYTE
    task = asyncio.create_task(sent(server, store, blob, step("POST"), progress))
    while progress.done < MEGABYTE:
        await asyncio.sleep(0.01)
    assert store.folder is not None
    with (store.folder / "put/file").open("r+b") as file:
        file.seek(-MEGABYTE, 2)
        file.write(b"?")
    with pytest.raises(StepFailed, match="no longer the one of the reference") as caught:
        await task
    assert caught.value.reason == "blob-changed"
    assert "`durazzo put FILE`" in caught.value.message
    assert "the service got no whole request" in caught.value.message
    assert MEGABYTE < caught.value.facts["sent_bytes"] < blob.size
    assert [one.whole for one in server.uploads] == [False]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_file_that_is_gone_or_another_is_told_before_anything_is_sent(
    store: BlobStore, method: str
) -> None:
    """Nobody has to look what became of such a request."""
    blob, server = await file_in(store), ReceivingServer()
    await store.put("put/file", b"another", "text/csv")
    with pytest.raises(StepFailed, match="it has 7 bytes"):
        await sent(server, store, blob, step(method), attempts=3)
    await store.delete(blob)
    with pytest.raises(StepFailed, match="is not in the store") as caught:
        await sent(server, store, blob, step(method), attempts=3)
    assert caught.value.reason == "blob-missing"
    elsewhere = dataclasses.replace(blob, uri="file:///etc/passwd")
    with pytest.raises(InputInvalid, match="does not lie in the worker's store"):
        await sent(server, store, elsewhere, step(method))
    assert server.uploads == []


async def test_a_store_that_fails_is_tried_again_where_the_request_may_be(
    store: BlobStore,
) -> None:
    """A write that is no idempotent one is not, and its fate is no riddle: nothing was sent."""
    blob, server = await file_in(store), ReceivingServer()
    assert store.folder is not None
    await store.delete(blob)
    (store.folder / "put/file").symlink_to("file")  # a file that can't be opened
    with pytest.raises(AttemptAgain, match="blob store"):
        await sent(server, store, blob, step("PUT"), attempts=2)
    for method, attempts in (("PUT", 1), ("POST", 2)):
        with pytest.raises(StepFailed) as caught:
            await sent(server, store, blob, step(method), attempts=attempts)
        assert caught.value.reason == "blob-store"
    assert server.uploads == []


async def test_it_is_read_anew_for_the_one_resend_after_a_401(store: BlobStore) -> None:
    """A 401 that comes after the body costs another upload, no more."""
    blob, server = await file_in(store), ReceivingServer(statuses=[401, 200], headers=CHALLENGE)
    async with server.running() as url, make_client() as client:
        secrets = SecretStore(environment={"DURAZZO_SECRET_TOKEN": "user:t0ken"})
        side = Operations(client, KEY, secrets, servers={"api": url}, blobs=store)
        plan = step("PUT", credentials=((DIGEST,),))
        outcome = await side.perform(asked(plan, values={"inputs": {"file": blob.as_json()}}), 1)
    assert outcome.passed, outcome.why
    assert [one.sha256 for one in server.uploads] == [blob.sha256] * 2


async def test_another_attempt_and_a_redirect_send_it_from_its_beginning(store: BlobStore) -> None:
    """What broke off is sent anew; a redirect is followed for a GET only, with its body."""
    blob = await file_in(store)
    server = ReceivingServer(cuts=[2 * MEGABYTE])
    with pytest.raises(AttemptAgain):
        await sent(server, store, blob, attempts=2)
    assert (await sent(server, store, blob)).passed
    assert [one.whole for one in server.uploads] == [False, True]
    for status in (307, 308):
        led = ReceivingServer(statuses=[status, 200])
        assert (await sent(led, store, blob, step("GET"))).passed
        assert [(one.path, one.sha256) for one in led.uploads] == [
            ("/thing", blob.sha256), ("/other", blob.sha256),
        ]  # fmt: skip
        written = ReceivingServer(statuses=[status])
        assert (await sent(written, store, blob, step("POST"))).status == status
        assert len(written.uploads) == 1


async def test_a_post_that_broke_off_is_not_sent_again(store: BlobStore) -> None:
    """The service broke the connection: it may have taken what came."""
    blob, server = await file_in(store), ReceivingServer(cuts=[2 * MEGABYTE])
    outcome = await sent(server, store, blob, step("POST"), attempts=3)
    assert (outcome.sent, len(server.uploads)) == ("maybe", 1)


async def test_the_time_of_a_request_does_not_cut_an_upload_short(store: BlobStore) -> None:
    """Only a service that takes nothing, or does not answer then, does; and the step's timeout."""
    blob = await file_in(store)
    slow = ReceivingServer(rate=5 * MEGABYTE)
    assert (await sent(slow, store, blob, step(total_timeout=0.6))).passed
    silent = ReceivingServer(waits=3.0)
    outcome = await sent(silent, store, await file_in(store, b"a"), step(total_timeout=0.3))
    assert "no answer in time" in outcome.why
    stuck = ReceivingServer(rate=1)
    large = await store.put("put/large", CONTENT * 4, "text/csv")
    outcome = await sent(stuck, store, large, step(total_timeout=0.3))
    assert "could not be sent in time" in outcome.why
    outcome = await sent(slow, store, large, seconds=0.2)
    assert "no complete answer in time" in outcome.why


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"content_type": "application/json", "payload": {"file": FILE}}, "within `application/js"),
        ({"content_type": "application/x-www-form-urlencoded", "payload": {"f": FILE}}, "within"),
        ({"content_type": "multipart/form-data", "payload": {"a": {"b": FILE}}}, "beside"),
        ({"content_type": "multipart/form-data"}, "is no object"),
        (
            {
                "content_type": "multipart/form-data",
                "payload": {"a": FILE},
                "parts": {"a": PartPlan(transfer_encoding="base64")},
            },
            "wants `base64`",
        ),
        (
            {"parameters": [{"name": "f", "location": "query", "value": FILE}]},
            "the parameter `f`",
        ),
        ({"replacements": [{"target": "/a", "value": 1}]}, "nothing is replaced"),
    ],
)
async def test_a_file_is_refused_where_only_its_reference_could_stand(
    store: BlobStore, fields: dict[str, Any], said: str
) -> None:
    """A service could do nothing with it, and it tells where files lie."""
    blob, server = await file_in(store), ReceivingServer()
    with pytest.raises(StepFailed) as caught:
        await sent(server, store, blob, step(**fields))
    assert said in caught.value.message
    assert server.uploads == []


@pytest.mark.parametrize("written", ["\r\nX-Own: 1", "\r\n\r\n;X-Own", "\n;X-Own: 1"])
async def test_a_media_type_that_is_none_gets_into_no_header(
    store: BlobStore, written: str
) -> None:
    """Whoever writes a reference can't write headers, nor end them."""
    blob = await file_in(store, kind=f"text/csv{written}")
    server = ReceivingServer()
    called = {"content_type": "multipart/form-data", "payload": {"file": FILE}}
    assert (await sent(server, store, blob, step("POST", **called))).passed
    assert b"X-Own" not in server.uploads[0].begin
    assert b"Content-Type: application/octet-stream\r\n" in server.uploads[0].begin


def test_a_file_gives_a_connection_no_more_time_than_any_request_has() -> None:
    """The hours are for the sending."""
    view = RequestView("PUT", "http://127.0.0.1:1/")
    body = Pieces((Blob("memory:///put/a", 1, "0" * 64, "text/csv"),))
    asked_for = Request("PUT", "http://127.0.0.1:1/", {}, body, view)
    called = call(upload=3600.0, connect_timeout=10.0, total_timeout=4.0)
    given = with_time_for(called, asked_for)
    assert (given.total_timeout, given.connect_timeout) == (3600.0, 2.0)


async def test_a_body_that_holds_files_is_never_sent_without_the_store() -> None:
    """As an empty one it would be another request."""
    blob = Blob("memory:///put/a", 1, "0" * 64, "text/csv")
    view = RequestView("PUT", "http://127.0.0.1:1/")
    asked_for = Request("PUT", "http://127.0.0.1:1/", {}, Pieces((blob,)), view)
    async with make_client() as client:
        with pytest.raises(TypeError, match="needs the store"):
            await send(client, asked_for, call())
    assert Upload(Pieces((b"ab", blob)), memory_store(), Progress()).size == 3


@asynccontextmanager
async def cancellable(
    url: str, store: BlobStore, blob: Blob, beats: list[Any], **fields: Any
) -> AsyncIterator[tuple[asyncio.Future[dict[str, Any]], ActivityEnvironment]]:
    """Begin an attempt of a POST as an activity; gives it, and what may cancel it."""
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details[0])
    environment.info = dataclasses.replace(
        ActivityEnvironment.default_info(),
        heartbeat_timeout=timedelta(seconds=0.3),
        started_time=datetime.now(UTC),
        start_to_close_timeout=timedelta(minutes=1),
    )
    values = {"inputs": {"file": blob.as_json()}}
    request = asked(step("POST", **fields), values=values, key="k", blobs="run/send/1")
    payload: Payload = DataConverter.default.payload_converter.to_payload(request.as_json())
    async with make_client() as client:
        secrets = SecretStore(environment={"DURAZZO_SECRET_TOKEN": "user:t0ken"})
        side = Operations(client, KEY, secrets, servers={"api": url}, blobs=store)
        yield (
            asyncio.ensure_future(environment.run(side.attempt, [RawValue(payload)])),
            environment,
        )


REQUESTED = ActivityCancellationDetails(cancel_requested=True)


@pytest.mark.parametrize(
    ("server", "status"),
    [
        (ReceivingServer(rate=MEGABYTE), None),
        (ReceivingServer(waits=1.5), 200),
        (ReceivingServer(statuses=[401, 200], waits=1.0, headers=CHALLENGE), 401),
    ],
    ids=["while it is sent", "while the answer is awaited", "before it would be sent anew"],
)
async def test_a_cancel_stops_a_write_of_which_not_all_was_sent(
    store: BlobStore, server: ReceivingServer, status: int | None
) -> None:
    """For the answer to a whole one it is waited, since it may have taken effect; 401 says no."""
    blob, beats, arrived = await file_in(store, CONTENT * 8), list[Any](), status is not None
    async with (
        server.running() as url,
        cancellable(url, store, blob, beats, credentials=((DIGEST,),)) as (task, environment),
    ):
        while not (server.uploads and (server.uploads[0].whole or not arrived) and len(beats) > 1):
            assert not task.done()
            await asyncio.sleep(0.02)
        environment.cancel(REQUESTED)
        if arrived:
            assert (await task)["status"] == status
        else:
            with pytest.raises(asyncio.CancelledError):
                await task
    assert [one.whole for one in server.uploads] == [arrived]
    assert beats[-1]["total"] == blob.size
    assert any(one["uploading"] for one in beats) or arrived


async def test_a_cancel_stops_a_write_before_its_first_byte(store: BlobStore) -> None:
    """Such as while it connects: nothing was sent, and all of it could take hours."""
    blob, beats = await file_in(store), list[Any]()
    async with fault_server(SILENT) as server:
        url = server.url.replace("http:", "https:")
        slow = {"connect_timeout": 12.0, "total_timeout": 30.0, "upload": 60.0}
        async with cancellable(url, store, blob, beats, **slow) as (task, environment):
            while len(beats) < 2:
                assert not task.done()
                await asyncio.sleep(0.02)
            environment.cancel(REQUESTED)
            await asyncio.wait([task], timeout=8)
            assert task.cancelled()
    assert not beats[-1]["handed_over"]


async def test_a_cancel_waits_for_what_was_sent_and_is_no_upload(store: BlobStore) -> None:
    """An empty file is whole with its headers."""
    blob, beats, server = await file_in(store, b""), list[Any](), ReceivingServer(waits=1.0)
    async with (
        server.running() as url,
        cancellable(url, store, blob, beats) as (task, environment),
    ):
        while not server.uploads:
            assert not task.done()
            await asyncio.sleep(0.02)
        environment.cancel(REQUESTED)
        assert (await task)["passed"]
