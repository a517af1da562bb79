"""One JSON Schema for the messages of a channel, with all that it refers to inside it.

It goes into the plan, so that no run reads a file. The schemas of AsyncAPI are JSON Schemas of
draft 7 (AsyncAPI 3.0.0, Schema Object).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from arazzo.plan import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arazzo.asyncapi import AsyncApiDescription, MessageType
    from arazzo.context import Json

DEFINITIONS: Final = "definitions"
MOST_DEFINITIONS: Final = 1000
TALK: Final = frozenset(
    ("title", "description", "example", "examples", "externalDocs", "default", "$comment",
     "discriminator", "$id", "$schema")
)  # fmt: skip
"""Keywords that decide nothing about a value; `$id` would change what a reference means."""
_BY_NAME: Final = ("properties", "patternProperties", "definitions", "$defs", "dependencies")
"""Keywords whose own keys are names, not keywords."""
_AS_THEY_ARE: Final = ("enum", "const", "required")


class SchemaInvalid(Exception):
    """A schema of a message is no JSON Schema; the text says why."""


def message_schema(description: AsyncApiDescription, messages: Sequence[MessageType]) -> Json:
    """Return the schema of `{"payload": …, "headers": {…}}`, None when anything may come.

    Raises SchemaInvalid.
    """
    gathering = _Gathering(description)
    ways = [
        {
            "properties": {
                "payload": gathering.read(one.payload),
                "headers": gathering.read(one.headers),
            }
        }
        for one in messages
        if (one.payload, one.headers) != (True, True)
    ]
    if not ways or len(ways) < len(messages):
        return None
    made: dict[str, Any] = ways[0] if len(ways) == 1 else {"anyOf": ways}
    made = {**made, DEFINITIONS: gathering.found} if gathering.found else made
    _validator(canonical(made))
    return made


def misfit(schema: Json, message: Json) -> str:
    """Return why a message does not satisfy the schema, the empty text when it does."""
    if schema is None:
        return ""
    try:
        _validator(canonical(schema)).validate(message)
    except jsonschema_rs.ValidationError as error:
        place = "/".join(str(part) for part in error.instance_path)
        return f"`{place}`: {error.message[:300]}" if place else error.message[:300]
    return ""


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    """Patterns run in linear time, so that no message can hang a worker."""
    try:
        return jsonschema_rs.Draft7Validator(
            json.loads(schema), pattern_options=jsonschema_rs.RegexOptions()
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise SchemaInvalid(str(getattr(error, "message", error))[:300]) from error


class _Gathering:
    """Copies schemas, and puts what their references lead to under `definitions`."""

    def __init__(self, description: AsyncApiDescription) -> None:
        self.description = description
        self.found: dict[str, Json] = {}
        self.names: dict[str, str] = {}

    def read(self, node: Json) -> Json:
        """Return a schema with references that stay inside."""
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str):
            return {"$ref": f"#/{DEFINITIONS}/{self._definition(reference)}"}
        return {
            key: self._under(key, value)
            for key, value in node.items()
            if key not in TALK and not key.startswith("x-")
        }

    def _under(self, key: str, value: Json) -> Json:
        if key in _AS_THEY_ARE:
            return value
        if key in _BY_NAME and isinstance(value, dict):
            return {name: self.read(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.read(one) for one in value]
        return self.read(value)

    def _definition(self, reference: str) -> str:
        if reference not in self.names:
            if len(self.names) >= MOST_DEFINITIONS:
                raise SchemaInvalid(f"it has more than {MOST_DEFINITIONS} references")
            name = f"{len(self.names)}"
            self.names[reference] = name
            target = self.description.find(reference)
            if target is None:
                raise SchemaInvalid(f"`{reference}` leads nowhere")
            self.found[name] = self.read(target)
        return self.names[reference]
