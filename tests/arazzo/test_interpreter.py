"""The interpreter against a scripted world: steps, retries, bounds, and how runs end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from plans import call, end, goto, plan, retry, step
from world import World, error_of, failed, passed, run

from arazzo.errors import (
    DurazzoError,
    OutcomeUnknown,
    PayloadTooLarge,
    PollDeadlineExceeded,
    SecretMissing,
    StepFailed,
    UnexpectedState,
)
from arazzo.interpreter import Interpreter
from arazzo.outcome import Outcome
from arazzo.plan import Invocation, Reads
from arazzo.run_errors import LARGEST_RUN_BYTES
from arazzo.state import RunState

# -- the way through the steps --------------------------------------------------------------------


async def test_steps_run_in_the_order_written() -> None:
    """Without actions each step is followed by the next; the outputs are read at the end."""
    world = World({"a": [passed(outputs={"id": 7})], "b": [passed()]})
    written = plan(
        step("a"),
        step("b", reads=Reads(inputs=("i",), steps={"a": ("id",)})),
        outputs={"id": "$steps.a.outputs.id", "i": "$inputs.i", "none": "$steps.b.outputs.zz"},
    )
    assert await run(written, world, inputs={"i": 1}) == {"id": 7, "i": 1, "none": None}
    assert world.asked[1] == (
        "b",
        {"inputs": {"i": 1}, "steps": {"a": {"id": 7}}, "spent": [], "visit": 1, "attempt": 1},
    )
    assert world.waits == []


async def test_goto_leads_forward_over_steps() -> None:
    """A step that was leapt over never ran, so its outputs are null."""
    world = World({"a": [passed(0)], "c": [passed()]})
    written = plan(
        step("a", on_success=(goto("c"),)),
        step("b"),
        step("c"),
        outputs={"b": "$steps.b.outputs.x"},
    )
    assert await run(written, world) == {"b": None}
    assert (world.steps, world.waits) == (["a", "c"], [])


async def test_end_completes_the_run() -> None:
    """What stands behind an `end` is not run."""
    world = World({"a": [passed(0)]})
    await run(plan(step("a", on_success=(end(),)), step("b")), world)
    assert world.steps == ["a"]


async def test_end_after_a_failure_fails_the_run() -> None:
    """`end` as a failure action ends the run as failed, with the outputs so far in the details."""
    world = World({"a": [passed(outputs={"id": 7})], "b": [failed(404, 0)]})
    error = await error_of(plan(step("a"), step("b", on_failure=(end(),))), world)
    assert isinstance(error, StepFailed)
    assert error.reason == "ended-by-document"
    assert error.facts["outputs"] == {"a": {"id": 7}}
    assert error.message == (
        "step `b` failed: GET /jobs answered 404: it did not hold (and the document ends the run "
        "there)"
    )


async def test_a_failure_tells_what_happened() -> None:
    """Step, request line, status, the criterion that did not hold, and a short excerpt."""
    error = await error_of(plan(step("a")), World({"a": [failed(500, excerpt="oops")]}))
    assert isinstance(error, StepFailed)
    assert error.message == (
        "step `a` failed: GET /jobs answered 500: it did not hold; the body begins: oops"
    )
    assert error.facts == {
        "step": "a", "request": "GET /jobs", "status": 500, "visits": 1, "outputs": {},
        "why": "it did not hold", "excerpt": "oops",
    }  # fmt: skip


async def test_large_outputs_stay_out_of_the_details() -> None:
    """The details of an error are small: past 64 KiB they tell sizes instead of outputs."""
    big = passed(outputs={"x": "y"}, output_bytes=70_000)
    error = await error_of(plan(step("a"), step("b")), World({"a": [big], "b": [failed()]}))
    assert "outputs" not in error.facts
    assert error.facts["outputBytes"] == {"a": 70_000}


# -- failures and their retries -------------------------------------------------------------------


async def test_a_retry_runs_the_step_again_up_to_its_limit() -> None:
    """The document's wait, the count in the pause; a retry is the same visit of the step."""
    world = World({"a": [failed(404, 0), failed(404, 0), failed(404)]})
    written = plan(step("a", on_failure=(retry(retry_limit=2, retry_after=5.0, name="wait"),)))
    assert isinstance(await error_of(written, world), StepFailed)
    assert world.waits == [5.0, 5.0]
    assert world.pauses[1].reason == "retry `wait`"
    assert [values["spent"] for _, values in world.asked] == [[], [], [0]]
    assert [values["visit"] for _, values in world.asked] == [1, 1, 1]
    assert [values["attempt"] for _, values in world.asked] == [1, 2, 3]


