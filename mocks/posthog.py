"""A stand-in of PostHog's API of cohorts.

    python -m mocks.posthog [--host H] [--port P] [--profile live|documented] [--year 2025|2026]
                            [--project ID] [--key KEY=SCOPE,SCOPE ...]
                            [--calculation-polls N] [--calculation-seconds S]

Profile `live` answers as the service does in the year; in 2026 a copy as a static cohort can't be
made any more. Profile `documented` answers as the public page says: calls that have no response
body there have none, and errors neither. The control API is in mocks/standin.py.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.applications import Starlette

from mocks.calls import Answer, Call
from mocks.faults import USUAL_JOB_KINDS, Faults
from mocks.jobs import DEFAULT_PACE, Pace
from mocks.options import create_parser, read_pace, require_profile, serve
from mocks.posthog_access import (
    ALL_SCOPES,
    DEFAULT_KEYS,
    DEFAULT_PROJECT,
    describe_refusal,
    describe_without_body,
    require_key,
)
from mocks.posthog_project import CREATE, DUPLICATE, LIST, PERSONS, UPDATE, Project
from mocks.standin import Operation, StandIn

PROFILES = ("live", "documented")
YEARS = (2025, 2026)
JOB_KINDS = (*USUAL_JOB_KINDS, "job-seems-idle")
COHORTS = "/api/projects/{project_id}/cohorts"
COHORT = f"{COHORTS}/{{id}}"
READ, WRITE, LOG = ("cohort:read",), ("cohort:write",), ("activity_log:read",)
READ_PERSONS = ("cohort:read", "person:read")
ADD = "add_persons_to_static_cohort"
REMOVE = "remove_person_from_static_cohort"
Handle = Callable[[Project, Call], Any]
# In this order: the activity of all cohorts would be taken for a cohort's id.
OPERATIONS: Mapping[str, tuple[str, str, tuple[str, ...], Handle]] = {
    LIST: ("GET", COHORTS, READ, Project.list_cohorts),
    CREATE: ("POST", COHORTS, WRITE, Project.create),
    "cohorts_all_activity_retrieve": (
        "GET", f"{COHORTS}/activity", LOG, Project.show_all_activity,
    ),
    "cohorts_retrieve": ("GET", COHORT, READ, Project.retrieve),
    UPDATE: ("PATCH", COHORT, WRITE, Project.update),
    "cohorts_destroy": ("DELETE", COHORT, WRITE, Project.destroy),
    "cohorts_activity_retrieve": ("GET", f"{COHORT}/activity", LOG, Project.show_activity),
    f"cohorts_{ADD}_partial_update": ("PATCH", f"{COHORT}/{ADD}", WRITE, Project.add_persons),
    "cohorts_calculation_history_retrieve": (
        "GET", f"{COHORT}/calculation_history", READ, Project.show_history,
    ),
    DUPLICATE: ("GET", f"{COHORT}/duplicate_as_static_cohort", WRITE, Project.duplicate),
    PERSONS: ("GET", f"{COHORT}/persons", READ_PERSONS, Project.show_persons),
    f"cohorts_{REMOVE}_partial_update": (
        "PATCH", f"{COHORT}/{REMOVE}", WRITE, Project.remove_person,
    ),
}  # fmt: skip
# What the public page says nothing else about than "no response body", or nothing at all.
DOCUMENTED_WITH_BODY = (LIST, CREATE, "cohorts_retrieve", UPDATE)


def operations(project: Project, profile: str) -> list[Operation]:
    """The operations, each with and without a slash at the end of its path."""
    return [
        Operation(
            operation_id, method, path + slash, _handler(project, profile, operation_id), scopes
        )
        for operation_id, (method, path, scopes, _) in OPERATIONS.items()
        for slash in ("/", "")
    ]


def _handler(project: Project, profile: str, operation_id: str) -> Callable[[Call], Any]:
    handle = partial(OPERATIONS[operation_id][3], project)
    if profile == "live" or operation_id in DOCUMENTED_WITH_BODY:
        return handle

    def handle_silently(call: Call) -> Answer:
        handle(call)
        return Answer(None)

    return handle_silently


def create_app(
    *,
    profile: str = "live",
    year: int = 2025,
    keys: Mapping[str, Collection[str]] = DEFAULT_KEYS,
    project: str = DEFAULT_PROJECT,
    calculation: Pace = DEFAULT_PACE,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The stand-in as an application; raises ValueError for a profile or year that there is not.

    `keys` are the personal keys with their scopes, "*" for all; `clock` gives seconds since the
    epoch.
    """
    require_profile(profile, PROFILES)
    if year not in YEARS:
        raise ValueError(f"no year {year}; there is: {', '.join(map(str, YEARS))}")
    if profile == "documented":
        year = YEARS[0]
    faults = Faults(OPERATIONS, (CREATE, UPDATE, DUPLICATE), (LIST, PERSONS), JOB_KINDS)
    state = Project(year, calculation, faults, clock)
    return StandIn(
        operations(state, profile),
        require_key(keys, project, year),
        faults,
        state.reset,
        envelope=describe_refusal if profile == "live" else describe_without_body,
    ).application()


def read_keys(texts: Sequence[str] | None) -> Mapping[str, Collection[str]]:
    """Keys as the command line gives them: KEY for all scopes, or KEY=SCOPE,SCOPE."""
    if not texts:
        return DEFAULT_KEYS
    pairs = (text.partition("=") for text in texts)
    return {key: scopes.split(",") if given else ALL_SCOPES for key, given, scopes in pairs}


def create_from_options(given: argparse.Namespace) -> Starlette:
    """The stand-in that the command line asks for."""
    return create_app(
        profile=given.profile,
        year=given.year,
        keys=read_keys(given.key),
        project=given.project,
        calculation=read_pace(given, "calculation"),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the stand-in until SIGTERM or SIGINT."""
    parser = create_parser("posthog", PROFILES, ("calculation",))
    parser.add_argument("--year", type=int, default=YEARS[0], help="whose behaviour, 2025 or 2026")
    parser.add_argument("--project", default=DEFAULT_PROJECT, metavar="ID")
    parser.add_argument("--key", nargs="+", metavar="KEY=SCOPE,SCOPE", help="KEY alone: all scopes")
    serve("posthog", parser, arguments, create_from_options)


if __name__ == "__main__":
    main()
