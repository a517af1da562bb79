"""Names of outputs with spaces, brackets and the like: where they end is known by their names."""

from __future__ import annotations

import pytest
from written import ARAZZO, changed

from arazzo import model, template, yaml_text
from arazzo.context import Context
from arazzo.long_names import Declared, as_written, in_braces, meant, with_long_names

OUTPUTS = {"s": ["Team (all)", "Array<Team>", "plain", "Team"]}
VALUES = {
    "Team (all)": {"id": 1, "b": [2]},
    "Array<Team>": [{"id": 3}],
    "plain": {"id": 4},
    "Team": 5,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$steps.s.outputs.Team (all)", VALUES["Team (all)"]),
        ("$steps.s.outputs.Team (all).id", 1),
        ("$steps.s.outputs.Team (all)#/b/0", 2),
        ("$steps.s.outputs.Team (all).b[0]", 2),
        ("$steps.s.outputs.Array<Team>.id", 3),
        ("$steps.s.outputs.plain.id", 4),
        ("$inputs.the id", 6),
        ("$steps.s.outputs.Team", 5),
        ("$steps.s.outputs.Team (some)", "5 (some)"),
        ("$steps.s.outputs.Team (all) and more", "5 (all) and more"),
        ("a $steps.s.outputs.Team (all)", "a 5 (all)"),
        ("$steps.t.outputs.Team (all)", " (all)"),
    ],
)
def test_the_longest_declared_name_wins(text: str, value: object) -> None:
    """At any depth of a value, and only when all of the text is one read."""
    context = Context(inputs={"the id": 6}, steps={"s": VALUES})
    found = in_braces({"a": [text, 1]}, Declared(OUTPUTS, ["the id"]))
    assert template.evaluate_value(template.compile_value(found), context) == {"a": [value, 1]}


def test_a_document_is_read_with_its_own_names() -> None:
    """Parameters, payloads and outputs of steps and workflows; nothing else is touched."""
    read = "$steps.create.outputs.the id"
    text = changed(
        ARAZZO,
        *("id: $response.body#/id", "the id: $response.body#/id"),
        *("value: $steps.create.outputs.id", f"value: {read}"),
        *("state: $steps.poll.outputs.state", f"state: {read}"),
    )
    document, _ = model.parse(yaml_text.read(text, "jobs.arazzo.yaml"))
    (workflow,) = with_long_names(document).workflows
    (parameter,) = workflow.steps[1].parameters
    assert parameter.value == f"{{{read}}}"
    assert workflow.outputs == {"state": f"{{{read}}}"}
    assert workflow.steps[0].request_body == document.workflows[0].steps[0].request_body


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("$inputs.list[]", ["name-outside-grammar"]),
        ("$inputs.list[0]", ["indexed-name"]),
        ("$steps.s.outputs.Rows[]", ["name-outside-grammar"]),
        ("$steps.s.outputs.plain[0].id", ["indexed-name"]),
        ("{$inputs.a}", ["braced-whole-value"]),
    ],
)
def test_brackets_of_a_name_read_nothing(text: str, codes: list[str]) -> None:
    """What is told of a text depends on the names that are declared."""
    declared = Declared({"s": ["Rows[]", "plain"]}, ["list[]", "a"])
    assert meant(template.parse(text), text, declared) == codes


def test_braces_of_ours_are_not_told() -> None:
    """The author is shown what he wrote, and is told of its name alone."""
    source = yaml_text.read("a: [$inputs.the id, '{$inputs.b}']", "a.yaml")
    text = "{$inputs.the id}"
    written = as_written(text, source, ("a", 0))
    assert written == "$inputs.the id"
    assert meant(template.parse(text), written, Declared()) == ["name-with-space"]
    assert as_written("{$inputs.b}", source, ("a", 1)) == "{$inputs.b}"
    assert as_written("{$inputs.b}", source, ("a", 2, "gone")) == "{$inputs.b}"
