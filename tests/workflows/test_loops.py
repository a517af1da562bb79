"""Loops that change and loops that don't: pages at once, circles paced, pages that come again."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from conftest import House
from scripted import Asked, Service, scripted_house
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

DOCUMENT = """
arazzo: 1.0.1
info: {title: Pages, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: read-all
    steps:
      - stepId: read
        operationId: listThings
        parameters: [{name: cursor, in: query, value: $steps.read.outputs.next}]
        outputs: {things: $response.body#/things, next: $response.body#/next}
        onSuccess:
          - name: more
            type: goto
            stepId: read
            criteria: [{condition: $response.body#/next != null}]
          - name: all
            type: end
            criteria: [{condition: $response.body#/next == null}]
    outputs: {things: $steps.read.outputs.things}
"""
API = """
openapi: 3.1.0
info: {title: Things, version: 1.0.0}
paths:
  /things:
    get:
      operationId: listThings
      parameters: [{name: cursor, in: query, schema: {type: string}}]
      responses: {'200': {description: ok}}
"""
COLLECT = "collect: {read-all: {read: [things]}}\n"
LINKS = "operations: {listThings: {link_parameter: cursor}}\n"


@asynccontextmanager
async def pages(
    client: Client,
    settings: Settings,
    folder: Path,
    answer: Callable[[Asked], Any],
    folder_settings: str,
    max_cached_workflows: int,
) -> AsyncIterator[tuple[House, Service]]:
    """Serve the document with these settings, with polls that would take 20 seconds."""
    (folder / "pages.arazzo.yaml").write_text(DOCUMENT, encoding="utf-8")
    (folder / "api.yaml").write_text(API, encoding="utf-8")
    (folder / "settings.yaml").write_text(folder_settings, encoding="utf-8")
    async with scripted_house(client, settings, folder, answer, max_cached_workflows) as opened:
        opened[0].polling = {"first": 20.0, "factor": 1.0, "longest": 20.0, "deadline": 60.0}
        yield opened


async def test_pages_are_read_at_once_and_their_lists_become_one(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """A loop whose request changes is no poll; what the settings name is collected."""

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("cursor", "0"))
        return 200, {
            "things": [2 * page, 2 * page + 1],
            "next": str(page + 1) if page < 9 else None,
        }

    async with pages(client, settings, tmp_path, answer, COLLECT, max_cached_workflows) as opened:
        house, service = opened
        began = time.monotonic()
        assert await house.run("read-all", {}) == {"things": list(range(20))}
        assert time.monotonic() - began < 20
        assert len(service.asked) == 10


async def test_without_the_setting_the_last_page_is_the_output(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """The standard knows no collecting: an output is that of the last visit."""

    def answer(asked: Asked) -> Any:
        return 200, {"things": [1], "next": "b"} if not asked.query else {"things": [2]}

    async with pages(client, settings, tmp_path, answer, "", max_cached_workflows) as opened:
        assert await opened[0].run("read-all", {}) == {"things": [2]}


async def test_a_link_to_the_next_page_is_followed_by_its_query_only(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """Host and path stay the plan's, whatever the link says; relative links do as well."""
    links = {"1": "https://elsewhere.example/evil?at=2&size=5", "2": "?at=3", "3": None}

    def answer(asked: Asked) -> Any:
        return 200, {
            "things": [asked.query.get("at", "1")],
            "next": links[asked.query.get("at", "1")],
        }

    async with pages(
        client, settings, tmp_path, answer, COLLECT + LINKS, max_cached_workflows
    ) as opened:
        house, service = opened
        assert await house.run("read-all", {}) == {"things": ["1", "2", "3"]}
        assert [one.query for one in service.asked] == [{}, {"at": "2", "size": "5"}, {"at": "3"}]
        assert {one.path for one in service.asked} == {"/things"}


@pytest.mark.parametrize("circle", ["a", "ab", "abc"], ids=["at-once", "of-two", "of-three"])
async def test_a_page_that_comes_again_is_an_error_and_no_endless_loop(
    client: Client, settings: Settings, tmp_path: Path, circle: str, max_cached_workflows: int
) -> None:
    """A cursor that repeats, at once or in a circle, ends the run within a few requests."""

    def answer(asked: Asked) -> Any:
        at = asked.query.get("cursor", "")
        following = circle[(circle.find(at) + 1) % len(circle)] if at else circle[0]
        return 200, {"things": [at], "next": following}

    async with pages(client, settings, tmp_path, answer, COLLECT, max_cached_workflows) as opened:
        house, service = opened
        with pytest.raises(WorkflowFailureError) as caught:
            await house.run("read-all", {})
        cause = caught.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "UnexpectedState"
        assert "a page that has been read" in cause.message
        assert len(service.asked) <= 3 * len(circle) + 3


async def test_a_circle_of_changing_requests_is_paced_like_a_poll(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """Where nothing is collected a circle may be meant; it keeps the pace and the deadline."""

    def answer(asked: Asked) -> Any:
        return 200, {"things": [], "next": "b" if asked.query.get("cursor") == "a" else "a"}

    async with pages(client, settings, tmp_path, answer, "", max_cached_workflows) as opened:
        house, service = opened
        house.polling = {"first": 0.2, "factor": 1.0, "longest": 0.2, "deadline": 1.0}
        with pytest.raises(WorkflowFailureError) as caught:
            await house.run("read-all", {})
        cause = caught.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "PollDeadlineExceeded"
        assert len(service.asked) < 20
