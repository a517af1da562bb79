"""A write is not sent once the Temporal server counts its attempt as lost.

A worker may stand still for minutes, with its whole machine or alone. When it wakes, the run has
ended or another worker has looked what became of the write, so it must not be sent any more.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from activities.faults import Fault, TransportFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.plan import Call

TOO_LATE: Final = Fault("no", False, "the time of the attempt was over before it was sent")
SENDING: Final = ".send_request_headers.started"
"""How the event of httpcore ends that comes just before the first byte of a request."""

_LATEST: ContextVar[float | None] = ContextVar("latest", default=None)


@contextmanager
def sending_until(latest: float | None) -> Iterator[None]:
    """Say until when writes within may begin, in seconds since the epoch; None for no bound."""
    token = _LATEST.set(latest)
    try:
        yield
    finally:
        _LATEST.reset(token)


def timely(call: Call) -> dict[str, Any]:
    """Return the extensions of a request by which it is refused when it comes too late."""
    bound = _LATEST.get() is not None and call.writes and not call.idempotency
    return {"trace": _refuse_late} if bound else {}


async def _refuse_late(event: str, _info: dict[str, Any]) -> None:
    latest = _LATEST.get()
    if latest is not None and event.endswith(SENDING) and time.time() > latest:
        raise TransportFailed(TOO_LATE, "")