async def test_a_header_overrules_the_wait_of_a_retry() -> None:
    """«If the Retry-After header is present it overrules retryAfter» (4.6.8)."""
    world = World({"a": [failed(404, 0, retry_after=9.0), passed()]})
    await run(plan(step("a", on_failure=(retry(retry_after=5.0),))), world)
    assert world.waits == [9.0]


async def test_retries_count_anew_when_the_step_is_left() -> None:
    """A step that is entered again later has its whole retryLimit again."""
    world = World(
        {"a": [failed(404, 0), passed(), failed(404, 0), passed()], "b": [passed(0), passed()]}
    )
    await run(plan(step("a", on_failure=(retry(),)), step("b", on_success=(goto("a"),))), world)
    assert world.steps == ["a", "a", "b", "a", "a", "b"]
    assert world.asked[4][1]["spent"] == [0]
    assert world.asked[3][1]["spent"] == []


async def test_transient_answers_are_tried_again() -> None:
    """After 1 s, doubling, as often as the settings say; `Retry-After` overrules it."""
    world = World({"a": [failed(503), failed(429, retry_after=7.0), passed()]})
    await run(plan(step("a")), world)
    assert world.waits == [1.0, 7.0]
    assert world.pauses[0].reason == "answer 503, trying again"
    assert [values["visit"] for _, values in world.asked] == [1, 1, 1]


async def test_transient_answers_that_stay_fail_the_step() -> None:
    """Three tries by these settings, with 1 s and 2 s between."""
    world = World({"a": [failed(502)]})
    assert isinstance(await error_of(plan(step("a")), world), StepFailed)
    assert (world.waits, len(world.steps)) == ([1.0, 2.0], 3)


async def test_a_document_that_takes_a_transient_answer_up_decides() -> None:
    """If the document has an onFailure action that matches, the document decides."""
    world = World({"a": [failed(503, 0)], "b": [passed()]})
    await run(plan(step("a", on_failure=(goto("b"),)), step("b")), world)
    assert (world.steps, world.waits) == (["a", "b"], [])


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (failed(504), 1),
        (failed(502), 1),
        (failed(503), 3),
        (failed(429), 3),
        (failed(None, sent="no"), 3),
    ],
    ids=["504", "502", "503", "429", "not sent"],
)
async def test_a_write_is_sent_again_only_when_it_was_surely_not_taken(
    answer: Outcome, times: int
) -> None:
    """«Never twice»: a gateway's error does not tell whether the service took the write."""
    world = World({"a": [answer]})
    assert isinstance(await error_of(plan(step("a", call("POST"))), world), StepFailed)
    assert len(world.steps) == times


@pytest.mark.parametrize("action", [None, 0], ids=["no action", "a retry that would match"])
async def test_a_write_of_unknown_fate_stops_the_run(action: int | None) -> None:
    """Whatever the document says, it is not sent again."""
    world = World({"a": [failed(None, action, sent="maybe")]})
    error = await error_of(plan(step("a", call("POST"), on_failure=(retry(),))), world)
    assert isinstance(error, OutcomeUnknown)
    assert len(world.steps) == 1
    assert error.message.startswith("step `a`: POST /jobs was sent and no answer came back")


async def test_a_read_of_unknown_fate_is_a_failed_step() -> None:
    """A transport failure that outlasts its retries can be taken up by the document."""
    world = World({"a": [failed(None, 0, sent="maybe")], "b": [passed()]})
    await run(plan(step("a", on_failure=(goto("b"),)), step("b")), world)
    assert world.steps == ["a", "b"]


# -- bounds ---------------------------------------------------------------------------------------


LOOP = step("p", on_success=(goto("p"), end()))


