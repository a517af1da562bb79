"""Our errors as Temporal carries them, and the findings of activities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.files import STORE_FAILED
from arazzo.errors import DurazzoError, Finding, InputInvalid

if TYPE_CHECKING:
    from activities.masking import Masking
    from arazzo.plan import AttemptPlan


def no_look_up(plan: AttemptPlan) -> Finding:
    """Return the finding that a step has no look-up, though one was asked for."""
    where = f"workflow {plan.workflow_id}, step {plan.step_id}"
    return Finding("no-look-up", "error", "the step has no `find_by`", where=where)


def no_server(plan: AttemptPlan) -> Finding:
    """Return the finding that a source has no server."""
    source = plan.operation.source
    return Finding(
        "no-server",
        "error",
        f"the source `{source}` names no server",
        where=f"workflow {plan.workflow_id}, step {plan.step_id}",
        mend=f"start the worker with --server {source}=URL, or name one in settings.yaml",
    )


def masked(error: DurazzoError, masking: Masking) -> DurazzoError:
    """Return the error with every secret in what it says replaced."""
    error.message = masking.text(error.message)
    error.facts = masking.value(error.facts)
    return error


def _category(error: DurazzoError) -> ApplicationErrorCategory:
    """A caller's mistake is no trouble of the worker's, so it is not logged as one."""
    mistake = isinstance(error, InputInvalid)
    return ApplicationErrorCategory.BENIGN if mistake else ApplicationErrorCategory.UNSPECIFIED


def failure(error: DurazzoError) -> ApplicationError:
    """Return our error as the one that Temporal carries to the workflow.

    Only that the blob store failed may pass, and is tried again as often as a RetryPolicy says.
    """
    return ApplicationError(
        error.message,
        {"reason": error.reason, **error.facts},
        type=type(error).__name__,
        non_retryable=error.reason != STORE_FAILED,
        category=_category(error),
    )
