"""Limits that many workers share, in a real Redis: the same rules, by one clock."""

from __future__ import annotations

import multiprocessing
import random
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from limited import Hands, asking, most_within, taken_by_a_process
from redis.asyncio import Redis
from redis_server import free_port, redis_at

from activities.limit_store import SECOND, Asking, Bucket, MemoryLimits, Verdict
from activities.limits import StoreUnreachable
from activities.redis_limits import RedisLimits, shared_limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("redis")
    with redis_at(free_port(), "--dir", str(folder)) as found:
        yield found


def bucket(amount: int, takes: int, per: float) -> Bucket:
    """Return a window that no other test counts in."""
    return Bucket.of(f"durazzo:{{here}}:{uuid.uuid4().hex}", amount, takes, per)


@pytest.mark.parametrize("seed", range(3))
async def test_both_stores_say_the_same(url: str, seed: int) -> None:
    """One rule, written twice: the same requests at the same times get the same verdicts."""
    chance, clock = random.Random(seed), Hands()
    windows = [bucket(5, 1, 1.0), bucket(12, 3, 30.0), bucket(7, 2, 3.0)]
    memory = MemoryLimits(clock)
    waiting: list[Asking] = []
    async with Redis.from_url(url) as client:
        shared = RedisLimits(client, "here", clock)
        for number in range(300):
            clock.now += chance.randrange(0, 400_000)
            some = tuple(one for one in windows if chance.random() < 0.6)
            fresh = replace(asking(*some, most=chance.choice((0, 3))), ticket=f"{seed}-{number}")
            fresh = replace(fresh, crowd=f"{{here}}:crowd{seed}", gate=f"{{here}}:gate{seed}")
            old = chance.randrange(len(waiting)) if waiting and chance.random() < 0.6 else None
            asks = fresh if old is None else waiting.pop(old)
            said, told = await memory.ask(asks), await shared.ask(asks)
            assert said == told, number
            if said.wait:
                waiting.append(replace(asks, place=said.place))
            elif asks.most and chance.random() < 0.7:
                for store in (memory, shared):
                    await store.leave(asks, 700_000)
            elif asks.most and chance.random() < 0.5:
                for store in (memory, shared):
                    await store.stay(asks)


async def test_a_429_closes_the_gate_for_all_workers(url: str) -> None:
    """What one worker was told holds back what another asks."""
    ten = bucket(10, 1, 1.0)
    closed = replace(asking(ten), gate=f"durazzo:{{here}}:{uuid.uuid4().hex}")
    async with shared_limits(url) as first, shared_limits(url) as second:
        assert await second.ask(closed) == Verdict()
        await first.close_gate(closed, 30 * SECOND)
        await first.close_gate(closed, 10 * SECOND)
        assert 29 * SECOND < (await second.ask(closed)).wait <= 30 * SECOND


async def test_what_no_longer_counts_is_forgotten(url: str) -> None:
    """Each key has an end, so a store never fills up."""
    async with shared_limits(url) as store, Redis.from_url(url) as client:
        await client.flushdb()
        held = asking(bucket(1, 1, 5.0), most=1)
        for ticket in ("one", "two"):
            await store.ask(replace(held, ticket=ticket))
        await store.leave(held, SECOND)
        await store.close_gate(held, SECOND)
        keys = [one async for one in client.scan_iter()]
        assert len(keys) >= 4
        assert all([await client.pttl(one) > 0 for one in keys])


def test_two_processes_keep_to_one_limit(url: str) -> None:
    """Forty requests of two processes against ten a second: never more than ten in any second."""
    ten = bucket(10, 1, 1.0)
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, spawned) as pool:
        taken = [pool.submit(taken_by_a_process, url, ten, 20) for _ in range(2)]
        times = [at for one in taken for at in one.result()]
    assert len(times) == 40
    assert most_within(times, 1.0) <= 11
    assert max(times) - min(times) < 6.0


async def test_a_store_that_is_not_there_is_named_without_its_password() -> None:
    """The run is told where it should be, and nothing of how to get in."""
    port = free_port()
    async with shared_limits(f"redis://user:hunter22@127.0.0.1:{port}/0") as store:
        with pytest.raises(StoreUnreachable) as caught:
            await store.ask(asking(bucket(1, 1, 1.0)))
    assert f"127.0.0.1:{port}" in caught.value.message
    assert "hunter22" not in caught.value.message
