"""A service that answers while a large request is still being sent, on real sockets."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from attempts import KEY, asked, attempt, posting
from issued_certificates import issued, pem

from activities.client import make_client
from activities.downloads import Progress
from activities.early_answers import status_in
from activities.files import memory_store
from activities.operation import Operations

if TYPE_CHECKING:
    from pathlib import Path

    from arazzo.outcome import Outcome

SIZE = 40 * 1024 * 1024
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nno"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


@dataclass
class Hasty:
    """Answers at once; then takes what comes, as far as it reads on."""

    answer: bytes
    reads_on: bool = True
    got: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(ConnectionError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
            while self.reads_on and self.got < SIZE:
                data = await reader.read(64 * 1024)
                self.got += len(data)
                if not data:
                    break
                await asyncio.sleep(0.001)
            await asyncio.sleep(0 if self.reads_on else 30)
        writer.close()


@pytest.fixture(params=["plain", "TLS"])
def context(request: pytest.FixtureRequest, tmp_path: Path) -> ssl.SSLContext | None:
    """Give the server's side of TLS, None without TLS."""
    if request.param == "plain":
        return None
    authority = issued("an authority")
    (tmp_path / "ca.pem").write_text(pem(*authority).certificate)
    server = pem(*issued("127.0.0.1", authority))
    (tmp_path / "server.pem").write_text(server.certificate + server.key)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(tmp_path / "server.pem")
    return made


@pytest.fixture
def trusted(context: ssl.SSLContext | None, tmp_path: Path) -> ssl.SSLContext:
    """Give the client's side, which knows the server's authority."""
    made = ssl.create_default_context()
    if context:
        made.load_verify_locations(tmp_path / "ca.pem")
    return made


async def posted(
    server: Hasty, theirs: ssl.SSLContext | None, ours: ssl.SSLContext, progress: Progress
) -> Outcome:
    """Make one attempt of a POST whose body is a file."""
    store = memory_store()
    blob = await store.put("put/a", bytes(SIZE), "text/csv")
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=theirs)
    port = listening.sockets[0].getsockname()[1]
    url = f"{'https' if theirs else 'http'}://127.0.0.1:{port}"
    called = posting(
        content_type="text/csv", payload="$inputs.file", upload=60.0, total_timeout=20.0,
        write_timeout=0.0 if server.reads_on else 0.3,
    )  # fmt: skip
    request = asked(attempt(called), values={"inputs": {"file": blob.as_json()}}, key="k")
    async with listening, make_client(certificates=ours) as client:
        side = Operations(client, KEY, servers={"api": url}, blobs=store)
        return await side.perform(request, 1, progress)


@pytest.mark.parametrize("reads_on", [True, False])
async def test_a_refusal_is_heard_before_all_is_sent(
    context: ssl.SSLContext | None, trusted: ssl.SSLContext, reads_on: bool
) -> None:
    """Whether or not the service takes a little more; the rest is not sent to it."""
    server, progress = Hasty(INTERIM + REFUSAL, reads_on), Progress()
    outcome = await posted(server, context, trusted, progress)
    assert (outcome.status, outcome.sent, outcome.excerpt) == (413, "yes", "no")
    assert progress.done < SIZE
    assert server.got < SIZE


async def test_an_answer_that_is_no_refusal_is_not_taken_for_one(
    context: ssl.SSLContext | None, trusted: ssl.SSLContext
) -> None:
    """A service may answer 200 early and read on; then it gets all."""
    server, progress = Hasty(INTERIM + TAKEN), Progress()
    outcome = await posted(server, context, trusted, progress)
    assert (outcome.status, outcome.passed) == (200, True)
    assert progress.done == SIZE
    async with asyncio.timeout(20):
        while server.got < SIZE:  # the last of it is still on its way
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("heard", "status"),
    [
        (b"", 0),
        (b"HTTP/1.1 4", 0),
        (b"HTTP/1.1 413 Too", 413),
        (b"HTTP/1.0 200 OK", 200),
        (INTERIM, 0),
        (INTERIM[:-2], 0),
        (INTERIM + INTERIM + REFUSAL, 413),
        (b"what is this?", 0),
    ],
)
def test_what_was_heard_is_an_answer_once_its_status_is_there(heard: bytes, status: int) -> None:
    """Interim answers, of which there may be several, are none."""
    assert status_in(heard) == status
