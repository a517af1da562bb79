"""Polls that outlive one history: continue-as-new carries plan and state, signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conftest import SECRET, open_house, own_catalogue, seeds_catalogue

from mocks.jobs import Pace

if TYPE_CHECKING:
    from temporalio.client import Client

    from settings import Settings

POLLS_PER_STATE = 12


async def test_a_long_poll_rolls_its_history_over_and_completes(
    client: Client, settings: Settings, max_cached_workflows: int
) -> None:
    """The count of polls goes on over the runs, and each request is made just once."""
    async with open_house(
        client,
        seeds_catalogue(settings),
        settings,
        max_cached_workflows=max_cached_workflows,
        export=Pace(polls=POLLS_PER_STATE),
    ) as house:
        handle = await house.start(
            "export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"}
        )
        outputs = await handle.result()
        assert outputs["finalStatus"] == "complete"
        taken = await house.stand_in.taken()
        assert taken["requestCohortExport"] == 1
        assert taken["getCohortExportStatus"] == 2 * POLLS_PER_STATE + 1
        assert taken["downloadCohortExport"] == 1
        latest = client.get_workflow_handle(handle.id)
        progress = await latest.query("progress")
        assert progress["polls"] == 2 * POLLS_PER_STATE
        assert (await latest.describe()).run_id != handle.first_execution_run_id
        memo = await (await latest.describe()).memo()
        assert memo["version"] == "1.0.0"


async def test_the_deadline_goes_on_over_continue_as_new(
    client: Client, settings: Settings
) -> None:
    """The deadline counts from the first visit of the loop, in whichever run that was."""
    async with open_house(client, own_catalogue(settings), settings) as house:
        house.polling["deadline"] = 3.0
        await house.stand_in.add_fault("requestCohortExport", "job-never-ends")
        handle = await house.start(
            "export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"}
        )
        description = None
        try:
            await handle.result()
        except Exception as error:  # noqa: BLE001 - its cause is what is looked at
            description = str(error.__cause__)
        assert description is not None
        assert "PollDeadlineExceeded" in description
        latest = await client.get_workflow_handle(handle.id).describe()
        assert latest.run_id != handle.first_execution_run_id
