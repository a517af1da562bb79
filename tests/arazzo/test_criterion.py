"""Criteria: simple, regex and jsonpath over their context, and the dialect's readings."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arazzo import criterion
from arazzo.context import Context, ResponseView
from arazzo.errors import ExpressionError

RESPONSE = "$response.body"
BODY: Any = {
    "status": "Complete",
    "data": [{"id": 1}],
    "empty": [],
    "none": None,
    "text": "abc",
    "half": "\ud800",
    "products": [],
    "signers": [{"status": "completed"}, {"status": "sent"}],
    "hooks": [{"id": "w1"}],
    "flags": [True],
}


def _context(body: Any = BODY, **inputs: Any) -> Context:
    return Context(
        inputs={"s": "S", "object": {"b": 1}, **inputs},
        steps={"make": {"id": "w1"}},
        response=ResponseView(200, {"content-type": "application/json"}, body),
    )


@dataclass(frozen=True)
class Case:
    """One row: a text, and what it is."""

    condition: str
    holds: bool
    type: str = "jsonpath"
    context: str | None = RESPONSE
    deviations: tuple[str, ...] = ()


CONDITION = ("condition-in-jsonpath",)
INNER = ("expression-in-jsonpath",)
EMPTY = ("empty-in-jsonpath",)
CASES = [
    # RFC 9535: true when the query selects a node, be it null
    Case("$.text", holds=True),
    Case("$.none", holds=True),
    Case("$.missing", holds=False),
    Case("$.signers[?(@.status != 'completed')]", holds=True),
    Case("$.signers[?@.status == 'voided']", holds=False),
    # a filter on an object: its members, or else the object itself
    Case("$[?count(@.data) > 0]", holds=True),
    Case("$[?@.status == 'Complete']", holds=True),
    Case("$[?@.status == 'complete']", holds=False),
    # conditions written as jsonpath
    Case('$.status == "complete"', holds=True, deviations=CONDITION),
    Case('$.status == "queued" || $.status == "computing"', holds=False, deviations=CONDITION),
    Case("$.data.length > 0", holds=True, deviations=CONDITION),
    Case("$.missing.length > 0", holds=False, deviations=CONDITION),
    Case("$.text != null", holds=True, deviations=CONDITION),
    Case("$.length == 0", holds=True, context="$inputs.missing", deviations=CONDITION),
    Case("$.signers[?(@.status == 'sent')].length == 1", holds=True, deviations=CONDITION),
    # the word of O13
    Case("$.empty empty true", holds=True, deviations=EMPTY),
    Case("$.missing empty", holds=True, deviations=EMPTY),
    Case("$.data empty true", holds=False, deviations=EMPTY),
    Case("$.data[0] empty false", holds=True, deviations=EMPTY),
    Case("$.hooks[?(@.id == '$steps.make.outputs.id')] empty false", holds=True, deviations=EMPTY),
    # expressions inside queries (O12)
    Case("$.hooks[?(@.id == $steps.make.outputs.id)]", holds=True, deviations=INNER),
    Case('$.hooks[?(@.id == "$steps.make.outputs.id")]', holds=True, deviations=INNER),
    Case("$.hooks[?(@.id == '$inputs.s')]", holds=False, deviations=INNER),
    Case("$.hooks[?(@.id == '$inputs.s')].length == 0", holds=True, deviations=CONDITION),
    # regex
    Case("^2", holds=True, type="regex", context="$statusCode"),
    Case("b", holds=True, type="regex", context="$response.body.text"),
    Case("/^ABC$/i", True, "regex", "$response.body.text", ("slashed-regex",)),
    Case("x", holds=False, type="regex", context="$inputs.missing"),
    Case("x", holds=False, type="regex", context="$response.body.half"),
    # simple
    Case("$statusCode == 200", holds=True, type="simple", context=None),
    Case("$statusCode == 200", holds=True, type="simple"),
    Case('{"b": 1.0}', True, "simple", "$inputs.object", ("json-condition",)),
    Case('{"b": true}', False, "simple", "$inputs.object", ("json-condition",)),
    Case("[1]", False, "simple", "$response.body.flags", ("json-condition",)),
    Case("[1]", False, "simple", "$inputs.missing", ("json-condition",)),
]


@pytest.mark.parametrize("case", CASES, ids=attrgetter("condition"))
def test_holds(case: Case) -> None:
    """A valid query is judged as RFC 9535 has it; anything else is read as it was meant."""
    compiled = criterion.compile(case.condition, case.type, None, case.context)
    assert criterion.holds(compiled, _context()) is case.holds
    assert compiled.deviations == case.deviations
    assert compiled.text == case.condition


SEEDS = [
    ('$.status == "complete"', {"complete": True}),
    ('$.status == "queued" || $.status == "computing"', {"queued": True, "computing": True}),
    ('$.status == "pending" || $.status == "processing"', {"pending": True, "processing": True}),
]


@pytest.mark.parametrize(("text", "true_for"), SEEDS)
def test_criteria_of_the_seeds(text: str, true_for: dict[str, bool]) -> None:
    """The three seeds branch on the state of a job; `failed` is in no branch."""
    compiled = criterion.compile(text, "jsonpath", None, RESPONSE)
    for status in ("complete", "queued", "computing", "pending", "processing", "failed"):
        holds = criterion.holds(compiled, _context({"status": status}))
        assert holds is true_for.get(status, False)


def test_a_filter_quoting_an_input() -> None:
    """Logz.io's upsert: found and missing are contraries, over a list as root."""
    found = criterion.compile("$[?(@.title == '$inputs.title')]", "jsonpath", None, RESPONSE)
    missing = criterion.compile(
        "$[?(@.title == '$inputs.title')].length == 0", "jsonpath", None, RESPONSE
    )
    for title, is_there in (('it\'s "up"', True), ("other", False), ("' || true || '", False)):
        context = _context([{"title": 'it\'s "up"'}], title=title)
        assert criterion.holds(found, context) is is_there
        assert criterion.holds(missing, context) is not is_there


