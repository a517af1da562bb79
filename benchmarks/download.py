"""What a large download costs: memory, speed beside bare httpx, and the bytes that a kill costs.

    python -m benchmarks.download [--megabytes N] [--store local|s3|both] [--rounds N] [--rate N]

Real processes over loopback: a server of a generated file, a Temporal server, a worker, for S3
moto's server. In each round bare httpx and a run have one turn. Then the worker is killed with
SIGKILL at half-way, and another one takes over. The exit code is 1 when a promise is not held:
200 MB of memory above the worker's start, the right SHA-256, and a folder's download that goes on.
Linux only, for memory is read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.download_site import (
    BUCKET,
    MEGABYTE,
    TICK_SECONDS,
    Memory,
    Site,
    free_port,
    site_of,
)
from commands.connection import ConnectionOptions, connect
from commands.server import start_server, stop_server

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

WAY: Final = Path(__file__).with_name("download_way.py")
MOST_MEMORY: Final = 200 * MEGABYTE
STORES: Final = {"local": ("local",), "s3": ("s3",), "both": ("local", "s3")}


@dataclass
class Found:
    """What one store showed; `broken` are the promises that were not held."""

    store: str
    broken: list[str] = field(default_factory=list)

    def expect(self, promise: str, *, held: bool) -> None:
        """Note a promise that is not held."""
        if not held:
            self.broken.append(f"{self.store}: {promise}")

    def expect_memory(self, *peaks: int) -> None:
        """Note a worker that took too much memory."""
        most = MOST_MEMORY // MEGABYTE
        self.expect(f"less than {most} MB above its start", held=max(peaks) < MOST_MEMORY)

    def tell(self, text: str) -> None:
        """Print a line."""
        print(f"{self.store:<6}{text}", flush=True)


@dataclass
class Times:
    """Seconds of each round: bare httpx until written and until on the disk, and a run.

    `stored` are those of obstore by itself, where the store is none of ours.
    """

    written: list[float] = field(default_factory=list)
    synced: list[float] = field(default_factory=list)
    run: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)

    def told(self, size: int) -> str:
        """Return the medians as text, and how they compare within a round."""
        pairs = zip(self.run, self.written, self.synced, strict=True)
        ratios = [(run / written, run / synced) for run, written, synced in pairs]
        by_written, by_synced = (statistics.median(one[way] for one in ratios) for way in (0, 1))
        alone = f", obstore by itself {_rate(size, self.stored)}" if self.stored else ""
        return (
            f"bare httpx {_rate(size, self.written)} MB/s, {_rate(size, self.synced)} until it is "
            f"on the disk, a run {_rate(size, self.run)}: {by_written:.2f} and {by_synced:.2f} "
            f"times as long{alone} ({len(self.run)} rounds)"
        )


def _rate(size: int, seconds: list[float]) -> str:
    return f"{size / MEGABYTE / statistics.median(seconds):.0f}"


async def bare(site: Site, times: Times) -> str:
    """Fetch the file with httpx and nothing else; gives its SHA-256."""
    target = site.folder / "bare"
    digest, written, synced = (await way(site, "httpx", f"{site.files}/file", str(target))).split()
    target.unlink()
    times.written.append(float(written))
    times.synced.append(float(synced))
    return digest


async def way(site: Site, *arguments: str) -> str:
    """Run a bare way in a process of its own and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(WAY), *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **site.processes.environment},
    )
    return (await process.communicate())[0].decode()


