"""Judging one attempt of a step: did it pass, what are its outputs, which action follows.

Success criteria and actions: Arazzo 1.0.1, 4.6.5 (successCriteria, onSuccess, onFailure).
The order: criteria, then outputs (only when passed), then the first action whose criteria hold.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from arazzo import criterion, template
from arazzo.context import Context, ResponseView

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from arazzo.context import Json
    from arazzo.plan import ActionPlan, AttemptPlan, CriterionPlan

_SUCCESS: Final = re.compile(r"\b2\d\d\b")

Sent = Literal["no", "maybe", "yes"]
"""Did the request reach the other side? `maybe`: it was sent, and no answer came back."""

REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))


class Outcome(BaseModel):
    """What an activity hands to the workflow: a decision, not a body. Persisted in histories.

    `status` is the HTTP status, None without a response; `action` is the index of the chosen
    action in `on_success` or `on_failure`; `retry_after` is in seconds; `why` says in words what
    did not hold; `excerpt` is the masked beginning of the body of a step that did not pass;
    `output_bytes` is the size of the outputs as JSON; `error` is the persisted name of the error
    that ended a workflow which the step called; `timed_out` says that the step's timeout passed;
    `unread` that an answer of success came whose body broke.
    `wait` is set when a limit held the request back, so that nothing was sent: how many seconds
    to wait before asking again, with the `place` that is kept meanwhile.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")

    status: int | None = None
    passed: bool = False
    outputs: dict[str, Any] = {}
    action: int | None = None
    retry_after: float | None = None
    sent: Sent = "yes"
    why: str = ""
    excerpt: str = ""
    output_bytes: int = 0
    error: str = ""
    timed_out: bool = False
    wait: float | None = None
    place: str = ""
    unread: bool = False


def judge(
    attempt: AttemptPlan,
    context: Context,
    *,
    spent: Collection[int] = (),
    flaw: str = "",
    mask: Callable[[str], str] = str,
) -> Outcome:
    """Judge a response, or the lack of one when `context.response` is None.

    `spent` holds the indices of failure actions whose retries are used up: they are passed over.
    `flaw` says what is wrong with the response itself; a flawed one never passes. `mask` replaces
    secrets in what is told.
    """
    context = _with_outputs_of_body(context)
    why = flaw or first_unmet(attempt, context, mask)
    status = context.response.status if context.response else None
    if why:
        action = chosen(attempt.on_failure, context, spent)
        return Outcome(status=status, action=action, why=why)
    outputs = computed(attempt.outputs, context)
    seen = replace(context, steps={**context.steps, attempt.step_id: outputs})
    action = chosen(attempt.on_success, seen, ())
    return Outcome(status=status, passed=True, outputs=outputs, action=action)


def _with_outputs_of_body(context: Context) -> Context:
    """`$outputs.x` in a step that calls an operation is meant of the answer (dialect.md, O29)."""
    body = context.response.body if context.response else None
    return replace(context, outputs=body) if isinstance(body, dict) else context


def judge_workflow(
    attempt: AttemptPlan, context: Context, *, failure: str = "", spent: Collection[int] = ()
) -> Outcome:
    """Judge a workflow that a step called; `context.outputs` are its outputs.

    `failure` says why it did not complete. The outcome holds the step's own outputs, which may
    read the workflow's as `$outputs.name`; the step's outputs are the workflow's and its own.
    """
    if not failure:
        context = replace(context, response=ResponseView(_status_of_completion(attempt)))
    why = failure or _unmet(attempt, context)
    if why:
        return Outcome(action=chosen(attempt.on_failure, context, spent), why=why)
    own = computed(attempt.outputs, context)
    outputs = {**context.outputs, **own}
    seen = replace(context, steps={**context.steps, attempt.step_id: outputs})
    return Outcome(passed=True, outputs=own, action=chosen(attempt.on_success, seen, ()))


def _status_of_completion(attempt: AttemptPlan) -> int:
    """A workflow has no status; a 2xx that its caller asks for is met by completion (O32)."""
    criteria = [
        *attempt.success_criteria,
        *(one for action in attempt.on_success for one in action.criteria),
    ]
    asked = [_SUCCESS.search(one.condition) for one in criteria if "$statusCode" in one.condition]
    return next((int(found[0]) for found in asked if found), 200)


def judge_message(
    attempt: AttemptPlan, context: Context, *, failure: str = "", spent: Collection[int] = ()
) -> Outcome:
    """Judge a message that a step received, `context.message`; without criteria it passes.

    `failure` says why there is none; criteria that read a message are false then.
    """
    why = failure or _unmet(attempt, context)
    if why:
        return Outcome(action=chosen(attempt.on_failure, context, spent), why=why)
    outputs = computed(attempt.outputs, context)
    seen = replace(context, steps={**context.steps, attempt.step_id: outputs})
    return Outcome(passed=True, outputs=outputs, action=chosen(attempt.on_success, seen, ()))


def first_unmet(attempt: AttemptPlan, context: Context, mask: Callable[[str], str] = str) -> str:
    """Return why the step did not pass, or the empty text; without criteria 2xx passes."""
    if context.response is None:
        return "no response came"
    if not attempt.success_criteria:
        return _unless_2xx(context.response, mask)
    return _unmet(attempt, context, mask)


def _unmet(attempt: AttemptPlan, context: Context, mask: Callable[[str], str] = str) -> str:
    """What was seen is told, but not by a step whose answers hold secrets."""
    for one in attempt.success_criteria:
        compiled = criterion.compile(one.condition, one.type, one.version, one.context)
        if not criterion.holds(compiled, context):
            seen = "" if attempt.sealed else criterion.seen(compiled, context, mask)
            return f"the criterion `{one.condition}` did not hold{f' ({seen})' if seen else ''}"
    return ""


def _unless_2xx(response: ResponseView, mask: Callable[[str], str]) -> str:
    if response.status // 100 == 2:  # noqa: PLR2004
        return ""
    place = response.headers.get("location")
    said = f"the status {response.status} is no success"
    if response.status not in REDIRECTS or not place:
        return said
    return (
        f"{said}: it leads to {mask(place.partition('?')[0])}, where a request that changes "
        "something is not sent by itself. Name that server in settings.yaml, or mend the path"
    )


def _holds(one: CriterionPlan, context: Context) -> bool:
    compiled = criterion.compile(one.condition, one.type, one.version, one.context)
    return criterion.holds(compiled, context)


def chosen(actions: Collection[ActionPlan], context: Context, spent: Collection[int]) -> int | None:
    """Return the index of the first action whose criteria all hold, in the order written."""
    for index, action in enumerate(actions):
        if index not in spent and all(_holds(one, context) for one in action.criteria):
            return index
    return None


def computed(outputs: dict[str, Any], context: Context) -> dict[str, Json]:
    """Return the values of outputs; one that finds nothing is null (DESIGN.md, «Values»)."""
    return {**dict.fromkeys(outputs), **template.evaluate_each(outputs, context)}
