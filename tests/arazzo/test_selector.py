"""Selector objects: three languages, their versions, and what nothing, one and several give."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arazzo import selector
from arazzo.context import ABSENT, Context, ResponseView
from arazzo.errors import ExpressionError

BODY: Any = {
    "board": [["x", "o"], ["", "x"]],
    "none": None,
    "items": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}],
}
XML = """<order xmlns:p="urn:p"><p:id>7</p:id><item n="1">A</item><item n="2">B</item></order>"""
CONTEXT = Context(
    inputs={"json": BODY, "text": "abc"},
    steps={"fetch": {"xml": XML}},
    response=ResponseView(200, {}, BODY),
)


def written(text: Any, kind: Any, context: str = "$response.body") -> dict[str, Any]:
    """Return a selector object as a document has it."""
    return {"context": context, "selector": text, "type": kind}


def evaluated(text: str, kind: Any, context: str = "$response.body") -> Any:
    """Return what a selector object selects."""
    return selector.evaluate(selector.parse(written(text, kind, context)), CONTEXT)


ORDER = "$steps.fetch.outputs.xml"


@pytest.mark.parametrize(
    ("text", "kind", "context", "found"),
    [
        ("$.board[1][1]", "jsonpath", "$response.body", "x"),
        ("$.board[0]", "jsonpath", "$response.body", ["x", "o"]),
        ("$.items[?@.sku == 'B'].n", "jsonpath", "$inputs.json", 2),
        ("$.items[*].n", "jsonpath", "$inputs.json", [1, 2]),
        ("$..sku", "jsonpath", "$inputs.json#/items", ["A", "B"]),
        ("$.none", "jsonpath", "$response.body", None),
        ("$.missing", "jsonpath", "$response.body", ABSENT),
        ("$.missing[*]", "jsonpath", "$response.body", ABSENT),
        ("$", "jsonpath", "$response.body", BODY),
        ("$.a", "jsonpath", "$inputs.text", ABSENT),
        ("/board/0", "jsonpointer", "$response.body", ["x", "o"]),
        ("/items/1/sku", "jsonpointer", "$response.body", "B"),
        ("", "jsonpointer", "$response.body", BODY),
        ("/missing", "jsonpointer", "$response.body", ABSENT),
        ("/none", "jsonpointer", "$response.body", None),
        ("/order/item[@n='2']", "xpath", ORDER, "B"),
        ("//item", "xpath", ORDER, ["A", "B"]),
        ("//p:id", "xpath", ORDER, "7"),
        ("count(//item)", "xpath", ORDER, 2),
        ("//nothing", "xpath", ORDER, ABSENT),
        ("//a", "xpath", "$response.body", ABSENT),
        ("//a", "xpath", "$inputs.text", ABSENT),
        ("//item + 1", "xpath", ORDER, ABSENT),
        ("/x", "jsonpointer", "$inputs.missing", ABSENT),
        ("/order/item", "jsonpointer", ORDER, ABSENT),
        ("//item", "xpath", f"{ORDER}#/order", ABSENT),
    ],
)
def test_what_is_selected(text: str, kind: str, context: str, found: Any) -> None:
    """Nothing is absent, one value is itself, several are a list, in all languages alike."""
    assert evaluated(text, kind, context) == found


@pytest.mark.parametrize(
    ("text", "kind", "version"),
    [
        ("$.none", "jsonpath", "rfc9535"),
        ("$.none", "jsonpath", "draft-goessner-dispatch-jsonpath-00"),
        ("/none", "jsonpointer", "rfc6901"),
        *[("//a", "xpath", f"xpath-{number}") for number in ("10", "20", "30", "31")],
    ],
)
def test_expression_type_objects(text: str, kind: str, version: str) -> None:
    """Arazzo 1.1.0, 5.8.13: the versions that are there; a type without one has its default."""
    parsed = selector.parse(written(text, {"type": kind, "version": version}))
    assert parsed.kind == kind
    assert selector.parse(written(text, {"type": kind})).kind == kind
    with pytest.raises(ExpressionError, match=version) as caught:
        selector.parse(written(text, {"type": kind, "version": "other"}))
    assert caught.value.reason == "unknown-version"


def test_a_version_is_that_of_its_own_type() -> None:
    """`rfc9535` is no version of XPath (the standard's own failing example)."""
    with pytest.raises(ExpressionError, match="not `rfc9535`"):
        selector.parse(written("//a", {"type": "xpath", "version": "rfc9535"}))
    assert evaluated("if (1) then 2 else 3", "xpath", ORDER) == 2
    with pytest.raises(ExpressionError):
        selector.parse(written("if (1) then 2 else 3", {"type": "xpath", "version": "xpath-10"}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (written("$.a == 1", "jsonpath"), "a JSONPath query (RFC 9535)"),
        (written("a/b", "jsonpointer"), "a JSON Pointer such as `/name/0`"),
        (written("//a[", "xpath"), "XPath ("),
        (written("doc('x')", "xpath"), "an XPath expression without `doc()`"),
        (written("$.a", "jmespath"), "a type jsonpath, jsonpointer, xpath"),
        (written("$.a", None), "a type jsonpath, jsonpointer, xpath"),
        (written("$.a", {"version": "rfc9535"}), "a type jsonpath, jsonpointer, xpath"),
        (written("$.a", {"type": [], "version": 1}), "a type jsonpath, jsonpointer, xpath"),
        (written(7, "jsonpath"), "a text as `selector`"),
        (written("$.a", "jsonpath", "$nothing"), "`$` and one of"),
        (written("/" * 100_000, "jsonpointer"), "at most 10000 characters"),
        (written("$" * 100_000, "jsonpath"), "at most 10000 characters"),
        (written("(" * 9_000, "xpath"), "at most 5000 characters"),
    ],
)
def test_refusals(value: dict[str, Any], expected: str) -> None:
    """A selector that can't be read is refused with its place, within a second."""
    begin = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        selector.parse(value)
    assert caught.value.expected.startswith(expected)
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (written("$.a", "jsonpath"), True),
        (written("$.a", "nonsense"), True),
        ({**written("$.a", "jsonpath"), "x-note": 1}, True),
        ({**written("$.a", "jsonpath"), "id": 1}, False),
        ({"context": "$inputs.a", "selector": "$"}, False),
        ({"context": "spring", "selector": "css", "type": "button"}, False),
        ({"context": 1, "selector": "$.a", "type": "jsonpath"}, False),
        ("$inputs.a", False),
        ([written("$.a", "jsonpath")], False),
    ],
)
def test_what_is_a_selector_object(value: Any, *, is_one: bool) -> None:
    """Its three fields and nothing else, the context an expression: other objects are payload."""
    assert selector.is_selector(value) is is_one


def test_what_it_reads() -> None:
    """The check of names and the plan learn the context's expression, and those in its filters."""
    parsed = selector.parse(written("$.a", "jsonpath", "$inputs.json"))
    assert [one.text for one in parsed.expressions()] == ["$inputs.json"]


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="$/.*[]?@'=aitems01()~\ud800", max_size=20),
    st.sampled_from(["jsonpath", "jsonpointer", "xpath"]),
    st.sampled_from(["$response.body", ORDER, "$inputs.text"]),
)
def test_only_our_own_error(text: str, kind: str, context: str) -> None:
    """Whatever the text, the outcome is a value, absent or an ExpressionError."""
    try:
        parsed = selector.parse(written(text, kind, context))
    except ExpressionError:
        return
    selector.evaluate(parsed, CONTEXT)
