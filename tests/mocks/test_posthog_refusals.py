"""What the PostHog stand-in refuses, in PostHog's own form: keys, scopes, bodies, ids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest
import pytest_asyncio

from mocks.control import StandInClient, speaking
from mocks.posthog import OPERATIONS, create_app
from mocks.posthog_persons import person_uuid

COHORTS = "/api/projects/12345/cohorts/"
HEADERS = {"authorization": "Bearer phx_demo"}
PAID = {"key": "plan", "type": "person", "value": "paid", "operator": "exact"}
BEHAVIOUR = {"key": "x", "type": "behavioral", "value": "performed_event", "event_type": "events"}
SCOPES = {
    "cohorts_list": "cohort:read",
    "cohorts_create": "cohort:write",
    "cohorts_retrieve": "cohort:read",
    "cohorts_partial_update": "cohort:write",
    "cohorts_destroy": "cohort:write",
    "cohorts_activity_retrieve": "activity_log:read",
    "cohorts_add_persons_to_static_cohort_partial_update": "cohort:write",
    "cohorts_calculation_history_retrieve": "cohort:read",
    "cohorts_duplicate_as_static_cohort_retrieve": "cohort:write",
    "cohorts_persons_retrieve": "cohort:read person:read",
    "cohorts_remove_person_from_static_cohort_partial_update": "cohort:write",
    "cohorts_all_activity_retrieve": "activity_log:read",
}
STATUS_OF_EMPTY = {
    "cohorts_create": 201,
    "cohorts_destroy": 405,
    "cohorts_duplicate_as_static_cohort_retrieve": 400,
    "cohorts_add_persons_to_static_cohort_partial_update": 400,
    "cohorts_remove_person_from_static_cohort_partial_update": 400,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served() -> AsyncIterator[StandInClient]:
    keys: dict[str, Collection[str]] = {
        "phx_demo": {"*"},
        "phx_none": {"insight:read"},
        "phx_writer": {"cohort:write"},
    }
    keys |= {scopes: scopes.split() for scopes in SCOPES.values()}
    async with speaking(create_app(keys=keys), HEADERS) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def client(served: StandInClient) -> StandInClient:
    await served.reset()
    return served


def filter_of(*leaves: Any) -> dict[str, Any]:
    """A filter of one group."""
    return {"properties": {"type": "AND", "values": list(leaves)}}


def assert_refused(response: Any, status: int, expected: dict[str, Any]) -> None:
    """The answer is an error in PostHog's form; `detail` is a part of the text."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"type", "code", "detail", "attr"}
    part = expected.pop("detail", "")
    assert part in body["detail"]
    assert {name: body[name] for name in expected} == expected


async def call(client: StandInClient, operation_id: str, key: str, slash: str = "/") -> Any:
    """An operation on cohort 101, with an empty body where it has one."""
    method, path, _, _ = OPERATIONS[operation_id]
    body: Any = {} if method in ("POST", "PATCH") else None
    url = path.format(project_id="12345", id=101) + slash
    headers = {"authorization": f"Bearer {key}"}
    return await client.request(method, url, json=body, headers=headers)


@pytest.mark.parametrize(("operation_id", "scopes"), SCOPES.items())
async def test_scopes(client: StandInClient, operation_id: str, scopes: str) -> None:
    """A key needs all scopes of an operation; without one it is a 403 that names the scope."""
    expected = {"type": "authentication_error", "code": "permission_denied", "attr": None}
    expected |= {"detail": f"API key missing required scope '{scopes.split(maxsplit=1)[0]}'"}
    assert_refused(await call(client, operation_id, "phx_none"), 403, expected)
    status = STATUS_OF_EMPTY.get(operation_id, 200)
    for slash in ("/", ""):
        response = await call(client, operation_id, scopes, slash)
        assert response.status_code == status
    received = (await client.received())[operation_id]
    taken = (await client.taken()).get(operation_id, 0)
    assert (received, taken) == (3, 2 if status < 300 else 0)


