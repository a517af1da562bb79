"""The interpreter's world without Temporal: real requests, waits that can be shortened."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from activities.names import AttemptRequest, LoadPlanRequest
from activities.operation import AttemptAgain
from arazzo.context import Context
from arazzo.errors import DurazzoError
from arazzo.interpreter import Interpreter
from arazzo.outcome import Outcome, judge_workflow
from arazzo.plan import Plan, canonical
from arazzo.state import RunState
from arazzo.transition import ends_the_caller

if TYPE_CHECKING:
    from activities.load_plan import Plans
    from activities.operation import Operations
    from arazzo.interpreter import Pause
    from arazzo.plan import StepPlan


@dataclass
class Clock:
    """A clock whose waits take `waits` times their seconds; it goes on as if they took them all."""

    waits: float
    skipped: float = field(default=0.0)

    def now(self) -> float:
        """Return the time in seconds since the epoch, waits in full length."""
        return time.time() + self.skipped

    async def sleep(self, seconds: float) -> None:
        """Wait for a part of the seconds, and count the rest as passed."""
        real = max(seconds, 0.0) * self.waits
        await asyncio.sleep(real)
        self.skipped += max(seconds, 0.0) - real


@dataclass
class RehearsalEffects:
    """The world of one run; those of the workflows that its steps call share all but the plan."""

    plan: Plan
    operations: Operations
    plans: Plans
    clock: Clock
    run: str

    def now(self) -> float:
        """Return the time of the clock."""
        return self.clock.now()

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Attempt the step as the activity and its RetryPolicy would."""
        call = step.attempt.operation
        repeatable = not call.writes or call.idempotency
        request = AttemptRequest(
            attempt=step.attempt.as_json(),
            signature=step.signature,
            values={"inputs": values["inputs"], "steps": values["steps"]},
            spent=values["spent"],
            key=f"{self.run}/{step.step_id}/{values['visit']}" if call.writes else "",
            attempts=step.transport.attempts if repeatable else 1,
        )
        number = 1
        while True:
            try:
                return await self.operations.perform(request, number)
            except AttemptAgain:
                await self.clock.sleep(step.transport.wait(number))
                number += 1

    async def call(self, step: StepPlan, inputs: dict[str, Any], values: dict[str, Any]) -> Outcome:
        """Run the workflow that the step calls, by the plan that lies in this run's own."""
        outputs: dict[str, Any] = {}
        error: DurazzoError | None = None
        try:
            outputs = await self._outputs(step, inputs)
        except DurazzoError as raised:
            if ends_the_caller(type(raised).__name__):
                raised.message = f"step `{step.step_id}`: {raised.message}"
                raise
            error = raised
        context = Context(inputs=values["inputs"], steps=values["steps"], outputs=outputs)
        outcome = judge_workflow(
            step.attempt,
            context,
            failure=error.message if error else "",
            spent=values["spent"],
        )
        joined = {**outputs, **outcome.outputs}
        told = {"outputs": joined, "output_bytes": len(canonical(joined))}
        return outcome.model_copy(update=told | {"error": type(error).__name__ if error else ""})

    async def _outputs(self, step: StepPlan, inputs: dict[str, Any]) -> dict[str, Any]:
        sub = self.plan.workflows[step.called]
        carried = {"plan": sub.plan.as_json(), "signature": sub.signature}
        loaded = self.plans.load(
            LoadPlanRequest(workflow_type=step.called, inputs=inputs, carried=carried)
        )
        effects = RehearsalEffects(
            sub.plan, self.operations, self.plans, self.clock, f"{self.run}/{step.step_id}"
        )
        state = RunState.model_validate(loaded.state)
        return await Interpreter(sub.plan, state, effects).run()

    async def pause(self, pause: Pause) -> None:
        """Wait, shortened."""
        await self.clock.sleep(pause.seconds)

    async def step_boundary(self, state: RunState) -> None:
        """Nothing is stored: what runs here ends with this process."""

    def show(self, state: RunState, pause: Pause | None) -> None:
        """Nobody watches."""
