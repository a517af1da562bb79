"""Loops: the same request again is paced, a changed one goes on at once, none is unbounded."""

from __future__ import annotations

from typing import Any

import pytest
from plans import end, goto, plan, retry, step
from world import World, error_of, failed, passed, run

from arazzo.effects import Pause
from arazzo.errors import (
    PollDeadlineExceeded,
    UnexpectedState,
)
from arazzo.outcome import Outcome
from arazzo.plan import Reads
from arazzo.provider import Polling

# -- polls ----------------------------------------------------------------------------------------

POLL = step("p", on_success=(goto("p"), end()))


async def test_a_poll_is_paced() -> None:
    """First wait 2 s, growing by 1.5: the same request is not sent again at once."""
    world = World({"p": [passed(0)] * 4 + [passed(1)]})
    await run(plan(POLL), world)
    assert world.waits == [2.0, 3.0, 4.5, 6.75]
    assert world.pauses[1] == Pause("p", 3.0, "polling", 2, until=2000.0)
    assert [values["visit"] for _, values in world.asked] == [1, 2, 3, 4, 5]


async def test_the_longest_wait_bounds_the_growth() -> None:
    """The wait grows up to the longest one."""
    pace = Polling(first=2.0, factor=10.0, longest=5.0, deadline=1000.0)
    world = World({"p": [passed(0)] * 3 + [passed(1)]})
    await run(plan(POLL.model_copy(update={"polling": pace})), world)
    assert world.waits == [2.0, 5.0, 5.0]


async def test_the_deadline_ends_a_poll() -> None:
    """Its last wait ends at the deadline; the last status and the number of polls are told."""
    pace = Polling(first=4.0, factor=1.0, longest=4.0, deadline=10.0)
    world = World({"p": [passed(0)]})
    error = await error_of(plan(POLL.model_copy(update={"polling": pace})), world)
    assert isinstance(error, PollDeadlineExceeded)
    assert world.waits == [4.0, 4.0, 2.0]
    assert error.message == (
        "step `p` was polled 4 times without reaching its end, and 10 s are over; "
        "the last status was 200"
    )
    assert (error.reason, error.facts["polls"]) == ("poll-deadline", 4)


@pytest.mark.parametrize(
    ("written", "answered", "waits"),
    [
        (10.0, None, 10.0),
        (0.0, None, 1.0),
        (None, 30.0, 30.0),
        (10.0, 30.0, 30.0),
        (10.0, 0.0, 0.0),
    ],
    ids=["as written", "at least 1 s", "header", "header before document", "header of zero"],
)
async def test_who_says_how_long(
    *, written: float | None, answered: float | None, waits: float
) -> None:
    """`retryAfter` as written, but at least 1 s; a `Retry-After` header overrules it."""
    world = World({"p": [passed(0, retry_after=answered), passed(1)]})
    await run(plan(step("p", on_success=(goto("p", retry_after=written), end()))), world)
    assert world.waits == [waits]


async def test_a_retry_after_beyond_the_deadline_ends_the_poll_at_once() -> None:
    """Nobody waits for days when it is known that the deadline comes first."""
    world = World({"p": [passed(0, retry_after=5000.0)]})
    assert isinstance(await error_of(plan(POLL), world), PollDeadlineExceeded)
    assert world.waits == []


async def test_a_loop_over_several_steps_is_one_poll() -> None:
    """The pace is that of the step it goes back to; what lies between is run again."""
    world = World({"a": [passed()], "b": [passed(0), passed(0), passed(1)]})
    await run(plan(step("a"), step("b", on_success=(goto("a"), end()))), world)
    assert world.steps == ["a", "b"] * 3
    assert world.waits == [2.0, 3.0]


async def test_a_poll_by_failing_is_a_poll() -> None:
    """A failure action that goes back is paced like one of success."""
    world = World({"p": [failed(404, 0), failed(404, 0), passed()]})
    await run(plan(step("p", on_failure=(goto("p"),))), world)
    assert world.waits == [2.0, 3.0]


