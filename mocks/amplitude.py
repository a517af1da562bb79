"""A stand-in of Amplitude's cohort, data subject access and deletion APIs.

    python -m mocks.amplitude [--host H] [--port P] [--profile documented] [--credentials B ...]
                              [--export-polls N] [--export-seconds S]
                              [--dsar-polls N] [--dsar-seconds S]

Profile `documented` answers as the public OpenAPI descriptions say: every success is a 200, jobs
are polled under the cohort's id, a file is a JSON object. The control API is in mocks/standin.py.
"""

from __future__ import annotations

import argparse
import base64
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from starlette.applications import Starlette

from mocks.calls import (
    Call,
    Refusal,
    read_day,
    read_integers,
    read_object,
    read_text,
    read_texts,
)
from mocks.faults import Faults
from mocks.jobs import DEFAULT_PACE, Job, Pace
from mocks.options import create_parser, read_pace, require_profile, serve
from mocks.standin import Operation, StandIn

PROFILES = ("documented",)
DEFAULT_CREDENTIALS = base64.b64encode(b"demo-api-key:demo-secret-key").decode("ascii")
EXPORT_STATES = ("queued", "computing", "complete")
DSAR_STATES = ("pending", "processing", "complete")
JOB_OPERATIONS = ("requestCohortExport", "createDsarRequest")
APP_ID = 187520
FIRST_DSAR_ID = 53367
DELETION_DELAY = timedelta(days=10)
MOST_DELETION_IDS = 100