async def test_writing_allows_reading(client: StandInClient) -> None:
    """A key that may write may read, but not read what is of another kind."""
    assert (await call(client, "cohorts_list", "phx_writer")).status_code == 200
    refused = await call(client, "cohorts_persons_retrieve", "phx_writer")
    assert_refused(refused, 403, {"detail": "'person:read'"})


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "not_authenticated"),
        ("Basic phx_demo", "not_authenticated"),
        ("Bearer", "not_authenticated"),
        ("Bearer phx_other", "authentication_failed"),
    ],
)
async def test_keys(client: StandInClient, authorization: str, code: str) -> None:
    """No key and a wrong key are a 401 with a challenge."""
    response = await client.get(COHORTS, headers={"authorization": authorization})
    assert_refused(response, 401, {"type": "authentication_error", "code": code, "attr": None})
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/projects/1/cohorts/", 403, "permission_denied"),
        ("GET", "/api/projects/12345/insights/", 404, "not_found"),
        ("GET", f"{COHORTS}999/", 404, "not_found"),
        ("GET", f"{COHORTS}first/", 404, "not_found"),
        ("PATCH", f"{COHORTS}999/", 404, "not_found"),
        ("GET", f"{COHORTS}999/persons/", 404, "not_found"),
        ("GET", f"{COHORTS}999/calculation_history/", 404, "not_found"),
        ("GET", f"{COHORTS}999/duplicate_as_static_cohort/", 404, "not_found"),
        ("PATCH", f"{COHORTS}999/add_persons_to_static_cohort/", 404, "not_found"),
        ("PATCH", f"{COHORTS}999/remove_person_from_static_cohort/", 404, "not_found"),
        ("PUT", f"{COHORTS}101/", 405, "method_not_allowed"),
        ("GET", f"{COHORTS}102/persons/?properties=x", 400, "invalid_input"),
    ],
)
async def test_what_is_not_there(
    client: StandInClient, method: str, path: str, status: int, code: str
) -> None:
    """Unknown projects, cohorts, paths and methods are refused, and nothing is taken."""
    body: Any = {} if method == "PATCH" else None
    assert_refused(await client.request(method, path, json=body), status, {"code": code})
    assert await client.taken() == {}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", f"{COHORTS}101/", 405), ("GET", f"{COHORTS}999/activity/", 404)],
)
async def test_refusals_without_body(
    client: StandInClient, method: str, path: str, status: int
) -> None:
    """A deletion, and the activity of an unknown cohort, are refused without any body."""
    response = await client.request(method, path)
    assert (response.status_code, response.content) == (status, b"")
    assert await client.taken() == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], {"detail": "Expected a dictionary"}),
        ({"name": 1}, {"attr": "name", "detail": "Not a valid string."}),
        ({"name": "x" * 401}, {"attr": "name", "code": "max_length"}),
        ({"description": None}, {"attr": "description", "code": "null"}),
        ({"description": "x" * 1001}, {"attr": "description", "code": "max_length"}),
        ({"is_static": "yes"}, {"attr": "is_static", "detail": "boolean"}),
        ({"cohort_type": "other"}, {"attr": "cohort_type", "code": "invalid_choice"}),
        ({"cohort_type": "static"}, {"attr": "cohort_type", "detail": "does not match"}),
        ({"cohort_type": "realtime"}, {"attr": "cohort_type", "code": "invalid_choice"}),
        ({"filters": {}}, {"attr": "filters", "detail": "'properties'"}),
        ({"filters": []}, {"attr": "filters"}),
        ({"filters": {"properties": PAID}}, {"attr": "filters", "detail": "filter type"}),
        ({"filters": {"properties": {"type": "OR"}}}, {"attr": "filters", "detail": "a list"}),
        ({"filters": filter_of(1)}, {"attr": "filters", "detail": "an object"}),
        ({"filters": filter_of({"type": "event"})}, {"detail": "filter type"}),
        ({"filters": filter_of({**PAID, "type": "person_metadata"})}, {"detail": "filter type"}),
        ({"filters": filter_of({**PAID, "colour": 1})}, {"detail": "not permitted"}),
        ({"filters": filter_of({**BEHAVIOUR, "event_type": None})}, {"detail": "event_type"}),
        (
            {"filters": filter_of({"key": "plan", "type": "person"})},
            {"detail": "Missing required keys for person filter: operator, value"},
        ),
        (
            {"filters": filter_of({"type": "cohort", "key": "id", "value": "101"})},
            {"attr": "filters", "detail": "id of a cohort"},
        ),
        (
            {"filters": filter_of({"type": "cohort", "key": "id", "value": 999})},
            {"attr": "filters", "detail": "Invalid Cohort ID"},
        ),
        ({"query": {"kind": "HogQLQuery"}}, {"detail": "Set is_static to true."}),
        ({"query": {"kind": "EventsQuery"}, "is_static": True}, {"attr": "query"}),
        (
            {"query": {"kind": "HogQLQuery"}, "is_static": True, "filters": filter_of()},
            {"detail": "both query and filters"},
        ),
        ({"is_static": True, "_create_static_person_ids": "x"}, {"code": "not_a_list"}),
    ],
)
async def test_bodies_of_a_creation(
    client: StandInClient, fields: Any, expected: dict[str, Any]
) -> None:
    """A wrong field is a 400 that says which and why, and leaves no cohort."""
    response = await client.post(COHORTS, json=fields)
    assert_refused(response, 400, {"type": "validation_error", **expected})
    assert (await client.get(COHORTS)).json()["count"] == 4


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        ("{", "application/json", 400, "parse_error"),
        ("{}", "text/plain", 415, "unsupported_media_type"),
        ("{}", "multipart/form-data", 400, "parse_error"),
    ],
)
async def test_bodies_that_are_no_json(
    client: StandInClient, content: str, media_type: str, status: int, code: str
) -> None:
    """A body must be JSON, or a form, and say so."""
    headers = {"content-type": media_type}
    response = await client.post(COHORTS, content=content, headers=headers)
    assert_refused(response, status, {"type": "invalid_request", "code": code})


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "is empty"),
        (b"name,age\nA,1\n", "It has: name, age"),
        (b"person_id\nnobody\n", "no valid ids"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
async def test_files_that_are_refused(client: StandInClient, content: bytes, detail: str) -> None:
    """A file without ids is a 400; the cohort was made before the file was read, and stays."""
    form = {"csv": ("f.csv", content)}
    response = await client.post(COHORTS, data={"is_static": "true"}, files=form)
    assert_refused(response, 400, {"attr": "csv", "detail": detail})
    assert (await client.get(COHORTS)).json()["count"] == 5


ADD, REMOVE = "add_persons_to_static_cohort", "remove_person_from_static_cohort"


@pytest.mark.parametrize(
    ("path", "fields", "status", "detail"),
    [
        (f"103/{ADD}", {"person_ids": [person_uuid(1)]}, 400, "Can only add users to static"),
        (f"102/{ADD}", {}, 400, "person_ids must be a list"),
        (f"102/{ADD}", {"person_ids": person_uuid(1)}, 400, "person_ids must be a list"),
        (f"102/{ADD}", {"person_ids": []}, 400, "person_ids cannot be empty"),
        (f"102/{ADD}", {"person_ids": ["x"] * 1001}, 400, "List size exceeds limit"),
        (f"102/{ADD}", {"person_ids": ["user-1"]}, 400, "No valid users to add to cohort"),
        (f"103/{REMOVE}", {"person_id": person_uuid(1)}, 400, "static cohorts"),
        (f"102/{REMOVE}", {}, 400, "person_id is required"),
        (f"102/{REMOVE}", {"person_id": 1}, 400, "must be a string"),
        (f"102/{REMOVE}", {"person_id": "user-1"}, 400, "must be a valid UUID"),
        (f"102/{REMOVE}", {"person_id": person_uuid(99_999)}, 404, "does not exist"),
        (f"102/{REMOVE}", {"person_id": person_uuid(20)}, 404, "not part of the cohort"),
        ("104", {"deleted": True}, 400, "new-checkout"),
        ("104", {"filters": filter_of(BEHAVIOUR)}, 400, "Behavioral filters"),
        ("103", {"filters": filter_of({"type": "cohort", "key": "id", "value": 103})}, 400, "loop"),
        ("103", {"query": {"kind": "HogQLQuery"}}, 400, "Set is_static to true."),
        ("103", {"name": ["x"]}, 400, "Not a valid string."),
        ("102/duplicate_as_static_cohort", None, 400, "already a static cohort"),
    ],
)
async def test_changes_that_are_refused(
    client: StandInClient, path: str, fields: Any, status: int, detail: str
) -> None:
    """A change that can't be is refused in the service's words, and changes nothing."""
    before = (await client.get(COHORTS)).json()
    method = "GET" if fields is None else "PATCH"
    response = await client.request(method, f"{COHORTS}{path}/", json=fields)
    assert_refused(response, status, {"detail": detail})
    assert (await client.get(COHORTS)).json() == before


async def test_longer_loops_are_refused(client: StandInClient) -> None:
    """Cohorts can't refer to each other in a circle."""
    refers = filter_of({"type": "cohort", "key": "id", "value": 103})
    cohort = (await client.post(COHORTS, json={"filters": refers})).json()
    back = filter_of({"type": "cohort", "key": "id", "value": cohort["id"]})
    response = await client.patch(f"{COHORTS}103/", json={"filters": back})
    assert_refused(response, 400, {"detail": "in a loop"})
