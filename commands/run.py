"""`durazzo run`: start a workflow and watch it to its end."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from arazzo.errors import InputInvalid, PayloadTooLarge
from commands.attached import attach, finish, link_to, run_attached
from commands.connection import ConnectionOptions, connect_quietly, refusal
from commands.documents import find_runnable
from commands.failures import NoWorker, RunExists, reported
from commands.options import (
    Address,
    AsJson,
    Documents,
    GivenInputs,
    InputsFile,
    Namespace,
    Profile,
    Secrets,
    TaskQueue,
)
from commands.queue_workers import has_workers
from commands.run_inputs import collect_inputs, expect_secrets
from commands.run_options import collect_options
from commands.run_report import RunReport
from settings import load_settings

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

    from catalogue import Entry

app = typer.Typer(add_completion=False)

LONGEST_SUMMARY: Final = 180
LONGEST_DETAILS: Final = 10_000
"""Temporal takes 20,000 bytes."""
LONGEST: Final = 400 * 86400.0
"""Seconds: what a pace of polling may be (arazzo/provider.py)."""


@dataclass(frozen=True)
class Start:
    """All that a start needs."""

    workflow_type: str
    summary: str
    details: str
    inputs: dict[str, Any]
    options: dict[str, Any]
    workflow_id: str
    task_queue: str


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter for each option
    workflow: Annotated[str, typer.Argument(help="The workflow to run.")],
    given: GivenInputs = None,
    inputs: InputsFile = None,
    secret: Secrets = None,
    server: Annotated[
        str | None,
        typer.Option(metavar="[SOURCE=]NAME", help="Which server of the settings, such as eu."),
    ] = None,
    workflow_id: Annotated[str | None, typer.Option("--id", help="Id of the run.")] = None,
    detach: Annotated[bool, typer.Option(help="Start only; do not watch.")] = False,  # noqa: FBT002
    poll_interval: Annotated[
        float | None,
        typer.Option(min=0.01, max=LONGEST, help="Seconds between polls, all the same."),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(min=0, max=LONGEST, help="Seconds after which polling gives up."),
    ] = None,
    documents: Documents = None,
    task_queue: TaskQueue = None,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Start a workflow and watch it to its end."""
    with reported(as_json=as_json):
        if workflow_id == "":
            raise InputInvalid("`--id` names a run, so it can't be empty", reason="run-id")
        entry = find_runnable(documents, workflow)
        start = Start(
            workflow_type=entry.compiled.workflow_type,
            summary=entry.compiled.workflow.summary[:LONGEST_SUMMARY],
            details=_details(entry),
            inputs=_checked(entry, given or [], inputs, secret or []),
            options=collect_options(entry.compiled.servers, server, poll_interval, deadline),
            workflow_id=workflow_id or f"{workflow}-{uuid.uuid4().hex[:8]}",
            task_queue=task_queue or load_settings().task_queue,
        )
        connection = ConnectionOptions(address, namespace, profile)
        started: list[str] = []
        work = _run(start, connection, started, detach=detach, quiet=as_json)
        report = run_attached(work, started, as_json=as_json)
    if detach and not as_json:
        print(report.workflow_id)
        raise typer.Exit(0)
    if detach:
        report.print_json()
        raise typer.Exit(0)
    finish(report, as_json=as_json)


def _details(entry: Entry) -> str:
    """What the Web UI tells of the run from its start: the document, and what its steps do."""
    document, plan = entry.document, entry.compiled.plan
    steps = [f"1. {step.step_id}: `{step.request_line}`" for step in plan.steps] if plan else []
    title = f"**{document.title}** {document.version}, `{document.file}`"
    return "\n".join([title, "", *steps])[:LONGEST_DETAILS]


def _checked(entry: Entry, given: list[str], file: str | None, secret: list[str]) -> dict[str, Any]:
    compiled = entry.compiled
    inputs = collect_inputs(compiled.schema, given, file, secret)
    if compiled.plan is not None:  # as `find_runnable` has seen to
        compiled.schema.check(inputs, compiled.plan.secret_inputs)
        expect_secrets(compiled.plan, inputs)
    return inputs


async def _run(
    start: Start,
    connection: ConnectionOptions,
    started: list[str],
    *,
    detach: bool,
    quiet: bool,
) -> RunReport:
    client = await connect_quietly(connection)
    await _expect_worker(client, start.task_queue)
    handle = await _start(client, start)
    started.append(handle.id)
    if detach:
        if not quiet:
            sys.stderr.write(f"Web UI: {link_to(client, handle)}\n")
        return RunReport(handle.id, handle.result_run_id, "running", link_to(client, handle))
    if not quiet:
        sys.stderr.write(f"started {handle.id}\n")
    return await attach(client, handle, quiet=quiet)


async def _expect_worker(client: Client, task_queue: str) -> None:
    """Say so when nobody serves the queue, in place of waiting silently."""
    if not await has_workers(client, task_queue):
        raise NoWorker(
            f"no worker serves the task queue `{task_queue}` in the namespace "
            f"`{client.namespace}`. Start one with `durazzo worker` in another terminal; "
            "nothing was started",
            reason="no-worker",
        )


async def _start(client: Client, start: Start) -> WorkflowHandle[Any, Any]:
    try:
        return await client.start_workflow(
            start.workflow_type,
            args=[start.inputs, start.options],
            id=start.workflow_id,
            task_queue=start.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=start.summary or None,
            static_details=start.details,
        )
    except WorkflowAlreadyStartedError as error:
        raise RunExists(
            f"a run with the id `{start.workflow_id}` is running already; "
            f"`durazzo watch {start.workflow_id}` shows it, --id names another",
            reason="run-exists",
        ) from error
    except RPCError as error:
        raise _refused(error) from error


def _refused(error: RPCError) -> Exception:
    if error.status is not RPCStatusCode.INVALID_ARGUMENT:
        return refusal(error)
    if "size exceeds" in error.message.lower():
        return PayloadTooLarge(
            f"the inputs are too large for Temporal: {error.message}. `durazzo put FILE` and "
            "`durazzo put --value FILE` keep a large one in the blob store and print the reference "
            "to give in its place",
            reason="inputs-too-large",
        )
    return InputInvalid(f"the server refused the start: {error.message}", reason="refused")


if __name__ == "__main__":
    app()
