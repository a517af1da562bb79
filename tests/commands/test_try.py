"""`durazzo try`: a workflow here and now, against a real stand-in, without Temporal."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from conftest import CREDENTIAL, ROOT, shared_folder

from mocks.amplitude import create_app
from mocks.control import StandInClient
from mocks.jobs import Pace
from mocks.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EXPORT = "documents/amplitude/export-cohort-members.arazzo.yaml"
COHORT = ("-i", "cohortId=c0ffee1")
BY_NAME = ("--secret", "basicAuth=amplitude_basic_auth")


@pytest.fixture
async def stand_in() -> AsyncIterator[StandInClient]:
    """Give a stand-in of Amplitude on a real socket."""
    app = create_app(export=Pace(polls=1))
    async with serving(app) as base_url, StandInClient(base_url=base_url) as client:
        yield client


async def attempt(*arguments: str, server: StandInClient | None = None) -> tuple[int, str, str]:
    """Return the exit code of `durazzo try`, and what it printed on both outputs."""
    url = str(server.base_url).rstrip("/") if server else ""
    servers = ("--server", f"behavioralCohortsApi={url}") if url else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "starter.py", "try", *arguments, *servers, "--waits", "0"),
        cwd=ROOT,
        env={**os.environ, "DURAZZO_SECRET_AMPLITUDE_BASIC_AUTH": CREDENTIAL},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_workflow_runs_to_its_end(stand_in: StandInClient) -> None:
    """Outputs on standard output as JSON; requests and warnings beside them."""
    code, out, err = await attempt(EXPORT, *COHORT, *BY_NAME, server=stand_in)
    assert code == 0, err
    assert json.loads(out)["finalStatus"] == "complete"
    assert "/api/5/cohorts/request/c0ffee1/status → 200" in err
    assert "`durazzo check " in err
    assert CREDENTIAL not in out + err


async def test_json_is_one_object_with_warnings_and_requests(stand_in: StandInClient) -> None:
    """The shape of a run, and what was sent."""
    code, out, _ = await attempt(EXPORT, *COHORT, *BY_NAME, "--json", server=stand_in)
    found = json.loads(out)
    assert (code, found["status"], found["error"]) == (0, "completed", None)
    assert set(found) == {
        "workflowId", "runId", "status", "outputs", "error", "warnings", "requests",
    }  # fmt: skip
    assert [one["status"] for one in found["requests"]] == [200] * 5
    assert any("uncovered-state" in one for one in found["warnings"])


async def test_a_failed_job_is_no_success(stand_in: StandInClient) -> None:
    """The same error as on Temporal, exit code 1."""
    await stand_in.add_fault("requestCohortExport", "job-fails")
    code, out, _ = await attempt(EXPORT, *COHORT, *BY_NAME, "--json", server=stand_in)
    assert (code, json.loads(out)["error"]["type"]) == (1, "UnexpectedState")


async def test_a_secret_may_be_given_in_plain_for_a_try(stand_in: StandInClient) -> None:
    """Nothing of a try is stored; it is masked all the same."""
    given = ("-i", f"basicAuth={CREDENTIAL}")
    code, out, err = await attempt(EXPORT, *COHORT, *given, server=stand_in)
    assert code == 0, err
    assert CREDENTIAL not in out + err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((EXPORT, *BY_NAME), "cohortId"),
        ((EXPORT, "export", *BY_NAME), "export-cohort-members"),
        (("documents/posthog/cohorts.arazzo.yaml",), "several workflows"),
        (("no-such-file.yaml",), "no-such-file.yaml"),
        ((EXPORT, *COHORT, *BY_NAME, "--server", "api"), "SOURCE=URL"),
    ],
    ids=["input", "workflow", "several", "file", "server"],
)
async def test_a_mistake_is_one_message_and_exit_code_2(
    arguments: tuple[str, ...], said: str
) -> None:
    """Nothing is sent, and no traceback is printed."""
    code, out, err = await attempt(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


async def test_strict_refuses_what_the_standard_does_not_have(stand_in: StandInClient) -> None:
    """The seed runs, but not strictly."""
    file = str(shared_folder("seeds") / "arazzo" / "amplitude-cohort-export-workflow.yml")
    code, _, err = await attempt(file, *COHORT, *BY_NAME, "--strict", server=stand_in)
    assert code == 2
    assert "bare-expression" in err
    assert await stand_in.received() == {}
