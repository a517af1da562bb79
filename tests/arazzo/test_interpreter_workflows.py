"""Workflows around the steps: dependencies, transfers, and what runs before a retry."""

from __future__ import annotations

from typing import Any

import pytest
from plans import end, goto, plan, retry, step
from world import World, ended, error_of, failed, passed, run

from arazzo.effects import Invoked, Transferred
from arazzo.errors import DurazzoError, OutcomeUnknown, PollDeadlineExceeded, StepFailed
from arazzo.interpreter import Interpreter
from arazzo.plan import Dependency, Invocation, Plan, Reads
from arazzo.provider import Polling
from arazzo.state import RunState

# -- dependencies ---------------------------------------------------------------------------------

LOGIN = Dependency.model_validate(
    {
        "name": "login",
        "invocation": {"workflow_type": "jobs-login", "inputs": {"user": "$inputs.user"}},
    }
)


async def test_dependencies_run_first_and_once() -> None:
    """What is read of them is kept; a run that goes on does not run them again."""
    world = World({"a": [passed()]}, beside={"jobs-login": Invoked({"id": 7})})
    written = plan(
        step("a"),
        depends_on=(LOGIN,),
        workflow_reads=("login",),
        outputs={"id": "$workflows.login.outputs.id", "user": "$workflows.login.inputs.user"},
    )
    state = RunState(inputs={"user": "u"}, cursor="a")
    assert await Interpreter(written, state, world).run() == {"id": 7, "user": "u"}
    assert world.invoked == [("dependsOn/login", "jobs-login", {"user": "u"})]
    state.cursor = "a"
    await Interpreter(written, state, world).run()
    assert len(world.invoked) == 1


async def test_a_dependency_that_nobody_reads_is_not_kept() -> None:
    """Only that it was completed is known."""
    world = World({"a": [passed()]}, beside={"jobs-login": Invoked({"id": 7})})
    state = RunState(inputs={}, cursor="a")
    await Interpreter(plan(step("a"), depends_on=(LOGIN,)), state, world).run()
    assert state.workflows == {"login": {}}


async def test_a_dependency_that_fails_ends_the_run() -> None:
    """Before the first request, with the name of its own error."""
    world = World({}, beside={"jobs-login": Invoked(None, "OutcomeUnknown", "nobody knows")})
    error = await error_of(plan(step("a"), depends_on=(LOGIN,)), world)
    assert isinstance(error, OutcomeUnknown)
    assert error.message == "the workflow `login`, which this one depends on, failed: nobody knows"
    assert world.asked == []


# -- transfers ------------------------------------------------------------------------------------

TO_OTHER = goto(None, workflow="other", inputs={"n": "$steps.a.outputs.n"})
HERE = plan(step("a", on_success=(TO_OTHER, end())))


def transfer(**fields: Any) -> Any:
    """Return the outcome of a step after which the run is handed over."""
    return passed(0, **fields)


async def test_a_transfer_hands_over() -> None:
    """At once, with the inputs of this moment and the visits so far."""
    world = World({"a": [transfer(outputs={"n": 1})]})
    handed = await ended(HERE, world)
    assert isinstance(handed, Transferred)
    assert (handed.workflow_type, handed.inputs, handed.visits) == ("other", {"n": 1}, 1)
    assert world.waits == []


async def around(world: World, times: int, written: Plan = HERE) -> int:
    """Let two workflows transfer to each other, as one run does; return its visits."""
    carried: dict[str, Any] = {"visits": 0}
    for _ in range(times):
        handed = await ended(written, world, **carried)
        assert isinstance(handed, Transferred)
        carried = {"transfers": handed.transfers, "visits": handed.visits}
    return int(carried["visits"])


async def test_workflows_that_transfer_to_each_other_are_paced() -> None:
    """With the same inputs it is a poll, over the bounds of the workflows."""
    world = World({"a": [transfer(outputs={"n": 1})]})
    assert await around(world, 4) == 4
    assert world.waits == [2.0, 3.0, 4.5]
    assert world.pauses[0].reason == "transfer to `other`"


async def test_a_transfer_with_other_inputs_goes_on_at_once() -> None:
    """A cursor that moves on is no poll."""
    world = World({"a": [transfer(outputs={"n": number}) for number in range(4)]})
    await around(world, 4)
    assert world.waits == []


