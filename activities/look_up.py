"""The look-up of a write whose fate is unknown: one answer, and what it says of the write."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from activities.answers import Answer
from arazzo.context import ABSENT, ResponseView
from arazzo.look_up import thing_found
from arazzo.outcome import Outcome
from arazzo.transition import TRANSIENT_STATUSES

if TYPE_CHECKING:
    from arazzo.context import Context
    from arazzo.plan import AttemptPlan, FindPlan

NOT_FOUND: Final = 404
SUCCESS: Final = 2


def looking(plan: AttemptPlan, find: FindPlan) -> AttemptPlan:
    """Return the step with its look-up's call in place of the write, on the same server."""
    write = plan.operation
    told = {"server": write.server, "own_server": write.own_server}
    return plan.model_copy(update={"call": find.call.model_copy(update=told)})


def asks_again(answer: Answer) -> bool:
    """Return whether the look-up itself was put off by the service."""
    return answer.response.status in TRANSIENT_STATUSES


def found_in(find: FindPlan, answer: Answer, seen: Context) -> Answer | Outcome:
    """Return the answer that the write would have got, or what is known without one.

    `seen` has the write as its request. An outcome of `no` says that the write is not there, one
    of `maybe` that the look-up does not tell.
    """
    status = answer.response.status
    if status == NOT_FOUND:
        return _not_there(find)
    if status // 100 != SUCCESS or answer.flaw:
        said = answer.flaw or f"it answered {status}"
        return unclear(find, said)
    try:
        found = thing_found(find, replace(seen, response=answer.response))
    except LookupError as error:
        return unclear(find, str(error))
    if found is ABSENT:
        return _not_there(find)
    return Answer(
        response=ResponseView(find.status, answer.response.headers, found),
        flaw="",
        text=json.dumps(found, ensure_ascii=False),
        retry_after=None,
    )


def unclear(find: FindPlan, said: str) -> Outcome:
    """Return that the look-up does not tell what became of the write."""
    return Outcome(sent="maybe", why=f"the look-up by {_line(find)} does not tell: {said}")


def _not_there(find: FindPlan) -> Outcome:
    return Outcome(sent="no", why=f"no answer came, and {_line(find)} does not find it")


def _line(find: FindPlan) -> str:
    return f"{find.call.method} {find.call.path}"
