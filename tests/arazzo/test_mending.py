"""Mends that are certain: what is written, what stays, and that the document means the same."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from conftest import shared_folder
from hypothesis import given
from hypothesis import strategies as st
from written import ARAZZO, Written, changed

from arazzo import criterion, template
from arazzo.context import Context, ResponseView
from arazzo.mending import mended
from arazzo.respelling import Known, as_simple, respelled_value
from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from arazzo.plan import CriterionPlan, Plan

VALUE = "value: $steps.create.outputs.id"
CONDITION = "- condition: $statusCode == 200"
OUTPUT = "state: $response.body#/state"

MENDS = [
    pytest.param(VALUE, "value: Job $inputs.name", "value: Job {$inputs.name}", id="plain"),
    pytest.param(
        VALUE, "value: 'it''s $inputs.name'", "value: 'it''s {$inputs.name}'", id="single"
    ),
    pytest.param(
        VALUE, 'value: "a $inputs.name"  # b', 'value: "a {$inputs.name}"  # b', id="double"
    ),
    pytest.param(
        VALUE, 'value: "\\"a\\" $inputs.name"', 'value: "\\"a\\" {$inputs.name}"', id="escapes"
    ),
    pytest.param(
        VALUE, "value: $inputs.name/a", "value: '{$inputs.name}/a'", id="quotes are needed"
    ),
    pytest.param(VALUE, "value: $steps.create.id", "value: $steps.create.outputs.id", id="outputs"),
    pytest.param(
        VALUE, "value: a $steps.create.id", "value: a {$steps.create.outputs.id}", id="both at once"
    ),
    pytest.param(OUTPUT, "state: $response.headers.X", "state: $response.header.X", id="headers"),
    pytest.param(
        CONDITION,
        '- condition: $statusCode == 200 && $response.headers.A == "b"',
        "- condition: $statusCode == 200 && $response.header.A == 'b'",
        id="double quotes",
    ),
    pytest.param(
        CONDITION,
        "- condition: $response.header.A == b/c",
        "- condition: $response.header.A == 'b/c'",
        id="no quotes",
    ),
    pytest.param(
        CONDITION,
        '- context: $response.body\n      condition: $.a.b == "c" && $.d > 1\n      type: jsonpath',
        "- condition: $response.body#/a/b == 'c' && $response.body#/d > 1",
        id="jsonpath, block",
    ),
    pytest.param(
        CONDITION,
        '- condition: $.a == "b"  # why\n      type: jsonpath\n      context: $response.body#/x',
        None,
        id="a comment in between",
    ),
    pytest.param(
        CONDITION,
        "- type: jsonpath\n      condition: $.a == true || $.a == null\n"
        "      context: $response.body#/x",
        "- condition: $response.body#/x/a == true || $response.body#/x/a == null",
        id="jsonpath over a part",
    ),
    pytest.param(
        CONDITION,
        "- {context: $response.body, type: jsonpath, condition: $.a == 'b'}",
        "- {condition: $response.body#/a == 'b'}",
        id="jsonpath, flow",
    ),
    pytest.param(
        CONDITION,
        '- {"condition": "$.a == \\"b\\"", "context": "$response.body", "type": "jsonpath"}',
        '- {"condition": "$response.body#/a == \'b\'"}',
        id="jsonpath, json",
    ),
]


@pytest.mark.parametrize(("place", "before", "after"), MENDS)
def test_a_mend(place: str, before: str, after: str | None) -> None:
    """Only what is meant changes; a second time there is nothing left; the plan is the same."""
    text = changed(ARAZZO, place, before)
    done = mended(text, "jobs.arazzo.yaml")
    wanted = text if after is None else changed(ARAZZO, place, after)
    assert done.text == wanted
    assert len(done.mends) == (after is not None)
    assert mended(done.text, "jobs.arazzo.yaml").mends == ()
    same_plans(Written(text).plan(), Written(done.text).plan())


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (VALUE, "value: Bearer token"),
        (VALUE, "value: {$inputs.name}"),
        (VALUE, "value: costs $5"),
        (VALUE, "value: |\n        a $inputs.name"),
        (VALUE, "value: &anchor a $inputs.name"),
        (VALUE, "value: a $steps.create.outputs.id (of it)".replace("id (", "identity (")),
        (OUTPUT, "state: $response.body#/state and more"),
        (CONDITION, "- {context: $response.body, type: jsonpath, condition: '$[?@.a == 1]'}"),
        (CONDITION, "- {context: $response.body, type: jsonpath, condition: $.a.length > 0}"),
        (CONDITION, "- {context: $response.body, type: jsonpath, condition: '$.a[0] == 1'}"),
        (CONDITION, "- {context: $inputs, type: jsonpath, condition: $.a == 1}"),
        (CONDITION, "- {context: $response.body, type: jsonpath, condition: $.a == 1, x-a: [1]}"),
        (CONDITION, '- condition: $response.body#/a == "it\'s"'),
    ],
)
def test_what_is_not_certain_stays(place: str, text: str) -> None:
    """What is right, what can't be placed, and what might mean something else."""
    whole = changed(ARAZZO, place, text)
    assert mended(whole, "jobs.arazzo.yaml").text == whole


