"""Names and shapes that workflows and activities agree on. Persisted data: see DESIGN.md.

The activity of a step has no name here: its type is the operationId.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from arazzo.plan import RetryPlan

LOAD_PLAN: Final = "load_plan"
SEAL_RUN: Final = "seal_run"
JUDGE_LOST_ATTEMPT: Final = "judge_lost_attempt"
JUDGE_WORKFLOW_STEP: Final = "judge_workflow_step"
JOIN_PAGES: Final = "join_pages"
MOVE_OUTPUTS: Final = "move_outputs"
EVALUATE_VALUES: Final = "evaluate_values"
CHECK_MESSAGE: Final = "check_message"
JUDGE_MESSAGE: Final = "judge_message"

TRANSPORT_FAILURE: Final = "TransportFailure"
"""The error type of an attempt without an answer that the RetryPolicy tries again."""


class Message(BaseModel):
    """What all of them share: unknown fields are ignored, so that versions can meet."""

    model_config = ConfigDict(extra="ignore")

    def as_json(self) -> dict[str, Any]:
        """Return the message as JSON without what is at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)


class LoadPlanRequest(Message):
    """The arguments of a run as they came: any JSON value, checked by `load_plan`."""

    workflow_type: str
    inputs: Any = None
    options: Any = None
    carried: Any = None


class LoadedPlan(Message):
    """The answer of `load_plan`: plan and beginning state as JSON.

    Both are None for a run that was carried on: it has them in its own arguments already, and
    only learns that they are genuine. A child has its plan there, and gets its state.
    """

    plan: dict[str, Any] | None = None
    state: dict[str, Any] | None = None


class Carried(Message):
    """What continue-as-new hands over: plan and state as JSON, and the worker's signature.

    A parent hands its child a plan without a state: the child begins, by the parent's plan. So
    does a run that transfers to another workflow, with the counters that go on.
    """

    plan: dict[str, Any]
    state: dict[str, Any] | None = None
    transfers: dict[str, Any] = {}
    visits: int = 0
    signature: str = ""


UNREADABLE: Final = ("encrypted-with-another-key", "payload-damaged")
"""The reasons of a SecretMissing by which a payload could not be decrypted."""


class AttemptRequest(Message):
    """One attempt of a step.

    `attempt` is an AttemptPlan as JSON with its `signature`; `values` are the inputs and outputs
    that the step reads; `spent` are the failure actions that are used up; `key` is the value of
    the idempotency header; `attempts` is the maximum of the activity's RetryPolicy; `why` tells
    what became of a lost attempt; `seconds` are left of the step's timeout, 0 without one;
    `place` is the one that a limit keeps, `held` how often in a row limits held the request back;
    `blobs` is the folder of the store for what this visit has to keep there;
    `find` asks what became of the write, in place of sending it; `retry` is the pace of the
    activity's attempts where time bounds them, too.
    """

    attempt: dict[str, Any]
    signature: str
    values: dict[str, Any]
    spent: list[int] = []
    key: str = ""
    attempts: int = 1
    why: str = ""
    seconds: float = 0.0
    place: str = ""
    held: int = 0
    blobs: str = ""
    find: bool = False
    retry: RetryPlan | None = None


class WorkflowStepRequest(Message):
    """A workflow that a step called and that has ended, to be judged.

    `outputs` are its outputs, None when it failed; then `why` says what happened, and `error` is
    the persisted name of its error; `blobs` is the folder of the store for the step's own outputs.
    """

    attempt: dict[str, Any]
    values: dict[str, Any]
    spent: list[int] = []
    outputs: dict[str, Any] | None = None
    why: str = ""
    error: str = ""
    blobs: str = ""


class JoinPagesRequest(Message):
    """Outputs of a step before, those of its next page, and the names whose lists are joined."""

    before: dict[str, Any]
    outputs: dict[str, Any]
    names: list[str]
    blobs: str


class MoveOutputsRequest(Message):
    """Outputs by stepId, of which so many bytes have to move to the store, the largest first."""

    outputs: dict[str, dict[str, Any]]
    excess: int
    blobs: str


class EvaluationRequest(Message):
    """Values that workflow code can't compute: outputs of a workflow, or inputs of another one.

    `templates` are JSON values by name, whose strings hold expressions; `values` are the inputs,
    steps and workflows of the run, `constants` those of its plan; `secrets` are the secret names
    that may be looked up (None: any); `blobs` is the folder of the store for what is large.
    """

    templates: dict[str, Any]
    values: dict[str, Any]
    constants: dict[str, Any] = {}
    secrets: tuple[str, ...] | None = None
    blobs: str = ""


class CheckMessageRequest(Message):
    """A message that is delivered, and the ReceptionPlans as JSON of the steps that may want it."""

    receptions: dict[str, dict[str, Any]]
    message: dict[str, Any]


class MessageStepRequest(Message):
    """A message that a step received, to be judged; None when it received none, and `why`."""

    attempt: dict[str, Any]
    values: dict[str, Any]
    spent: list[int] = []
    message: dict[str, Any] | None = None
    why: str = ""


class RunOptions(Message):
    """What a caller may choose for one run (the second argument of every workflow).

    `server` is a name of the settings' servers, for all sources or by source; `polling` holds
    first, factor, longest and deadline, in seconds.
    """

    model_config = ConfigDict(extra="forbid")

    server: str | dict[str, str] | None = None
    polling: dict[str, float] = {}