def test_the_plan_learns_what_is_read() -> None:
    """The context, operands and expressions inside queries are all read."""
    texts = {
        "$.a[?(@.b == '$inputs.s')]": [RESPONSE, "$inputs.s"],
        "$.a[?(@.b == '$inputs.s')].length == 0": [RESPONSE, "$inputs.s"],
        "$.a == $inputs.s": [RESPONSE, "$inputs.s"],
        "$.a empty": [RESPONSE],
    }
    for text, read in texts.items():
        compiled = criterion.compile(text, "jsonpath", None, RESPONSE)
        assert [one.text for one in compiled.expressions()] == read


@pytest.mark.parametrize(
    ("text", "type_", "context"),
    [
        ("$.missing", "jsonpath", RESPONSE),
        ("$.x empty true", "jsonpath", RESPONSE),
        ("$.x != 1", "jsonpath", RESPONSE),
        (".*", "regex", "$statusCode"),
        ("$[?@.a != '$statusCode']", "jsonpath", "$inputs"),
        ("{}", "simple", RESPONSE),
    ],
)
def test_without_a_response_what_reads_one_is_false(text: str, type_: str, context: str) -> None:
    """After a transport failure a criterion that reads a response is false (DESIGN.md, 3)."""
    compiled = criterion.compile(text, type_, None, context)
    assert not criterion.holds(compiled, Context(inputs={"a": {"a": 1}}))


