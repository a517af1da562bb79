"""The interpreter: walks the steps of a plan. The world is one small protocol, passed in.

It reads no clock, sends nothing and sleeps nowhere; the same code runs durably in a Temporal
workflow and in tests with a fake of fifteen lines. Semantics: DESIGN.md, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from arazzo import run_errors, template
from arazzo.context import Context
from arazzo.outcome import computed
from arazzo.run_errors import LARGEST_RUN_BYTES
from arazzo.transition import (
    SHORTEST_RETRY,
    End,
    Exhausted,
    Fail,
    Goto,
    Next,
    Poll,
    Retry,
    Unexpected,
    decide,
    fate_unknown,
    may_send_again,
    retry_key,
    spent_retries,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from arazzo.context import Json
    from arazzo.outcome import Outcome
    from arazzo.plan import Plan, StepPlan
    from arazzo.state import RunState, StepState
    from arazzo.transition import Transition


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait: what for, how many seconds, which poll or attempt, and when it must be over.

    `until` is the deadline of the loop in seconds since the epoch, None without one.
    """

    step_id: str
    seconds: float
    reason: str
    number: int
    until: float | None = None


class Effects(Protocol):
    """The world, as the interpreter needs it."""

    def now(self) -> float:
        """Return the present time in seconds since the epoch."""

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Make one attempt of a step and return how it was judged."""

    async def call(self, step: StepPlan, inputs: dict[str, Any], values: dict[str, Any]) -> Outcome:
        """Run the workflow that a step calls to its end and return how that was judged."""

    async def pause(self, pause: Pause) -> None:
        """Return after the pause's seconds."""

    async def step_boundary(self, state: RunState) -> None:
        """Be told that a step is about to begin: the place to store or to hand over the state."""

    def show(self, state: RunState, pause: Pause | None) -> None:
        """Be told that something changed that a watcher would like to see."""


def joined_pages(
    before: dict[str, Any], outputs: dict[str, Any], names: Collection[str]
) -> dict[str, Any]:
    """Return the outputs of a page, with the lists of those names behind the lists before."""
    joined = {
        name: [*before[name], *outputs[name]]
        for name in names
        if isinstance(before.get(name), list) and isinstance(outputs.get(name), list)
    }
    return {**outputs, **joined}


