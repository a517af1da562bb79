"""Counts what many workers send, in a Redis or Valkey that they share.

One script takes from all windows or from none, by the server's own clock; each key lives only
as long as it counts. The rules are those of limit_store.py.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from activities.limit_store import GRACE, SECOND, SHORTEST_TURN, SOON, USUAL_REQUEST, Verdict
from activities.limits import StoreUnreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from activities.limit_store import Asking, Bucket

SCRIPT: Final = Path(__file__).with_suffix(".lua")
CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 5.0
MOST_CONNECTIONS: Final = 20
KEPT_BEYOND: Final = 10 * SECOND
"""How long a key lives after it has last counted."""

CLOSE_GATE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local until_ = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + tonumber(ARGV[1]))
local left = math.max(1, math.floor((until_ - now) / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', until_), 'PX', left)
"""

LEAVE: Final = """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 then
  local usual = tonumber(redis.call('GET', KEYS[2]) or ARGV[3])
  local now_usual = string.format('%.0f', math.floor((4 * usual + tonumber(ARGV[2])) / 5))
  redis.call('SET', KEYS[2], now_usual, 'PX', ARGV[4])
end
"""
STAY: Final = """
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[3])
local kept = math.floor((tonumber(ARGV[2]) + tonumber(ARGV[4])) / 1000)
if redis.call('PTTL', KEYS[1]) < kept then redis.call('PEXPIRE', KEYS[1], kept) end
"""
USUAL_FOR_MILLISECONDS: Final = 24 * 3600 * 1000


@dataclass(frozen=True)
class RedisLimits:
    """The limits of all workers that share a store. `clock` is a test's own, in microseconds."""

    client: Redis
    where: str
    clock: Callable[[], int] | None = None
    _script: Any = field(init=False)
    _close_gate: Any = field(init=False)
    _leave: Any = field(init=False)
    _stay: Any = field(init=False)

    def __post_init__(self) -> None:
        """Name the scripts; the first call hands them over."""
        text = SCRIPT.read_text(encoding="utf-8")
        object.__setattr__(self, "_script", self.client.register_script(text))
        object.__setattr__(self, "_close_gate", self.client.register_script(CLOSE_GATE))
        object.__setattr__(self, "_leave", self.client.register_script(LEAVE))
        object.__setattr__(self, "_stay", self.client.register_script(STAY))

    async def ask(self, asking: Asking) -> Verdict:
        """Take from all windows or from none. Raises StoreUnreachable."""
        now = self.clock() if self.clock else 0
        numbers: list[Any] = [
            now, asking.place, asking.spacing, GRACE, SOON, SHORTEST_TURN, USUAL_REQUEST,
            asking.most, asking.lease, asking.ticket, _kept_for(asking.buckets),
        ]  # fmt: skip
        for one in asking.buckets:
            numbers += [one.amount, one.takes, one.cell, one.span]
        found = await self._answer(self._script(keys=_keys(asking), args=numbers))
        wait, place, by = (int(one) for one in found)
        return Verdict(wait, place, by)

    async def leave(self, asking: Asking, took: int) -> None:
        """Tell that a request that was let go has ended. Raises StoreUnreachable."""
        _, ends, _, _, usual, *_ = _keys(asking)
        told = [asking.ticket, took, USUAL_REQUEST, USUAL_FOR_MILLISECONDS]
        await self._answer(self._leave(keys=[ends, usual], args=told))

    async def stay(self, asking: Asking) -> None:
        """Tell that a request that was let go is still on its way. Raises StoreUnreachable."""
        now = self.clock() if self.clock else 0
        told = [now, asking.lease, asking.ticket, KEPT_BEYOND]
        await self._answer(self._stay(keys=[_keys(asking)[1]], args=told))

    async def close_gate(self, asking: Asking, length: int) -> None:
        """Let nobody through for so long. Raises StoreUnreachable."""
        await self._answer(self._close_gate(keys=[asking.gate], args=[length]))

    async def _answer(self, asked: Awaitable[Any]) -> Any:
        try:
            return await asked
        except (RedisError, OSError) as error:
            raise StoreUnreachable(
                f"the shared store of limits at {self.where} gives no answer "
                f"({type(error).__name__}), and without it nothing is sent",
                reason="limits-unreachable",
            ) from error


def _keys(asking: Asking) -> list[str]:
    crowd = [f"{asking.crowd}:{part}" for part in ("ends", "came", "due", "usual")]
    tail = f"{asking.gate}:tail:{_short(asking.line)}"
    return [asking.gate, *crowd, tail, *(one.key for one in asking.buckets)]


def _short(line: str) -> str:
    """The keys of the buckets differ in their last part alone, and in what is taken."""
    return "|".join(part.rpartition(":")[2] for part in line.split("|"))


def _kept_for(buckets: tuple[Bucket, ...]) -> int:
    return max((one.cell * one.span for one in buckets), default=0) + KEPT_BEYOND


@asynccontextmanager
async def shared_limits(url: str) -> AsyncIterator[RedisLimits]:
    """Give the store at a URL, which need not be there yet; its password is never told."""
    pool = BlockingConnectionPool.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        max_connections=MOST_CONNECTIONS,
        timeout=ANSWER_SECONDS,
    )
    client = Redis.from_pool(pool)
    try:
        yield RedisLimits(client, _where(client))
    finally:
        await client.aclose()


def _where(client: Redis) -> str:
    given = client.connection_pool.connection_kwargs
    return str(given.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}")
