"""The world, as the interpreter needs it: one small protocol, and what passes through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from arazzo.outcome import Outcome
    from arazzo.plan import FindPlan, StepPlan
    from arazzo.state import RunState, TransferState


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait: what for, how many seconds, which poll or attempt, and when it must be over.

    `number` is None for an attempt that a limit holds back, which is no new one, and for a message;
    `until` is the deadline of the loop in seconds since the epoch, None without one; `channel` is
    the one of which a message is awaited, which ends the wait.
    """

    step_id: str
    seconds: float
    reason: str
    number: int | None = None
    until: float | None = None
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Invoked:
    """A workflow that ran beside the steps: its outputs, or its error's name and words."""

    outputs: dict[str, Any] | None
    error: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Transferred:
    """The end of a run that hands over to another workflow: its type and inputs, and counters."""

    workflow_type: str
    inputs: dict[str, Any]
    transfers: dict[str, TransferState]
    visits: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """The message that a step awaits: its correlation id, None for any, and until when.

    `until` is in seconds since the epoch.
    """

    step_id: str
    channel: str
    correlation: str | None
    until: float


class Effects(Protocol):
    """The world, as the interpreter needs it."""

    def now(self) -> float:
        """Return the present time in seconds since the epoch."""

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Make one attempt of a step and return how it was judged."""

    async def find(self, step: StepPlan, find: FindPlan, values: dict[str, Any]) -> Outcome:
        """Look up what became of a step's write: `yes` and judged, not there, or still unknown."""

    async def call(self, step: StepPlan, inputs: dict[str, Any], values: dict[str, Any]) -> Outcome:
        """Run the workflow that a step calls to its end and return how that was judged."""

    async def invoke(self, name: str, workflow_type: str, inputs: dict[str, Any]) -> Invoked:
        """Run a workflow beside the steps; `name` tells it apart from others of the run."""

    async def join_pages(
        self, step: StepPlan, before: dict[str, Any], outputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Return a page's outputs, its collected lists behind those before; either may be stored.

        `outputs` are those of the page.
        """

    async def move_outputs(
        self, outputs: dict[str, dict[str, Any]], excess: int
    ) -> dict[str, dict[str, Any]]:
        """Move the largest outputs, so many bytes, to the store; return their references."""

    async def evaluate(self, templates: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Return what templates come to that workflow code can't compute, absent ones left out.

        `values` are the inputs, steps and workflows of the run, as far as they are known.
        """

    async def receive(self, awaited: Awaited) -> dict[str, Any] | None:
        """Return the message once it is there, None when its time is over (see messages.py)."""

    async def judge(
        self, step: StepPlan, message: dict[str, Any] | None, why: str, values: dict[str, Any]
    ) -> Outcome:
        """Judge the message that a step received, or why it received none."""

    async def pause(self, pause: Pause) -> None:
        """Return after the pause's seconds."""

    async def step_boundary(self, state: RunState) -> None:
        """Be told that a step is about to begin: the place to store or to hand over the state."""

    def show(self, state: RunState, pause: Pause | None) -> None:
        """Be told that something changed that a watcher would like to see."""
