"""Messages that come to a run: checked when they are delivered, judged when a step takes them.

These are local activities: JSON Schemas, criteria and queries run here, and a replay only reads
what they said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from temporalio import activity

from activities.attempt_rules import refuse_large_outputs
from activities.blob_values import BlobValues
from activities.failures import failure
from activities.foreign_values import refuse_foreign, refuse_hidden
from activities.names import (
    CHECK_MESSAGE,
    JUDGE_MESSAGE,
    CheckMessageRequest,
    MessageStepRequest,
)
from arazzo import messages
from arazzo.blobs import blobs_in, without_content
from arazzo.context import MessageView
from arazzo.errors import DurazzoError
from arazzo.outcome import judge_message
from arazzo.plan import AttemptPlan
from arazzo.reception_plan import ReceptionPlan

if TYPE_CHECKING:
    from activities.files import BlobStore
    from arazzo.outcome import Outcome


@activity.defn(name=CHECK_MESSAGE)
async def check_message(raw: dict[str, Any]) -> dict[str, Any]:
    """Return `{"ids": {stepId: correlation id}}` of the steps that can take a message.

    For a message that none can take: `{"problem": text}`.
    """
    request = CheckMessageRequest.model_validate(raw)
    receptions = {
        step_id: ReceptionPlan.model_validate(one) for step_id, one in request.receptions.items()
    }
    return messages.checked(receptions, request.message)


@dataclass(frozen=True)
class Receptions:
    """Judges what the steps of a worker's runs receive; values that they read may lie in `blobs`.

    A message is small, and so is what a step outputs of it.
    """

    blobs: BlobStore

    @activity.defn(name=JUDGE_MESSAGE)
    async def judge_message(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Judge a message that a step received, or that it received none."""
        try:
            outcome = await self.judged(MessageStepRequest.model_validate(raw))
        except DurazzoError as error:
            raise failure(error) from None
        return outcome.model_dump(mode="json", exclude_defaults=True)

    async def judged(self, request: MessageStepRequest) -> Outcome:
        """Return what becomes of the step.

        Raises PayloadTooLarge, and StepFailed or InputInvalid when a value can't be read from the
        store.
        """
        plan = AttemptPlan.model_validate(request.attempt)
        stored = BlobValues(self.blobs)
        context = await stored.context(plan, await stored.loaded(request.values))
        if request.message is not None:
            view = MessageView(request.message["headers"], request.message["payload"])
            context = replace(context, message=view)
        outcome = judge_message(plan, context, failure=request.why, spent=request.spent)
        outputs = without_content(outcome.outputs)
        refuse_foreign(outputs, set(blobs_in(request.values)))
        refuse_hidden(outputs)
        size = refuse_large_outputs(plan, outputs)
        return outcome.model_copy(update={"outputs": outputs, "output_bytes": size})
