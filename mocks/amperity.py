"""A stand-in of Amperity's API of workflow runs, with its tokens.

    python -m mocks.amperity [--host H] [--port P] [--profile live|documented]
                             [--tenant T ...] [--client ID:SECRET ...] [--token TOKEN ...]
                             [--token-seconds S] [--run-polls N] [--run-seconds S]
                             [--allow-second-run]

Profile `documented` answers a start with 200 and fewer fields, as the public page says. The API is
below /api. Its own control is POST /_control/expire-tokens; the others are in mocks/standin.py.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.applications import Starlette

from mocks.amperity_access import Access, describe_refusal
from mocks.amperity_requests import Listing, create_token, read_config_id, read_listing
from mocks.amperity_runs import (
    DOCUMENTED_START,
    ENDS,
    STATES,
    STOPPING_STATES,
    Run,
    same_state,
    seeded_runs,
)
from mocks.calls import Answer, Call, Refusal
from mocks.faults import USUAL_JOB_KINDS, Faults
from mocks.jobs import DEFAULT_PACE, Job, Pace
from mocks.options import create_parser, read_pace, require_profile, serve
from mocks.standin import Operation, StandIn

PROFILES = ("live", "documented")
DEFAULT_TENANTS = ("acme", "acme-sb-12345")
DEFAULT_CLIENTS: Mapping[str, str] = {"demo-client": "demo-client-secret"}
DEFAULT_TOKENS = ("demo-token",)
DEFAULT_TOKEN_SECONDS = 3600.0
JOB_KINDS = (*USUAL_JOB_KINDS, "job-is-canceled")
FIRST_RUN_NUMBER = 20_001


@dataclass(frozen=True)
class Manner:
    """How the service behaves where that can be chosen."""

    is_documented: bool
    pace: Pace
    allows_second_run: bool


class Amperity:
    """The runs of all tenants, and the operations on them."""

    def __init__(
        self, access: Access, manner: Manner, faults: Faults, clock: Callable[[], float]
    ) -> None:
        self._access = access
        self._manner = manner
        self._faults = faults
        self._clock = clock
        self._runs: dict[str, list[Run]] = {}

    def reset(self) -> None:
        """Back to the seeded runs, without tokens."""
        self._access.reset()
        self._runs.clear()

    def run_workflow(self, call: Call) -> Any:
        """Start a run; one that is still running keeps its configuration busy."""
        config_id = read_config_id(call)
        runs, now = self._of_tenant(call), self._clock()
        busy = [run for run in runs if run.config_id == config_id and run.state() not in ENDS]
        if busy and not self._manner.allows_second_run:
            raise Refusal(409, f"{config_id} is already running as {busy[0].id}")
        fault = self._faults.strike_job("run-workflow")
        number = FIRST_RUN_NUMBER + sum(len(others) for others in self._runs.values())
        job = Job(str(number), STATES, self._manner.pace, self._clock, fault)
        run = Run(number, config_id, self._access.tenant(call), now, job)
        runs.append(run)
        told = run.describe_start()
        if self._manner.is_documented:
            return {name: told[name] for name in DOCUMENTED_START}
        return Answer(told, 201)

    def list_workflows(self, call: Call) -> Any:
        """The runs of the tenant, newest first, as the filters say."""
        listing = read_listing(call)
        found = [run for run in reversed(self._of_tenant(call)) if fits(run, listing)]
        end = listing.offset + listing.limit
        answer: dict[str, Any] = {
            "data": [run.describe("overview") for run in found[listing.offset : end]]
        }
        if self._faults.strike_page("list-workflows"):
            answer["next_token"] = create_token(listing.offset)
        elif end < len(found):
            answer["next_token"] = create_token(end)
        if listing.with_total:
            answer["total"] = len(found)
        return answer

    def get_workflow(self, call: Call) -> Any:
        """A run in one of its views; the call is a poll that moves it on."""
        view = call.query.get("view", "overview")
        if view not in ("overview", "verbose"):
            raise Refusal(400, "view must be overview or verbose")
        run = self._run(call)
        run.job.poll()
        return run.describe(str(view))

    def stop_workflow(self, call: Call) -> Any:
        """Stop a run: at once while nothing runs, else by and by; one that has ended can't be."""
        run = self._run(call)
        state = run.state()
        if run.is_stopping:
            return run.describe("overview")
        if state in ENDS:
            raise Refusal(409, f"{run.id} has ended as {state}")
        run.is_stopping = True
        run.job = Job(run.id, STOPPING_STATES, self._manner.pace, self._clock, None)
        if state == STATES[0]:
            run.finish("stopped")
        return run.describe("overview")

    def get_token(self, call: Call) -> Any:
        """A new token."""
        return self._access.get_token(call)

    def _of_tenant(self, call: Call) -> list[Run]:
        tenant = self._access.tenant(call)
        if tenant not in self._runs:
            self._runs[tenant] = seeded_runs(tenant, self._clock(), self._clock)
        return self._runs[tenant]

    def _run(self, call: Call) -> Run:
        run_id = call.path_parameters["workflow_id"]
        run = next((run for run in self._of_tenant(call) if run.id == run_id), None)
        if run is None:
            raise Refusal(404, f"there is no workflow {run_id}")
        return run


