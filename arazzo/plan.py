"""The compiled plan of one workflow: everything resolved, nothing left to look up.

It is persisted data. `load_plan` writes it into the history of a run, continue-as-new carries it,
and a worker of any later version must read it: a changed meaning needs a new `ENGINE_REV`, a
changed shape a new `PLAN_FORMAT` (DESIGN.md, section 2, «The plan is pinned»).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from arazzo.provider import Polling

PLAN_FORMAT: Final = 1
ENGINE_REV: Final = 1
LARGEST_PLAN_BYTES: Final = 1024 * 1024


class PlanPart(BaseModel):
    """What all parts of a plan share: frozen, and strict about unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def as_json(self) -> dict[str, Any]:
        """Return the part as JSON without what is at its default.

        So a field that a later version adds changes neither the size nor the signature of the
        plans that were made before it.
        """
        return self.model_dump(mode="json", exclude_defaults=True)


class CriterionPlan(PlanPart):
    """A criterion as written; `type` is simple, regex or jsonpath."""

    condition: str
    type: str = "simple"
    version: str | None = None
    context: str | None = None


class ActionPlan(PlanPart):
    """An action. `target` is a stepId of the same workflow; `retry_after` is in seconds."""

    name: str
    type: Literal["end", "goto", "retry"]
    target: str | None = None
    retry_after: float | None = None
    retry_limit: int | None = None
    criteria: tuple[CriterionPlan, ...] = ()


class ParameterPlan(PlanPart):
    """A parameter of a request; strings in `value` may hold expressions."""

    name: str
    location: Literal["path", "query", "header"]
    value: Any
    style: str = "simple"
    explode: bool = False


class Call(PlanPart):
    """An operation as one step calls it.

    `server` is the base URL of the run's choice, empty when only the worker's own settings name
    one; `secrets` are the secret names that the document may use (None: any); `writes` is true
    when sending twice could do something twice; seconds for the timeouts.
    """

    operation_id: str
    method: str
    path: str
    source: str
    server: str = ""
    parameters: tuple[ParameterPlan, ...] = ()
    content_type: str | None = None
    payload: Any = None
    writes: bool
    idempotency_header: str | None = None
    idempotency: bool = False
    secrets: tuple[str, ...] | None = None
    connect_timeout: float
    total_timeout: float
    retry_after_ceiling: float
    largest_response: int


class AttemptPlan(PlanPart):
    """All that one attempt of a step needs; this part of the plan travels to the activity."""

    workflow_id: str
    step_id: str
    call: Call
    success_criteria: tuple[CriterionPlan, ...] = ()
    on_success: tuple[ActionPlan, ...] = ()
    on_failure: tuple[ActionPlan, ...] = ()
    outputs: dict[str, str] = {}


class Reads(PlanPart):
    """Names of the values that a step reads: inputs, and outputs by stepId."""

    inputs: tuple[str, ...] = ()
    steps: dict[str, tuple[str, ...]] = {}


class RetryPlan(PlanPart):
    """How often something is attempted, and the seconds between: doubling from first to longest."""

    attempts: int
    first: float
    longest: float

    def wait(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt of that number, counted from 1."""
        return min(self.longest, self.first * 2.0 ** min(attempt - 1, 60))


class StepPlan(PlanPart):
    """A step: what the activity gets, and what the workflow needs to know around it.

    `request_reads` are the values that shape the request; `reads` are those and what criteria
    and outputs read. `signature` authenticates `attempt` (hex of HMAC-SHA-256);
    `start_to_close` is the activity's timeout in seconds, longer than any of the request's.
    """

    attempt: AttemptPlan
    signature: str = ""
    reads: Reads
    request_reads: Reads
    polling: Polling
    transient: RetryPlan
    transport: RetryPlan
    start_to_close: float

    @property
    def step_id(self) -> str:
        """Return the stepId."""
        return self.attempt.step_id

    @property
    def request_line(self) -> str:
        """Return method and path as written in the description, for people to read."""
        return f"{self.attempt.call.method} {self.attempt.call.path}"


class DocumentIdentity(PlanPart):
    """Which document a plan was made from."""

    file: str
    title: str
    version: str


class Plan(PlanPart):
    """A workflow, ready to be interpreted. `outputs` maps names to values with expressions."""

    plan_format: int
    engine_rev: int
    document: DocumentIdentity
    workflow_id: str
    secret_inputs: tuple[str, ...] = ()
    steps: tuple[StepPlan, ...]
    outputs: dict[str, Any] = {}
    visit_budget: int

    def index(self, step_id: str) -> int:
        """Return the position of a step in the order of the document."""
        return next(i for i, step in enumerate(self.steps) if step.step_id == step_id)

    def digest(self) -> str:
        """Return the SHA-256 of the plan's canonical JSON, as hex."""
        return hashlib.sha256(canonical(self.as_json())).hexdigest()


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
