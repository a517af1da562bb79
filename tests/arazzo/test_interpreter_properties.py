"""What holds of every run, whatever the document says and the service answers."""

from __future__ import annotations

import asyncio
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from plans import call, end, goto, plan, retry, step
from world import World, run

from arazzo.errors import RUN_ERRORS, DurazzoError
from arazzo.outcome import Outcome
from arazzo.plan import Reads

if TYPE_CHECKING:
    from arazzo.plan import Plan, StepPlan

STEPS = ("a", "b", "c")
BUDGET = 60
WAITS = st.one_of(st.none(), st.sampled_from([0.0, 3.0]))

ACTIONS = st.one_of(
    st.builds(goto, st.sampled_from(STEPS), retry_after=WAITS),
    st.builds(lambda wait, limit: retry(retry_after=wait, retry_limit=limit), WAITS,
              st.one_of(st.none(), st.integers(0, 3))),
    st.builds(end),
)  # fmt: skip


@st.composite
def steps(draw: st.DrawFn, step_id: str) -> StepPlan:
    """A step with any actions, which reads any outputs."""
    read = draw(st.lists(st.sampled_from(STEPS), max_size=2, unique=True))
    reads = Reads(steps=dict.fromkeys(read, ("x",)))
    return step(
        step_id,
        call(draw(st.sampled_from(["GET", "POST"]))),
        on_success=tuple(draw(st.lists(ACTIONS, max_size=2))),
        on_failure=tuple(draw(st.lists(ACTIONS, max_size=2))),
        reads=reads,
        request_reads=reads,
    )


PLANS = st.builds(
    lambda a, b, c: plan(a, b, c, visit_budget=BUDGET), *(steps(step_id) for step_id in STEPS)
)
ANSWERS = st.builds(
    lambda passed, status, sent, chance, x, wait: {
        "outcome": Outcome(
            status=None if sent != "yes" else 200 if passed else status,
            passed=passed and sent == "yes",
            outputs={"x": x},
            sent=sent,
            retry_after=wait,
        ),
        "chance": chance,
    },
    st.booleans(),
    st.sampled_from([404, 429, 500, 503, 504]),
    st.sampled_from(["yes", "yes", "yes", "yes", "no", "maybe"]),
    st.integers(0, 2),
    st.integers(0, 2),
    st.one_of(st.none(), st.just(5.0)),
)


class Chance(World):
    """Answers whatever was drawn, over and over; chooses an action where there is one left."""

    def __init__(self, drawn: list[dict[str, Any]]) -> None:
        """Begin with nothing asked."""
        super().__init__({})
        self.drawn = drawn
        self.sent: list[tuple[StepPlan, dict[str, Any], Outcome, float]] = []

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Answer as an activity would."""
        one = self.drawn[len(self.sent) % len(self.drawn)]
        outcome: Outcome = one["outcome"]
        actions = step.attempt.on_success if outcome.passed else step.attempt.on_failure
        spent = () if outcome.passed else values["spent"]
        left = [index for index in range(len(actions)) if index not in spent]
        action = left[one["chance"]] if one["chance"] < len(left) else None
        outcome = outcome.model_copy(update={"action": action})
        self.sent.append((step, values, outcome, self.clock))
        return outcome


def walked(written: Plan, drawn: list[dict[str, Any]]) -> tuple[Chance, DurazzoError | None]:
    """Run to the end; nothing but our own errors may end a run."""
    world = Chance(drawn)
    try:
        asyncio.run(run(written, world))
    except DurazzoError as error:
        return world, error
    return world, None


@settings(max_examples=100, deadline=None)
@given(PLANS, st.lists(ANSWERS, min_size=1, max_size=8))
def test_every_run_ends(written: Plan, drawn: list[dict[str, Any]]) -> None:
    """Within its budget, with outputs or with one of the errors that histories know."""
    world, error = walked(written, drawn)
    assert error is None or type(error).__name__ in RUN_ERRORS
    assert len(world.sent) <= BUDGET * written.steps[0].transient.attempts


@settings(max_examples=100, deadline=None)
@given(PLANS, st.lists(ANSWERS, min_size=1, max_size=8))
def test_nothing_is_sent_twice_unasked(written: Plan, drawn: list[dict[str, Any]]) -> None:
    """After a write only a «not now», a request never sent, or the document leads to another."""
    world, error = walked(written, drawn)
    following = [one[0] for one in world.sent[1:]]
    for (before, _, outcome, _), after in zip_longest(world.sent, following):
        if not before.attempt.operation.writes:
            continue
        if outcome.sent == "maybe":
            assert after is None
            assert type(error).__name__ == "OutcomeUnknown"
        elif after is before and outcome.action is None:
            assert outcome.passed or outcome.sent == "no" or outcome.status in (429, 503)


@settings(max_examples=100, deadline=None)
@given(steps("a"), st.lists(ANSWERS, min_size=1, max_size=8))
def test_the_same_request_is_never_sent_at_once(
    only: StepPlan, drawn: list[dict[str, Any]]
) -> None:
    """Between two that are alike there is a second at least, and the key of a write is kept."""
    actions = {
        name: tuple(one for one in getattr(only.attempt, name) if one.target in (None, "a"))
        for name in ("on_success", "on_failure")
    }
    made = only.model_copy(update={"attempt": only.attempt.model_copy(update=actions)})
    world, _ = walked(plan(made, visit_budget=BUDGET), drawn)
    for (_, before, _, then), (_, values, _, now) in pairwise(world.sent):
        assert (before["inputs"], before["steps"]) != (values["inputs"], values["steps"]) or (
            now - then >= 1.0
        )
        assert values["attempt"] == before["attempt"] + 1
        assert values["visit"] in (before["visit"], before["visit"] + 1)
