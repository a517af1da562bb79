"""The Amperity workflows through a real Temporal server, against the stand-in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from conftest import House, house_of, own_catalogue
from temporalio.client import WorkflowFailureError

from mocks.amperity import create_app
from mocks.jobs import Pace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client

    from settings import Settings

SOURCES = ("workflowsApi",)
START = {"tenant": "acme", "configId": "cg-123ABc4DE"}


def give_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the worker the client credentials that the stand-in knows."""
    monkeypatch.setenv("DURAZZO_SECRET_AMPERITY_CLIENT_ID", "demo-client")
    monkeypatch.setenv("DURAZZO_SECRET_AMPERITY_CLIENT_SECRET", "demo-client-secret")


@pytest.fixture(params=["live", "documented"])
async def house(
    client: Client,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    max_cached_workflows: int,
    request: pytest.FixtureRequest,
) -> AsyncIterator[House]:
    """Give a worker that serves our documents against the stand-in, in both of its profiles."""
    give_client(monkeypatch)
    app = create_app(profile=request.param, run=Pace(polls=1))
    async with house_of(
        client, own_catalogue(settings), settings, app, SOURCES,
        base_path="/api", max_cached_workflows=max_cached_workflows,
    ) as opened:  # fmt: skip
        yield opened


async def test_a_run_is_started_once_and_polled_to_its_end(house: House) -> None:
    """Succeeded is the one good end; the token was fetched once, for this tenant."""
    outputs = await house.run(
        "run-workflow", {**START, "rangeFrom": "2026-11-01", "runMode": "refresh"}
    )
    assert outputs["state"] == "succeeded"
    assert outputs["runId"].startswith("wf-")
    assert outputs["endedAt"] > outputs["createdAt"]
    taken = await house.stand_in.taken()
    assert (taken["run-workflow"], taken["get-token"]) == (1, 1)
    assert taken["get-workflow"] >= 3
    requests = await house.stand_in.requests()
    start = next(one for one in requests if one["operationId"] == "run-workflow")
    assert start["body"] == {
        "config_id": "cg-123ABc4DE", "range_from": "2026-11-01", "run_mode": "refresh",
    }  # fmt: skip
    assert start["headers"]["amperity-tenant"] == "acme"
    assert start["headers"]["api-version"] == "2024-04-01"
    assert "idempotency-key" not in start["headers"]


@pytest.mark.parametrize("attribution", ["customer", "platform"])
async def test_a_failed_run_fails_with_the_services_words_and_whose_fault_it_is(
    house: House, attribution: str
) -> None:
    """The step that explains the failure ends the run; the message is Amperity's own."""
    await house.stand_in.add_fault(
        "run-workflow", "job-fails", message="No files matched the pattern", attribution=attribution
    )
    error = await house.failure("run-workflow", START)
    assert error.type == "StepFailed"
    assert "step `explainFailure`" in error.message
    assert '"No files matched the pattern"' in error.message
    assert f'"{attribution}"' in error.message


async def test_a_canceled_run_is_an_end_of_its_own(house: House) -> None:
    """Canceled is no success and no failure of the run's: its step and its state tell."""
    await house.stand_in.add_fault("run-workflow", "job-is-canceled")
    error = await house.failure("run-workflow", START)
    assert error.type == "StepFailed"
    assert "step `explainCancellation`" in error.message
    assert error.details[0]["outputs"]["pollRun"]["state"] == "canceled"


async def test_a_run_that_never_ends_passes_its_deadline(house: House) -> None:
    """`ended_at` alone says that a run has ended."""
    house.polling["deadline"] = 0.5
    await house.stand_in.add_fault("run-workflow", "job-never-ends")
    error = await house.failure("run-workflow", START)
    assert error.type == "PollDeadlineExceeded"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"rangeTo": "2026-11-02"}, "rangeFrom"),
        ({"configId": "og-1", "runMode": "full"}, "runMode"),
        ({"configId": "xx-1"}, "configId"),
        ({"runMode": "fast"}, "runMode"),
        ({"rangeFrom": "yesterday"}, "rangeFrom"),
        ({"tenant": "acme/../evil"}, "tenant"),
    ],
    ids=["to-alone", "mode-of-orchestration", "config", "mode", "time", "tenant"],
)
async def test_a_start_is_validated_before_anything_is_sent(
    house: House, inputs: dict[str, Any], said: str
) -> None:
    """What Amperity would refuse, or read otherwise than meant, is InputInvalid."""
    error = await house.failure("run-workflow", {**START, **inputs})
    assert error.type == "InputInvalid"
    assert said in error.message
    assert await house.stand_in.requests() == []


