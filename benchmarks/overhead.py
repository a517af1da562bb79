"""The overhead of Durazzo over a hand-written Temporal workflow with the same calls.

    python -m benchmarks.overhead [--rounds N] [--warm-up N] [--seconds S] [--polls N]

One real Temporal server, one stand-in on loopback, one process with both workers. Each round
runs all kinds once, in an order that turns; a run counts from its start to its result. Both
`--rounds` and `--seconds` bound the measurement. `--polls` is the number of polls that see each
of the two states before the end: 0 is three calls and no timer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.client import make_client
from benchmarks.hand_written import Calls, HandWritten, HandWrittenSandboxed
from catalogue import load_catalogue, worker_defaults
from commands.temporal_binary import find_binary
from mocks.amplitude import DEFAULT_CREDENTIALS
from settings import CHECKOUT, Settings
from worker import running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from temporalio.client import Client

WORKFLOW: Final = "export-cohort-members"
UNHURRIED: Final = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    'history.timerProcessorMaxTimeShift="10ms"',
)
"""The development server has one shard, which by default looks for tasks 20 times a second: each
activity and each workflow task would wait up to 50 ms, and drown what is measured here."""
COHORT: Final = "c0ffee1"
SECRET: Final = "amplitude_basic_auth"  # noqa: S105 - the name of one
INPUTS: Final = {"basicAuth": {"$secret": SECRET}, "cohortId": COHORT}
NO_WAIT: Final = {"polling": {"first": 0, "factor": 1, "longest": 0}}
OPERATIONS: Final = ("requestCohortExport", "getCohortExportStatus", "downloadCohortExport")


@dataclass
class Kind:
    """One way to do the same: workflow type, queue and arguments.

    `seconds` are those of its runs by the clock, `cpu` those that the process with client and
    workers computed meanwhile.
    """

    name: str
    task_queue: str
    arguments: Sequence[Any]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def run(self, client: Client) -> Any:
        """Run it once and keep how long it took."""
        began, computed = time.perf_counter(), time.process_time()
        outputs = await client.execute_workflow(
            self.name,
            args=self.arguments,
            id=f"{self.name}-{uuid.uuid4().hex}",
            task_queue=self.task_queue,
        )
        self.seconds.append(time.perf_counter() - began)
        self.cpu.append(time.process_time() - computed)
        return outputs

    @property
    def median(self) -> float:
        """Return the median in seconds."""
        return statistics.median(self.seconds)


@contextmanager
def stand_in(polls: int) -> Iterator[str]:
    """Run the stand-in as a process of its own; gives its base URL."""
    pace = ["--export-polls", str(polls)] if polls else ["--export-seconds", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mocks.amplitude", "--port", "0", *pace],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield (process.stdout.readline() if process.stdout else "").split()[-1]
    finally:
        process.terminate()
        process.wait()


async def measure(given: argparse.Namespace, base_url: str) -> list[Kind]:
    """Run all kinds in turn and return them with their times."""
    settings = Settings(state_folder=Path(tempfile.mkdtemp()))
    catalogue = load_catalogue([CHECKOUT / "documents" / "amplitude"], worker_defaults(settings))
    servers = {"behavioralCohortsApi": base_url, "dsarApi": base_url}
    configuration = [part for one in UNHURRIED for part in ("--dynamic-config-value", one)]
    async with AsyncExitStack() as stack:
        environment = await stack.enter_async_context(
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=str(find_binary()),
                dev_server_extra_args=configuration,
            )
        )
        client = environment.client
        http = await stack.enter_async_context(make_client())
        calls = Calls(http, base_url, DEFAULT_CREDENTIALS)
        await stack.enter_async_context(
            running_worker(client, catalogue, settings, task_queue="ours", servers=servers)
        )
        await stack.enter_async_context(
            Worker(
                client,
                task_queue="by-hand",
                workflows=[HandWritten, HandWrittenSandboxed],
                activities=[calls.request_export, calls.export_status, calls.download_export],
            )
        )
        return await _rounds(client, given)


async def _rounds(client: Client, given: argparse.Namespace) -> list[Kind]:
    kinds = [
        Kind(WORKFLOW, "ours", [INPUTS, NO_WAIT]),
        Kind("hand-written", "by-hand", [COHORT]),
        Kind("hand-written-sandboxed", "by-hand", [COHORT]),
    ]
    for _ in range(given.warm_up):
        results = [_comparable(await kind.run(client)) for kind in kinds]
        if any(one != results[0] for one in results):
            sys.exit("the kinds give different outputs")
    for kind in kinds:
        kind.seconds.clear()
        kind.cpu.clear()
    ends = time.monotonic() + given.seconds
    for number in range(given.rounds):
        if time.monotonic() > ends:
            break
        turn = number % len(kinds)
        for kind in kinds[turn:] + kinds[:turn]:
            await kind.run(client)
    return kinds


def _comparable(outputs: dict[str, Any]) -> Any:
    """Every export has an id of its own; the rest must be the same."""
    return outputs["finalStatus"], len(outputs["cohortFile"]["members"])


def expect_same_calls(base_url: str, runs: int) -> dict[str, int]:
    """Return the requests per operation; all kinds together must have sent the same each."""
    found = httpx.get(f"{base_url}/_control/counters").json()["taken"]
    uneven = [name for name in OPERATIONS if found[name] % runs]
    if uneven:
        sys.exit(f"not all runs sent as many requests: {found}")
    return {name: found[name] // runs for name in OPERATIONS}


def report(kinds: Sequence[Kind], calls: dict[str, int]) -> None:
    """Print the table, and the ratio of the medians."""
    print(f"{os.cpu_count()} cores; requests per run: {sum(calls.values())}")
    print(f"{'workflow':<24}{'runs':>6}{'p25 ms':>9}{'median ms':>11}{'p75 ms':>9}{'cpu ms':>9}")
    for kind in kinds:
        low, middle, high = (1000 * one for one in statistics.quantiles(kind.seconds, n=4))
        cpu = 1000 * statistics.median(kind.cpu)
        row = f"{kind.name:<24}{len(kind.seconds):>6}"
        print(f"{row}{low:>9.2f}{middle:>11.2f}{high:>9.2f}{cpu:>9.2f}")
    ours, by_hand, sandboxed = kinds
    print(f"ratio of the medians: {ours.median / by_hand.median:.3f}")
    print(f"against the sandboxed one: {ours.median / sandboxed.median:.3f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--warm-up", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--polls", type=int, default=0)
    given = parser.parse_args()
    os.environ[f"DURAZZO_SECRET_{SECRET.upper()}"] = DEFAULT_CREDENTIALS
    with stand_in(given.polls) as base_url:
        kinds = asyncio.run(measure(given, base_url))
        runs = sum(len(kind.seconds) + given.warm_up for kind in kinds)
        report(kinds, expect_same_calls(base_url, runs))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the interpreter's own shutdown can crash in Temporal's core
