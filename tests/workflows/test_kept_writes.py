"""A write that was answered with success is done once, whatever a caller does about failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripted import Asked, scripted_house
from shelf import Shelf, step, workflow

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

FOREIGN = {"$blob": {"uri": "file:///x", "bytes": 1, "sha256": "0" * 64, "contentType": "a/b"}}
AGAIN = {"name": "again", "type": "retry", "retryAfter": 1, "retryLimit": 3}
CALLER = workflow(
    "caller", steps=[{"stepId": "call", "workflowId": "called", "onFailure": [AGAIN]}]
)
CALLED = workflow("called", steps=[
    step("make", "makeThing", outputs={"all": "$response.body#/all"}, onFailure=[AGAIN]),
])  # fmt: skip


def answer(_: Asked) -> tuple[int, Any]:
    """Succeed, with what looks like a reference of ours."""
    return 200, {"all": FOREIGN}


async def test_a_caller_does_not_repeat_a_write_whose_outputs_were_refused(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """Neither the step's own retry nor the caller's: both end with OutcomeUnknown."""
    Shelf(tmp_path).fill(CALLER, CALLED, makeThing=("post", "/things"))
    async with scripted_house(client, settings, tmp_path, answer, max_cached_workflows) as (
        house,
        service,
    ):
        error = await house.failure("caller", {})
    assert error.type == "OutcomeUnknown"
    assert "was sent and took effect" in error.message
    assert len(service.asked) == 1
