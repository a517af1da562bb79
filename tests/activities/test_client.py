"""Sending one request: redirects, credentials, limits, times, and what bodies may be."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from attempts import SERVER, answering, call, request

from activities.answers import Answer
from activities.body_reading import MOST_NESTED
from activities.client import make_client, send
from activities.faults import TransportFailed
from arazzo.context import ABSENT
from arazzo.errors import PayloadTooLarge
from arazzo.request import Request

SECRET_HEADERS = {
    "Authorization": "Bearer tok3n",
    "Cookie": "sid=1",
    "X-Api-Key": "k3y",
    "Accept": "application/json",
}


async def answer_of(other_side: Any, asked: Request | None = None, **limits: Any) -> Answer:
    """Send one request to another side and return its answer."""
    async with make_client(httpx.MockTransport(other_side)) as client:
        return await send(client, asked or request(), call(**limits))


async def answer_to(response: httpx.Response) -> Answer:
    """Return the answer that a response becomes."""
    return await answer_of(answering(response)[0])


def leads_to(place: str, status: int = 302) -> tuple[Any, list[httpx.Request]]:
    """Return another side that redirects once and then answers, and what it was asked."""
    return answering(httpx.Response(status, headers={"Location": place}), httpx.Response(200))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_a_host_keeps_the_credentials(status: int) -> None:
    """Same scheme, host and port: nothing is dropped, and a relative place is resolved."""
    other_side, seen = leads_to("../other?page=2", status)
    found = await answer_of(other_side, request(headers=SECRET_HEADERS))
    assert found.response.status == 200
    assert str(seen[1].url) == f"{SERVER}/other?page=2"
    assert seen[1].headers["authorization"] == "Bearer tok3n"
    assert seen[1].headers["x-api-key"] == "k3y"


@pytest.mark.parametrize(
    "place",
    ["https://1.1.1.1/file", "http://8.8.8.8/thing", "https://8.8.8.8:8443/thing"],
    ids=["other host", "other scheme", "other port"],
)
async def test_a_redirect_to_another_host_leaves_all_credentials_behind(place: str) -> None:
    """Only `Accept` travels on: who knows which other header is a credential."""
    other_side, seen = leads_to(place)
    await answer_of(other_side, request(headers=SECRET_HEADERS))
    assert str(seen[1].url) == place
    assert seen[1].headers["accept"] == "application/json"
    assert not {"authorization", "cookie", "x-api-key"} & set(seen[1].headers)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[::1]", "[fd00::1]"),
        *("localhost", "localhost.", "db.internal", "printer.local", "[::ffff:127.0.0.1]"),
        *("127.1", "2130706433"),
    ],
)
async def test_a_public_host_cannot_lead_into_a_private_network(host: str) -> None:
    """However the address is spelt, no request goes there."""
    other_side, seen = leads_to(f"http://{host}/latest/meta-data")
    with pytest.raises(TransportFailed, match="private address") as caught:
        await answer_of(other_side)
    assert len(seen) == 1
    assert caught.value.fault.sent == "yes"
    assert not caught.value.fault.try_again


async def test_a_private_host_may_lead_to_a_private_one() -> None:
    """Who runs a service at home has files there, too."""
    other_side, seen = leads_to("http://127.0.0.1:9000/file")
    found = await answer_of(other_side, request("http://127.0.0.1:8000/thing"))
    assert found.response.status == 200
    assert len(seen) == 2


async def test_a_redirect_of_a_write_is_an_answer() -> None:
    """A POST is not sent again somewhere else; its criteria see the 3xx."""
    other_side, seen = leads_to("/elsewhere")
    found = await answer_of(other_side, request(method="POST"))
    assert (found.response.status, len(seen)) == (302, 1)
    assert found.response.headers["location"] == "/elsewhere"


async def test_redirects_without_end_are_given_up() -> None:
    """Five are followed."""
    other_side, seen = answering(httpx.Response(302, headers={"Location": "/thing"}))
    with pytest.raises(TransportFailed, match="too many redirects"):
        await answer_of(other_side)
    assert len(seen) == 6


@pytest.mark.parametrize("place", ["ftp://8.8.8.8/x", "file:///etc/passwd", "http://[::"])
async def test_a_redirect_to_no_web_address_is_a_fault(place: str) -> None:
    """No scheme but http and https is followed, and a broken place is no engine bug."""
    other_side, seen = leads_to(place)
    with pytest.raises(TransportFailed):
        await answer_of(other_side)
    assert len(seen) == 1


async def test_no_cookie_is_carried_to_the_next_request() -> None:
    """The pool is shared by all runs: one run's session must never be another's."""
    other_side, seen = answering(httpx.Response(200, headers={"Set-Cookie": "sid=1; Path=/"}))
    async with make_client(httpx.MockTransport(other_side)) as client:
        for _ in range(2):
            await send(client, request(), call())
    assert "cookie" not in seen[1].headers


async def test_a_header_may_hold_latin_1() -> None:
    """RFC 9110 lets a value hold more than ASCII, and so does the request's builder."""
    other_side, seen = answering(httpx.Response(200))
    await answer_of(other_side, request(headers={"X-Name": "Zoë"}))
    assert (b"X-Name", "Zoë".encode("latin-1")) in seen[0].headers.raw


