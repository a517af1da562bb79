"""`timeout` and `dependsOn` of a step, as the interpreter keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from plans import call, end, goto, plan, retry, step
from world import World, error_of, failed, passed, run
from written import ARAZZO, Written, changed

from arazzo.errors import OutcomeUnknown, StepFailed
from arazzo.plan import Invocation

if TYPE_CHECKING:
    from arazzo.outcome import Outcome
    from arazzo.plan import StepPlan

POLL = "stepId: poll\n    operationId: getJob"


@dataclass
class SlowWorld(World):
    """A world in which each attempt takes some seconds."""

    takes: float = 0.0
    lefts: list[float | None] = field(default_factory=list)

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Answer later."""
        self.lefts.append(values.get("left"))
        self.clock += self.takes
        return await super().perform(step, values)


LOST = failed(None, sent="maybe", why="no answer")
BUSY = failed(503)


@dataclass(frozen=True)
class Case:
    """A step of ten seconds that never passes: its answer, how long each takes, what comes."""

    answer: Outcome
    takes: float
    lefts: list[float]
    waits: list[float]
    reason: str
    method: str = "GET"


CASES = {
    "it is asked again while there is time": Case(BUSY, 1, [10, 8, 5], [1, 2], "step-failed"),
    "a wait ends with the timeout": Case(BUSY, 4.5, [10, 4.5], [1], "step-timeout"),
    "what comes too late fails": Case(BUSY, 11, [10], [], "step-timeout"),
    "a lost answer is asked for again": Case(LOST, 1, [10, 8, 5], [1, 2], "step-failed"),
    "a wait is shortened": Case(BUSY, 9.5, [10], [0.5], "step-timeout"),
    "another failure is none of time": Case(failed(404), 1, [10], [], "step-failed"),
    "a write is not sent again": Case(failed(502), 1, [10], [], "step-failed", "POST"),
    "nobody knows of a write": Case(LOST, 10, [10], [], "outcome-unknown", "POST"),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_timeout_bounds_all_attempts_together(name: str) -> None:
    """Each attempt is told what is left; a wait does not pass the end."""
    case = CASES[name]
    world = SlowWorld({"a": [case.answer]}, takes=case.takes)
    error = await error_of(plan(step("a", call(case.method), timeout=10.0)), world)
    assert (world.lefts, world.waits, error.reason) == (case.lefts, case.waits, case.reason)
    assert isinstance(error, OutcomeUnknown if case.reason == "outcome-unknown" else StepFailed)
    assert ("the timeout of 10 s is over; " in error.message) is (case.reason == "step-timeout")


async def test_what_passed_has_passed() -> None:
    """However late the engine hears of it."""
    world = SlowWorld({"a": [passed(outputs={"n": 1})]}, takes=99)
    written = plan(step("a", timeout=10.0), outputs={"n": "$steps.a.outputs.n"})
    assert await run(written, world) == {"n": 1}


async def test_each_visit_has_its_own_time() -> None:
    """«The current step will be retried»: anew."""
    world = SlowWorld({"a": [failed(500, 0), passed()]}, takes=9)
    await run(plan(step("a", timeout=10.0, on_failure=(retry(),))), world)
    assert world.lefts == [10, 10]


async def test_an_action_takes_up_what_timed_out() -> None:
    """«This will fail the workflow unless `onFailure` actions are defined»."""
    world = SlowWorld({"a": [failed(None, 0, sent="maybe")], "b": [passed()]}, takes=10)
    written = plan(step("a", timeout=10.0, on_failure=(goto("b"),)), step("b"))
    await run(written, world)
    assert world.steps == ["a", "b"]


async def test_a_workflow_of_a_step_has_that_time_too() -> None:
    """It is told what is left, and a failure after that time says so."""
    world = SlowWorld({"a": [failed(None, why="the workflow was cancelled")]}, takes=10)
    made = plan(step("a", Invocation(workflow_type="other"), timeout=10.0))
    error = await error_of(made, world)
    assert (world.lefts, error.reason) == ([10], "step-timeout")


async def test_without_a_timeout_nothing_is_told() -> None:
    """The values of plans that were made before stay as they were."""
    world = SlowWorld({"a": [passed()]})
    await run(plan(step("a")), world)
    assert world.lefts == [None]


async def test_a_step_waits_for_what_it_depends_on() -> None:
    """It runs when they passed, however long ago."""
    world = World({"a": [passed(0), passed(1)], "b": [passed()], "c": [passed()]})
    jump = (goto("b", when="$statusCode == 1"), goto("c"))
    written = plan(
        step("a", on_success=jump), step("b", on_success=(goto("a"),)),
        step("c", depends_on=("a", "b")),
    )  # fmt: skip
    world.answers = {**world.answers, "b": [passed(0)]}
    await run(written, world)
    assert world.steps == ["a", "b", "a", "c"]


LEFT_OUT = [
    pytest.param(passed(0), [passed()], "`b`", id="a goto led past it"),
    pytest.param(passed(1), [failed(500, 0)], "`b`", id="it failed"),
]


@pytest.mark.parametrize(("first", "second", "missing"), LEFT_OUT)
async def test_a_step_is_not_run_before_what_it_depends_on(
    first: Outcome, second: list[Outcome], missing: str
) -> None:
    """«`dependsOn` (...) does not trigger execution of the referenced steps»."""
    world = World({"a": [first], "b": second, "c": [passed()]})
    written = plan(
        step("a", on_success=(goto("c"), goto("b"))), step("b", on_failure=(goto("c"),)),
        step("c", depends_on=("a", "b"), on_failure=(end(),)),
    )  # fmt: skip
    error = await error_of(written, world)
    assert (error.reason, error.facts["missing"]) == ("dependency-not-completed", ["b"])
    assert error.message.startswith(f"step `c` depends on {missing}, not completed before it")
    assert "c" not in world.steps


async def test_what_runs_before_a_retry_waits_as_well() -> None:
    """A retry with `stepId` is no way around."""
    world = World({"a": [failed(401, 0)], "b": [passed()]})
    written = plan(step("a", on_failure=(retry(target="b"),)), step("b", depends_on=("a",)))
    assert (await error_of(written, world)).reason == "dependency-not-completed"


def test_a_timeout_reaches_the_plan() -> None:
    """In seconds; a request has no more time than its step."""
    text = changed(
        ARAZZO, "1.0.1", "1.1.0", POLL, f"{POLL}\n    timeout: 1500\n    dependsOn: [create]"
    )
    create, poll = Written(text).plan().steps
    assert (poll.timeout, poll.depends_on) == (1.5, ("create",))
    assert (poll.attempt.operation.total_timeout, poll.start_to_close) == (1.5, 31.5)
    assert (create.timeout, create.depends_on, create.start_to_close) == (0.0, (), 90.0)
    assert "timeout" not in create.as_json()


THIRD = """\
- workflowId: third
  inputs: {type: object, properties: {key: {type: string, format: password}}}
  steps: [{stepId: only, operationId: listJobs}]
- workflowId: second
  inputs: {type: object, properties: {word: {type: string}}}
  steps:
  - stepId: only
    operationId: listJobs
    onSuccess: [{name: on, type: goto, workflowId: third, parameters: [GIVEN]}]
"""
GOTO = "type: goto\n      stepId: poll"
TO_SECOND = (
    "type: goto\n      workflowId: second\n      parameters: [{name: word, value: $inputs.token}]"
)
WORD = "{name: key, value: $inputs.word}"


def test_an_input_is_secret_when_gotos_make_it_one() -> None:
    """By way of any workflow, whatever it is named there."""
    text = changed(ARAZZO + THIRD, "1.0.1", "1.1.0", GOTO, TO_SECOND, "GIVEN", WORD)
    workflows = Written(text).compiled().workflows
    plans = {one.workflow_type: one.plan for one in workflows if one.plan}
    secrets = {kind: plan.secret_inputs for kind, plan in plans.items()}
    assert secrets == {"run-job": ("token",), "second": ("word",), "third": ("key",)}
    beside = {kind: sub.plan.secret_inputs for kind, sub in plans["run-job"].transfers.items()}
    assert beside == {"second": ("word",), "third": ("key",)}


def test_a_secret_output_that_a_goto_hands_on_is_sealed() -> None:
    """Where it arises, in whichever plan it lies: the target's own, or the table of the first."""
    key = "{name: key, value: $steps.only.outputs.all}"
    only = "stepId: only\n    operationId: listJobs\n    onSuccess"
    read = only.replace("onSuccess", "outputs: {all: $response.body}\n    onSuccess")
    text = changed(ARAZZO + THIRD, "1.0.1", "1.1.0", GOTO, TO_SECOND, "GIVEN", key, only, read)
    workflows = Written(text).compiled().workflows
    plans = {one.workflow_type: one.plan for one in workflows if one.plan}
    beside = plans["run-job"].transfers["second"].plan
    assert plans["second"].steps[0].attempt.sealed == beside.steps[0].attempt.sealed == ("all",)


def test_a_workflow_before_a_retry_keeps_its_secrets() -> None:
    """What it needs to keep secret is secret in its caller, too."""
    action = "onFailure: [{name: again, type: retry, workflowId: third}]\n    onSuccess"
    old = "properties:\n      name: {type: string}"
    text = changed(
        ARAZZO + THIRD, "1.0.1", "1.1.0", "GIVEN", WORD, "onSuccess:\n    - name: again",
        f"{action}:\n    - name: again", old, old.replace("name", "key", 1) + "\n      name: {}",
    )  # fmt: skip
    assert Written(text).plan().secret_inputs == ("key",)
