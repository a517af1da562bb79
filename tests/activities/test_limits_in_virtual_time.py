"""Many runs of one provider, by the interpreter and the activities, hours in no time of ours."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from attempts import KEY, operations
from limited import most_within
from plans import call, plan, step
from virtual_time import in_virtual_time, now

from activities.limit_store import SECOND, MemoryLimits
from activities.limits import Limits
from activities.load_plan import Plans
from activities.signing import sign
from arazzo.plan import LimitsPlan, Plan, WindowPlan
from arazzo.state import RunState
from catalogue import Catalogue
from rehearsal.effects import Clock, RehearsalEffects


@dataclass
class VirtualClock(Clock):
    """The time of the running loop."""

    waits: float = 1.0

    def now(self) -> float:
        """Return the time in seconds."""
        return now()


def written(*windows: WindowPlan, **fields: Any) -> Plan:
    """Return a plan of one step, signed, whose call has these limits."""
    limits = LimitsPlan(windows=windows, **fields)
    made = step("only", call(server="https://8.8.8.8", limits=limits))
    signature = sign(KEY, made.attempt.as_json())
    return plan(made.model_copy(update={"signature": signature}))


def arrivals(made: Plan, runs: int, seconds: float = 0.0) -> list[float]:
    """Return when the requests of that many runs at once reach a service, from the beginning."""
    times: list[float] = []

    async def answer(_request: httpx.Request) -> httpx.Response:
        times.append(now())
        await asyncio.sleep(seconds)
        return httpx.Response(200, json={})

    async def work() -> None:
        store = MemoryLimits(lambda: round(now() * SECOND))
        served = replace(operations(answer), limits=Limits(store, KEY))
        plans = Plans(Catalogue([], []), KEY)
        worlds = [
            RehearsalEffects(made, served, plans, VirtualClock(), f"run-{n}") for n in range(runs)
        ]
        begun = [RunState(inputs={}, cursor="only") for _ in range(runs)]
        ends = [world.outputs(state) for world, state in zip(worlds, begun, strict=True)]
        assert await asyncio.gather(*ends) == [{}] * runs

    in_virtual_time(work)
    return [one - times[0] for one in times]


@pytest.mark.parametrize(
    ("window", "runs", "latest"),
    [
        (WindowPlan(amount=60, per=600.0), 200, 1850.0),
        (WindowPlan(amount=10, per=1.0), 200, 23.0),
        (WindowPlan(counts="cost", amount=3600, per=3600.0, takes=50), 200, 7360.0),
    ],
    ids=["60 in ten minutes", "10 a second", "a budget of cost"],
)
def test_all_runs_complete_and_no_window_is_passed(
    window: WindowPlan, runs: int, latest: float
) -> None:
    """Those that find no room wait by the interpreter's pauses, for half an hour or two hours."""
    times = arrivals(written(window), runs)
    assert len(times) == runs
    assert most_within(times, window.per) * window.takes <= window.amount
    assert max(times) < latest


def test_several_windows_at_once() -> None:
    """The narrowest decides at each time: 10 a second, 60 in ten minutes, and a budget."""
    windows = (
        WindowPlan(amount=10, per=1.0),
        WindowPlan(amount=60, per=600.0),
        WindowPlan(counts="cost", amount=800, per=3600.0, takes=8),
    )
    times = arrivals(written(*windows), 150)
    for one in windows:
        assert most_within(times, one.per) * one.takes <= one.amount
    assert 3600.0 < max(times) < 3700.0


def test_so_many_at_once() -> None:
    """Requests of 1.5 s, four at once: fifty runs take little longer than they must."""
    times = arrivals(written(concurrency=4), 50, seconds=1.5)
    overlapping = [sum(one <= at < one + 1.5 for one in times) for at in times]
    assert max(overlapping) == 4
    assert max(times) < 13 * 1.5 * 1.6
