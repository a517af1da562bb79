"""What a watcher sees: the query, the Web UI's summaries, the memo; and what a cancel does."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from conftest import SECRET, House, open_house, own_catalogue
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError

from mocks.jobs import Pace
from workflows.controls import Progress, as_markdown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client, WorkflowHandle

    from settings import Settings

EXPORT = {"basicAuth": SECRET, "cohortId": "c0ffee1"}


@pytest.fixture
async def house(
    client: Client, settings: Settings, max_cached_workflows: int
) -> AsyncIterator[House]:
    """Give a house whose export job takes many polls."""
    async with open_house(
        client,
        own_catalogue(settings),
        settings,
        max_cached_workflows=max_cached_workflows,
        export=Pace(polls=3),
    ) as opened:
        opened.polling = {"first": 0.3, "factor": 1.0, "longest": 0.3, "deadline": 60.0}
        yield opened


async def progress_when(handle: WorkflowHandle[Any, Any], polls: int) -> dict[str, Any]:
    """Return the first progress that tells of so many polls while a timer runs."""
    found: dict[str, Any] = {}
    for _ in range(200):
        found = await handle.query("progress")
        if found.get("polls", 0) >= polls and found.get("nextWakeUp"):
            return found
        await asyncio.sleep(0.05)
    pytest.fail(f"no run with {polls} polls: {found}")


async def test_the_progress_query_tells_step_polls_and_next_wake_up(house: House) -> None:
    """While a timer runs, the query says what is awaited, which poll, and until when."""
    handle = await house.start("export-cohort-members", EXPORT)
    found = await progress_when(handle, 1)
    assert found["workflow"] == "export-cohort-members"
    assert found["step"] == "pollStatus"
    assert found["waitingFor"] == "polling"
    assert found["lastStatus"] == 200
    assert found["deadline"] > found["nextWakeUp"]
    rows = {row["step"]: row for row in found["steps"]}
    assert rows["requestExport"]["state"] == "passed"
    assert rows["pollStatus"]["state"] == "waiting"
    assert rows["pollStatus"]["request"] == "GET /api/5/cohorts/request/{cohort_id}/status"
    assert rows["downloadExport"]["state"] == "pending"
    await handle.result()


async def test_history_reads_like_the_document(house: House) -> None:
    """Activities are named by operations; each has a summary, and so has each timer."""
    handle = await house.start("export-cohort-members", EXPORT)
    await handle.result()
    history = await handle.fetch_history()
    activities, summaries = [], []
    for event in history.events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name:
            activities.append((scheduled.activity_type.name, scheduled.activity_id))
        if event.user_metadata.summary.data:
            summaries.append(json.loads(event.user_metadata.summary.data))
    assert activities[0] == ("requestCohortExport", "requestExport")
    assert ("getCohortExportStatus", "pollStatus#2") in activities
    assert "pollStatus · GET /api/5/cohorts/request/{cohort_id}/status" in summaries
    assert any("pollStatus · polling, waits for no. 1 · gives up 2" in one for one in summaries)


async def test_the_memo_holds_the_documents_title_and_version(house: House) -> None:
    """The list of runs can tell which document, in which version, a run follows."""
    handle = await house.start("export-cohort-members", EXPORT)
    await handle.result()
    memo = await (await handle.describe()).memo()
    assert memo["version"] == "1.0.0"
    assert "Amplitude" in memo["document"]


async def test_a_step_costs_two_workflow_tasks_at_most(house: House) -> None:
    """One task after the activity; a poll has one more after its timer."""
    handle = await house.start(
        "upload-and-verify-cohort", {"basicAuth": SECRET, "name": "VIP", "ids": ["u1"]}
    )
    await handle.result()
    history = await handle.fetch_history()
    tasks = sum(one.HasField("workflow_task_completed_event_attributes") for one in history.events)
    assert tasks <= 1 + 2 * 2


async def test_a_cancel_ends_a_run_that_waits(house: House) -> None:
    """A cancel while a timer runs ends the run as canceled, and no further request goes out."""
    handle = await house.start("export-cohort-members", EXPORT)
    await progress_when(handle, 1)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert (await house.stand_in.taken()).get("downloadCohortExport", 0) == 0


async def test_a_cancel_during_a_write_waits_for_its_answer(house: House) -> None:
    """A write in flight is not abandoned: the run ends canceled after the answer came."""
    await house.stand_in.add_fault("uploadCohort", "hang", seconds=0.6)
    handle = await house.start(
        "upload-and-verify-cohort", {"basicAuth": SECRET, "name": "VIP", "ids": ["u1"]}
    )
    for _ in range(100):
        if (await house.stand_in.received()).get("uploadCohort"):
            break
        await asyncio.sleep(0.02)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert (await house.stand_in.taken()).get("listCohorts", 0) == 0


def test_details_say_in_a_sentence_what_is_awaited() -> None:
    """Whoever looks at a run that waits reads which poll, when, and until when."""
    waiting = Progress(
        workflow="w", document="d", version="1", step="poll", visits=3, polls=2, last_status=200,
        waiting_for="polling", poll=3, next_wake_up=0.0, deadline=60.0,
    )  # fmt: skip
    assert as_markdown(waiting).splitlines()[0] == (
        "Step **poll** waits for no. 3 (polling), next at 1970-01-01 00:00:00 UTC; "
        "gives up 1970-01-01 00:01:00 UTC."
    )
    running = waiting.model_copy(update={"next_wake_up": None})
    assert as_markdown(running).startswith("At step **poll**.")
    assert as_markdown(running.model_copy(update={"step": None})).startswith("All steps are done.")
