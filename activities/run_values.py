"""What a run's own values need of the blob store, as local activities of the workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio import activity

from activities.blob_values import BlobValues
from activities.failures import failure
from activities.names import JoinPagesRequest, MoveOutputsRequest
from arazzo.blobs import blob_name, blob_of, is_blob
from arazzo.errors import DurazzoError
from arazzo.plan import canonical
from arazzo.run_errors import LARGEST_RUN_BYTES
from arazzo.state import joined_pages

if TYPE_CHECKING:
    from activities.files import BlobStore


@dataclass(frozen=True)
class RunValues:
    """The activities of values that lie in the store, and of those that have to."""

    store: BlobStore

    @property
    def blobs(self) -> BlobValues:
        """Return the store's values."""
        return BlobValues(self.store)

    @activity.defn(name="join_pages")
    async def join_pages(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs of a page, its lists behind those of the pages before."""
        try:
            return await self.joined(JoinPagesRequest.model_validate(raw))
        except DurazzoError as error:
            raise failure(error) from None

    async def joined(self, asked: JoinPagesRequest) -> dict[str, Any]:
        """Join; what is large lies in the store. Raises PayloadTooLarge, StepFailed.

        Of the pages joined so far those stay that the last join made, and those that it read.
        """
        before = await self._with_lists(asked.before, asked.names)
        outputs = await self._with_lists(asked.outputs, asked.names)
        joined = joined_pages(before, outputs, asked.names)
        moved = await self.blobs.moved(asked.blobs, joined, LARGEST_RUN_BYTES)
        for name in asked.names:
            if is_blob(asked.before.get(name)):
                await self.store.delete_older(asked.blobs, blob_of(asked.before[name]))
        return moved

    async def _with_lists(self, outputs: dict[str, Any], names: list[str]) -> dict[str, Any]:
        lists = {name: outputs[name] for name in names if name in outputs}
        return {**outputs, **await self.blobs.loaded(lists)}

    @activity.defn(name="move_outputs")
    async def move_outputs(self, raw: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the references of the outputs that were moved, by stepId and name."""
        try:
            return await self.made_smaller(MoveOutputsRequest.model_validate(raw))
        except DurazzoError as error:
            raise failure(error) from None

    async def made_smaller(self, asked: MoveOutputsRequest) -> dict[str, dict[str, Any]]:
        """Move the largest outputs until the excess is gone. Raises StepFailed."""
        sizes = {
            (step_id, name): len(canonical(value))
            for step_id, outputs in asked.outputs.items()
            for name, value in outputs.items()
            if not is_blob(value)
        }
        moved, excess = dict[str, dict[str, Any]](), asked.excess
        for step_id, name in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if excess <= 0:
                break
            place = f"{asked.blobs}/{blob_name(step_id)}/{blob_name(name)}"
            reference = await self.blobs.put(place, asked.outputs[step_id][name])
            moved.setdefault(step_id, {})[name] = reference
            excess -= sizes[step_id, name] - len(canonical(reference))
        return moved