@dataclass
class Cohort:
    """One cohort: its metadata, and the user ids of its members."""

    id: str
    name: str
    description: str
    owner: str
    member_ids: list[str]
    computed: float

    def describe(self) -> dict[str, Any]:
        """The cohort's metadata as the list of cohorts shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "size": len(self.member_ids),
            "lastComputed": datetime.fromtimestamp(self.computed, UTC).isoformat(),
            "archived": False,
            "owner": self.owner,
            "appId": APP_ID,
        }


@dataclass
class Export:
    """One export of a cohort: its job, and whether the file shows user properties."""

    job: Job
    with_properties: bool


@dataclass(frozen=True)
class Paces:
    """How fast exports and access requests go through their states."""

    export: Pace
    dsar: Pace


class Amplitude:
    """The state of one Amplitude project, and its operations."""

    def __init__(self, paces: Paces, faults: Faults, clock: Callable[[], float]) -> None:
        self._paces = paces
        self._faults = faults
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Back to the seeded cohorts, without jobs."""
        self._cohorts = {cohort.id: cohort for cohort in seeded_cohorts(self._clock())}
        self._exports: dict[str, Export] = {}
        self._requests: dict[str, Job] = {}
        self._deletions: list[dict[str, Any]] = []
        self._uploads = 0
        self._export_requests = 0

    def list_cohorts(self, _call: Call) -> Any:
        """All cohorts of the project."""
        return {"cohorts": [cohort.describe() for cohort in self._cohorts.values()]}

    def upload_cohort(self, call: Call) -> Any:
        """Add a cohort, or replace the one that existing_cohort_id names."""
        body = read_object(call)
        name, ids = read_text(body, "name"), read_texts(body, "ids")
        existing = read_text(body, "existing_cohort_id") if "existing_cohort_id" in body else None
        owner = read_text(body, "owner") if "owner" in body else "owner@example.com"
        if existing is not None and existing not in self._cohorts:
            raise Refusal(400, f"existing_cohort_id: there is no cohort {existing}")
        cohort_id = existing or self._next_cohort_id()
        self._cohorts[cohort_id] = Cohort(
            cohort_id, name, "Uploaded by API", owner, ids, self._clock()
        )
        return {"cohort_id": cohort_id}

    def request_cohort_export(self, call: Call) -> Any:
        """Start an export; a later one of the same cohort takes the place of an earlier one."""
        cohort = self._cohort(call)
        properties = call.query.get("props", "0")
        if properties not in ("0", "1"):
            raise Refusal(400, "props must be 0 or 1")
        self._export_requests += 1
        request_id = f"exp{self._export_requests:04d}"
        job = self._start("requestCohortExport", request_id, EXPORT_STATES, self._paces.export)
        self._exports[cohort.id] = Export(job, properties == "1")
        return {"request_id": request_id, "cohort_id": cohort.id}

    def get_cohort_export_status(self, call: Call) -> Any:
        """The state of a cohort's last export; the poll moves it on."""
        job = self._export(call).job
        return {"request_id": job.request_id, "status": job.poll()}

    def download_cohort_export(self, call: Call) -> Any:
        """The members of a cohort whose export is complete."""
        cohort, export = self._cohort(call), self._export(call)
        if export.job.state() != "complete":
            raise Refusal(404, f"the export of cohort {cohort.id} is {export.job.state()}")
        members = [describe_member(one, export.with_properties) for one in cohort.member_ids]
        return {"request_id": export.job.request_id, "cohort_id": cohort.id, "members": members}

    def create_dsar_request(self, call: Call) -> Any:
        """Start a data subject access request."""
        read_texts(read_object(call), "user_ids")
        request_id = str(FIRST_DSAR_ID + len(self._requests))
        job = self._start("createDsarRequest", request_id, DSAR_STATES, self._paces.dsar)
        self._requests[request_id] = job
        return {"request_id": request_id, "status": DSAR_STATES[0]}

    def get_dsar_request_status(self, call: Call) -> Any:
        """The state of an access request; the poll moves it on."""
        request_id = call.path_parameters["request_id"]
        if request_id not in self._requests:
            raise Refusal(404, f"there is no access request {request_id}")
        answer = {"request_id": request_id, "status": self._requests[request_id].poll()}
        if answer["status"] == "complete":
            answer["download_url"] = f"https://downloads.amplitude.example/dsar/{request_id}.zip"
        return answer

    def create_deletion_request(self, call: Call) -> Any:
        """Note a deletion, scheduled ten days ahead."""
        body = read_object(call)
        user_ids = read_texts(body, "user_ids") if "user_ids" in body else []
        amplitude_ids = read_integers(body, "amplitude_ids") if "amplitude_ids" in body else []
        if not 1 <= len(user_ids) + len(amplitude_ids) <= MOST_DELETION_IDS:
            raise Refusal(400, f"a request names 1 to {MOST_DELETION_IDS} ids")
        day = (datetime.fromtimestamp(self._clock(), UTC) + DELETION_DELAY).date().isoformat()
        deletion = {"day": day, "status": "staging"}
        self._deletions.append(deletion | {"amplitude_ids": amplitude_ids, "user_ids": user_ids})
        return deletion

    def list_deletion_requests(self, call: Call) -> Any:
        """The deletions between start_day and end_day, both included."""
        start, end = read_day(call, "start_day"), read_day(call, "end_day")
        return {
            "deletions": [
                deletion
                for deletion in self._deletions
                if (start or "") <= deletion["day"] <= (end or "9999-12-31")
            ]
        }

    def _start(
        self, operation_id: str, request_id: str, states: tuple[str, str, str], pace: Pace
    ) -> Job:
        fault = self._faults.strike_job(operation_id)
        return Job(request_id, states, pace, self._clock, fault)

    def _next_cohort_id(self) -> str:
        self._uploads += 1
        return f"upl{self._uploads:04d}"

    def _cohort(self, call: Call) -> Cohort:
        cohort_id = call.path_parameters["cohort_id"]
        if cohort_id not in self._cohorts:
            raise Refusal(404, f"there is no cohort {cohort_id}")
        return self._cohorts[cohort_id]

    def _export(self, call: Call) -> Export:
        cohort = self._cohort(call)
        if cohort.id not in self._exports:
            raise Refusal(404, f"no export of cohort {cohort.id} was requested")
        return self._exports[cohort.id]