def fits(run: Run, listing: Listing) -> bool:
    """Whether a run passes the filters; from is inclusive, to is exclusive."""
    state = run.state()
    if listing.state is not None and not same_state(listing.state, state):
        return False
    if listing.type is not None and listing.type != run.type:
        return False
    for name, limit in listing.times.items():
        moment = run.created if name.startswith("created") else run.ended
        if moment is None or (moment < limit if name.endswith("from") else moment >= limit):
            return False
    return True


RUNS_PATH = "/api/workflow/runs"
RUN_PATH = f"{RUNS_PATH}/{{workflow_id}}"
TOKEN_OPERATION = "get-token"  # noqa: S105 - the name of an operation
OPERATIONS: Mapping[str, tuple[str, str, Callable[[Amperity, Call], Any]]] = {
    "run-workflow": ("POST", RUNS_PATH, Amperity.run_workflow),
    "list-workflows": ("GET", RUNS_PATH, Amperity.list_workflows),
    "get-workflow": ("GET", RUN_PATH, Amperity.get_workflow),
    "stop-workflow": ("POST", f"{RUN_PATH}/stop", Amperity.stop_workflow),
    TOKEN_OPERATION: ("POST", "/api/v0/oauth2/token", Amperity.get_token),
}


def operations(amperity: Amperity) -> list[Operation]:
    """The operations, each with and without a slash at the end of its path."""
    return [
        Operation(operation_id, method, path + slash, partial(handle, amperity))
        for operation_id, (method, path, handle) in OPERATIONS.items()
        for slash in ("", "/")
    ]


def create_app(  # noqa: PLR0913 - each is an option of the service, all have a default
    *,
    profile: str = "live",
    tenants: Collection[str] = DEFAULT_TENANTS,
    clients: Mapping[str, str] = DEFAULT_CLIENTS,
    tokens: Collection[str] = DEFAULT_TOKENS,
    token_seconds: float = DEFAULT_TOKEN_SECONDS,
    run: Pace = DEFAULT_PACE,
    allows_second_run: bool = False,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The stand-in as an application; raises ValueError for a profile that there is not.

    `clients` are ids and secrets; `tokens` are those that never expire; `allows_second_run` takes
    a start of what is running already, else refused with 409; `clock` gives seconds since the
    epoch.
    """
    require_profile(profile, PROFILES)
    faults = Faults(OPERATIONS, ("run-workflow",), ("list-workflows",), JOB_KINDS)
    access = Access(tenants, clients, tokens, token_seconds, clock)
    manner = Manner(profile == "documented", run, allows_second_run)
    amperity = Amperity(access, manner, faults, clock)

    def authorize(call: Call, operation: Operation) -> None:
        if operation.operation_id != TOKEN_OPERATION:
            access.authorize(call)

    return StandIn(
        operations(amperity),
        authorize,
        faults,
        amperity.reset,
        envelope=describe_refusal,
        controls={"expire-tokens": access.expire_tokens},
    ).application()


def read_clients(texts: Sequence[str] | None) -> Mapping[str, str]:
    """Clients as the command line gives them, ID:SECRET; raises ValueError for what is none."""
    if not texts:
        return DEFAULT_CLIENTS
    clients = [text.partition(":") for text in texts]
    if not all(name and secret for name, _, secret in clients):
        raise ValueError("a client is given as ID:SECRET")
    return {name: secret for name, _, secret in clients}


def create_from_options(given: argparse.Namespace) -> Starlette:
    """The stand-in that the command line asks for."""
    return create_app(
        profile=given.profile,
        tenants=given.tenant,
        clients=read_clients(given.client),
        tokens=given.token,
        token_seconds=given.token_seconds,
        run=read_pace(given, "run"),
        allows_second_run=given.allow_second_run,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the stand-in until SIGTERM or SIGINT."""
    parser = create_parser("amperity", PROFILES, ("run",))
    parser.add_argument("--tenant", nargs="+", metavar="T", default=list(DEFAULT_TENANTS))
    parser.add_argument("--client", nargs="+", metavar="ID:SECRET", help="clients for tokens")
    parser.add_argument("--token", nargs="+", metavar="TOKEN", default=list(DEFAULT_TOKENS))
    parser.add_argument("--token-seconds", type=float, metavar="S", default=DEFAULT_TOKEN_SECONDS)
    parser.add_argument("--allow-second-run", action="store_true", help="no 409 for it")
    serve("amperity", parser, arguments, create_from_options)


if __name__ == "__main__":
    main()
