"""Keeps to the limits of a provider: asks before anything is sent, and tells how long to wait.

A short wait is slept here; a longer one is an outcome, for which the workflow waits by a durable
timer and holds no slot (DESIGN.md, section 4).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from activities.limit_store import CROWD, GATE, SECOND, Asking, Bucket, MemoryLimits, Verdict
from arazzo.errors import OtherPartyError
from arazzo.limit_plans import LONGEST_SLEEP
from arazzo.outcome import Outcome
from arazzo.plan import LimitsPlan, canonical

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from activities.limit_store import LimitStore
    from activities.names import AttemptRequest
    from arazzo.plan import Call, WindowPlan

TOO_MANY_REQUESTS: Final = 429
LEAD: Final = 1.0
"""A durable timer may be late, so it ends that much before the place in time."""

LEASE_MARGIN: Final = 60.0
"""Beyond a request's own times, after which one of a dead worker counts no longer."""

RENEWALS: Final = 3
"""How often a request that goes on, such as a download, tells so within its lease."""

FIRST_DOUBT: Final = 2.0
LONGEST_DOUBT: Final = 300.0
"""How long to wait while the shared store can't be reached: doubling from first to longest."""


class StoreUnreachable(OtherPartyError):
    """The store that the workers share gives no answer, so nobody knows what may be sent."""


@dataclass(frozen=True, slots=True)
class Held:
    """A request that was held back: seconds to wait, the place that is kept, and why."""

    wait: float
    place: str
    why: str

    def outcome(self, judged: Outcome) -> Outcome:
        """Return the outcome of the attempt; what was judged counts once its time is over."""
        told = {"sent": "no", "why": self.why, "wait": self.wait, "place": self.place}
        return judged.model_copy(update=told)


