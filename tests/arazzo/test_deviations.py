"""What is said of tolerated practice: complete, and of use as the text of a warning."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from written import ARAZZO, Written, changed

from arazzo import condition, criterion, expression, template
from arazzo.deviations import DEVIATIONS

WORDS = re.compile(r"[a-z]+(-[a-z]+)+")
NO_DEVIATIONS = frozenset(("unknown-version", "back-reference"))
"""Words of that form in the modules that are no codes."""

RESPONSE = "$response.body"
EXAMPLES: dict[str, Any] = {
    "body-root": expression.parse("$body.a"),
    "dotted-body": expression.parse("$response.body.a"),
    "headers-plural": expression.parse("$response.headers.a"),
    "indexed-name": expression.parse("$inputs.a[0]"),
    "name-outside-grammar": expression.parse("$inputs.$filter"),
    "name-with-space": expression.parse("$inputs.order type"),
    "pointer-without-slash": expression.parse("$response.body#a"),
    "steps-without-outputs": expression.parse("$steps.a.b"),
    "whole-object": expression.parse("$inputs"),
    "bare-expression": template.parse("Bearer $inputs.token"),
    "braced-whole-value": template.parse("{$inputs.token}"),
    "double-quoted-string": condition.parse('$inputs.a == "b"'),
    "root-path": condition.parse("$.a == 1"),
    "unquoted-string": condition.parse("$inputs.a == b"),
    "condition-in-jsonpath": criterion.compile("$.a == 1", "jsonpath", None, RESPONSE),
    "empty-in-jsonpath": criterion.compile("$.a empty", "jsonpath", None, RESPONSE),
    "expression-in-jsonpath": criterion.compile(
        "$[?@.a == '$inputs.b']", "jsonpath", None, RESPONSE
    ),
    "json-condition": criterion.compile('{"a": 1}', "simple", None, RESPONSE),
    "slashed-regex": criterion.compile("/a/i", "regex", None, RESPONSE),
}


def _codes_in(module: object) -> set[str]:
    tree = ast.parse(Path(str(vars(module)["__file__"])).read_text(encoding="utf-8"))
    texts = (one.value for one in ast.walk(tree) if isinstance(one, ast.Constant))
    return {one for one in texts if isinstance(one, str) and WORDS.fullmatch(one)}


def test_every_code_in_the_code_is_in_the_table_and_vice_versa() -> None:
    """A warning without words would help nobody, and words without a warning are dead."""
    modules = (condition, criterion, expression, template)
    written = set.union(*(_codes_in(module) for module in modules))
    assert written - NO_DEVIATIONS == set(DEVIATIONS)


@pytest.mark.parametrize("code", DEVIATIONS)
def test_each_has_an_example_and_a_mend(code: str) -> None:
    """Each can be provoked, says what the text does, and how to write it as the standard has it."""
    assert EXAMPLES[code].deviations == (code,)
    said, mend = DEVIATIONS[code]
    assert re.match(r"(reads|holds|is|asks|stands)\b", said)
    assert mend
    assert not re.search(r"[.?!]$", said + mend)


def test_the_warning_about_a_bare_expression() -> None:
    """Place, what is said, where, the line with a caret, and the mend."""
    text = changed(ARAZZO, "{name: $inputs.name}", '{name: "Job $inputs.name"}')
    (only,) = Written(text).findings()
    assert str(only) == (
        "jobs.arazzo.yaml:18:23: warning: `Job $inputs.name` holds an expression without braces "
        "inside a longer text; it is put in all the same (workflow run-job, step create) "
        "[bare-expression]\n"
        '          payload: {name: "Job $inputs.name"}\n'
        "                          ^\n"
        "  mend: put braces around each expression: `{$…}`"
    )


def test_the_warning_about_a_condition_in_a_jsonpath_criterion() -> None:
    """One warning for the whole practice, however many operators the condition has."""
    text = changed(
        ARAZZO,
        "- condition: $statusCode == 200\n",
        '- {context: $response.body, type: jsonpath, condition: $.ok == "yes" || $.n > 1}\n',
    )
    (only,) = Written(text).findings()
    assert str(only) == (
        'jobs.arazzo.yaml:28:60: warning: `$.ok == "yes" || $.n > 1` is a condition and no '
        "JSONPath query; it is read as a condition over the context "
        "(workflow run-job, step poll) [condition-in-jsonpath]\n"
        "        - {context: $response.body, type: jsonpath, condition: "
        '$.ok == "yes" || $.n > 1}\n'
        "                                                               ^\n"
        "  mend: write a filter, `$[?@.NAME == 'VALUE']`, or give the criterion the type simple"
    )
