"""Reading JSON Schemas of operations: what stands at a pointer, and what a property may be.

Only what is certain is said: a schema that can't be followed to its end allows everything.
"""

from __future__ import annotations

import re
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
TELLING: Final = ("properties", "items", "additionalProperties", "patternProperties")
LONGEST_SAID: Final = 200
COMBINATIONS: Final = ("allOf", "oneOf", "anyOf")
UNREADABLE: Final = (
    "discriminator", "patternProperties", "prefixItems", "if", "$dynamicRef",
    "unevaluatedProperties", "dependentSchemas",
)  # fmt: skip
"""Keywords that may put more into a schema than its properties tell."""

OPENING: Final = ("patternProperties", "oneOf", "anyOf", "if", "dependentSchemas", "discriminator")
_NAMES: Final = re.compile(r"[^.\[\]'\"]+")


@dataclass(frozen=True)
class SchemaReader:
    """A schema, or several any of which may hold, with the description they refer into.

    `is_json` is false for forms and parts, whose values are all written as text.
    """

    description: OpenApiDescription
    schemas: tuple[Json, ...]
    is_json: bool = True

    @classmethod
    def of_success(cls, found: FoundOperation) -> SchemaReader | None:
        """Return the schemas of the JSON bodies of a success, None when one may be anything.

        The default response is read as the success where no other is told.
        """
        responses = {str(status): one for status, one in found.operation.responses.items()}
        told = [one for status, one in responses.items() if status.startswith("2")]
        if not told and "default" in responses:
            told = [responses["default"]]
        schemas = [one for response in told for one in _schemas(found.description, response)]
        return cls(found.description, tuple(schemas)) if schemas and True not in schemas else None

    @classmethod
    def of_body(cls, found: FoundOperation, content_type: str | None) -> SchemaReader | None:
        """Return the schema of the request body of a media type, None when it is not told."""
        wanted = _essence(content_type or "")
        for media_type, media in found.operation.body_content.items():
            if _essence(media_type) == wanted and isinstance(media, dict) and media.get("schema"):
                return cls(found.description, (media["schema"],), "json" in wanted)
        return None

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
        found = [key for schema in self._at(parent) for key in self._properties(schema)]
        known = list(dict.fromkeys(found))
        close = get_close_matches(name, known, n=1)
        if close:
            return f"did you mean `{parent}/{close[0]}`?"
        return f"there are: {', '.join(known[:10])}" if known else ""

    @property
    def required(self) -> list[str]:
        """Return the required properties that no `readOnly` takes out."""
        found: list[str] = []
        for schema in self._parts(self.schemas[0]):
            names = schema.get("required")
            found += (
                [one for one in names if isinstance(one, str)] if isinstance(names, list) else []
            )
        known = self._properties(self.schemas[0])
        writable = [one for one in found if not known.get(one, {}).get("readOnly")]
        return list(dict.fromkeys(writable))

    def refuses(self, name: str) -> bool:
        """Return whether an object with that property can't be valid."""
        parts = list(self._parts(self.schemas[0]))
        closed = any(part.get("additionalProperties") is False for part in parts)
        plain = not any(key in part for part in parts for key in OPENING)
        return closed and plain and name not in self._properties(self.schemas[0])

    def is_secret(self, name: str) -> bool:
        """Return whether a property is a password."""
        return bool(self._properties(self.schemas[0]).get(name, {}).get("format") == "password")

    def problem(self, name: str, value: Json) -> str:
        """Return why the value can't stand at a property; the empty text when it may."""
        schema = self._properties(self.schemas[0]).get(name)
        if schema is None or (value is None and schema.get("nullable")):
            return ""
        wanted = {key: schema[key] for key in ("type", "enum", "const") if key in schema}
        if not self.is_json:  # a number in a form is a text
            wanted.pop("type", None)
        return _misfit(wanted, value)

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
        for part in _list(followed.get("allOf")) if depth < DEEPEST else []:
            yield from self._parts(part, depth + 1)

    def _at(self, pointer: str) -> Iterator[Json]:
        schemas: list[Json] = list(self.schemas)
        for token in pointer.removeprefix("/").split("/") if pointer else []:
            schemas = self._behind(schemas, token.replace("~1", "/").replace("~0", "~"))
        yield from (self.description.follow(one) if one is not True else True for one in schemas)

    def _behind(self, schemas: list[Json], token: str) -> list[Json]:
        """What may stand behind a token: the exact name first, then the way that it spells."""
        found = [one for schema in schemas for one in self._inside(schema, token, 0)]
        if found or not any(mark in token for mark in ".["):
            return found
        for name in _NAMES.findall(token):
            schemas = [one for schema in schemas for one in self._named(schema, name)]
        return schemas

    def _named(self, schema: Json, name: str) -> Iterator[Json]:
        """A name on a list is one of its elements, as navigation has it."""
        yield from self._inside(schema, name, 0)
        items = self.description.follow(schema).get("items") if schema is not True else None
        if items is not None and not _is_index(name):
            yield from self._inside(items, name, 0)

    def _inside(self, schema: Json, name: str, depth: int) -> Iterator[Json]:
        """What may stand under a name; True stands for anything."""
        if schema is True or depth > DEEPEST:
            yield True
            return
        found = self.description.follow(schema)
        known = [key for key in ("properties", "items", "oneOf", "anyOf") if found.get(key)]
        known += ["allOf"] if any(map(self._tells, _list(found.get("allOf")))) else []
        if not known or any(key in found for key in UNREADABLE):
            yield from [True] if _may_hold_more(found) else []
            return
        yield from self._directly(found, name)
        for key in COMBINATIONS:
            for part in _list(found.get(key)):
                if key != "allOf" or self._tells(part):
                    yield from self._inside(part, name, depth + 1)

    def _tells(self, part: Json) -> bool:
        """Whether a part that must hold too says what may stand there: not `required` alone."""
        found = self.description.follow(part)
        return not found or any(found.get(key) for key in (*TELLING, *COMBINATIONS))

    def _directly(self, found: dict[str, Any], name: str) -> Iterator[Json]:
        properties = found.get("properties")
        if isinstance(properties, dict) and name in properties:
            yield properties[name]
        elif found.get("additionalProperties", False) is not False:
            yield found["additionalProperties"]
        if "items" in found and _is_index(name):
            yield found["items"]


