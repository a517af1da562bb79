"""From the limits of a folder's settings to those that one call keeps to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from arazzo.plan import LimitsPlan, WindowPlan
from arazzo.provider import OperationSettings

if TYPE_CHECKING:
    from arazzo.provider import LimitSettings, ProviderSettings

LONGEST_SLEEP: Final = 2.0
"""The seconds that an attempt may wait for a limit while it holds a slot."""


def limits_plan(settings: ProviderSettings, operation_id: str) -> LimitsPlan | None:
    """Return the limits that count requests of an operation, or None when none does.

    An operation that costs nothing is not held back by a limit on cost.
    """
    cost = settings.operations.get(operation_id, OperationSettings()).cost
    windows = tuple(
        _window(one, cost)
        for one in settings.limits
        if one.counts(operation_id) and (one.requests or cost)
    )
    if not windows and settings.concurrency is None:
        return None
    return LimitsPlan(windows=windows, concurrency=settings.concurrency or 0)


def _window(limit: LimitSettings, cost: int) -> WindowPlan:
    return WindowPlan(
        counts="requests" if limit.requests else "cost",
        amount=limit.requests or limit.cost or 0,
        per=limit.per,
        takes=1 if limit.requests else cost,
        operations=limit.operations,
        by=limit.by,
    )
