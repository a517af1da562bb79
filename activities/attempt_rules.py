"""What an attempt may do: how long it takes, how often it comes, and what its success means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from activities.faults import TransportFailed
from activities.files import STORE_FAILED
from arazzo.errors import PayloadTooLarge

if TYPE_CHECKING:
    from temporalio import activity

    from activities.answers import Answer
    from activities.names import AttemptRequest
    from arazzo.errors import StepFailed
    from arazzo.outcome import Outcome
    from arazzo.plan import AttemptPlan, Call

SUCCESS: Final = 2
"""The first digit of a status of success."""
LARGEST_OUTPUT_BYTES: Final = 1_400_000
"""Below what Temporal takes as one result (2 MB), and below what a run may hold."""


def refuse_large_outputs(plan: AttemptPlan, outputs: dict[str, Any]) -> int:
    """Return the size of a step's outputs in bytes. Raises PayloadTooLarge."""
    size = len(json.dumps(outputs))
    if size > LARGEST_OUTPUT_BYTES:
        raise PayloadTooLarge(
            f"the outputs of step `{plan.step_id}` are {size} bytes; a step may hand on "
            f"{LARGEST_OUTPUT_BYTES}. Have the document output only the part that it needs",
            reason="outputs-too-large",
            facts={"step": plan.step_id, "bytes": size},
        )
    return size


def bounded(call: Call, seconds: float) -> Call:
    """Return the call with no more time than is left of the step's timeout, 0 for no timeout."""
    if not 0 < seconds < call.total_timeout:
        return call
    return call.model_copy(update={"total_timeout": seconds})


def within_budget(request: AttemptRequest, number: int, spent: float) -> AttemptRequest:
    """Return the request, with this attempt as its last one when another would begin too late.

    `spent` are the seconds since the first attempt was scheduled.
    """
    pace = request.retry
    if pace is None or spent + pace.wait(number) <= pace.within:
        return request
    return request.model_copy(update={"attempts": number})


def may_attempt_again(call: Call, error: TransportFailed | StepFailed) -> bool:
    """Return whether an attempt without an answer may be repeated («Never twice»).

    One that broke off since a file of its body could not be read is judged as any other: a service
    that takes a body piece by piece has a part of it.
    """
    if isinstance(error, TransportFailed):
        passes = error.fault.try_again
    else:
        passes = error.reason == STORE_FAILED
    return passes and (not call.writes or call.idempotency)


def took_effect(call: Call, answer: Answer) -> bool:
    """Return whether a write, which may not be sent again, was answered with success."""
    return call.writes and not call.idempotency and answer.response.status // 100 == SUCCESS


def unread(outcome: Outcome, why: str, answer: Answer) -> Outcome:
    """A write that was done, and whose outputs can't be kept: nobody may do it again for that."""
    said = f"the outputs of the answer {answer.response.status} can't be kept: {why}"
    update = {"passed": False, "outputs": {}, "action": None, "why": said, "unread": True}
    return outcome.model_copy(update=update)


def end_of(info: activity.Info) -> float | None:
    """Return when the server counts the attempt as lost, in seconds since the epoch."""
    if info.start_to_close_timeout is None:
        return None
    return (info.started_time + info.start_to_close_timeout).timestamp()
