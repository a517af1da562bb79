"""Judging an answer: criteria, then outputs, then the first action whose criteria hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import pytest
from plans import end, goto, retry, step

from arazzo.context import Context, ResponseView
from arazzo.outcome import chosen, computed, judge, judge_workflow
from arazzo.plan import AttemptPlan, CriterionPlan, Invocation

BODY = {"state": "done", "id": 7, "none": None, "long": "x" * 500}
JSON = {"content-type": "application/json"}
DONE = "$response.body#/state == 'done'"
QUEUED = "$response.body#/state == 'queued'"


def answer(status: int = 200, body: Any = BODY, **context: Any) -> Context:
    """Return the moment at which an answer came."""
    return Context(response=ResponseView(status, JSON, body), **context)


def attempt(**fields: Any) -> AttemptPlan:
    """Return the attempt of a step."""
    return step("a", **fields).attempt


def criteria(*conditions: str) -> tuple[CriterionPlan, ...]:
    """Return simple criteria."""
    return tuple(CriterionPlan(condition=one) for one in conditions)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (200, ""),
        (204, ""),
        (299, ""),
        (304, "the status 304 is no success"),
        (404, "the status 404 is no success"),
        (503, "the status 503 is no success"),
    ],
)
def test_without_criteria_2xx_is_success(status: int, why: str) -> None:
    """No criterion is written in every seventh document; 2xx is meant."""
    assert judge(attempt(), answer(status)).why == why


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ((DONE, "$statusCode == 404"), ""),
        (
            (DONE, "$statusCode == 200"),
            "the criterion `$statusCode == 200` did not hold ($statusCode is 404)",
        ),
        (
            (QUEUED, "$statusCode == 200"),
            f'the criterion `{QUEUED}` did not hold ($response.body#/state is "done")',
        ),
        (("1 == 2",), "the criterion `1 == 2` did not hold"),
        (
            ("$response.body#/zz == 1",),
            "the criterion `$response.body#/zz == 1` did not hold ($response.body#/zz is absent)",
        ),
        (
            ("$response.body#/long == 'y'",),
            (
                "the criterion `$response.body#/long == 'y'` did not hold ($response.body#/long is "
                f'"{"x" * 199}…)'
            ),
        ),
    ],
    ids=["all hold", "second fails", "first that fails", "no expression", "absent", "long"],
)
def test_all_criteria_must_hold(conditions: tuple[str, ...], why: str) -> None:
    """The status is data: a criterion decides, and the first that fails is told with its values."""
    written = attempt(success_criteria=criteria(*conditions))
    assert judge(written, answer(404)).why == why


def test_without_an_answer_no_step_passes() -> None:
    """A transport failure that outlasts its retries is a failed step."""
    judged = judge(attempt(success_criteria=criteria("1 == 1")), Context())
    assert (judged.passed, judged.status, judged.why) == (False, None, "no response came")


@dataclass(frozen=True)
class Case:
    """One rule: which of the actions is chosen for an answer."""

    id: str
    action: int | None
    status: int = 200
    fields: dict[str, Any] = field(default_factory=dict)
    spent: tuple[int, ...] = ()


OUTPUTS = {"state": "$response.body#/state"}
CASES = [
    Case("none written", None),
    Case("none matches", None, fields={"on_success": (goto("a", when=QUEUED),)}),
    Case("first that matches", 1, fields={"on_success": (goto("a", when=QUEUED), end(), end())}),
    Case("without criteria always", 0, fields={"on_success": (end(), end(when=DONE))}),
    Case("of failure", 0, 500, {"on_success": (end(),), "on_failure": (retry(),)}),
    Case("by status", 1, 500, {"on_failure": (end(when="$statusCode == 404"), retry())}),
    Case("spent retries", 1, 500, {"on_failure": (retry(), end())}, spent=(0,)),
    Case("all spent", None, 500, {"on_failure": (retry(), retry())}, spent=(0, 1)),
    Case("success spends nothing", 0, fields={"on_success": (retry(),)}, spent=(0,)),
    Case(
        "reads the outputs of its own step",
        0,
        fields={"outputs": OUTPUTS, "on_success": (end(when="$steps.a.outputs.state == 'done'"),)},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=attrgetter("id"))
def test_the_first_action_that_matches(case: Case) -> None:
    """In the order written; one whose retries are used up is passed over."""
    judged = judge(attempt(**case.fields), answer(case.status), spent=case.spent)
    assert (judged.action, judged.status) == (case.action, case.status)
    assert judged.passed is (case.status == 200)


def test_an_action_needs_all_its_criteria() -> None:
    """One that does not hold is enough."""
    action = end().model_copy(update={"criteria": criteria(DONE, QUEUED)})
    assert chosen((action,), answer(), ()) is None


def test_outputs_only_of_a_step_that_passed() -> None:
    """A pointer that finds nothing gives null; types are kept; texts are put together."""
    outputs = {
        "id": "$response.body#/id",
        "none": "$response.body#/none",
        "nothing": "$response.body#/zz",
        "text": "job {$response.body#/id}",
        "status": "$statusCode",
    }
    judged = judge(attempt(outputs=outputs), answer())
    assert judged.outputs == {
        "id": 7, "none": None, "nothing": None, "text": "job 7", "status": 200,
    }  # fmt: skip
    assert judge(attempt(outputs=outputs), answer(500)).outputs == {}


def test_outputs_of_an_operation_are_meant_of_its_answer() -> None:
    """`$outputs.id` in a step that calls an operation is read from the body (O29)."""
    written = attempt(outputs={"id": "$outputs.id"}, success_criteria=criteria("$outputs.id == 7"))
    assert judge(written, answer()).outputs == {"id": 7}
    assert "($outputs.id is absent)" in judge(written, answer(body=[7])).why


def test_a_flawed_answer_never_passes() -> None:
    """A body cut off by a limit is no answer, whatever the criteria say of its status."""
    written = attempt(success_criteria=criteria("$statusCode == 200"), on_failure=(retry(),))
    judged = judge(written, answer(), flaw="the body is longer than 10 bytes")
    assert (judged.passed, judged.action) == (False, 0)
    assert judged.why == "the body is longer than 10 bytes"


def test_outputs_of_a_workflow() -> None:
    """They read inputs and steps; a step that never ran gives null."""
    context = Context(inputs={"i": 1}, steps={"a": {"x": [1]}})
    written = {"i": "$inputs.i", "x": "$steps.a.outputs.x#/0", "no": "$steps.b.outputs.x"}
    assert computed(written, context) == {"i": 1, "x": 1, "no": None}


CHILD = step("a", Invocation(workflow_type="child"), outputs={"mine": "$outputs.all"}).attempt


def test_a_called_workflow_that_completed() -> None:
    """Its outputs are the step's, with the step's own; `$outputs` means the workflow's."""
    written = CHILD.model_copy(
        update={"on_success": (end(when="$steps.a.outputs.all == 3 && $outputs.all == 3"),)}
    )
    judged = judge_workflow(written, Context(outputs={"all": 3}))
    assert (judged.passed, judged.outputs, judged.action) == (True, {"mine": 3}, 0)


def test_a_called_workflow_that_failed() -> None:
    """The step failed for the same reason, and its failure actions are asked."""
    written = CHILD.model_copy(update={"on_failure": (retry(), end())})
    judged = judge_workflow(written, Context(), failure="step `x` failed", spent=(0,))
    assert (judged.passed, judged.why, judged.action) == (False, "step `x` failed", 1)


def test_criteria_over_a_called_workflow() -> None:
    """A workflow that completed can still not be what the step wants."""
    written = CHILD.model_copy(update={"success_criteria": criteria("$outputs.all == 4")})
    judged = judge_workflow(written, Context(outputs={"all": 3}))
    assert judged.why == "the criterion `$outputs.all == 4` did not hold ($outputs.all is 3)"
