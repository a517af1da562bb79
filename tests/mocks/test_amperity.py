"""The Amperity stand-in, spoken to over real sockets: runs, lists and tokens."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from mocks.amperity import create_app
from mocks.control import StandInClient, speaking
from mocks.jobs import Pace

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
OVERVIEW = {"id", "state", "type", "name", "tenant", "created_at"}


def stand_in(**options: Any) -> AbstractAsyncContextManager[StandInClient]:
    """A client of a fresh stand-in, with a token that never expires."""
    return speaking(create_app(**options), HEADERS)


async def start(client: StandInClient, config_id: str = "cg-123ABc4DE", **fields: Any) -> str:
    """The path of a new run."""
    response = await client.post(RUNS, json={"config_id": config_id, **fields})
    assert response.is_success, response.text
    return f"{RUNS}/{response.json()['id']}"


async def states(client: StandInClient, path: str, polls: int) -> list[str]:
    """The states that so many polls see."""
    return [(await client.get(path)).json()["state"] for _ in range(polls)]


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (Pace(polls=1), ["scheduled", "started", "in-progress", "succeeded"]),
        (Pace(), ["scheduled"] * 2 + ["started"] * 2 + ["in-progress"] * 2 + ["succeeded"]),
        (Pace(polls=0), ["succeeded"]),
        (Pace(seconds=3), ["scheduled", "started", "in-progress", "succeeded"]),
    ],
)
async def test_run_goes_through_its_states(pace: Pace, expected: list[str]) -> None:
    """A run moves on by polls or by seconds, here one a poll; it has an end only at the end."""
    now = [1_800_000_000.0]
    async with stand_in(run=pace, clock=lambda: now[0]) as client:
        path = await start(client)
        for state in expected:
            run = (await client.get(path)).json()
            assert (run["state"], "ended_at" in run) == (state, state == "succeeded")
            now[0] += 1


@pytest.mark.parametrize(
    ("profile", "status", "missing"),
    [("live", 201, set()), ("documented", 200, {"warn_after_ms", "principal_email"})],
)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_start_tells_the_run(
    profile: str, status: int, missing: set[str], slash: str
) -> None:
    """A start is 201 (200 by the page), scheduled, without tasks, end or configuration."""
    async with stand_in(profile=profile, run=Pace(polls=0)) as client:
        response = await client.post(RUNS + slash, json={"config_id": "cg-123ABc4DE"})
        run = response.json()
        assert response.status_code == status
        assert (run["state"], run["task_instances"]) == ("scheduled", [])
        assert (run["type"], run["tenant"]) == ("courier.group/run", "acme")
        further = {"principal_id", "principal_name", "launched_version", "current_version"}
        optional = {"warn_after_ms", "principal_email"}
        assert set(run) == OVERVIEW | {"task_instances"} | further | optional - missing


@pytest.mark.parametrize(
    ("config_id", "kind"),
    [
        ("cg-123ABc4DE", "courier.group/run"),
        ("og-123ABc4DE", "amperity.orchestration.orchestration/run"),
        ("cc-123ABc4DE", "campaign.send"),
    ],
)
async def test_kind_of_a_run(config_id: str, kind: str) -> None:
    """The prefix of the configuration says what kind of workflow runs."""
    async with stand_in() as client:
        assert (await client.get(await start(client, config_id))).json()["type"] == kind


@pytest.mark.parametrize(
    ("fault", "state", "error"),
    [
        ({"kind": "job-fails"}, "failed", ("customer", "no column email")),
        (
            {"kind": "job-fails", "message": "Spark is gone", "attribution": "platform"},
            "failed",
            ("platform", "Spark is gone"),
        ),
        ({"kind": "job-is-canceled"}, "canceled", None),
        ({"kind": "job-never-ends"}, "in-progress", None),
    ],
)
async def test_ends_of_a_run(
    fault: dict[str, str], state: str, error: tuple[str, str] | None
) -> None:
    """A run can fail, be canceled or never end; verbose tells whose fault it is and why."""
    async with stand_in(run=Pace(polls=1)) as client:
        await client.add_fault("run-workflow", **fault)
        path = await start(client)
        last = (await states(client, path, 5))[-1]
        overview = (await client.get(path)).json()
        verbose = (await client.get(path, params={"view": "verbose"})).json()
        assert (last, verbose["state"], "ended_at" in verbose) == (
            state,
            state,
            state != "in-progress",
        )
        assert set(overview) - {"ended_at"} == OVERVIEW
        assert [task["workflow_id"] for task in verbose["task_instances"]] == [verbose["id"]]
        assert ("error" in verbose) == (error is not None)
        if error:
            assert verbose["error"]["attribution"] == error[0]
            assert error[1] in verbose["error"]["message"]


async def test_a_failing_run_shows_it_before_its_end() -> None:
    """A run that is going to fail is running with failures first, which is no end."""
    async with stand_in(run=Pace(polls=1)) as client:
        await client.add_fault("run-workflow", "job-fails")
        path = await start(client)
        seen = await states(client, path, 4)
        assert seen == ["scheduled", "started", "running-with-failures", "failed"]


@pytest.mark.parametrize(
    ("polls", "expected"), [(0, ["stopped"]), (2, ["stopping", "stopping", "stopped"])]
)
async def test_stop(polls: int, expected: list[str]) -> None:
    """A scheduled run stops at once, one whose tasks run by and by; stopping again is fine."""
    async with stand_in(run=Pace(polls=2)) as client:
        path = await start(client)
        await states(client, path, polls + 1)
        first = (await client.post(f"{path}/stop")).json()
        assert first["state"] == expected[0]
        assert await states(client, path, len(expected)) == expected
        again = await client.post(f"{path}/stop")
        assert (again.status_code, again.json()["state"]) == (200, "stopped")
        assert "ended_at" in again.json()


async def test_ended_runs_cannot_be_stopped() -> None:
    """Stopping what has ended by itself conflicts with its state."""
    async with stand_in(run=Pace(polls=0)) as client:
        response = await client.post(f"{await start(client)}/stop")
        assert response.status_code == 409


@pytest.mark.parametrize(("allows", "status"), [(False, 409), (True, 201)])
async def test_second_run_of_a_configuration(allows: bool, status: int) -> None:
    """A configuration that is running can't be started again, unless the stand-in allows it."""
    async with stand_in(run=Pace(polls=1), allows_second_run=allows) as client:
        path = await start(client)
        response = await client.post(RUNS, json={"config_id": "cg-123ABc4DE"})
        assert response.status_code == status
        await start(client, "cg-other")
        await states(client, path, 4)
        await client.reset()
        await start(client)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 7),
        ({"state": "Succeeded"}, 3),
        ({"state": "in progress"}, 1),
        ({"type": "campaign.send"}, 1),
        ({"type": "courier.group/run", "state": "failed"}, 1),
        ({"created_from": "2027-01-14"}, 2),
        ({"created_from": "2027-01-14T08:00:00Z", "created_to": "2027-01-15T08:00:00Z"}, 1),
        ({"created_to": "2027-01-10"}, 1),
        ({"created_to": "2027-01"}, 0),
        ({"created_from": "2027"}, 7),
        ({"ended_from": "2027-01-09T14:00:00Z"}, 6),
        ({"ended_from": "2027-01-09T14:00:00.001Z"}, 5),
        ({"ended_to": "2027-01-09T14:00:00Z"}, 0),
    ],
)
async def test_filters_of_the_list(query: dict[str, str], found: int) -> None:
    """From is inclusive, to is exclusive, dates may be partial, states in any spelling."""
    clock = 1_800_000_000.0  # 2027-01-15T08:00:00Z
    async with stand_in(run=Pace(polls=0, seconds=None), clock=lambda: clock) as client:
        await client.add_fault("run-workflow", "job-never-ends")
        await start(client, "cc-123ABc4DE")
        answer = (await client.get(RUNS, params={**query, "with_total": "true"})).json()
        assert (answer["total"], len(answer["data"])) == (found, found)


