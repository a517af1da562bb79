"""The interpreter: walks the steps of a plan. The world is one small protocol, passed in.

It reads no clock, sends nothing and sleeps nowhere; the same code runs durably in a Temporal
workflow and in tests with a fake of fifteen lines. Semantics: DESIGN.md, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, assert_never

from arazzo import template
from arazzo.context import Context
from arazzo.errors import (
    RUN_ERRORS,
    OutcomeUnknown,
    PayloadTooLarge,
    PollDeadlineExceeded,
    StepFailed,
    UnexpectedState,
)
from arazzo.outcome import computed
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
    from arazzo.errors import DurazzoError
    from arazzo.outcome import Outcome
    from arazzo.plan import Plan, StepPlan
    from arazzo.state import RunState, StepState
    from arazzo.transition import Transition

LARGEST_RUN_BYTES: Final = 1_500_000
"""Plan, inputs and outputs together; Temporal ends a run whose continued input passes 2 MB."""

LARGEST_OUTPUTS_IN_ERROR: Final = 64 * 1024


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
            raise PollDeadlineExceeded(
                f"the run visited {self.state.visits} steps, which is its budget",
                reason="visit-budget",
                facts=self._facts(step),
            )
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
                raise self._outcome_unknown(step, outcome)
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
            raise PayloadTooLarge(
                f"plan, inputs and outputs of this run are {total} bytes together; "
                f"a run may hold {LARGEST_RUN_BYTES}. Give smaller inputs, or have the document "
                "output only the part of a response that it needs",
                reason="run-too-large",
                facts={"bytes": total, "outputBytes": dict(self.state.output_bytes)},
            )

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
                    raise self._step_failed(step, outcome, "and the document ends the run there")
                self.state.cursor = None
            case Fail():
                raise self._step_failed(step, outcome, "")
            case Unexpected():
                raise self._unexpected(step, outcome)
            case Exhausted(limit):
                raise self._deadline(step, f"its retryLimit of {limit} is used up")
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
            raise self._page_again(plan, there)
        else:
            there.polls += 1
            await self._pause(step, self._poll_pause(plan, there, outcome, after))
        self.state.cursor = target

    def _is_changed(self, there: StepState, digest: str) -> bool:
        """Values that come again are no change, whether at once or in a circle."""
        if self.plan.engine_rev > 1 and digest == there.landmark:
            there.circling = True
        return digest not in (there.digest, there.landmark if self.plan.engine_rev > 1 else "")

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
            raise self._deadline(target, f"{target.polling.deadline:g} s are over")
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

    def _facts(self, step: StepPlan) -> dict[str, Any]:
        here = self.state.step(step.step_id)
        return {
            "step": step.step_id,
            "request": step.request_line,
            "status": here.last_status,
            "visits": here.visits,
            **self._outputs_so_far(),
        }

    def _outputs_so_far(self) -> dict[str, Any]:
        size = sum(self.state.output_bytes.values())
        if size > LARGEST_OUTPUTS_IN_ERROR:
            return {"outputBytes": dict(self.state.output_bytes)}
        return {"outputs": self.state.outputs}

    def _step_failed(self, step: StepPlan, outcome: Outcome, ending: str) -> DurazzoError:
        body = f"; the body begins: {outcome.excerpt}" if outcome.excerpt else ""
        end = f" ({ending})" if ending else ""
        answered = "" if outcome.status is None else f" answered {outcome.status}"
        said = f"{step.request_line}{answered}: {outcome.why}{body}{end}"
        return RUN_ERRORS.get(outcome.error, StepFailed)(
            f"step `{step.step_id}` failed: {said}",
            reason="ended-by-document" if ending else "step-failed",
            facts={**self._facts(step), "why": outcome.why, "excerpt": outcome.excerpt},
        )

    def _page_again(self, step: StepPlan, there: StepState) -> DurazzoError:
        return UnexpectedState(
            f"step `{step.step_id}`: after {there.pages} pages of {step.request_line} the service "
            "leads back to a page that has been read, so its pages would never end",
            reason="page-again",
            facts={**self._facts(step), "pages": there.pages},
        )

    def _outcome_unknown(self, step: StepPlan, outcome: Outcome) -> DurazzoError:
        return OutcomeUnknown(
            f"step `{step.step_id}`: {step.request_line} was sent and no answer came back "
            f"({outcome.why}), so nobody knows whether it took effect. It is not sent again. "
            "Look at the service; start a new run when nothing happened there",
            reason="outcome-unknown",
            facts={**self._facts(step), "why": outcome.why},
        )

    def _unexpected(self, step: StepPlan, outcome: Outcome) -> DurazzoError:
        seen = ", ".join(f"{name} = {value!r}"[:200] for name, value in outcome.outputs.items())
        names = ", ".join(f"`{action.name}`" for action in step.attempt.on_success)
        return UnexpectedState(
            f"step `{step.step_id}` passed with a state that none of its actions ({names}) "
            f"covers: {seen or 'no outputs'}. A poll that goes on here would take a job "
            "that is not finished for a finished one",
            reason="unexpected-state",
            facts={**self._facts(step), "stepOutputs": outcome.outputs},
        )

    def _deadline(self, step: StepPlan, said: str) -> DurazzoError:
        here = self.state.step(step.step_id)
        return PollDeadlineExceeded(
            f"step `{step.step_id}` was polled {here.polls} times without reaching its end, "
            f"and {said}; the last status was {here.last_status}",
            reason="poll-deadline",
            facts={**self._facts(step), "polls": here.polls},
        )
