"""The pace of a RetryPolicy comes from settings, which may contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripted import scripted_house
from shelf import Shelf, workflow

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings


async def test_a_first_wait_above_the_longest_is_the_longest(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """Temporal refuses such a policy, and a run would hang for ever on a mistake of settings."""
    Shelf(tmp_path).fill(workflow("fetch"))
    changed = settings.model_copy(
        update={"transport_first_seconds": 30.0, "http_total_seconds": 0.3}
    )
    async with scripted_house(client, changed, tmp_path, lambda _: (200, {})) as (house, service):
        service.delays["/thing"] = 0.5
        error = await house.failure("fetch", {})
    assert error.type == "StepFailed"
    assert len(service.asked) == changed.transport_attempts
