"""The interpreter: walks the steps of a plan. The world is one small protocol, passed in.

It reads no clock, sends nothing and sleeps nowhere. Semantics: DESIGN.md, section 3.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, assert_never

from arazzo import run_errors, template
from arazzo.blob_reads import reaching_in
from arazzo.context import Context, constants_of
from arazzo.effects import Pause, Transferred
from arazzo.kept_outputs import KeptOutputs
from arazzo.look_up import LookUp
from arazzo.pauses import limit_pause, transient_pause
from arazzo.reception import receive
from arazzo.state import TransferState, digest_of
from arazzo.transition import (
    SHORTEST_ATTEMPT,
    SHORTEST_RETRY,
    End,
    Exhausted,
    Fail,
    Goto,
    Next,
    Poll,
    Retry,
    Transfer,
    Unexpected,
    decide,
    fate_unknown,
    loop_targets,
    may_send_again,
    retry_key,
    spent_retries,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from arazzo.effects import Effects
    from arazzo.outcome import Outcome
    from arazzo.plan import ActionPlan, Invocation, Plan, StepPlan
    from arazzo.state import RunState, StepState
    from arazzo.transition import Transition


class Interpreter:
    """One run of one plan; the only writer of its state."""

    def __init__(self, plan: Plan, state: RunState, effects: Effects) -> None:
        """Begin, or go on, where the state says."""
        self.plan = plan
        self.state = state
        self.effects = effects
        self.kept = KeptOutputs(plan, state, effects)
        self.transferred: Transferred | None = None
        self.loop_targets = loop_targets(plan)

    async def run(self) -> dict[str, Any] | Transferred:
        """Walk the steps to the end and return the outputs, or what the run is handed over to.

        Raises StepFailed, UnexpectedState, PollDeadlineExceeded, OutcomeUnknown or
        PayloadTooLarge.
        """
        await self.kept.make_room()
        await self._complete_dependencies()
        while self.state.cursor is not None:
            step = self.plan.steps[self.plan.index(self.state.cursor)]
            await self.effects.step_boundary(self.state)
            await self._visit(step)
        if self.transferred is not None:
            return self.transferred
        outputs = await self._computed(self.plan.outputs, self.plan.by_activity)
        return {name: outputs.get(name) for name in self.plan.outputs}

    def _context(self) -> Context:
        state = self.state
        return Context(
            inputs=state.inputs,
            steps=state.outputs,
            workflows=state.workflows,
            **constants_of(self.plan.constants),
        )

    async def _complete_dependencies(self) -> None:
        for one in self.plan.depends_on:
            if one.name in self.state.workflows:
                continue
            inputs = await self._handed(one.invocation)
            kind = one.invocation.workflow_type
            invoked = await self.effects.invoke(f"dependsOn/{one.name}", kind, inputs)
            if invoked.outputs is None:
                role = "which this one depends on"
                raise run_errors.workflow_failed(one.name, role, invoked.error, invoked.why)
            self._remember(one.name, inputs, invoked.outputs)

    def _remember(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Keep what is read of a completed workflow; of others only that it was completed."""
        read = name in self.plan.workflow_reads
        self.state.workflows[name] = {"inputs": inputs, "outputs": outputs} if read else {}

    async def _handed(self, giver: ActionPlan | Invocation) -> dict[str, Any]:
        """Return the inputs that an action or a step hands to another workflow."""
        return await self._computed(giver.inputs, giver.by_activity)

    async def _computed(
        self, templates: dict[str, Any], by_activity: Collection[str]
    ) -> dict[str, Any]:
        """Return the values by name, absent ones left out; an activity computes some of them."""
        context = self._context()
        away = {
            name: one
            for name, one in templates.items()
            if name in by_activity or any(reaching_in(one, context))
        }
        here = {name: one for name, one in templates.items() if name not in away}
        found = template.evaluate_each(here, context)
        if away:
            found |= await self.effects.evaluate(away, self.state.all_values())
        return {name: found[name] for name in templates if name in found}

    async def _visit(self, step: StepPlan) -> None:
        self._enter(step)
        outcome = await self._attempt(step, hands_over=not step.timeout)
        await self.kept.keep(step, outcome)
        transition = decide(self.plan, step, outcome, self.state.step(step.step_id))
        self._set_standing(step, "passed" if outcome.passed else "failed")
        await self._follow(step, outcome, transition)

    def _enter(self, step: StepPlan) -> None:
        if self.state.visits >= self.plan.visit_budget:
            raise run_errors.visit_budget(self.state, step)
        missing = [one for one in step.depends_on if one not in self.state.outputs]
        if missing:
            raise run_errors.dependency_missing(self.state, step, missing)
        here = self.state.step(step.step_id)
        if here.visits == 0:
            here.loop_since = self.effects.now()
        here.visits += not here.retrying
        here.retrying = False
        if step.step_id in self.loop_targets:
            here.digest = self.state.digest(step.request_reads)
        self.state.visits += 1
        self._set_standing(step, "running")

    async def _attempt(self, step: StepPlan, *, hands_over: bool = False) -> Outcome:
        """Attempt the step until its answer is no transient one that nobody takes up."""
        here = self.state.step(step.step_id)
        until = self.effects.now() + step.timeout if step.timeout else inf
        within, attempts = step.transient.within, step.transient.attempts
        no_try_after = self.effects.now() + within if within else inf
        tried = 0
        while True:
            tried += 1
            outcome = await self._past_limits(step, until, hands_over=hands_over)
            here.last_status = outcome.status
            if fate_unknown(step, outcome):
                looking = LookUp(step, self.state, self.effects, self._numbered, self._pause)
                outcome = await looking.found_out(outcome, last=tried >= attempts)
            if outcome.passed or outcome.action is not None or tried >= attempts:
                return self._in_time(step, outcome, until)
            if self._left(until) > 0 and may_send_again(step, outcome, self.plan.engine_rev):
                pause = transient_pause(step, outcome, tried, self._left(until))
                if pause.seconds > self._left(no_try_after):
                    return outcome
                await self._pause(step, pause)
            if self._left(until) <= 0 or not may_send_again(step, outcome, self.plan.engine_rev):
                return self._in_time(step, outcome, until)

    def _numbered(self, step: StepPlan) -> dict[str, Any]:
        """The values of an activity beside the attempts, which has a number of its own."""
        self.state.step(step.step_id).attempts += 1
        return self._values(step)

    async def _past_limits(self, step: StepPlan, until: float, *, hands_over: bool) -> Outcome:
        """Attempt the step as soon as a limit lets it: being held back is no try."""
        here, held = self.state.step(step.step_id), 0
        while True:
            here.attempts += 1
            outcome = await self._effect(step, until, held)
            here.place = outcome.place
            if outcome.wait is None:
                return outcome
            held += 1
            await self._pause(step, limit_pause(step, outcome, self._left(until)))
            if self._left(until) <= 0:
                return outcome
            if hands_over:
                await self._hand_over(here)

    async def _hand_over(self, here: StepState) -> None:
        """A long wait is a place to store the state as well; what goes on there is this visit."""
        here.retrying, self.state.visits = True, self.state.visits - 1
        await self.effects.step_boundary(self.state)
        here.retrying, self.state.visits = False, self.state.visits + 1

    def _left(self, until: float) -> float:
        """Return the seconds that are left of a step's timeout; without one no clock is asked."""
        return until if until == inf else until - self.effects.now()

    def _in_time(self, step: StepPlan, outcome: Outcome, until: float) -> Outcome:
        """Return the outcome, which says so when the step's timeout has passed without success."""
        if outcome.passed or self._left(until) > 0:
            return outcome
        why = f"the timeout of {step.timeout:g} s is over; {outcome.why}"
        return outcome.model_copy(update={"timed_out": True, "why": why})

    async def _effect(self, step: StepPlan, until: float, held: int) -> Outcome:
        invocation, values = step.attempt.invocation, self._values(step)
        if held or self.state.step(step.step_id).place:
            values |= {"held": held, "place": self.state.step(step.step_id).place}
        if until != inf:
            values["left"] = max(SHORTEST_ATTEMPT, self._left(until))
        if step.attempt.reception is not None:
            written = {"wanted": step.attempt.reception.correlation}
            wanted = template.evaluate_each(written, self._context()).get("wanted")
            return await receive(step, self.state, self.effects, values, wanted)
        if invocation is None:
            return await self.effects.perform(step, values)
        inputs = await self._handed(invocation)
        outcome = await self.effects.call(step, inputs, values)
        if outcome.passed and invocation.workflow_id in self.plan.workflow_reads:
            self._remember(invocation.workflow_id, inputs, outcome.outputs)
        return outcome

    def _values(self, step: StepPlan) -> dict[str, Any]:
        here = self.state.step(step.step_id)
        return {
            **self.state.values(step.reads),
            "spent": spent_retries(step, here),
            "visit": here.visits,
            "attempt": here.attempts,
        }

    async def _follow(  # noqa: C901 - one case for each transition
        self, step: StepPlan, outcome: Outcome, transition: Transition
    ) -> None:
        match transition:
            case Next():
                self._move(step, self._after(step))
            case Goto(target):
                self._move(step, target)
            case Transfer(action, after):
                await self._transfer(step, outcome, action, after)
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

    async def _transfer(
        self, step: StepPlan, outcome: Outcome, action: ActionPlan, after: float | None
    ) -> None:
        """Hand over; workflows that transfer to each other with the same inputs are a poll."""
        target, inputs = action.workflow or "", await self._handed(action)
        digest, transfers = digest_of(inputs), dict(self.state.transfers)
        before = transfers.get(target)
        if before is None or before.digest != digest:
            transfers[target] = TransferState(digest=digest, since=self.effects.now())
        else:
            again = before.model_copy(update={"polls": before.polls + 1})
            transfers[target] = again
            await self._pause(step, self._transfer_pause(step, target, again, outcome, after))
        self.transferred = Transferred(target, inputs, transfers, self.state.visits)
        self.state.cursor = None

    def _transfer_pause(
        self,
        step: StepPlan,
        target: str,
        again: TransferState,
        outcome: Outcome,
        after: float | None,
    ) -> Pause:
        deadline = again.since + step.polling.deadline
        left = deadline - self.effects.now()
        seconds = step.polling.wait(again.polls) if after is None else max(SHORTEST_RETRY, after)
        seconds = seconds if outcome.retry_after is None else outcome.retry_after
        if left <= 0 or (outcome.retry_after is not None and seconds > left):
            raise run_errors.transfer_deadline(target, again.polls, step.polling.deadline)
        reason = f"transfer to `{target}`"
        return Pause(step.step_id, min(seconds, left), reason, again.polls, deadline)

    async def _poll(
        self, step: StepPlan, outcome: Outcome, target: str, after: float | None
    ) -> None:
        there = self.state.step(target)
        if outcome.passed and outcome.action is not None:
            self._count_retry(step, outcome.action, passed=True)
        plan = self.plan.steps[self.plan.index(target)]
        digest = self.state.digest(plan.request_reads)
        if plan.attempt.reception is not None:
            pass  # what comes next paces it: a wait sends nothing
        elif there.is_changed(digest, sees_circles=self.plan.engine_rev > 1):
            if not there.circling:
                there.begin_loop(self.effects.now())
            there.note_change(digest)
        elif plan.collect:
            raise run_errors.page_again(self.state, plan)
        else:
            there.polls += 1
            await self._pause(step, self._poll_pause(plan, there, outcome, after))
        if outcome.passed and outcome.action is not None:
            action = step.attempt.on_success[outcome.action]
            if action.type == "retry":
                await self._before_retry(step, action)
        self.state.cursor = target

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
        await self._before_retry(step, step.attempt.on_failure[action])
        self.state.step(step.step_id).retrying = True

    async def _before_retry(self, step: StepPlan, action: ActionPlan) -> None:
        """Run the step or workflow of the action.

        «The reference is executed and the context is returned, after which the current step is
        retried» (4.6.8).
        """
        if action.target is not None:
            await self._run_beside(self.plan.steps[self.plan.index(action.target)])
        elif action.workflow is not None:
            number = self.state.step(step.step_id).attempts
            name = f"{step.step_id}/{action.name}#{number}"
            inputs = await self._handed(action)
            invoked = await self.effects.invoke(name, action.workflow, inputs)
            if invoked.outputs is None:
                role = f"which runs before a retry of step `{step.step_id}`"
                kind = action.workflow
                raise run_errors.workflow_failed(kind, role, invoked.error, invoked.why)

    async def _run_beside(self, step: StepPlan) -> None:
        """Run a step for its outputs only: where it leads to is not followed."""
        self._enter(step)
        outcome = await self._attempt(step)
        await self.kept.keep(step, outcome)
        self._set_standing(step, "passed" if outcome.passed else "failed")
        if not outcome.passed:
            raise run_errors.step_failed(self.state, step, outcome, "")

    async def _pause(self, step: StepPlan, pause: Pause) -> None:
        self._set_standing(step, "waiting", pause)
        await self.effects.pause(pause)
        self.effects.show(self.state, None)

    def _set_standing(self, step: StepPlan, standing: Any, pause: Pause | None = None) -> None:
        self.state.step(step.step_id).standing = standing
        self.effects.show(self.state, pause)