@pytest.mark.parametrize("text", ["a: [", "- a", "﻿arazzo: 1.0.1", "workflows: 1", "workflows: [1]"])
def test_what_is_no_document_stays(text: str) -> None:
    """Nothing is said of it here; the check does."""
    assert mended(text, "a.yaml") == mended(text, "a.yaml")
    assert mended(text, "a.yaml").text == text


def test_a_json_document_keeps_its_shape() -> None:
    """Indents and the order of keys are the author's."""
    document = {
        "workflows": [
            {"steps": [{"stepId": "a", "parameters": [{"value": "a $inputs.b"}, {"value": 1}]}]}
        ]
    }
    text = json.dumps(document, indent=3)
    assert mended(text, "a.json").text == text.replace("$inputs.b", "{$inputs.b}")


def test_mends_tell_line_and_change() -> None:
    """The line is that of the old text."""
    done = mended(changed(ARAZZO, VALUE, "value: a $inputs.name"), "a.yaml")
    (one,) = done.mends
    assert (one.line, one.old, one.new) == (26, "a $inputs.name", "a {$inputs.name}")


def test_components_are_mended() -> None:
    """Reusable parameters and actions hold expressions, too."""
    components = (
        "components:\n  parameters: {p: {name: a, in: query, value: 'b $inputs.c'}}\n"
        '  successActions:\n    s: {name: s, type: end, criteria: [{condition: $url == "d"}]}\n'
    )
    done = mended(ARAZZO + components, "a.yaml").text
    assert done == ARAZZO + changed(components, "$inputs.c", "{$inputs.c}", '"d"', "'d'")


SAMPLES: list[Any] = [
    {},
    {"a": "b"},
    {"a": "B"},
    {"a": None},
    {"a": 1},
    {"a": "1"},
    {"a": True},
    {"a": {"b": "c"}},
    {"a": {"b": 2}},
    {"a": ["b"]},
    {"a": "", "d": 5},
    None,
    "text",
]
CONDITIONS = [
    '$.a == "b"', "$.a != null", "$.a == true", '$.a == "b" || $.a == "c"', "$.a.b == 'c'",
    '($.a == "b" && !($.d > 3)) || $.d >= 5', "!$.a", "$.a == 1 || $.a == '1'", "$.a < 2",
]  # fmt: skip


