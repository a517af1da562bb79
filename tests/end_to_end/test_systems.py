"""PostHog and Amperity with real processes: the worker is killed while their workflows poll."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from end_to_end.processes import Site, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROJECT = ["-i", "projectId=12345"]
FILTERS = json.dumps(
    {
        "properties": {
            "type": "OR",
            "values": [{"key": "plan", "type": "person", "value": "paid", "operator": "exact"}],
        }
    }
)
POSTHOG_KEY = "phx_a_key_of_the_test_only"
CLIENT_SECRET = "a-client-secret-of-the-test"  # noqa: S105 - known to the stand-in only
POSTHOG: dict[str, Any] = {
    "module": "mocks.posthog",
    "sources": ("cohortsApi",),
    "options": ("--calculation-polls", "2", "--key", POSTHOG_KEY),
    "secrets": {"DURAZZO_SECRET_POSTHOG_PERSONAL_API_KEY": POSTHOG_KEY},
}
AMPERITY: dict[str, Any] = {
    "module": "mocks.amperity",
    "sources": ("workflowsApi",),
    "base_path": "/api",
    "options": ("--run-polls", "2", "--client", f"tester:{CLIENT_SECRET}"),
    "secrets": {
        "DURAZZO_SECRET_AMPERITY_CLIENT_ID": "tester",
        "DURAZZO_SECRET_AMPERITY_CLIENT_SECRET": CLIENT_SECRET,
    },
}


@dataclass(frozen=True)
class Case:
    """A polling workflow: its inputs, and the operation that starts something."""

    workflow: str
    inputs: Sequence[str]
    start: str


POSTHOG_CASES = (
    Case(
        "create-dynamic-cohort",
        [*PROJECT, "-i", "name=Paying", "-i", f"filters={FILTERS}"],
        "cohorts_create",
    ),
    Case(
        "update-cohort",
        [*PROJECT, "-i", "cohortId=103", "-i", f"filters={FILTERS}"],
        "cohorts_partial_update",
    ),
    Case(
        "freeze-cohort",
        [*PROJECT, "-i", "cohortId=103"],
        "cohorts_duplicate_as_static_cohort_retrieve",
    ),
)
STOPPED_RUN = "wf-to-be-stopped"
"""Stands for the id of a run that the test has started at the service itself."""
AMPERITY_CASES = (
    Case("run-workflow", ["-i", "tenant=acme", "-i", "configId=cg-1"], "run-workflow"),
    Case("stop-workflow", ["-i", "tenant=acme", "-i", f"runId={STOPPED_RUN}"], "stop-workflow"),
)


def running_run(site: Site) -> str:
    """Start a run at the service itself, and return its id once its tasks have begun."""
    headers = {
        "Authorization": "Bearer demo-token",
        "amperity-tenant": "acme",
        "api-version": "2024-04-01",
    }
    with httpx.Client(base_url=f"{site.stand_in}/api/workflow", headers=headers) as service:
        run_id: str = service.post("/runs", json={"config_id": "cg-2"}).json()["id"]
        while service.get(f"/runs/{run_id}").json()["state"] == "scheduled":
            pass
    return run_id


@pytest.mark.parametrize(
    ("system", "cases", "poll"),
    [
        (POSTHOG, POSTHOG_CASES, "cohorts_retrieve"),
        (AMPERITY, AMPERITY_CASES, "get-workflow"),
    ],
    ids=["posthog", "amperity"],
)
def test_the_worker_is_killed_while_workflows_poll(
    system: dict[str, Any], cases: Sequence[Case], poll: str, tmp_path: Path
) -> None:
    """The runs complete by another worker, started what they start once, and leave no secret."""
    site = Site(tmp_path, environment=system["secrets"])
    try:
        site.start_server()
        site.start_stand_in(
            *system["options"],
            module=system["module"],
            sources=system["sources"],
            base_path=system.get("base_path", ""),
        )
        site.start_worker()
        other = running_run(site) if system is AMPERITY else ""
        before = {**site.counters("received")}
        for case in cases:
            options = ("--id", case.workflow, "--detach", "--poll-interval", "1")
            inputs = [one.replace(STOPPED_RUN, other) for one in case.inputs]
            done = site.starter("run", case.workflow, *options, *inputs)
            assert done.returncode == 0, done.stderr
        enough = before.get(poll, 0) + len(cases)
        wait_for(lambda: site.counters().get(poll, 0) > enough, "the polls")
        site.kill("worker")
        site.start_worker()
        for case in cases:
            result = site.starter("result", case.workflow, "--json")
            assert result.returncode == 0, result.stdout
            assert json.loads(result.stdout)["status"] == "completed"
            assert site.counters("received")[case.start] == before.get(case.start, 0) + 1
        site.stop("worker")
        site.stop("server")
        _expect_no_secret(site, system["secrets"].values())
    finally:
        site.stop_all()


def _expect_no_secret(site: Site, secrets: Any) -> None:
    files = [one for one in site.folder.rglob("*") if one.is_file() and one.name != "stand-in.log"]
    texts = {one.name: one.read_bytes() for one in files}
    assert any(b"poll" in text for name, text in texts.items() if "temporal.db" in name)
    for secret in (one for one in secrets if one != "tester"):
        for name, text in texts.items():
            assert secret.encode() not in text, f"a secret is in {name}"