async def test_a_run_is_stopped(house: House) -> None:
    """The stop is waited for; whoever waits for that run learns that it was stopped."""
    await house.stand_in.add_fault("run-workflow", "job-never-ends")
    waiting = await house.start("run-workflow", START)
    while not (await house.stand_in.taken()).get("get-workflow"):
        await asyncio.sleep(0.02)
    runs = (await house.run("list-workflow-runs", {"tenant": "acme"}))["runs"]
    running = next(one for one in runs if not one.get("ended_at"))
    outputs = await house.run("stop-workflow", {"tenant": "acme", "runId": running["id"]})
    assert outputs["state"] == "stopped"
    assert outputs["endedAt"]
    with pytest.raises(WorkflowFailureError) as caught:
        await waiting.result()
    assert "step `explainCancellation`" in str(caught.value.cause)


async def test_a_stop_that_comes_too_late_tells_how_the_run_ended(house: House) -> None:
    """409 says that the run has ended by itself; its state is the output."""
    runs = (await house.run("list-workflow-runs", {"tenant": "acme"}))["runs"]
    ended = next(one for one in runs if one["state"] == "succeeded")
    outputs = await house.run("stop-workflow", {"tenant": "acme", "runId": ended["id"]})
    assert outputs["state"] == "succeeded"


async def test_runs_are_listed_over_all_pages(house: House) -> None:
    """The tokens of the pages are followed at once, and what is not asked for is not sent."""
    house.polling["first"] = 60.0
    outputs = await house.run("list-workflow-runs", {"tenant": "acme", "pageSize": 2})
    requests = await house.stand_in.requests()
    pages = [one for one in requests if one["operationId"] == "list-workflows"]
    ids = [one["id"] for one in outputs["runs"]]
    assert len(ids) == len(set(ids)) > 2
    assert len(pages) == (len(ids) + 1) // 2
    assert set(pages[0]["query"]) == {"limit"}


async def test_a_token_that_repeats_ends_the_listing(house: House) -> None:
    """The service leads back to a page that was read: an error, not an endless loop."""
    await house.stand_in.add_fault("list-workflows", "repeat-cursor", after=1, times=10)
    error = await house.failure("list-workflow-runs", {"tenant": "acme", "pageSize": 1})
    assert error.type == "UnexpectedState"
    assert "a page that has been read" in error.message


async def test_an_unknown_tenant_is_refused_in_the_services_words(house: House) -> None:
    """The token's request copies the tenant, so there it is found."""
    error = await house.failure("run-workflow", {**START, "tenant": "nobody"})
    assert error.type == "StepFailed"
    assert "demo-client-secret" not in f"{error.message}{error.details}"


async def test_a_token_that_ends_in_mid_poll_is_fetched_once_more(
    client: Client,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    max_cached_workflows: int,
) -> None:
    """401 with an old token: a new one is fetched and the poll goes on; nothing is sent twice."""
    give_client(monkeypatch)
    app = create_app(run=Pace(polls=3))
    async with house_of(
        client, own_catalogue(settings), settings, app, SOURCES,
        base_path="/api", max_cached_workflows=max_cached_workflows,
    ) as house:  # fmt: skip
        house.polling = {"first": 0.3, "factor": 1.0, "longest": 0.3, "deadline": 30.0}
        handle = await house.start("run-workflow", START)
        while not (await house.stand_in.taken()).get("get-workflow"):
            await asyncio.sleep(0.02)
        await house.stand_in.control("expire-tokens")
        assert (await handle.result())["state"] == "succeeded"
        taken, received = await house.stand_in.taken(), await house.stand_in.received()
        assert (taken["get-token"], received["run-workflow"]) == (2, 1)
        assert received["get-workflow"] == taken["get-workflow"] + 1


async def test_a_token_given_as_a_secret_is_enough(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without client credentials the second alternative of the description is taken."""
    monkeypatch.setenv("DURAZZO_SECRET_AMPERITY_TOKEN", "demo-token")
    app = create_app(run=Pace(polls=1))
    async with house_of(
        client, own_catalogue(settings), settings, app, SOURCES, base_path="/api"
    ) as house:
        assert (await house.run("run-workflow", START))["state"] == "succeeded"
        assert "get-token" not in await house.stand_in.received()


async def test_without_any_credential_the_error_names_the_schemes_and_secrets(
    client: Client, settings: Settings
) -> None:
    """SecretMissing says what the operation wants and where each secret belongs."""
    app = create_app(run=Pace(polls=1))
    async with house_of(
        client, own_catalogue(settings), settings, app, SOURCES, base_path="/api"
    ) as house:
        error = await house.failure("run-workflow", START)
        assert error.type == "SecretMissing"
        for said in ("`ClientCredentials` or `Token`", "AMPERITY_CLIENT_ID", "AMPERITY_TOKEN"):
            assert said in error.message
        assert await house.stand_in.requests() == []
