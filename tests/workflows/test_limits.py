"""Runs that a limit of their provider holds back: they wait durably, and all of them complete."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from conftest import House
from limited import most_within
from pydantic import SecretStr
from redis_server import free_port, redis_at
from scripted import Service
from shelf import Shelf, document, step, workflow
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.converter import default as default_converter

from catalogue import load_catalogue, worker_defaults
from mocks.serving import serving
from worker import running_worker
from workflows.failure_conversion import DATA_CONVERTER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from temporalio.client import WorkflowHandle

    from settings import Settings

ARRIVED = "/thing"


class Timed(Service):
    """A service that notes when requests arrive, in seconds."""

    def __init__(self) -> None:
        super().__init__(lambda _: (200, {}))
        self.arrivals: list[float] = []

    def note(self, _: Any) -> Any:
        """Answer, and note when."""
        self.arrivals.append(time.monotonic())
        return 200, {}


@asynccontextmanager
async def limited_house(
    client: Client,
    settings: Settings,
    folder: Path,
    limits: dict[str, Any],
    *,
    workers: int = 1,
    max_cached_workflows: int = 1000,
    **workflow_fields: Any,
) -> AsyncIterator[tuple[House, Timed]]:
    """Serve one workflow of one request, under these limits, by so many workers."""
    shelf = Shelf(folder).fill(getThing=("get", "/thing"))
    shelf.add("flow.arazzo.json", document(workflow(**workflow_fields), arazzo="1.1.0"))
    shelf.add("settings.yaml", limits)
    service = Timed()
    service.answer = service.note
    catalogue = load_catalogue([folder], worker_defaults(settings))
    queue = f"test-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(service.application()))
        for _ in range(workers):
            await stack.enter_async_context(
                running_worker(
                    await another(client), catalogue, settings, task_queue=queue,
                    servers={"api": url}, max_cached_workflows=max_cached_workflows,
                )
            )  # fmt: skip
        yield House(client, queue, url, None), service  # type: ignore[arg-type] # no stand-in


async def another(client: Client) -> Client:
    """Return a client of the same server; one has no two workers of a queue."""
    return await Client.connect(
        client.service_client.config.target_host, data_converter=DATA_CONVERTER
    )


async def outputs_of(house: House, runs: int) -> list[Any]:
    """Start so many runs at once, and return what all of them gave."""
    return await asyncio.gather(*(house.run("fetch-thing", {}) for _ in range(runs)))


async def test_two_hundred_runs_of_two_workers_against_ten_requests_a_second(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """The service never sees more than ten in any second (tolerance one), and all complete."""
    with redis_at(free_port(), "--dir", str(tmp_path)) as url:
        shared = settings.model_copy(update={"limits_url": SecretStr(url)})
        limits = {"limits": [{"requests": 10, "per": 1}]}
        async with limited_house(client, shared, tmp_path, limits, workers=2) as (house, service):
            assert await outputs_of(house, 200) == [{}] * 200
    arrivals = service.arrivals
    assert len(arrivals) == 200
    assert most_within(arrivals, 1.0) <= 11
    assert 18.0 < max(arrivals) - min(arrivals) < 40.0


async def waiting(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Return the progress of a run as soon as it waits."""
    latest = time.monotonic() + 20
    while True:
        progress: dict[str, Any] = await handle.query("progress")
        if progress.get("waitingFor"):
            return progress
        assert time.monotonic() < latest
        await asyncio.sleep(0.05)


async def summaries(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Return the summaries of the timers of a run."""
    events = (await handle.fetch_history()).events
    found = [one for one in events if one.HasField("timer_started_event_attributes")]
    converter = default_converter().payload_converter
    return [converter.from_payload(one.user_metadata.summary, str) for one in found]


async def test_a_run_waits_by_a_timer_that_tells_what_for(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """And sends its one request then; it was neither polled nor tried again."""
    limits = {"limits": [{"requests": 1, "per": 2.2}]}
    async with limited_house(
        client, settings, tmp_path, limits, max_cached_workflows=max_cached_workflows
    ) as (house, service):
        await house.run("fetch-thing", {})
        handle = await house.start("fetch-thing", {})
        progress = await waiting(handle)
        assert progress["waitingFor"] == "held back by the limit of 1 requests per 2.2 s of `api`"
        assert (progress["poll"], progress["steps"][0]["state"]) == (None, "waiting")
        await handle.result()
        row = (await handle.query("progress"))["steps"][0]
        told = await summaries(handle)
    first, second = service.arrivals
    assert 2.2 <= second - first < 6.0
    assert (row["visits"], row["polls"]) == (1, 0)
    assert told == ["only · held back by the limit of 1 requests per 2.2 s of `api`"]


async def test_a_run_that_waits_can_be_cancelled(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """Nothing of it is sent."""
    limits = {"limits": [{"requests": 1, "per": 600}]}
    async with limited_house(
        client, settings, tmp_path, limits, max_cached_workflows=max_cached_workflows
    ) as (house, service):
        await house.run("fetch-thing", {})
        handle = await house.start("fetch-thing", {})
        await waiting(handle)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    assert len(service.arrivals) == 1


async def test_what_waits_outlives_its_worker(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """The place in a shared store stays; a worker that comes later takes it up."""
    with redis_at(free_port(), "--dir", str(tmp_path)) as url:
        shared = settings.model_copy(update={"limits_url": SecretStr(url)})
        limits = {"limits": [{"requests": 1, "per": 4}]}
        async with limited_house(client, shared, tmp_path, limits, workers=0) as (house, service):
            catalogue = load_catalogue([tmp_path], worker_defaults(shared))
            served: Any = {"task_queue": house.task_queue, "servers": {"api": house.base_url}}
            async with running_worker(client, catalogue, shared, **served):
                await house.run("fetch-thing", {})
                handle = await house.start("fetch-thing", {})
                await waiting(handle)
            async with running_worker(client, catalogue, shared, **served):
                assert await handle.result() == {}
    first, second = service.arrivals
    assert second - first >= 4.0


async def test_runs_wait_for_a_shared_store_that_is_away(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """Nothing is sent uncounted and nothing fails; the run says why, but no password."""
    port = free_port()
    away = SecretStr(f"redis://:hunter22@127.0.0.1:{port}/0")
    shared = settings.model_copy(update={"limits_url": away})
    limits = {"limits": [{"requests": 10, "per": 1}]}
    async with limited_house(client, shared, tmp_path, limits) as (house, service):
        handle = await house.start("fetch-thing", {})
        progress = await waiting(handle)
        assert f"limits at 127.0.0.1:{port} gives no answer" in progress["waitingFor"]
        assert service.arrivals == []
        with redis_at(port, "--dir", str(tmp_path), "--requirepass", "hunter22"):
            assert await handle.result() == {}
        history = (await handle.fetch_history()).to_json()
    assert "hunter22" not in history


async def test_a_step_whose_time_ends_in_the_queue(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """It fails with nothing sent, and the document may take it up."""
    steps: Sequence[dict[str, Any]] = [step(timeout=400)]
    limits = {"limits": [{"requests": 1, "per": 600}]}
    async with limited_house(
        client, settings, tmp_path, limits, steps=steps, max_cached_workflows=max_cached_workflows
    ) as (house, service):
        await house.run("fetch-thing", {})
        cause = await house.failure("fetch-thing", {})
        assert cause.type == "StepFailed"
        assert "the timeout of 0.4 s is over; held back by the limit of 1" in cause.message
    assert len(service.arrivals) == 1
