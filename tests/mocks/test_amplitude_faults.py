"""The faults and the control API of the Amplitude stand-in, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from mocks.amplitude import DEFAULT_CREDENTIALS, create_app
from mocks.control import StandInClient, speaking
from mocks.jobs import Pace

EXPORT = "/api/5/cohorts/request/c0ffee1"
DSAR = "/api/2/dsar/requests"
UPLOAD = "/api/3/cohorts/upload"
AUTHORIZATION = {"authorization": f"Basic {DEFAULT_CREDENTIALS}"}
STATUS_FAULT = {"operationId": "listCohorts", "kind": "status", "status": 503}


def stand_in(**options: Any) -> AbstractAsyncContextManager[StandInClient]:
    """A client of a fresh stand-in, with the default credentials."""
    return speaking(create_app(**options), AUTHORIZATION)


async def counts(client: StandInClient, operation_id: str) -> tuple[int, int]:
    """How often an operation was received and taken."""
    received, taken = await client.received(), await client.taken()
    return received.get(operation_id, 0), taken.get(operation_id, 0)


async def states(client: StandInClient, path: str, polls: int) -> list[str]:
    """The states that so many polls see."""
    return [(await client.get(path)).json()["status"] for _ in range(polls)]


@pytest.mark.parametrize(
    ("fields", "retry_after", "body"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, "7", None),
        ({"status": 429}, None, None),
        ({"status": 503, "body": "busy"}, None, "busy"),
        ({"status": 500, "body": {"error": "x"}}, None, {"error": "x"}),
        ({"status": 204}, None, ""),
    ],
)
async def test_status_fault(fields: dict[str, Any], retry_after: str | None, body: Any) -> None:
    """The answer is the one asked for, as often as asked for, and the request is not taken."""
    async with stand_in() as client:
        await client.add_fault("requestCohortExport", "status", times=2, **fields)
        for _ in range(2):
            response = await client.get(EXPORT)
            assert response.status_code == fields["status"]
            assert response.headers.get("retry-after") == retry_after
            if body is not None:
                assert body == (response.json() if isinstance(body, dict) else response.text)
        assert (await client.get(EXPORT)).status_code == 200
        assert await counts(client, "requestCohortExport") == (3, 1)


@pytest.mark.parametrize(("kind", "taken"), [("reset-before", 0), ("reset-after", 1)])
async def test_reset_faults(kind: str, taken: int) -> None:
    """The client sees a reset connection; before leaves no trace, after leaves a request."""
    async with stand_in() as client:
        await client.add_fault("createDsarRequest", kind)
        with pytest.raises(httpx.ReadError) as caught:
            await client.post(DSAR, json={"user_ids": ["ada"]})
        cause: BaseException | None = caught.value
        while cause and not isinstance(cause, ConnectionResetError):
            cause = cause.__cause__ or cause.__context__
        assert cause is not None
        assert await counts(client, "createDsarRequest") == (1, taken)
        assert (await client.get(f"{DSAR}/53367")).status_code == (200 if taken else 404)


async def test_hang_fault() -> None:
    """The request is taken at once, the answer comes after the seconds."""
    async with stand_in() as client:
        await client.add_fault("createDsarRequest", "hang", seconds=0.3)
        start = time.monotonic()
        asking = asyncio.ensure_future(client.post(DSAR, json={"user_ids": ["ada"]}))
        await asyncio.sleep(0.1)
        assert await counts(client, "createDsarRequest") == (1, 1)
        assert (await asking).status_code == 200
        assert time.monotonic() - start >= 0.3


async def test_hang_ends_with_the_client_or_the_server() -> None:
    """A client that gives up, or a server that stops, does not wait for the seconds."""
    start = time.monotonic()
    async with stand_in() as client:
        await client.add_fault("listCohorts", "hang", seconds=60, times=2)
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/api/3/cohorts", timeout=0.1)
        asking = asyncio.ensure_future(client.get("/api/3/cohorts"))
        while await counts(client, "listCohorts") != (2, 2):
            await asyncio.sleep(0.01)
    with contextlib.suppress(httpx.TransportError, asyncio.CancelledError):
        await asking
    assert time.monotonic() - start < 5


async def test_malformed_fault() -> None:
    """The request is taken, and the 200 holds what is not the JSON that its type says."""
    async with stand_in() as client:
        await client.add_fault("requestCohortExport", "malformed")
        response = await client.get(EXPORT)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        with pytest.raises(ValueError, match="Unterminated"):
            response.json()
        assert await counts(client, "requestCohortExport") == (1, 1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("job-fails", ["queued", "computing", "failed", "failed"]),
        ("job-never-ends", ["queued", "computing", "computing", "computing"]),
    ],
)
async def test_job_faults(kind: str, expected: list[str]) -> None:
    """The next job ends failed or never, has no file, and the one after it is sound."""
    async with stand_in(export=Pace(polls=1)) as client:
        await client.add_fault("requestCohortExport", kind)
        await client.get(EXPORT)
        assert await states(client, f"{EXPORT}/status", 4) == expected
        assert (await client.get(f"{EXPORT}/file")).status_code == 404
        await client.get(EXPORT)
        assert (await states(client, f"{EXPORT}/status", 3))[-1] == "complete"


async def test_job_fault_of_a_dsar_joins_another_fault() -> None:
    """A job fault and another fault can strike the same request."""
    async with stand_in(dsar=Pace(polls=0)) as client:
        await client.add_fault("createDsarRequest", "job-fails")
        await client.add_fault("createDsarRequest", "hang", seconds=0)
        await client.post(DSAR, json={"user_ids": ["ada"]})
        answer = (await client.get(f"{DSAR}/53367")).json()
        assert answer == {"request_id": "53367", "status": "failed"}


async def test_fault_after_some_requests() -> None:
    """`after` requests of the operation pass first; requests of others do not count."""
    async with stand_in() as client:
        await client.add_fault("listCohorts", "status", status=503, after=2)
        await client.get(EXPORT)
        seen = [(await client.get("/api/3/cohorts")).status_code for _ in range(4)]
        assert seen == [200, 200, 503, 200]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ([], "JSON object"),
        ({}, "kind is required"),
        ({"kind": "hang", "seconds": 1}, "operationId is required"),
        ({"operationId": "nothing", "kind": "reset-before"}, "no operation 'nothing'"),
        ({"operationId": "listCohorts", "kind": "explode"}, "no kind 'explode'"),
        ({"operationId": "listCohorts", "kind": "job-fails"}, "starts no job"),
        ({"operationId": "listCohorts", "kind": "status"}, "status is an integer"),
        ({**STATUS_FAULT, "status": 99}, "status is an integer"),
        ({**STATUS_FAULT, "times": 0}, "times is an integer"),
        ({**STATUS_FAULT, "after": True}, "after is an integer"),
        ({**STATUS_FAULT, "seconds": 1}, "has no field seconds"),
        ({**STATUS_FAULT, "headers": {"retry-after": 7}}, "headers is an object of strings"),
        ({"operationId": "listCohorts", "kind": "hang"}, "seconds is required"),
        ({"operationId": "listCohorts", "kind": "malformed", "body": {}}, "is a string"),
    ],
)
async def test_faults_that_cannot_be_are_refused(fault: Any, reason: str) -> None:
    """A fault with a mistake is a 400 that names it: a test must not wait for it in vain."""
    async with stand_in() as client:
        response = await client.post("/_control/faults", json=fault)
        assert response.status_code == 400
        assert reason in response.json()["error"]["message"]
        assert (await client.get("/_control/faults")).json() == []


async def test_faults_can_be_listed_and_forgotten() -> None:
    """The list shows what is still to come; DELETE empties it."""
    async with stand_in() as client:
        await client.add_fault("listCohorts", "status", status=503, times=3)
        await client.get("/api/3/cohorts")
        faults = (await client.get("/_control/faults")).json()
        assert [(fault["kind"], fault["times"]) for fault in faults] == [("status", 2)]
        assert (await client.delete("/_control/faults")).status_code == 204
        assert (await client.get("/api/3/cohorts")).status_code == 200


async def test_requests_are_listed_as_they_came() -> None:
    """Each request is listed with its parts and its time, one that fits no operation too."""
    async with stand_in() as client:
        before = time.time()
        await client.get(EXPORT, params={"props": 1})
        await client.post(DSAR, json={"user_ids": ["ada"]})
        await client.get("/api/9/unknown")
        listed = await client.requests()
    ids = [one["operationId"] for one in listed]
    assert ids == ["requestCohortExport", "createDsarRequest", None]
    assert (listed[0]["method"], listed[0]["path"]) == ("GET", EXPORT)
    assert (listed[0]["query"], listed[0]["body"]) == ({"props": "1"}, None)
    assert listed[1]["body"] == {"user_ids": ["ada"]}
    assert listed[0]["headers"]["authorization"] == AUTHORIZATION["authorization"]
    assert before <= listed[0]["at"] <= listed[1]["at"] <= time.time()


async def test_reset_brings_back_the_start() -> None:
    """A reset forgets cohorts, jobs, faults, counters and requests."""
    async with stand_in() as client:
        await client.post(UPLOAD, json={"name": "N", "ids": ["x"]})
        await client.get(EXPORT)
        await client.add_fault("listCohorts", "reset-before")
        await client.reset()
        assert (await client.received(), await client.taken()) == ({}, {})
        assert await client.requests() == []
        assert len((await client.get("/api/3/cohorts")).json()["cohorts"]) == 3
        assert (await client.get(f"{EXPORT}/status")).status_code == 404