async def test_the_deadline_of_transfers() -> None:
    """It counts from the first transfer with these inputs."""
    pace = Polling(first=6.0, factor=1.0, longest=6.0, deadline=10.0)
    first = HERE.steps[0].model_copy(update={"polling": pace})
    world = World({"a": [transfer(outputs={"n": 1})]})
    with pytest.raises(PollDeadlineExceeded) as caught:
        await around(world, 9, plan(first))
    assert world.waits == [6.0, 4.0]
    assert caught.value.facts == {"workflow": "other", "polls": 3}


async def test_a_transfer_after_a_failure() -> None:
    """A failure action may hand over, too."""
    action = goto(None, workflow="other")
    handed = await ended(plan(step("a", on_failure=(action,))), World({"a": [failed(404, 0)]}))
    assert isinstance(handed, Transferred)


# -- before a retry -------------------------------------------------------------------------------


async def test_a_step_runs_before_a_retry() -> None:
    """Its outputs are there, and where it leads to is not followed.

    «The reference is executed and the context is returned, after which the current step is
    retried» (Arazzo 1.0.1, 4.6.8).
    """
    world = World(
        {"token": [passed(0, outputs={"t": 1}), passed(0, outputs={"t": 2})],
         "a": [failed(401, 0), passed()]}
    )  # fmt: skip
    reads = Reads(steps={"token": ("t",)})
    written = plan(
        step("token", on_success=(goto("a"),)),
        step("a", on_failure=(retry(target="token"),), reads=reads, request_reads=reads),
    )
    await run(written, world)
    assert world.steps == ["token", "a", "token", "a"]
    assert world.waits == [1.0]
    assert world.asked[3][1]["steps"] == {"token": {"t": 2}}


async def test_a_step_before_a_retry_that_fails_ends_the_run() -> None:
    """Without it the retry could not do better."""
    world = World({"token": [passed(), failed(403)], "a": [failed(401, 0)]})
    error = await error_of(
        plan(step("token"), step("a", on_failure=(retry(target="token"),))), world
    )
    assert isinstance(error, StepFailed)
    assert error.facts["step"] == "token"


async def test_a_workflow_runs_before_a_retry() -> None:
    """Each time as a run of its own."""
    action = retry(name="login", workflow="jobs-login", inputs={"u": "$inputs.u"}, retry_limit=2)
    world = World({"a": [failed(401, 0), failed(401, 0), passed()]})
    await run(plan(step("a", on_failure=(action,))), world, inputs={"u": 1})
    assert world.invoked == [
        ("a/login#1", "jobs-login", {"u": 1}),
        ("a/login#2", "jobs-login", {"u": 1}),
    ]
    assert world.steps == ["a", "a", "a"]


async def test_a_workflow_before_a_retry_that_fails_ends_the_run() -> None:
    """By the name of its own error, and with what it was for."""
    action = retry(name="login", workflow="jobs-login")
    world = World({"a": [failed(401, 0)]}, beside={"jobs-login": Invoked(None, "", "no")})
    error = await error_of(plan(step("a", on_failure=(action,))), world)
    assert error.message == (
        "the workflow `jobs-login`, which runs before a retry of step `a`, failed: no"
    )


async def test_a_step_runs_before_a_retry_of_success() -> None:
    """It is a poll, with the step before each of its requests (O25)."""
    world = World({"token": [passed()], "a": [passed(0), passed()]})
    await run(plan(step("token"), step("a", on_success=(retry(target="token"),))), world)
    assert world.steps == ["token", "a", "token", "a"]


# -- workflows as steps ---------------------------------------------------------------------------


async def test_inputs_and_outputs_of_a_called_workflow_can_be_read() -> None:
    """`$workflows.child.outputs` are there once the step has passed."""
    child = Invocation(workflow_type="jobs-child", workflow_id="child", inputs={"n": 1})
    written = plan(
        step("a", child), workflow_reads=("child",), outputs={"x": "$workflows.child.outputs.x"}
    )
    assert await run(written, World({"a": [passed(outputs={"x": 3})]})) == {"x": 3}
    with pytest.raises(DurazzoError):
        await run(written, World({"a": [failed(None)]}))
