"""`durazzo result`: the outputs of a run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from activities.credentials import SecretStore
from activities.sealing import opened
from activities.signing import load_key
from commands.attached import finish, link_to
from commands.connection import ConnectionOptions, connect_quietly
from commands.failures import reported
from commands.live_view import wait_for_end
from commands.options import Address, AsJson, Namespace, Profile, RunId
from commands.run_report import describe, report_of
from settings import load_settings

if TYPE_CHECKING:
    from commands.run_report import RunReport

app = typer.Typer(add_completion=False)


@app.command()
def result(
    run: RunId,
    unseal: Annotated[  # noqa: FBT002
        bool, typer.Option("--unseal", help="Open sealed outputs, with the key of this machine.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the end of the run.")] = True,  # noqa: FBT002
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Print the outputs of a run as JSON; waits for its end."""
    with reported(as_json=as_json):
        report = asyncio.run(_result(run, ConnectionOptions(address, namespace, profile), wait))
        if unseal:
            report = replace(report, outputs=_unsealed(report.outputs))
    finish(report, as_json=as_json)


def _unsealed(outputs: Any) -> Any:
    settings = load_settings()
    key = load_key(SecretStore(settings.secrets_dir), settings.state_folder)
    return opened(key, outputs)


async def _result(run: str, connection: ConnectionOptions, wait: bool) -> RunReport:
    client = await connect_quietly(connection)
    handle = client.get_workflow_handle(run)
    await describe(handle)
    if wait:
        await wait_for_end(handle)
    return await report_of(handle, link_to(client, handle))


if __name__ == "__main__":
    app()
