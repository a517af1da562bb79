"""Values with expressions: whole, in braces, bare; payload trees; and the strict vectors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arazzo import template
from arazzo.context import ABSENT, Context, RequestView, ResponseView
from arazzo.errors import ExpressionError

CONTEXT = Context(
    inputs={"s": "S", "a": {"b": 1}, "n": None, "t[]": ["q"], "basicAuth": "c2VjcmV0", "i": 3},
    steps={"get-charge": {"id": "ch_1", "full name": "FN"}},
    request=RequestView("GET", "https://h.test"),
    response=ResponseView(200, {}, {"items": [{"id": 1}]}),
)
BARE = ("bare-expression",)


@dataclass(frozen=True)
class Case:
    """One row: a text, and what it is."""

    text: str
    value: Any
    deviations: tuple[str, ...] = ()


CASES = [
    Case("plain", "plain"),
    Case("$inputs.a", {"b": 1}),
    Case("{$inputs.a}", {"b": 1}, ("braced-whole-value",)),
    Case("{$inputs.i}", 3, ("braced-whole-value",)),
    Case("$inputs.zz", ABSENT),
    Case("$inputs.n", None),
    Case("n={$inputs.n}", "n=null"),
    Case("z={$inputs.zz}.", "z=."),
    Case("a={$inputs.a}", 'a={"b":1}'),
    Case("{$inputs.s}{$inputs.i}", "S3"),
    Case('{"a": "{$inputs.s}"}', '{"a": "S"}'),
    Case("Basic $inputs.basicAuth", "Basic c2VjcmV0", BARE),
    Case("charge $steps.get-charge.outputs.id for", "charge ch_1 for", BARE),
    Case("{$steps.get-charge.outputs.full name}", "FN", ("braced-whole-value", "name-with-space")),
    Case("$5", "$5"),
    Case("a$b", "a$b"),
    Case("$transaction", "$transaction"),
    Case("$statusCodes", "$statusCodes"),
    Case("the $inputs are", "the $inputs are"),
    Case("Hello $inputs.s.", "Hello S.", BARE),
    Case("$inputs.s.", "S.", BARE),
    Case("$inputs.s, $inputs.i", "S, 3", BARE),
    Case("$inputs.s-$inputs.i", "S-3", BARE),
    Case("https://h/$inputs.s/x?y=$inputs.i&z", "https://h/S/x?y=3&z", BARE),
    Case("userName eq '$inputs.s'", "userName eq 'S'", BARE),
    Case("($inputs.s)", "(S)", BARE),
    Case("see $response.body#/items/0/id, then", "see 1, then", BARE),
    Case("has $inputs.t[] too", 'has ["q"] too', (*BARE, "indexed-name")),
    Case("$inputs.t[]", ["q"], ("indexed-name",)),
    Case("{$unknown.x}", "{$unknown.x}"),
    Case("${inputs.s}", "${inputs.s}"),
]


@pytest.mark.parametrize("case", CASES, ids=attrgetter("text"))
def test_value_and_deviations(case: Case) -> None:
    """A whole value keeps its type; inside a text the longest expression becomes text."""
    parsed = template.parse(case.text)
    assert template.evaluate(parsed, CONTEXT) == case.value
    assert parsed.deviations == case.deviations


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("x {$inputs.s", 2, "a closing brace"),
        ("{$response.foo}", 10, "`.header.NAME`, `.query.NAME`, `.path.NAME` or `.body`"),
        ("x $response.foo", 11, "`.header.NAME`, `.query.NAME`, `.path.NAME` or `.body`"),
        ("a {$inputs.b}{$url.x}", 18, "the end of the expression"),
    ],
)
def test_refusals(text: str, offset: int, expected: str) -> None:
    """A known root that goes on wrongly is a mistake, never taken for plain text."""
    with pytest.raises(ExpressionError) as caught:
        template.parse(text)
    assert caught.value.expected == expected
    assert (caught.value.offset, caught.value.text) == (offset, text)


def test_strictly_a_bare_expression_is_plain_text() -> None:
    """`$` is a literal-char of an expression-string (Arazzo 1.1.0, 5.9)."""
    assert template.extract_embedded("$inputs.a and {$url}") == ["$url"]
    assert template.extract_embedded("{$inputs.a b}") == []


def test_payload_of_a_seed() -> None:
    """An optional input that was not given leaves its property out (uploadCohort)."""
    payload = {
        "name": "$inputs.name",
        "ids": "$inputs.ids",
        "owner": "$inputs.owner",
        "existing_cohort_id": "$inputs.existingCohortId",
    }
    context = Context(inputs={"name": "n", "ids": ["a", "b"], "owner": None})
    value = template.evaluate_value(template.compile_value(payload), context)
    assert value == {"name": "n", "ids": ["a", "b"], "owner": None}


def test_trees() -> None:
    """Absent elements are left out; a key is literal unless it is an expression as a whole."""
    tree = {
        "$type": "$transaction",
        "$inputs.s": [1, "$inputs.zz", "$inputs.i", {"deep": "x{$inputs.i}"}],
        "a $inputs.s": True,
    }
    assert template.evaluate_value(template.compile_value(tree), CONTEXT) == {
        "$type": "$transaction",
        "S": [1, 3, {"deep": "x3"}],
        "a $inputs.s": True,
    }
    assert [one.text for one in template.expressions_of(tree)] == [
        "$inputs.s",
        "$inputs.zz",
        "$inputs.i",
        "$inputs.i",
    ]


def test_expressions_inside_filters_count() -> None:
    """What a filter reads must be known to the plan as well (O12)."""
    parsed = template.parse("$steps.s.outputs.x[?(@.key == '$inputs.k')].id")
    assert [one.text for one in template.expressions(parsed)][1:] == ["$inputs.k"]


@pytest.mark.parametrize("unit", ["$inputs.a[ ", "$", "{$inputs.a}", "{", "$inputs.[['", "$ {"])
def test_long_texts_answer_at_once(unit: str) -> None:
    """The time to read a text is in proportion to its length."""
    begin = time.perf_counter()
    template.parse(unit * (100_000 // len(unit)))
    assert time.perf_counter() - begin < 2


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="${}inputsurl.#/~[]?*'\" ,@=0a", max_size=40))
def test_only_our_own_error(text: str) -> None:
    """Whatever the text, the outcome is a value or an ExpressionError."""
    try:
        parsed = template.parse(text)
    except ExpressionError as error:
        at = error.offset
        assert 0 <= at <= len(text)
        return
    template.evaluate(parsed, CONTEXT)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="$"), max_size=30))
def test_a_text_without_dollar_is_itself(text: str) -> None:
    """Without `$` nothing is an expression."""
    assert template.evaluate(template.parse(text), CONTEXT) == text
