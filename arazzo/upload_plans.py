"""Which steps may upload: send a file of the blob store as their body, or as a part of it.

Only these have hours of time and a heartbeat, and only when a file is among the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo import selector, template
from arazzo.bodies import MULTIPARTS, media_type_of
from arazzo.errors import ExpressionError

if TYPE_CHECKING:
    from arazzo.plan import AttemptPlan, Call
    from arazzo.scope import Scope


def with_upload(attempt: AttemptPlan, scope: Scope) -> AttemptPlan:
    """Return the attempt with the time that its call has for a file in its body."""
    call = attempt.call
    if call is None or not _may_hold_a_file(call):
        return attempt
    timed = call.model_copy(update={"upload": scope.defaults.transfer_timeout})
    return attempt.model_copy(update={"call": timed})


def _may_hold_a_file(call: Call) -> bool:
    """Return whether the body, or a part of it, is the value of an expression as it is."""
    if call.content_type is None:
        return False
    if media_type_of(call.content_type) not in MULTIPARTS:
        return _passes_on(call.payload)
    return _holds(call.payload) or any(_holds(one.value) for one in call.replacements)


def _holds(value: Any) -> bool:
    if isinstance(value, dict) and not _passes_on(value):
        return any(map(_holds, value.values()))
    return any(map(_holds, value)) if isinstance(value, list) else _passes_on(value)


def _passes_on(value: Any) -> bool:
    if isinstance(value, dict):
        return selector.written(value) is not None
    try:
        return isinstance(value, str) and template.parse(value).whole
    except ExpressionError:  # it is reported where it is checked
        return False
