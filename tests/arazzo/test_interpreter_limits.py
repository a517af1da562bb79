"""Steps that a limit holds back: they wait, are the same attempt, and keep their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from plans import call, plan, retry, step
from world import World, error_of, failed, passed, run

from arazzo.errors import StepFailed
from arazzo.interpreter import Interpreter
from arazzo.outcome import Outcome
from arazzo.state import RunState

if TYPE_CHECKING:
    from arazzo.plan import Plan


def held(wait: float, place: str = "7.a") -> Outcome:
    """Return the outcome of an attempt that a limit held back."""
    return Outcome(sent="no", why="held back by the limit", wait=wait, place=place)


async def test_it_waits_and_asks_again_with_its_place() -> None:
    """As often as it is held back; then the place is given up."""
    world = World({"a": [held(30.0), held(5.0, "8.a"), passed()], "b": [passed()]})
    await run(plan(step("a"), step("b")), world)
    assert world.waits == [30.0, 5.0]
    assert [(one.reason, one.number) for one in world.pauses] == [
        ("held back by the limit", None)
    ] * 2
    asked = [(name, values.get("place"), values.get("held")) for name, values in world.asked]
    assert asked == [("a", None, None), ("a", "7.a", 1), ("a", "8.a", 2), ("b", None, None)]


async def test_to_be_held_back_is_neither_a_visit_nor_a_try() -> None:
    """A step of three tries has all of them left, and its idempotency key stays."""
    answers = [held(1.0), failed(503), held(1.0), failed(503), held(1.0), failed(503)]
    world = World({"a": answers})
    error = await error_of(plan(step("a", call("POST"))), world)
    assert isinstance(error, StepFailed)
    assert [values["visit"] for _, values in world.asked] == [1] * 6
    assert [values["attempt"] for _, values in world.asked] == [1, 2, 3, 4, 5, 6]


async def test_a_retry_of_the_document_is_not_used_up() -> None:
    """Its retryLimit counts answers, not waits."""
    again = retry(retry_after=1.0, retry_limit=1)
    world = World({"a": [failed(500, 0), held(4.0), passed()]})
    await run(plan(step("a", on_failure=(again,))), world)
    assert world.waits == [1.0, 4.0]


async def test_the_timeout_of_a_step_goes_on_meanwhile() -> None:
    """It ends the wait; nothing was sent, so not even a write is of unknown fate."""
    world = World({"a": [held(30.0), passed()]})
    error = await error_of(plan(step("a", call("POST"), timeout=8.0)), world)
    assert world.waits == [8.0]
    assert len(world.asked) == 1
    assert error.reason == "step-timeout"
    assert "the timeout of 8 s is over; held back by the limit" in error.message


class HandedOver(Exception):
    """The run goes on elsewhere."""


class Brief(World):
    """A world that ends at the third place to store the state."""

    state: RunState
    places = 0

    async def step_boundary(self, state: RunState) -> None:
        """End at the third one."""
        self.places += 1
        if self.places == 3:
            self.state = RunState.model_validate(state.as_json())
            raise HandedOver


async def handed_over(written: Plan, world: Brief) -> RunState:
    """Return the state with which a run is handed over while it waits."""
    begun = RunState(inputs={}, cursor=written.steps[0].step_id)
    with pytest.raises(HandedOver):
        await Interpreter(written, begun, world).run()
    return world.state


async def test_a_long_wait_is_a_place_to_continue_as_new() -> None:
    """The place goes along, and what goes on there is the same visit with the same key."""
    written = plan(step("a", call("POST")))
    state = await handed_over(written, Brief({"a": [held(30.0), held(9.0, "8.a"), passed()]}))
    later = World({"a": [passed()]})
    await Interpreter(written, state, later).run()
    ((_, values),) = later.asked
    assert (values["visit"], values["attempt"], values["place"]) == (1, 3, "8.a")
    assert state.visits == 1


async def test_a_step_with_a_timeout_is_not_handed_over() -> None:
    """Its time would begin anew."""
    world = Brief({"a": [held(1.0), held(1.0), held(1.0), passed()]})
    await run(plan(step("a", timeout=60.0)), world)
    assert world.places == 1
