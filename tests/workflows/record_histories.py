"""Records the histories that every later version must replay.

Run it with `python tests/workflows/record_histories.py`, once for each new `engine_rev`, and
never overwrite the histories of an older one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conftest import (  # noqa: E402
    CREDENTIAL,
    EARLY_CONTINUE_AS_NEW,
    QUICK_TIMERS,
    SECRET,
    House,
    house_of,
    open_house,
    own_catalogue,
)  # fmt: skip
from temporalio.client import WorkflowFailureError  # noqa: E402
from temporalio.testing import WorkflowEnvironment  # noqa: E402

from arazzo.plan import ENGINE_REV  # noqa: E402
from commands.temporal_binary import find_binary  # noqa: E402
from mocks.amperity import create_app as create_amperity  # noqa: E402
from mocks.jobs import Pace  # noqa: E402
from mocks.posthog import create_app as create_posthog  # noqa: E402
from settings import Settings  # noqa: E402
from workflows.failure_conversion import DATA_CONVERTER  # noqa: E402

FOLDER: Final = ROOT / "tests" / "workflows" / "histories" / f"engine-rev-{ENGINE_REV}"
EXPORT: Final = {"basicAuth": SECRET, "cohortId": "c0ffee1"}
DSAR: Final = {"basicAuth": SECRET, "userIds": ["u1"]}
UPLOAD: Final = {"basicAuth": SECRET, "name": "VIP", "ids": ["u1"]}
PAYING: Final = {"key": "plan", "type": "person", "value": "paid", "operator": "exact"}
DYNAMIC: Final = {
    "projectId": "12345",
    "name": "All",
    "filters": {"properties": {"type": "OR", "values": [PAYING]}},
}
RUNS: Final = {"tenant": "acme", "pageSize": 2}
SECRETS: Final = {
    "AMPLITUDE_BASIC_AUTH": CREDENTIAL,
    "POSTHOG_PERSONAL_API_KEY": "phx_demo",
    "AMPERITY_TOKEN": "demo-token",
}


async def record(
    house: House,
    name: str,
    workflow: str,
    inputs: dict[str, Any],
    *faults: dict[str, Any],
    child: str = "",
) -> None:
    """Run a workflow and keep the history of its last run (and of its first, when they differ).

    `child` is a step that calls a workflow, whose history is kept as well.
    """
    await house.stand_in.reset()
    for fault in faults:
        await house.stand_in.add_fault(**fault)
    handle = await house.start(workflow, inputs, run=f"recorded-{name}")  # names its children
    try:
        await handle.result()
    except WorkflowFailureError as error:
        print(f"{name}: {error.cause}")  # noqa: T201
    first = await house.client.get_workflow_handle(
        handle.id, run_id=handle.first_execution_run_id
    ).fetch_history()
    last = await house.client.get_workflow_handle(handle.id).fetch_history()
    (FOLDER / f"{name}.json").write_text(first.to_json(), encoding="utf-8")
    if last.run_id != first.run_id:
        (FOLDER / f"{name}-last-run.json").write_text(last.to_json(), encoding="utf-8")
    if child:
        of_child = await house.client.get_workflow_handle(f"{handle.id}/{child}").fetch_history()
        (FOLDER / f"{name}-child.json").write_text(of_child.to_json(), encoding="utf-8")


async def main() -> None:
    """Record one history for each kind of command that a run can issue."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ.update({f"DURAZZO_SECRET_{name}": value for name, value in SECRETS.items()})
    settings = Settings(
        state_folder=Path(tempfile.mkdtemp()), transient_first_seconds=0.05,
        http_total_seconds=1, activity_margin_seconds=1,
    )  # fmt: skip
    arguments = ["--dynamic-config-value", QUICK_TIMERS]
    arguments += ["--dynamic-config-value", EARLY_CONTINUE_AS_NEW]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(find_binary()),
        dev_server_extra_args=arguments,
        data_converter=DATA_CONVERTER,
    ) as environment:
        catalogue = own_catalogue(settings)
        async with open_house(environment.client, catalogue, settings) as house:
            await record(house, "export", "export-cohort-members", EXPORT)
            await record(house, "upload", "upload-and-verify-cohort", UPLOAD)
            await record(house, "dsar", "submit-and-poll-dsar", DSAR)
            await record(
                house, "unexpected-state", "export-cohort-members", EXPORT,
                {"operation_id": "requestCohortExport", "kind": "job-fails"},
            )  # fmt: skip
            await record(
                house, "transient", "submit-and-poll-dsar", DSAR,
                {"operation_id": "createDsarRequest", "kind": "status", "status": 503},
            )  # fmt: skip
            await record(
                house, "outcome-unknown", "submit-and-poll-dsar", DSAR,
                {"operation_id": "createDsarRequest", "kind": "reset-after"},
            )  # fmt: skip
            await record(house, "inputs-invalid", "submit-and-poll-dsar", {})
        async with open_house(
            environment.client, catalogue, settings, export=Pace(polls=8)
        ) as house:
            await record(house, "continue-as-new", "export-cohort-members", EXPORT)
        posthog = create_posthog(calculation=Pace(polls=1))
        async with house_of(
            environment.client, catalogue, settings, posthog, ("cohortsApi",)
        ) as house:
            child = "awaitCalculation"
            await record(house, "sub-workflow", "create-dynamic-cohort", DYNAMIC, child=child)
            fault = {"operation_id": "cohorts_create", "kind": "job-fails"}
            await record(
                house, "sub-workflow-fails", "create-dynamic-cohort", DYNAMIC, fault, child=child
            )
        async with house_of(
            environment.client, catalogue, settings, create_amperity(), ("workflowsApi",),
            base_path="/api",
        ) as house:  # fmt: skip
            await record(house, "pages", "list-workflow-runs", RUNS)


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # the interpreter's own shutdown can crash in Temporal's core
