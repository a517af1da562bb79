"""What the Amperity stand-in refuses, in its own form, and how it is started as a process."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from mocks.amperity import create_app, read_clients
from mocks.control import StandInClient, speaking

ROOT = Path(__file__).parents[2]
RUNS = "/api/workflow/runs"
OAUTH = "/api/v0/oauth2/token"
HEADERS = {
    "authorization": "Bearer demo-token",
    "amperity-tenant": "acme",
    "api-version": "2024-04-01",
}
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "demo-client",
    "client_secret": "demo-client-secret",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served() -> AsyncIterator[StandInClient]:
    async with speaking(create_app(), HEADERS) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def client(served: StandInClient) -> StandInClient:
    await served.reset()
    return served


def assert_refused(response: Any, status: int) -> None:
    """The answer has this status and is an error in Amperity's form."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"status", "message", "request_id", "trace_id"}
    assert body["status"] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"config_id": 1}, 400),
        ({"config_id": "xx-123"}, 400),
        ({"config_id": "cg-"}, 400),
        ({"config_id": "cg-1", "config-id": "cg-1"}, 400),
        ({"config_id": "cg-1", "run_mode": "fast"}, 400),
        ({"config_id": "cg-1", "run_mode": None}, 400),
        ({"config_id": "cg-1", "run_mode": "source"}, 201),
        ({"config_id": "cg-1", "range_from": "yesterday"}, 400),
        ({"config_id": "cg-1", "range_from": "2026-02-30"}, 400),
        ({"config_id": "cg-1", "range_from": "2026-11-24T08:00:00+01:00"}, 400),
        ({"config_id": "cg-1", "range_from": "2026-11-24T08:00:00Z"}, 201),
        ({"config_id": "cg-1", "range_from": "2026-11-24"}, 201),
        ({"config_id": "cg-1", "range_to": "2026-11-24"}, 400),
        ({"config_id": "cg-1", "range_from": "2026-11-24", "range_to": "2026-11-24"}, 400),
        ({"config_id": "cg-1", "range_from": "2026-11-24", "range_to": "2026-11-25"}, 201),
        ({"config_id": "cg-files1"}, 400),
        ({"config_id": "cg-files1", "range_from": "2026-11-24"}, 201),
        ({"config_id": "og-1", "range_from": "2026-11-24"}, 400),
        ({"config_id": "cc-1", "run_mode": "full"}, 400),
        ({"config_id": "cc-1"}, 201),
        ({"config_id": "cg-unknown1"}, 404),
    ],
)
async def test_bodies_of_a_start(client: StandInClient, body: Any, status: int) -> None:
    """Ranges and modes are for courier groups; a start that is refused leaves no run."""
    response = await client.post(RUNS, json=body)
    if status == 201:
        assert response.status_code == 201, response.text
    else:
        assert_refused(response, status)
    assert await client.taken() == ({"run-workflow": 1} if status == 201 else {})


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, {}, 200),
        ({"authorization": ""}, {}, 401),
        ({"authorization": "Basic demo-token"}, {}, 401),
        ({"authorization": "Bearer other"}, {}, 401),
        ({"amperity-tenant": ""}, {}, 400),
        ({"amperity-tenant": "nobody"}, {}, 403),
        ({"amperity-tenant": "", "X-Amperity-Tenant": "acme"}, {}, 200),
        ({"api-version": ""}, {}, 400),
        ({"api-version": "2020-01-01"}, {}, 400),
        ({"api-version": ""}, {"api_version": "2024-04-01"}, 200),
    ],
)
async def test_headers(
    client: StandInClient, headers: dict[str, str], query: dict[str, str], status: int
) -> None:
    """Token, tenant and version are checked on every call."""
    response = await client.get(RUNS, headers=headers, params=query)
    if status == 200:
        assert response.status_code == 200, response.text
    else:
        assert_refused(response, status)


