"""How a run ended, or stands: one value, which is printed for people or as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    FailureError,
    TerminatedError,
    TimeoutError,  # noqa: A004 - Temporal's own
)
from temporalio.service import RPCError, RPCStatusCode

from activities.names import UNREADABLE
from arazzo.errors import DurazzoError, SecretMissing
from commands.connection import refusal
from commands.failures import NotFound, error_object, print_json, run_object
from commands.references import hints, shown

if TYPE_CHECKING:
    from temporalio.client import WorkflowExecutionDescription, WorkflowHandle

STATUS_NAMES: Final = {
    WorkflowExecutionStatus.RUNNING: "running",
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "canceled",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
    WorkflowExecutionStatus.CONTINUED_AS_NEW: "running",
}

MENDS: Final = {
    "UnexpectedState": "look at the job at the service; the document needs a branch for that state",
    "PollDeadlineExceeded": "look at the job at the service; --deadline gives it longer",
    "OutcomeUnknown": "look whether it took effect; start a new run only when it did not",
    "SecretMissing": "give the worker the secret and start a new run",
    "InputInvalid": "mend the inputs and start a new run; `durazzo show` tells what is wanted",
    "DocumentInvalid": "mend the document, restart the worker and start a new run",
    "StepFailed": "the step, the request and the answer are above; mend the cause, start a new run",
    "PayloadTooLarge": "let the document output less, or give smaller inputs",
}


MENDS_BY_REASON: Final = {
    "unknown-workflow": "start all workers of the queue with the documents that hold it, or give "
    "them a task queue of their own; then start a new run",
    **dict.fromkeys(UNREADABLE, ""),
}
"""For causes whose error type says too little; what names its own mend has none."""


@dataclass(frozen=True)
class RunReport:
    """A run at one moment. `error` has type, message and details; None without one."""

    workflow_id: str
    run_id: str | None
    status: str
    web_url: str
    outputs: Any = None
    error: dict[str, Any] | None = field(default=None)

    @property
    def completed(self) -> bool:
        """Return whether the run gave its outputs, and they could be read here."""
        return self.status == "completed" and self.error is None

    def print_json(self) -> None:
        """Print the report as the one object of `--json`."""
        print_json(
            run_object(
                self.workflow_id, self.run_id, self.status, outputs=self.outputs, error=self.error
            )
        )


async def describe(handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionDescription:
    """Return what the server knows of a run.

    Raises NotFound, NamespaceMissing, NoTemporalServer.
    """
    try:
        return await handle.describe()
    except RPCError as error:
        missing = error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)
        if missing and "namespace" not in error.message.lower():
            raise NotFound(
                f"there is no run `{handle.id}`; `durazzo status` lists the latest runs",
                reason="unknown-run",
            ) from error
        raise refusal(error) from error


async def report_of(handle: WorkflowHandle[Any, Any], web_url: str) -> RunReport:
    """Return the report of a run, with its outputs or its error when it has ended."""
    found = await describe(handle)
    status = STATUS_NAMES.get(found.status or WorkflowExecutionStatus.RUNNING, "running")
    if status == "running":
        return RunReport(handle.id, found.run_id, status, web_url)
    try:
        outputs = await handle.result()
    except (WorkflowFailureError, SecretMissing) as failed:
        cause = failed.cause if isinstance(failed, WorkflowFailureError) else failed
        error = error_of(cause, status)
        return RunReport(handle.id, found.run_id, status, web_url, error=error)
    return RunReport(handle.id, found.run_id, status, web_url, outputs=outputs)


def error_of(cause: BaseException, status: str) -> dict[str, Any]:
    """Return why a run ended as JSON: type, message, details."""
    match cause:
        case ApplicationError():
            details = cause.details[0] if cause.details else {}
            return {"type": cause.type or status, "message": cause.message, "details": details}
        case DurazzoError():
            return error_object(cause)
        case CancelledError() | TerminatedError() | TimeoutError() | FailureError():
            return {
                "type": type(cause).__name__.removesuffix("Error"),
                "message": cause.message or f"the run was {status}",
                "details": {},
            }
        case _:
            return {"type": type(cause).__name__, "message": str(cause), "details": {}}


def print_report(console: Console, report: RunReport) -> None:
    """Print how a run ended: its outputs as JSON, or its error and the likely mend.

    A terminal is told in words what lies in the blob store; all else gets the references.
    """
    if report.completed:
        outputs = shown(report.outputs) if console.is_terminal else report.outputs
        console.print_json(data=outputs, ensure_ascii=False)
        for hint in hints(report.workflow_id, report.outputs):
            Console(stderr=True).print(hint, markup=False, highlight=False, soft_wrap=True)
        return
    told = f"{report.workflow_id} {report.status.replace('_', ' ')}"
    console.print(told, style="bold red", markup=False, highlight=False)
    if report.error:
        error = report.error
        console.print(f"{error['type']}: {error['message']}", markup=False, highlight=False)
        of_type = MENDS.get(error["type"], "")
        mend = MENDS_BY_REASON.get(str(error["details"].get("reason")), of_type)
        if mend:
            console.print(f"mend: {mend}", markup=False, highlight=False)
    console.print(f"Web UI: {report.web_url}", markup=False, highlight=False, soft_wrap=True)
