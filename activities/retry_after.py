"""The wait that an answer asks for."""

from __future__ import annotations

import email.utils
import re
import time
from datetime import UTC
from typing import Final

_DELAY: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def retry_after(text: str | None, ceiling: float) -> float | None:
    """Retry-After in seconds or as a date: RFC 9110, 10.2.3; never more than the ceiling."""
    seconds = None if text is None else _seconds(text.strip())
    return None if seconds is None else min(max(seconds, 0.0), ceiling)


def _seconds(text: str) -> float | None:
    if _DELAY.fullmatch(text):
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
