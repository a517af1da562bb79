"""Watching a run: a live table in a terminal, a line for each change elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError
from temporalio.service import RPCError

from arazzo.errors import SecretMissing
from commands.failures import NoWorker
from commands.pending_activities import pending_of, told
from commands.queue_workers import has_workers
from commands.run_report import RunReport, describe, report_of
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.client import Client, WorkflowHandle

SECONDS_BETWEEN_LOOKS: Final = 1.0
SECONDS_FOR_QUERY: Final = 3.0
EVENTS_BEFORE_FIRST_TASK: Final = 2
NO_ANSWER: Final = "no worker answers just now; the run is safe and goes on when one does"
ASKED_LATELY: Final = (
    " (workers asked for tasks of its queue in the last minutes: when they still run, their logs "
    "tell why none answers, such as too much to do, or another key)"
)

STANDING_STYLES: Final = {
    "pending": "dim", "running": "cyan", "waiting": "yellow", "passed": "green", "failed": "red",
}  # fmt: skip


async def query_progress(handle: WorkflowHandle[Any, Any]) -> dict[str, Any] | None:
    """Return the run's progress, None when no worker answers."""
    try:
        async with asyncio.timeout(SECONDS_FOR_QUERY):
            found: dict[str, Any] = await handle.query("progress")
    except (RPCError, WorkflowQueryFailedError, TimeoutError):
        return None
    except SecretMissing as error:
        return {"unreadable": error.message}
    return found


async def why_silent(client: Client, handle: WorkflowHandle[Any, Any]) -> str:
    """Return what is said of a run for which no worker answers."""
    found = await describe(handle)
    there = found.task_queue and await has_workers(client, found.task_queue)
    return f"{NO_ANSWER}: `durazzo worker`{ASKED_LATELY if there else ''}"


async def follow(
    client: Client, handle: WorkflowHandle[Any, Any], web_url: str, *, quiet: bool
) -> RunReport:
    """Show the run until it ends and return how it ended; `quiet` shows nothing.

    Raises NoWorker when no worker takes up the run's first task, NoTemporalServer when the
    server stays away.
    """
    ended = asyncio.ensure_future(_until_ended(handle))
    watcher = _Quiet() if quiet else _Lines(web_url)
    if not quiet and sys.stderr.isatty():
        watcher = _Table(web_url)
    latest = time.monotonic() + load_settings().worker_wait_seconds
    try:
        with watcher:
            while not ended.done():
                progress = await query_progress(handle)
                silent = "" if progress or quiet else await why_silent(client, handle)
                moved = await _activities(client, handle) if progress and watcher.is_live else []
                watcher.show(progress, silent, moved)
                if time.monotonic() >= latest:
                    await expect_worker(handle)
                await asyncio.wait([ended], timeout=SECONDS_BETWEEN_LOOKS)
        await ended
    finally:
        await _leave(ended)
    return await report_of(handle, web_url)


async def _activities(client: Client, handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Return the activities of a run in words: an upload may go on for hours within one step."""
    return [told(one) for one in await pending_of(client, await describe(handle))]


async def wait_for_end(handle: WorkflowHandle[Any, Any]) -> None:
    """Return when the run has ended. Raises NoWorker and NoTemporalServer, as `follow` does."""
    ended = asyncio.ensure_future(_until_ended(handle))
    try:
        while not ended.done():
            await asyncio.wait([ended], timeout=load_settings().worker_wait_seconds)
            if not ended.done():
                await expect_worker(handle)
        await ended
    finally:
        await _leave(ended)


async def _until_ended(handle: WorkflowHandle[Any, Any]) -> None:
    """Return when the run has ended, however; a server that is only restarted is waited for."""
    while True:
        try:
            await handle.result()
        except (WorkflowFailureError, SecretMissing):
            return
        except RPCError:
            await describe(handle)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        else:
            return


async def _leave(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def expect_worker(handle: WorkflowHandle[Any, Any]) -> None:
    """Raise NoWorker for a run that nobody has taken up: it would be waited for in silence."""
    found = await describe(handle)
    if found.close_time is None and (found.history_length or 0) <= EVENTS_BEFORE_FIRST_TASK:
        raise NoWorker(
            f"no worker has taken up `{handle.id}` from the task queue `{found.task_queue}`. It "
            "starts as soon as one does: `durazzo worker` in another terminal, then "
            f"`durazzo watch {handle.id}`",
            reason="no-worker",
        )


class _Quiet:
    """Shows nothing; one that `is_live` has room for what changes all the time."""

    is_live = False

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def show(
        self, progress: dict[str, Any] | None, silent: str = "", activities: Sequence[str] = ()
    ) -> None:
        """Show the progress; None when no worker answers, for which `silent` has the words."""


class _Lines(_Quiet):
    """One line for each change, for logs and pipes."""

    def __init__(self, web_url: str) -> None:
        self.last = ""
        self.silent = 0
        sys.stderr.write(f"Web UI: {web_url}\n")

    def show(
        self, progress: dict[str, Any] | None, silent: str = "", _: Sequence[str] = ()
    ) -> None:
        """Print a line when something changed."""
        self.silent = 0 if progress else self.silent + 1
        line = line_of(progress) if progress else silent
        if line != self.last and (progress or self.silent > 1):
            sys.stderr.write(f"{line}\n")
            self.last = line


class _Table(_Quiet):
    """A table that changes in place, for a terminal."""

    is_live = True

    def __init__(self, web_url: str) -> None:
        self.web_url = web_url
        self.live = Live(console=Console(stderr=True), refresh_per_second=4, transient=False)
        self.last: dict[str, Any] = {}

    def __enter__(self) -> None:
        self.live.start()

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def show(
        self, progress: dict[str, Any] | None, silent: str = "", activities: Sequence[str] = ()
    ) -> None:
        """Draw the table anew."""
        self.last = progress or self.last
        lines = map(Text, (line_of(self.last) if progress else silent, *activities))
        link = Text(f"Web UI: {self.web_url}", style="dim")
        hint = Text("Ctrl-C leaves; the run goes on", style="dim")
        self.live.update(Group(step_table(self.last), *lines, link, hint))


def line_of(progress: dict[str, Any]) -> str:
    """Return the progress as one line: step, state, polls, next wake-up."""
    step = progress.get("step")
    if "unreadable" in progress:
        return f"its progress can't be read here: {progress['unreadable']}"
    if not progress.get("steps"):
        return "loading the plan"
    if step is None:
        return "all steps are done"
    row = next(one for one in progress["steps"] if one["step"] == step)
    text = f"{step} · {row['request']} · {row['state']}"
    if row["polls"]:
        text += f" · {row['polls']} poll{'s' if row['polls'] > 1 else ''}"
    if progress.get("lastStatus") is not None:
        text += f" · last status {progress['lastStatus']}"
    if progress.get("nextWakeUp"):
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(progress["nextWakeUp"]))
        told = f"{progress['waitingFor']}, "
        told += "gives up at" if progress.get("channel") else "next at"
        text += f" · {told} {at}"
    return text


def step_table(progress: dict[str, Any]) -> Table:
    """Return the table of the steps."""
    table = Table(box=None, pad_edge=False)
    for name in ("step", "request", "state", "visits", "polls", "last status"):
        right = name in ("visits", "polls", "last status")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in progress.get("steps", []):
        status = "" if row["lastStatus"] is None else str(row["lastStatus"])
        style = STANDING_STYLES.get(row["state"], "")
        table.add_row(
            *(Text(row["step"]), Text(row["request"]), Text(row["state"], style=style)),
            *(str(row["visits"]), str(row["polls"]), status),
        )
    return table
