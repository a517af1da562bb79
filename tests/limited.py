"""Requests that ask a store of limits, at times that a test tells."""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from activities.limit_store import SECOND, Asking, Bucket
from activities.redis_limits import shared_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from activities.limit_store import LimitStore


@dataclass
class Hands:
    """The hands of a clock, in microseconds."""

    now: int = 1_000_000 * SECOND

    def __call__(self) -> int:
        """Return the time."""
        return self.now


def asking(*buckets: Bucket, most: int = 0, ticket: str = "t") -> Asking:
    """Return a request that has no place yet."""
    return Asking(buckets, "{here}:gate", "{here}:crowd", most, 60 * SECOND, ticket)


@dataclass
class Town:
    """Requests that ask, wait for as long as they are told, and ask again, late or in time.

    `sent` are the requests that were let go, each with its time in seconds from the beginning.
    """

    store: LimitStore
    clock: Hands
    late: Callable[[], float] = float
    rounds: int = 0
    sent: list[tuple[float, Asking]] = field(default_factory=list)

    async def serve(self, asked: Iterable[tuple[float, Asking]]) -> list[float]:
        """Let all of them ask, each at its time in seconds, and return when they were let go."""
        begun, numbers = self.clock.now, count()
        queue = [(begun + round(at * SECOND), next(numbers), one) for at, one in asked]
        heapq.heapify(queue)
        while queue:
            at, number, one = heapq.heappop(queue)
            self.clock.now = max(at, self.clock.now)
            self.rounds += 1
            verdict = await self.store.ask(one)
            if verdict.wait:
                again = self.clock.now + verdict.wait + round(self.late() * SECOND)
                heapq.heappush(queue, (again, number, replace(one, place=verdict.place)))
            else:
                self.sent.append(((self.clock.now - begun) / SECOND, one))
        return [at for at, _ in self.sent]


def most_within(times: Iterable[float], seconds: float) -> int:
    """Return how many of these times lie in one window of that length, at most."""
    known = sorted(times)
    return max(sum(first <= one < first + seconds for one in known) for first in known)


def taken_by_a_process(url: str, bucket: Bucket, requests: int) -> list[float]:
    """Ask a shared store for as many requests, all at once; return when each was let go."""

    async def one(store: LimitStore, number: int) -> float:
        wanted = asking(bucket, ticket=f"{time.time_ns()}-{number}")
        while True:
            verdict = await store.ask(wanted)
            if not verdict.wait:
                return time.time()
            await asyncio.sleep(verdict.wait / SECOND)
            wanted = replace(wanted, place=verdict.place)

    async def all_of_them() -> list[float]:
        async with shared_limits(url) as store:
            return await asyncio.gather(*(one(store, number) for number in range(requests)))

    return asyncio.run(all_of_them())