def _may_hold_more(found: dict[str, Any]) -> bool:
    """Whether a schema without properties may be an object or a list."""
    types = found.get("type")
    named = types if isinstance(types, list) else [types]
    return any(one in (None, "object", "array") for one in named) and "enum" not in found


def _is_index(name: str) -> bool:
    return name.isdigit() or name in ("*", "-")


def _schemas(description: OpenApiDescription, response: Json) -> Iterator[Json]:
    """The schemas of a response's JSON bodies; True for one that may be anything."""
    content = description.follow(response).get("content")
    told = content if isinstance(content, dict) else {}
    json_bodies = [one for kind, one in told.items() if "json" in kind.lower() or kind == "*/*"]
    if told and not json_bodies:
        yield True
    for media in json_bodies:
        yield media.get("schema", True) if isinstance(media, dict) else True


def _essence(media_type: str) -> str:
    return media_type.split(";", maxsplit=1)[0].strip().lower()


def _list(node: Json) -> list[Any]:
    return node if isinstance(node, list) else []


def _misfit(schema: dict[str, Any], value: Json) -> str:
    """Why a value does not fit; nothing where the schema itself is none."""
    try:
        validator = jsonschema_rs.Draft202012Validator(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        return ""
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return str(error.message)[:LONGEST_SAID]
    return ""


def with_value_at(pointer: str, value: Json) -> Json:
    """Return the smallest object that has the value at the pointer."""
    made = value
    for token in reversed(pointer.split("/")[1:]):
        made = {token.replace("~1", "/").replace("~0", "~"): made}
    return made
