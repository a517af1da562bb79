"""`durazzo watch`: attach to a run and watch it to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from commands.attached import attach, finish, run_attached
from commands.connection import ConnectionOptions, connect_quietly
from commands.failures import reported
from commands.options import Address, AsJson, Namespace, Profile, RunId
from commands.run_report import describe

if TYPE_CHECKING:
    from commands.run_report import RunReport

app = typer.Typer(add_completion=False)


@app.command()
def watch(
    run: RunId,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Watch a run to its end, then print its outputs."""
    with reported(as_json=as_json):
        connection = ConnectionOptions(address, namespace, profile)
        started: list[str] = []
        work = _watch(run, connection, started, quiet=as_json)
        report = run_attached(work, started, as_json=as_json)
    finish(report, as_json=as_json)


async def _watch(
    run: str, connection: ConnectionOptions, started: list[str], *, quiet: bool
) -> RunReport:
    client = await connect_quietly(connection)
    handle = client.get_workflow_handle(run)
    await describe(handle)
    started.append(run)
    return await attach(client, handle, quiet=quiet)


if __name__ == "__main__":
    app()
