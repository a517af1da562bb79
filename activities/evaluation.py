"""Computes what workflow code can't: values that query, or that need a secret opened.

A local activity: one marker in the history, with nothing secret in it (see arazzo/evaluation.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from temporalio import activity

from activities.attempt_rules import LARGEST_OUTPUT_BYTES
from activities.blob_values import BlobValues
from activities.credentials import reveal
from activities.failures import failure
from activities.files import BlobStore, memory_store
from activities.foreign_values import refuse_foreign
from activities.names import EVALUATE_VALUES, EvaluationRequest
from activities.sealing import seal
from arazzo.blob_reads import reaching_in
from arazzo.blobs import blobs_in, without_content
from arazzo.context import Context, context_of
from arazzo.errors import DurazzoError, PayloadTooLarge
from arazzo.evaluation import evaluated, narrowed

if TYPE_CHECKING:
    from activities.credentials import SecretStore


@dataclass(frozen=True)
class Evaluations:
    """Evaluates for the runs of a worker, with its key and its secrets."""

    key: bytes
    secrets: SecretStore
    blobs: BlobStore = field(default_factory=memory_store)

    @activity.defn(name=EVALUATE_VALUES)
    async def evaluate_values(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the values by name, as JSON."""
        try:
            return await self.evaluate(EvaluationRequest.model_validate(raw))
        except DurazzoError as error:
            raise failure(error) from None

    async def evaluate(self, asked: EvaluationRequest) -> dict[str, Any]:
        """Return the values by name, absent ones left out, secret ones sealed, large ones stored.

        Raises SecretMissing, StepFailed, InputInvalid or PayloadTooLarge.
        """
        stored = BlobValues(self.blobs)
        values = await stored.loaded(narrowed(asked.templates, asked.values))
        opened, _ = reveal(values, asked.secrets, self.secrets, self.key)
        known = set(blobs_in(values))
        found = evaluated(
            asked.templates,
            await self._context(asked, opened),
            await self._context(asked, values),
            lambda value: seal(self.key, value),
        )
        found = without_content(found)
        refuse_foreign(found, known)
        if asked.blobs:
            found = await stored.moved(asked.blobs, found, LARGEST_OUTPUT_BYTES)
        size = len(json.dumps(found))
        if size > LARGEST_OUTPUT_BYTES:
            names = ", ".join(f"`{name}`" for name in asked.templates)
            raise PayloadTooLarge(
                f"{names}: {size} bytes; a workflow may hand on {LARGEST_OUTPUT_BYTES}. "
                "Select only the part that is needed",
                reason="outputs-too-large",
                facts={"bytes": size},
            )
        return found

    async def _context(self, asked: EvaluationRequest, values: dict[str, Any]) -> Context:
        reads = reaching_in(asked.templates, context_of(values, asked.constants))
        filled = await BlobValues(self.blobs).with_content(values, reads)
        return context_of(filled, asked.constants)
