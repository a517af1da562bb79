"""Runtime expressions: the grammar to the letter, the dialect beside it, and their values."""

from __future__ import annotations

import time
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arazzo import expression
from arazzo.context import ABSENT, Context, RequestView, ResponseView
from arazzo.errors import ExpressionError

BODY = {"items": [{"id": 1, "k": "u"}, {"id": 2, "k": "it's"}], "s": "abc"}
CONTEXT = Context(
    inputs={
        "a": {"b": 1},
        "a.b": 2,
        "x[]": ["q"],
        "$filter": "F",
        "Order Type": "LMT",
        "k": "it's",
    },
    steps={
        "get-charge": {"id": "ch_1", "full name": "FN", "o": {"p": [1, 2]}, "o.p": 3},
        "a": {"x": 1},
        "a.b": {"x": 2},
    },
    outputs={"z": 1},
    workflows={"w": {"inputs": {"i": 1}, "outputs": {"o": 2}}},
    sources={"pets": {"url": "https://pets.test"}},
    request=RequestView(
        "POST", "https://h.test/x", {"Accept": "j"}, {"page": 2}, {"id": 7}, {"q": 1}
    ),
    response=ResponseView(200, {"x-a": "1"}, BODY),
)


@dataclass(frozen=True)
class Case:
    """One row: a text, and what it is."""

    text: str
    value: Any
    deviations: tuple[str, ...] = ()


CASES = [
    Case("$url", "https://h.test/x"),
    Case("$method", "POST"),
    Case("$statusCode", 200),
    Case("$request.header.ACCEPT", "j"),
    Case("$request.header", {"Accept": "j"}, ("whole-object",)),
    Case("$request.query.page", 2),
    Case("$request.query", {"page": 2}, ("whole-object",)),
    Case("$request.path.id", 7),
    Case("$request.body#/q", 1),
    Case("$response.header.X-A", "1"),
    Case("$response.headers.X-A", "1", ("headers-plural",)),
    Case("$response.header.a b", ABSENT, ("name-outside-grammar",)),
    Case("$response.body", BODY),
    Case("$response.body#", BODY),
    Case("$response.body#/items/1/id", 2),
    Case("$response.body#items/1/id", 2, ("pointer-without-slash",)),
    Case("$response.body.items[1].id", 2, ("dotted-body",)),
    Case("$response.body.items.id", 1, ("dotted-body",)),
    Case("$body", BODY, ("body-root",)),
    Case("$body.s", "abc", ("body-root",)),
    Case("$body#/s", "abc", ("body-root",)),
    Case("$inputs", dict(CONTEXT.inputs), ("whole-object",)),
    Case("$inputs.a.b", 2),
    Case("$inputs.a#/b", 1),
    Case("$inputs.x[]", ["q"], ("indexed-name",)),
    Case("$inputs.$filter", "F", ("name-outside-grammar",)),
    Case("$inputs.Order Type", "LMT", ("name-with-space",)),
    Case("$inputs.zz", ABSENT),
    Case("$inputs.zz[?@.a == 'b c'].d", ABSENT, ("indexed-name",)),
    Case("$outputs.z", 1),
    Case("$steps.get-charge.outputs.id", "ch_1"),
    Case("$steps.get-charge.id", "ch_1", ("steps-without-outputs",)),
    Case("$steps.get-charge.outputs.full name", "FN", ("name-with-space",)),
    Case("$steps.get-charge.outputs.o.p", 3),
    Case("$steps.get-charge.outputs.o#/p/1", 2),
    Case("$steps.get-charge.outputs.o['p'][1]", 2, ("indexed-name",)),
    Case("$steps.a.b.outputs.x", 2, ("name-outside-grammar",)),
    Case("$steps.a.outputs.x", 1),
    Case("$steps.a.outputs", {"x": 1}, ("steps-without-outputs",)),
    Case("$workflows.w.outputs.o", 2),
    Case("$workflows.w.outputs", {"o": 2}, ("name-outside-grammar",)),
    Case("$sourceDescriptions.pets.url", "https://pets.test"),
    Case("$components.parameters.p", ABSENT),
    Case("$self", ABSENT),
    Case("$message.payload#/a", ABSENT),
    Case("$response.body.items[?(@.k == '$inputs.k')].id", 2, ("dotted-body",)),
    Case("$response.body.items[?(@.k == $inputs.k)].id", 2, ("dotted-body",)),
    Case("$response.body.items[*].id", [1, 2], ("dotted-body",)),
]


