"""The commands that deal with runs, as real processes against a real server and worker."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from conftest import SECRET, House, open_house, own_catalogue
from shelf import Shelf, workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError
from terminal import NOWHERE, Done, Terminal, expect_clear

from catalogue import load_catalogue, worker_defaults
from worker import running_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

EXPORT = (
    *("run", "export-cohort-members", "-i", "cohortId=c0ffee1"),
    *("--secret", "basicAuth=amplitude_basic_auth", "--poll-interval", "0.1"),
)
UPLOAD = (
    *("run", "upload-and-verify-cohort", "-i", "name=VIP", "-i", "ids=u1", "-i", "ids=2"),
    *("--secret", "basicAuth=amplitude_basic_auth"),
)
RUN_KEYS = {"workflowId", "runId", "status", "outputs", "error"}


@pytest.fixture
async def house(client: Client, settings: Settings) -> AsyncIterator[House]:
    """Give a worker with our own documents before a stand-in."""
    async with open_house(client, own_catalogue(settings), settings) as opened:
        yield opened


@pytest.fixture
def terminal(house: House, tmp_path: Path) -> Terminal:
    """Give a terminal that knows the server and the queue of the worker."""
    return Terminal(tmp_path, house.client.service_client.config.target_host, house.task_queue)


def new_id() -> str:
    """Return an id of a run that nobody has."""
    return f"cli-{uuid.uuid4().hex[:8]}"


def report(done: Done, status: str, code: int) -> dict[str, Any]:
    """Return the one object of `--json`, whose shape, status and exit code must be right."""
    assert done.code == code, done
    found: dict[str, Any] = done.json
    assert set(found) == RUN_KEYS
    assert found["status"] == status
    return found


async def test_a_run_is_watched_to_its_end(terminal: Terminal) -> None:
    """Outputs on standard output, progress and the Web UI's link on standard error."""
    run = new_id()
    done = await terminal.durazzo(*EXPORT, "--id", run, "--poll-interval", "0.8")
    assert done.code == 0
    outputs = json.loads(done.out)
    assert outputs["finalStatus"] == "complete"
    assert f"started {run}" in done.err
    assert f"/namespaces/default/workflows/{run}/" in done.err
    assert "GET /api/5/cohorts/request/{cohort_id}" in done.err


async def test_json_is_one_object_and_nothing_else(terminal: Terminal, house: House) -> None:
    """Arrays are given by repeating; a text that looks like a number stays one."""
    done = await terminal.durazzo(*UPLOAD, "--json")
    found = report(done, "completed", 0)
    assert done.err == ""
    assert found["error"] is None
    assert found["outputs"]["cohortId"]
    assert found["workflowId"].startswith("upload-and-verify-cohort-")
    assert (await house.stand_in.requests())[0]["body"] == {"name": "VIP", "ids": ["u1", "2"]}


async def test_inputs_from_standard_input(terminal: Terminal) -> None:
    """`--inputs -` takes JSON or YAML, secrets by name among them."""
    inputs = json.dumps({"cohortId": "c0ffee1", "basicAuth": SECRET})
    command = (*EXPORT[:2], "--inputs", "-", "--poll-interval", "0.1", "--json")
    report(await terminal.durazzo(*command, stdin=inputs), "completed", 0)


async def test_the_life_of_a_detached_run(terminal: Terminal, house: House) -> None:
    """Started, looked at, started twice in vain, cancelled, and gone."""
    run = new_id()
    slow = (*EXPORT, "--poll-interval", "60", "--id", run)
    done = await terminal.durazzo(*slow, "--detach")
    assert (done.code, done.out) == (0, f"{run}\n")
    assert "Web UI: http" in done.err
    await polling(house, run)

    again = await terminal.durazzo(*slow, "--detach")
    expect_clear(again, 2, f"`{run}` is running already", f"durazzo watch {run}", "--id")

    looked = await terminal.durazzo("status", run)
    assert looked.code == 0
    for text in (run, "running", "pollStatus", "gives up at", "Web UI", f"durazzo cancel {run}"):
        assert text in looked.out
    found = await terminal.durazzo("status", run, "--json")
    assert set(found.json) == {*RUN_KEYS, "progress", "pendingActivities"}
    assert found.json["progress"]["step"] == "pollStatus"
    waiting = await terminal.durazzo("result", run, "--no-wait", "--json")
    assert report(waiting, "running", 1)["outputs"] is None

    ended = await terminal.durazzo("cancel", run, "--json")
    assert report(ended, "canceled", 0)["error"]["type"] == "Cancelled"
    after = await terminal.durazzo("cancel", run)
    expect_clear(after, 2, "has ended already: canceled")
    assert report(await terminal.durazzo("result", run, "--json"), "canceled", 1)
    expect_clear(await terminal.durazzo("watch", run), 1, "canceled")


