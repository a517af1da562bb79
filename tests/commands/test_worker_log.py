"""The log of a worker: what errors of ours say in one line, and the stack of any other."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from commands.worker_log import OneLine


def _info(error: Exception) -> Any:
    return type(error), error, None


@pytest.mark.parametrize(
    ("kind", "has_stack"), [("TransportFailure", False), ("SecretMissing", False), ("Bug", True)]
)
def test_an_error_on_purpose_is_one_line(kind: str, *, has_stack: bool) -> None:
    """It names step, request and mend; where code went wrong the stack tells."""
    error = ApplicationError("GET /thing: no connection", type=kind)
    record = logging.LogRecord("a", logging.WARNING, "f", 1, "failed", (), _info(error))
    assert OneLine().filter(record)
    assert bool(record.exc_info) is has_stack
    assert ("no connection" in record.getMessage()) is not has_stack