@pytest.mark.parametrize("case", CASES, ids=attrgetter("text"))
def test_value_and_deviations(case: Case) -> None:
    """The longest declared name wins, then navigation; what is not there is ABSENT."""
    parsed = expression.parse(case.text)
    assert expression.evaluate(parsed, CONTEXT) == case.value
    assert parsed.deviations == case.deviations


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("", 0, "`$` and one of body, components"),
        ("$nothing.a", 0, "`$` and one of body, components"),
        ("$url.x", 4, "the end of the expression"),
        ("$statusCode ", 11, "the end of the expression"),
        ("$inputs.{foo}", 8, "no brace inside an expression"),
        ("$response", 9, "`.header.NAME`, `.query.NAME`, `.path.NAME` or `.body`"),
        ("$response.bodies", 9, "`.header.NAME`, `.query.NAME`, `.path.NAME` or `.body`"),
        ("$response.header.", 17, "the name of a header"),
        ("$inputsX", 0, "`$` and one of body, components"),
        ("$inputs/a", 7, "a `.` and a name"),
        ("$inputs.a[?@.b == $response.x]#/c", 27, "`.header.NAME`"),
        ("$inputs." + "a" * 100_000, 0, "at most 10000 characters"),
    ],
)
def test_refusals(text: str, offset: int, expected: str) -> None:
    """A refusal says where, and what was expected there."""
    with pytest.raises(ExpressionError) as caught:
        expression.parse(text)
    assert caught.value.offset == offset
    assert caught.value.expected.startswith(expected)


def test_no_request_and_no_response() -> None:
    """Before anything was sent there is nothing to read, which is ABSENT."""
    for text in ("$url", "$statusCode", "$response.body#/a", "$request.header.a", "$body"):
        assert expression.evaluate(expression.parse(text), Context()) is ABSENT


def test_references_and_names() -> None:
    """The plan gets the root and the text behind it, and finds the longest declared names."""
    found = expression.references(expression.parse("$steps.a.b.outputs.o.p[0]"))
    assert (found.root, found.rest) == ("steps", "a.b.outputs.o.p[0]")
    known = {"a": {"b"}, "a.b": {"o", "o.p"}}
    assert expression.step_reference(found.rest, known) == ("a.b", "o.p")
    assert expression.step_reference("a.outputs", known) == ("a", None)
    assert expression.step_reference("a.outputs.zz", known) is None
    assert expression.step_reference("zz.outputs.o", known) is None
    assert expression.input_name("Order Type.x", {"Order Type"}) == "Order Type"
    assert expression.input_name("Orders", {"Order"}) is None


def test_reads_response() -> None:
    """Status, body and headers of a response need one; a request does not."""
    answers = {"$statusCode": True, "$response.header.a": True, "$body": True, "$url": False}
    assert {one: expression.reads_response(expression.parse(one)) for one in answers} == answers


def test_inner_expressions_are_found() -> None:
    """What stands in a filter is read as well, so the plan must know of it (O12)."""
    parsed = expression.parse("$steps.a.outputs.x[?(@.k == '$inputs.k')]")
    assert [one.text for one in expression.with_inner(parsed)] == [parsed.text, "$inputs.k"]


@pytest.mark.parametrize("value", ["it's", 'say "x"', "a\\", "a\\'] | $['b", "é\n", '\\"'])
def test_a_value_cannot_leave_its_quotes(value: str) -> None:
    """A text in a query is data, whatever quotes and backslashes it holds (O12)."""
    body = [{"k": value, "n": 1}, {"k": "other", "n": 2}]
    context = Context(inputs={"v": value}, response=ResponseView(200, {}, body))
    for text in ("$inputs.v", "'$inputs.v'", '"$inputs.v"', "{$inputs.v}"):
        query = f"[?@.k == {text}].n"
        if "{" not in query:
            parsed = expression.parse(f"$response.body{query}")
            assert expression.evaluate(parsed, context) == 1
        assert expression.substituted(query, context).count("@") == 1


def test_long_texts_answer_at_once() -> None:
    """100,000 characters answer in well under a second, without deep recursion."""
    begin = time.perf_counter()
    for text in ("$inputs." + "[" * 100_000, "$" * 100_000, "$response.body#" + "/a" * 50_000):
        with pytest.raises(ExpressionError):
            expression.parse(text)
    assert time.perf_counter() - begin < 1


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="$inputsrepbody.#/~[]?*'\"{} @=0a\ud800", max_size=30))
@example("$inputs.a[?@.b == '$inputs.")
def test_only_our_own_error(text: str) -> None:
    """Whatever the text, the outcome is a value or an ExpressionError; evaluating never fails."""
    for start in ("", "$inputs.", "$response.body", "$steps."):
        try:
            parsed = expression.parse(start + text)
        except ExpressionError as error:
            at = error.offset
            assert 0 <= at <= len(start + text)
            continue
        expression.evaluate(parsed, CONTEXT)
