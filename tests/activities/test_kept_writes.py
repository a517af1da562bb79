"""A write that was answered with success is never called failed for what came after it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attempts import answering, asked, attempt, call, operations, posting
from temporalio.exceptions import ApplicationError

from activities.faults import Unreadable
from activities.files import local_store
from activities.operation import AttemptAgain
from arazzo.blobs import VALUE_TYPE, Blob
from arazzo.errors import PayloadTooLarge, StepFailed

if TYPE_CHECKING:
    from pathlib import Path

    from activities.files import BlobStore
    from arazzo.plan import Call

FOREIGN = {"$blob": {"uri": "memory:///x", "bytes": 1, "sha256": "0" * 64, "contentType": "a/b"}}
LARGE = "x" * 100_000
OUTPUTS = {"all": "$response.body#/all"}
KEYED = posting(idempotency=True, largest_response=2_000_000)
POST = posting(largest_response=2_000_000)
GET = call(largest_response=2_000_000)


def broken_store(folder: Path) -> BlobStore:
    """Return a store whose folder has become a file, so that nothing can be read or written."""
    store = local_store(folder / "blobs")
    shutil.rmtree(folder / "blobs")
    (folder / "blobs").write_text("no folder")
    return store


async def performed(called: Call, body: Any, folder: Path, **fields: Any) -> Any:
    """Perform an attempt whose outputs are kept in a store that fails."""
    answer, _ = answering(httpx.Response(200, json={"all": body}))
    made = replace(operations(answer), blobs=broken_store(folder))
    plan = attempt(called, outputs=OUTPUTS)
    return await made.perform(asked(plan, **{"blobs": "run/only/1", **fields}), 1)


@pytest.mark.parametrize(
    "body", [FOREIGN, {"$secret": "a"}, LARGE], ids=["blob", "secret", "store"]
)
async def test_a_write_whose_outputs_cannot_be_kept_took_effect(tmp_path: Path, body: Any) -> None:
    """So the run ends with OutcomeUnknown, which nobody takes for a reason to send it again."""
    outcome = await performed(POST, body, tmp_path)
    assert (outcome.passed, outcome.unread, outcome.sent) == (False, True, "yes")
    assert (outcome.outputs, outcome.action) == ({}, None)
    assert outcome.why.startswith("the outputs of the answer 200 can't be kept: ")


@pytest.mark.parametrize("called", [GET, KEYED], ids=["a read", "with a key"])
@pytest.mark.parametrize("body", [FOREIGN, LARGE], ids=["blob", "store"])
async def test_what_may_be_sent_again_fails_as_ever(
    tmp_path: Path, called: Call, body: Any
) -> None:
    """A parent or the document may try it once more."""
    with pytest.raises(StepFailed):
        await performed(called, body, tmp_path)


async def test_an_answer_that_is_too_large_is_a_write_done_too() -> None:
    """One of success; any other status says enough, and a read is PayloadTooLarge."""
    for status, called, expected in (
        (200, posting(), Unreadable), (200, call(), PayloadTooLarge),
        (200, posting(idempotency=True), PayloadTooLarge),
    ):  # fmt: skip
        made = operations(answering(httpx.Response(status, text="x" * 5000))[0])
        if expected is Unreadable:
            outcome = await made.perform(asked(attempt(called)), 1)
            assert outcome.unread
            assert "larger than 1000 bytes" in outcome.why
        else:
            with pytest.raises(expected):
                await made.perform(asked(attempt(called)), 1)
    made = operations(answering(httpx.Response(500, text="x" * 5000))[0])
    outcome = await made.perform(asked(attempt(posting())), 1)
    assert (outcome.status, outcome.passed, outcome.unread) == (500, False, False)


VALUE = Blob("", 12, "0" * 64, VALUE_TYPE)


def reading(store: BlobStore) -> dict[str, Any]:
    """Return values of which one lies in a store."""
    return {"inputs": {"large": replace(VALUE, uri=f"{store.base}run/a/1/x").as_json()}}


@pytest.mark.parametrize(
    ("called", "attempts", "again"),
    [(call(), 2, True), (call(), 1, False), (posting(), 1, False)],
    ids=["a read with attempts left", "the last of a read", "a write"],
)
async def test_a_store_that_fails_before_anything_is_sent(
    tmp_path: Path, called: Call, attempts: int, *, again: bool
) -> None:
    """It may pass, so the attempt comes again: by the RetryPolicy, or as what was not sent."""
    answer, seen = answering(httpx.Response(200))
    store = broken_store(tmp_path)
    made = replace(operations(answer), blobs=store)
    request = asked(attempt(called), values=reading(store), attempts=attempts)
    if again:
        with pytest.raises(AttemptAgain, match="blob store"):
            await made.perform(request, 1)
    else:
        outcome = await made.perform(request, 1)
        assert (outcome.passed, outcome.sent) == (False, "no")
        assert "the blob store at" in outcome.why
    assert seen == []


async def test_a_value_that_is_gone_will_not_come_back(tmp_path: Path) -> None:
    """That is no trouble of the store, so it ends the run with the reason."""
    store = local_store(tmp_path / "blobs")
    made = replace(operations(answering(httpx.Response(200))[0]), blobs=store)
    with pytest.raises(StepFailed, match="is not in the store"):
        await made.perform(asked(attempt(call()), values=reading(store), attempts=5), 1)


async def test_a_lost_write_is_told_whatever_the_store_says(tmp_path: Path) -> None:
    """That nobody knows its fate counts more than that its values can't be read any more."""
    store = local_store(tmp_path / "blobs")
    made = replace(operations(answering(httpx.Response(200))[0]), blobs=store)
    lost = asked(attempt(posting()), values=reading(store), why="the worker died")
    found = await made.judge_lost(lost.as_json())
    assert found["sent"] == "maybe"
    assert found["why"].startswith("the worker died; and the blob")
    lost = asked(attempt(call()), values=reading(store), why="the worker died")
    with pytest.raises(ApplicationError, match="is not in the store"):
        await made.judge_lost(lost.as_json())


@pytest.mark.parametrize("fails", [True, False], ids=["fails", "is gone"])
async def test_only_a_store_that_fails_is_asked_again_by_local_activities(
    tmp_path: Path, *, fails: bool
) -> None:
    """A blip must not end a run of days; what is gone stays gone."""
    store = broken_store(tmp_path) if fails else local_store(tmp_path / "blobs")
    made = replace(operations(answering(httpx.Response(200))[0]), blobs=store)
    lost = asked(attempt(call()), values=reading(store), why="the worker died")
    with pytest.raises(ApplicationError) as caught:
        await made.judge_lost(lost.as_json())
    assert caught.value.non_retryable is not fails
