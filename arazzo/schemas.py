"""Reading JSON Schemas of operations: what stands at a pointer, and what a property may be.

Only what is certain is said: a schema that can't be followed to its end allows everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Json
    from arazzo.openapi import OpenApiDescription
    from arazzo.scope import FoundOperation

DEEPEST: Final = 12
COMBINATIONS: Final = ("allOf", "oneOf", "anyOf")


@dataclass(frozen=True)
class SchemaReader:
    """One schema, with the description that its references lead into."""

    description: OpenApiDescription
    schema: Json

    @classmethod
    def of_success(cls, found: FoundOperation) -> SchemaReader | None:
        """Return the schema of the JSON body of a success, None when it is not told, or by many."""
        told = [
            schema
            for status, response in found.operation.responses.items()
            if str(status).startswith("2")
            for schema in _json_schemas(found.description, response)
        ]
        return cls(found.description, told[0]) if len(told) == 1 else None

    @classmethod
    def of_body(cls, found: FoundOperation) -> SchemaReader | None:
        """Return the schema of the request body, None when it is not told."""
        schema = found.operation.body_schema
        return cls(found.description, schema) if schema else None

    def has(self, pointer: str) -> bool:
        """Return whether the schema may have something at the pointer."""
        return any(True for _ in self._at(pointer))

    def enum_at(self, pointer: str) -> list[Json]:
        """Return the values that may stand there, none when they are not all told."""
        found = list(self._at(pointer))
        if len(found) != 1 or not isinstance(found[0], dict):
            return []
        values = found[0].get("enum")
        return list(values) if isinstance(values, list) else []

    def closest(self, pointer: str) -> str:
        """Return a mend that offers the closest property beside the one that is not there."""
        parent, _, name = pointer.rpartition("/")
        known = [key for schema in self._at(parent) for key in self._properties(schema)]
        close = get_close_matches(name, known, n=1)
        if close:
            return f"did you mean `{parent}/{close[0]}`?"
        return f"there are: {', '.join(known[:10])}" if known else ""

    @property
    def required(self) -> list[str]:
        """Return the required properties that no `readOnly` takes out."""
        found: list[str] = []
        for schema in self._parts(self.schema):
            names = schema.get("required")
            found += (
                [one for one in names if isinstance(one, str)] if isinstance(names, list) else []
            )
        known = self._properties(self.schema)
        writable = [one for one in found if not known.get(one, {}).get("readOnly")]
        return list(dict.fromkeys(writable))

    def refuses(self, name: str) -> bool:
        """Return whether an object with that property can't be valid."""
        parts = list(self._parts(self.schema))
        closed = any(part.get("additionalProperties") is False for part in parts)
        plain = not any(key in part for part in parts for key in ("patternProperties", "oneOf"))
        return closed and plain and name not in self._properties(self.schema)

    def problem(self, name: str, value: Json) -> str:
        """Return why the value can't stand at a property; the empty text when it may."""
        schema = self._properties(self.schema).get(name)
        if schema is None:
            return ""
        wanted = {key: schema[key] for key in ("type", "enum", "const") if key in schema}
        if schema.get("nullable"):
            return ""
        try:
            jsonschema_rs.Draft202012Validator(wanted).validate(value)
        except jsonschema_rs.ValidationError as error:
            return str(error.message)[:200]
        return ""

    def _properties(self, schema: Json) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in self._parts(schema):
            properties = part.get("properties")
            if isinstance(properties, dict):
                found |= {key: self.description.follow(one) for key, one in properties.items()}
        return found

    def _parts(self, schema: Json, depth: int = 0) -> Iterator[dict[str, Any]]:
        """The schema and, of its combinations, those that all must hold."""
        followed = self.description.follow(schema)
        yield followed
        for part in followed.get("allOf", []) if depth < DEEPEST else []:
            yield from self._parts(part, depth + 1)

    def _at(self, pointer: str) -> Iterator[Json]:
        schemas: list[Json] = [self.schema]
        for token in pointer.split("/")[1:] if pointer.startswith("/") else []:
            name = token.replace("~1", "/").replace("~0", "~")
            schemas = [one for schema in schemas for one in self._inside(schema, name, 0)]
        yield from (self.description.follow(one) if one is not True else True for one in schemas)

    def _inside(self, schema: Json, name: str, depth: int) -> Iterator[Json]:
        """What may stand under a name; True stands for anything."""
        found = self.description.follow(schema)
        known = [key for key in ("properties", "items", *COMBINATIONS) if key in found]
        if schema is True or not known or depth > DEEPEST:
            allowed = schema is True or not found or found.get("type") in (None, "object", "array")
            yield from [True] if allowed else []
            return
        properties = found.get("properties")
        if isinstance(properties, dict) and name in properties:
            yield properties[name]
        elif "additionalProperties" in found and found["additionalProperties"] is not False:
            yield found["additionalProperties"]
        if "items" in found and (name.isdigit() or name in ("*", "-")):
            yield found["items"]
        for key in COMBINATIONS:
            for part in found.get(key, []):
                yield from self._inside(part, name, depth + 1)


def _json_schemas(description: OpenApiDescription, response: Json) -> Iterator[Json]:
    content = description.follow(response).get("content")
    for media_type, told in content.items() if isinstance(content, dict) else ():
        if "json" in media_type and isinstance(told, dict) and "schema" in told:
            yield told["schema"]


def with_value_at(pointer: str, value: Json) -> Json:
    """Return the smallest object that has the value at the pointer."""
    made = value
    for token in reversed(pointer.split("/")[1:]):
        made = {token.replace("~1", "/").replace("~0", "~"): made}
    return made
