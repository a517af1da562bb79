"""What every workflow class offers to watchers: the query `progress`, and the Web UI's details."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arazzo.effects import Pause
    from arazzo.plan import Plan
    from arazzo.state import RunState

PROGRESS_QUERY: Final = "progress"
DELIVER_MESSAGE_UPDATE: Final = "deliver_message"


class StepProgress(BaseModel):
    """One row of the step table. `standing`: pending, running, waiting, passed or failed.

    `run` is the workflow id of the child that the step called last, None for an operation.
    """

    step: str
    operation: str
    request: str
    standing: str
    visits: int
    polls: int
    last_status: int | None
    run: str | None = None


class Progress(BaseModel):
    """Where a run stands; the answer of the query `progress`.

    `next_wake_up` and `deadline` are seconds since the epoch, None when nothing is awaited.
    `waiting_for` says what is awaited, `poll` which poll or attempt comes next; `channel`
    is the one of which a message is awaited.
    """

    workflow: str
    document: str
    version: str
    step: str | None
    visits: int
    polls: int
    last_status: int | None
    waiting_for: str = ""
    poll: int | None = None
    next_wake_up: float | None = None
    deadline: float | None = None
    channel: str = ""
    steps: list[StepProgress] = []


def progress_of(
    plan: Plan,
    state: RunState,
    pause: Pause | None,
    since: float,
    children: Mapping[str, str],
) -> Progress:
    """Return the progress of a run whose present pause, if any, began at `since`.

    `children` are the workflow ids of the children that were called last, by stepId.
    """
    rows = [_row(plan, state, index, children) for index in range(len(plan.steps))]
    last = state.steps.get(state.cursor or plan.steps[-1].step_id)
    return Progress(
        workflow=plan.workflow_id,
        document=plan.document.title,
        version=plan.document.version,
        step=state.cursor,
        visits=state.visits,
        polls=sum(row.polls for row in rows),
        last_status=last.last_status if last else None,
        waiting_for=pause.reason if pause else "",
        poll=pause.number if pause else None,
        next_wake_up=since + pause.seconds if pause else None,
        deadline=pause.until if pause else None,
        channel=pause.channel if pause else "",
        steps=rows,
    )


def _row(plan: Plan, state: RunState, index: int, children: Mapping[str, str]) -> StepProgress:
    step = plan.steps[index]
    seen = state.steps.get(step.step_id)
    return StepProgress(
        step=step.step_id,
        operation=step.called,
        request=step.request_line,
        standing=seen.standing if seen else "pending",
        visits=seen.visits if seen else 0,
        polls=seen.polls if seen else 0,
        last_status=seen.last_status if seen else None,
        run=children.get(step.step_id),
    )


def as_markdown(progress: Progress) -> str:
    """Return what the Web UI shows under «current details»: a sentence, then the step table."""
    lines = [
        _sentence(progress),
        "",
        "| step | request | state | visits | polls | last status |",
        "|---|---|---|--:|--:|--:|",
    ]
    for row in progress.steps:
        status = "" if row.last_status is None else row.last_status
        name = f"**{row.step}**" if row.step == progress.step else row.step
        lines.append(
            f"| {name} | `{row.request}` | {row.standing} | {row.visits} | {row.polls} | {status} |"
        )
    return "\n".join(lines)


def _sentence(progress: Progress) -> str:
    if progress.step is None:
        return "All steps are done."
    if progress.next_wake_up is None:
        return f"At step **{progress.step}**."
    if progress.channel:
        until = _utc(progress.next_wake_up)
        return f"Step **{progress.step}** waits for {progress.waiting_for}; gives up {until}."
    number = "" if progress.poll is None else f" for no. {progress.poll}"
    said = f"Step **{progress.step}** waits{number} ({progress.waiting_for}), "
    said += f"next at {_utc(progress.next_wake_up)}"
    return f"{said}; gives up {_utc(progress.deadline)}." if progress.deadline else f"{said}."


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def as_json(progress: Progress) -> dict[str, Any]:
    """Return the progress as callers in any language get it."""
    return {
        "workflow": progress.workflow,
        "document": progress.document,
        "version": progress.version,
        "step": progress.step,
        "visits": progress.visits,
        "polls": progress.polls,
        "lastStatus": progress.last_status,
        "waitingFor": progress.waiting_for,
        "poll": progress.poll,
        "nextWakeUp": progress.next_wake_up,
        "deadline": progress.deadline,
        "channel": progress.channel,
        "steps": [
            {
                "step": row.step,
                "operation": row.operation,
                "request": row.request,
                "state": row.standing,
                "visits": row.visits,
                "polls": row.polls,
                "lastStatus": row.last_status,
                "run": row.run,
            }
            for row in progress.steps
        ],
    }
