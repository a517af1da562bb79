"""Inputs against their schema: defaults, secrets by name, and names that nobody declared."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import jsonschema_rs
import pytest

from arazzo.errors import InputInvalid
from arazzo.inputs import InputsSchema, is_secret

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "token": {"type": "string", "pattern": "^tok_"},
        "size": {"type": "integer", "default": 5, "maximum": 9},
        "mode": {"enum": ["fast", "slow"]},
        "nested": {"type": "object", "properties": {"ids": {"items": {"type": "integer"}}}},
        "nothing": {"default": None},
    },
}
SECRETS = ("token",)
NAMED = {"$secret": "jobs_token"}


def problems(given: Any, schema: Any = SCHEMA) -> str:
    """Return all that is wrong, or the empty text."""
    try:
        InputsSchema(schema).check(given, SECRETS)
    except InputInvalid as error:
        return error.message
    return ""


@dataclass(frozen=True)
class Case:
    """One row: inputs, and what is wrong with them."""

    id: str
    given: Any
    wrong: str


CASES = [
    Case("right", {"name": "a"}, ""),
    Case("nothing given", None, '"name" is a required property'),
    Case("no object", ["a"], "the inputs must be one JSON object, not list"),
    Case("a text", "name=a", "the inputs must be one JSON object, not str"),
    Case("wrong type", {"name": 1}, '`name`: 1 is not of type "string"'),
    Case("limit", {"name": "a", "size": 10}, "`size`: 10 is greater than the maximum of 9"),
    Case("deep", {"name": "a", "nested": {"ids": ["x"]}},
         '`nested.ids.0`: "x" is not of type "integer"'),
    Case("two at once", {"name": "", "size": "x"},
         '`size`: "x" is not of type "integer"; `name`: "" is shorter than 1 character'),
    Case("a name misspelled", {"name": "a", "siz": 1},
         "there is no input `siz`; did you mean `size`?"),
    Case("a name like no other", {"name": "a", "zzzzzz": 1}, ""),
    # secrets
    Case("a secret by name", {"name": "a", "token": NAMED}, ""),
    Case("a secret in plain", {"name": "a", "token": "tok_1"},
         "`token` is secret, so it must be given by name and not in plain: "
         '--secret token=NAME, or {"$secret": "NAME"}'),
    Case("no secret", {"name": "a", "token": None}, ""),
    Case("a secret elsewhere", {"name": NAMED},
         "`name` is not secret, so it can't be given as a secret's name"),
    Case("a secret inside a value", {"name": "a", "nested": {"a": [{"b": NAMED}]}},
         "`nested` is not secret, so it can't be given as a secret's name"),
    Case("a secret with company", {"name": "a", "token": {**NAMED, "more": 1}},
         "`token` is secret, so it must be given by name and not in plain: "
         '--secret token=NAME, or {"$secret": "NAME"}'),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=attrgetter("id"))
def test_check(case: Case) -> None:
    """All that is wrong is told at once, with the name of the input."""
    assert problems(case.given) == case.wrong


def test_a_secret_is_never_repeated() -> None:
    """A plain value that was given for a secret does not get into the message."""
    assert "tok_very_private" not in problems({"name": "a", "token": "tok_very_private"})
    assert "private" not in problems({"name": "a", "token": {"private": 1}})


def test_defaults_are_applied() -> None:
    """Also a default of null; what was given stays, null included."""
    schema = InputsSchema(SCHEMA)
    assert schema.check({"name": "a"}, ()) == {"name": "a", "size": 5, "nothing": None}
    given = {"name": "a", "size": 7, "nothing": 1}
    assert schema.check(given, ()) == given


def test_a_default_that_does_not_fit_is_found() -> None:
    """Defaults are inputs like any other."""
    schema = {"properties": {"a": {"type": "integer", "default": "x"}}}
    assert problems({}, schema) == '`a`: "x" is not of type "integer"'


def test_long_messages_are_cut() -> None:
    """A large value is not repeated in full."""
    assert len(problems({"name": ["x" * 10_000]})) < 400


@pytest.mark.parametrize("schema", [None, {}, True, {"type": "object"}], ids=repr)
def test_without_properties_each_name_is_allowed(schema: Any) -> None:
    """A document that declares nothing takes everything as optional (O15)."""
    inputs = InputsSchema(schema)
    assert not inputs.declares
    assert inputs.check({"any": 1}, ()) == {"any": 1}


def test_names_that_a_schema_forbids() -> None:
    """`additionalProperties: false` is the document's own word."""
    schema = {"properties": {"a": {}}, "additionalProperties": False}
    assert "zzz" in problems({"zzz": 1}, schema)


COMPONENTS = {
    "job": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"$ref": "#/components/inputs/id"}, "size": {"default": 1}},
    },
    "id": {"type": "string", "format": "password", "default": "x"},
}


def test_a_schema_by_reference() -> None:
    """`$ref` into the components of the document, for all inputs or for one."""
    inputs = InputsSchema({"$ref": "#/components/inputs/job"}, COMPONENTS)
    assert list(inputs.properties) == ["id", "size"]
    assert inputs.properties["id"]["format"] == "password"
    assert inputs.required == ["id"]
    assert inputs.check({}, ()) == {"id": "x", "size": 1}
    with pytest.raises(InputInvalid, match='7 is not of type "string"'):
        inputs.check({"id": 7}, ())


def test_definitions_beside_the_properties() -> None:
    """`#/$defs/…` is read as if the schema were a document of its own; siblings of `$ref` count."""
    schema = {
        "properties": {"a": {"$ref": "#/$defs/b", "default": "x"}},
        "$defs": {"b": {"$ref": "#/$defs/c", "title": "B"}, "c": {"type": "string"}},
    }
    inputs = InputsSchema(schema)
    assert inputs.properties["a"]["type"] == "string"
    assert inputs.check({}, ()) == {"a": "x"}
    assert problems({"a": 1}, schema) == '`a`: 1 is not of type "string"'


def test_a_circle_of_references() -> None:
    """It is followed no further than any chain."""
    schema = {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"$ref": "#/$defs/b"}}}
    assert list(InputsSchema(schema).properties) == ["a"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "text"},
        {"properties": 1},
        {"required": "a"},
        {"properties": {"a": {"pattern": "("}}},
        7,
    ],
    ids=str,
)
def test_what_is_no_schema(schema: Any) -> None:
    """It is refused when the document is read, and not when a run begins."""
    with pytest.raises(jsonschema_rs.ValidationError):
        InputsSchema(schema)


@pytest.mark.parametrize("uri", ["https://elsewhere.test/schema.json", "file:///etc/hostname"])
@pytest.mark.parametrize("key", ["$ref", "$dynamicRef"])
def test_a_reference_leads_nowhere_outside(uri: str, key: str) -> None:
    """A document must not make the worker fetch what stands in its schema, nor read its files."""
    with pytest.raises(jsonschema_rs.ValidationError, match="retrieving it failed"):
        InputsSchema({"properties": {"a": {key: uri}}})


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        (NAMED, True),
        ({"$secret": "a", "b": 1}, False),
        ({"$secret": 7}, False),
        ({"$sealed": "a"}, False),
        ("$secret", False),
        (None, False),
    ],
    ids=str,
)
def test_is_secret(value: Any, *, secret: bool) -> None:
    """One key, and the name as its text."""
    assert is_secret(value) is secret
