"""`$statusCode == N` beside a documented 2xx (dialect.md, O1)."""

from __future__ import annotations

import pytest
from written import ARAZZO, OPENAPI, Written, changed

from arazzo.context import Context, ResponseView
from arazzo.outcome import judge

ONE = "{'200': {description: one}}"
AGAIN = "$response.body#/state == 'queued'"
CASES = [
    ("$statusCode == 200", "'201': {}", True),
    (" $statusCode  ==  200 ", "'201': {}, '204': {}", True),
    ("$statusCode == 200", "'201': {}, default: {}", True),
    ("$statusCode == 200", "'200': {}, '201': {}", False),
    ("$statusCode == 200", "2XX: {}, '201': {}", False),
    ("$statusCode == 200", "'404': {}", False),
    ("$statusCode == 200", "default: {}", False),
    ("$statusCode == 404", "'201': {}", False),
    ("$statusCode != 200", "'201': {}", True),
    ("$statusCode == 200 && $response.body#/a == 1", "'201': {}", False),
]


@pytest.mark.parametrize(("condition", "responses", "passes"), CASES)
def test_a_documented_success_holds_as_well(condition: str, responses: str, passes: bool) -> None:
    """One that the description has not, alone in its criterion, means the one that it has."""
    text = changed(ARAZZO, "condition: $statusCode == 200", f"condition: '{condition}'")
    openapi = changed(OPENAPI, ONE, f"{{{responses}}}")
    poll = Written(text, openapi).plan().steps[1].attempt
    assert judge(poll, Context(response=ResponseView(201, {}, {}))).passed is passes
    assert not judge(poll, Context(response=ResponseView(203, {}, {}))).passed or "!=" in condition


@pytest.mark.parametrize(
    ("criterion", "apart"),
    [("$statusCode == 202", True), ("$statusCode == 429", False), ("$statusCode < 300", False)],
)
def test_an_action_that_tells_successes_apart(criterion: str, apart: bool) -> None:
    """Then the document means what it says, and the criterion is left as it is."""
    text = changed(ARAZZO, AGAIN, criterion)
    made = Written(text, changed(OPENAPI, ONE, "{'201': {}}"))
    condition = made.plan().steps[1].attempt.success_criteria[0].condition
    assert (condition == "$statusCode == 200") is apart
    assert ("undocumented-status" in {one.code for one in made.findings()}) is not apart
