"""What came of an activity or a child that was awaited: its end in time, its failure, a cancel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    is_cancelled_exception,
)

from arazzo.effects import Invoked
from arazzo.errors import RUN_ERRORS, SecretMissing
from arazzo.transition import ends_the_caller

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from arazzo.plan import StepPlan


async def within(running: Awaitable[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Await a child for so long; then cancel it, wait for its end, and raise TimeoutError."""
    task = asyncio.ensure_future(running)
    try:
        done, _ = await workflow.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        return await task
    if done:
        return task.result()
    task.cancel()
    await workflow.wait([task])
    stop_when_cancelled()
    if not task.cancelled() and task.exception() is None:
        return task.result()  # it was completed all the same
    raise TimeoutError


def own_failure(step: StepPlan, error: ActivityError) -> BaseException:
    """Return an error of ours with the step's name, any other as it is."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type in RUN_ERRORS:
        return ApplicationError(
            f"step `{step.step_id}`: {cause.message}",
            *cause.details,
            type=cause.type,
            non_retryable=True,
        )
    return error


def failed_child(name: str, error: ChildWorkflowError) -> Invoked:
    """What a child's failure says; mistakes of author or caller end this run as they ended it."""
    if is_cancelled_exception(error):
        raise error
    cause = error.cause
    message = getattr(cause, "message", None) or str(cause or error)
    kind = cause.type if isinstance(cause, ApplicationError) and cause.type in RUN_ERRORS else ""
    if isinstance(cause, ApplicationError) and kind and ends_the_caller(kind):
        raise ApplicationError(
            f"step `{name}`: {message}", *cause.details, type=kind, non_retryable=True
        )
    return Invoked(None, kind or "StepFailed", message)


def stop_when_cancelled() -> None:
    """A cancel is delivered once, and a waiting activity may have hidden it (temporal.md, 8)."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


def was_unreadable(cause: BaseException | None) -> bool:
    """Return whether a worker could not decrypt what an activity was asked: it did nothing.

    The SDK raises an error of its own for that, which has the codec's as its cause.
    """
    inner = cause.__cause__ if isinstance(cause, ApplicationError) and not cause.type else None
    return isinstance(inner, ApplicationError) and inner.type == SecretMissing.__name__


ANOTHER_KEY: Final = "a worker has another key and could not read the request"
LONGEST_WAIT_FOR_KEY: Final = 5.0


def wait_for_key(times: int) -> float:
    """Return the seconds until a request is handed out again that no worker could read."""
    return min(LONGEST_WAIT_FOR_KEY, float(times))


def why_lost(cause: BaseException | None) -> str:
    """Return what is known of an activity that did not come back."""
    said = getattr(cause, "message", None) or str(cause or "no reason known")
    return f"no answer came back from the worker: {said}"
