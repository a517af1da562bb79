"""A service that answers while a large request is still being sent, on real sockets."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpcore
import pytest
from attempts import KEY, asked, attempt, call, posting, request
from issued_certificates import issued, pem

from activities.client import make_client, send
from activities.downloads import Progress
from activities.early_answers import MOST_UNCLEAR, QUIET_BYTES, HearingStream, status_in
from activities.files import memory_store
from activities.operation import Operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import httpx

    from arazzo.outcome import Outcome

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SIZE = 40 * 1024 * 1024
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nno"
UNASKED = b"HTTP/1.1 408 Too Slow\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


@dataclass
class Hasty:
    """Answers at once, and with `more` for each piece; takes what comes, as far as it reads on."""

    answer: bytes
    reads_on: bool = True
    more: bytes = b""
    leaves: bool = False
    """Whether nothing is said after that."""
    got: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(ConnectionError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
            if self.leaves:
                writer.write_eof()
            while self.reads_on and self.got < SIZE:
                data = await reader.read(64 * 1024)
                self.got += len(data)
                if not data:
                    break
                if self.more:
                    writer.write(self.more)
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


@asynccontextmanager
async def listening(serve: Serve, theirs: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on this machine, and give the base URL."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=theirs)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"{'https' if theirs else 'http'}://127.0.0.1:{port}"


async def posted(
    server: Hasty, theirs: ssl.SSLContext | None, ours: ssl.SSLContext, progress: Progress
) -> Outcome:
    """Make one attempt of a POST whose body is a file."""
    async with listening(server.serve, theirs) as url, make_client(certificates=ours) as client:
        waits = 0.0 if server.reads_on else 0.3
        return await posted_to(client, {"api": url}, progress, write_timeout=waits)


async def posted_to(
    client: httpx.AsyncClient, servers: dict[str, str], progress: Progress, **fields: Any
) -> Outcome:
    """Make one attempt by that client."""
    store = memory_store()
    blob = await store.put("put/a", bytes(SIZE), "text/csv")
    called = posting(
        content_type="text/csv", payload="$inputs.file", upload=60.0, total_timeout=20.0, **fields
    )
    request = asked(attempt(called), values={"inputs": {"file": blob.as_json()}}, key="k")
    side = Operations(client, KEY, servers=servers, blobs=store)
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


async def test_any_number_of_interim_answers_is_no_answer(
    context: ssl.SSLContext | None, trusted: ssl.SSLContext
) -> None:
    """A service that works for hours may say so all the time; nothing of it is kept."""
    server, progress = Hasty(INTERIM * 5000, more=INTERIM * 10), Progress()
    assert len(server.answer) > 2 * MOST_UNCLEAR
    task = asyncio.create_task(posted(server, context, trusted, progress))
    while server.got < SIZE and not task.done():
        await asyncio.sleep(0.01)
    assert progress.done == SIZE
    assert (await task).sent == "maybe"


async def test_what_is_no_answer_at_all_ends_the_request(
    context: ssl.SSLContext | None, trusted: ssl.SSLContext
) -> None:
    """Of what a service says that speaks no HTTP, little is kept; nobody knows what it took."""
    server, progress = Hasty(b"what is this?" * 100, more=b"?" * 10_000), Progress()
    outcome = await posted(server, context, trusted, progress)
    assert (outcome.status, outcome.sent) == (None, "maybe")
    assert progress.done < SIZE


async def test_a_service_that_will_say_nothing_more_gets_no_more() -> None:
    """It has closed its side before all was sent, so it can't answer."""
    server, progress = Hasty(b"", leaves=True), Progress()
    outcome = await posted(server, None, ssl.create_default_context(), progress)
    assert (outcome.status, outcome.sent) == (None, "maybe")
    assert progress.done < SIZE


async def test_a_refusal_is_heard_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its operator has named it, so it may have a private address; it resolves names itself."""
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    server, progress = Hasty(INTERIM + REFUSAL), Progress()
    async with listening(server.serve) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        async with make_client() as client:
            away = "http://files.example.com"
            outcome = await posted_to(client, {}, progress, server=away)
    assert (outcome.status, outcome.sent, outcome.excerpt) == (413, "yes", "no")
    assert progress.done < SIZE


@pytest.mark.parametrize("fills", [2, 16384])
async def test_what_comes_unasked_is_no_answer_to_the_next_request(
    context: ssl.SSLContext | None, trusted: ssl.SSLContext, fills: int
) -> None:
    """Also where it comes in one piece with the answer before, or in one of TLS with two records.

    A service may send 408 into a connection that is idle.
    """
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    body = b"{}".ljust(fills - (len(head) + 3 if fills > 2 else 0))
    answer, asked_of = head % len(body) + body, list[int]()
    assert len(answer) == fills or fills == 2

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_of.append(0)
        with suppress(ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                asked_of[-1] += 1
                writer.write(answer + (UNASKED if len(asked_of) == 1 else b""))
        writer.close()

    async with listening(serve, context) as url, make_client(certificates=trusted) as client:
        limits = call(own_server=True, largest_response=10**6, total_timeout=10.0)
        statuses = [
            (await send(client, request(url, "POST"), limits)).response.status for _ in range(3)
        ]
    assert statuses == [200] * 3
    assert asked_of == [1, 2]


class Noting(httpcore.AsyncMockStream):
    """A connection that notes how often it was looked whether there is something to read."""

    looks = 0

    def get_extra_info(self, info: str) -> Any:
        """Tell that there is nothing."""
        self.looks += info == "is_readable"
        return False if info == "is_readable" else None


async def test_each_request_is_sent_quietly_until_it_is_large() -> None:
    """Also one that goes through a connection which took a large one before."""
    network = Noting([TAKEN])
    stream = HearingStream(network)
    for _ in range(3):
        await stream.write(bytes(QUIET_BYTES))
    assert network.looks == 2
    assert await stream.read(10**6) == TAKEN
    for _ in range(2):
        await stream.write(bytes(QUIET_BYTES // 2))
    assert network.looks == 2


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
