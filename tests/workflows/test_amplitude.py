"""The three Amplitude documents through a real Temporal server, seeds and our own alike."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from conftest import CREDENTIAL, SECRET, House, open_house, own_catalogue, seeds_catalogue
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from temporalio.client import Client

    from catalogue import Catalogue
    from settings import Settings


@pytest.fixture(params=[seeds_catalogue, own_catalogue], ids=["seeds", "own"])
def catalogue(request: pytest.FixtureRequest, settings: Settings) -> Catalogue:
    """Give the seeds as they are, and our own documents."""
    make: Callable[[Settings], Catalogue] = request.param
    return make(settings)


@pytest.fixture
async def house(
    client: Client, catalogue: Catalogue, settings: Settings, max_cached_workflows: int
) -> AsyncIterator[House]:
    """Give a worker that serves the documents against a stand-in."""
    async with open_house(
        client, catalogue, settings, max_cached_workflows=max_cached_workflows
    ) as opened:
        yield opened


async def test_an_export_is_polled_to_its_end_and_downloaded(house: House) -> None:
    """The main job: started once, polled while queued and computing, then downloaded."""
    outputs = await house.run("export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"})
    assert outputs["finalStatus"] == "complete"
    assert outputs["requestId"]
    assert len(outputs["cohortFile"]["members"]) == 3
    taken = await house.stand_in.taken()
    assert taken["requestCohortExport"] == 1
    assert taken["getCohortExportStatus"] == 3
    assert taken["downloadCohortExport"] == 1


async def test_requests_are_as_the_author_meant(house: House) -> None:
    """`Basic <secret>` is interpolated, and the default of an optional input is sent."""
    await house.run("export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"})
    requests = await house.stand_in.requests()
    assert {one["headers"]["authorization"] for one in requests} == {f"Basic {CREDENTIAL}"}
    assert requests[0]["query"] == {"props": "0"} or requests[0]["query"] == {"props": ["0"]}
    assert requests[0]["path"] == "/api/5/cohorts/request/c0ffee1"


async def test_polls_are_paced_by_durable_timers(house: House) -> None:
    """No request goes out before its time: each poll waits out the pace of the run."""
    house.polling = {"first": 0.4, "factor": 1.0, "longest": 0.4, "deadline": 30.0}
    await house.run("export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"})
    requests = await house.stand_in.requests()
    times = [one["at"] for one in requests if one["operationId"] == "getCohortExportStatus"]
    assert all(later - earlier >= 0.4 for earlier, later in pairwise(times))


async def test_absent_optional_inputs_are_absent_from_the_body(house: House) -> None:
    """Absent is not null: properties of inputs that were not given are left out."""
    outputs = await house.run(
        "upload-and-verify-cohort",
        {"basicAuth": SECRET, "name": "VIP", "ids": ["u1", "u2"]},
    )
    assert outputs["cohortId"] in {one["id"] for one in outputs["cohorts"]}
    requests = await house.stand_in.requests()
    assert requests[0]["body"] == {"name": "VIP", "ids": ["u1", "u2"]}


async def test_a_dsar_is_polled_until_its_download_url_is_there(house: House) -> None:
    """An `end` action ends the run with the outputs of the last poll."""
    outputs = await house.run("submit-and-poll-dsar", {"basicAuth": SECRET, "userIds": ["u1"]})
    assert outputs["finalStatus"] == "complete"
    assert outputs["downloadUrl"].startswith("http")
    assert (await house.stand_in.taken())["createDsarRequest"] == 1


async def failure_of(house: House, workflow: str, inputs: Any, **options: Any) -> ApplicationError:
    """Run a workflow that must fail and return why it did."""
    with pytest.raises(WorkflowFailureError) as caught:
        await house.run(workflow, inputs, **options)
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


@pytest.mark.parametrize(
    ("workflow", "operation", "inputs"),
    [
        ("export-cohort-members", "requestCohortExport", {"cohortId": "c0ffee1"}),
        ("submit-and-poll-dsar", "createDsarRequest", {"userIds": ["u1"]}),
    ],
)
async def test_a_job_that_fails_is_an_unexpected_state(
    house: House, workflow: str, operation: str, inputs: dict[str, Any]
) -> None:
    """A status that no branch covers is never taken for success."""
    await house.stand_in.add_fault(operation, "job-fails")
    error = await failure_of(house, workflow, {"basicAuth": SECRET, **inputs})
    assert error.type == "UnexpectedState"
    assert "failed" in error.message
    assert (await house.stand_in.taken()).get("downloadCohortExport", 0) == 0


@pytest.mark.parametrize(
    ("workflow", "operation", "inputs"),
    [
        ("export-cohort-members", "requestCohortExport", {"cohortId": "c0ffee1"}),
        ("submit-and-poll-dsar", "createDsarRequest", {"userIds": ["u1"]}),
    ],
)
async def test_a_job_that_never_ends_fails_at_its_deadline(
    house: House, workflow: str, operation: str, inputs: dict[str, Any]
) -> None:
    """The deadline counts from the first visit of the loop; the error tells the polls."""
    house.polling["deadline"] = 0.5
    await house.stand_in.add_fault(operation, "job-never-ends")
    error = await failure_of(house, workflow, {"basicAuth": SECRET, **inputs})
    assert error.type == "PollDeadlineExceeded"
    assert error.details[0]["polls"] >= 3
    assert error.details[0]["status"] == 200


async def test_a_transient_answer_is_tried_again_after_retry_after(house: House) -> None:
    """429 with Retry-After waits as long as the service asks, also for a POST."""
    await house.stand_in.add_fault(
        "createDsarRequest", "status", status=429, headers={"retry-after": "1"}
    )
    await house.run("submit-and-poll-dsar", {"basicAuth": SECRET, "userIds": ["u1"]})
    times = [
        one["at"]
        for one in await house.stand_in.requests()
        if one["operationId"] == "createDsarRequest"
    ]
    assert len(times) == 2
    assert times[1] - times[0] >= 1.0


async def test_a_post_that_got_no_answer_is_not_sent_again(house: House) -> None:
    """The connection broke after the request was taken: its fate is unknown, so the run stops."""
    await house.stand_in.add_fault("createDsarRequest", "reset-after")
    error = await failure_of(
        house, "submit-and-poll-dsar", {"basicAuth": SECRET, "userIds": ["u1"]}
    )
    assert error.type == "OutcomeUnknown"
    assert (await house.stand_in.received())["createDsarRequest"] == 1


async def test_a_get_that_got_no_answer_is_sent_again(house: House) -> None:
    """A poll may be repeated: a reset and a malformed start are the transport's to retry."""
    await house.stand_in.add_fault("getCohortExportStatus", "reset-before", times=2)
    outputs = await house.run("export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"})
    assert outputs["finalStatus"] == "complete"