@pytest.mark.parametrize("text", CONDITIONS)
@pytest.mark.parametrize("body", SAMPLES, ids=json.dumps)
def test_a_condition_is_judged_as_before(text: str, body: Any) -> None:
    """For every body the simple condition holds when the one in jsonpath did."""
    new = as_simple(text, None, "$response.body", Known())
    if new is None:
        pytest.skip("it stays as it is")
    context = Context(response=ResponseView(200, {}, body))
    old = criterion.compile(text, "jsonpath", None, "$response.body")
    assert criterion.holds(criterion.compile(new), context) is criterion.holds(old, context)


def test_names_outside_the_grammar_stay() -> None:
    """A name with spaces is one name, so nothing of it is put into braces."""
    known = Known({"s": ["Team (all)", "Array<Team>"]})
    for text in ("$steps.s.outputs.Array<Team>.id", "$steps.s.outputs.Teams (some)"):
        assert respelled_value(text, known, braces=True) == text


@pytest.mark.parametrize("name", ["cohort-export", "cohort-upload-verify", "dsar-request"])
def test_the_seeds_mean_the_same(name: str, tmp_path: Path) -> None:
    """The plans before and after make the same requests and the same judgements."""
    folder = tmp_path / "seeds"
    shutil.copytree(shared_folder("seeds"), folder)
    file = folder / "arazzo" / f"amplitude-{name}-workflow.yml"
    old = load_catalogue([file]).entries[0].compiled.plan
    done = mended(file.read_text(), file.name)
    assert done.mends
    file.write_text(done.text)
    new = load_catalogue([file]).entries[0].compiled.plan
    assert old is not None
    assert new is not None
    same_plans(old, new)


def same_plans(old: Plan, new: Plan) -> None:
    """Compare requests and judgements, apart from how they are spelt."""
    assert len(old.steps) == len(new.steps)
    for before, after in zip(old.steps, new.steps, strict=True):
        assert (before.reads, before.request_reads) == (after.reads, after.request_reads)
        one, two = before.attempt.operation, after.attempt.operation
        assert [_parts(it.value) for it in one.parameters] == [
            _parts(it.value) for it in two.parameters
        ]
        assert list(map(_criterion, before.attempt.success_criteria)) == list(
            map(_criterion, after.attempt.success_criteria)
        )
        rest = {"parameters", "payload"}
        assert one.model_dump(exclude=rest) == two.model_dump(exclude=rest)


def _parts(value: Any) -> Any:
    """The literals of a text and what its expressions read."""
    if not isinstance(value, str):
        return value
    parts = template.parse(value).parts
    read = [one if isinstance(one, str) else (one.root, one.pointer) for one in parts]
    return template.parse(value).whole, read


def _criterion(plan: CriterionPlan) -> list[bool]:
    """Whether it holds for each of the samples."""
    one = criterion.compile(plan.condition, plan.type, plan.version, plan.context)
    views = [ResponseView(200, {"A": "b"}, body) for body in (*SAMPLES, {"x": {"a": True}})]
    return [criterion.holds(one, Context(response=view)) for view in views]


WHOLE = changed(
    ARAZZO,
    *(VALUE, 'value: "Job $inputs.name"'),
    *(CONDITION, "- {context: $response.body, type: jsonpath, condition: $.a == 'b'}"),
    *(OUTPUT, "state: $response.headers.X"),
)
PIECES = [
    "$inputs.a",
    "$steps.",
    "'",
    '"',
    "{",
    "}",
    "- ",
    ": ",
    "\n",
    "#",
    "&a ",
    "*a",
    "[",
    "|\n",
]


@given(begin=st.integers(0, len(WHOLE)), length=st.integers(0, 30), piece=st.sampled_from(PIECES))
def test_any_text_is_mended_or_left(begin: int, length: int, piece: str) -> None:
    """Whatever the author broke, the mended text is the same document or the very same text."""
    text = WHOLE[:begin] + piece + WHOLE[begin + length :]
    done = mended(text, "a.yaml")
    assert (done.text == text) is not bool(done.mends)
    assert mended(done.text, "a.yaml").text == done.text
