"""What became of a write: what its look-up says, and what the run makes of that.

«Never twice»: a write of unknown fate is sent again only when its look-up has answered that it
is not there; whatever is unclear ends the run with OutcomeUnknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arazzo import criterion, expression, run_errors
from arazzo.context import ABSENT
from arazzo.navigation import select
from arazzo.pauses import limit_pause, settle_pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from arazzo.context import Context, Json
    from arazzo.effects import Effects, Pause
    from arazzo.outcome import Outcome
    from arazzo.plan import FindPlan, StepPlan
    from arazzo.state import RunState


def thing_found(find: FindPlan, context: Context) -> Json:
    """Return what a look-up's answer holds of the write, ABSENT when it is not there.

    `context` has the answer as its response, and the write as its request. Raises LookupError
    when the criterion holds and the thing is not where it should be.
    """
    one = find.criterion
    compiled = criterion.compile(one.condition, one.type, one.version, one.context)
    if not criterion.holds(compiled, context):
        return ABSENT
    found = _result(find, compiled, context)
    if found is ABSENT:
        raise LookupError(f"`{one.condition}` holds, and `{find.result}` leads to nothing")
    return found


def _result(find: FindPlan, compiled: criterion.Criterion, context: Context) -> Json:
    if find.result:
        return expression.evaluate(expression.parse(find.result), context)
    body = context.response.body if context.response else ABSENT
    if compiled.query is None:
        return body
    query = expression.substituted(compiled.query, context)
    return next(iter(select(query, body)), ABSENT)


@dataclass(frozen=True, slots=True)
class LookUp:
    """The look-up of one step of a run; `values` gives what an activity reads, numbered anew."""

    step: StepPlan
    state: RunState
    effects: Effects
    values: Callable[[StepPlan], dict[str, Any]]
    pause: Callable[[StepPlan, Pause], Awaitable[None]]

    async def found_out(self, outcome: Outcome, *, last: bool) -> Outcome:
        """Return what became of a write: done and judged, or `no` when it is not there.

        Unless this was the `last` try, no action of the document then comes before another one.
        Raises OutcomeUnknown when nobody says how to look, or the look-up does not tell.
        """
        find = self.step.attempt.find_by
        if find is None:
            raise run_errors.outcome_unknown(self.state, self.step, outcome)
        found = await self._looked_up(find)
        self.state.step(self.step.step_id).last_status = found.status
        if found.sent == "maybe":
            told = outcome.model_copy(update={"why": f"{outcome.why}; {found.why}"})
            raise run_errors.outcome_unknown(self.state, self.step, told)
        goes_on = found.sent == "no" and not last
        return found.model_copy(update={"action": None}) if goes_on else found

    async def _looked_up(self, find: FindPlan) -> Outcome:
        """Look after a while, past the limits of the service."""
        await self.pause(self.step, settle_pause(self.step, find))
        held, place = 0, ""
        while True:
            kept = {"held": held, "place": place} if held else {}
            outcome = await self.effects.find(self.step, find, {**self.values(self.step), **kept})
            if outcome.wait is None:
                return outcome
            held, place = held + 1, outcome.place
            await self.pause(self.step, limit_pause(self.step, outcome, outcome.wait))
