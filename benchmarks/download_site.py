"""The processes of `benchmarks.download`: a file server, a worker, and S3 where it is asked for."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from commands.demo_processes import ROOT, Processes
from commands.server import is_taken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from temporalio.client import Client, WorkflowHandle

MEGABYTE: Final = 1024 * 1024
FILE_SERVER: Final = ROOT / "tests" / "file_server.py"
BUCKET: Final = "downloads"
HEARTBEAT_SECONDS: Final = 3
SECONDS_TO_START: Final = 60.0
TICK_SECONDS: Final = 0.02

DOCUMENT: Final = """
arazzo: 1.0.1
info: {title: Files, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: fetch
    steps:
      - stepId: get
        operationId: getFile
        successCriteria: [{condition: $statusCode == 200}]
        outputs: {file: $response.body}
    outputs: {file: $steps.get.outputs.file}
"""
API: Final = """
openapi: 3.0.3
info: {title: Files, version: 1.0.0}
paths:
  /file: {get: {operationId: getFile, responses: {'200': {description: ok}}}}
"""


@dataclass
class Memory:
    """The resident memory of a process, in bytes: when it began to serve, and its peak since."""

    pid: int
    began: int = field(init=False)

    def __post_init__(self) -> None:
        """Let the kernel begin its peak anew, so that loading the program is not in it."""
        self.began = self._resident("VmRSS")
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def peak(self) -> int:
        """Return the peak above the beginning."""
        return self._resident("VmHWM") - self.began

    def _resident(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.split(f"{name}:", 1)[1].split()[0]) * 1024


@dataclass
class Site:
    """One store, and all that a download into it needs; `size` is the file's, in bytes."""

    folder: Path
    store: str
    size: int
    client: Client
    processes: Processes
    http: httpx.AsyncClient
    files: str = ""

    @property
    def endpoint(self) -> str:
        """Return where S3 is."""
        return self.processes.environment.get("AWS_ENDPOINT_URL", "")

    @property
    def task_queue(self) -> str:
        """Return the queue of the worker."""
        return self.processes.environment["DURAZZO_TASK_QUEUE"]

    async def start(self, megabytes: int, rate: int) -> None:
        """Start all but the worker."""
        pace = ["--rate", str(rate * MEGABYTE), "--port", "0"]
        program = [str(FILE_SERVER), "--megabytes", str(megabytes), *pace]
        started = self.processes.start("file server", program, tells=True)
        if started.stdout is None:
            sys.exit("the file server has no pipe")
        self.files = (await asyncio.to_thread(started.stdout.readline)).decode().split()[-1]
        if self.endpoint:
            port = self.endpoint.rpartition(":")[2]
            self.processes.start("s3", ["-m", "moto.server", "-p", port])
            await until(lambda: is_taken(int(port)), "the S3 server")

    async def start_worker(self) -> Memory:
        """Start a worker and return its memory when it serves."""
        log = self.folder / "worker.log"
        before = log.stat().st_size if log.exists() else 0
        options = ["--documents", str(self.folder / "documents"), "--server", f"api={self.files}"]
        started = self.processes.start("worker", ["worker.py", *options])
        await until(lambda: log.stat().st_size > before, "the worker")
        return Memory(started.pid)

    async def start_run(self) -> WorkflowHandle[Any, Any]:
        """Start a run of the document."""
        return await self.client.start_workflow(
            "fetch", args=[{}], id=f"fetch-{uuid.uuid4().hex[:8]}", task_queue=self.task_queue
        )

    async def empty(self) -> None:
        """Remove what earlier runs left in the store."""
        blobs = self.folder / "state" / "blobs"
        for file in [one for one in blobs.rglob("*") if one.is_file()]:
            file.unlink()
        if self.endpoint:
            await self.http.post(f"{self.endpoint}/moto-api/reset")
            (await self.http.put(f"{self.endpoint}/{BUCKET}")).raise_for_status()

    async def requests(self) -> list[dict[str, Any]]:
        """Return `range` and `sent`, in bytes, of each request that the file server got."""
        found: list[dict[str, Any]] = (
            await self.http.get(f"{self.files}/_control/requests")
        ).json()
        return found


@asynccontextmanager
async def site_of(
    store: str, folder: Path, client: Client, megabytes: int, rate: int
) -> AsyncIterator[Site]:
    """Start the processes for one store, and end them."""
    documents = folder / "documents"
    documents.mkdir(parents=True)
    (documents / "files.arazzo.yaml").write_text(DOCUMENT, encoding="utf-8")
    (documents / "api.yaml").write_text(API, encoding="utf-8")
    processes = Processes(folder, _environment(store, folder, client))
    async with httpx.AsyncClient(timeout=SECONDS_TO_START, trust_env=False) as http:
        made = Site(folder, store, megabytes * MEGABYTE, client, processes, http)
        try:
            await made.start(megabytes, rate)
            yield made
        finally:
            processes.stop_all()


def _environment(store: str, folder: Path, client: Client) -> dict[str, str]:
    common = {
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "DURAZZO_STATE_FOLDER": str(folder / "state"),
        "DURAZZO_TASK_QUEUE": f"download-{store}",
        "DURAZZO_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
    }
    if store == "local":
        return common
    own = {
        "DURAZZO_BLOB_STORE": f"s3://{BUCKET}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_REGION": "us-east-1",
        "TMPDIR": str(folder),  # moto keeps there what is larger than its buffer
        "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(MEGABYTE),
    }
    return {**common, **own}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(condition: Callable[[], bool], what: str) -> None:
    """Return when the condition holds; ends the program when it does not in time."""
    latest = time.monotonic() + SECONDS_TO_START
    while not condition():
        if time.monotonic() > latest:
            sys.exit(f"{what} did not come in {SECONDS_TO_START:g} s")
        await asyncio.sleep(TICK_SECONDS)