async def test_a_state_that_no_branch_covers() -> None:
    """A job that has failed is not finished: the run must not go on as if it were."""
    world = World({"p": [passed(0), passed(outputs={"state": "failed"})]})
    error = await error_of(plan(POLL, step("b")), world)
    assert isinstance(error, UnexpectedState)
    assert error.message == (
        "step `p` passed with a state that none of its actions (`goto`, `end`) covers: "
        "state = 'failed'. A poll that goes on here would take a job that is not finished for a "
        "finished one"
    )
    assert error.facts["stepOutputs"] == {"state": "failed"}


async def test_a_retry_of_success_that_is_used_up() -> None:
    """The poll has not reached its aim, which is no success."""
    world = World({"p": [passed(0)]})
    error = await error_of(
        plan(step("p", on_success=(retry(retry_limit=2, retry_after=5.0),))), world
    )
    assert isinstance(error, PollDeadlineExceeded)
    assert world.waits == [5.0, 5.0]
    assert "its retryLimit of 2 is used up" in error.message


async def test_a_loop_that_is_entered_again_begins_anew() -> None:
    """Going forward into a step begins its deadline and its growth again."""
    world = World(
        {"p": [passed(0), passed(0), passed(), passed(0), passed()], "q": [passed(0), passed()]}
    )
    written = plan(
        step("p", on_success=(goto("p"),)),
        step("q", on_success=(goto("p", retry_after=50.0),)),
    )
    await run(written, world)
    assert world.steps == ["p", "p", "p", "q", "p", "p", "q"]
    assert world.waits[:3] == [2.0, 3.0, 50.0]


# -- loops whose values change --------------------------------------------------------------------

PAGES = step(
    "p",
    on_success=(goto("p"), end()),
    request_reads=Reads(steps={"p": ("next",)}),
    collect=(),
)


def page(following: Any, action: int = 0, **more: Any) -> Outcome:
    return passed(action, outputs={"next": following, **more})


async def test_changed_values_go_on_at_once() -> None:
    """A cursor that moves on makes another request, so there is nothing to wait for."""
    world = World({"p": [page(2), page(3), page(4), page(None, 1)]})
    await run(plan(PAGES), world)
    assert (world.waits, len(world.steps)) == ([], 4)


async def test_the_deadline_starts_anew_when_values_change() -> None:
    """Waits for one page do not use up the time of the next."""
    pace = Polling(first=6.0, factor=1.0, longest=6.0, deadline=10.0)
    world = World({"p": [page(2), page(2), page(3), page(3), page(4), page(4), page(4, 1)]})
    await run(plan(PAGES.model_copy(update={"polling": pace})), world)
    assert world.waits == [6.0, 6.0, 6.0]


async def test_values_that_come_again_in_a_circle_are_paced() -> None:
    """A service whose cursors lead in a circle is not hammered, and ends by its deadline."""
    world = World({"p": [page(1 + number % 3) for number in range(2000)]})
    error = await error_of(plan(PAGES), world)
    assert isinstance(error, PollDeadlineExceeded)
    assert len(world.steps) < 100


async def test_an_old_plan_keeps_the_old_meaning() -> None:
    """A run that began before circles were seen replays as it was: only its budget ends it."""
    world = World({"p": [page(1 + number % 3) for number in range(2000)]})
    error = await error_of(plan(PAGES, engine_rev=1, visit_budget=100), world)
    assert (error.reason, world.waits) == ("visit-budget", [])


async def test_collected_lists_grow_from_page_to_page() -> None:
    """The lists of all pages are one; other outputs are those of the last page."""
    written = PAGES.model_copy(update={"collect": ("items",)})
    world = World({"p": [page(2, items=[1, 2]), page(3, items=[3]), page(None, 1, items=[])]})
    outputs = {"items": "$steps.p.outputs.items", "next": "$steps.p.outputs.next"}
    assert await run(plan(written, outputs=outputs), world) == {"items": [1, 2, 3], "next": None}


async def test_a_page_that_comes_again_is_an_error() -> None:
    """Collected pages must not grow for ever, nor be taken twice."""
    written = PAGES.model_copy(update={"collect": ("items",)})
    world = World({"p": [page(2, items=[1]), page(2, items=[2])]})
    error = await error_of(plan(written), world)
    assert isinstance(error, UnexpectedState)
    assert (error.reason, error.facts["pages"]) == ("page-again", 2)
