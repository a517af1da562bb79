"""From our errors to one clear message and an exit code (DESIGN.md, section 2).

Exit codes: 0 success; 1 a run that did not complete; 2 a mistake in the command, the document or
the inputs; 3 no Temporal server, or no worker.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import typer

from arazzo.errors import AuthorError, CallerError, DurazzoError
from settings import SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPLETED: Final = 0
NOT_COMPLETED: Final = 1
MISTAKE: Final = 2
NO_SERVER: Final = 3

NOBODY_ANSWERS: Final = frozenset(("no-server", "no-worker", "no-binary"))


class NotFound(CallerError):
    """There is no run of that id."""


class RunExists(CallerError):
    """A run of that id is there already."""


class NoWorker(DurazzoError):
    """No worker answers on the task queue."""


def exit_code(error: Exception) -> int:
    """Return the exit code of an error: 1, 2 or 3."""
    if isinstance(error, DurazzoError) and error.reason in NOBODY_ANSWERS:
        return NO_SERVER
    mistakes = (AuthorError, CallerError, SettingsInvalid)
    return MISTAKE if isinstance(error, mistakes) else NOT_COMPLETED


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn our errors into one message and the exit of the command.

    The message goes to standard error; with `as_json` an object of the shape of `run_object`
    goes to standard output in its place.
    """
    try:
        yield
    except (DurazzoError, SettingsInvalid) as error:
        if as_json:
            print_json(run_object(None, None, "failed", error=error_object(error)))
        else:
            sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(exit_code(error)) from None


def error_object(error: DurazzoError | SettingsInvalid) -> dict[str, Any]:
    """Return an error as `--json` prints it."""
    details = {"reason": error.reason, **error.facts} if isinstance(error, DurazzoError) else {}
    return {"type": type(error).__name__, "message": str(error), "details": details}


def run_object(
    workflow_id: str | None,
    run_id: str | None,
    status: str,
    *,
    outputs: Any = None,
    error: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the one object that `--json` prints of a run (DESIGN.md, section 2)."""
    return {
        "workflowId": workflow_id,
        "runId": run_id,
        "status": status,
        "outputs": outputs,
        "error": error,
    }


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()
