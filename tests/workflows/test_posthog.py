"""The PostHog workflows through a real Temporal server, against the stand-in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from conftest import House, house_of, own_catalogue
from stored import value_of

from mocks.jobs import Pace
from mocks.posthog import OPERATIONS, create_app
from mocks.posthog_persons import person_uuid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client

    from settings import Settings

SOURCES = ("cohortsApi",)
PROJECT = {"projectId": "12345"}
FILTERS = {
    "properties": {
        "type": "OR",
        "values": [
            {
                "type": "AND",
                "values": [{"key": "plan", "type": "person", "value": "paid", "operator": "exact"}],
            }
        ],
    }
}
READERS, TESTERS, PAYING, AUDIENCE = 101, 102, 103, 104
"""The cohorts that the stand-in has: static with 1,250 and 20 persons, dynamic, used by a flag."""


@pytest.fixture
async def house(
    client: Client,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    max_cached_workflows: int,
) -> AsyncIterator[House]:
    """Give a worker that serves our documents against the stand-in."""
    monkeypatch.setenv("DURAZZO_SECRET_POSTHOG_PERSONAL_API_KEY", "phx_demo")
    async with house_of(
        client, own_catalogue(settings), settings, create_app(calculation=Pace(polls=1)), SOURCES,
        max_cached_workflows=max_cached_workflows,
    ) as opened:  # fmt: skip
        yield opened


async def dynamic_cohort(house: House, name: str = "Paying") -> dict[str, Any]:
    """Create a dynamic cohort and return what the workflow gives."""
    outputs: dict[str, Any] = await house.run(
        "create-dynamic-cohort", {**PROJECT, "name": name, "filters": FILTERS}
    )
    return outputs


async def test_a_static_cohort_is_created_and_verified_by_its_count(house: House) -> None:
    """What is not given is not sent, and the count is that of the persons."""
    persons = [person_uuid(number) for number in range(5)]
    outputs = await house.run(
        "create-static-cohort", {**PROJECT, "name": "Five", "personIds": persons}
    )
    assert outputs["count"] == 5
    requests = await house.stand_in.requests()
    assert requests[0]["body"] == {
        "name": "Five", "is_static": True, "_create_static_person_ids": persons,
    }  # fmt: skip
    assert requests[0]["headers"]["authorization"] == "Bearer phx_demo"


async def test_persons_that_posthog_drops_silently_are_found(house: House) -> None:
    """Unknown persons are dropped without an error; the count tells, after a few tries."""
    unknown = "00000000-0000-4000-8000-000000000000"
    error = await house.failure(
        "create-static-cohort",
        {**PROJECT, "name": "Six", "personIds": [person_uuid(1), unknown]},
    )
    assert error.type == "StepFailed"
    assert "$response.body#/count is 1, $inputs.personIds.length is 2" in error.message


async def test_a_dynamic_cohort_is_polled_until_it_is_calculated(house: House) -> None:
    """Created once, then polled by the sub-workflow until a later calculation has ended."""
    outputs = await dynamic_cohort(house)
    assert outputs["count"] > 0
    assert outputs["lastCalculation"]
    taken = await house.stand_in.taken()
    assert taken["cohorts_create"] == 1
    assert taken["cohorts_retrieve"] == 3


async def test_a_calculation_that_fails_is_a_failure_with_posthogs_words(house: House) -> None:
    """The error of the calculation's history is in the error of the run."""
    await house.stand_in.add_fault("cohorts_create", "job-fails", message="Query ran out of memory")
    error = await house.failure(
        "create-dynamic-cohort", {**PROJECT, "name": "Heavy", "filters": FILTERS}
    )
    assert error.type == "StepFailed"
    assert "step `awaitCalculation`" in error.message
    assert "step `explainFailure`" in error.message
    assert '"Query ran out of memory"' in error.message


async def test_a_calculation_that_has_got_stuck_passes_its_deadline(house: House) -> None:
    """`is_calculating` that stays true is no success, and ends at the deadline."""
    house.polling["deadline"] = 0.5
    await house.stand_in.add_fault("cohorts_create", "job-never-ends")
    error = await house.failure(
        "create-dynamic-cohort", {**PROJECT, "name": "Stuck", "filters": FILTERS}
    )
    assert error.type == "PollDeadlineExceeded"