async def speed(site: Site, found: Found, rounds: int) -> str:
    """Let both ways take turns, and tell what they took; gives the file's SHA-256."""
    memory, times, digest = await site.start_worker(), Times(), ""
    for _ in range(rounds):
        digest = await bare(site, times)
        if site.endpoint:
            await site.empty()
            megabytes = str(site.size // MEGABYTE)
            times.stored.append(float(await way(site, "obstore", f"s3://{BUCKET}", megabytes)))
        await site.empty()
        began = time.perf_counter()
        blob = await file_of(await site.start_run())
        times.run.append(time.perf_counter() - began)
        found.expect("the right SHA-256", held=blob["sha256"] == digest)
    found.expect_memory(memory.peak())
    found.tell(f"{times.told(site.size)}; memory {shown(memory)}")
    site.processes.kill("worker")
    return digest


async def killed(site: Site, found: Found, digest: str) -> None:
    """Kill the worker at half-way, and tell what the next one does."""
    first, before = await site.start_worker(), len(await site.requests())
    await site.empty()
    handle = await site.start_run()
    sent = 0
    while sent < site.size / 2:
        await asyncio.sleep(TICK_SECONDS)
        sent = sum(one["sent"] for one in (await site.requests())[before:])
    peak = first.peak()
    found.tell(f"killed when {sent / MEGABYTE:.0f} MB were sent; memory {shown(first)}")
    site.processes.kill("worker")
    second = await site.start_worker()
    watching = asyncio.create_task(resumed_at(handle))
    blob = await file_of(handle)
    requests = (await site.requests())[before:]
    asked, whole = requests[-1]["range"], sum(one["sent"] for one in requests)
    found.tell(
        f"the next worker asked for {asked or 'the whole'}, and told `resumed_at` "
        f"{await watching}; memory {shown(second)}"
    )
    found.tell(f"{whole / MEGABYTE:.0f} MB sent in all, {whole / site.size:.2f} times the file")
    found.expect_memory(peak, second.peak())
    found.expect("the right SHA-256 after a kill", held=blob["sha256"] == digest)
    if site.store == "local":
        found.expect("a download that goes on", held=bool(asked) and whole < 1.5 * site.size)


def shown(memory: Memory) -> str:
    """Return a worker's memory as text."""
    return f"{memory.peak() / MEGABYTE:.0f} MB above {memory.began / MEGABYTE:.0f} MB"


async def file_of(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Wait for a run and return the reference that it outputs."""
    outputs = await handle.result()
    reference: dict[str, Any] = outputs["file"]["$blob"]
    return reference


async def resumed_at(handle: WorkflowHandle[Any, Any]) -> int | None:
    """Return where the second attempt says that it began, None when it is over before.

    Its first heartbeat knows nothing yet; until then the server shows that of the first attempt.
    """
    begun = False
    while True:
        described = await handle.describe()
        pending = described.raw_description.pending_activities
        if not pending:
            return None
        details = pending[0].heartbeat_details.payloads
        told = json.loads(details[0].data) if details and pending[0].attempt > 1 else {}
        if begun and told.get("total"):
            return int(told["resumed_at"])
        begun = begun or (bool(told) and told["total"] is None)
        await asyncio.sleep(TICK_SECONDS)


async def measured(given: argparse.Namespace, folder: Path) -> list[str]:
    """Measure all stores and return the promises that were not held."""
    port = free_port()
    database, log = folder / "temporal.db", folder / "server.log"
    server = await start_server(port, free_port(), database, log=log)
    broken: list[str] = []
    try:
        client = await connect(ConnectionOptions(address=f"127.0.0.1:{port}"))
        for store in STORES[given.store]:
            where = folder / store
            async with site_of(store, where, client, given.megabytes, given.rate) as site:
                found = Found(store)
                await killed(site, found, await speed(site, found, given.rounds))
                broken += found.broken
    finally:
        stop_server(server)
    return broken


def main() -> int:
    """Measure and print; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.download")
    parser.add_argument("--megabytes", type=int, default=2048, help="size of the file")
    parser.add_argument("--store", choices=STORES, default="both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=0, help="MB a second of the server; 0: any")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores; a file of {given.megabytes} MB")
    with tempfile.TemporaryDirectory(prefix="durazzo-download-") as name:
        os.environ["DURAZZO_STATE_FOLDER"] = name
        broken = asyncio.run(measured(given, Path(name)))
    for one in broken:
        print(f"not held: {one}")
    return 1 if broken else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the interpreter's own shutdown can crash in Temporal's core