def seeded_cohorts(computed: float) -> list[Cohort]:
    """The cohorts that a new stand-in has; `computed` is seconds since the epoch."""
    return [
        Cohort(cohort_id, name, description, "owner@example.com", members, computed)
        for cohort_id, name, description, members in (
            ("c0ffee1", "Coffee drinkers", "Ordered coffee this month", ["ada", "grace", "linus"]),
            ("7y6y3ij", "Power users", "Active on 20 of 28 days", [f"user-{n}" for n in range(50)]),
            ("26umsb5", "Nobody", "An empty cohort", []),
        )
    ]


def describe_member(user_id: str, with_properties: bool) -> dict[str, Any]:
    """One row of an export's file; the Amplitude id is derived from the user id."""
    number = zlib.crc32(user_id.encode("utf-8"))
    member: dict[str, Any] = {"amplitude_id": number, "user_id": user_id}
    if with_properties:
        member["properties"] = {"plan": ("free", "team")[number % 2], "visits": number % 100}
    return member


def require_basic(credentials: Collection[str]) -> Callable[[Call, Operation], None]:
    """A check that a request has one of these Basic credentials (base64): else 401 or 403."""

    def authorize(call: Call, _operation: Operation) -> None:
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or not given:
            raise Refusal(401, "Basic credentials are required", {"www-authenticate": "Basic"})
        if given not in credentials:
            raise Refusal(403, "the API key or secret key is wrong")

    return authorize


EXPORT_PATH = "/api/5/cohorts/request/{cohort_id}"
DSAR_PATH = "/api/2/dsar/requests"
DELETIONS_PATH = "/api/2/deletions/users"
OPERATIONS: Mapping[str, tuple[str, str, Callable[[Amplitude, Call], Any]]] = {
    "listCohorts": ("GET", "/api/3/cohorts", Amplitude.list_cohorts),
    "uploadCohort": ("POST", "/api/3/cohorts/upload", Amplitude.upload_cohort),
    "requestCohortExport": ("GET", EXPORT_PATH, Amplitude.request_cohort_export),
    "getCohortExportStatus": ("GET", f"{EXPORT_PATH}/status", Amplitude.get_cohort_export_status),
    "downloadCohortExport": ("GET", f"{EXPORT_PATH}/file", Amplitude.download_cohort_export),
    "createDsarRequest": ("POST", DSAR_PATH, Amplitude.create_dsar_request),
    "getDsarRequestStatus": ("GET", DSAR_PATH + "/{request_id}", Amplitude.get_dsar_request_status),
    "createDeletionRequest": ("POST", DELETIONS_PATH, Amplitude.create_deletion_request),
    "listDeletionRequests": ("GET", DELETIONS_PATH, Amplitude.list_deletion_requests),
}


def operations(amplitude: Amplitude) -> list[Operation]:
    """The operations, by the ids and paths of the public OpenAPI descriptions."""
    return [
        Operation(operation_id, method, path, partial(handle, amplitude))
        for operation_id, (method, path, handle) in OPERATIONS.items()
    ]


def create_app(
    *,
    profile: str = "documented",
    credentials: Collection[str] = (DEFAULT_CREDENTIALS,),
    export: Pace = DEFAULT_PACE,
    dsar: Pace = DEFAULT_PACE,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The stand-in as an application; raises ValueError for a profile that there is not.

    `credentials` are the accepted base64 Basic credentials; `clock` gives seconds since the epoch.
    """
    require_profile(profile, PROFILES)
    faults = Faults(OPERATIONS, JOB_OPERATIONS)
    amplitude = Amplitude(Paces(export, dsar), faults, clock)
    authorize = require_basic(frozenset(credentials))
    return StandIn(operations(amplitude), authorize, faults, amplitude.reset).application()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the stand-in until SIGTERM or SIGINT."""
    parser = create_parser("amplitude", PROFILES, ("export", "dsar"))
    parser.add_argument("--credentials", nargs="+", metavar="BASE64", default=[DEFAULT_CREDENTIALS])
    serve("amplitude", parser, arguments, create_from_options)


def create_from_options(given: argparse.Namespace) -> Starlette:
    """The stand-in that the command line asks for."""
    return create_app(
        profile=given.profile,
        credentials=given.credentials,
        export=read_pace(given, "export"),
        dsar=read_pace(given, "dsar"),
    )


if __name__ == "__main__":
    main()