async def test_a_header_that_cannot_be_sent_is_surely_not_sent() -> None:
    """Also when it is a write, and without showing the value."""
    other_side, seen = answering(httpx.Response(200))
    with pytest.raises(TransportFailed) as caught:
        await answer_of(other_side, request(method="POST", headers={"Authorization": "s€cret"}))
    assert caught.value.fault.sent == "no"
    assert "€" not in str(caught.value)
    assert seen == []


async def test_a_broken_url_is_surely_not_sent() -> None:
    """A server such as `http://[::` comes from somebody's settings: it is their mistake."""
    with pytest.raises(TransportFailed, match="URL is not valid") as caught:
        await answer_of(answering(httpx.Response(200))[0], request("http://[::/x", "POST"))
    assert caught.value.fault.sent == "no"


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
async def test_a_body_may_be_as_large_as_the_limit(size: int, *, fits: bool) -> None:
    """One byte more is PayloadTooLarge, also when no Content-Length announces it."""

    async def parts() -> Any:
        for _ in range(size):
            yield b"x"

    def other_side(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=parts())

    if fits:
        assert (await answer_of(other_side)).response.body == "x" * size
        return
    with pytest.raises(PayloadTooLarge, match="larger than 1000 bytes"):
        await answer_of(other_side)


async def test_a_body_that_unpacks_too_large_is_stopped() -> None:
    """The limit counts what is unpacked: a small bomb is one, too."""
    bomb = gzip.compress(b"0" * 100_000)
    assert len(bomb) < 1000
    response = httpx.Response(200, content=bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(PayloadTooLarge):
        await answer_to(response)


async def test_a_service_that_takes_too_long_is_left() -> None:
    """The time is that of the whole exchange; nobody knows what became of the request."""

    async def other_side(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return httpx.Response(200)

    began = time.monotonic()
    with pytest.raises(TransportFailed, match="in time") as caught:
        await answer_of(other_side, total_timeout=0.05)
    assert time.monotonic() - began < 2
    assert caught.value.fault.sent == "maybe"


@pytest.mark.parametrize(("connect", "total", "limit"), [(10, 60, 10), (10, 5, 2.5), (1, 1, 0.5)])
async def test_a_service_that_takes_no_connection_is_surely_not_reached(
    connect: float, total: float, limit: float
) -> None:
    """Connecting and TLS end before the whole time, after which nobody would know."""
    other_side, seen = answering(httpx.Response(200))
    await answer_of(other_side, connect_timeout=connect, total_timeout=total)
    times = seen[0].extensions["timeout"]
    assert times == {"connect": limit, "pool": limit, "read": total, "write": total}


async def test_a_body_that_trickles_is_left_at_the_end_of_the_time() -> None:
    """Each part comes in time, the whole does not."""

    async def parts() -> Any:
        for _ in range(100):
            await asyncio.sleep(0.02)
            yield b"x"

    with pytest.raises(TransportFailed):
        await answer_of(lambda _: httpx.Response(200, content=parts()), total_timeout=0.1)


def in_seconds(seconds: float) -> str:
    """Return a moment as HTTP writes dates."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("0", 0, 0),
        ("5", 5, 5),
        (" 7 ", 7, 7),
        ("1.5", 1.5, 1.5),
        ("-3", 0, 0),
        ("61", 60, 60),
        ("9" * 400, 60, 60),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60, 60),
    ],
)
async def test_retry_after_in_seconds_or_as_a_date(text: str, least: float, most: float) -> None:
    """RFC 9110, 10.2.3: never negative, and never more than the ceiling of 60 s."""
    found = await answer_to(httpx.Response(503, headers={"Retry-After": text}))
    assert found.retry_after is not None
    assert least <= found.retry_after <= most


@pytest.mark.parametrize(("seconds", "least", "most"), [(30, 20, 30), (-3600, 0, 0), (999, 60, 60)])
async def test_retry_after_as_a_date_counts_from_now(
    seconds: int, least: float, most: float
) -> None:
    """A date that has passed is no wait."""
    found = await answer_to(httpx.Response(503, headers={"Retry-After": in_seconds(seconds)}))
    assert found.retry_after is not None
    assert least <= found.retry_after <= most


@pytest.mark.parametrize("text", ["", "soon", "1_0", "inf", "nan", "1e3", "Wed, 21 Oct", "٣"])
async def test_a_retry_after_that_says_nothing_is_no_wish(text: str) -> None:
    """What cannot be read is as if it were not there, never an error."""
    headers = [(b"Retry-After", text.encode())]
    assert (await answer_to(httpx.Response(429, headers=headers))).retry_after is None


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "body"),
    [
        (b'{"a": [1, 2.5, null]}', JSON, {"a": [1, 2.5, None]}),
        (b'{"a": 1}', {"Content-Type": "application/problem+json; charset=utf-8"}, {"a": 1}),
        (b'{"a": 1}', {"Content-Type": "Application/JSON"}, {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', JSON, {"a": 1}),
        (b'{"a": "Zo\xeb"}', {"Content-Type": "application/json; charset=latin-1"}, {"a": "Zoë"}),
        ("Zoë".encode(), {"Content-Type": "text/plain"}, "Zoë"),
        ("Zoë".encode("latin-1"), {"Content-Type": "text/plain; charset=iso-8859-1"}, "Zoë"),
        (b'{"a": 1}', {"Content-Type": "text/plain"}, '{"a": 1}'),
        (b"null", JSON, None),
        (b"", JSON, ABSENT),
        (b"", {}, ABSENT),
        (b"12345678901234567890123", JSON, 12345678901234567890123),
    ],
)  # fmt: skip
async def test_a_body_is_what_its_content_type_says(
    content: bytes, headers: dict[str, str], body: Any
) -> None:
    """JSON is parsed, other text stays text, and an empty body is absent, which is not null."""
    found = await answer_to(httpx.Response(200, content=content, headers=headers))
    assert found.response.body == body
    assert found.flaw == ""


@pytest.mark.parametrize(
    ("content", "content_type", "said"),
    [
        (b'{"a": ', "application/json", "not the JSON"),
        (b"<html>", "application/json", "not the JSON"),
        (b'{"a": NaN}', "application/json", "NaN is no JSON"),
        (b'{"a": -Infinity}', "application/json", "-Infinity is no JSON"),
        (b'{"a": 1e999}', "application/json", "larger than any number"),
        (b"1" * 900, "application/json; charset=nonsense", "is no text"),
        (b"\xff\xfe\x00", "text/plain", "is no text"),
        (b"abc", "text/plain; charset=undefined", "is no text"),
        (b"abc", "text/plain; charset=base64", "is no text"),
        (b"[" * 900, "application/json", "not the JSON"),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_flawed(
    content: bytes, content_type: str, said: str
) -> None:
    """A flaw is told in words, and such an answer never passes; it raises nothing."""
    response = httpx.Response(200, content=content, headers={"Content-Type": content_type})
    found = await answer_to(response)
    assert said in found.flaw
    assert found.response.status == 200


@pytest.mark.parametrize(("levels", "flawed"), [(MOST_NESTED, False), (MOST_NESTED + 1, True)])
async def test_a_body_may_be_nested_as_deeply_as_a_result(levels: int, *, flawed: bool) -> None:
    """Deeper ones could be read, but not handed on."""
    content = b"[" * levels + b"]" * levels
    found = await answer_to(httpx.Response(200, content=content, headers=JSON))
    assert bool(found.flaw) is flawed
    assert flawed or json.dumps(found.response.body) == content.decode()


async def test_json_that_python_cannot_nest_is_flawed_too() -> None:
    """The parser's own limit is no reason to fail the activity."""
    other_side, _ = answering(httpx.Response(200, content=b"[" * 5000 + b"]" * 5000, headers=JSON))
    assert "levels deep" in (await answer_of(other_side, largest_response=20_000)).flaw


async def test_headers_are_found_in_any_case() -> None:
    """The response's headers have lower-case names, as expressions look them up."""
    found = await answer_to(httpx.Response(200, headers={"X-Total-Count": "3"}))
    assert found.response.headers["x-total-count"] == "3"
