"""A step that receives: it waits for its message, no longer than it may, and judges it.

A step's `timeout` is its bound, and then the step has failed; without one the deadline of a poll
is, and then the run has (Arazzo 1.1.0, 5.8.5, is silent on that).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo import run_errors
from arazzo.effects import Awaited, Pause
from arazzo.inputs import is_hidden
from arazzo.navigation import text_of

if TYPE_CHECKING:
    from arazzo.context import Json
    from arazzo.effects import Effects
    from arazzo.outcome import Outcome
    from arazzo.plan import StepPlan
    from arazzo.state import RunState


async def receive(
    step: StepPlan, state: RunState, effects: Effects, values: dict[str, Any], wanted: Json
) -> Outcome:
    """Return the judged message; `wanted` is the step's correlation id, None for any message.

    Raises PollDeadlineExceeded when a step without a timeout has waited too long.
    """
    correlation = None
    if step.attempt.reception and step.attempt.reception.correlation is not None:
        if wanted is None or is_hidden(wanted):
            what = "is a secret" if wanted else "has no value"
            why = f"its `correlationId` {what}, so no message can be the one that it awaits"
            return await effects.judge(step, None, why, values)
        correlation = text_of(wanted)
    awaited = _awaited(step, state, effects.now(), correlation)
    message = await _waited(state, effects, awaited)
    if message is not None:
        return await effects.judge(step, message, "", values)
    why = missed(step, awaited)
    if not step.timeout:
        raise run_errors.message_deadline(state, step, why)
    outcome = await effects.judge(step, None, why, values)
    return outcome.model_copy(update={"timed_out": True})


def _awaited(step: StepPlan, state: RunState, now: float, correlation: str | None) -> Awaited:
    """The deadline is that of the first beginning, in whichever run of a chain that was."""
    here = state.step(step.step_id)
    here.waits_until = here.waits_until or now + _bound(step)
    return Awaited(step.step_id, step.called, correlation, here.waits_until)


async def _waited(state: RunState, effects: Effects, awaited: Awaited) -> dict[str, Any] | None:
    here = state.step(awaited.step_id)
    left = max(0.0, awaited.until - effects.now())
    here.standing = "waiting"
    effects.show(state, _pause(awaited, left))
    message = await effects.receive(awaited)
    here.waits_until = 0.0
    here.standing = "running"
    effects.show(state, None)
    return message


def _pause(awaited: Awaited, left: float) -> Pause:
    return Pause(awaited.step_id, left, said(awaited), None, awaited.until, channel=awaited.channel)


def _bound(step: StepPlan) -> float:
    return step.timeout or step.polling.deadline


def said(awaited: Awaited) -> str:
    """Return what is awaited, for people to read."""
    of = f" with the correlation id `{awaited.correlation}`" if awaited.correlation else ""
    return f"a message on channel `{awaited.channel}`{of}"


def missed(step: StepPlan, awaited: Awaited) -> str:
    """Return that the message did not come."""
    return f"{said(awaited)} did not come within {_bound(step):g} s"
