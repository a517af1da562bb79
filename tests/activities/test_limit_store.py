"""Windows, costs, places, crowds and gates: by a clock that the test moves, with no waiting."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limited import Hands, Town, asking, most_within

from activities.limit_store import CROWD, GATE, SECOND, Bucket, MemoryLimits, Verdict

TEN_A_SECOND = Bucket.of("{here}:ten", 10, 1, 1.0)


def town(**fields: Any) -> Town:
    """Return requests before an empty store."""
    clock = Hands()
    return Town(MemoryLimits(clock), clock, **fields)


@pytest.mark.parametrize(
    ("amount", "takes", "per", "requests", "shortest", "longest"),
    [
        (10, 1, 1.0, 10, 0.0, 0.0),
        (10, 1, 1.0, 200, 19.0, 22.5),
        (60, 1, 600.0, 60, 0.0, 0.0),
        (60, 1, 600.0, 180, 1200.0, 1236.0),
        (480, 1, 60.0, 500, 60.0, 64.0),
        (3600, 50, 3600.0, 100, 3600.0, 3680.0),
        (14400, 8, 3600.0, 1800, 0.0, 0.0),
        (1, 1, 0.05, 5, 0.2, 0.25),
        (5, 9, 1.0, 3, 2.0, 2.3),
    ],
)
async def test_a_window_is_never_passed_and_hardly_left_unused(
    amount: int, takes: int, per: float, requests: int, shortest: float, longest: float
) -> None:
    """All requests come at once: the last goes as soon as the windows before it allow."""
    bucket = Bucket.of("{here}:a", amount, takes, per)
    times = await town().serve((0.0, asking(bucket, ticket=str(n))) for n in range(requests))
    assert len(times) == requests
    assert most_within(times, per) * bucket.takes <= amount
    assert shortest <= max(times) <= longest


async def test_those_who_wait_come_one_by_one() -> None:
    """No two hundred stand at the door when it opens, and each asks just twice."""
    crowd = town()
    times = await crowd.serve((0.0, asking(TEN_A_SECOND, ticket=str(n))) for n in range(200))
    gaps = [after - before for before, after in pairwise(times[10:])]
    assert min(gaps) > 0.09
    assert crowd.rounds == 10 + 2 * 190


async def test_lateness_breaks_no_limit_and_starves_nobody() -> None:
    """Timers and busy workers are late, each as it happens: the window holds, all get through."""
    chance = random.Random(7)
    crowd = town(late=lambda: chance.choice((0.0, 0.05, 0.5, 3.0, 20.0)))
    times = await crowd.serve((0.0, asking(TEN_A_SECOND, ticket=str(n))) for n in range(300))
    assert len(times) == 300
    assert most_within(times, 1.0) <= 10
    assert max(times) < 80.0


async def test_who_came_first_goes_first() -> None:
    """A newcomer does not overtake those who wait, even when it asks just as there is room."""
    crowd = town()
    asked = [(at / 100, asking(TEN_A_SECOND, ticket=str(at))) for at in range(0, 400, 5)]
    await crowd.serve(asked)
    assert [one.ticket for _, one in crowd.sent] == [one.ticket for _, one in asked]


async def test_all_windows_or_none() -> None:
    """A request that one window holds back takes nothing from the others."""
    clock = Hands()
    store = MemoryLimits(clock)
    hour, second = Bucket.of("{here}:h", 2, 1, 3600.0), Bucket.of("{here}:s", 3, 1, 1.0)
    both = [await store.ask(asking(hour, second, ticket=str(n))) for n in range(3)]
    assert [one.wait == 0 for one in both] == [True, True, False]
    assert both[2].by == 0
    assert both[2].wait >= 3600 * SECOND
    assert await store.ask(asking(second)) == Verdict()


async def test_a_long_wait_of_one_operation_holds_up_no_other() -> None:
    """Who shares only a part of the windows goes on, between the places that are kept."""
    clock = Hands()
    store = MemoryLimits(clock)
    export = Bucket.of("{here}:export", 1, 1, 600.0)
    verdicts = [await store.ask(asking(export, TEN_A_SECOND, ticket=str(n))) for n in range(3)]
    assert [round(one.wait / SECOND, -1) for one in verdicts] == [0, 610, 1220]
    clock.now += 2 * SECOND
    others = [await store.ask(asking(TEN_A_SECOND, ticket=f"o{n}")) for n in range(11)]
    assert [one.wait for one in others[:10]] == [0] * 10
    assert 0 < others[10].wait <= 1.2 * SECOND


async def test_a_place_is_kept_until_its_time_and_a_little_longer() -> None:
    """Who comes too early is told the rest; of one who never comes the place is given away."""
    clock = Hands()
    store = MemoryLimits(clock)
    one_in_ten = Bucket.of("{here}:one", 1, 1, 10.0)
    assert await store.ask(asking(one_in_ten)) == Verdict()
    waits = asking(one_in_ten, ticket="waits")
    first = await store.ask(waits)
    clock.now += 4 * SECOND
    early = await store.ask(replace(waits, place=first.place))
    assert (early.wait, early.place) == (first.wait - 4 * SECOND, first.place)
    clock.now = first.place + 6 * SECOND
    assert await store.ask(asking(one_in_ten, ticket="new")) == Verdict()


async def test_a_place_that_is_not_known_here_is_no_place() -> None:
    """It comes from another worker's memory, or from before a restart: nobody waits for it."""
    clock = Hands()
    store = MemoryLimits(clock)
    stranger = replace(asking(TEN_A_SECOND), place=clock.now + 10**15)
    assert await store.ask(stranger) == Verdict()