async def polling(house: House, run: str) -> None:
    """Return when a run waits for its next poll."""
    handle = house.client.get_workflow_handle(run)
    for _ in range(400):
        with suppress(RPCError):  # not started yet
            if (await handle.query("progress")).get("nextWakeUp"):
                return
        await asyncio.sleep(0.05)
    pytest.fail(f"{run} does not poll")


async def test_detached_with_json(terminal: Terminal) -> None:
    """The object says `running`; `watch` and `result` then give the same end."""
    done = await terminal.durazzo(*EXPORT, "--detach", "--json")
    started = report(done, "running", 0)
    run = started["workflowId"]
    assert started["runId"]
    watched, asked, listed = await asyncio.gather(
        terminal.durazzo("watch", run, "--json"),
        terminal.durazzo("result", run),
        terminal.durazzo("status", "--json"),
    )
    assert report(watched, "completed", 0)["outputs"] == json.loads(asked.out)
    assert asked.code == 0
    assert set(listed.json[0]) == {"workflowId", "workflowType", "status", "started"}
    ended = await terminal.durazzo("status", run)
    assert "completed" in ended.out
    assert "finalStatus" in ended.out


async def test_leaving_with_ctrl_c_leaves_the_run_running(terminal: Terminal, house: House) -> None:
    """It says so, and how to come back; the run was not completed, so the code is 1."""
    run = new_id()
    process = await terminal.start(*EXPORT, "--poll-interval", "60", "--id", run)
    assert process.stderr is not None
    assert (await process.stderr.readline()).decode() == f"started {run}\n"
    await polling(house, run)
    done = await terminal.interrupt(process)
    expect_clear(done, 1, f"{run} goes on running", f"durazzo watch {run}", f"durazzo cancel {run}")
    handle = house.client.get_workflow_handle(run)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_leaving_tells_json_readers_too(terminal: Terminal, house: House) -> None:
    """One object with the status `running`."""
    run = new_id()
    process = await terminal.start(*EXPORT, "--poll-interval", "60", "--id", run, "--json")
    await polling(house, run)
    assert report(await terminal.interrupt(process), "running", 1)["workflowId"] == run
    await house.client.get_workflow_handle(run).terminate()


@pytest.mark.parametrize("command", ["status", "watch", "result", "cancel"])
async def test_an_unknown_run_is_a_mistake(terminal: Terminal, command: str) -> None:
    """And `status` lists those that there are."""
    expect_clear(await terminal.durazzo(command, "nobody"), 2, "no run `nobody`", "durazzo status")


async def test_an_unknown_namespace_is_a_mistake(terminal: Terminal) -> None:
    """Nothing is started, and the option is named."""
    commands = (EXPORT, ("status",), ("status", "nobody"))
    options = ("--namespace", "no-such-namespace")
    for done in await asyncio.gather(*(terminal.durazzo(*one, *options) for one in commands)):
        expect_clear(done, 2, "no-such-namespace", "--namespace")


async def test_an_id_that_temporal_refuses_is_a_mistake(terminal: Terminal) -> None:
    """What the server says is handed on."""
    done = await terminal.durazzo(*UPLOAD, "--id", "x" * 1001, "--detach")
    expect_clear(done, 2, "WorkflowId length exceeds limit")


async def test_no_temporal_server(tmp_path: Path) -> None:
    """Exit code 3, where it was looked for, and how to get one."""
    terminal = Terminal(tmp_path, NOWHERE)
    for done in await asyncio.gather(
        *(terminal.durazzo(*one) for one in (EXPORT, ("status",), ("cancel", "a")))
    ):
        expect_clear(done, 3, NOWHERE, "durazzo server", "--address")
    found = await terminal.durazzo(*EXPORT, "--json")
    assert report(found, "failed", 3)["error"]["type"] == "NoTemporalServer"


