"""What the Web UI shows beside an activity or a timer: one short line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from arazzo.effects import Pause

LONGEST_SUMMARY_BYTES: Final = 200


def timer_summary(pause: Pause) -> str:
    """Return what a timer waits for, and when that is given up."""
    if pause.channel:
        text = f"{pause.step_id} · waits for {pause.reason}"
    else:
        text = f"{pause.step_id} · {pause.reason}"
    if pause.number is not None:
        text += f", waits for no. {pause.number}"
    if pause.until is None:
        return text
    until = datetime.fromtimestamp(pause.until, UTC)
    return f"{text} · gives up {until:%Y-%m-%d %H:%M:%S} UTC"


def shortened(text: str) -> str:
    """Return the text cut to what Temporal takes as a summary."""
    encoded = text.encode()
    if len(encoded) <= LONGEST_SUMMARY_BYTES:
        return text
    return encoded[: LONGEST_SUMMARY_BYTES - 3].decode(errors="ignore") + "…"