@pytest.mark.parametrize(
    ("fields", "tenant", "status"),
    [
        ({}, "acme", 200),
        ({"grant_type": "password"}, "acme", 400),
        ({"grant_type": ""}, "acme", 400),
        ({"client_id": "other"}, "acme", 401),
        ({"client_secret": "wrong"}, "acme", 401),
        ({"client_secret": ""}, "acme", 401),
        ({}, "", 400),
        ({}, "nobody", 403),
    ],
)
async def test_token_requests(
    client: StandInClient, fields: dict[str, str], tenant: str, status: int
) -> None:
    """A token needs the grant type, a right client and a tenant, but neither token nor version."""
    headers = {"authorization": "", "api-version": "", "amperity-tenant": tenant}
    response = await client.post(OAUTH, data={**CLIENT, **fields}, headers=headers)
    if status == 200:
        assert set(response.json()) == {"access_token", "expires_in", "token_type"}
    else:
        assert_refused(response, status)


async def test_token_requests_are_forms(client: StandInClient) -> None:
    """A JSON body is no form."""
    assert_refused(await client.post(OAUTH, json=CLIENT), 400)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{RUNS}/wf-20240619-14418-6UhqSe", 404),
        ("POST", f"{RUNS}/wf-20240619-14418-6UhqSe/stop", 404),
        ("GET", "/api/segments", 404),
        ("DELETE", RUNS, 405),
        ("GET", f"{RUNS}/wf-1?view=all", 400),
        ("GET", f"{RUNS}?limit=0", 400),
        ("GET", f"{RUNS}?limit=1001", 400),
        ("GET", f"{RUNS}?limit=x", 400),
        ("GET", f"{RUNS}?next_token=x", 400),
        ("GET", f"{RUNS}?created_from=x", 400),
        ("GET", f"{RUNS}?with_total=yes", 400),
        ("GET", f"{RUNS}?status=failed", 400),
    ],
)
async def test_what_is_not_there(
    client: StandInClient, method: str, path: str, status: int
) -> None:
    """Unknown runs, paths, methods and parameters are refused, and nothing is taken."""
    assert_refused(await client.request(method, path), status)
    assert await client.taken() == {}


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "status", "status": 409}, 409),
        ({"kind": "status", "status": 503}, 503),
        ({"kind": "throttled", "seconds": 7}, 429),
    ],
)
async def test_status_faults(client: StandInClient, fault: dict[str, Any], status: int) -> None:
    """A fault without a body is answered in Amperity's form; a 429 tells no time."""
    await client.add_fault("run-workflow", **fault)
    response = await client.post(RUNS, json={"config_id": "cg-1"})
    assert_refused(response, status)
    assert "retry-after" not in response.headers
    assert await client.taken() == {}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"operationId": "get-workflow", "kind": "job-fails"}, "starts no job"),
        ({"operationId": "get-workflow", "kind": "repeat-cursor"}, "has no pages"),
        ({"operationId": "run-workflow", "kind": "job-fails", "attribution": "me"}, "is one of"),
        ({"operationId": "run-workflow", "kind": "job-fails", "message": 1}, "is a string"),
        ({"operationId": "run-workflow", "kind": "throttled", "seconds": -1}, "is an integer"),
    ],
)
async def test_faults_that_cannot_be(
    client: StandInClient, fields: dict[str, Any], reason: str
) -> None:
    """A fault with a mistake is a 400 that names it."""
    response = await client.post("/_control/faults", json=fields)
    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]


def test_clients_need_a_secret() -> None:
    """A client without a secret is a wrong option."""
    with pytest.raises(ValueError, match="ID:SECRET"):
        read_clients(["me:secret", "you"])


async def test_process_takes_its_options() -> None:
    """Tenants, clients, tokens and the pace come from the command line."""
    options = [
        "--profile", "documented", "--tenant", "big", "small", "--client", "me:secret:part",
        "--token", "t1", "--token-seconds", "5", "--run-polls", "0", "--allow-second-run",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mocks.amperity", *options, cwd=ROOT, stdout=PIPE
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
    assert line.startswith("amperity stand-in listening on http://127.0.0.1:")
    headers = {**HEADERS, "amperity-tenant": "small", "authorization": "Bearer t1"}
    async with StandInClient(base_url=line.split()[-1], headers=headers) as client:
        form = {**CLIENT, "client_id": "me", "client_secret": "secret:part"}
        assert (await client.post(OAUTH, data=form)).json()["expires_in"] == 5
        runs = [await client.post(RUNS, json={"config_id": "cg-1"}) for _ in range(2)]
        assert [response.status_code for response in runs] == [200, 200]
        path = f"{RUNS}/{runs[0].json()['id']}"
        assert (await client.get(path)).json()["state"] == "succeeded"
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0
