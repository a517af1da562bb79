"""The activity log of the PostHog stand-in's cohorts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from mocks.calls import Call
from mocks.posthog_persons import show_time
from mocks.posthog_requests import link, read_number

ACTIVITY_PAGE_SIZE = 10
USER = {"first_name": "Ada", "email": "ada@example.com"}


class ActivityLog:
    """What happened to the cohorts of the project, in order."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: list[dict[str, Any]] = []

    def note(
        self,
        activity: str,
        cohort_id: int,
        name: str | None,
        changes: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Note that something happened to a cohort."""
        detail = {
            "id": None,
            "changes": list(changes) or None,
            "merge": None,
            "trigger": None,
            "name": name,
            "short_id": None,
            "type": None,
        }
        self._entries.append({
            "id": str(uuid4()),
            "user": USER,
            "activity": activity,
            "scope": "Cohort",
            "item_id": str(cohort_id),
            "detail": detail,
            "created_at": show_time(self._clock()),
        })  # fmt: skip

    def page(self, call: Call, cohort_id: int | None = None) -> dict[str, Any]:
        """One page of the log, newest first; None: of all cohorts."""
        limit = read_number(call, "limit", ACTIVITY_PAGE_SIZE)
        page = read_number(call, "page", 1)
        found = [
            entry
            for entry in reversed(self._entries)
            if cohort_id is None or entry["item_id"] == str(cohort_id)
        ]
        start, end = (page - 1) * limit, page * limit
        return {
            "results": found[start:end],
            "next": link(call, page=page + 1, limit=limit) if end < len(found) else None,
            "previous": link(call, page=page - 1, limit=limit) if page > 1 else None,
            "total_count": len(found),
        }


def describe_change(field: str, before: Any, after: Any) -> dict[str, Any]:
    """One field that an update has changed."""
    return {"type": "Cohort", "action": "changed", "field": field, "before": before, "after": after}
