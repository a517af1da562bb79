"""`$statusCode == 200` of an operation that answers 201: a documented 2xx is a success, too.

Public documents often name a status that the description does not have, while it has another one
of success (dialect.md, O1). Where an action tells statuses apart, the document means what it says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from arazzo.openapi import Operation
    from arazzo.plan import ActionPlan, CriterionPlan

_ONE_STATUS: Final = re.compile(r"\s*\$statusCode\s*==\s*(2\d\d)\s*")
_SUCCESS: Final = re.compile(r"2\d\d")
_A_SUCCESS: Final = re.compile(r"\b2\d\d\b")


def undocumented(criterion: CriterionPlan, operation: Operation) -> tuple[str, ...]:
    """Return the documented statuses of success, when the criterion asks for another one alone."""
    found = _ONE_STATUS.fullmatch(criterion.condition)
    told = {str(one).upper() for one in operation.responses}
    if not found or criterion.type != "simple" or told & {found[1], "2XX"}:
        return ()
    return tuple(sorted(one for one in told if _SUCCESS.fullmatch(one)))


def tell_statuses_apart(actions: Iterable[ActionPlan]) -> bool:
    """Return whether an action asks for a status of success."""
    return any(
        "$statusCode" in one.condition and _A_SUCCESS.search(one.condition)
        for action in actions
        for one in action.criteria
    )


def with_documented(criterion: CriterionPlan, statuses: Collection[str]) -> CriterionPlan:
    """Return the criterion with the statuses that hold as well."""
    more: Sequence[str] = [f"$statusCode == {status}" for status in statuses]
    return criterion.model_copy(update={"condition": " || ".join([criterion.condition, *more])})
