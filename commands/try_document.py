"""`durazzo try`: run a workflow of a document here and now, without Temporal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from catalogue import Entry
from commands.failures import COMPLETED, MISTAKE, NOT_COMPLETED, print_json, reported, run_object
from commands.message_options import given_messages
from commands.options import AsJson, GivenInputs, InputsFile, Secrets
from commands.run_inputs import collect_inputs
from commands.server_options import server_options
from rehearsal import the_entry, try_entry

if TYPE_CHECKING:
    from rehearsal import Rehearsal
    from rehearsal.attempt import Exchange

app = typer.Typer(add_completion=False)

MISTAKES = frozenset(("InputInvalid", "DocumentInvalid", "SecretMissing"))


@app.command(name="try")
def try_workflow(  # noqa: PLR0913, PLR0917 - one parameter for each option
    file: Annotated[Path, typer.Argument(help="The document.")],
    workflow: Annotated[
        str | None, typer.Argument(help="The workflow; not needed where there is only one.")
    ] = None,
    given: GivenInputs = None,
    inputs: InputsFile = None,
    secret: Secrets = None,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE=URL", help="Base URL of a source description."),
    ] = None,
    waits: Annotated[
        float, typer.Option(min=0, max=1, help="Part of each wait that is waited; 0 for none.")
    ] = 1.0,
    message: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNEL=JSON|@FILE",
            help="A message for a step that receives: its payload, or an object with `payload` "
            "and `headers`. May be repeated; steps take them in this order.",
        ),
    ] = None,
    strict: Annotated[  # noqa: FBT002
        bool, typer.Option("--strict", help="Refuse what the standard does not have.")
    ] = False,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Run a workflow here and now, without Temporal: real requests, but nothing is durable."""
    import asyncio  # noqa: PLC0415 - only where something runs

    with reported(as_json=as_json):
        entry = the_entry(file, workflow)
        collected = collect_inputs(entry.compiled.schema, given or [], inputs, secret or [])
        of_document = (Entry(entry.document, one) for one in entry.document.workflows)
        servers = server_options(server or [], of_document)
        messages = given_messages(message)
        work = try_entry(
            entry,
            collected,
            servers,
            strict=strict,
            waits=waits,
            messages=messages,
            seen=None if as_json else _tell,
        )
        tried = asyncio.run(work)
    if as_json:
        print_json(_object(tried))
    else:
        _print(tried, file)
    raise typer.Exit(_exit_code(tried))


def _exit_code(tried: Rehearsal) -> int:
    if tried.status == "completed":
        return COMPLETED
    return MISTAKE if tried.error and tried.error["type"] in MISTAKES else NOT_COMPLETED


def _object(tried: Rehearsal) -> dict[str, Any]:
    requests = [
        {"method": one.method, "url": one.url, "status": one.status} for one in tried.requests
    ]
    told = run_object(None, None, tried.status, outputs=tried.outputs, error=tried.error)
    return {**told, "warnings": list(tried.warnings), "requests": requests}


def _tell(one: Exchange) -> None:
    """Print a request as it is answered: a poll of minutes would look like nothing else."""
    told = Console(stderr=True, highlight=False, soft_wrap=True)
    told.print(f"{one.method} {one.url} → {one.status}", style="dim", markup=False)


def _print(tried: Rehearsal, file: Path) -> None:
    if tried.warnings:
        many = len(tried.warnings)
        said = f"{many} warning{'s' if many > 1 else ''}: `durazzo check {file}` tells"
        Console(stderr=True, soft_wrap=True).print(said, style="yellow", markup=False)
    if tried.error is not None:
        sys.stderr.write(f"{tried.error['type']}: {tried.error['message']}\n")
    else:
        print_json(tried.outputs)


if __name__ == "__main__":
    app()