async def test_so_many_at_once_and_the_oldest_first() -> None:
    """A crowd's room goes to those who came first; one of a dead worker counts until its end.

    One that goes on for longer than its lease says so, and counts on.
    """
    clock = Hands()
    store = MemoryLimits(clock)
    one, two, three = (asking(most=1, ticket=name) for name in ("one", "two", "three"))
    assert await store.ask(one) == Verdict()
    clock.now += 10
    second = await store.ask(two)
    clock.now += 10
    third = await store.ask(three)
    assert (second.by, third.by) == (CROWD, CROWD)
    assert 0 < second.wait < third.wait
    await store.leave(one, SECOND)
    assert (await store.ask(three)).wait > 0  # `two` comes soon, and came before
    clock.now += second.wait
    assert await store.ask(two) == Verdict()
    clock.now += two.lease - 1
    await store.stay(two)
    clock.now += two.lease - 1
    assert (await store.ask(replace(three, ticket="four"))).by == CROWD
    clock.now += two.lease + 1
    assert await store.ask(replace(three, ticket="five")) == Verdict()


async def test_after_a_429_nobody_goes_through_the_gate() -> None:
    """Those who come meanwhile are told to wait, and come one by one when it opens."""
    clock = Hands()
    store = MemoryLimits(clock)
    await store.close_gate(asking(), 30 * SECOND)
    verdicts = [await store.ask(asking(TEN_A_SECOND, ticket=str(n))) for n in range(3)]
    assert [one.wait // (SECOND // 10) for one in verdicts] == [300, 301, 302]
    assert verdicts[0].by == GATE
    clock.now += verdicts[0].wait
    assert await store.ask(replace(asking(TEN_A_SECOND), place=verdicts[0].place)) == Verdict()


WINDOWS = st.lists(
    st.tuples(st.integers(1, 8), st.integers(1, 4), st.sampled_from((0.5, 1.0, 7.0, 60.0))),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(
    windows=WINDOWS,
    arrivals=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=40),
    lateness=st.lists(st.sampled_from((0.0, 0.0, 0.02, 0.4, 9.0)), min_size=1, max_size=9),
)
async def test_no_sequence_of_requests_passes_a_window(
    windows: list[tuple[int, int, float]], arrivals: list[float], lateness: list[float]
) -> None:
    """Whatever comes whenever, however late: no window ever holds more than its amount."""
    buckets = [Bucket.of(f"{{here}}:{n}", *one) for n, one in enumerate(windows)]
    turns = iter(lateness * 10_000)
    crowd = town(late=lambda: next(turns))
    asked = [(at, asking(*buckets, ticket=str(n))) for n, at in enumerate(arrivals)]
    times = await crowd.serve(asked)
    assert len(times) == len(arrivals)
    for bucket, (amount, _, per) in zip(buckets, windows, strict=True):
        assert most_within(times, per) * bucket.takes <= amount


@settings(max_examples=60, deadline=None)
@given(windows=WINDOWS, arrivals=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=40))
async def test_nobody_waits_much_longer_than_a_perfect_limiter_asks(
    windows: list[tuple[int, int, float]], arrivals: list[float]
) -> None:
    """In time, the n-th goes at most some hundredths and one window's pacing after the best."""
    buckets = [Bucket.of(f"{{here}}:{n}", *one) for n, one in enumerate(windows)]
    crowd = town()
    times = await crowd.serve(
        (at, asking(*buckets, ticket=str(n))) for n, at in enumerate(arrivals)
    )
    best: list[float] = []
    for at in sorted(arrivals):
        free = [at, *best[-1:]]
        for bucket, (_, _, per) in zip(buckets, windows, strict=True):
            back = bucket.amount // bucket.takes
            free += [best[-back] + per * 1.1 + per / 50] if len(best) >= back else []
        best.append(max(free))
    slowest = max(one.spacing for one in buckets) / SECOND
    pacing = slowest * max(one.amount // one.takes for one in buckets)
    for ours, perfect in zip(sorted(times), best, strict=True):
        assert ours <= perfect + pacing + 0.01
