"""Jobs of a stand-in that go through their states as they are polled or as time passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mocks.faults import Fault

DEFAULT_POLLS = 2


@dataclass(frozen=True)
class Pace:
    """How fast a job goes through its states.

    `polls` is the number of polls that see each of the states before the end; `seconds` the time
    from the start to the end, an equal part of it in each state. With both, both must be over;
    with neither, polls is 2.
    """

    polls: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.polls or 0) < 0 or (self.seconds or 0) < 0:
            raise ValueError("polls and seconds of a job are no less than 0")

    def phase(self, polls: int, elapsed: float, last: int) -> int:
        """0 to `last` (the end) for a job polled that often, started that many seconds ago."""
        by_time = last if not self.seconds else int(elapsed / self.seconds * last)
        each = DEFAULT_POLLS if self.polls is None and self.seconds is None else self.polls
        by_polls = last if not each else max(0, polls - 1) // each
        return max(0, min(last, by_time, by_polls))


DEFAULT_PACE = Pace()
STATE_OF_FAULT: Mapping[str | None, str] = {"job-fails": "failed", "job-is-canceled": "canceled"}


@dataclass
class Job:
    """One job: what it is called, which states it passes, and how often it was polled."""

    request_id: str
    states: tuple[str, ...]
    pace: Pace
    clock: Callable[[], float]
    fault: Fault | None
    started: float = 0.0
    polls: int = 0

    def __post_init__(self) -> None:
        self.started = self.clock()

    def poll(self) -> str:
        """The state that this poll sees; the poll itself counts."""
        self.polls += 1
        return self.state()

    def state(self) -> str:
        """The state as the last poll left it, or as time has moved it on since."""
        last = len(self.states) - 1
        phase = self.pace.phase(self.polls, self.clock() - self.started, last)
        kind = self.fault.kind if self.fault else None
        if kind == "job-never-ends":
            phase = min(phase, last - 1)
        if kind in STATE_OF_FAULT and phase == last:
            return STATE_OF_FAULT[kind]
        return self.states[phase]

    def has_ended(self) -> bool:
        """Whether the job is in a state that it does not leave."""
        return self.state() in {self.states[-1], *STATE_OF_FAULT.values()}