async def test_no_run_is_unbounded() -> None:
    """A run has a budget of visits, over all its steps."""
    world = World({"a": [passed(outputs={"n": 1})], "p": [passed(0)]})
    error = await error_of(plan(step("a"), LOOP, visit_budget=5), world)
    assert isinstance(error, PollDeadlineExceeded)
    assert (error.reason, len(world.steps)) == ("visit-budget", 5)


async def test_a_run_that_is_too_large_ends_with_an_error_of_ours() -> None:
    """Plan, inputs and outputs together stay below what Temporal carries."""
    half = passed(output_bytes=LARGEST_RUN_BYTES // 2)
    world = World({"a": [half], "b": [half]})
    error = await error_of(plan(step("a"), step("b")), world, fixed_bytes=10)
    assert isinstance(error, PayloadTooLarge)
    assert error.facts["bytes"] == LARGEST_RUN_BYTES + 10
    assert world.steps == ["a", "b"]


async def test_inputs_that_are_too_large_are_refused_before_the_first_request() -> None:
    """Nothing is sent for a run that could not go on."""
    world = World({})
    error = await error_of(plan(step("a")), world, fixed_bytes=LARGEST_RUN_BYTES + 1)
    assert isinstance(error, PayloadTooLarge)


async def test_outputs_of_a_visit_take_the_place_of_the_last() -> None:
    """A poll of any length holds the outputs of one answer."""
    big = passed(0, output_bytes=LARGEST_RUN_BYTES // 2)
    world = World({"p": [big, big, big, passed(1)]})
    await run(plan(LOOP), world)


# -- workflows as steps ---------------------------------------------------------------------------

CHILD = Invocation(workflow_type="child", inputs={"size": "$inputs.n", "gone": "$inputs.zz"})


async def test_a_called_workflow_gets_its_inputs() -> None:
    """Parameters map to inputs; one without a value is left out, not null."""
    world = World({"a": [passed(outputs={"all": 3})]})
    written = plan(step("a", CHILD), outputs={"all": "$steps.a.outputs.all"})
    assert await run(written, world, inputs={"n": 2}) == {"all": 3}
    assert world.asked[0][1]["called with"] == {"size": 2}


@pytest.mark.parametrize("kind", [UnexpectedState, SecretMissing, StepFailed])
async def test_the_error_of_a_called_workflow_keeps_its_name(kind: type[DurazzoError]) -> None:
    """Who watches the caller learns whose fault it was."""
    world = World({"a": [failed(None, error=kind.__name__)]})
    error = await error_of(plan(step("a", CHILD)), world)
    assert type(error) is kind
    assert error.message == "step `a` failed: workflow child: it did not hold"


# -- handing over ---------------------------------------------------------------------------------


class Handover(Exception):
    """Raised where a run would continue as new."""


@dataclass
class Leaving(World):
    """Leaves at each step's beginning, with the state as it would be carried over."""

    carried: dict[str, Any] = field(default_factory=dict)
    going: bool = False

    async def step_boundary(self, state: RunState) -> None:
        """Leave at every second beginning."""
        if self.going:
            self.carried, self.going = state.as_json(), False
            raise Handover
        self.going = True


async def test_a_run_goes_on_from_the_state_that_was_carried() -> None:
    """Handed over at every boundary, a run does the same as in one piece."""
    answers = {
        "p": [passed(0)] * 3 + [passed(outputs={"x": 1})],
        "q": [failed(404, 0), failed(503), passed()],
    }
    written = plan(
        step("p", on_success=(goto("p"),)),
        step("q", on_failure=(retry(retry_after=4.0),)),
        outputs={"x": "$steps.p.outputs.x"},
    )
    whole, world = World(answers), Leaving(answers)
    outputs = await run(written, whole)
    state = RunState(inputs={}, cursor="p")
    again: object = None
    while again is None:
        try:
            again = await Interpreter(written, state, world).run()
        except Handover:
            state = RunState.model_validate(json.loads(json.dumps(world.carried)))
    assert again == outputs == {"x": 1}
    assert (world.asked, world.pauses) == (whole.asked, whole.pauses)
