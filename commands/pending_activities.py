"""What a run's activities do just now: their attempts, last failures, and how far a file is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo.errors import SecretMissing

if TYPE_CHECKING:
    from temporalio.api.failure.v1 import Failure
    from temporalio.api.workflow.v1 import PendingActivityInfo
    from temporalio.client import Client, WorkflowExecutionDescription

MEGABYTE: Final = 1_000_000


async def pending_of(client: Client, found: WorkflowExecutionDescription) -> list[dict[str, Any]]:
    """Return the activities that run or wait to be tried again, as `status --json` prints them.

    `bytesDone` and `bytesTotal` are of a download or an upload, null where there is none.
    """
    return [await _pending(client, one) for one in found.raw_description.pending_activities]


async def _pending(client: Client, one: PendingActivityInfo) -> dict[str, Any]:
    last = await _message(client, one.last_failure) if one.HasField("last_failure") else ""
    beat = await _heartbeat(client, one)
    return {
        "operation": one.activity_type.name,
        "attempt": one.attempt,
        "of": one.maximum_attempts,
        "lastFailure": last,
        "bytesDone": beat.get("done"),
        "bytesTotal": beat.get("total"),
    }


async def _heartbeat(client: Client, one: PendingActivityInfo) -> dict[str, Any]:
    """Return what the newest heartbeat told, nothing where it can't be read here."""
    try:
        details = await client.data_converter.decode(one.heartbeat_details.payloads)
    except SecretMissing:
        return {}
    return details[0] if details and isinstance(details[0], dict) else {}


async def _message(client: Client, failure: Failure) -> str:
    try:
        found = await client.data_converter.decode_failure(failure)
    except SecretMissing as error:
        return f"it can't be read here: {error.message}"
    return getattr(found, "message", None) or str(found)


def told(pending: dict[str, Any]) -> str:
    """Return an activity in words."""
    of = f" of {pending['of']}" if pending["of"] else ""
    failed = f"; the last one: {pending['lastFailure']}" if pending["lastFailure"] else ""
    return f"{pending['operation']}: attempt {pending['attempt']}{of}{_moved(pending)}{failed}"


def _moved(pending: dict[str, Any]) -> str:
    done, total = pending["bytesDone"], pending["bytesTotal"]
    if total:
        return f", {done / MEGABYTE:.1f} of {total / MEGABYTE:.1f} MB"
    return f", {done / MEGABYTE:.1f} MB" if done else ""
