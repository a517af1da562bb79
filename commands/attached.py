"""Commands that attach to a run: connect, watch, report, and leave it running on Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from commands.connection import NoTemporalServer, web_url
from commands.failures import COMPLETED, NOT_COMPLETED, print_json, run_object
from commands.live_view import follow
from commands.run_report import print_report

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from temporalio.client import Client, WorkflowHandle

    from commands.run_report import RunReport


def finish(report: RunReport, *, as_json: bool) -> None:
    """Print the report and end the command: 0 when the run completed, else 1."""
    if as_json:
        report.print_json()
    else:
        print_report(Console(stderr=not report.completed), report)
    raise typer.Exit(COMPLETED if report.completed else NOT_COMPLETED)


def link_to(client: Client, handle: WorkflowHandle[Any, Any]) -> str:
    """Return the link to the run in the Web UI."""
    return web_url(client, handle.id, handle.result_run_id or handle.run_id)


async def attach(client: Client, handle: WorkflowHandle[Any, Any], *, quiet: bool) -> RunReport:
    """Watch the run to its end and return how it ended."""
    return await follow(client, handle, link_to(client, handle), quiet=quiet)


def run_attached(
    work: Coroutine[Any, Any, RunReport], started: list[str], *, as_json: bool
) -> RunReport:
    """Do the work; Ctrl-C leaves the run running, says so, and ends the command with 1.

    `started` holds the id of the run as soon as it is known to be there.
    """
    try:
        return asyncio.run(work)
    except NoTemporalServer:
        for workflow_id in started:
            sys.stderr.write(
                f"{workflow_id} goes on when the server does; `durazzo watch {workflow_id}` then "
                "comes back to it\n"
            )
        raise
    except KeyboardInterrupt:
        if not started:
            sys.stderr.write("\nleft before there was a run to watch\n")
        for workflow_id in started:
            _tell_left(workflow_id, as_json=as_json)
        raise typer.Exit(NOT_COMPLETED) from None


def _tell_left(workflow_id: str, *, as_json: bool) -> None:
    sys.stderr.write(
        f"\nleft; {workflow_id} goes on running. `durazzo watch {workflow_id}` comes back to it, "
        f"`durazzo cancel {workflow_id}` stops it\n"
    )
    if as_json:
        print_json(run_object(workflow_id, None, "running"))
