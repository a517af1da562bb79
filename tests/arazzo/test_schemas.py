"""Reading schemas: only what is certain is said, so a schema that can't be followed allows all."""

from __future__ import annotations

from typing import Any

import pytest

from arazzo import yaml_text
from arazzo.openapi import OpenApiDescription
from arazzo.schemas import SchemaReader, with_value_at

DESCRIPTION = OpenApiDescription(
    yaml_text.read("openapi: 3.0.3\ncomponents: {schemas: {A: {properties: {a: {}}}}}", "a.yaml")
)
NAMED = {"properties": {"a": {"properties": {"b": {"type": "string"}}}}}
LISTS = {"type": "array", "items": NAMED}


def reader(*schemas: Any) -> SchemaReader:
    """Return a reader of schemas, any of which may hold."""
    return SchemaReader(DESCRIPTION, schemas)


@pytest.mark.parametrize(
    ("schema", "pointer", "known"),
    [
        (NAMED, "/a", True),
        (NAMED, "/a/b", True),
        (NAMED, "/a/b/c", False),
        (NAMED, "/c", False),
        (NAMED, "/a.b", True),
        (NAMED, "/a.c", False),
        (LISTS, "/0/a", True),
        (LISTS, "/*/a", True),
        (LISTS, "/a", False),
        ({"properties": {"l": LISTS}}, "/l[0].a.b", True),
        ({"properties": {"l": LISTS}}, "/l.a.b", True),
        ({"properties": {"a~/b": {}}}, "/a~0~1b", True),
        ({"properties": {"a": {}}, "additionalProperties": False}, "/b", False),
        ({"properties": {"a": {}}, "additionalProperties": True}, "/b/c", True),
        ({"properties": {"a": {}}, "patternProperties": {"b": {}}}, "/b", True),
        ({"properties": {"a": {}}, "discriminator": {"propertyName": "a"}}, "/b", True),
        ({"properties": {}}, "/b", True),
        ({"type": "object"}, "/b", True),
        ({"type": ["object", "null"]}, "/b", True),
        ({"type": "string"}, "/b", False),
        ({"$ref": "#/components/schemas/A"}, "/a", True),
        ({"$ref": "#/components/schemas/A"}, "/b", False),
        ({"$ref": "#/components/schemas/gone"}, "/b", True),
        ({"allOf": [NAMED, {"required": ["x"]}]}, "/x", False),
        ({"allOf": [NAMED, {"$ref": "#/components/schemas/gone"}]}, "/x", True),
        ({"oneOf": [NAMED, {"type": "null"}]}, "/a/b", True),
        ({"oneOf": [NAMED, {"type": "null"}]}, "/x", False),
        ({"anyOf": [NAMED, {}]}, "/x", True),
    ],
)
def test_what_may_stand_at_a_pointer(schema: Any, pointer: str, known: bool) -> None:
    """False only where the schema tells all that there is."""
    assert reader(schema).has(pointer) is known


def test_any_of_several_responses_may_have_it() -> None:
    """An answer of another status may be of another kind."""
    both = reader(NAMED, {"properties": {"c": {}}})
    assert both.has("/c")
    assert both.has("/a/b")
    assert not both.has("/d")
    assert both.closest("/d") == "there are: a, c"


def test_values_of_an_enum_are_all_told_or_none() -> None:
    """Two schemas with values of their own leave it open which one holds."""
    told = {"properties": {"s": {"enum": ["a", None]}}}
    assert reader(told).enum_at("/s") == ["a", None]
    assert reader(told, told).enum_at("/s") == []
    assert reader(NAMED).enum_at("/a") == []


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"type": "integer"}, 5, True),
        ({"type": "integer"}, "5", False),
        ({"type": "integer", "nullable": True}, None, True),
        ({"type": ["integer", "null"]}, None, True),
        ({"enum": ["a"]}, "b", False),
        ({"type": "thing"}, "b", True),
        ({}, "b", True),
    ],
)
def test_literals_of_a_payload(schema: Any, value: Any, fits: bool) -> None:
    """Type, enum and const of the property itself are compared; a wrong schema says nothing."""
    body = reader({"properties": {"a": schema}})
    assert (body.problem("a", value) == "") is fits


def test_a_form_has_no_types() -> None:
    """All of its values are written as text."""
    form = SchemaReader(DESCRIPTION, ({"properties": {"a": {"type": "string"}}},), is_json=False)
    assert form.problem("a", 5) == ""


def test_a_value_stands_at_its_pointer() -> None:
    """The smallest object that has it."""
    assert with_value_at("/a~1b/c", 1) == {"a/b": {"c": 1}}
    assert with_value_at("", 1) == 1