async def test_no_worker_on_the_queue(terminal: Terminal, house: House) -> None:
    """Exit code 3, said at once, and nothing was started."""
    run = new_id()
    done = await terminal.durazzo(*EXPORT, "--id", run, "--task-queue", "nobody-serves-this")
    expect_clear(done, 3, "`nobody-serves-this`", "durazzo worker", "nothing was started")
    with pytest.raises(RPCError, match="not found"):
        await house.client.get_workflow_handle(run).describe()


async def test_a_run_that_no_worker_takes_up(terminal: Terminal, house: House) -> None:
    """Somebody else started it on a queue that nobody serves: said, in place of waiting."""
    handle = await house.client.start_workflow(
        "export-cohort-members", id=new_id(), task_queue="nobody-serves-this"
    )
    commands = (("watch", handle.id), ("result", handle.id))
    soon = replace(terminal, variables={"DURAZZO_WORKER_WAIT_SECONDS": "0.5"})
    for done in await asyncio.gather(*(soon.durazzo(*one) for one in commands)):
        expect_clear(done, 3, "no worker has taken up", "`nobody-serves-this`", "durazzo worker")
    await handle.terminate()


@asynccontextmanager
async def worker_for(
    client: Client, settings: Settings, documents: Path, servers: dict[str, str]
) -> AsyncIterator[Terminal]:
    """Run a worker that serves a folder, and give the terminal to it."""
    queue = f"cli-{uuid.uuid4().hex[:8]}"
    catalogue = load_catalogue([documents], worker_defaults(settings))
    async with running_worker(client, catalogue, settings, task_queue=queue, servers=servers):
        yield Terminal(documents / "state", client.service_client.config.target_host, queue)


async def test_a_service_that_is_not_reachable(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """The run fails with StepFailed, step and request line, after the transport's retries."""
    shelf = Shelf(tmp_path).fill()
    servers = {"api": f"http://{NOWHERE}"}
    async with worker_for(client, settings, shelf.folder, servers) as terminal:
        command = ("run", "fetch-thing", "--documents", str(tmp_path))
        found, told = await asyncio.gather(
            terminal.durazzo(*command, "--json"), terminal.durazzo(*command)
        )
    error = report(found, "failed", 1)["error"]
    assert set(error) == {"type", "message", "details"}
    assert error["type"] == "StepFailed"
    assert "`only`" in error["message"]
    assert "GET /thing" in error["message"]
    assert "no connection" in error["message"]
    expect_clear(told, 1, "StepFailed", "no connection", "mend: ", "Web UI: ")


async def test_a_secret_that_the_worker_does_not_have(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """Only the worker can know: the run fails before its first request, and says the mend."""
    inputs = {"required": ["token"], "properties": {"token": {"format": "password"}}}
    shelf = Shelf(tmp_path).fill(
        workflow(
            inputs=inputs,
            steps=[
                {
                    "stepId": "only",
                    "operationId": "getThing",
                    "parameters": [{"name": "X-Token", "in": "header", "value": "$inputs.token"}],
                }
            ],
        )
    )
    servers = {"api": f"http://{NOWHERE}"}
    async with worker_for(client, settings, shelf.folder, servers) as terminal:
        done = await terminal.durazzo(
            *("run", "fetch-thing", "--documents", str(tmp_path)),
            *("--secret", "token=nobody_has_it"),
        )
    expect_clear(done, 1, "SecretMissing", "DURAZZO_SECRET_NOBODY_HAS_IT", "mend: ")


async def test_a_run_without_a_worker_is_safe_and_says_so(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """`status` tells that nobody answers, in place of waiting for one."""
    catalogue = own_catalogue(settings)
    async with open_house(client, catalogue, settings) as house:
        terminal = Terminal(tmp_path, client.service_client.config.target_host, house.task_queue)
        handle = await house.start(
            "export-cohort-members",
            {"cohortId": "c0ffee1", "basicAuth": SECRET},
            polling={"first": 60.0, "longest": 60.0},
        )
        await polling(house, handle.id)
    looked = await terminal.durazzo("status", handle.id)
    expect_clear(looked, 0, "running", "no worker answers just now", "durazzo worker")
    stopped = await terminal.durazzo("cancel", handle.id, "--wait", "0.5")
    expect_clear(stopped, 1, "asked to stop, and still running")
    assert "exception" not in stopped.err
    await handle.terminate()
    ended = await terminal.durazzo("result", handle.id, "--json")
    assert report(ended, "terminated", 1)["error"]["type"] == "Terminated"
