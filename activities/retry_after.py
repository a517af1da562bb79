"""How long an answer asks to wait: by `Retry-After`, by headers of rate limits, or in its body."""

from __future__ import annotations

import email.utils
import re
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from arazzo.navigation import resolve_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.plan import Call

REFUSED: Final = frozenset((429, 503))
"""Only here does a limit's reset mean a wait: on other answers it merely informs."""
EARLIEST_EPOCH: Final = 1_000_000_000
"""A reset as large as this is a moment in seconds since 1970; GitHub and others write it so."""
EARLIEST_EPOCH_MILLISECONDS: Final = 1_000_000_000_000
RESETS: Final = (
    "ratelimit-reset", "x-ratelimit-reset-after", "x-ratelimit-reset", "x-rate-limit-reset"
)  # fmt: skip

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_STRUCTURED: Final = re.compile(r"(?:^|[;,\s])(?:t|reset)\s*=\s*([0-9]+)")
"""`"default";r=0;t=30` of the IETF's drafts since 2022, `limit=9, remaining=0, reset=30` before."""


def asked_wait(
    status: int, headers: Mapping[str, str], body: Any, call: Call, now: float | None = None
) -> float | None:
    """Return the seconds that an answer asks to wait, None when it asks for nothing.

    `headers` have lower-case names; `now` is in seconds since the epoch. Never negative, and
    never more than the call's ceiling. `Retry-After` (RFC 9110, 10.2.3) counts before all others.
    """
    wishes = _wishes(status, headers, body, call, time.time() if now is None else now)
    seconds = next((one for one in wishes if one is not None), None)
    return None if seconds is None else min(max(seconds, 0.0), call.retry_after_ceiling)


def _wishes(
    status: int, headers: Mapping[str, str], body: Any, call: Call, now: float
) -> Iterator[float | None]:
    yield _retry_after(headers.get("retry-after", ""), now)
    if call.retry_after_body and status // 100 != 2:  # noqa: PLR2004
        yield _in_body(body, call)
    if status in REFUSED:
        for name in RESETS:
            yield _reset(headers.get(name, ""), now)
        found = _STRUCTURED.search(headers.get("ratelimit", ""))
        yield float(found[1]) if found else None


def _retry_after(text: str, now: float) -> float | None:
    """Seconds or a date."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None


def _reset(text: str, now: float) -> float | None:
    """Seconds from now, or a moment."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    if number >= EARLIEST_EPOCH_MILLISECONDS:
        number /= 1000
    return number - now if number >= EARLIEST_EPOCH else number


def _in_body(body: Any, call: Call) -> float | None:
    found = resolve_pointer(body, call.retry_after_body)
    if isinstance(found, str) and _NUMBER.fullmatch(found.strip()):
        found = float(found)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return found * call.retry_after_unit
