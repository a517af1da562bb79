"""What follows a judged attempt: one closed union, decided without looking at the world.

Actions: Arazzo 1.0.1, 4.6.7 and 4.6.8. Where the standard is silent, DESIGN.md section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from arazzo.errors import RUN_ERRORS, OtherPartyError, OutcomeUnknown, StepFailed

if TYPE_CHECKING:
    from arazzo.outcome import Outcome
    from arazzo.plan import ActionPlan, Plan, StepPlan
    from arazzo.state import StepState

TRANSIENT_STATUSES: Final = frozenset((429, 502, 503, 504))
REFUSED_STATUSES: Final = frozenset((429, 503))
"""Answers that say «not now», so that even a write may be sent again."""
SHORTEST_RETRY: Final = 1.0
SHORTEST_ATTEMPT: Final = 0.001
"""The seconds that an attempt has at least, for 0 would mean that it has no bound."""


@dataclass(frozen=True, slots=True)
class Next:
    """Go on with the next step of the document, or end after the last one."""


@dataclass(frozen=True, slots=True)
class Goto:
    """Go on at a later step."""

    target: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand the run over to another workflow, for good; `after` as for a poll."""

    action: ActionPlan
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """Go back to this or an earlier step; `after` is the document's own wait in seconds."""

    target: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Do the failed step again after that many seconds; `action` is the index that said so."""

    action: int
    after: float


@dataclass(frozen=True, slots=True)
class End:
    """End the run: completed when `failed` is false."""

    failed: bool


@dataclass(frozen=True, slots=True)
class Fail:
    """The step failed, and no action of the document took it up."""


@dataclass(frozen=True, slots=True)
class Unexpected:
    """The step passed with a state that no action of its poll covers."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A retry in onSuccess has used up its limit, so the poll ends without its aim."""

    limit: int


Transition = Next | Goto | Transfer | Poll | Retry | End | Fail | Unexpected | Exhausted


def decide(plan: Plan, step: StepPlan, outcome: Outcome, state: StepState) -> Transition:
    """Return what the document says should follow this outcome."""
    actions = step.attempt.on_success if outcome.passed else step.attempt.on_failure
    if outcome.action is None:
        return _without_action(plan, step, outcome)
    action = actions[outcome.action]
    match action.type:
        case "end":
            return End(failed=not outcome.passed)
        case "goto":
            return _goto(plan, step, action)
        case "retry":
            return _retry(step, outcome, action, state)


def _without_action(plan: Plan, step: StepPlan, outcome: Outcome) -> Transition:
    if not outcome.passed:
        return Fail()
    ways = [leads_back(plan, step, action) for action in step.attempt.on_success]
    return Unexpected() if any(ways) and not all(ways) else Next()


def loop_targets(plan: Plan) -> set[str]:
    """Return the stepIds that an action may lead to, so that a loop may begin there."""
    return {
        action.target or step.step_id
        for step in plan.steps
        for action in (*step.attempt.on_success, *step.attempt.on_failure)
    }


def leads_back(plan: Plan, step: StepPlan, action: ActionPlan) -> bool:
    """Return whether an action leads to its own or an earlier step, so makes a loop."""
    if action.type == "goto" and action.target is not None:
        return plan.index(action.target) <= plan.index(step.step_id)
    return action.type == "retry"


def _goto(plan: Plan, step: StepPlan, action: ActionPlan) -> Transition:
    if action.workflow is not None:
        return Transfer(action, action.retry_after)
    target = action.target or step.step_id
    back = leads_back(plan, step, action)
    return Poll(target, action.retry_after) if back else Goto(target)


def _retry(step: StepPlan, outcome: Outcome, action: ActionPlan, state: StepState) -> Transition:
    index = outcome.action if outcome.action is not None else 0
    if not outcome.passed:
        return Retry(index, max(SHORTEST_RETRY, action.retry_after or 0.0))
    used = state.retries.get(retry_key(index, passed=True), 0)
    if action.retry_limit is not None and used >= action.retry_limit:
        return Exhausted(action.retry_limit)
    return Poll(step.step_id, action.retry_after)


REV_OF_DOUBLE_TRIES: Final = 2
"""The last one of them."""


def retry_key(index: int, *, passed: bool) -> str:
    """Return the key under which the uses of a retry are counted."""
    return f"{'onSuccess' if passed else 'onFailure'}/{index}"


def spent_retries(step: StepPlan, state: StepState) -> list[int]:
    """Return the indices of the failure actions whose retryLimit (default 1) is used up."""
    return [
        index
        for index, action in enumerate(step.attempt.on_failure)
        if action.type == "retry"
        and state.retries.get(retry_key(index, passed=False), 0)
        >= (1 if action.retry_limit is None else action.retry_limit)
    ]


def may_send_again(step: StepPlan, outcome: Outcome, engine_rev: int) -> bool:
    """Return whether an unasked second attempt is safe and sensible («Never twice»).

    Before `engine_rev` 3 a write with a key that was not sent was tried here as well, after its
    RetryPolicy had done so.
    """
    call = step.attempt.call
    if call is None:
        return False  # what a child workflow may do again, it has done itself
    if step.timeout and (outcome.status is None or outcome.unread):
        return outcome.sent == "no" or not call.writes or call.idempotency
    if outcome.sent == "no":
        by_policy = call.idempotency and engine_rev > REV_OF_DOUBLE_TRIES
        return call.writes and not by_policy  # a RetryPolicy has tried the others already
    if outcome.status is None or outcome.status not in TRANSIENT_STATUSES:
        return False
    return not call.writes or call.idempotency or outcome.status in REFUSED_STATUSES


def fate_unknown(step: StepPlan, outcome: Outcome) -> bool:
    """Return whether a write was sent of which nobody knows if it arrived, or what it made."""
    call = step.attempt.call
    if call is None:
        return False
    unknown = outcome.sent == "maybe" or outcome.unread
    return unknown and call.writes and not call.idempotency


def ends_the_caller(error: str) -> bool:
    """Return whether an error of a called workflow ends its caller, whatever the document says.

    A document may take up what the other party did; not a mistake of its author or of the caller,
    and not a write of unknown fate.
    """
    cls = RUN_ERRORS.get(error, StepFailed)
    return not issubclass(cls, OtherPartyError) or cls is OutcomeUnknown