async def test_list_is_newest_first_in_pieces() -> None:
    """next_token leads to the next piece; the last one has none, and no piece its tasks."""
    async with stand_in() as client:
        newest = await start(client)
        answers: list[dict[str, Any]] = [{}]
        for _ in range(4):
            tokens = {name: answers[-1][name] for name in answers[-1] if name == "next_token"}
            answers.append((await client.get(RUNS, params={"limit": 2, **tokens})).json())
        assert set(answers[-1]) == {"data"}
        seen = [run for answer in answers[1:] for run in answer["data"]]
        assert f"{RUNS}/{seen[0]['id']}" == newest
        times = [run["created_at"] for run in seen]
        assert (len(times), times) == (7, sorted(times, reverse=True))
        assert all(set(run) - {"ended_at"} == OVERVIEW for run in seen)


async def test_list_token_that_repeats() -> None:
    """A fault lets a piece name itself as the next one."""
    async with stand_in() as client:
        await client.add_fault("list-workflows", "repeat-cursor", after=1, times=2)
        token = (await client.get(RUNS, params={"limit": 2})).json()["next_token"]
        for _ in range(2):
            query = {"limit": 2, "next_token": token}
            assert (await client.get(RUNS, params=query)).json()["next_token"] == token


async def test_tokens_are_given_and_expire() -> None:
    """A client gets a token for a tenant; it is refused after its seconds."""
    now = [1_800_000_000.0]
    async with stand_in(token_seconds=60, clock=lambda: now[0]) as client:
        answer = (await client.post(OAUTH, data=CLIENT)).json()
        assert (answer["expires_in"], answer["token_type"]) == (60, "Bearer")
        client.headers["authorization"] = f"Bearer {answer['access_token']}"
        assert (await client.get(RUNS)).status_code == 200
        other = {"amperity-tenant": "acme-sb-12345"}
        assert (await client.get(RUNS, headers=other)).status_code == 403
        now[0] += 60
        response = await client.get(RUNS)
        assert (response.status_code, response.json()["message"]) == (401, "the token is expired")
        assert await client.taken() == {"get-token": 1, "list-workflows": 1}
        assert await client.received() == {"get-token": 1, "list-workflows": 3}


async def test_tokens_can_be_expired_at_once() -> None:
    """A control expires all tokens that were issued; new and static ones are good."""
    async with stand_in() as client:
        tokens = [(await client.post(OAUTH, data=CLIENT)).json()["access_token"]]
        await client.control("expire-tokens")
        tokens += [(await client.post(OAUTH, data=CLIENT)).json()["access_token"], "demo-token"]
        seen = [
            (await client.get(RUNS, headers={"authorization": f"Bearer {token}"})).status_code
            for token in tokens
        ]
        assert seen == [401, 200, 200]


async def test_runs_belong_to_their_tenant() -> None:
    """Another tenant does not see a run; ids are never the same."""
    async with stand_in() as client:
        path = await start(client)
        client.headers["amperity-tenant"] = "acme-sb-12345"
        assert (await client.get(path)).status_code == 404
        assert await start(client) != path
