"""The inputs of a run against the workflow's JSON Schema (draft 2020-12), with defaults applied.

A secret input is given by name, `{"$secret": "name"}`, never in plain; no other input may be one.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from arazzo.blobs import is_blob
from arazzo.errors import InputInvalid
from arazzo.navigation import resolve_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from arazzo.context import Json

SECRET_KEY: Final = "$secret"  # noqa: S105 - the name of a key, not a secret
SEALED_KEY: Final = "$sealed"
"""The key of a secret output, which an activity has encrypted (activities/sealing.py)."""
_SCHEMA_POINTER: Final = "#/durazzo/inputs"
_DEFINITIONS: Final = ("$defs", "definitions")
"""`#` is the document, but schemas are often written as if it were the schema itself."""
LONGEST_REFERENCE_CHAIN: Final = 32


def is_secret(value: Json) -> bool:
    """Return whether a value is a secret by name."""
    return _has_only(value, SECRET_KEY)


def is_sealed(value: Json) -> bool:
    """Return whether a value is a sealed output."""
    return _has_only(value, SEALED_KEY)


def _has_only(value: Json, key: str) -> bool:
    return isinstance(value, dict) and set(value) == {key} and isinstance(value[key], str)


def is_hidden(value: Json) -> bool:
    """Return whether a value stands for a secret, by name or sealed."""
    return is_secret(value) or is_sealed(value)


def holds_hidden(value: Json) -> bool:
    """Return whether a value is hidden, or holds one that is, at any depth."""
    return _holds(value, is_hidden)


class InputsSchema:
    """The schema of a workflow's inputs, with the document's components in reach of its `$ref`."""

    def __init__(self, schema: Json, component_inputs: dict[str, Any] | None = None) -> None:
        """Compile the schema. Raises jsonschema_rs.ValidationError when it is no JSON Schema."""
        self.schema: dict[str, Any] = schema if isinstance(schema, dict) else {}
        self.components = component_inputs or {}
        own: dict[str, Any] = {
            name: self.schema[name] for name in _DEFINITIONS if name in self.schema
        }
        self._root = {
            **own,
            "components": {"inputs": self.components},
            "durazzo": {"inputs": schema if schema is not None else True},
            "$ref": _SCHEMA_POINTER,
        }
        self._validator = jsonschema_rs.Draft202012Validator(self._root, retriever=_refuse_to_fetch)

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        """Return the declared inputs with their schemas, references followed."""
        found = self._followed(self.schema).get("properties")
        properties = found if isinstance(found, dict) else {}
        return {name: self._followed(schema) for name, schema in properties.items()}

    @property
    def required(self) -> list[str]:
        """Return the names of the required inputs."""
        found = self._followed(self.schema).get("required")
        return [str(name) for name in found] if isinstance(found, list) else []

    @property
    def declares(self) -> bool:
        """Return whether the schema names properties at all; without any, each name is allowed."""
        return bool(self.properties)

    @property
    def is_open(self) -> bool:
        """Return whether a caller may give more than what is declared, as JSON Schema has it."""
        schema = self._followed(self.schema)
        ends = ("additionalProperties", "unevaluatedProperties")
        return all(schema.get(end, True) is not False for end in ends)

    def requiring(self, names: Collection[str]) -> InputsSchema:
        """Return the schema that also requires inputs of those names."""
        if not names:
            return self
        required = [*dict.fromkeys([*self.required, *names])]
        return InputsSchema({**self.schema, "required": required}, self.components)

    def _followed(self, schema: Json) -> dict[str, Any]:
        """Follow references inside the document; what stands beside one counts, too."""
        beside: dict[str, Any] = {}
        for _ in range(LONGEST_REFERENCE_CHAIN):
            if not isinstance(schema, dict):
                return beside
            beside = {**schema, **beside}
            reference = schema.get("$ref")
            if not isinstance(reference, str) or reference[:1] != "#":
                return beside
            schema = resolve_pointer(self._root, reference[1:])
        return beside

    def check(
        self, given: Json, secret_inputs: Collection[str], *, handed_on: bool = False
    ) -> dict[str, Any]:
        """Return the inputs with defaults applied. Raises InputInvalid with all that is wrong.

        `handed_on` says that another workflow gives them: then any input may be, or hold, what
        that one has sealed, and a secret one may be what its document has in plain.
        """
        if given is not None and not isinstance(given, dict):
            raise InputInvalid(
                f"the inputs must be one JSON object, not {type(given).__name__}",
                reason="inputs-no-object",
            )
        inputs = self._with_defaults(given or {})
        problems = [
            *self._secret_problems(inputs, secret_inputs, handed_on=handed_on),
            *self._schema_problems(inputs, secret_inputs),
            *self._unknown_names(inputs),
        ]
        if problems:
            raise InputInvalid("; ".join(problems), reason="inputs-invalid")
        return inputs

    def _with_defaults(self, given: dict[str, Any]) -> dict[str, Any]:
        defaults = {
            name: schema["default"]
            for name, schema in self.properties.items()
            if "default" in schema
        }
        return {**defaults, **given}

    def _secret_problems(
        self, inputs: dict[str, Any], secret_inputs: Collection[str], *, handed_on: bool
    ) -> Iterator[str]:
        for name, value in inputs.items():
            may_be_handed = name in secret_inputs or _holds(value, is_sealed)
            if handed_on and may_be_handed and not _holds(value, is_secret):
                continue
            if name in secret_inputs and value is not None and not is_hidden(value):
                yield (
                    f"`{name}` is secret, so it must be given by name and not in plain: "
                    f'--secret {name}=NAME, or {{"{SECRET_KEY}": "NAME"}}'
                )
            if name not in secret_inputs and _holds(value, is_hidden):
                yield f"`{name}` is not secret, so it can't be given as a secret's name"

    def _schema_problems(
        self, inputs: dict[str, Any], secret_inputs: Collection[str]
    ) -> Iterator[str]:
        masked = {
            name: "secret"
            for name, value in inputs.items()
            if name in secret_inputs or is_blob(value) or _holds(value, is_hidden)
        }
        for error in self._validator.iter_errors({**inputs, **masked}):
            if error.instance_path and error.instance_path[0] in masked:
                continue  # what a secret or a blob holds is known only to the worker
            where = ".".join(str(part) for part in error.instance_path)
            shown = f"`{where}`: " if where else ""
            yield f"{shown}{_said(error)}"

    def _unknown_names(self, inputs: dict[str, Any]) -> Iterator[str]:
        if not self.declares:
            return
        for name in inputs:
            close = get_close_matches(name, self.properties, n=1)
            if name not in {*self.properties, *self.required} and close:
                yield f"there is no input `{name}`; did you mean `{close[0]}`?"


def _refuse_to_fetch(uri: str) -> Json:
    """No reference leads out of the document, neither into the network nor to a file."""
    message = f"a schema must stand in its document, and {uri} is outside"
    raise ValueError(message)


def _holds(value: Json, what: Callable[[Json], bool]) -> bool:
    pending = [value]
    while pending:
        one = pending.pop()
        if what(one):
            return True
        if isinstance(one, dict):
            pending.extend(one.values())
        elif isinstance(one, list):
            pending.extend(one)
    return False


def _said(error: jsonschema_rs.ValidationError) -> str:
    message = str(error.message)
    return message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "…"


LONGEST_MESSAGE: Final = 300
