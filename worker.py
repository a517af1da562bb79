"""Registers every workflow class and every activity with a Temporal server, and runs.

`python worker.py` (installed: `durazzo worker`). It stops on SIGTERM or Ctrl-C: activities that
are running get 30 seconds to end, and what is not done then goes on in another worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.client import make_client
from activities.credentials import SecretStore
from activities.evaluation import Evaluations
from activities.files import open_store
from activities.heartbeats import LONGEST_SECONDS
from activities.limits import Limits
from activities.load_plan import Plans
from activities.messages import Receptions, check_message
from activities.operation import Operations
from activities.run_values import RunValues
from activities.signing import load_key
from arazzo.errors import InputInvalid
from arazzo.needed_secrets import names_of
from catalogue import load_catalogue, worker_defaults
from commands.connection import ConnectionOptions, connect, refusal
from commands.data_conversion import told_encryption
from commands.failures import reported
from commands.queue_workers import expect_keys
from commands.secret_places import Places
from commands.secrets import needs_of, without_settings
from commands.server_options import server_options
from commands.worker_log import log_in_lines
from settings import load_settings
from workflows.factory import AnyArazzoWorkflow, make_classes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from temporalio.client import Client

    from catalogue import Catalogue, Entry
    from settings import Settings

app = typer.Typer(add_completion=False)


@asynccontextmanager
async def running_worker(
    client: Client,
    catalogue: Catalogue,
    settings: Settings,
    *,
    task_queue: str,
    servers: Mapping[str, str],
    max_cached_workflows: int = 1000,
) -> AsyncIterator[Worker]:
    """Run a worker until the block ends; then activities get their time to finish."""
    store = SecretStore(settings.secrets_dir)
    key = load_key(store, settings.state_folder)
    blobs = open_store(settings.blob_store, settings.state_folder)
    async with make_client() as http, limits_of(settings, key) as limits:
        plans = Plans(catalogue, key, servers, blobs)
        operations = Operations(http, key, store, servers, limits, blobs)
        values = RunValues(blobs)
        worker = Worker(
            client,
            task_queue=task_queue,
            workflows=[*make_classes(catalogue.workflow_types), AnyArazzoWorkflow],
            activities=[
                plans.load_plan,
                plans.seal_run,
                operations.attempt,
                operations.judge_lost,
                operations.judge_workflow_step,
                Evaluations(key, store, blobs).evaluate_values,
                values.join_pages,
                values.move_outputs,
                check_message,
                Receptions(blobs).judge_message,
            ],
            max_cached_workflows=max_cached_workflows,
            graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_seconds),
            max_heartbeat_throttle_interval=timedelta(seconds=LONGEST_SECONDS),
        )
        try:
            async with worker:
                yield worker
        finally:
            await operations.close()


@asynccontextmanager
async def limits_of(settings: Settings, key: bytes) -> AsyncIterator[Limits]:
    """Give the limits of this worker: its own, or those that it shares with others."""
    if settings.limits_url is None:
        yield Limits()
        return
    from activities.redis_limits import shared_limits  # noqa: PLC0415 - only where they are shared

    async with shared_limits(settings.limits_url.get_secret_value()) as store:
        yield Limits(store, key)


@app.command()
def worker(
    documents: Annotated[
        list[Path] | None, typer.Option(help="Folder of Arazzo documents; may be repeated.")
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE=URL", help="Base URL of a source description."),
    ] = None,
    task_queue: Annotated[str | None, typer.Option(help="Task queue to serve.")] = None,
    address: Annotated[str | None, typer.Option(help="Temporal server, host:port.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Temporal namespace.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of Temporal's envconfig.")] = None,
) -> None:
    """Serve every workflow of the documents until stopped."""
    options = ConnectionOptions(address, namespace, profile)
    with reported():
        asyncio.run(_serve(documents, server or [], task_queue, options))
    _leave(0)


async def _serve(
    documents: Sequence[Path] | None,
    server: Sequence[str],
    task_queue: str | None,
    options: ConnectionOptions,
) -> None:
    settings = load_settings()
    log_in_lines()
    catalogue = load_catalogue(documents or settings.documents, worker_defaults(settings))
    _refuse_duplicates(catalogue)
    servers = {**settings.servers, **server_options(server, catalogue.entries)}
    client = await connect(options)
    await _expect_namespace(client)
    queue = task_queue or settings.task_queue
    await expect_keys(client, queue)
    stopped = _stop_signal()
    async with running_worker(client, catalogue, settings, task_queue=queue, servers=servers):
        _tell(_greeting(catalogue, queue, client))
        await stopped.wait()
        _tell("stopping: activities that run get their time to finish")


async def _expect_namespace(client: Client) -> None:
    """Say so when the namespace is not there, before anything is polled for."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request)
    except RPCError as error:
        raise refusal(error) from error


def _refuse_duplicates(catalogue: Catalogue) -> None:
    for name, files in catalogue.duplicates().items():
        raise InputInvalid(
            f"two documents have the workflowId `{name}`: {' and '.join(files)}. "
            "Set a `prefix:` in the settings.yaml of one folder",
            reason="duplicate-workflow",
        )


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


def _greeting(catalogue: Catalogue, queue: str, client: Client) -> str:
    address = client.service_client.config.target_host
    places = Places(load_settings())
    lines = [
        f"worker on task queue `{queue}`, namespace `{client.namespace}`, at {address}",
        f"  sends {told_encryption(client)} to Temporal",
    ]
    for entry in catalogue.entries:
        name = entry.compiled.workflow_type
        if entry.compiled.plan is not None:
            lines.append(f"  serves {name} ({entry.document.file}){_lacking(entry, places)}")
        else:
            errors = [one for one in entry.compiled.findings if one.severity == "error"]
            lines.append(f"  cannot run {name}: {errors[0]}")
    lines += [f"  {one}" for one in catalogue.doubts]
    lines += [f"  cannot read {one.file}: {one.error.message}" for one in catalogue.broken]
    if not catalogue.entries:
        lines.append("  no Arazzo document was found; runs of gone documents are still served")
    return "\n".join(lines)


def _lacking(entry: Entry, places: Places) -> str:
    """Return what is said of a workflow whose runs would end with SecretMissing."""
    needs = needs_of(entry)
    found = places.found(names_of(needs))
    if all(need.is_met(found) for need in needs) and not without_settings(entry):
        return ""
    return f"; it lacks credentials: `durazzo secrets {entry.compiled.workflow_type}`"


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _leave(code: int) -> None:
    """End without the interpreter's own shutdown, in which Temporal's core can crash."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    app()
