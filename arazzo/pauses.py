"""The waits before a step is attempted again, within one visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.effects import Pause

if TYPE_CHECKING:
    from arazzo.outcome import Outcome
    from arazzo.plan import FindPlan, StepPlan


def transient_pause(step: StepPlan, outcome: Outcome, tried: int, left: float) -> Pause:
    """Return the wait after a transient answer, no longer than is left of the step's timeout."""
    asked = outcome.retry_after
    seconds = asked if asked is not None else step.transient.wait(tried)
    said = f"answer {outcome.status}" if outcome.status else "the service can't be reached"
    return Pause(step.step_id, min(seconds, left), f"{said}, trying again", tried + 1)


def settle_pause(step: StepPlan, find: FindPlan) -> Pause:
    """Return the wait before a look-up, for a service may show late what it has taken."""
    return Pause(step.step_id, find.settle, f"finding out by `{find.call.operation_id}`")


def limit_pause(step: StepPlan, outcome: Outcome, left: float) -> Pause:
    """Return the wait for a limit that held the request back, which was no try."""
    return Pause(step.step_id, min(outcome.wait or 0.0, left), outcome.why)
