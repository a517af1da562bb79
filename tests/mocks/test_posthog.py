"""The PostHog stand-in, spoken to over real sockets: cohorts, calculations, members, pages."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from mocks.control import StandInClient, speaking
from mocks.jobs import Pace
from mocks.posthog import create_app
from mocks.posthog_persons import person_uuid

COHORTS = "/api/projects/12345/cohorts/"
HEADERS = {"authorization": "Bearer phx_demo"}
PAID = {"key": "plan", "type": "person", "value": "paid", "operator": "exact"}


def stand_in(**options: Any) -> AbstractAsyncContextManager[StandInClient]:
    """A client of a fresh stand-in, with the key that may do all."""
    return speaking(create_app(**options), HEADERS)


def filter_of(*leaves: dict[str, Any], kind: str = "AND") -> dict[str, Any]:
    """A filter of one group."""
    return {"properties": {"type": "OR", "values": [{"type": kind, "values": list(leaves)}]}}


async def create(client: StandInClient, **fields: Any) -> dict[str, Any]:
    """A new cohort as its creation told it."""
    response = await client.post(COHORTS, json={"name": "New", **fields})
    assert response.status_code == 201, response.text
    cohort: dict[str, Any] = response.json()
    return cohort


async def read(client: StandInClient, cohort_id: int, *path: str) -> dict[str, Any]:
    """A cohort, or what belongs to it."""
    response = await client.get("/".join([f"{COHORTS}{cohort_id}", *path, ""]))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def change(client: StandInClient, cohort_id: int, path: str = "", **fields: Any) -> Any:
    """What a PATCH answered."""
    return await client.patch(f"{COHORTS}{cohort_id}/{path}", json=fields)


@pytest.mark.parametrize(
    ("pace", "polls"), [(Pace(polls=0), 1), (Pace(polls=1), 3), (Pace(), 5), (Pace(seconds=4), 5)]
)
async def test_calculation_of_a_dynamic_cohort(pace: Pace, polls: int) -> None:
    """A new cohort is calculating, without count; by polls or by seconds it is done."""
    now = [1_800_000_000.0]
    async with stand_in(calculation=pace, clock=lambda: now[0]) as client:
        cohort = await create(client, filters=filter_of(PAID))
        told = (cohort["is_calculating"], cohort["count"], cohort["last_calculation"])
        assert told == (True, None, None)
        for poll in range(1, polls + 1):
            cohort = await read(client, cohort["id"])
            assert cohort["is_calculating"] == (poll < polls)
            now[0] += 1
        assert (cohort["count"], cohort["errors_calculating"]) == (375, 0)
        assert cohort["last_calculation"] >= cohort["created_at"]


@pytest.mark.parametrize(
    ("leaf", "count"),
    [
        (PAID, 375),
        ({**PAID, "negation": True}, 1125),
        ({**PAID, "operator": "is_not"}, 1125),
        ({**PAID, "value": ["paid", "team"]}, 750),
        ({"key": "plan", "type": "person", "operator": "is_set"}, 1500),
        ({"key": "town", "type": "person", "operator": "is_not_set"}, 1500),
        ({"key": "visits", "type": "person", "operator": "gte", "value": 90}, 150),
        ({"key": "visits", "type": "person", "operator": "lt", "value": "10"}, 150),
        ({"key": "visits", "type": "person", "operator": "gt", "value": "many"}, 0),
        ({"key": "email", "type": "person", "operator": "icontains", "value": "PERSON-7@"}, 1),
        ({"key": "email", "type": "person", "operator": "regex", "value": "-1[0-4]@"}, 5),
        ({"key": "email", "type": "person", "operator": "regex", "value": "("}, 0),
        ({"key": "email", "type": "person", "operator": "unheard-of", "value": "x"}, 0),
        ({"key": "id", "type": "cohort", "value": 102}, 20),
        ({"key": "id", "type": "cohort", "value": 102, "negation": True}, 1480),
    ],
)
async def test_filters_match_persons(leaf: dict[str, Any], count: int) -> None:
    """The count of a dynamic cohort is that of the persons whom its filter matches."""
    async with stand_in(calculation=Pace(polls=0)) as client:
        cohort = await create(client, filters=filter_of(leaf))
        assert (await read(client, cohort["id"]))["count"] == count


async def test_groups_of_filters() -> None:
    """AND wants all, OR wants one; behaviour is one person in three, always the same."""
    behaviour = {
        "key": "paid",
        "type": "behavioral",
        "value": "performed_event",
        "event_type": "events",
    }
    async with stand_in(calculation=Pace(polls=0)) as client:
        counts = {}
        for name, filters in {
            "and": filter_of(PAID, behaviour),
            "or": filter_of(PAID, behaviour, kind="OR"),
            "one": filter_of(behaviour),
            "again": filter_of(behaviour),
            "none": filter_of(),
        }.items():
            cohort = await create(client, filters=filters)
            counts[name] = (await read(client, cohort["id"]))["count"]
        assert counts["one"] == counts["again"]
        assert 300 < counts["one"] < 700
        assert counts["and"] + counts["or"] == counts["one"] + 375
        assert counts["none"] == 0


async def test_a_change_calculates_anew() -> None:
    """Any PATCH of a dynamic cohort queues a calculation, which ends later than the last one."""
    async with stand_in(calculation=Pace(polls=0)) as client:
        before = await read(client, 103)
        changed = (await change(client, 103, name="Paying", filters=filter_of())).json()
        assert (changed["name"], changed["is_calculating"], changed["count"]) == (
            "Paying",
            True,
            375,
        )
        after = await read(client, 103)
        assert (after["is_calculating"], after["count"]) == (False, 0)
        assert after["last_calculation"] > before["last_calculation"]
        history = await read(client, 103, "calculation_history")
        assert [one["count"] for one in history["results"]] == [0, 375]


async def test_static_cohort_has_its_persons_at_once() -> None:
    """Known persons are in it with the answer, unknown ones are dropped silently."""
    ids = [person_uuid(1), person_uuid(2), person_uuid(1), person_uuid(99_999), "nobody"]
    async with stand_in() as client:
        cohort = await create(client, is_static=True, _create_static_person_ids=ids)
        assert (cohort["count"], cohort["is_calculating"]) == (2, False)
        assert cohort["cohort_type"] == "static"
        persons = (await read(client, cohort["id"], "persons"))["results"]
        assert [one["uuid"] for one in persons] == ids[:2]
        assert (await read(client, cohort["id"], "calculation_history"))["results"] == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"kind": "HogQLQuery", "query": "SELECT id FROM p WHERE cohort_id = 102"}, 20),
        (
            {"kind": "ActorsQuery", "properties": [{"type": "cohort", "key": "id", "value": 103}]},
            375,
        ),
    ],
)
async def test_static_cohort_of_a_query(query: dict[str, Any], count: int) -> None:
    """A query fills a static cohort in the background."""
    async with stand_in(calculation=Pace(polls=0)) as client:
        cohort = await create(client, is_static=True, query=query)
        assert (cohort["is_calculating"], cohort["count"]) == (True, None)
        assert (await read(client, cohort["id"]))["count"] == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("person_id\n" + "\n".join(person_uuid(number) for number in range(3)), 3),
        ("\n\ne-mail\nperson-1@example.com\nnobody@example.com\n", 1),
        ("user-1\nuser-2\n", 2),
        ("distinct_id\nuser-1\n", 1),
        ("name,email,distinct-id\nA,person-1@example.com,user-2\nshort\n", 1),
    ],
)
async def test_static_cohort_of_a_file(text: str, count: int) -> None:
    """A CSV file of persons, e-mails or distinct ids fills or extends a cohort by and by."""
    async with stand_in(calculation=Pace(polls=0)) as client:
        form = {"data": {"name": "F", "is_static": "true"}, "files": {"csv": ("f.csv", text)}}
        cohort = (await client.post(COHORTS, **form)).json()  # type: ignore[arg-type]
        assert (cohort["is_calculating"], cohort["is_static"]) == (True, True)
        assert (await read(client, cohort["id"]))["count"] == count
        more = {"csv": ("f.csv", "user-1000\n")}
        await client.patch(f"{COHORTS}{cohort['id']}/", files=more)
        assert (await read(client, cohort["id"]))["count"] == count + 1


async def test_members_can_be_added_and_removed() -> None:
    """Adding is idempotent and drops unknown persons; one person is removed at a time."""
    add, remove = "add_persons_to_static_cohort/", "remove_person_from_static_cohort/"
    async with stand_in() as client:
        for _ in range(2):
            ids = [person_uuid(19), person_uuid(20), person_uuid(99_999)]
            answer = await change(client, 102, add, person_ids=ids)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
            assert (await read(client, 102))["count"] == 21
        answer = await change(client, 102, remove, person_id=person_uuid(0))
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert (await read(client, 102))["count"] == 20


async def test_copy_is_filled_in_the_background() -> None:
    """A GET makes a static copy, another one each time."""
    async with stand_in(calculation=Pace(polls=0)) as client:
        for cohort_id in (105, 106):
            copy = await read(client, 103, "duplicate_as_static_cohort")
            told = (copy["id"], copy["is_static"], copy["is_calculating"], copy["count"])
            assert told == (cohort_id, True, True, None)
            assert copy["name"] == "Paying customers (static copy)"
            assert (await read(client, cohort_id))["count"] == 375


async def test_deleted_cohort_is_hidden_until_it_is_restored() -> None:
    """`deleted` hides a cohort from the list only, and calculates nothing."""
    async with stand_in() as client:
        for deleted in (True, False):
            cohort = (await change(client, 103, deleted=deleted)).json()
            assert (cohort["deleted"], cohort["is_calculating"]) == (deleted, False)
            assert (await read(client, 103))["deleted"] == deleted
            listed = (await client.get(COHORTS)).json()["results"]
            assert (103 in [one["id"] for one in listed]) != deleted


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [104, 103, 102, 101]),
        ({"limit": 2}, [104, 103]),
        ({"limit": 2, "offset": 3}, [101]),
        ({"type": "static"}, [104, 102, 101]),
        ({"type": "dynamic"}, [103]),
        ({"search": "READERS"}, [101]),
        ({"created_by_id": 8}, []),
        ({"hide_behavioral_cohorts": "true"}, [104, 103, 102, 101]),
    ],
)
async def test_list_of_cohorts(query: dict[str, Any], ids: list[int]) -> None:
    """The list is newest first, and has filters."""
    async with stand_in() as client:
        answer = (await client.get(COHORTS, params=query)).json()
        assert [one["id"] for one in answer["results"]] == ids


async def test_pages_of_the_list() -> None:
    """Links are absolute; the count is that of all."""
    async with stand_in() as client:
        first = (await client.get(COHORTS, params={"limit": 3})).json()
        assert (first["count"], first["previous"]) == (4, None)
        assert first["next"] == str(client.base_url.join(f"{COHORTS}?limit=3&offset=3"))
        second = (await client.get(first["next"])).json()
        assert ([one["id"] for one in second["results"]], second["next"]) == ([101], None)
        assert (await client.get(second["previous"])).json()["results"] == first["results"]


async def test_pages_of_persons() -> None:
    """A full page has a next one, even if that is empty; there is no count."""
    async with stand_in() as client:
        sizes, uuids, link = [], set(), f"{COHORTS}101/persons/"
        while link:
            page = (await client.get(link)).json()
            assert set(page) == {"results", "next", "previous"}
            sizes.append(len(page["results"]))
            uuids |= {one["uuid"] for one in page["results"]}
            link = page["next"]
        assert (sizes, len(uuids)) == ([100] * 12 + [50], 1250)
        page = (await client.get(f"{COHORTS}102/persons/?limit=20")).json()
        assert (await client.get(page["next"])).json()["results"] == []


async def test_page_that_repeats() -> None:
    """A fault lets a page name itself as the next one."""
    async with stand_in() as client:
        await client.add_fault("cohorts_persons_retrieve", "repeat-cursor", after=1, times=2)
        link = (await client.get(f"{COHORTS}101/persons/")).json()["next"]
        for _ in range(2):
            assert (await client.get(link)).json()["next"] == link
        assert (await client.get(link)).json()["next"] != link


async def test_persons_as_a_file_and_by_search() -> None:
    """Persons come as CSV too, and can be searched by name, id or property."""
    async with stand_in() as client:
        path = f"{COHORTS}102/persons/"
        response = await client.get(path, params={"format": "csv"})
        lines = response.text.splitlines()
        assert response.headers["content-type"].startswith("text/csv")
        assert lines[0].startswith("id,email,name,created_at,properties.country")
        assert (len(lines), lines[1].split(",")[0]) == (21, person_uuid(0))
        for query, count in (
            ({"search": "user-7"}, 1),
            ({"properties": json.dumps([PAID])}, 5),
        ):
            assert len((await client.get(path, params=query)).json()["results"]) == count


async def test_activity() -> None:
    """Each change is in the log of its cohort and of the project, newest first, ten a page."""
    members: dict[str, dict[str, Any]] = {
        "add_persons_to_static_cohort/": {"person_ids": [person_uuid(30)]},
        "remove_person_from_static_cohort/": {"person_id": person_uuid(30)},
    }
    async with stand_in() as client:
        changes: list[dict[str, Any]] = [{"name": "Beta"}] * 2
        for fields in [*changes, {"deleted": True}, {"deleted": False}]:
            await change(client, 102, **fields)
        for path, body in members.items():
            await change(client, 102, path, **body)
        found = (await read(client, 102, "activity"))["results"]
        assert [one["activity"] for one in found] == [
            "person_removed_manually", "persons_added_manually", "restored", "deleted", "updated",
            "created",
        ]  # fmt: skip
        assert {(one["scope"], one["item_id"]) for one in found} == {("Cohort", "102")}
        update = found[4]["detail"]["changes"][0]
        assert (update["field"], update["before"], update["after"]) == (
            "name",
            "Beta testers",
            "Beta",
        )
        for _ in range(2):
            await create(client)
        log = (await client.get(f"{COHORTS}activity/")).json()
        assert (len(log["results"]), log["total_count"]) == (10, 11)
        assert len((await client.get(log["next"])).json()["results"]) == 1


async def test_history_pages_are_relative() -> None:
    """The links of the history are relative; the newest calculation comes first."""
    async with stand_in(calculation=Pace(polls=0)) as client:
        await change(client, 103, name="Paying")
        path = f"{COHORTS}103/calculation_history/"
        first = (await client.get(path, params={"limit": 1})).json()
        assert (first["count"], first["next"], first["previous"]) == (2, "?limit=1&offset=1", None)
        second = (await client.get(path + first["next"])).json()
        assert (second["next"], second["previous"]) == (None, "?limit=1&offset=0")
        assert second["results"][0]["started_at"] < first["results"][0]["started_at"]


async def test_reset_brings_back_the_start() -> None:
    """A reset forgets new cohorts, changes and the log."""
    async with stand_in() as client:
        await create(client)
        await change(client, 102, name="Beta")
        await client.reset()
        listed = (await client.get(COHORTS)).json()["results"]
        assert [one["id"] for one in listed] == [104, 103, 102, 101]
        assert (await read(client, 102))["name"] == "Beta testers"
        assert (await client.get(f"{COHORTS}activity/")).json()["total_count"] == 4
