"""What a run keeps of its steps: outputs, joined over pages, and small enough to be carried on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo import run_errors
from arazzo.blobs import LARGEST_INLINE_BYTES, is_blob
from arazzo.plan import canonical
from arazzo.run_errors import LARGEST_RUN_BYTES
from arazzo.state import joined_pages

if TYPE_CHECKING:
    from arazzo.effects import Effects
    from arazzo.outcome import Outcome
    from arazzo.plan import Plan, StepPlan
    from arazzo.state import RunState


class KeptOutputs:
    """Puts the outputs of steps into the state of a run."""

    def __init__(self, plan: Plan, state: RunState, effects: Effects) -> None:
        """Begin where the state says."""
        self.plan = plan
        self.state = state
        self.effects = effects

    async def keep(self, step: StepPlan, outcome: Outcome) -> None:
        """Keep the outputs of a step that passed. Raises PayloadTooLarge."""
        if not outcome.passed:
            return
        outputs, size = outcome.outputs, outcome.output_bytes
        here = self.state.step(step.step_id)
        if step.collect and here.pages:
            outputs, size = await self._joined(step, outputs, size)
        here.pages += bool(step.collect)
        self.state.outputs[step.step_id] = outputs
        self.state.output_bytes[step.step_id] = size
        await self.make_room()

    async def _joined(
        self, step: StepPlan, outputs: dict[str, Any], size: int
    ) -> tuple[dict[str, Any], int]:
        """Lists that are small, or of a run that began without a store, are joined at once."""
        before = self.state.outputs.get(step.step_id, {})
        size += self.state.output_bytes.get(step.step_id, 0)
        stored = any(is_blob(one.get(name)) for one in (before, outputs) for name in step.collect)
        if not self.plan.stores_outputs or (size <= LARGEST_INLINE_BYTES and not stored):
            return joined_pages(before, outputs, step.collect), size
        joined = await self.effects.join_pages(step, before, outputs)
        return joined, len(canonical(joined))

    async def make_room(self) -> None:
        """Move the largest outputs to the store when the run holds too much.

        Raises PayloadTooLarge when what is left is still too much.
        """
        excess = self._held() - LARGEST_RUN_BYTES
        if excess > 0 and self.plan.stores_outputs and self.state.outputs:
            moved = await self.effects.move_outputs(self.state.outputs, excess)
            for step_id, outputs in moved.items():
                kept = {**self.state.outputs[step_id], **outputs}
                self.state.outputs[step_id] = kept
                self.state.output_bytes[step_id] = len(canonical(kept))
        if self._held() > LARGEST_RUN_BYTES:
            raise run_errors.run_too_large(self.state, self._held())

    def _held(self) -> int:
        remembered = len(canonical(self.state.workflows)) if self.state.workflows else 0
        return self.state.fixed_bytes + remembered + sum(self.state.output_bytes.values())
