"""The PostHog stand-in's profiles, years, faults and command line, over real sockets."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from mocks.control import StandInClient, speaking
from mocks.jobs import Pace
from mocks.posthog import OPERATIONS, create_app
from mocks.posthog_persons import person_uuid

ROOT = Path(__file__).parents[2]
COHORTS = "/api/projects/12345/cohorts/"
HEADERS = {"authorization": "Bearer phx_demo"}
ADD, REMOVE = "add_persons_to_static_cohort", "remove_person_from_static_cohort"
DUPLICATE = "cohorts_duplicate_as_static_cohort_retrieve"
BODIES = {
    f"cohorts_{ADD}_partial_update": {"person_ids": [person_uuid(1)]},
    f"cohorts_{REMOVE}_partial_update": {"person_id": person_uuid(1)},
}
WITH_BODY = ("cohorts_list", "cohorts_create", "cohorts_retrieve", "cohorts_partial_update")
NEW_IN_2026 = {
    "version",
    "pending_version",
    "last_backfill_person_properties_at",
    "last_error_message",
}


def stand_in(**options: Any) -> AbstractAsyncContextManager[StandInClient]:
    """A client of a fresh stand-in, with the key that may do all."""
    return speaking(create_app(**options), HEADERS)


async def call(client: StandInClient, operation_id: str) -> Any:
    """An operation on a cohort that it fits."""
    method, path, _, _ = OPERATIONS[operation_id]
    url = path.format(project_id="12345", id=103 if operation_id == DUPLICATE else 102)
    body = BODIES.get(operation_id, {}) if method in ("POST", "PATCH") else None
    return await client.request(method, url, json=body)


@pytest.mark.parametrize("operation_id", OPERATIONS)
async def test_every_operation_in_both_profiles(operation_id: str) -> None:
    """What the page gives no body for has none when documented; live has one, but for DELETE."""
    status = {"cohorts_create": 201, "cohorts_destroy": 405}.get(operation_id, 200)
    for profile in ("live", "documented"):
        async with stand_in(profile=profile) as client:
            response = await call(client, operation_id)
            has_body = operation_id in WITH_BODY or profile == "live"
            assert response.status_code == status
            assert bool(response.content) == (has_body and operation_id != "cohorts_destroy")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("999/", {}, 404), ("101/", {"authorization": ""}, 401), ("999/nothing/", {}, 404)],
)
async def test_documented_errors_have_no_body(
    path: str, headers: dict[str, str], status: int
) -> None:
    """The page tells nothing of errors but their status."""
    async with stand_in(profile="documented") as client:
        response = await client.get(COHORTS + path, headers=headers)
        assert (response.status_code, response.content) == (status, b"")


async def test_live_in_2026() -> None:
    """New fields of cohorts, persons and calculations; the copy is gone; challenges tell where."""
    async with stand_in(year=2026, calculation=Pace(polls=0)) as client:
        gone = await call(client, DUPLICATE)
        assert (gone.status_code, gone.json()["detail"]) == (404, "Endpoint not found.")
        cohort = (await client.patch(f"{COHORTS}103/", json={"name": "x"})).json()
        assert set(cohort) >= NEW_IN_2026
        assert (cohort["version"], cohort["pending_version"]) == (1, 2)
        cohort = (await client.get(f"{COHORTS}103/")).json()
        assert (cohort["version"], cohort["pending_version"]) == (2, 2)
        history = (await client.get(f"{COHORTS}103/calculation_history/")).json()
        assert history["results"][0]["main_query_id"]
        person = (await client.get(f"{COHORTS}102/persons/")).json()["results"][0]
        assert person["last_seen_at"]
        basic = (await client.get(COHORTS, params={"basic": "true"})).json()["results"][0]
        assert not {"filters", "query", "groups"} & set(basic)
        for search, kind in (("beta testers", "exact"), ("beta", "similar")):
            found = (await client.get(COHORTS, params={"search": search})).json()["results"]
            assert [one["search_match_type"] for one in found] == [kind]
        response = await client.get(COHORTS, headers={"authorization": ""})
        assert "oauth-protected-resource" in response.headers["www-authenticate"]
    async with stand_in(year=2025) as client:
        cohort = (await client.get(f"{COHORTS}103/")).json()
        assert not NEW_IN_2026 & set(cohort)


async def test_changes_in_2026() -> None:
    """No person need be in to be removed; static criteria stay; used cohorts can't be deleted."""
    refers = {"type": "AND", "values": [{"type": "cohort", "key": "id", "value": 103}]}
    metadata = {"type": "person_metadata", "key": "created_at", "operator": "is_set"}
    filters = {"properties": {"type": "AND", "values": [metadata, refers]}}
    async with stand_in(year=2026, calculation=Pace(polls=0)) as client:
        remove = f"{COHORTS}102/{REMOVE}/"
        response = await client.patch(remove, json={"person_id": person_uuid(20)})
        assert response.status_code == 200
        response = await client.patch(f"{COHORTS}102/", json={"filters": filters})
        assert "static cohort" in response.json()["detail"]
        static = (await client.post(COHORTS, json={"is_static": True, "filters": filters})).json()
        assert static["is_calculating"]
        static = (await client.get(f"{COHORTS}{static['id']}/")).json()
        assert 0 < static["count"] < 375
        response = await client.patch(f"{COHORTS}103/", json={"deleted": True})
        assert (response.status_code, response.json()["attr"]) == (400, "deleted")