@dataclass(frozen=True)
class Limits:
    """The limits of one worker. `key` hides credentials in the names of what is counted.

    Workers that share a store have the same key. `longest_sleep` is how many seconds an attempt
    may wait here before it gives its slot back; `lease_margin` is in seconds.
    """

    store: LimitStore = field(default_factory=MemoryLimits)
    key: bytes = field(default_factory=partial(secrets.token_bytes, 32))
    longest_sleep: float = LONGEST_SLEEP
    lease_margin: float = LEASE_MARGIN
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep

    async def within(
        self,
        call: Call,
        server: str,
        asked: AttemptRequest,
        credentials: Iterable[str],
        send: Callable[[AttemptRequest], Awaitable[Outcome]],
    ) -> Outcome | Held:
        """Send when the limits of the call let it; otherwise tell how long to wait."""
        plan = call.limits or LimitsPlan()
        asking = self._asking(plan, call, server, asked, credentials)
        try:
            verdict, slept = await self._room(asking, asked.seconds)
        except StoreUnreachable as error:
            wait = min(LONGEST_DOUBT, FIRST_DOUBT * 2.0 ** min(asked.held, 30))
            return Held(wait, asked.place, error.message)
        if verdict.wait:
            wait = _timer(verdict.wait / SECOND)
            return Held(wait, f"{verdict.place}.{asking.ticket}", _why(plan, call, verdict))
        left = {"seconds": max(asked.seconds - slept, 0.001)} if asked.seconds else {}
        return await self._sent(asking, asked.model_copy(update=left), send)

    async def _room(self, asking: Asking, seconds: float) -> tuple[Verdict, float]:
        """Ask, and sleep a little where that is enough; return what was said and was slept."""
        longest = min(self.longest_sleep, seconds or self.longest_sleep)
        slept = 0.0
        while True:
            verdict = await self.store.ask(asking)
            wait = verdict.wait / SECOND
            if not wait or slept + wait > longest:
                return verdict, slept
            await self.sleep(wait)
            slept += wait
            asking = replace(asking, place=verdict.place)

    async def _sent(
        self,
        asking: Asking,
        asked: AttemptRequest,
        send: Callable[[AttemptRequest], Awaitable[Outcome]],
    ) -> Outcome:
        """Send, and tell the others when it has ended, or that the service wants patience."""
        async with self._on_its_way(asking):
            outcome = await send(asked)
        if outcome.status == TOO_MANY_REQUESTS and outcome.retry_after:
            await self._told(self.store.close_gate(asking, round(outcome.retry_after * SECOND)))
        return outcome

    @asynccontextmanager
    async def _on_its_way(self, asking: Asking) -> AsyncIterator[None]:
        """Keep the room of a request until it has ended, where so many are allowed at once."""
        if not asking.most:
            yield
            return
        loop = asyncio.get_running_loop()
        began, staying = loop.time(), asyncio.create_task(self._stay(asking))
        try:
            yield
        finally:
            staying.cancel()
            await self._told(self.store.leave(asking, round((loop.time() - began) * SECOND)))

    async def _stay(self, asking: Asking) -> None:
        while True:
            await asyncio.sleep(asking.lease / SECOND / RENEWALS)
            await self._told(self.store.stay(asking))

    @staticmethod
    async def _told(telling: Awaitable[None]) -> None:
        """What was sent was sent: that the store can't be told must not lose the answer."""
        try:
            await telling
        except StoreUnreachable as error:
            logging.getLogger(__name__).warning("%s", error.message)

    def _asking(
        self,
        plan: LimitsPlan,
        call: Call,
        server: str,
        asked: AttemptRequest,
        credentials: Iterable[str],
    ) -> Asking:
        origin = _origin(server)
        whose = self._whose(call, credentials)
        by_credential = any(one.by == "credential" for one in plan.windows)
        place, _, ticket = asked.place.partition(".")
        requests = 2 if call.credentials else 1
        return Asking(
            buckets=tuple(_bucket(origin, whose, one) for one in plan.windows),
            gate=_name(origin, "gate", whose if by_credential else ""),
            crowd=_name(origin, "crowd", plan.concurrency),
            most=plan.concurrency,
            lease=round((requests * call.total_timeout + self.lease_margin) * SECOND),
            ticket=ticket or secrets.token_hex(6),
            place=int(place or 0),
        )

    def _whose(self, call: Call, credentials: Iterable[str]) -> str:
        """Return a name of the credentials of a call that does not tell them."""
        names = sorted(one for many in call.credentials for plan in many for one in plan.secrets)
        known = canonical([sorted(credentials), names])
        return hmac.new(self.key, known, hashlib.sha256).hexdigest()[:24]


def _timer(wait: float) -> float:
    return max(wait - LEAD, min(wait, LEAD))


def _origin(server: str) -> str:
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _name(origin: str, *parts: Any) -> str:
    """Return the key of what is counted; the braces keep a server's keys on one Redis node."""
    digest = hashlib.sha256(canonical(list(parts))).hexdigest()[:16]
    return f"durazzo:{{{origin}}}:{parts[0]}:{digest}"


def _bucket(origin: str, whose: str, window: WindowPlan) -> Bucket:
    """The same limit of the same server is the same bucket, whichever folder states it."""
    named = (window.counts, window.amount, window.per, sorted(window.operations), window.by)
    key = _name(origin, *named, whose if window.by == "credential" else "")
    return Bucket.of(key, window.amount, window.takes, window.per)


def _why(plan: LimitsPlan, call: Call, verdict: Verdict) -> str:
    if verdict.by == GATE:
        return f"held back, since `{call.source}` answered another request with 429"
    if verdict.by == CROWD:
        return f"held back by the limit of {plan.concurrency} requests at once of `{call.source}`"
    window = plan.windows[verdict.by]
    counted = "requests" if window.counts == "requests" else "units of cost"
    return (
        f"held back by the limit of {window.amount} {counted} per {window.per:g} s "
        f"of `{call.source}`"
    )