@pytest.mark.parametrize("start", ["cohorts_create", "cohorts_partial_update"])
async def test_a_calculation_that_has_not_begun_is_not_taken_for_an_ended_one(
    house: House, start: str
) -> None:
    """`is_calculating` is false for a moment: only a later time of calculation counts."""
    await house.stand_in.add_fault(start, "job-seems-idle")
    if start == "cohorts_create":
        outputs = await dynamic_cohort(house)
    else:
        inputs = {**PROJECT, "cohortId": PAYING, "filters": FILTERS, "name": "Paying"}
        outputs = await house.run("update-cohort", inputs)
    assert outputs["lastCalculation"]
    assert outputs["count"] > 0


async def test_an_update_waits_for_the_new_calculation(house: House) -> None:
    """The calculation before the update doesn't count, though the cohort has one."""
    outputs = await house.run(
        "update-cohort", {**PROJECT, "cohortId": PAYING, "name": "Paying well", "filters": FILTERS}
    )
    assert outputs["name"] == "Paying well"
    assert outputs["count"] > 0
    assert (await house.stand_in.taken())["cohorts_partial_update"] == 1


async def test_an_update_of_a_static_cohort_has_nothing_to_wait_for(house: House) -> None:
    """Only what is given is sent, and no poll is made."""
    outputs = await house.run(
        "update-cohort", {**PROJECT, "cohortId": TESTERS, "description": "Trusted"}
    )
    assert outputs["name"] == "Beta testers"
    requests = await house.stand_in.requests()
    assert [one["body"] for one in requests] == [{"description": "Trusted"}]


async def test_an_update_with_nothing_to_change_is_refused(house: House) -> None:
    """At least one of name, description and filters is wanted."""
    error = await house.failure("update-cohort", {**PROJECT, "cohortId": TESTERS})
    assert error.type == "InputInvalid"
    assert await house.stand_in.requests() == []


async def test_a_cohort_is_deleted_by_its_mark_and_restored(house: House) -> None:
    """DELETE answers 405 without a body, so the cohort is marked; the mark is taken away again."""
    cohort = {**PROJECT, "cohortId": TESTERS}
    deleted = await house.run("delete-cohort", cohort)
    assert deleted == {"name": "Beta testers", "deleted": True}
    listed = (await house.run("list-cohorts", PROJECT))["cohorts"]
    assert TESTERS not in {one["id"] for one in listed}
    assert await house.run("restore-cohort", cohort) == {"name": "Beta testers", "count": 20}
    assert (await house.stand_in.received())["cohorts_destroy"] == 1


async def test_a_cohort_that_a_flag_uses_is_not_deleted(house: House) -> None:
    """PostHog's refusal is the error, with its own words."""
    error = await house.failure("delete-cohort", {**PROJECT, "cohortId": AUDIENCE})
    assert error.type == "StepFailed"
    assert "step `markAsDeleted`" in error.message
    assert "answered 400" in error.message
    assert "flag" in error.message


async def test_members_are_added_and_one_is_removed(house: House) -> None:
    """Adding those who are in it already changes nothing."""
    outputs = await house.run(
        "change-cohort-members",
        {
            **PROJECT,
            "cohortId": TESTERS,
            "addPersonIds": [person_uuid(number) for number in range(18, 25)],
            "removePersonId": person_uuid(0),
        },
    )
    assert outputs == {"count": 24}


async def test_all_persons_are_read_page_after_page_without_poll_waits(
    house: House, settings: Settings
) -> None:
    """1,250 persons on 13 pages, each once, though a poll would wait a minute."""
    house.polling["first"] = 60.0
    began = time.monotonic()
    outputs = await house.run("export-cohort-persons", {**PROJECT, "cohortId": READERS})
    assert time.monotonic() - began < 60
    persons = await value_of(settings, outputs["persons"])
    assert len({one["uuid"] for one in persons}) == 1250
    assert len(persons) == 1250
    assert (await house.stand_in.taken())["cohorts_persons_retrieve"] == 13


