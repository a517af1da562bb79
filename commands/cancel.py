"""`durazzo cancel`: ask a run to stop. A write in flight is waited for."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer
from temporalio.service import RPCError, RPCStatusCode

from commands.attached import link_to
from commands.connection import ConnectionOptions, connect_quietly, refusal
from commands.failures import NOT_COMPLETED, RunExists, reported
from commands.live_view import query_progress, why_silent
from commands.options import Address, AsJson, Namespace, Profile, RunId
from commands.run_report import STATUS_NAMES, describe, report_of

if TYPE_CHECKING:
    from commands.run_report import RunReport

app = typer.Typer(add_completion=False)

SECONDS_TO_END: Final = 15.0
"""How long the end is waited for; a write in flight may take longer."""


@app.command()
def cancel(
    run: RunId,
    detach: Annotated[bool, typer.Option(help="Ask only; do not wait for the end.")] = False,  # noqa: FBT002
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for the end.")
    ] = SECONDS_TO_END,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Ask a run to stop, and wait until it has."""
    with reported(as_json=as_json):
        connection = ConnectionOptions(address, namespace, profile)
        report, silent = asyncio.run(_cancel(run, connection, 0.0 if detach else wait))
    if as_json:
        report.print_json()
    else:
        told = "asked to stop, and still running" if report.status == "running" else report.status
        told += f"; {silent}" if silent else ""
        sys.stderr.write(f"{run}: {told}\nWeb UI: {report.web_url}\n")
    stopped = report.status == "canceled" or detach
    raise typer.Exit(0 if stopped else NOT_COMPLETED)


async def _cancel(run: str, connection: ConnectionOptions, seconds: float) -> tuple[RunReport, str]:
    """Return how the run stands then, and why no worker answers when it still runs."""
    client = await connect_quietly(connection)
    handle = client.get_workflow_handle(run)
    found = await describe(handle)
    if found.close_time is not None and found.status is not None:
        raise RunExists(
            f"`{run}` has ended already: {STATUS_NAMES[found.status]}", reason="run-ended"
        )
    try:
        await handle.cancel()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # else it has ended just now
            raise refusal(error) from error
    if seconds:
        ended = asyncio.ensure_future(handle.result())
        await asyncio.wait([ended], timeout=seconds)
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
    report = await report_of(handle, link_to(client, handle))
    waits = seconds and report.status == "running" and await query_progress(handle) is None
    return report, await why_silent(client, handle) if waits else ""


if __name__ == "__main__":
    app()
