"""From our errors to one clear message and an exit code (DESIGN.md, section 2)."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

from arazzo.errors import AuthorError, CallerError, DurazzoError
from settings import SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPLETED: Final = 0
NOT_COMPLETED: Final = 1
MISTAKE: Final = 2
NO_SERVER: Final = 3


def exit_code(error: Exception) -> int:
    """Return the exit code of an error: 1, 2 or 3."""
    if isinstance(error, (AuthorError, CallerError, SettingsInvalid)):
        return MISTAKE
    reason = error.reason if isinstance(error, DurazzoError) else ""
    return NO_SERVER if reason in ("no-server", "no-worker", "no-binary") else NOT_COMPLETED


@contextmanager
def reported() -> Iterator[None]:
    """Turn our errors into one message on standard error and the exit of the command."""
    try:
        yield
    except (DurazzoError, SettingsInvalid) as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(exit_code(error)) from None
