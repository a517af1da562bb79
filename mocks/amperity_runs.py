"""Workflow runs of the Amperity stand-in: their states, their tasks, and how they end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mocks.faults import Fault
from mocks.jobs import Job, Pace

STATES = ("scheduled", "started", "in-progress", "succeeded")
STOPPING_STATES = ("stopping", "stopped")
BAD_ENDS = ("failed", "canceled")
ENDS = (*BAD_ENDS, "succeeded", "stopped")
KINDS: Mapping[str, tuple[str, str]] = {
    "cg": ("courier.group/run", "Daily"),
    "og": ("amperity.orchestration.orchestration/run", "Weekly activations"),
    "cc": ("campaign.send", "Autumn campaign"),
}
OVERVIEW = ("created_at", "ended_at", "id", "name", "state", "tenant", "type")
PRINCIPAL = {
    "principal_id": "google-apps|socktown@socktown.com",
    "principal_name": "Daniel Kuhlman",
    "principal_email": "socktown@socktown.com",
}
DOCUMENTED_START = (
    "task_instances", "id", "name", "principal_name", "principal_id", "type", "launched_version",
    "state", "created_at", "tenant", "current_version",
)  # fmt: skip
WARN_AFTER_MS = 86_400_000
TIMEOUT_MS = 172_800_000
DAY_SECONDS = 86_400.0
SEEDED_ENDS = ("succeeded", "succeeded", "failed", "succeeded", "canceled", "stopped")
DEFAULT_FAILURE = {
    "message": "The file feed customers_2026-11-23.csv has no column email.",
    "attribution": "customer",
}


@dataclass
class Run:
    """One workflow run; `created` and `ended` are seconds since the epoch."""

    number: int
    config_id: str
    tenant: str
    created: float
    job: Job
    ended: float | None = None
    end: str | None = None
    error: dict[str, Any] | None = None
    is_stopping: bool = False

    @property
    def id(self) -> str:
        """The id, which holds the day of the start."""
        day = datetime.fromtimestamp(self.created, UTC).strftime("%Y%m%d")
        return f"wf-{day}-{self.number}-6UhqSe"

    @property
    def type(self) -> str:
        """What kind of workflow it is."""
        return KINDS[self.config_id[:2]][0]

    def state(self) -> str:
        """The state, as it was last looked at or as time has moved it on since."""
        if self.end is not None:
            return self.end
        state = self.job.state()
        if state in ENDS:
            self.finish(state)
        fails = self.job.fault is not None and self.job.fault.kind == "job-fails"
        return "running-with-failures" if fails and state == "in-progress" else state

    def finish(self, end: str) -> None:
        """Note that the run has ended, and why if it failed."""
        self.end, self.ended = end, self.job.clock()
        if end == "failed":
            self.error = describe_failure(self.job.fault)

    def describe_start(self) -> dict[str, Any]:
        """The run as the answer to its start tells it, still scheduled and without tasks."""
        return self._describe_all(STATES[0]) | {"task_instances": []}

    def describe(self, view: str) -> dict[str, Any]:
        """The run in one of its views, overview or verbose; no ended_at before the end."""
        described = self._describe_all(self.state())
        if self.ended is not None:
            described["ended_at"] = show_time(self.ended)
        if view == "overview":
            return {name: value for name, value in described.items() if name in OVERVIEW}
        described["task_instances"] = self._describe_tasks(described["state"])
        if self.error:
            described["error"] = self.error
        return described

    def _describe_all(self, state: str) -> dict[str, Any]:
        version = f"etv-{self.id[3:11]}-{self.number}-6AbCDE"
        return {
            "id": self.id,
            "state": state,
            "type": self.type,
            "name": KINDS[self.config_id[:2]][1],
            "tenant": self.tenant,
            "created_at": show_time(self.created),
            "launched_version": version,
            "current_version": version,
            "warn_after_ms": WARN_AFTER_MS,
            **PRINCIPAL,
        }

    def _describe_tasks(self, state: str) -> list[dict[str, Any]]:
        if state == "scheduled":
            return []
        task = {
            "id": f"wft-{self.id[3:]}",
            "state": {"in-progress": "running", "running-with-failures": "failed"}.get(
                state, state
            ),
            "tenant": self.tenant,
            "created_at": show_time(self.created),
            "execution_type": "spark-sql",
            "label": "Pull files" if self.config_id.startswith("cg-") else "Send",
            "timeout_ms": TIMEOUT_MS,
            "workflow_id": self.id,
        }
        if self.ended is not None:
            task["ended_at"] = show_time(self.ended)
        return [task]


def describe_failure(fault: Fault | None) -> dict[str, Any]:
    """The error of a run that failed: as the fault says, else that of the customer's file."""
    given = {
        "message": fault.message if fault else None,
        "attribution": fault.attribution if fault else None,
    }
    told = {name: value for name, value in given.items() if value is not None}
    return {"type": "task-failed", **DEFAULT_FAILURE, **told}


def show_time(seconds: float) -> str:
    """A time as Amperity writes it, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def same_state(one: str, other: str) -> bool:
    """Whether two spellings mean the same state: case, spaces and hyphens do not count."""
    return _plain(one) == _plain(other)


def _plain(state: str) -> str:
    return re.sub(r"[\s_-]", "", state).lower()


def seeded_runs(tenant: str, now: float, clock: Callable[[], float]) -> list[Run]:
    """The runs that a tenant has at the start, a day apart, all ended; the oldest comes first."""
    runs = []
    for index, end in enumerate(SEEDED_ENDS):
        created = now - (len(SEEDED_ENDS) - index) * DAY_SECONDS
        run = Run(14_418 + index, "cg-2efo5X8vo", tenant, created, _ended_job(clock))
        run.finish(end)
        run.ended = created + DAY_SECONDS / 4
        runs.append(run)
    return runs


def _ended_job(clock: Callable[[], float]) -> Job:
    return Job("seeded", STATES, Pace(polls=0), clock, None)
