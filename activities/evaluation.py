"""Computes what workflow code can't: values that query, or that need a secret opened.

A local activity: one marker in the history, with nothing secret in it (see arazzo/evaluation.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio import activity

from activities.credentials import reveal
from activities.names import EVALUATE_VALUES, EvaluationRequest
from activities.operation import LARGEST_OUTPUT_BYTES, context_of, failure
from activities.sealing import seal
from arazzo.errors import DurazzoError, PayloadTooLarge
from arazzo.evaluation import evaluated, narrowed

if TYPE_CHECKING:
    from activities.credentials import SecretStore


@dataclass(frozen=True)
class Evaluations:
    """Evaluates for the runs of a worker, with its key and its secrets."""

    key: bytes
    secrets: SecretStore

    @activity.defn(name=EVALUATE_VALUES)
    async def evaluate_values(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the values by name, as JSON."""
        try:
            return self.evaluate(EvaluationRequest.model_validate(raw))
        except DurazzoError as error:
            raise failure(error) from None

    def evaluate(self, asked: EvaluationRequest) -> dict[str, Any]:
        """Return the values by name, absent ones left out, secret ones sealed.

        Raises SecretMissing or PayloadTooLarge.
        """
        values = narrowed(asked.templates, asked.values)
        opened, _ = reveal(values, asked.secrets, self.secrets, self.key)
        found = evaluated(
            asked.templates,
            context_of(opened, asked.constants),
            context_of(values, asked.constants),
            lambda value: seal(self.key, value),
        )
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