@pytest.mark.parametrize(
    ("text", "type_", "context", "offset", "expected", "reason"),
    [
        ("x", "regex", None, 0, "a `context` beside a criterion of type regex", "syntax"),
        ("$.a", "jsonpath", None, 0, "a `context` beside a criterion of type jsonpath", "syntax"),
        ("//a", "xpath", None, 0, "a `context` beside a criterion of type xpath", "syntax"),
        ("//a[", "xpath", RESPONSE, 3, "XPath (", "syntax"),
        ("x", "glob", None, 0, "a type simple, regex, jsonpath or xpath, not `glob`", "syntax"),
        ("a(?=b)", "regex", RESPONSE, 1, "a regular expression without a lookahead", "syntax"),
        ("a(?!b)", "regex", RESPONSE, 1, "a regular expression without a negative look", "syntax"),
        ("(?<=a)b", "regex", RESPONSE, 0, "a regular expression without a lookbehind", "syntax"),
        (r"(a)\1", "regex", RESPONSE, 3, "a regular expression without a back-ref", "syntax"),
        ("a++", "regex", RESPONSE, 1, "a regular expression without a possessive", "syntax"),
        ("(a", "regex", RESPONSE, 0, "a regular expression (missing ): (a)", "syntax"),
        ("\ud800", "regex", RESPONSE, 0, "whole characters", "syntax"),
        ("/a/x", "regex", RESPONSE, 3, "only the flags i, m and s", "syntax"),
        ("[" * 5_000, "simple", RESPONSE, 0, "an operator behind a word", "syntax"),
        ("a" * 5_001, "regex", RESPONSE, 0, "at most 5000 characters", "syntax"),
        ("$" * 10_001, "jsonpath", RESPONSE, 0, "at most 10000 characters", "syntax"),
        ("status == 'a'", "jsonpath", RESPONSE, 0, "an expression to compare the word", "syntax"),
        ("[?(@.id==1)]", "jsonpath", RESPONSE, 0, "an operator behind a word", "syntax"),
        ("$.a[?@.b == $response.x]", "jsonpath", RESPONSE, 21, "`.header.NAME`", "syntax"),
        ("$.a", "jsonpath", "$nothing", 0, "`$` and one of body", "syntax"),
    ],
)
def test_refusals(
    *, text: str, type_: str, context: str | None, offset: int, expected: str, reason: str
) -> None:
    """A criterion that can't be read is refused with its place, before the first request."""
    with pytest.raises(ExpressionError) as caught:
        criterion.compile(text, type_, None, context)
    assert caught.value.offset == offset
    assert caught.value.expected.startswith(expected)
    assert caught.value.reason == reason


KNOWN_VERSIONS = [
    ("jsonpath", "$.text", "rfc9535"),
    ("jsonpath", "$.text", "draft-goessner-dispatch-jsonpath-00"),
    *[("xpath", "//a", f"xpath-{number}") for number in ("10", "20", "30", "31")],
]


@pytest.mark.parametrize(("type_", "text", "version"), KNOWN_VERSIONS)
def test_versions_of_expression_types(type_: str, text: str, version: str) -> None:
    """Those of the Expression Type Object; any other is refused, and the known ones are told."""
    assert criterion.compile(text, type_, version, RESPONSE).text == text
    with pytest.raises(ExpressionError, match=version) as caught:
        criterion.compile(text, type_, f"not-{version}", RESPONSE)
    assert caught.value.reason == "unknown-version"
    assert all(known in str(caught.value) for known in criterion.VERSIONS[type_])


def test_a_hostile_pattern_takes_no_time() -> None:
    """RE2 is linear in the text, whatever the pattern."""
    compiled = criterion.compile("(a+)+$", "regex", None, "$response.body.text")
    assert not criterion.holds(compiled, _context({"text": "a" * 50_000 + "!"}))


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="$.inputsa<=!&|()[]'\" 0e@?*{}/\\+empty\ud800", max_size=30),
    st.sampled_from(["simple", "regex", "jsonpath"]),
)
def test_only_our_own_error(text: str, type_: str) -> None:
    """Whatever the text, the outcome is true, false or an ExpressionError."""
    try:
        compiled = criterion.compile(text, type_, None, RESPONSE)
    except ExpressionError as error:
        at = error.offset
        assert 0 <= at <= len(text)
        return
    assert criterion.holds(compiled, _context()) in (True, False)
