"""An attempt and the limits of its provider: asked first, held back, let go, told of."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from attempts import KEY, SERVER, action, answering, asked, attempt, call, header, operations
from limited import Hands

from activities.limit_store import SECOND, Asking, MemoryLimits, Verdict
from activities.limits import Held, Limits, StoreUnreachable
from activities.operation import AttemptAgain, Operations
from arazzo.outcome import Outcome
from arazzo.plan import LimitsPlan, WindowPlan

ONE_IN_TEN_MINUTES = WindowPlan(amount=1, per=600.0)
FINE = httpx.Response(200, json={})


def limited(*windows: WindowPlan, concurrency: int = 0, **fields: Any) -> Any:
    """Return a step whose call has these limits."""
    return attempt(call(limits=LimitsPlan(windows=windows, concurrency=concurrency), **fields))


def before(*answers: Any, clock: Hands | None = None, **fields: Any) -> tuple[Operations, Any]:
    """Return activities with limits of their own, and the list of what was sent."""
    answer, seen = answering(*answers)
    limits = Limits(MemoryLimits(clock or Hands()), KEY, **fields)
    return replace(operations(answer), limits=limits), seen


async def test_what_is_held_back_is_not_sent_and_tells_when_to_come_again() -> None:
    """The wait ends a second early, for timers are late; the place goes along."""
    clock = Hands()
    served, seen = before(FINE, clock=clock)
    plan = limited(ONE_IN_TEN_MINUTES)
    assert (await served.perform(asked(plan), 1)).passed
    held = await served.perform(asked(plan), 1)
    assert (held.sent, held.passed, len(seen)) == ("no", False, 1)
    assert 600.0 < held.wait < 612.0
    assert held.why == "held back by the limit of 1 requests per 600 s of `api`"
    clock.now += round((held.wait + 1.0) * SECOND)
    assert (await served.perform(asked(plan, place=held.place), 1)).wait is None
    assert len(seen) == 2


async def test_a_short_wait_is_slept_and_a_timeout_has_less_left_then() -> None:
    """No timer for what is over at once; a step's time goes on while it waits."""
    clock, slept = Hands(), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += round(seconds * SECOND)

    served, seen = before(FINE, clock=clock, sleep=sleep)
    plan = limited(WindowPlan(amount=1, per=1.0))
    for _ in range(2):
        assert (await served.perform(asked(plan, seconds=1.5), 1)).passed
    assert slept == [pytest.approx(1.11, abs=0.02)]
    held = await served.perform(asked(plan, seconds=0.5), 1)
    assert (held.wait, len(slept), len(seen)) == (pytest.approx(1.0, abs=0.2), 1, 2)


async def test_an_action_is_chosen_for_a_step_whose_time_ends_in_the_queue() -> None:
    """The document may take up the failure of a step that was held back until its timeout."""
    served, _ = before(FINE)
    given = {"on_failure": (action("give-up", "end"),)}
    plan = limited(ONE_IN_TEN_MINUTES).model_copy(update=given)
    await served.perform(asked(plan), 1)
    assert (await served.perform(asked(plan), 1)).action == 0


async def test_each_try_of_the_retry_policy_asks_anew() -> None:
    """A request that got no answer was sent all the same, so it counts."""
    served, seen = before(httpx.ConnectError("refused"), FINE)
    plan = limited(WindowPlan(amount=2, per=600.0))
    with pytest.raises(AttemptAgain):
        await served.perform(asked(plan, attempts=3), 1)
    assert (await served.perform(asked(plan, attempts=3), 2)).passed
    assert (await served.perform(asked(plan, attempts=3), 3)).wait
    assert len(seen) == 2


async def test_the_room_of_a_request_that_has_ended_is_free() -> None:
    """Whether an answer came or none, the next one may go."""
    served, seen = before(httpx.ReadError("cut"), FINE)
    plan = limited(concurrency=1)
    for _ in range(2):
        assert (await served.perform(asked(plan), 1)).wait is None
    assert len(seen) == 2


async def test_a_request_that_takes_long_keeps_its_room() -> None:
    """Its lease is renewed while it goes on, such as a download; afterwards the room is free."""
    limits = Limits(key=KEY, lease_margin=0.0, longest_sleep=0.0)
    plan = limited(concurrency=1, total_timeout=0.2)

    async def sent(seconds: float, place: str = "") -> Any:
        async def send(_: Any) -> Outcome:
            await asyncio.sleep(seconds)
            return Outcome(passed=True)

        return await limits.within(plan.operation, SERVER, asked(plan, place=place), (), send)

    slow = asyncio.create_task(sent(1.5))
    await asyncio.sleep(0.8)
    held = await sent(0)
    assert isinstance(held, Held)
    assert (await slow).passed
    assert (await sent(0, held.place)).passed


