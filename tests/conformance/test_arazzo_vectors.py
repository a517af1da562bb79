"""The vectors of swaggerexpert: expressions, texts that embed them, and simple conditions.

Valid by the vectors is the same as read without a deviation here. Where we differ, the text of
Arazzo 1.1.0 decides; the difference is listed with that text, and a listed difference that is
none any more fails the test.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from conftest import shared_folder

from arazzo import condition, expression, template
from arazzo.context import Context, RequestView, ResponseView
from arazzo.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

DIFFERENCES: dict[str, dict[str, str]] = {
    "runtime_expression_test": {},
    "embedded_extract": {},
    "embedded_interpolate": {},
    "simple_condition_syntax": {},
    "simple_condition_evaluate": {},
}
"""By section, the text of a vector to the words of the standard that speak against it."""


def _is_standard(parse: Callable[[str], Any], text: str) -> bool:
    try:
        return not parse(text).deviations
    except ExpressionError:
        return False


def _interpolated(vector: dict[str, Any]) -> str:
    values: dict[str, Any] = vector["values"]
    url = values.get("$url")
    context = Context(
        inputs={k.removeprefix("$inputs."): v for k, v in values.items() if "$inputs." in k},
        outputs={k.removeprefix("$outputs."): v for k, v in values.items() if "$outputs." in k},
        request=RequestView("GET", url) if url else None,
    )
    return str(template.evaluate(template.parse(vector["template"]), context))


def _evaluated(vector: dict[str, Any]) -> bool:
    values = vector["context"]
    context = Context(
        inputs={"name": values["$inputs.name"], "age": values["$inputs.age"]},
        response=ResponseView(values["$statusCode"], {}, values["$response.body"]),
    )
    return condition.evaluate(condition.parse(vector["condition"]), context)


SECTIONS: list[tuple[str, int, str, str, Callable[[dict[str, Any]], Any]]] = [
    (
        "runtime_expression_test", 110, "expression", "valid",
        lambda vector: _is_standard(expression.parse, vector["expression"]),
    ),
    (
        "embedded_extract", 37, "template", "expressions",
        lambda vector: template.extract_embedded(vector["template"]),
    ),
    ("embedded_interpolate", 7, "template", "result", _interpolated),
    (
        "simple_condition_syntax", 50, "condition", "valid",
        lambda vector: _is_standard(condition.parse, vector["condition"]),
    ),
    ("simple_condition_evaluate", 29, "condition", "result", _evaluated),
]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "count", "text", "wanted", "ours"), SECTIONS, ids=[one[0] for one in SECTIONS]
)
def test_vectors(
    section: str, count: int, text: str, wanted: str, ours: Callable[[dict[str, Any]], Any]
) -> None:
    """Only the listed differences, and all of them."""
    file = shared_folder("conformance") / "swaggerexpert" / "vectors.json"
    vectors = json.loads(file.read_text(encoding="utf-8"))[section]
    assert len(vectors) == count
    differing = {one[text]: (one[wanted], ours(one)) for one in vectors if one[wanted] != ours(one)}
    assert set(differing) == set(DIFFERENCES[section]), differing


def test_each_difference_has_its_reason() -> None:
    """What the standard says, in its own words."""
    for listed in DIFFERENCES.values():
        assert all("Arazzo 1.1.0" in reason for reason in listed.values())