class Interpreter:
    """One run of one plan; the only writer of its state."""

    def __init__(self, plan: Plan, state: RunState, effects: Effects) -> None:
        """Begin, or go on, where the state says."""
        self.plan = plan
        self.state = state
        self.effects = effects
        self.loop_targets = {
            action.target or step.step_id
            for step in plan.steps
            for action in (*step.attempt.on_success, *step.attempt.on_failure)
        }

    async def run(self) -> dict[str, Any]:
        """Walk the steps to the end and return the outputs of the workflow.

        Raises StepFailed, UnexpectedState, PollDeadlineExceeded, OutcomeUnknown or
        PayloadTooLarge.
        """
        self._refuse_growth()
        while self.state.cursor is not None:
            step = self.plan.steps[self.plan.index(self.state.cursor)]
            await self.effects.step_boundary(self.state)
            await self._visit(step)
        return computed(self.plan.outputs, self._context())

    def _context(self) -> Context:
        return Context(inputs=self.state.inputs, steps=self.state.outputs)

    async def _visit(self, step: StepPlan) -> None:
        self._enter(step)
        outcome = await self._attempt(step)
        self._keep(step, outcome)
        transition = decide(self.plan, step, outcome, self.state.step(step.step_id))
        self._set_standing(step, "passed" if outcome.passed else "failed")
        await self._follow(step, outcome, transition)

    def _enter(self, step: StepPlan) -> None:
        if self.state.visits >= self.plan.visit_budget:
            raise run_errors.visit_budget(self.state, step)
        here = self.state.step(step.step_id)
        if here.visits == 0:
            here.loop_since = self.effects.now()
        here.visits += not here.retrying
        here.retrying = False
        if step.step_id in self.loop_targets:
            here.digest = self.state.digest(step.request_reads)
        self.state.visits += 1
        self._set_standing(step, "running")

    async def _attempt(self, step: StepPlan) -> Outcome:
        """Attempt the step until its answer is no transient one that nobody takes up."""
        here = self.state.step(step.step_id)
        tried = 0
        while True:
            here.attempts += 1
            tried += 1
            outcome = await self._effect(step)
            here.last_status = outcome.status
            if fate_unknown(step, outcome):
                raise run_errors.outcome_unknown(self.state, step, outcome)
            if outcome.passed or outcome.action is not None or tried >= step.transient.attempts:
                return outcome
            if not may_send_again(step, outcome):
                return outcome
            await self._pause(step, self._transient_pause(step, outcome, tried))

    async def _effect(self, step: StepPlan) -> Outcome:
        invocation = step.attempt.invocation
        if invocation is None:
            return await self.effects.perform(step, self._values(step))
        compiled = template.compile_value(invocation.inputs)
        inputs: Json = template.evaluate_value(compiled, self._context())
        return await self.effects.call(step, inputs, self._values(step))

    def _values(self, step: StepPlan) -> dict[str, Any]:
        here = self.state.step(step.step_id)
        return {
            **self.state.values(step.reads),
            "spent": spent_retries(step, here),
            "visit": here.visits,
            "attempt": here.attempts,
        }

    def _transient_pause(self, step: StepPlan, outcome: Outcome, tried: int) -> Pause:
        asked = outcome.retry_after
        seconds = asked if asked is not None else step.transient.wait(tried)
        said = f"answer {outcome.status}" if outcome.status else "the service can't be reached"
        return Pause(step.step_id, seconds, f"{said}, trying again", tried + 1)

    def _keep(self, step: StepPlan, outcome: Outcome) -> None:
        if not outcome.passed:
            return
        before = self.state.outputs.get(step.step_id, {})
        outputs, size = outcome.outputs, outcome.output_bytes
        here = self.state.step(step.step_id)
        if step.collect and here.pages:
            outputs = joined_pages(before, outputs, step.collect)
            size += self.state.output_bytes.get(step.step_id, 0)
        here.pages += bool(step.collect)
        self.state.outputs[step.step_id] = outputs
        self.state.output_bytes[step.step_id] = size
        self._refuse_growth()

    def _refuse_growth(self) -> None:
        total = self.state.fixed_bytes + sum(self.state.output_bytes.values())
        if total > LARGEST_RUN_BYTES:
            raise run_errors.run_too_large(self.state, total)

    async def _follow(self, step: StepPlan, outcome: Outcome, transition: Transition) -> None:
        match transition:
            case Next():
                self._move(step, self._after(step))
            case Goto(target):
                self._move(step, target)
            case Poll(target, after):
                await self._poll(step, outcome, target, after)
            case Retry(action, after):
                await self._retry(step, outcome, action, after)
            case End(failed):
                if failed:
                    raise run_errors.step_failed(
                        self.state, step, outcome, "and the document ends the run there"
                    )
                self.state.cursor = None
            case Fail():
                raise run_errors.step_failed(self.state, step, outcome, "")
            case Unexpected():
                raise run_errors.unexpected(self.state, step, outcome)
            case Exhausted(limit):
                raise run_errors.deadline(self.state, step, f"its retryLimit of {limit} is used up")
            case _:
                assert_never(transition)

    def _after(self, step: StepPlan) -> str | None:
        index = self.plan.index(step.step_id) + 1
        return self.plan.steps[index].step_id if index < len(self.plan.steps) else None

    def _move(self, step: StepPlan, target: str | None) -> None:
        """Go forward: the loops of the step that is left and of the one entered begin anew."""
        self.state.step(step.step_id).retries.clear()
        if target is not None:
            there = self.state.step(target)
            there.begin_loop(self.effects.now())
            there.leave_loop()
        self.state.cursor = target

    async def _poll(
        self, step: StepPlan, outcome: Outcome, target: str, after: float | None
    ) -> None:
        there = self.state.step(target)
        if outcome.passed and outcome.action is not None:
            self._count_retry(step, outcome.action, passed=True)
        plan = self.plan.steps[self.plan.index(target)]
        digest = self.state.digest(plan.request_reads)
        if self._is_changed(there, digest):
            if not there.circling:
                there.begin_loop(self.effects.now())
            there.note_change(digest)
        elif plan.collect:
            raise run_errors.page_again(self.state, plan)
        else:
            there.polls += 1
            await self._pause(step, self._poll_pause(plan, there, outcome, after))
        self.state.cursor = target

    def _is_changed(self, there: StepState, digest: str) -> bool:
        """Values that come again are no change, whether at once or in a circle."""
        if digest == there.digest:
            return False
        there.circling |= self.plan.engine_rev > 1 and digest == there.landmark
        return not there.circling or digest != there.landmark

    def _count_retry(self, step: StepPlan, action: int, *, passed: bool) -> None:
        counts = self.state.step(step.step_id).retries
        key = retry_key(action, passed=passed)
        counts[key] = counts.get(key, 0) + 1

    def _poll_pause(
        self, target: StepPlan, there: StepState, outcome: Outcome, after: float | None
    ) -> Pause:
        deadline = there.loop_since + target.polling.deadline
        left = deadline - self.effects.now()
        seconds = target.polling.wait(there.polls)
        if after is not None:
            seconds = max(SHORTEST_RETRY, after)
        if outcome.retry_after is not None:
            seconds = outcome.retry_after
        if left <= 0 or (outcome.retry_after is not None and seconds > left):
            raise run_errors.deadline(self.state, target, f"{target.polling.deadline:g} s are over")
        return Pause(target.step_id, min(seconds, left), "polling", there.polls, deadline)

    async def _retry(self, step: StepPlan, outcome: Outcome, action: int, after: float) -> None:
        self._count_retry(step, action, passed=False)
        count = self.state.step(step.step_id).retries[retry_key(action, passed=False)]
        seconds = after if outcome.retry_after is None else outcome.retry_after
        name = step.attempt.on_failure[action].name
        await self._pause(step, Pause(step.step_id, seconds, f"retry `{name}`", count))
        self.state.step(step.step_id).retrying = True

    async def _pause(self, step: StepPlan, pause: Pause) -> None:
        self._set_standing(step, "waiting", pause)
        await self.effects.pause(pause)
        self.effects.show(self.state, None)

    def _set_standing(self, step: StepPlan, standing: Any, pause: Pause | None = None) -> None:
        self.state.step(step.step_id).standing = standing
        self.effects.show(self.state, pause)
