"""Simple conditions: operators, literals, comparison, and what holds without a response."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arazzo import condition
from arazzo.context import Context, ResponseView
from arazzo.errors import ExpressionError

BODY: Any = {
    "status": "Complete",
    "ok": True,
    "data": [{"id": 1}],
    "empty": [],
    "none": None,
    "zero": 0,
    "big": 9007199254740993,
    "date": "2024-01-02",
    "items": [{"id": 1, "k": "u"}, {"id": 2, "k": "v"}],
    "huge": 10**400,
}
CONTEXT = Context(
    inputs={"s": "S", "$filter": "F", "n": "30"},
    response=ResponseView(200, {"content-type": "application/json; charset=utf-8"}, BODY),
)


@dataclass(frozen=True)
class Case:
    """One row: a text, and what it is."""

    text: str
    holds: bool
    deviations: tuple[str, ...] = ()


ROOT = ("root-path",)
CASES = [
    # precedence and grouping
    Case("true || false && false", holds=True),
    Case("(true || false) && false", holds=False),
    Case("!false && !(1 == 2)", holds=True),
    Case("!!$statusCode", holds=True),
    # texts, numbers, booleans
    Case("$inputs.s == 's'", holds=True),
    Case("'it''s' == 'IT''S'", holds=True),
    Case("$inputs.n == 30", holds=True),
    Case("$inputs.n > 4", holds=True),
    Case("200.0 == $statusCode", holds=True),
    Case("$response.body.ok == 'TRUE'", holds=True),
    Case("$response.body.ok == 1", holds=False),
    Case("$response.body.zero == false", holds=False),
    Case("$response.body.big == 9007199254740993", holds=True),
    Case("$response.body.big == '9007199254740992'", holds=False),
    Case("$response.body.huge > 1.5", holds=True),
    Case("1e999 <= 1e999", holds=True),
    Case("$response.body.date < '2024-01-03'", holds=True),
    # null and absent
    Case("$response.body.missing == null", holds=True),
    Case("$response.body.none == null", holds=True),
    Case("$response.body.missing != null", holds=False),
    Case("$response.body.missing < 1", holds=False),
    Case("$response.body.none <= null", holds=False),
    Case("$inputs.zz", holds=False),
    Case("'' == null", holds=False),
    # length
    Case("$response.body.data.length > 0", holds=True),
    Case("$response.body.missing.length == 0", holds=True),
    Case("$response.body.none.length == 0", holds=True),
    Case("$.missing.length == 0", holds=True, deviations=ROOT),
    Case("$.items[?(@.id == 2)].length == 1", holds=True, deviations=ROOT),
    Case("$.items[?(@.id == 7)].length == 0", holds=True, deviations=ROOT),
    # the dialect
    Case('$.status == "complete"', holds=True, deviations=(*ROOT, "double-quoted-string")),
    Case('$.status == "queued" || $.ok', holds=True, deviations=(*ROOT, "double-quoted-string")),
    Case("$.items[?(@.k == '$inputs.s')].id == 1", holds=False, deviations=ROOT),
    Case("$ != null", holds=True, deviations=ROOT),
    Case(
        "$response.header.Content-Type == application/json",
        holds=True,
        deviations=("unquoted-string",),
    ),
    Case("'application/json; charset=latin-1' == $response.header.content-type", holds=True),
    Case("$inputs.$filter == 'f'", holds=True, deviations=("name-outside-grammar",)),
    Case("$response.body['status'] == 'complete'", holds=True),
    Case("$response.body#/items/0/id==1", holds=True),
]


@pytest.mark.parametrize("case", CASES, ids=attrgetter("text"))
def test_holds(case: Case) -> None:
    """Strings without case, numbers by value, absent as null, nothing else has an order."""
    parsed = condition.parse(case.text)
    assert condition.evaluate(parsed, CONTEXT, BODY) is case.holds
    assert parsed.deviations == case.deviations


@pytest.mark.parametrize(
    "text",
    [
        "$statusCode != 200",
        "!($statusCode == 200)",
        "!$response.body",
        "$response.body.x == null",
        "true || $statusCode == 200",
        "$inputs.x[?(@.a == $response.body.b)] == null",
    ],
)
def test_without_a_response_what_reads_one_is_false(text: str) -> None:
    """After a transport failure a criterion that reads a response is false as a whole."""
    assert condition.evaluate(condition.parse(text), Context()) is False


def test_without_a_response_the_rest_holds() -> None:
    """What reads no response is judged as ever."""
    assert condition.evaluate(condition.parse("$url == null"), Context())


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("", 0, "a value"),
        ("$statusCode ==", 14, "a value"),
        ("$statusCode = 200", 12, "an operator or the end"),
        ("$statusCode === 200", 14, "a value"),
        ("1 < 2 < 3", 6, "an operator or the end"),
        ("(true", 5, "`)`"),
        ("'abc", 0, "a closing '"),
        ("$5 == 1", 0, "a runtime expression"),
        ("true && abc", 8, "an operator behind a word"),
        ("true && status == 'complete'", 8, "an expression to compare the word with"),
        ("@.status == 'complete'", 0, "an expression to compare the word with"),
        ("(1 == 1) == true", 16, "values on both sides of a comparison"),
        ("!" * 200 + "true", 100, "at most 100 levels of `!` and parentheses"),
        ("(" * 200, 100, "at most 100 levels of `!` and parentheses"),
        ("x" * 20_001, 0, "at most 20000 characters"),
        ("true && $response.x", 17, "`.header.NAME`, `.query.NAME`"),
        ("$.a[?(@.b == $response.x)] == 1", 22, "`.header.NAME`, `.query.NAME`"),
    ],
)
def test_refusals(text: str, offset: int, expected: str) -> None:
    """A refusal says where, and what was expected there."""
    with pytest.raises(ExpressionError) as caught:
        condition.parse(text)
    assert caught.value.offset == offset
    assert caught.value.expected.startswith(expected)


def test_deep_and_long_conditions_evaluate() -> None:
    """The bound on depth keeps well inside Python's own; chains are no depth."""
    assert condition.evaluate(condition.parse("(" * 99 + "true" + ")" * 99), Context())
    assert condition.evaluate(condition.parse("true" + " && true" * 2_000), Context())


def test_expressions_inside_filters_count() -> None:
    """What a filter on the context reads must be known to the plan as well (O12)."""
    parsed = condition.parse("$.items[?(@.k == '$inputs.s')].length > 0 && $statusCode == 200")
    assert [one.text for one in condition.expressions_of(parsed)] == ["$inputs.s", "$statusCode"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="$.inputsa<>=!&|()[]'\" 0-1e@?*{}", max_size=40))
def test_only_our_own_error(text: str) -> None:
    """Whatever the text, the outcome is true, false or an ExpressionError."""
    try:
        parsed = condition.parse(text)
    except ExpressionError as error:
        at = error.offset
        assert 0 <= at <= len(text)
        return
    assert condition.evaluate(parsed, CONTEXT, BODY) in (True, False)
