"""The Amplitude stand-in, spoken to over real sockets."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mocks.amplitude import DEFAULT_CREDENTIALS, create_app
from mocks.control import StandInClient, speaking
from mocks.jobs import Pace

ROOT = Path(__file__).parents[2]
EXPORT = "/api/5/cohorts/request/c0ffee1"
DSAR = "/api/2/dsar/requests"
UPLOAD = "/api/3/cohorts/upload"
DELETIONS = "/api/2/deletions/users"
AUTHORIZATION = {"authorization": f"Basic {DEFAULT_CREDENTIALS}"}


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


async def test_export_goes_through_its_states() -> None:
    """By default two polls see queued, two computing, then complete; only then is there a file."""
    async with stand_in() as client:
        started = (await client.get(EXPORT)).json()
        assert started == {"request_id": "exp0001", "cohort_id": "c0ffee1"}
        assert await states(client, f"{EXPORT}/status", 4) == ["queued"] * 2 + ["computing"] * 2
        assert (await client.get(f"{EXPORT}/file")).status_code == 404
        last = (await client.get(f"{EXPORT}/status")).json()
        assert last == {"request_id": "exp0001", "status": "complete"}
        file = (await client.get(f"{EXPORT}/file")).json()
        assert file["cohort_id"] == "c0ffee1"
        assert [set(member) for member in file["members"]] == [{"amplitude_id", "user_id"}] * 3


async def test_properties_are_in_the_file_on_request() -> None:
    """props=1 adds properties to each member."""
    async with stand_in(export=Pace(polls=0)) as client:
        await client.get(EXPORT, params={"props": 1})
        assert await states(client, f"{EXPORT}/status", 1) == ["complete"]
        file = (await client.get(f"{EXPORT}/file")).json()
        assert all(set(member["properties"]) == {"plan", "visits"} for member in file["members"])


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (Pace(polls=1), ["queued", "computing", "complete", "complete"]),
        (Pace(polls=0), ["complete"] * 4),
        (Pace(seconds=4), ["queued", "queued", "computing", "computing"]),
        (Pace(seconds=2), ["queued", "computing", "complete", "complete"]),
        (Pace(polls=2, seconds=2), ["queued", "queued", "computing", "computing"]),
        (Pace(polls=1, seconds=4), ["queued", "queued", "computing", "computing"]),
    ],
)
async def test_pace_of_a_job(pace: Pace, expected: list[str]) -> None:
    """A job moves on by polls, by seconds, or when both allow it; here a second a poll passes."""
    now = [1_800_000_000.0]
    async with stand_in(export=pace, clock=lambda: now[0]) as client:
        await client.get(EXPORT)
        seen = []
        for _ in expected:
            seen += await states(client, f"{EXPORT}/status", 1)
            now[0] += 1
        assert seen == expected


async def test_dsar_goes_through_its_states() -> None:
    """An access request is pending, processing, complete; only then has it a download address."""
    async with stand_in(dsar=Pace(polls=1)) as client:
        started = (await client.post(DSAR, json={"user_ids": ["ada"]})).json()
        assert started == {"request_id": "53367", "status": "pending"}
        answers = [(await client.get(f"{DSAR}/53367")).json() for _ in range(3)]
        assert [one["status"] for one in answers] == ["pending", "processing", "complete"]
        assert ["download_url" in one for one in answers] == [False, False, True]


async def test_uploaded_cohort_is_listed_and_can_be_replaced() -> None:
    """An upload adds a cohort; existing_cohort_id replaces the members of one."""
    async with stand_in(export=Pace(polls=0)) as client:
        body = {"name": "New", "ids": ["x", "y"], "owner": "ada@example.com"}
        cohort_id = (await client.post(UPLOAD, json=body)).json()["cohort_id"]
        again = {"name": "Newer", "ids": ["z"], "existing_cohort_id": cohort_id}
        assert (await client.post(UPLOAD, json=again)).json() == {"cohort_id": cohort_id}
        cohorts = (await client.get("/api/3/cohorts")).json()["cohorts"]
        assert [one["id"] for one in cohorts] == ["c0ffee1", "7y6y3ij", "26umsb5", cohort_id]
        assert (cohorts[-1]["name"], cohorts[-1]["size"]) == ("Newer", 1)


async def test_deletions_are_listed_by_day() -> None:
    """A deletion is staged ten days ahead and found between start_day and end_day."""
    async with stand_in(clock=lambda: 1_800_000_000.0) as client:
        created = (await client.post(DELETIONS, json={"user_ids": ["ada"]})).json()
        assert created == {"day": "2027-01-25", "status": "staging"}
        for query, found in (
            ({}, 1),
            ({"start_day": "2027-01-26"}, 0),
            ({"end_day": "2027-01-25"}, 1),
        ):
            response = await client.get(DELETIONS, params=query)
            assert len(response.json()["deletions"]) == found


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer abc", 401),
        ("Basic", 401),
        ("Basic d3Jvbmc6d3Jvbmc=", 403),
        (f"Basic  {DEFAULT_CREDENTIALS}", 403),
        (f"Basic {DEFAULT_CREDENTIALS}", 200),
        (f"basic {DEFAULT_CREDENTIALS}", 200),
    ],
)
async def test_credentials(authorization: str | None, status: int) -> None:
    """No Basic credentials are a 401, wrong ones a 403, and neither starts an export."""
    async with stand_in() as client:
        del client.headers["authorization"]
        headers = {"authorization": authorization} if authorization else {}
        response = await client.get(EXPORT, headers=headers)
        assert response.status_code == status
        assert ("error" in response.json()) == (status != 200)
        assert await counts(client, "requestCohortExport") == (1, int(status == 200))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (UPLOAD, {"ids": ["x"]}),
        (UPLOAD, {"name": "N"}),
        (UPLOAD, {"name": "N", "ids": []}),
        (UPLOAD, {"name": "N", "ids": "x"}),
        (UPLOAD, {"name": 1, "ids": ["x"]}),
        (UPLOAD, {"name": "N", "ids": [1]}),
        (UPLOAD, {"name": "N", "ids": ["x"], "owner": None}),
        (UPLOAD, {"name": "N", "ids": ["x"], "existing_cohort_id": None}),
        (UPLOAD, {"name": "N", "ids": ["x"], "existing_cohort_id": "nowhere"}),
        (UPLOAD, ["x"]),
        (DSAR, {}),
        (DSAR, {"user_ids": []}),
        (DSAR, {"user_ids": "ada"}),
        (DSAR, {"user_ids": [1]}),
        (DELETIONS, {}),
        (DELETIONS, {"amplitude_ids": ["x"]}),
        (DELETIONS, {"amplitude_ids": list(range(101))}),
    ],
)
async def test_invalid_bodies_are_refused(path: str, body: Any) -> None:
    """A missing field, a wrong type (null too) or an empty list is a 400 that says which."""
    async with stand_in() as client:
        response = await client.post(path, json=body)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == 400
        assert await client.taken() == {}


@pytest.mark.parametrize(
    ("content", "media_type"), [("{", "application/json"), ("{}", "text/plain"), ("", "")]
)
async def test_bodies_that_are_not_json_are_refused(content: str, media_type: str) -> None:
    """A body must be JSON and say so."""
    async with stand_in() as client:
        headers = {"content-type": media_type}
        response = await client.post(DSAR, content=content, headers=headers)
        assert response.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/5/cohorts/request/nowhere", 404),
        ("GET", "/api/5/cohorts/request/nowhere/status", 404),
        ("GET", f"{EXPORT}/status", 404),
        ("GET", f"{EXPORT}/file", 404),
        ("GET", f"{DSAR}/1", 404),
        ("GET", "/api/9/unknown", 404),
        ("HEAD", EXPORT, 405),
        ("DELETE", UPLOAD, 405),
        ("GET", f"{EXPORT}?props=2", 400),
        ("GET", f"{DELETIONS}?start_day=today", 400),
    ],
)
async def test_what_is_not_there_is_refused(method: str, path: str, status: int) -> None:
    """Unknown cohorts, jobs, paths and methods are refused, and nothing is taken."""
    async with stand_in() as client:
        response = await client.request(method, path)
        assert response.status_code == status
        assert await client.taken() == {}


async def start_process(*arguments: str) -> Process:
    """The stand-in as a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mocks.amplitude", *arguments, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_process_prints_its_address_and_ends_well(number: signal.Signals) -> None:
    """One line, printed when it accepts; a signal ends it with exit code 0, even in a hang."""
    process = await start_process("--credentials", "b25l", "dHdv", "--export-polls", "0")
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
    prefix = "amplitude stand-in listening on http://127.0.0.1:"
    assert line.startswith(prefix)
    base_url, headers = line.split()[-1], {"authorization": "Basic dHdv"}
    async with StandInClient(base_url=base_url, headers=headers) as client:
        assert (await client.get(EXPORT)).status_code == 200
        assert await states(client, f"{EXPORT}/status", 1) == ["complete"]
        await client.add_fault("listCohorts", "hang", seconds=60)
        with pytest.raises(httpx.TransportError):
            await asyncio.gather(client.get("/api/3/cohorts"), stop(process, number))
    assert await asyncio.wait_for(process.communicate(), 10) == (b"", b"")
    assert process.returncode == 0


async def stop(process: Process, number: signal.Signals) -> None:
    """Send a signal a little later."""
    await asyncio.sleep(0.1)
    process.send_signal(number)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--profile", "live"], "no profile 'live'; there is: documented"),
        (["--export-polls", "-1"], "no less than 0"),
    ],
)
async def test_process_refuses_wrong_options(arguments: list[str], reason: str) -> None:
    """A wrong option is one message and exit code 2."""
    process = await start_process(*arguments)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert reason in errors.decode()
    assert "Traceback" not in errors.decode()
    assert process.returncode == 2
