"""The interpreter's world for tests: scripted answers, and waits that cost no time of ours."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from arazzo import template
from arazzo.blobs import VALUE_TYPE, Blob
from arazzo.context import Context
from arazzo.effects import Awaited, Invoked, Pause, Transferred
from arazzo.errors import DurazzoError
from arazzo.interpreter import Interpreter
from arazzo.outcome import Outcome
from arazzo.plan import FindPlan, Plan, StepPlan
from arazzo.state import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFERENCE = Blob("memory:///moved", 100_000, "0" * 64, VALUE_TYPE).as_json()


@dataclass
class World:
    """Answers each step from its list, the last one for ever; waits cost no time of ours."""

    answers: Mapping[str, Sequence[Outcome]]
    clock: float = 1000.0
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    beside: Mapping[str, Invoked] = field(default_factory=dict)
    invoked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    awaited: list[Awaited] = field(default_factory=list)
    evaluated: list[list[str]] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)

    def now(self) -> float:
        """Tell the time of this world."""
        return self.clock

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Answer, and remember what was asked."""
        return await self._answered(step.step_id, values)

    async def _answered(self, name: str, values: dict[str, Any]) -> Outcome:
        self.asked.append((name, values))
        self.counts[name] += 1
        answers = self.answers[name]
        return answers[min(self.counts[name], len(answers)) - 1]

    async def find(self, _step: StepPlan, find: FindPlan, values: dict[str, Any]) -> Outcome:
        """Answer by the script of the look-up's operation."""
        return await self._answered(find.call.operation_id, values)

    async def call(self, step: StepPlan, inputs: dict[str, Any], values: dict[str, Any]) -> Outcome:
        """Answer as for an operation, and remember the inputs."""
        return await self.perform(step, {**values, "called with": inputs})

    async def invoke(self, name: str, workflow_type: str, inputs: dict[str, Any]) -> Invoked:
        """Answer for a workflow beside the steps, and remember it."""
        self.invoked.append((name, workflow_type, inputs))
        return self.beside.get(workflow_type, Invoked({}))

    async def join_pages(
        self, step: StepPlan, before: dict[str, Any], outputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Join to a reference, and remember it."""
        self.stored.append(f"join_pages of {step.step_id}")
        return dict.fromkeys(outputs, REFERENCE) if before else outputs

    async def move_outputs(
        self, outputs: dict[str, dict[str, Any]], excess: int
    ) -> dict[str, dict[str, Any]]:
        """Move all of them."""
        self.stored.append("move_outputs")
        return {one: dict.fromkeys(names, REFERENCE) for one, names in outputs.items() if excess}

    async def evaluate(self, templates: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Compute in the same process, and remember what was asked for."""
        self.evaluated.append(sorted(templates))
        context = Context(
            inputs=values["inputs"], steps=values["steps"], workflows=values["workflows"]
        )
        return template.evaluate_each(templates, context)

    async def receive(self, awaited: Awaited) -> dict[str, Any] | None:
        """Give the next message; without one the time of the wait passes."""
        self.awaited.append(awaited)
        if self.messages:
            return self.messages.pop(0)
        self.clock = max(self.clock, awaited.until)
        return None

    async def judge(
        self, step: StepPlan, message: dict[str, Any] | None, why: str, values: dict[str, Any]
    ) -> Outcome:
        """Answer from the step's list when there is a message; without one the step fails."""
        if message is None:
            return failed(None, why=why)
        return await self.perform(step, {**values, "message": message})

    async def pause(self, pause: Pause) -> None:
        """Let the time pass."""
        self.pauses.append(pause)
        self.clock += pause.seconds

    async def step_boundary(self, state: RunState) -> None:
        """Begin a step."""

    def show(self, state: RunState, pause: Pause | None) -> None:
        """Show nothing."""

    @property
    def waits(self) -> list[float]:
        """Return the seconds of all pauses."""
        return [one.seconds for one in self.pauses]

    @property
    def steps(self) -> list[str]:
        """Return the stepIds of all attempts."""
        return [step_id for step_id, _ in self.asked]


def passed(action: int | None = None, **fields: Any) -> Outcome:
    """An outcome of a step that passed."""
    return Outcome(status=200, passed=True, action=action, **fields)


def failed(status: int | None = 500, action: int | None = None, **fields: Any) -> Outcome:
    """An outcome of a step that did not pass."""
    return Outcome(status=status, action=action, **{"why": "it did not hold", **fields})


async def run(written: Plan, world: World, **state: Any) -> dict[str, Any]:
    """Run a plan from its first step; return its outputs."""
    outputs = await ended(written, world, **state)
    assert isinstance(outputs, dict)
    return outputs


async def ended(written: Plan, world: World, **state: Any) -> dict[str, Any] | Transferred:
    """Run a plan from its first step; return its outputs, or what it hands over to."""
    given = {"inputs": {}, "cursor": written.steps[0].step_id, **state}
    return await Interpreter(written, RunState(**given), world).run()


async def error_of(written: Plan, world: World, **state: Any) -> DurazzoError:
    """Run a plan that must fail; return its error."""
    with pytest.raises(DurazzoError) as caught:
        await run(written, world, **state)
    json.dumps(caught.value.facts)  # they become the details of an ApplicationError
    return caught.value