@pytest.mark.parametrize(
    ("fault", "errors", "error"),
    [
        ({"kind": "job-fails"}, 1, "Memory limit"),
        ({"kind": "job-fails", "message": "too much"}, 1, "too much"),
        ({"kind": "job-never-ends"}, 0, None),
    ],
)
@pytest.mark.parametrize("operation_id", ["cohorts_create", "cohorts_partial_update", DUPLICATE])
async def test_calculations_that_go_wrong(
    operation_id: str, fault: dict[str, str], errors: int, error: str | None
) -> None:
    """A failed calculation counts as an error and is explained in the history; some never end."""
    async with stand_in(calculation=Pace(polls=1)) as client:
        await client.add_fault(operation_id, **fault)
        if operation_id == "cohorts_partial_update":
            started = (await client.patch(f"{COHORTS}103/", json={"name": "x"})).json()
        else:
            started = (await call(client, operation_id)).json()
        path = f"{COHORTS}{started['id']}/"
        cohort = [(await client.get(path)).json() for _ in range(4)][-1]
        assert cohort["errors_calculating"] == errors
        assert cohort["is_calculating"] == (errors == 0)
        assert cohort["last_calculation"] == started["last_calculation"]
        latest = (await client.get(f"{path}calculation_history/")).json()["results"][0]
        assert latest["is_successful"] is False
        assert latest["is_completed"] == (errors == 1)
        assert (error or "") in (latest["error"] or "")


async def test_a_calculation_that_seems_idle() -> None:
    """Polls may see no calculation before it begins; only the time of the last one tells."""
    async with stand_in(calculation=Pace(polls=2)) as client:
        await client.add_fault("cohorts_partial_update", "job-seems-idle")
        started = (await client.patch(f"{COHORTS}103/", json={"name": "x"})).json()
        polls = [(await client.get(f"{COHORTS}103/")).json() for _ in range(5)]
        seen = [cohort["is_calculating"] for cohort in (started, *polls)]
        assert seen == [True, False, False, True, True, False]
        later = [cohort["last_calculation"] > started["last_calculation"] for cohort in polls]
        assert later == [False] * 4 + [True]


async def test_a_good_calculation_forgets_errors() -> None:
    """errors_calculating counts failures in a row."""
    async with stand_in(calculation=Pace(polls=0)) as client:
        await client.add_fault("cohorts_partial_update", "job-fails", times=2)
        for errors in (1, 2, 0):
            await client.patch(f"{COHORTS}103/", json={"name": f"After {errors}"})
            cohort = (await client.get(f"{COHORTS}103/")).json()
            assert cohort["errors_calculating"] == errors


@pytest.mark.parametrize(
    ("fault", "status", "kind", "detail"),
    [
        ({"kind": "throttled", "seconds": 7}, 429, "throttled_error", "in 7 seconds."),
        ({"kind": "throttled"}, 429, "throttled_error", "in 1 second."),
        ({"kind": "status", "status": 503}, 503, "server_error", ""),
        ({"kind": "status", "status": 402}, 402, "server_error", ""),
    ],
)
async def test_status_faults(fault: dict[str, Any], status: int, kind: str, detail: str) -> None:
    """A fault is answered in PostHog's form; a 429 tells its seconds in the text only."""
    async with stand_in() as client:
        await client.add_fault("cohorts_list", **fault)
        response = await client.get(COHORTS)
        assert (response.status_code, response.json()["type"]) == (status, kind)
        assert detail in response.json()["detail"]
        assert "retry-after" not in response.headers
        assert await client.taken() == {}


async def test_malformed_creation_keeps_its_status() -> None:
    """An answer that is no JSON is a 201 where the sound one is."""
    async with stand_in() as client:
        await client.add_fault("cohorts_create", "malformed")
        response = await client.post(COHORTS, json={})
        assert (response.status_code, response.text[:1]) == (201, "{")
        assert (await client.get(COHORTS)).json()["count"] == 5


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--key", "phx_me"], 200),
        (["--key", "phx_other", "phx_me=cohort:read,cohort:write", "--project", "7"], 200),
        (["--key", "phx_me=activity_log:read"], 403),
        ([], 401),
    ],
)
async def test_process_takes_its_options(options: list[str], status: int) -> None:
    """Keys with scopes, project and pace come from the command line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mocks.posthog", "--calculation-polls", "0", *options,
        cwd=ROOT, stdout=PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
    assert line.startswith("posthog stand-in listening on http://127.0.0.1:")
    headers = {"authorization": "Bearer phx_me"}
    project = "7" if "7" in options else "12345"
    async with StandInClient(base_url=line.split()[-1], headers=headers) as client:
        response = await client.get(f"/api/projects/{project}/cohorts/")
        assert response.status_code == status
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"year": 2024}, "no year 2024"), ({"profile": "other"}, "no profile 'other'")],
)
def test_options_that_cannot_be(options: dict[str, Any], reason: str) -> None:
    """A year or profile that there is not is refused."""
    with pytest.raises(ValueError, match=reason):
        create_app(**options)
