"""The errors with which a run ends: what is said, and the facts beside it.

Every one of them names the step, its request and what was seen last, for whoever looks at a run
that failed in the night.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo.errors import (
    RUN_ERRORS,
    OutcomeUnknown,
    PayloadTooLarge,
    PollDeadlineExceeded,
    StepFailed,
    UnexpectedState,
)

if TYPE_CHECKING:
    from arazzo.errors import DurazzoError
    from arazzo.outcome import Outcome
    from arazzo.plan import StepPlan
    from arazzo.state import RunState

LARGEST_RUN_BYTES: Final = 1_500_000
"""Plan, inputs and outputs together; Temporal ends a run whose continued input passes 2 MB."""

LARGEST_OUTPUTS_IN_ERROR: Final = 64 * 1024


def facts(state: RunState, step: StepPlan) -> dict[str, Any]:
    """Return what every error tells of the step and of the run so far."""
    here = state.step(step.step_id)
    return {
        "step": step.step_id,
        "request": step.request_line,
        "status": here.last_status,
        "visits": here.visits,
        **_outputs_so_far(state),
    }


def _outputs_so_far(state: RunState) -> dict[str, Any]:
    if sum(state.output_bytes.values()) > LARGEST_OUTPUTS_IN_ERROR:
        return {"outputBytes": dict(state.output_bytes)}
    return {"outputs": state.outputs}


def step_failed(state: RunState, step: StepPlan, outcome: Outcome, ending: str) -> DurazzoError:
    """Return the failure of a step; `ending` says that the document itself ends the run."""
    body = f"; the body begins: {outcome.excerpt}" if outcome.excerpt else ""
    end = f" ({ending})" if ending else ""
    answered = "" if outcome.status is None else f" answered {outcome.status}"
    said = f"{step.request_line}{answered}: {outcome.why}{body}{end}"
    reason = "step-timeout" if outcome.timed_out else "step-failed"
    return RUN_ERRORS.get(outcome.error, StepFailed)(
        f"step `{step.step_id}` failed: {said}",
        reason="ended-by-document" if ending else reason,
        facts={**facts(state, step), "why": outcome.why, "excerpt": outcome.excerpt},
    )


def dependency_missing(state: RunState, step: StepPlan, missing: list[str]) -> DurazzoError:
    """Return that a step was reached before the steps that it depends on."""
    names = ", ".join(f"`{one}`" for one in missing)
    return StepFailed(
        f"step `{step.step_id}` depends on {names}, not completed before it: a `goto` left it out",
        reason="dependency-not-completed",
        facts={**facts(state, step), "missing": missing},
    )


def workflow_failed(name: str, role: str, error: str, why: str) -> DurazzoError:
    """Return the failure of a workflow that was called beside the steps; `role` says what for."""
    return RUN_ERRORS.get(error, StepFailed)(
        f"the workflow `{name}`, {role}, failed: {why}",
        reason="workflow-failed",
        facts={"workflow": name, "why": why},
    )


def outcome_unknown(state: RunState, step: StepPlan, outcome: Outcome) -> DurazzoError:
    """Return that nobody knows whether a write took effect, or what it made."""
    said = (
        f"was sent and took effect, but what it made is not known ({outcome.why})"
        if outcome.unread
        else f"was sent and no answer came back ({outcome.why}), so nobody knows whether it took "
        "effect"
    )
    return OutcomeUnknown(
        f"step `{step.step_id}`: {step.request_line} {said}. It is not sent again. "
        "Look at the service; start a new run when nothing happened there",
        reason="outcome-unknown",
        facts={**facts(state, step), "why": outcome.why},
    )


def unexpected(state: RunState, step: StepPlan, outcome: Outcome) -> DurazzoError:
    """Return that a poll met a state that no action covers."""
    seen = ", ".join(f"{name} = {value!r}"[:200] for name, value in outcome.outputs.items())
    names = ", ".join(f"`{action.name}`" for action in step.attempt.on_success)
    return UnexpectedState(
        f"step `{step.step_id}` passed with a state that none of its actions ({names}) "
        f"covers: {seen or 'no outputs'}. A poll that goes on here would take a job "
        "that is not finished for a finished one",
        reason="unexpected-state",
        facts={**facts(state, step), "stepOutputs": outcome.outputs},
    )


def page_again(state: RunState, step: StepPlan) -> DurazzoError:
    """Return that a page leads back to one that has been read."""
    pages = state.step(step.step_id).pages
    return UnexpectedState(
        f"step `{step.step_id}`: after {pages} pages of {step.request_line} the service "
        "leads back to a page that has been read, so its pages would never end",
        reason="page-again",
        facts={**facts(state, step), "pages": pages},
    )


def deadline(state: RunState, step: StepPlan, said: str) -> DurazzoError:
    """Return that a poll did not end in time; `said` names the bound that was reached."""
    here = state.step(step.step_id)
    return PollDeadlineExceeded(
        f"step `{step.step_id}` was polled {here.polls} times without reaching its end, "
        f"and {said}; the last status was {here.last_status}",
        reason="poll-deadline",
        facts={**facts(state, step), "polls": here.polls},
    )


def message_deadline(state: RunState, step: StepPlan, said: str) -> DurazzoError:
    """Return that a message without a timeout of its own did not come in time."""
    return PollDeadlineExceeded(
        f"step `{step.step_id}`: {said}",
        reason="message-deadline",
        facts=facts(state, step),
    )


def transfer_deadline(workflow: str, polls: int, seconds: float) -> DurazzoError:
    """Return that workflows which transfer to each other did not end in time."""
    return PollDeadlineExceeded(
        f"the workflow `{workflow}` was transferred to {polls} times with the same inputs "
        f"without reaching an end, and {seconds:g} s are over",
        reason="poll-deadline",
        facts={"workflow": workflow, "polls": polls},
    )


def visit_budget(state: RunState, step: StepPlan) -> DurazzoError:
    """Return that the run has visited as many steps as it may."""
    return PollDeadlineExceeded(
        f"the run visited {state.visits} steps, which is its budget",
        reason="visit-budget",
        facts=facts(state, step),
    )


def run_too_large(state: RunState, total: int) -> DurazzoError:
    """Return that plan, inputs and outputs outgrow what continue-as-new can carry."""
    return PayloadTooLarge(
        f"plan, inputs and outputs of this run are {total} bytes together; "
        f"a run may hold {LARGEST_RUN_BYTES}. Give smaller inputs, or have the document "
        "output only the part of a response that it needs",
        reason="run-too-large",
        facts={"bytes": total, "outputBytes": dict(state.output_bytes)},
    )
