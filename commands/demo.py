"""`durazzo demo`: the shipped workflows against stand-ins, with everything killed half-way."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import httpx
import typer
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from commands.connection import ConnectionOptions, NoTemporalServer, connect, web_url
from commands.demo_processes import DemoFailed, Processes, start_stand_in
from commands.demo_report import Ended, Story, print_requests, print_runs
from commands.demo_systems import SYSTEMS
from commands.failures import reported
from commands.server import DEFAULT_PORT, HOST, codec_endpoint, is_taken, start_server
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.client import Client, WorkflowHandle

    from commands.demo_systems import System

app = typer.Typer(add_completion=False)

SECONDS_TO_POLL: Final = 40.0
SECONDS_TO_END: Final = 120.0
POLLING: Final = {"first": 2.0, "factor": 1.0, "longest": 2.0, "deadline": 300.0}
RUNS: Final = [run for system in SYSTEMS for run in system.runs]
POLLING_RUNS: Final = [run.workflow for run in RUNS if run.polls]


@app.command()
def demo(
    address: Annotated[str | None, typer.Option(help="Temporal server, host:port.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Temporal namespace.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of Temporal's envconfig.")] = None,
) -> None:
    """Run the shipped workflows against stand-ins, killing worker and server half-way."""
    with reported():
        asyncio.run(_demo(ConnectionOptions(address, namespace, profile)))


async def _demo(options: ConnectionOptions) -> None:
    with tempfile.TemporaryDirectory(prefix="durazzo-demo-") as folder:
        secrets = {name: value for system in SYSTEMS for name, value in system.secrets.items()}
        processes = Processes(
            Path(folder),
            {
                **{f"DURAZZO_SECRET_{name.upper()}": value for name, value in secrets.items()},
                "DURAZZO_HTTP_TOTAL_SECONDS": "5",
                "DURAZZO_ACTIVITY_MARGIN_SECONDS": "3",
            },
        )
        play = Demo(processes, options)
        try:
            await play.run()
        finally:
            await asyncio.to_thread(processes.stop_all)


@dataclass
class Demo:
    """One showing: the processes, and what happened."""

    processes: Processes
    options: ConnectionOptions
    story: Story = field(default_factory=Story)
    queue: str = field(default_factory=lambda: f"durazzo-demo-{uuid.uuid4().hex[:6]}")
    own_port: int | None = None
    stand_ins: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Show everything; raises DemoFailed when something was lost or sent twice."""
        client = await self._server()
        for system in SYSTEMS:
            address = await asyncio.to_thread(start_stand_in, self.processes, system)
            self.stand_ins[system.name] = address
            self.story.tell(f"stand-in of {system.name} at {address}")
        self._start_worker()
        handles = await self._start_runs(client)
        await self._until_polling(handles)
        pid = self.processes.kill("worker")
        self.story.tell_kill(f"killed the worker (process {pid}, SIGKILL) while runs poll")
        client = await self._kill_server(client)
        self._start_worker()
        ended = await self._results(client, handles)
        await self._report(ended)
        await self._stay()

    async def _server(self) -> Client:
        try:
            client = await connect(self.options)
        except NoTemporalServer:
            if self.options.address or os.environ.get("TEMPORAL_ADDRESS"):
                raise
            return await self._own_server()
        self.story.tell(f"using the Temporal server at {client.service_client.config.target_host}")
        return client

    async def _own_server(self) -> Client:
        port = DEFAULT_PORT
        while is_taken(port) or is_taken(port + 1000):
            port += 1
        self.own_port = port
        client = await self._start_own(port)
        self.story.tell(f"Temporal server at {HOST}:{port}, Web UI http://{HOST}:{port + 1000}")
        return client

    async def _start_own(self, port: int) -> Client:
        database = load_settings().state_folder / "demo.db"
        log = self.processes.logs / "server.log"
        process = await start_server(
            port, port + 1000, database, log=log, ui_codec_endpoint=codec_endpoint()
        )
        self.processes.adopt("server", process)
        self.options = ConnectionOptions(f"{HOST}:{port}")
        return await connect(self.options)

    async def _kill_server(self, client: Client) -> Client:
        if self.own_port is None:
            self.story.tell("the Temporal server is not ours, so it is left alone")
            return client
        pid = self.processes.kill("server")
        self.story.tell_kill(f"killed the Temporal server (process {pid}, SIGKILL)")
        restarted = await self._start_own(self.own_port)
        self.story.tell("Temporal server started again on the same database")
        return restarted

    def _start_worker(self) -> None:
        connection = ["--address", self.options.address] if self.options.address else []
        for name in ("namespace", "profile"):
            value = getattr(self.options, name)
            connection += [f"--{name}", value] if value else []
        servers = [
            f"{source}={self.stand_ins[system.name]}{system.base_path}"
            for system in SYSTEMS
            for source in system.sources
        ]
        arguments = [part for server in servers for part in ("--server", server)]
        queue = ["--task-queue", self.queue]
        process = self.processes.start("worker", ["worker.py", *arguments, *queue, *connection])
        self.story.tell(f"worker started (process {process.pid})")

    async def _start_runs(self, client: Client) -> dict[str, WorkflowHandle[Any, Any]]:
        handles = {}
        for run in RUNS:
            handles[run.workflow] = await client.start_workflow(
                run.workflow,
                args=[run.inputs, {"polling": POLLING}],
                id=f"demo-{run.workflow}-{uuid.uuid4().hex[:6]}",
                task_queue=self.queue,
            )
            self.story.tell(f"started [bold]{run.workflow}[/bold]")
        return handles

    async def _until_polling(self, handles: dict[str, WorkflowHandle[Any, Any]]) -> None:
        waiting = set(POLLING_RUNS)
        latest = self.story.seconds() + SECONDS_TO_POLL
        while waiting:
            self.processes.check()
            if self.story.seconds() > latest:
                raise DemoFailed(
                    f"no poll began in {SECONDS_TO_POLL:g} s: {', '.join(waiting)}", reason="slow"
                )
            for workflow in sorted(waiting):
                found = await _progress(handles[workflow])
                if found.get("polls"):
                    self.story.tell(f"{workflow} polls, now at `{found['step']}`")
                    waiting.discard(workflow)
            await asyncio.sleep(0.2)

    async def _results(
        self, client: Client, handles: dict[str, WorkflowHandle[Any, Any]]
    ) -> list[Ended]:
        self.story.tell("waiting for the results …")
        try:
            async with asyncio.timeout(SECONDS_TO_END):
                return [await self._ended(client, one, handles[one]) for one in handles]
        except TimeoutError as error:
            raise DemoFailed(
                f"not all runs ended in {SECONDS_TO_END:g} s", reason="slow"
            ) from error

    async def _ended(
        self, client: Client, workflow: str, handle: WorkflowHandle[Any, Any]
    ) -> Ended:
        again = client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
        outputs, message = None, ""
        try:
            outputs = await again.result()
        except WorkflowFailureError as error:
            message = str(error.cause)
        polls = await _polls(client, again)
        self.story.tell(f"[bold]{workflow}[/bold] {'completed' if outputs else 'failed'}")
        url = web_url(client, handle.id, handle.result_run_id)
        system = next(one.name for one in SYSTEMS if workflow in {r.workflow for r in one.runs})
        return Ended(system, workflow, url, outputs, message, polls)

    async def _report(self, ended: list[Ended]) -> None:
        print_runs(self.story, ended)
        lost = [f"{run.workflow}: {run.error}" for run in ended if run.outputs is None]
        twice: list[str] = []
        counted = []
        for system in SYSTEMS:
            async with httpx.AsyncClient(base_url=self.stand_ins[system.name]) as stand_in:
                counters = (await stand_in.get("/_control/counters")).json()
            counted.append((system, counters["taken"]))
            twice += _not_once(system, counters["received"])
        print_requests(self.story, counted)
        if lost or twice:
            raise DemoFailed("; ".join([*lost, *twice]), reason="lost-or-twice")
        self.story.tell("[bold green]nothing was lost, and nothing was sent twice[/bold green]")

    async def _stay(self) -> None:
        if not sys.stdout.isatty():
            return
        self.story.tell("look around in the Web UI; Ctrl-C ends the demo")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return


async def _progress(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = await handle.query("progress")
    except RPCError:
        return {}  # no worker answers just now; the caller asks again
    return found


async def _polls(client: Client, handle: WorkflowHandle[Any, Any]) -> int:
    """Count the polls of a run and of the workflows that its steps called."""
    found = await _progress(handle)
    polls = int(found.get("polls") or 0)
    for child in (row["run"] for row in found.get("steps", []) if row["run"]):
        polls += await _polls(client, client.get_workflow_handle(child))
    return polls


def _not_once(system: System, received: Mapping[str, int]) -> list[str]:
    return [
        f"{operation} was sent {received.get(operation, 0)} times"
        for operation in system.once
        if received.get(operation, 0) != 1
    ]
