"""`durazzo status`: where a run stands, and what to do; without an id, the latest runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from temporalio.service import RPCError

from commands.connection import ConnectionOptions, connect_quietly, refusal, web_url
from commands.failures import print_json, reported, run_object
from commands.live_view import line_of, query_progress, step_table, why_silent
from commands.options import Address, AsJson, Namespace, Profile, TaskQueue
from commands.pending_activities import pending_of, told
from commands.queue_workers import quoted
from commands.run_report import STATUS_NAMES, describe, print_report, report_of
from settings import load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from temporalio.client import Client, WorkflowExecutionDescription

    from commands.run_report import RunReport

app = typer.Typer(add_completion=False)

MOST_RUNS: Final = 20


@app.command()
def status(
    run: Annotated[str | None, typer.Argument(metavar="[ID]", help="The run.")] = None,
    task_queue: TaskQueue = None,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Tell where a run stands and what to do; without an id, list the latest runs."""
    with reported(as_json=as_json):
        connection = ConnectionOptions(address, namespace, profile)
        if run is None:
            queue = task_queue or load_settings().task_queue
            asyncio.run(_list(connection, queue, as_json=as_json))
        else:
            asyncio.run(_status(run, connection, as_json=as_json))


async def _list(connection: ConnectionOptions, task_queue: str, *, as_json: bool) -> None:
    client = await connect_quietly(connection)
    rows = await _rows(client, task_queue)
    if as_json:
        names = ("workflowId", "workflowType", "status", "started")
        print_json([dict(zip(names, (*row[:3], row[3].isoformat()), strict=True)) for row in rows])
        return
    console = Console()
    if not rows:
        console.print(f"there are no runs on the task queue `{task_queue}`", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run", "workflow", "status", "started"):
        table.add_column(name, no_wrap=name != "workflow", overflow="fold")
    for row in rows:
        table.add_row(*(Text(one) for one in row[:3]), f"{row[3]:%Y-%m-%d %H:%M:%S}")
    console.print(table)


async def _rows(client: Client, task_queue: str) -> list[tuple[str, str, str, datetime]]:
    """Return id, workflow type, status and start of the latest runs."""
    rows = []
    try:
        async for one in client.list_workflows(
            f"TaskQueue = '{quoted(task_queue)}'", limit=MOST_RUNS
        ):
            status = (STATUS_NAMES.get(one.status) if one.status else None) or "running"
            rows.append((one.id, one.workflow_type, status, one.start_time.astimezone()))
    except RPCError as error:
        raise refusal(error) from error
    return rows


async def _status(run: str, connection: ConnectionOptions, *, as_json: bool) -> None:
    client = await connect_quietly(connection)
    handle = client.get_workflow_handle(run)
    found = await describe(handle)
    report = await report_of(handle, web_url(client, run, found.run_id))
    progress = await query_progress(handle)
    pending = await pending_of(client, found)
    if as_json:
        body = run_object(
            run, report.run_id, report.status, outputs=report.outputs, error=report.error
        )
        print_json({**body, "progress": progress, "pendingActivities": pending})
        return
    silent = "" if progress or report.status != "running" else await why_silent(client, handle)
    _print(Console(), found, report, progress, pending, silent)


def _print(
    console: Console,
    found: WorkflowExecutionDescription,
    report: RunReport,
    progress: dict[str, Any] | None,
    pending: list[dict[str, Any]],
    silent: str,
) -> None:
    began = found.start_time.astimezone()
    console.print(Text(found.id, style="bold"), Text(f" {report.status}"))
    console.print(
        f"workflow {found.workflow_type}, task queue {found.task_queue}, "
        f"started {began:%Y-%m-%d %H:%M:%S}",
        markup=False,
        highlight=False,
    )
    if progress:
        if report.status == "running":
            console.print(line_of(progress), markup=False, highlight=False)
            _print_deadline(console, progress)
        if progress.get("steps"):
            console.print(step_table(_settled(progress, report.status)))
    elif silent:
        console.print(silent, markup=False, highlight=False)
    for one in pending:
        console.print(told(one), markup=False, highlight=False)
    if report.status == "running":
        console.print(f"Web UI: {report.web_url}", markup=False, highlight=False, soft_wrap=True)
        _print_ways(console, found.id)
    else:
        print_report(console, report)


def _settled(progress: dict[str, Any], status: str) -> dict[str, Any]:
    """A run that has ended has no step that runs or waits: it ended there."""
    if status == "running":
        return progress
    live = ("running", "waiting")
    rows = [
        {**row, "state": status if row["state"] in live else row["state"]}
        for row in progress["steps"]
    ]
    return {**progress, "steps": rows}


def _print_deadline(console: Console, progress: dict[str, Any]) -> None:
    if progress.get("deadline"):
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(progress["deadline"]))
        console.print(f"gives up at {at}", highlight=False)


def _print_ways(console: Console, run: str) -> None:
    console.print(
        f"`durazzo watch {run}` follows it, `durazzo cancel {run}` stops it",
        style="dim",
        markup=False,
        highlight=False,
    )


if __name__ == "__main__":
    app()
