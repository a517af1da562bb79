"""The interpreter's world without Temporal: real requests, waits that can be shortened."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from activities.attempt_rules import within_budget
from activities.evaluation import Evaluations
from activities.messages import Receptions
from activities.names import (
    AttemptRequest,
    EvaluationRequest,
    JoinPagesRequest,
    LoadPlanRequest,
    MessageStepRequest,
    MoveOutputsRequest,
    WorkflowStepRequest,
)
from activities.operation import AttemptAgain
from activities.run_values import RunValues
from activities.signing import sign
from arazzo import messages
from arazzo.blobs import blob_name
from arazzo.effects import Invoked, Transferred
from arazzo.errors import DurazzoError, PollDeadlineExceeded
from arazzo.interpreter import Interpreter
from arazzo.outcome import Outcome
from arazzo.plan import Plan, canonical
from arazzo.reception import missed
from arazzo.state import RunState
from arazzo.transition import ends_the_caller

if TYPE_CHECKING:
    from activities.load_plan import Plans
    from activities.operation import Operations
    from arazzo.effects import Awaited, Pause
    from arazzo.plan import FindPlan, StepPlan
    from arazzo.reception_plan import ReceptionPlan


@dataclass
class Clock:
    """A clock whose waits take `waits` times their seconds; it goes on as if they took them all."""

    waits: float
    skipped: float = field(default=0.0)
    until: float = inf
    """When the timeout of a step that waits for a workflow is over: no wait passes it."""

    def now(self) -> float:
        """Return the time in seconds since the epoch, waits in full length."""
        return time.time() + self.skipped

    async def sleep(self, seconds: float) -> None:
        """Wait for a part of the seconds, and count the rest as passed."""
        wanted = max(seconds, 0.0)
        allowed = min(wanted, max(self.until - self.now(), 0.0))
        await asyncio.sleep(allowed * self.waits)
        self.skipped += allowed * (1 - self.waits)
        if allowed < wanted:
            raise TimeoutError


@dataclass
class RehearsalEffects:
    """The world of one run; those of the workflows that its steps call share all but the plan."""

    plan: Plan
    operations: Operations
    plans: Plans
    clock: Clock
    run: str
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Those that steps may receive, as pairs of channel and message, in this order."""

    def now(self) -> float:
        """Return the time of the clock."""
        return self.clock.now()

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Attempt the step as the activity and its RetryPolicy would."""
        return await self._performed(step, self._request(step, values))

    async def find(self, step: StepPlan, _find: FindPlan, values: dict[str, Any]) -> Outcome:
        """Look up what became of a write."""
        asked = {"find": True, "key": "", "attempts": step.transport.attempts, "seconds": 0.0}
        return await self._performed(step, self._request(step, values).model_copy(update=asked))

    def _request(self, step: StepPlan, values: dict[str, Any]) -> AttemptRequest:
        call = step.attempt.operation
        repeatable = not call.writes or call.idempotency
        return AttemptRequest(
            attempt=step.attempt.as_json(),
            signature=step.signature,
            values={n: values[n] for n in ("inputs", "steps", "workflows") if n in values},
            spent=values["spent"],
            key=f"{self.run}/{step.step_id}/{values['visit']}" if call.writes else "",
            attempts=step.transport.attempts if repeatable and not step.timeout else 1,
            seconds=values.get("left", 0.0),
            place=values.get("place", ""),
            held=values.get("held", 0),
            blobs=f"{blob_name(self.run)}/{blob_name(step.step_id)}/{values['visit']}",
            retry=step.transport if step.transport.within else None,
        )

    async def _performed(self, step: StepPlan, request: AttemptRequest) -> Outcome:
        number, began = 1, self.now()
        while True:
            try:
                asked = within_budget(request, number, self.now() - began)
                return await self.operations.perform(asked, number)
            except AttemptAgain:
                await self.clock.sleep(step.transport.wait(number))
                number += 1

    async def call(self, step: StepPlan, inputs: dict[str, Any], values: dict[str, Any]) -> Outcome:
        """Run the workflow that the step calls, by the plan that lies in this run's own."""
        invoked = await self._within(values.get("left"), step, inputs)
        outputs = invoked.outputs or {}
        outcome = await self.operations.judged_workflow(
            WorkflowStepRequest(
                attempt=step.attempt.as_json(),
                values={n: values[n] for n in ("inputs", "steps", "workflows") if n in values},
                spent=values["spent"],
                outputs=outputs,
                why=invoked.why,
                blobs=f"{blob_name(self.run)}/{blob_name(step.step_id)}/{values['visit']}",
            )
        )
        joined = {**outputs, **outcome.outputs}
        told = {"outputs": joined, "output_bytes": len(canonical(joined)), "error": invoked.error}
        return outcome.model_copy(update=told)

    async def _within(
        self, seconds: float | None, step: StepPlan, inputs: dict[str, Any]
    ) -> Invoked:
        """Run the workflow of a step, for no longer than is left of the step's timeout."""
        before = self.clock.until
        if seconds is not None:
            self.clock.until = min(before, self.now() + seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self.invoke(step.step_id, step.called, inputs)
        except TimeoutError:
            if self.now() >= before:
                raise
            return Invoked(None, "StepFailed", "the workflow was cancelled")
        finally:
            self.clock.until = before

    async def invoke(self, name: str, workflow_type: str, inputs: dict[str, Any]) -> Invoked:
        """Run a workflow to its end, in this process as well."""
        sub = self.plan.workflows[workflow_type]
        carried = {"plan": sub.plan.as_json(), "signature": sub.signature}
        request = LoadPlanRequest(workflow_type=workflow_type, inputs=inputs, carried=carried)
        try:
            state = RunState.model_validate(self.plans.load(request).state)
            return Invoked(await self.of(sub.plan, f"{self.run}/{name}").outputs(state))
        except DurazzoError as error:
            if ends_the_caller(type(error).__name__):
                error.message = f"step `{name}`: {error.message}"
                raise
            return Invoked(None, type(error).__name__, error.message)

    def of(self, plan: Plan, run: str) -> RehearsalEffects:
        """Return the world of another run of this try."""
        return RehearsalEffects(plan, self.operations, self.plans, self.clock, run, self.messages)

    async def outputs(self, state: RunState) -> dict[str, Any]:
        """Interpret the plan from this state; where it hands over, go on with the other one."""
        ended = await Interpreter(self.plan, state, self).run()
        if not isinstance(ended, Transferred):
            return ended
        target = self.plan.transfers[ended.workflow_type].plan
        plan = target.model_copy(update={"transfers": self.plan.transfers})
        transfers = {name: one.model_dump() for name, one in ended.transfers.items()}
        body = {"plan": plan.as_json(), "transfers": transfers, "visits": ended.visits}
        carried = {**body, "signature": sign(self.operations.key, body)}
        request = LoadPlanRequest(
            workflow_type=ended.workflow_type, inputs=ended.inputs, carried=carried
        )
        begun = RunState.model_validate(self.plans.load(request).state)
        return await self.of(plan, self.run).outputs(begun)

    async def join_pages(
        self, step: StepPlan, before: dict[str, Any], outputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Join as the local activity would; here the pages before are never asked for again."""
        folder = f"{blob_name(self.run)}/{blob_name(step.step_id)}/pages"
        names = list(step.collect)
        request = JoinPagesRequest(before=before, outputs=outputs, names=names, blobs=folder)
        return await RunValues(self.operations.blobs).joined(request)

    async def move_outputs(
        self, outputs: dict[str, dict[str, Any]], excess: int
    ) -> dict[str, dict[str, Any]]:
        """Move outputs as the local activity would."""
        folder = f"{blob_name(self.run)}/moved"
        request = MoveOutputsRequest(outputs=outputs, excess=excess, blobs=folder)
        return await RunValues(self.operations.blobs).made_smaller(request)

    async def evaluate(self, templates: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Compute as the local activity does."""
        request = EvaluationRequest(
            templates=templates,
            values=values,
            constants=self.plan.constants,
            secrets=self.plan.secrets,
            blobs=f"{blob_name(self.run)}/values",
        )
        operations = self.operations
        evaluations = Evaluations(operations.key, operations.secrets, operations.blobs)
        return await evaluations.evaluate(request)

    async def receive(self, awaited: Awaited) -> dict[str, Any] | None:
        """Take the first given message that the step can receive; without one its time passes.

        Raises PollDeadlineExceeded at once for a step without a timeout.
        """
        step = self.plan.steps[self.plan.index(awaited.step_id)]
        for index, (channel, message) in enumerate(self.messages):
            ids = messages.checked(_receptions(step, channel), message).get("ids", {})
            one = messages.kept(channel, message, ids)
            if messages.is_wanted(one, awaited.step_id, awaited.correlation):
                del self.messages[index]
                return one
        if not step.timeout:
            said = f"step `{step.step_id}`: {missed(step, awaited)}; {how_to_give(awaited.channel)}"
            raise PollDeadlineExceeded(said, reason="message-deadline")
        await self.clock.sleep(awaited.until - self.now())
        return None

    async def judge(
        self, step: StepPlan, message: dict[str, Any] | None, why: str, values: dict[str, Any]
    ) -> Outcome:
        """Judge the message as the local activity would."""
        given = f"{why}; {how_to_give(step.called)}" if why else ""
        request = MessageStepRequest(
            attempt=step.attempt.as_json(),
            values={n: values[n] for n in ("inputs", "steps", "workflows") if n in values},
            spent=values["spent"],
            message=message,
            why=given,
        )
        return await Receptions(self.operations.blobs).judged(request)

    async def pause(self, pause: Pause) -> None:
        """Wait, shortened."""
        await self.clock.sleep(pause.seconds)

    async def step_boundary(self, state: RunState) -> None:
        """Nothing is stored: what runs here ends with this process."""

    def show(self, state: RunState, pause: Pause | None) -> None:
        """Nobody watches."""


def _receptions(step: StepPlan, channel: str) -> dict[str, ReceptionPlan]:
    reception = step.attempt.reception
    return {step.step_id: reception} if reception and reception.channel == channel else {}


def how_to_give(channel: str) -> str:
    """Return how a try is given a message."""
    return f"give a try one with `--message '{channel}=JSON'`"
