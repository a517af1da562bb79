"""What a worker logs of activities that fail: one line for what is told on purpose."""

from __future__ import annotations

import logging

from temporalio.exceptions import ApplicationError

from workflows.failure_conversion import ON_PURPOSE, is_unreadable


class OneLine(logging.Filter):
    """Leaves the stack out where an error says all by itself; any other keeps it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, which is always logged."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ApplicationError):
            unreadable = is_unreadable(error.__cause__)
            if error.type in ON_PURPOSE or unreadable:
                said = error.__cause__ if unreadable else error.message
                record.msg, record.args = f"{record.getMessage()}: {said}", ()
                record.exc_info = None
        return True


def log_in_lines() -> None:
    """Have the SDK's log of activities told so, in this process."""
    logging.getLogger("temporalio.activity").addFilter(OneLine())
