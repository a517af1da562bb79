"""The part of a plan for a step that receives (see plan.py)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class ReceptionPlan(BaseModel):
    """A message as one step awaits it: its channel by name, and which of its messages.

    `correlation` is a value whose strings hold expressions, None when every message is awaited;
    `locations` are the runtime expressions of AsyncAPI that say where a message has its own id;
    `message_schema` is a JSON Schema of `{"payload": …, "headers": {…}}`, None for any message.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    channel: str
    source: str
    correlation: Any = None
    locations: tuple[str, ...] = ()
    message_schema: Any = None

    def as_json(self) -> dict[str, Any]:
        """Return the part as JSON without what is at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)
