"""Heartbeats of an attempt that may take hours: how far it is, and that its worker lives."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from temporalio import activity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from activities.downloads import Progress
    from arazzo.outcome import Outcome

PER_TIMEOUT: Final = 3
"""Heartbeats in the time after which a silent worker counts as lost."""
LONGEST_SECONDS: Final = 5.0
"""Between two heartbeats: a cancel comes with the answer to one."""


async def with_heartbeats(
    work: Coroutine[Any, Any, Outcome], progress: Progress, *, harmless: bool
) -> Outcome:
    """Do the work of this activity, with heartbeats where its timeout asks for them.

    Heartbeats bring cancels. Harmless work stops at once, and so does a write of which no whole
    request was sent yet; for the answer of another it is waited, or nobody knew whether it arrived,
    unless the worker itself stops.
    """
    timeout = activity.info().heartbeat_timeout
    if not timeout:
        return await work
    seconds = min(timeout.total_seconds() / PER_TIMEOUT, LONGEST_SECONDS)
    async with _beating(seconds, progress):
        if harmless:
            return await work
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            details, progress.cancelled = activity.cancellation_details(), True
            if not progress.handed_over or details is None or not details.cancel_requested:
                task.cancel()
            return await task


@asynccontextmanager
async def _beating(seconds: float, progress: Progress) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            activity.heartbeat(asdict(progress))
            await asyncio.sleep(seconds)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