async def test_a_malformed_body_fails_the_step(house: House) -> None:
    """A body that is not what its content type says is an error with the first bytes."""
    await house.stand_in.add_fault("getCohortExportStatus", "malformed")
    error = await failure_of(
        house, "export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"}
    )
    assert error.type == "StepFailed"
    assert "not the JSON" in error.message


async def test_a_wrong_credential_is_a_failed_step_without_the_secret(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403 fails the step with its request line, and the secret is in no part of the error."""
    monkeypatch.setenv("DURAZZO_SECRET_AMPLITUDE_BASIC_AUTH", "d3Jvbmc6d3Jvbmd3cm9uZw==")
    error = await failure_of(
        house, "export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"}
    )
    assert error.type == "StepFailed"
    assert "GET /api/5/cohorts/request/{cohort_id}" in error.message
    assert "d3Jvbmc6d3Jvbmd3cm9uZw" not in f"{error.message}{error.details}"


async def test_errors_of_ours_enter_a_history_without_a_stack(house: House) -> None:
    """A stack would hide the message in the Web UI, and names files of the machine."""
    await house.stand_in.add_fault("requestCohortExport", "job-fails")
    handle = await house.start(
        "export-cohort-members", {"basicAuth": SECRET, "cohortId": "c0ffee1"}
    )
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    history = (await handle.fetch_history()).to_json()
    assert "UnexpectedState" in history
    assert "stackTrace" not in history
