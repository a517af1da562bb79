"""The state of a run: one serialisable object, which continue-as-new carries on.

Only the interpreter writes it. Times are seconds since the epoch, as Temporal tells them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from arazzo.blobs import is_sealed_blob
from arazzo.inputs import is_sealed
from arazzo.plan import canonical

if TYPE_CHECKING:
    from collections.abc import Collection

    from arazzo.plan import Reads

Standing = Literal["pending", "running", "waiting", "passed", "failed"]


class StepState(BaseModel):
    """What happened at one step.

    `visits` counts entries into the step, an action's retries left out (`retrying` marks the
    next entry as one); `polls` counts the repeated requests of the present
    loop; `attempts` counts activities, over all visits; `loop_since` is when the present loop
    began; `digest` is that of the values which the last request read; `retries` counts the uses
    of an action by its index, since the step was entered. `changes` counts how often the loop
    came back with changed values, `landmark` is the digest at the last change whose number is a
    power of two, and `circling` is set once that digest comes again. `pages` counts the answers
    whose lists have been collected. `place` is the one that a limit keeps for the next request;
    `waits_until` is when a step that receives gives up, 0 while it does not wait.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid")

    standing: Standing = "pending"
    visits: int = 0
    retrying: bool = False
    polls: int = 0
    attempts: int = 0
    loop_since: float = 0.0
    digest: str = ""
    last_status: int | None = None
    retries: dict[str, int] = {}
    changes: int = 0
    landmark: str = ""
    circling: bool = False
    pages: int = 0
    place: str = ""
    waits_until: float = 0.0

    def begin_loop(self, now: float) -> None:
        """Begin to count polls and time anew; `now` in seconds since the epoch."""
        self.loop_since = now
        self.polls = 0

    def leave_loop(self) -> None:
        """Forget the loop: its changes, and the pages that it collected."""
        self.changes, self.landmark, self.circling, self.pages = 0, "", False, 0

    def is_changed(self, digest: str, *, sees_circles: bool) -> bool:
        """Values that come again are no change, whether at once or in a circle."""
        if digest == self.digest:
            return False
        self.circling |= sees_circles and digest == self.landmark
        return not self.circling or digest != self.landmark

    def note_change(self, digest: str) -> None:
        """Remember changed values; with Brent's landmarks a circle of any length is found."""
        self.changes += 1
        if self.changes & (self.changes - 1) == 0:
            self.landmark = digest


class TransferState(BaseModel):
    """How often a workflow was transferred to with the same inputs, and since when."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    digest: str
    since: float
    polls: int = 0


class RunState(BaseModel):
    """Where a run stands: the step to do next, the values so far, and the counters.

    `fixed_bytes` is the size of plan and inputs as JSON; `output_bytes` that of each step's
    outputs. `workflows` holds inputs and outputs of completed workflows, by workflowId, as far as
    they are read; `transfers` the workflows that were transferred to, by type; `messages` those
    that came and that no step has wanted yet (see messages.py).
    """

    model_config = ConfigDict(defer_build=True, extra="forbid")

    inputs: dict[str, Any]
    cursor: str | None
    fixed_bytes: int = 0
    outputs: dict[str, dict[str, Any]] = {}
    output_bytes: dict[str, int] = {}
    steps: dict[str, StepState] = {}
    visits: int = 0
    workflows: dict[str, dict[str, Any]] = {}
    transfers: dict[str, TransferState] = {}
    messages: list[dict[str, Any]] = []

    def enter_again(self, step_id: str) -> None:
        """Take back that the step was entered: the run goes on there, as if it had not been."""
        here = self.step(step_id)
        here.retrying = True
        here.attempts -= 1
        self.visits -= 1

    def as_json(self) -> dict[str, Any]:
        """Return the state as JSON without what is at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def step(self, step_id: str) -> StepState:
        """Return the state of a step, made when it is first asked for."""
        if step_id not in self.steps:
            self.steps[step_id] = StepState()
        return self.steps[step_id]

    def values(self, reads: Reads) -> dict[str, Any]:
        """Return just the inputs and outputs of that name that are there."""
        read = {name: self.workflows[name] for name in reads.workflows if name in self.workflows}
        return {
            "inputs": {name: self.inputs[name] for name in reads.inputs if name in self.inputs},
            "steps": {
                step_id: {name: known[name] for name in names if name in known}
                for step_id, names in reads.steps.items()
                if (known := self.outputs.get(step_id)) is not None
            },
            **({"workflows": read} if read else {}),
        }

    def all_values(self) -> dict[str, Any]:
        """Return all inputs, outputs of steps and completed workflows."""
        return {"inputs": self.inputs, "steps": self.outputs, "workflows": self.workflows}

    def digest(self, reads: Reads) -> str:
        """Return a digest of the values; a sealed one, spelt otherwise each time, is left out."""
        return digest_of(self.values(reads))


def joined_pages(
    before: dict[str, Any], outputs: dict[str, Any], names: Collection[str]
) -> dict[str, Any]:
    """Return the outputs of a page, with the lists of those names behind the lists before."""
    joined = {
        name: [*before[name], *outputs[name]]
        for name in names
        if isinstance(before.get(name), list) and isinstance(outputs.get(name), list)
    }
    return {**outputs, **joined}


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, sealed values left out, as hex."""
    return hashlib.sha256(canonical(_without_sealed(value))).hexdigest()


def _without_sealed(value: Any) -> Any:
    if is_sealed(value) or is_sealed_blob(value):
        return None
    if isinstance(value, dict):
        return {name: _without_sealed(child) for name, child in value.items()}
    return [_without_sealed(child) for child in value] if isinstance(value, list) else value
