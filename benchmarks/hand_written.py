"""What somebody would write by hand for the export workflow: the same calls, as many activities.

It is the measure for `benchmarks.overhead`, so it is written as well as its author knew: one
connection pool, no sandbox, small results. It does less than Durazzo does: no plan, no checks of
inputs, no criteria, no secrets by name, no progress.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

if TYPE_CHECKING:
    import httpx

BUSY: Final = ("queued", "computing")
TIMEOUT: Final = timedelta(seconds=90)
ONCE: Final = RetryPolicy(maximum_attempts=1)
OFTEN: Final = RetryPolicy(maximum_attempts=5)


@dataclass(frozen=True)
class Calls:
    """The three calls as activities. Each returns only what the workflow needs."""

    client: httpx.AsyncClient
    base_url: str
    credential: str

    async def _get(self, path: str) -> Any:
        response = await self.client.get(
            f"{self.base_url}/api/5/cohorts/request/{path}",
            headers={"Authorization": f"Basic {self.credential}"},
        )
        response.raise_for_status()
        return response.json()

    @activity.defn
    async def request_export(self, cohort_id: str) -> str:
        """Start the export and return its id."""
        found: str = (await self._get(f"{cohort_id}?props=0"))["request_id"]
        return found

    @activity.defn
    async def export_status(self, cohort_id: str) -> str:
        """Return the state of the export."""
        found: str = (await self._get(f"{cohort_id}/status"))["status"]
        return found

    @activity.defn
    async def download_export(self, cohort_id: str) -> Any:
        """Return the file."""
        return await self._get(f"{cohort_id}/file")


async def export(cohort_id: str) -> dict[str, Any]:
    """Request, poll without a wait, download."""
    request_id = await workflow.execute_activity_method(
        Calls.request_export, cohort_id, start_to_close_timeout=TIMEOUT, retry_policy=ONCE
    )
    while True:
        status = await workflow.execute_activity_method(
            Calls.export_status, cohort_id, start_to_close_timeout=TIMEOUT, retry_policy=OFTEN
        )
        if status not in BUSY:
            break
        await workflow.sleep(0)
    file = await workflow.execute_activity_method(
        Calls.download_export, cohort_id, start_to_close_timeout=TIMEOUT, retry_policy=OFTEN
    )
    return {"requestId": request_id, "finalStatus": status, "cohortFile": file}


@workflow.defn(name="hand-written", sandboxed=False)
class HandWritten:
    """Without the SDK's sandbox, as Durazzo's own classes are."""

    @workflow.run
    async def run(self, cohort_id: str) -> dict[str, Any]:
        """Export one cohort."""
        return await export(cohort_id)


@workflow.defn(name="hand-written-sandboxed")
class HandWrittenSandboxed:
    """In the SDK's sandbox, which is its default."""

    @workflow.run
    async def run(self, cohort_id: str) -> dict[str, Any]:
        """Export one cohort."""
        return await export(cohort_id)