async def test_a_page_that_names_itself_as_the_next_one_is_stopped(house: House) -> None:
    """A cursor that repeats is an error at once."""
    await house.stand_in.add_fault("cohorts_persons_retrieve", "repeat-cursor", after=2, times=9)
    error = await house.failure("export-cohort-persons", {**PROJECT, "cohortId": READERS})
    assert error.type == "UnexpectedState"
    assert "a page that has been read" in error.message
    assert (await house.stand_in.taken())["cohorts_persons_retrieve"] <= 5


async def test_a_cohort_is_frozen_into_a_static_copy(house: House) -> None:
    """The copy is made once, though by a GET, and waited for until it is filled."""
    outputs = await house.run("freeze-cohort", {**PROJECT, "cohortId": PAYING})
    assert outputs["name"] == "Paying customers (static copy)"
    assert outputs["count"] > 0
    taken = await house.stand_in.taken()
    assert taken["cohorts_duplicate_as_static_cohort_retrieve"] == 1


async def test_a_copy_of_unknown_fate_is_not_made_again(house: House) -> None:
    """A GET that writes is never sent twice when its answer is lost."""
    await house.stand_in.add_fault("cohorts_duplicate_as_static_cohort_retrieve", "reset-after")
    error = await house.failure("freeze-cohort", {**PROJECT, "cohortId": PAYING})
    assert error.type == "OutcomeUnknown"
    received = await house.stand_in.received()
    assert received["cohorts_duplicate_as_static_cohort_retrieve"] == 1


async def test_an_update_whose_answer_is_lost_is_sent_again(house: House) -> None:
    """Setting the same fields again changes nothing more, and the settings say so."""
    await house.stand_in.add_fault("cohorts_partial_update", "reset-after")
    outputs = await house.run(
        "update-cohort", {**PROJECT, "cohortId": TESTERS, "description": "Trusted"}
    )
    assert outputs["name"] == "Beta testers"
    assert (await house.stand_in.received())["cohorts_partial_update"] == 2


async def test_a_cohort_is_audited(house: House) -> None:
    """The cohort, its changes, its calculations, and the changes of the whole project."""
    created = await dynamic_cohort(house)
    outputs = await house.run("audit-cohort", {**PROJECT, "cohortId": created["cohortId"]})
    assert outputs["cohort"]["id"] == created["cohortId"]
    assert outputs["activity"][0]["activity"] == "created"
    assert outputs["calculations"][0]["is_successful"] is True
    assert outputs["projectActivity"]


async def test_throttling_without_retry_after_is_waited_out(house: House) -> None:
    """429 is tried again after a growing wait; the workflow goes on as if nothing had been."""
    await house.stand_in.add_fault("cohorts_retrieve", "throttled")
    outputs = await house.run("restore-cohort", {**PROJECT, "cohortId": TESTERS})
    assert outputs["count"] == 20


async def test_a_key_without_the_scope_is_named_by_posthog(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403 tells the scope that is missing; the key itself is nowhere."""
    monkeypatch.setenv("DURAZZO_SECRET_POSTHOG_PERSONAL_API_KEY", "phx_reader")
    error = await house.failure("restore-cohort", {**PROJECT, "cohortId": TESTERS})
    assert error.type == "StepFailed"
    assert "cohort:write" in error.message
    assert "phx_reader" not in f"{error.message}{error.details}"


async def test_together_the_workflows_reach_all_twelve_endpoints(house: House) -> None:
    """Every operation of the seed's page is called by some workflow."""
    cohort = {**PROJECT, "cohortId": (await dynamic_cohort(house))["cohortId"]}
    await house.run("freeze-cohort", cohort)
    await house.run("audit-cohort", cohort)
    testers = {**PROJECT, "cohortId": TESTERS}
    added, removed = [person_uuid(30)], person_uuid(31)
    await house.run(
        "change-cohort-members",
        {**testers, "addPersonIds": [*added, removed], "removePersonId": removed},
    )
    await house.run("export-cohort-persons", testers)
    await house.run("delete-cohort", testers)
    await house.run("list-cohorts", PROJECT)
    assert set(await house.stand_in.received()) == set(OPERATIONS)
    assert len(OPERATIONS) == 12
