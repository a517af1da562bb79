"""Runs as others start them: children of hand-written workflows, any language, gone documents."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ROOT, SECRET, House, open_house, own_catalogue
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from catalogue import load_catalogue, worker_defaults
from commands.temporal_binary import find_binary
from mocks.amplitude import create_app
from mocks.control import StandInClient
from mocks.jobs import Pace
from mocks.serving import serving
from worker import running_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client

    from settings import Settings

EXPORT = {"basicAuth": SECRET, "cohortId": "c0ffee1"}


@pytest.fixture
async def house(
    client: Client, settings: Settings, max_cached_workflows: int
) -> AsyncIterator[House]:
    async with open_house(
        client, own_catalogue(settings), settings, max_cached_workflows=max_cached_workflows
    ) as opened:
        yield opened


@workflow.defn(sandboxed=False)
class HandWritten:
    """A user's own workflow, which knows only the type name and the task queue."""

    @workflow.run
    async def run(self, task_queue: str, inputs: dict[str, Any], options: dict[str, Any]) -> Any:
        """Call the Arazzo workflow as a child and return what it gives."""
        return await workflow.execute_child_workflow(
            "export-cohort-members", args=[inputs, options], task_queue=task_queue
        )


async def test_a_hand_written_workflow_calls_one_of_ours_as_a_child(
    client: Client, house: House
) -> None:
    """The contract is the type name, one object in, one object out."""
    queue = f"own-{uuid.uuid4().hex[:8]}"
    async with Worker(client, task_queue=queue, workflows=[HandWritten]):
        outputs = await client.execute_workflow(
            HandWritten.run,
            args=[house.task_queue, EXPORT, {"polling": house.polling}],
            id=f"parent-{uuid.uuid4().hex[:8]}",
            task_queue=queue,
        )
    assert outputs["finalStatus"] == "complete"
    assert len(outputs["cohortFile"]["members"]) == 3


async def failure_of(house: House, workflow_type: str, *args: Any) -> ApplicationError:
    """Start a run with just these arguments and return why it failed."""
    with pytest.raises(WorkflowFailureError) as caught:
        await house.client.execute_workflow(
            workflow_type, args=args, id=f"t-{uuid.uuid4().hex[:8]}", task_queue=house.task_queue
        )
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


async def test_a_start_without_input_fails_clearly(house: House) -> None:
    """All arguments have defaults, so that nothing hangs; what is missing is named."""
    error = await failure_of(house, "export-cohort-members")
    assert error.type == "InputInvalid"
    assert "basicAuth" in error.message
    assert "cohortId" in error.message
    assert await house.stand_in.requests() == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("text",), "must be one JSON object"),
        ((EXPORT, {"polling": {"frist": 3}}), "frist"),
        ((EXPORT, "eu"), "options"),
        ((EXPORT, {"server": "mars"}), "has no server `mars`"),
        (({**EXPORT, "basicAuth": "cGxhaW46cGxhaW4="}, None), "must be given by name"),
        ((EXPORT, None, {"plan": {}, "state": {}, "signature": "0"}), "carried by this run"),
    ],
    ids=["no-object", "unknown-option", "ill-typed-options", "server", "plain-secret", "forged"],
)
async def test_bad_arguments_fail_before_the_first_request(
    house: House, args: tuple[Any, ...], said: str
) -> None:
    """Whatever a caller hands in, one clear InputInvalid, and nothing is sent."""
    error = await failure_of(house, "export-cohort-members", *args)
    assert error.type == "InputInvalid"
    assert said in error.message
    assert "cGxhaW46cGxhaW4=" not in error.message
    assert await house.stand_in.requests() == []


async def test_an_unknown_type_fails_with_the_closest_names(house: House) -> None:
    """Temporal alone would leave such a run waiting for ever."""
    error = await failure_of(house, "export-cohort-member", EXPORT)
    assert error.type == "InputInvalid"
    assert "`export-cohort-members`" in error.message


async def test_an_unknown_secret_is_named_and_nothing_is_sent(house: House) -> None:
    """The worker says which secret is missing and where to put it."""
    error = await failure_of(
        house, "export-cohort-members", {**EXPORT, "basicAuth": {"$secret": "no_such_secret"}}
    )
    assert error.type == "SecretMissing"
    assert "no_such_secret" in error.message
    assert await house.stand_in.requests() == []


async def test_the_temporal_command_line_starts_a_run(house: House) -> None:
    """`temporal workflow execute` needs only the type, the queue and a JSON input."""
    process = await asyncio.create_subprocess_exec(
        *(str(find_binary()), "workflow", "execute", "--output", "json"),
        *("--address", house.client.service_client.config.target_host),
        *("--task-queue", house.task_queue, "--type", "export-cohort-members"),
        *("--workflow-id", f"cli-{uuid.uuid4().hex[:8]}", "--input", json.dumps(EXPORT)),
        *("--input", json.dumps({"polling": house.polling})),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    assert '"finalStatus"' in printed.decode()


async def test_a_run_goes_on_by_its_old_plan_when_its_document_is_gone(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """The file is edited, then deleted, and the worker restarted: the plan in history holds."""
    documents = tmp_path / "documents"
    shutil.copytree(ROOT / "documents", documents)
    document = documents / "amplitude" / "export-cohort-members.arazzo.yaml"

    @asynccontextmanager
    async def worker() -> AsyncIterator[None]:
        """Serve what stands in the folder now; the worker before has ended."""
        servers = {"behavioralCohortsApi": base_url, "dsarApi": base_url}
        catalogue = load_catalogue([documents], worker_defaults(settings))
        async with running_worker(
            client,
            catalogue,
            settings,
            task_queue=queue,
            servers=servers,
            max_cached_workflows=max_cached_workflows,
        ):
            yield

    queue = f"test-{uuid.uuid4().hex[:8]}"
    app = create_app(export=Pace(polls=2))
    async with serving(app) as base_url, StandInClient(base_url=base_url) as stand_in:
        house = House(client, queue, base_url, stand_in)
        house.polling = {"first": 0.5, "factor": 1.0, "longest": 0.5, "deadline": 60.0}
        async with worker():
            handle = await house.start("export-cohort-members", EXPORT)
            while not (await stand_in.taken()).get("getCohortExportStatus"):
                await asyncio.sleep(0.05)
        text = document.read_text(encoding="utf-8")
        document.write_text(text.replace("downloadExport", "elsewhere"), encoding="utf-8")
        async with worker():
            await asyncio.sleep(1.0)
        document.unlink()
        async with worker():
            outputs = await handle.result()
        assert outputs["finalStatus"] == "complete"
        assert (await stand_in.taken())["requestCohortExport"] == 1


def test_classes_come_from_the_catalogue_when_they_are_asked_for() -> None:
    """`from workflows import ExportCohortMembers` works for Python code in this repository."""
    import workflows  # noqa: PLC0415 - the lazy lookup is what is tested

    made = workflows.ExportCohortMembers
    assert workflow._Definition.must_from_class(made).name == "export-cohort-members"
    with pytest.raises(AttributeError, match="NoSuchWorkflow"):
        _ = workflows.NoSuchWorkflow
