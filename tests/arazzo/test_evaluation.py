"""Which values of a plan an activity computes, and what of them it seals."""

from __future__ import annotations

from typing import Any

import pytest
from plans import goto, plan, step
from world import World, passed, run

from arazzo.context import Context
from arazzo.evaluation import evaluated, narrowed, with_evaluations
from arazzo.inputs import SEALED_KEY, SECRET_KEY
from arazzo.plan import Dependency, Invocation, SubWorkflow
from arazzo.selector import MARK


def selected(context: str, text: str, kind: str) -> dict[str, Any]:
    """Return a selector object as a plan has it."""
    return {MARK: {"context": context, "selector": text, "type": kind}}


ID, TOKEN = "$steps.a.outputs.id", "$steps.a.outputs.token"
VALUES: list[tuple[Any, bool]] = [
    (ID, False),
    (f"{ID}#/a", False),
    (f"{ID}.a[0]", False),
    (f"{ID}[*].a", True),
    (f"{ID}[?@.a]", True),
    (f"of {{{ID}[*]}}", True),
    (f"of {{{ID}}}", False),
    (TOKEN, False),
    (f"{{{TOKEN}}}", False),
    (f"{TOKEN}#/a", True),
    (f"{TOKEN}.a", True),
    (f"of {{{TOKEN}}}", True),
    ("$steps.a.outputs", False),
    ("all {$steps.a.outputs}", True),
    ("$steps.child.outputs.key", False),
    ("of {$steps.child.outputs.key}", True),
    ("of {$steps.child.outputs.name}", False),
    ("$workflows.before.outputs.key", False),
    ("$workflows.before.outputs.key.a", True),
    ("of {$workflows.before.outputs.key}", True),
    ("of {$sourceDescriptions.api.before.outputs.key}", True),
    ("of {$workflows.before.outputs.name}", False),
    ("$inputs.secret", False),
    ("$inputs", False),
    ("Bearer {$inputs.secret}", True),
    ("of {$inputs.name}", False),
    ({"deep": [TOKEN, 1]}, False),
    ({"deep": [f"Bearer {TOKEN}", 1]}, True),
    ({f"{ID}[*]": 1}, True),
    (selected(ID, "$.a", "jsonpath"), True),
    (selected(ID, "//a", "xpath"), True),
    (selected(ID, "/a", "jsonpointer"), False),
    (selected(TOKEN, "/a", "jsonpointer"), True),
    (5, False),
]
LOGIN = plan(
    step("in", outputs={"t": "$response.body", "n": "$url"}, sealed=("t",)),
    outputs={"key": "$steps.in.outputs.t", "name": "$steps.in.outputs.n"},
)


@pytest.mark.parametrize(("value", "by_activity"), VALUES, ids=[str(one) for one, _ in VALUES])
def test_an_activity_computes_what_workflow_code_may_not(value: Any, by_activity: bool) -> None:
    """Queries, and what looks into a secret; handing one on as a whole needs nobody."""
    calls = Invocation(workflow_type="log-in", workflow_id="log-in", inputs={"in": value})
    written = plan(
        step("a", outputs={"id": "$response.body#/id", "token": "$url"}, sealed=("token",)),
        step("child", calls, on_success=(goto(None, workflow="log-in", inputs={"in": value}),)),
        depends_on=(
            Dependency(
                name="before",
                invocation=Invocation(workflow_type="log-in", workflow_id="before"),
            ),
        ),
        workflows={"log-in": SubWorkflow(plan=LOGIN)},
        secret_inputs=("secret",),
        outputs={"out": value, "other": 1},
    )
    made = with_evaluations(written)
    named = ("in",) if by_activity else ()
    attempt = made.steps[1].attempt
    assert made.by_activity == (("out",) if by_activity else ())
    assert attempt.invocation is not None
    assert attempt.invocation.by_activity == named
    assert attempt.on_success[0].by_activity == named


SEALED = {SEALED_KEY: "x"}
CLOSED = Context(
    inputs={"name": "ada", "secret": {SECRET_KEY: "s"}},
    steps={"a": {"id": [{"n": 1}, {"n": 2}], "token": SEALED, "both": {"t": SEALED, "n": 1}}},
)
OPENED = Context(
    inputs={"name": "ada", "secret": "s3"},
    steps={
        "a": {
            "id": [{"n": 1}, {"n": 2}],
            "token": {"of": "tok", "all": [1, None]},
            "both": {"t": "tok", "n": 1},
        }
    },
)
COMPUTED: list[tuple[Any, Any]] = [
    (f"{ID}[*].n", [1, 2]),
    (f"{TOKEN}.of", "sealed tok"),
    (f"{TOKEN}.all", "sealed [1, None]"),
    (f"{TOKEN}#/all/1", None),
    (TOKEN, SEALED),
    (f"of {{{TOKEN}.of}}", "sealed of tok"),
    ("Bearer {$inputs.secret}", "sealed Bearer s3"),
    ("$inputs.secret", {SECRET_KEY: "s"}),
    ("$steps.a.outputs.both", {"t": SEALED, "n": 1}),
    ({"a": ["$steps.a.outputs.both", "$inputs.name"]}, {"a": [{"t": SEALED, "n": 1}, "ada"]}),
    ({"a": [f"{TOKEN}.of", "$inputs.name"]}, {"a": "sealed ['tok', 'ada']"}),
    ("{$inputs.name} of {$steps.a.outputs.id[?@.n == 2].n}", "ada of 2"),
]


@pytest.mark.parametrize(("value", "expected"), COMPUTED, ids=[str(one) for one, _ in COMPUTED])
def test_what_depends_on_a_secret_is_sealed(value: Any, expected: Any) -> None:
    """The rest stays in plain, and what was sealed already stays as it was."""
    found = evaluated({"out": value}, OPENED, CLOSED, lambda one: f"sealed {one}")
    assert found == {"out": expected}


def test_an_absent_value_is_left_out() -> None:
    """Whether it is an input or an output decides what becomes of it."""
    assert evaluated({"out": f"{ID}[?@.x]"}, OPENED, CLOSED, str) == {}


def test_only_what_is_read_is_opened() -> None:
    """A secret that no value reads need not be there."""
    values = {
        "inputs": {"name": "ada", "secret": {SECRET_KEY: "s"}},
        "steps": {"a": {"id": 1, "token": SEALED}, "b": {"c": 2}},
    }
    found = narrowed({"out": f"{{$inputs.name}} {{{ID}}}"}, values)
    assert found == {"inputs": {"name": "ada"}, "steps": {"a": {"id": 1}}, "workflows": {}}
    whole = narrowed({"out": ["$inputs", "$steps.a.outputs", "$steps.gone.outputs.x"]}, values)
    assert whole["inputs"] == values["inputs"]
    assert whole["steps"] == {"a": values["steps"]["a"]}


async def test_only_what_needs_it_goes_to_the_activity() -> None:
    """The other outputs are computed in workflow code; none of them is lost, nor out of order."""
    written = plan(
        step("a", outputs={"id": "$response.body"}),
        outputs={"none": f"{ID}[?@.x]", "all": f"{ID}[*].n", "id": ID, "gone": "$inputs.gone"},
    )
    world = World({"a": [passed(outputs={"id": [{"n": 1}]})]})
    outputs = await run(with_evaluations(written), world)
    assert outputs == {"none": None, "all": [1], "id": [{"n": 1}], "gone": None}
    assert list(outputs) == list(written.outputs)
    assert world.evaluated == [["all", "none"]]