async def test_a_429_that_asks_for_patience_holds_the_others_back() -> None:
    """They would be refused as well; without Retry-After nobody knows for how long."""
    for headers, held_back in (({"Retry-After": "30"}, True), ({}, False)):
        served, seen = before(httpx.Response(429, headers=headers), FINE)
        plan = limited(WindowPlan(amount=100, per=60.0))
        assert (await served.perform(asked(plan), 1)).status == 429
        other = await served.perform(asked(plan), 1)
        assert (other.wait is not None) is held_back
        assert ("answered another request with 429" in other.why) is held_back
        assert len(seen) == 2 - held_back


@pytest.mark.parametrize(("by", "waits"), [("server", True), ("credential", False)])
async def test_whose_limit_it_is(by: Any, waits: bool) -> None:
    """Of the whole server, or of each credential on its own."""
    answer, _ = answering(FINE)
    served = operations(answer, {"one": "secret-one", "two": "secret-two"})
    window = WindowPlan(amount=1, per=600.0, by=by)
    plan = limited(window, parameters=(header("Authorization", "Basic {$inputs.key}"),))
    for name, expected in (("one", False), ("two", waits), ("one", True)):
        values = {"inputs": {"key": {"$secret": name}}}
        outcome = await served.perform(asked(plan, values=values), 1)
        assert (outcome.wait is not None) is expected, name


class Told:
    """A store that lets all through and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[Asking] = []

    async def ask(self, asking: Asking) -> Verdict:
        """Let it through."""
        self.asked.append(asking)
        return Verdict()

    async def leave(self, asking: Asking, took: int) -> None:
        """Nobody waits."""

    async def stay(self, asking: Asking) -> None:
        """Nothing takes so long."""

    async def close_gate(self, asking: Asking, length: int) -> None:
        """It stays open."""


async def keys_of(*calls: Any) -> list[str]:
    """Return the key of the first window of each call."""
    store, (answer, _) = Told(), answering(FINE)
    served = replace(operations(answer, {"one": "secret-one"}), limits=Limits(store, KEY))
    for plan in calls:
        await served.perform(asked(plan, values={"inputs": {"key": {"$secret": "one"}}}), 1)
    return [one.buckets[0].key for one in store.asked]


async def test_what_counts_together() -> None:
    """The same limit of the same server, whatever the path, the operation or the source."""
    ten, other = WindowPlan(amount=10, per=1.0), WindowPlan(amount=9, per=1.0)
    found = await keys_of(
        limited(ten),
        limited(ten, source="another", operation_id="b", server=f"{SERVER}/v2", path="/b"),
        limited(ten.model_copy(update={"takes": 5})),
        limited(other),
        limited(ten, server="https://8.8.4.4"),
    )
    assert len(set(found[:3])) == 1
    assert len(set(found)) == 3


async def test_the_names_of_what_is_counted_tell_no_secret() -> None:
    """Neither a secret nor a plain digest of it, which could be guessed from."""
    window = WindowPlan(amount=10, per=1.0, by="credential")
    plan = limited(window, parameters=(header("Authorization", "Basic {$inputs.key}"),))
    (key,) = await keys_of(plan)
    (again,) = await keys_of(plan)
    assert key == again
    assert key.startswith(f"durazzo:{{{SERVER}}}:")
    assert "secret" not in key


async def test_a_call_without_limits_asks_nobody() -> None:
    """It costs nothing then."""
    store, (answer, seen) = Told(), answering(FINE)
    served = replace(operations(answer), limits=Limits(store, KEY))
    assert (await served.perform(asked(attempt(call())), 1)).passed
    assert (store.asked, len(seen)) == ([], 1)


class Gone(Told):
    """A store that can't be reached, and one that is lost after it was asked."""

    def __init__(self, *, answers: bool) -> None:
        super().__init__()
        self.answers = answers

    async def ask(self, asking: Asking) -> Verdict:
        """Answer, or not."""
        if self.answers:
            return await super().ask(asking)
        raise StoreUnreachable("the store is away", reason="limits-unreachable")

    async def leave(self, asking: Asking, took: int) -> None:  # noqa: ARG002 - as it is called
        """Give no answer."""
        raise StoreUnreachable("the store is away", reason="limits-unreachable")


async def test_without_the_shared_store_nothing_is_sent_and_the_run_waits() -> None:
    """Longer each time, up to five minutes, with the place that it had."""
    answer, seen = answering(FINE)
    served = replace(operations(answer), limits=Limits(Gone(answers=False), KEY))
    plan = limited(ONE_IN_TEN_MINUTES)
    waits = []
    for held in (0, 1, 2, 20):
        outcome = await served.perform(asked(plan, held=held, place="7.abc"), 1)
        assert (outcome.sent, outcome.place, outcome.why) == ("no", "7.abc", "the store is away")
        waits.append(outcome.wait)
    assert (waits, seen) == ([2.0, 4.0, 8.0, 300.0], [])


async def test_a_store_that_is_lost_meanwhile_costs_no_answer() -> None:
    """What was sent was sent; the room is free again when its lease ends."""
    answer, _ = answering(FINE)
    served = replace(operations(answer), limits=Limits(Gone(answers=True), KEY))
    assert (await served.perform(asked(limited(concurrency=1)), 1)).passed
