"""Jobs of a stand-in that go through three states as they are polled or as time passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_POLLS = 2
LAST_PHASE = 2


@dataclass(frozen=True)
class Pace:
    """How fast a job goes through its states.

    `polls` is the number of polls that see each of the two states before the end; `seconds` the
    time from the start to the end, half of it in each state. With both, both must be over; with
    neither, polls is 2.
    """

    polls: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.polls or 0) < 0 or (self.seconds or 0) < 0:
            raise ValueError("polls and seconds of a job are no less than 0")

    def phase(self, polls: int, elapsed: float) -> int:
        """0, 1 or 2 (the end) for a job polled that often, started that many seconds ago."""
        by_time = LAST_PHASE if not self.seconds else int(elapsed / self.seconds * LAST_PHASE)
        each = DEFAULT_POLLS if self.polls is None and self.seconds is None else self.polls
        by_polls = LAST_PHASE if not each else max(0, polls - 1) // each
        return max(0, min(LAST_PHASE, by_time, by_polls))


DEFAULT_PACE = Pace()


@dataclass
class Job:
    """One job: what it is called, which states it passes, and how often it was polled."""

    request_id: str
    states: tuple[str, str, str]
    pace: Pace
    clock: Callable[[], float]
    fault: str | None
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
        phase = self.pace.phase(self.polls, self.clock() - self.started)
        if self.fault == "job-never-ends":
            phase = min(phase, LAST_PHASE - 1)
        if self.fault == "job-fails" and phase == LAST_PHASE:
            return "failed"
        return self.states[phase]
