"""Each fault over a real socket: what it is taken for, and what had arrived when it struck."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from attempts import call, request
from fault_server import (
    REFUSED_TLS,
    SILENT,
    Reply,
    answer,
    bomb,
    closed_port,
    cut_gzip,
    cut_off,
    fault_server,
)

from activities.client import make_client, send
from activities.faults import FAULTS, Fault, TransportFailed, Unreadable
from arazzo.errors import PayloadTooLarge
from arazzo.request import Request

BODY = {"text": "a body that is long enough to lack its end" * 10}
TRICKLE = answer(200, BODY, piece=100, pause=0.1)
WHOLE = answer(200, BODY)


async def fault_of_a_post(url: str, **limits: Any) -> TransportFailed:
    """Send a POST that must fail."""
    async with make_client() as client:
        made = request(f"{url}/thing", "POST")
        posted = Request("POST", made.url, made.headers, b"x" * 64, made.view)
        with pytest.raises(TransportFailed) as caught:
            await send(client, posted, call(**{"own_server": True, **limits}))
    return caught.value


@pytest.mark.parametrize(
    ("reply", "kind", "whole"),
    [
        (Reply(then="close"), httpx.RemoteProtocolError, 1),
        (Reply(then="reset"), httpx.ReadError, 1),
        (Reply(reads=10, then="reset"), httpx.ReadError, 0),
        (Reply(b"what is this?\r\n\r\n"), httpx.RemoteProtocolError, 1),
        (Reply(b"HTTP/1.1 200 Told\r\nContent-Le"), httpx.RemoteProtocolError, 1),
    ],
    ids=["closed", "reset", "reset while sending", "no HTTP", "cut within the headers"],
)
async def test_what_breaks_before_an_answer_has_begun(
    reply: Reply, kind: type[Exception], whole: int
) -> None:
    """Nobody can tell what became of the request."""
    async with fault_server(reply) as server:
        found = await fault_of_a_post(server.url)
    assert found.fault == FAULTS[kind]
    assert (found.fault.sent, server.whole()) == ("maybe", whole)
    assert not isinstance(found, Unreadable)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (cut_off(BODY), "without sending complete message body"),
        (cut_gzip(BODY), "ended before its content coding did"),
        (answer(200, b"no gzip", {"Content-Encoding": "gzip"}), "incorrect header"),
        (answer(200, b"{}", {"Content-Encoding": "zstd"}), "not asked for"),
        (Reply(WHOLE.raw[:-5], then="reset"), "can't be read"),
        (Reply(WHOLE.raw[:-5], then="hold"), "no complete answer in time"),
        (TRICKLE, "no complete answer in time"),
    ],
    ids=["short", "short gzip", "no gzip", "unknown coding", "reset", "stops", "trickles"],
)
async def test_a_success_whose_body_breaks_has_arrived(reply: Reply, said: str) -> None:
    """The status tells that the request took effect; it is `yes`, never `maybe`."""
    async with fault_server(reply) as server:
        found = await fault_of_a_post(server.url, total_timeout=0.4)
    assert isinstance(found, Unreadable)
    assert said in found.message
    assert (found.fault.sent, found.response.status, server.whole()) == ("yes", 200, 1)


@pytest.mark.parametrize("reply", [cut_off(BODY, status=503), cut_gzip(BODY, status=400)])
async def test_an_error_says_enough_by_its_status(reply: Reply) -> None:
    """Its body may break; it is an answer all the same, with a flaw."""
    async with fault_server(reply) as server, make_client() as client:
        found = await send(client, request(f"{server.url}/thing"), call(own_server=True))
    assert found.response.status in (400, 503)
    assert "can't be read" in found.flaw


@pytest.mark.parametrize(
    ("limits", "reply", "said", "sent"),
    [
        ({"read_timeout": 0.1}, SILENT, "no answer in time", "maybe"),
        ({"total_timeout": 0.1}, SILENT, "in time", "maybe"),
        ({"total_timeout": 0.2, "read_timeout": 9}, Reply(b"HT", then="hold"), "in time", "maybe"),
    ],
    ids=["read", "in all", "in all, while the head comes"],
)
async def test_a_time_that_passes_says_which_one(
    limits: dict[str, float], reply: Reply, said: str, sent: str
) -> None:
    """Each time is a setting of its own."""
    async with fault_server(reply) as server:
        found = await fault_of_a_post(server.url, **{"total_timeout": 5.0, **limits})
    assert said in found.message
    assert found.fault.sent == sent


async def test_the_time_to_connect_holds_for_tls_too() -> None:
    """A server that takes the connection and never speaks TLS: nothing of the request has left."""
    async with fault_server(SILENT) as server:
        url = server.url.replace("http:", "https:")
        found = await fault_of_a_post(url, connect_timeout=0.1, total_timeout=5.0)
    assert found.fault == FAULTS[httpx.ConnectTimeout]
    assert server.requests == []


async def test_the_time_to_write_is_one_of_its_own() -> None:
    """A server that reads nothing of a large body; nobody knows what it made of the beginning."""
    async with fault_server(Reply(reads=0, then="hold", raw=b"H", piece=1, pause=5)) as server:
        made = request(f"{server.url}/thing", "POST")
        posted = Request("POST", made.url, {}, b"x" * 30_000_000, made.view)
        limits = call(own_server=True, write_timeout=0.1, total_timeout=5.0)
        async with make_client() as client:
            with pytest.raises(TransportFailed) as caught:
                await send(client, posted, limits)
    assert caught.value.fault == FAULTS[httpx.WriteTimeout]
    assert server.whole() == 0


async def test_the_time_for_a_free_connection_is_one_of_its_own() -> None:
    """All connections are taken: the request surely was not sent."""
    async with fault_server(SILENT) as server:
        transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
        async with make_client(transport) as client:
            limits = call(own_server=True, pool_timeout=0.1, total_timeout=5.0)
            url = f"{server.url}/thing"
            first = asyncio.ensure_future(send(client, request(url), limits))
            while not server.requests:
                await asyncio.sleep(0.01)
            with pytest.raises(TransportFailed) as caught:
                await send(client, request(url, "POST"), limits)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
    assert caught.value.fault == FAULTS[httpx.PoolTimeout]
    assert server.whole() == 1


async def test_nobody_listens() -> None:
    """Surely not sent."""
    found = await fault_of_a_post(f"http://127.0.0.1:{closed_port()}")
    assert found.fault == FAULTS[httpx.ConnectError]


async def test_a_server_without_tls() -> None:
    """Surely not sent, for TLS comes before the request."""
    async with fault_server(REFUSED_TLS) as server:
        found = await fault_of_a_post(server.url.replace("http:", "https:"))
    assert found.fault == FAULTS[httpx.ConnectError]
    assert server.requests == []


async def test_a_bomb_over_a_socket_is_stopped() -> None:
    """20 MB in 20 KB: it is left as soon as the limit is passed."""
    async with fault_server(bomb()) as server, make_client() as client:
        limits = call(own_server=True, largest_response=100_000)
        with pytest.raises(PayloadTooLarge, match="larger than 100000 bytes"):
            await send(client, request(f"{server.url}/thing"), limits)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.said)
def test_no_fault_that_may_have_arrived_counts_as_not_sent(fault: Fault) -> None:
    """The texts are told to people, so they are distinct and say something."""
    assert fault.said
    assert [one.said for one in FAULTS.values()].count(fault.said) == 1
