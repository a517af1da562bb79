"""What tests share: one real Temporal server a session, workers, and stand-ins on real sockets."""

from __future__ import annotations

import base64
import os
import sys
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from catalogue import Catalogue, load_catalogue, worker_defaults
from commands.temporal_binary import find_binary
from mocks.amplitude import create_app
from mocks.control import StandInClient
from mocks.jobs import Pace
from mocks.serving import serving
from settings import Settings
from worker import running_worker
from workflows.failure_conversion import DATA_CONVERTER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from starlette.applications import Starlette
    from temporalio.client import Client, WorkflowHandle

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
CREDENTIAL = base64.b64encode(b"demo-api-key:demo-secret-key").decode()
SECRET = {"$secret": "amplitude_basic_auth"}

QUICK_TIMERS = 'history.timerProcessorMaxTimeShift="10ms"'
"""Without it the server fires timers below a second only after about one second."""

QUICK_QUEUES = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    'history.defaultWorkflowTaskTimeout="3s"',
)
"""Without the first two the server's one shard hands on each task only after up to 50 ms; a
worker without a cache now and then drops a task, which comes again after this timeout."""

EARLY_CONTINUE_AS_NEW = "limit.historyCount.suggestContinueAsNew=100"
"""So that a poll of a few seconds rolls its history over, as one of days does."""


_exit_status = 0


def pytest_sessionfinish(exitstatus: int) -> None:
    """Remember how the session ended."""
    globals()["_exit_status"] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """End without the interpreter's own shutdown, in which Temporal's core can crash."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_exit_status)


def shared_folder(name: str) -> Path:
    """Return a folder of the shared material; the test skips where it is missing."""
    folder = SHARED / name
    if not folder.exists():
        pytest.skip(f"the shared folder {name} is not here")
    return folder


@pytest.fixture(scope="session")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """Give the real Temporal server of this session."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(find_binary()),
        data_converter=DATA_CONVERTER,
        dev_server_extra_args=[
            *("--dynamic-config-value", QUICK_TIMERS),
            *("--dynamic-config-value", EARLY_CONTINUE_AS_NEW),
            *(part for one in QUICK_QUEUES for part in ("--dynamic-config-value", one)),
        ],
    ) as started:
        yield started


@pytest.fixture(scope="session")
async def client(environment: WorkflowEnvironment) -> Client:
    """Give a client of the session's server."""
    return environment.client


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Give settings with short times, and the secret that the stand-in takes."""
    monkeypatch.setenv("DURAZZO_SECRET_AMPLITUDE_BASIC_AUTH", CREDENTIAL)
    monkeypatch.setenv("DURAZZO_SECRET_AMPLITUDE_ORG_BASIC_AUTH", CREDENTIAL)
    return Settings(
        state_folder=tmp_path / "state",
        http_total_seconds=2.0,
        activity_margin_seconds=1.0,
        transient_first_seconds=0.05,
        transient_longest_seconds=0.2,
        transport_first_seconds=0.05,
        transport_longest_seconds=0.2,
        graceful_shutdown_seconds=1.0,
    )


@pytest.fixture(params=[1000, 0], ids=["cached", "replayed"])
def max_cached_workflows(request: pytest.FixtureRequest) -> int:
    """Give both sizes of the worker's cache: with 0, every task replays the whole history."""
    size: int = request.param
    return size


@dataclass
class House:
    """A worker on a queue of its own, in front of one stand-in."""

    client: Client
    task_queue: str
    base_url: str
    stand_in: StandInClient
    polling: dict[str, float] = field(
        default_factory=lambda: {"first": 0.05, "factor": 1.0, "longest": 0.05, "deadline": 30.0}
    )

    async def start(
        self,
        workflow: str,
        inputs: Mapping[str, Any],
        *,
        run: str | None = None,
        **options: Any,
    ) -> WorkflowHandle[Any, Any]:
        """Start a run with short polls; `run` is its workflow id, `options` are run options."""
        return await self.client.start_workflow(
            workflow,
            args=[dict(inputs), {"polling": self.polling, **options}],
            id=run or f"{workflow}-{uuid.uuid4().hex[:8]}",
            task_queue=self.task_queue,
        )

    async def run(self, workflow: str, inputs: Mapping[str, Any], **options: Any) -> Any:
        """Start a run and return its outputs."""
        return await (await self.start(workflow, inputs, **options)).result()

    async def failure(
        self, workflow: str, inputs: Mapping[str, Any], **options: Any
    ) -> ApplicationError:
        """Start a run that must fail and return why it did."""
        with pytest.raises(WorkflowFailureError) as caught:
            await self.run(workflow, inputs, **options)
        cause = caught.value.cause
        assert isinstance(cause, ApplicationError)
        return cause


@asynccontextmanager
async def house_of(
    client: Client,
    catalogue: Catalogue,
    settings: Settings,
    app: Starlette,
    sources: Collection[str],
    *,
    base_path: str = "",
    max_cached_workflows: int = 1000,
) -> AsyncIterator[House]:
    """Serve a catalogue against one stand-in, which is the server of these sources."""
    queue = f"test-{uuid.uuid4().hex[:8]}"
    async with (
        serving(app) as base_url,
        StandInClient(base_url=base_url) as stand_in,
        running_worker(
            client,
            catalogue,
            settings,
            task_queue=queue,
            servers=dict.fromkeys(sources, base_url + base_path),
            max_cached_workflows=max_cached_workflows,
        ),
    ):
        yield House(client, queue, base_url, stand_in)


@asynccontextmanager
async def open_house(
    client: Client,
    catalogue: Catalogue,
    settings: Settings,
    *,
    max_cached_workflows: int = 1000,
    export: Pace | None = None,
    dsar: Pace | None = None,
) -> AsyncIterator[House]:
    """Serve a catalogue against a fresh stand-in of Amplitude."""
    app = create_app(export=export or Pace(polls=1), dsar=dsar or Pace(polls=1))
    sources = ("behavioralCohortsApi", "dsarApi")
    async with house_of(
        client, catalogue, settings, app, sources, max_cached_workflows=max_cached_workflows
    ) as opened:
        yield opened


def seeds_catalogue(settings: Settings) -> Catalogue:
    """Return the catalogue of the three seed documents, unmodified."""
    return load_catalogue([shared_folder("seeds") / "arazzo"], worker_defaults(settings))


def own_catalogue(settings: Settings) -> Catalogue:
    """Return the catalogue of the documents that the project ships."""
    return load_catalogue([ROOT / "documents"], worker_defaults(settings))
