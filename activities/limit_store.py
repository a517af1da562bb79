"""Who may send, and when: the places that limits give out, counted in memory.

A window is a sliding one, in cells of a hundredth of its length. A request is let go when it fits
into all of its windows, else it gets a place in time, which is kept while it waits: so nobody is
overtaken for ever, and those who wait come one by one. What was really sent is checked once more
when a place is taken, so lateness never breaks a limit (docs/decisions/0021).

All times are whole microseconds of the store's own clock.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SECOND: Final = 1_000_000
CELLS: Final = 100
"""Of a window; so nobody waits more than about a hundredth of it longer than needed."""

SLACK: Final = SECOND // 10
"""By so much a window is counted longer, but by no more than a tenth: requests take unlike times
to the service, which counts them when they arrive."""

LARGEST_SPACING: Final = SECOND // 10
"""Between two that wait for the same, where the limit's own pace is not quicker."""

GRACE: Final = 5 * SECOND
"""For so long a place is kept for one who comes late."""

SOON: Final = SECOND
SHORTEST_TURN: Final = SECOND // 10
USUAL_REQUEST: Final = SECOND
"""How long a request takes, as long as none has been seen."""

GATE: Final = -1
CROWD: Final = -2


@dataclass(frozen=True, slots=True)
class Bucket:
    """A window as it is counted: what counts together has the same `key`."""

    key: str
    amount: int
    takes: int
    cell: int
    span: int

    @classmethod
    def of(cls, key: str, amount: int, takes: int, per: float) -> Bucket:
        """Return the bucket of a window of `per` seconds."""
        length = round(per * SECOND)
        cell = max(1, length // CELLS)
        counted = length + min(SLACK, length // 10)
        return cls(key, amount, min(takes, amount), cell, ceil(counted / cell) + 1)

    @property
    def spacing(self) -> int:
        """Return the time between two that wait for it."""
        return min(self.cell * self.span * self.takes // self.amount, LARGEST_SPACING)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that would like to be sent.

    `gate` is the key of what a 429 closes; `crowd` that of the requests which are on their way,
    of which `most` are allowed (0: any number), and each counts as lost after `lease`. `place` is
    the one that it was given, 0 for none; `ticket` tells it apart from all others.
    """

    buckets: tuple[Bucket, ...]
    gate: str
    crowd: str
    most: int
    lease: int
    ticket: str
    place: int = 0

    @property
    def line(self) -> str:
        """Return the key of the queue of all that wait for the same."""
        return "|".join(f"{one.key}*{one.takes}" for one in self.buckets) or self.gate

    @property
    def spacing(self) -> int:
        """Return the time between two of that queue."""
        return max((one.spacing for one in self.buckets), default=0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Go when `wait` is 0; else the place is kept for so long, and `by` tells what held it back.

    `by` is the index of a bucket, GATE or CROWD.
    """

    wait: int = 0
    place: int = 0
    by: int = 0


class LimitStore(Protocol):
    """Where requests are counted: in one worker's memory, or in a store that many share."""

    async def ask(self, asking: Asking) -> Verdict:
        """Take from all windows or from none."""

    async def leave(self, asking: Asking, took: int) -> None:
        """Tell that a request that was let go has ended, after so many microseconds."""

    async def stay(self, asking: Asking) -> None:
        """Tell that a request that was let go is still on its way: its lease begins anew."""

    async def close_gate(self, asking: Asking, length: int) -> None:
        """Let nobody through for so long."""


Cells = dict[int, int]


@dataclass
class _Window:
    """What was sent, and the places that are kept, by cell."""

    used: Cells = field(default_factory=lambda: defaultdict(int))
    kept: Cells = field(default_factory=lambda: defaultdict(int))

    def sweep(self, bucket: Bucket, now: int) -> None:
        """Forget what no longer counts."""
        for cells, oldest in (
            (self.used, now // bucket.cell - bucket.span),
            (self.kept, (now - GRACE) // bucket.cell),
        ):
            for cell in [one for one in cells if one < oldest]:
                del cells[cell]

    def loads(self, bucket: Bucket, until: float) -> Cells:
        """Return what was sent together with the places up to then."""
        joined = dict(self.used)
        for cell, load in self.kept.items():
            if cell * bucket.cell <= until:
                joined[cell] = joined.get(cell, 0) + load
        return joined

    def give_back(self, bucket: Bucket, place: int) -> None:
        """Give up a place, if it is still there."""
        cell = place // bucket.cell
        if self.kept.get(cell, 0) >= bucket.takes:
            self.kept[cell] -= bucket.takes


def first_fit(loads: Mapping[int, int], bucket: Bucket, at: int) -> int:
    """Return the first time, not before `at`, at which no window with it in holds too much."""
    start = found = cell = at // bucket.cell
    total = sum(loads.get(one, 0) for one in range(start - bucket.span + 1, start))
    last = max(loads, default=0)
    room = bucket.amount - bucket.takes
    while cell < found + bucket.span and (cell <= last or total > room):
        total += loads.get(cell, 0)
        if total > room:
            found = cell + 1
        total -= loads.get(cell - bucket.span + 1, 0)
        cell += 1
    return at if found == start else found * bucket.cell


@dataclass
class _Crowd:
    """The requests on their way, and those that wait: when they came, and are to come again."""

    ends: dict[str, int] = field(default_factory=dict)
    came: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    usual: int = USUAL_REQUEST

    def turn(self, asking: Asking, now: int) -> int:
        """Return 0 when there is room for it, else the time to wait."""
        self._forget(now)
        mine = self.came.get(asking.ticket, now)
        before = [one for one, at in self.came.items() if at < mine and one != asking.ticket]
        soon = sum(self.due[one] <= now + SOON for one in before)
        if asking.most - len(self.ends) > soon:
            return 0
        wait = max(SHORTEST_TURN, self.usual * (len(before) + 1) // asking.most)
        self.came[asking.ticket], self.due[asking.ticket] = mine, now + wait
        return wait

    def _forget(self, now: int) -> None:
        for ticket in [one for one, at in self.ends.items() if at <= now]:
            del self.ends[ticket]
        for ticket in [one for one, at in self.due.items() if at <= now - GRACE]:
            self.drop(ticket)

    def drop(self, ticket: str) -> None:
        """Wait no longer for it."""
        self.due.pop(ticket, None)
        self.came.pop(ticket, None)


def _microseconds() -> int:
    return time.monotonic_ns() // 1000


@dataclass
class MemoryLimits:
    """Counts what one worker sends. `clock` tells microseconds and never goes back."""

    clock: Callable[[], int] = _microseconds
    _windows: dict[str, _Window] = field(default_factory=dict)
    _crowds: dict[str, _Crowd] = field(default_factory=dict)
    _gates: dict[str, int] = field(default_factory=dict)
    _tails: dict[str, int] = field(default_factory=dict)

    async def ask(self, asking: Asking) -> Verdict:
        """Take from all windows or from none; nothing else runs meanwhile."""
        now = self.clock()
        self._sweep(asking, now)
        open_from = max(now, self._gates.get(asking.gate, 0))
        kept = self._is_kept(asking)
        if kept and asking.place > open_from:
            return Verdict(asking.place - now, asking.place)
        crowd = self._crowds.setdefault(asking.crowd, _Crowd()) if asking.most else None
        turn = crowd.turn(asking, now) if crowd else 0
        if turn:
            return Verdict(turn, asking.place, CROWD)
        verdict = self._placed(asking, now, open_from)
        if crowd:
            crowd.drop(asking.ticket)
            if not verdict.wait:
                crowd.ends[asking.ticket] = now + asking.lease
        return verdict

    def _placed(self, asking: Asking, now: int, open_from: int) -> Verdict:
        """Let it go, or give it a place: one who has waited goes before all later places."""
        has_waited = 0 < asking.place <= now
        for bucket in asking.buckets:
            if asking.place:
                self._windows[bucket.key].give_back(bucket, asking.place)
        tail = self._tails.get(asking.line, 0)
        behind = max(open_from, tail + asking.spacing if tail else 0)
        wanted = open_from if has_waited else behind
        if wanted == now and self._fit(asking, now, -1 if has_waited else inf)[0] == now:
            self._note(asking, now, "used")
            return Verdict()
        on_time = has_waited and open_from == now <= asking.place + GRACE
        at, by = self._fit(asking, now if on_time else behind, asking.place if on_time else inf)
        self._note(asking, at, "kept")
        if not on_time:
            self._tails[asking.line] = max(tail, at)
        return Verdict(at - now, at, GATE if at == open_from and not on_time else by)

    def _fit(self, asking: Asking, at: int, until: float) -> tuple[int, int]:
        """Return the first time that fits into all windows, and the one that decides."""
        loads = [self._windows[one.key].loads(one, until) for one in asking.buckets]
        by, before = 0, -1
        while before != at:
            before = at
            for index, bucket in enumerate(asking.buckets):
                fits = first_fit(loads[index], bucket, at)
                by = index if fits > at else by
                at = fits
        return at, by

    def _note(self, asking: Asking, at: int, where: str) -> None:
        for bucket in asking.buckets:
            cells: Cells = getattr(self._windows[bucket.key], where)
            cells[at // bucket.cell] += bucket.takes

    def _is_kept(self, asking: Asking) -> bool:
        """Return whether its place is known here: it may come from another worker's memory."""
        return bool(asking.buckets) and all(
            self._windows[one.key].kept.get(asking.place // one.cell, 0) >= one.takes
            for one in asking.buckets
        )

    def _sweep(self, asking: Asking, now: int) -> None:
        for bucket in asking.buckets:
            self._windows.setdefault(bucket.key, _Window()).sweep(bucket, now)
        for passed in (self._tails, self._gates):
            _forget_before(passed, now, (asking.line, asking.gate))

    async def leave(self, asking: Asking, took: int) -> None:
        """Tell that a request that was let go has ended."""
        crowd = self._crowds.get(asking.crowd)
        if crowd is not None and crowd.ends.pop(asking.ticket, None) is not None:
            crowd.usual = (4 * crowd.usual + took) // 5

    async def stay(self, asking: Asking) -> None:
        """Tell that a request that was let go is still on its way: its lease begins anew."""
        crowd = self._crowds.setdefault(asking.crowd, _Crowd())
        crowd.ends[asking.ticket] = self.clock() + asking.lease

    async def close_gate(self, asking: Asking, length: int) -> None:
        """Let nobody through for so long."""
        until = self.clock() + length
        self._gates[asking.gate] = max(self._gates.get(asking.gate, 0), until)


def _forget_before(times: dict[str, Any], now: int, keys: Iterable[str]) -> None:
    for key in keys:
        if times.get(key, now) < now:
            del times[key]
