"""Cohorts of the PostHog stand-in, and the calculations that fill them in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from mocks.jobs import Job, Pace
from mocks.posthog_persons import person_uuid, show_time

CALCULATION_STATES = ("queued", "running", "done")
DEFAULT_FAILURE = "Code: 241. DB::Exception: Memory limit (for query) exceeded."
NEW_FIELDS_SINCE = 2026
CREATOR = {
    "id": 7,
    "uuid": "018d5f3a-6f3e-7000-9d1c-3c1f1f0a7b07",
    "distinct_id": "ada",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "is_email_verified": True,
    "hedgehog_config": None,
    "role_at_organization": "engineering",
}
PAID_FILTER = {
    "properties": {
        "type": "OR",
        "values": [
            {
                "type": "AND",
                "values": [{"key": "plan", "type": "person", "value": "paid", "operator": "exact"}],
            }
        ],
    }
}


@dataclass
class Calculation:
    """One calculation of a cohort; `members` finds whom it will put in."""

    version: int
    filters: Any
    started: float
    job: Job
    members: Callable[[], Sequence[str]]
    id: str = field(default_factory=lambda: str(uuid4()))
    finished: float | None = None
    count: int | None = None
    error: str | None = None

    def is_shown(self) -> bool:
        """Whether the cohort shows that it is being calculated."""
        if self.finished is not None:
            return False
        seems_idle = self.job.fault is not None and self.job.fault.kind == "job-seems-idle"
        return not (seems_idle and self.job.polls and self.job.state() == CALCULATION_STATES[0])

    def describe(self, year: int) -> dict[str, Any]:
        """The calculation as the history shows it."""
        is_completed = self.finished is not None
        duration = self.finished - self.started if self.finished is not None else None
        queries = [self._describe_query()] if is_completed and not self.error else []
        described = {
            "id": self.id,
            "filters": self.filters,
            "count": self.count,
            "started_at": show_time(self.started),
            "finished_at": show_time(self.finished) if self.finished is not None else None,
            "queries": queries,
            "error": self.error,
            "duration_seconds": duration,
            "is_completed": is_completed,
            "is_successful": is_completed and self.error is None,
            "total_query_ms": sum(query["query_ms"] for query in queries),
            "total_memory_mb": sum(query["memory_mb"] for query in queries),
            "total_read_rows": sum(query["read_rows"] for query in queries),
            "total_written_rows": sum(query["written_rows"] for query in queries),
            "main_query": queries[0] if queries else None,
        }
        if year >= NEW_FIELDS_SINCE:
            described["main_query_id"] = queries[0]["query_id"] if queries else None
        return described

    def _describe_query(self) -> dict[str, Any]:
        return {
            "query": "INSERT INTO cohortpeople SELECT ...",
            "query_id": f"{self.id[:8]}-main",
            "query_ms": 120,
            "memory_mb": 64,
            "read_rows": 1500,
            "written_rows": self.count,
        }


@dataclass
class Cohort:
    """One cohort: what the client set, who is in it, and how its calculations went."""

    id: int
    created: float
    name: str | None = None
    description: str = ""
    groups: list[Any] = field(default_factory=list)
    deleted: bool = False
    filters: dict[str, Any] | None = None
    query: dict[str, Any] | None = None
    is_static: bool = False
    cohort_type: str | None = None
    members: list[str] = field(default_factory=list)
    count: int | None = None
    last_calculation: float | None = None
    errors_calculating: int = 0
    last_error_message: str | None = None
    flags: tuple[str, ...] = ()
    calculations: list[Calculation] = field(default_factory=list)

    def is_calculating(self) -> bool:
        """Whether the latest calculation has not ended yet, as far as was noted."""
        return bool(self.calculations) and self.calculations[-1].is_shown()

    def set_members(self, members: Sequence[str], now: float) -> None:
        """Fill the cohort at once."""
        self.members = list(dict.fromkeys(members))
        self.count = len(self.members)
        self.last_calculation = now

    def start(self, members: Callable[[], Sequence[str]], job: Job) -> None:
        """Begin a calculation, which takes the time of its job."""
        version = len(self.calculations) + 1
        self.calculations.append(Calculation(version, self.filters, job.started, job, members))

    def poll(self) -> None:
        """Move the calculations on, and note those that have ended."""
        for calculation in self.calculations:
            if calculation.finished is None:
                calculation.job.poll()
        self.settle()

    def settle(self) -> None:
        """Note the calculations that have ended by now, without moving them on."""
        for calculation in self.calculations:
            if calculation.finished is None and calculation.job.has_ended():
                self._finish(calculation)

    def _finish(self, calculation: Calculation) -> None:
        job = calculation.job
        calculation.finished = job.clock()
        if job.state() == "failed":
            given = job.fault.message if job.fault else None
            calculation.error = given or DEFAULT_FAILURE
            self.errors_calculating += 1
            self.last_error_message = calculation.error
            return
        self.set_members(calculation.members(), calculation.finished)
        calculation.count = self.count
        self.errors_calculating = 0
        self.last_error_message = None

    def describe(self, year: int) -> dict[str, Any]:
        """The cohort as the API shows it; some fields came in 2026."""
        described = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "groups": self.groups,
            "deleted": self.deleted,
            "filters": self.filters,
            "query": self.query,
            "is_calculating": self.is_calculating(),
            "created_by": CREATOR,
            "created_at": show_time(self.created),
            "last_calculation": _time_or_null(self.last_calculation),
            "errors_calculating": self.errors_calculating,
            "count": self.count,
            "is_static": self.is_static,
            "cohort_type": self.cohort_type,
            "experiment_set": [],
        }
        return described | (self._describe_versions() if year >= NEW_FIELDS_SINCE else {})

    def _describe_versions(self) -> dict[str, Any]:
        done = [one.version for one in self.calculations if one.finished is not None]
        return {
            "version": done[-1] if done else None,
            "pending_version": self.calculations[-1].version if self.calculations else None,
            "last_backfill_person_properties_at": None,
            "last_error_message": self.last_error_message,
        }


def _time_or_null(seconds: float | None) -> str | None:
    return None if seconds is None else show_time(seconds)


def seeded_cohorts(
    now: float, clock: Callable[[], float], members_of: Callable[[Mapping[str, Any]], list[str]]
) -> dict[int, Cohort]:
    """The cohorts that the project has at the start, all calculated; by id."""
    newsletter, beta, audience = (
        Cohort(
            id=cohort_id,
            created=now - 86_400 * age,
            name=name,
            is_static=True,
            cohort_type="static",
            flags=flags,
        )
        for cohort_id, age, name, flags in (
            (101, 40, "Newsletter readers", ()),
            (102, 30, "Beta testers", ()),
            (104, 10, "Rollout audience", ("new-checkout",)),
        )
    )
    newsletter.set_members([person_uuid(number) for number in range(1250)], now)
    beta.set_members([person_uuid(number) for number in range(20)], now)
    audience.set_members([person_uuid(number) for number in range(20, 25)], now)
    paying = Cohort(id=103, created=now - 86_400 * 20, name="Paying customers")
    paying.filters, paying.cohort_type = PAID_FILTER, "person_property"
    job = Job("seeded", CALCULATION_STATES, Pace(polls=0), clock, None)
    paying.start(lambda: members_of(PAID_FILTER), job)
    paying.settle()
    return {cohort.id: cohort for cohort in (newsletter, beta, paying, audience)}
