"""The plan of a run: what is refused before anything is sent, and what a run may carry on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from shelf import Shelf, step, workflow
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import load_plan
from activities.files import local_store
from activities.load_plan import Plans
from activities.names import LoadPlanRequest
from activities.signing import sign
from arazzo.blobs import VALUE_TYPE, Blob
from arazzo.errors import DocumentInvalid, DurazzoError, InputInvalid, PayloadTooLarge
from arazzo.plan import LARGEST_PLAN_BYTES, Plan
from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"the key of these tests"
INPUTS = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "size": {"type": "integer", "default": 3},
        "token": {"type": "string", "format": "password"},
    },
}
SERVERS = {"servers": {"api": {"us": "https://us.example.com", "eu": "https://eu.example.com"}}}
CALLED = workflow("inner", inputs=INPUTS, outputs={"one": "$steps.only.outputs.one"})
CALLING = workflow(
    "outer",
    steps=[{"stepId": "call", "workflowId": "inner",
            "parameters": [{"name": "name", "value": "n"}]}],
)  # fmt: skip


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    """Give the plans of a worker with a workflow, one that calls it, and one with a mistake."""
    inner = {**CALLED, "steps": [step(outputs={"one": "$response.body#/one"})]}
    broken = workflow("broken", steps=[step(operation_id="getThink")])
    shelf = Shelf(tmp_path).fill(inner, CALLING, broken)
    shelf.add("settings.yaml", SERVERS)
    return Plans(load_catalogue([tmp_path]), KEY)


def load(plans: Plans, workflow_type: str = "inner", **arguments: Any) -> tuple[Plan, Any]:
    """Return plan and state of a run with these arguments; `name` is given without more."""
    arguments = {"inputs": {"name": "n"}, **arguments}
    found = plans.load(LoadPlanRequest(workflow_type=workflow_type, **arguments))
    return Plan.model_validate(found.plan), found.state


def refusal(plans: Plans, workflow_type: str = "inner", **arguments: Any) -> DurazzoError:
    """Return why these arguments are refused."""
    with pytest.raises(DurazzoError) as caught:
        load(plans, workflow_type, **arguments)
    return caught.value


def test_a_run_begins_at_the_first_step_with_defaults(plans: Plans) -> None:
    """Defaults apply; an optional input that was not given stays absent."""
    plan, state = load(plans)
    assert state["inputs"] == {"name": "n", "size": 3}
    assert state["cursor"] == "only"
    assert state["fixed_bytes"] > 100
    assert plan.secret_inputs == ("token",)


def test_every_step_is_signed(plans: Plans) -> None:
    """Also those of the workflows that it calls, and these as a whole."""
    plan, _ = load(plans, "outer")
    sub = plan.workflows["inner"]
    for one in (*plan.steps, *sub.plan.steps):
        assert one.signature == sign(KEY, one.attempt.as_json())
    assert sub.signature == sign(KEY, {"plan": sub.plan.as_json()})


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (None, "https://us.example.com"),
        ("eu", "https://eu.example.com"),
        ({"api": "eu"}, "https://eu.example.com"),
        ({"another": "eu"}, "https://us.example.com"),
    ],
)
def test_the_caller_chooses_a_server_by_name(plans: Plans, server: Any, url: str) -> None:
    """The first is the default; the choice may be by source."""
    plan, _ = load(plans, options={"server": server})
    assert plan.steps[0].attempt.operation.server == url


def test_the_choice_reaches_the_workflows_that_are_called(plans: Plans) -> None:
    """Server and pace are those of the run, however deep."""
    plan, _ = load(plans, "outer", options={"server": "eu", "polling": {"first": 9}})
    inner = plan.workflows["inner"].plan.steps[0]
    assert inner.attempt.operation.server == "https://eu.example.com"
    assert inner.polling.first == 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("eu", "options"),
        ([1], "options"),
        ({"servr": "eu"}, "`servr`"),
        ({"server": "mars"}, "has no server `mars`"),
        ({"server": "https://evil.example.com"}, "has no server"),
        ({"server": {"api": "mars"}}, "has no server `mars`"),
        ({"polling": {"frist": 1}}, "`frist`"),
        ({"polling": {"first": -1}}, "`first`"),
        ({"polling": {"factor": 0.5}}, "`factor`"),
        ({"polling": {"deadline": 1e12}}, "`deadline`"),
        ({"polling": {"first": "soon"}}, "first"),
    ],
)
def test_options_that_do_not_fit_are_refused(plans: Plans, options: Any, said: str) -> None:
    """InputInvalid that names the option; a server is chosen by name, never by URL."""
    error = refusal(plans, options=options)
    assert isinstance(error, InputInvalid)
    assert said in error.message


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (None, "name"),
        ("text", "must be one JSON object"),
        ([], "must be one JSON object"),
        ({}, "name"),
        ({"name": 7}, "`name`"),
        ({"name": "n", "size": "big"}, "`size`"),
        ({"name": "n", "token": "in plain"}, "must be given by name"),
        ({"name": {"$secret": "token"}}, "`name` is not secret"),
        ({"name": "n", "naem": 1}, "did you mean `name`?"),
        ({"name": "n", "size": float("nan")}, "`size`"),
        ({"name": "n", "other": float("inf")}, "no JSON"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(plans: Plans, inputs: Any, said: str) -> None:
    """InputInvalid with the input's name, and never with a secret that was given in plain."""
    error = refusal(plans, inputs=inputs)
    assert isinstance(error, InputInvalid)
    assert said in error.message
    assert "in plain:" in error.message or "in plain" not in error.message


def test_a_file_that_lies_elsewhere_is_refused_at_the_start(plans: Plans) -> None:
    """However deep in the inputs it stands; not only where a step first reads it, days later."""
    blob = Blob("file:///etc/passwd", 1, "0" * 64, "text/csv")
    error = refusal(plans, inputs={"name": "n", "files": [{"one": blob.as_json()}]})
    assert (type(error), error.reason) == (InputInvalid, "blob-elsewhere")


def test_all_that_is_wrong_with_the_inputs_is_said_at_once(plans: Plans) -> None:
    """Nobody mends one mistake to learn of the next."""
    error = refusal(plans, inputs={"size": "big", "token": "t0p"})
    assert all(name in error.message for name in ("name", "size", "token"))
    assert "t0p" not in error.message


def test_an_unknown_type_offers_the_closest_names(plans: Plans) -> None:
    """A start of another language has no other way to learn them."""
    error = refusal(plans, "iner")
    assert "did you mean `inner`?" in error.message
    assert error.facts["closest"] == ["inner"]


def test_a_broken_document_is_refused_with_its_findings(plans: Plans) -> None:
    """DocumentInvalid with place and mend; the others of the document still run."""
    error = refusal(plans, "broken")
    assert isinstance(error, DocumentInvalid)
    assert error.reason == "unknown-operation"
    assert "flow.arazzo.json:" in error.message
    assert "getThing" in error.message


@pytest.mark.parametrize(("own", "refused"), [({}, True), ({"api": "http://1.1.1.1"}, False)])
def test_a_source_without_a_server_is_refused(
    tmp_path: Path, own: dict[str, str], *, refused: bool
) -> None:
    """Unless the worker was started with one for it."""
    shelf = Shelf(tmp_path).fill(workflow("plain"))
    bare = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/thing": {"get": {"operationId": "getThing"}}}}  # fmt: skip
    shelf.add("api.json", bare)
    plans = Plans(load_catalogue([tmp_path]), KEY, own)
    if not refused:
        assert load(plans, "plain")[0].steps[0].attempt.operation.server in ("", "/")
        return
    error = refusal(plans, "plain")
    assert isinstance(error, DocumentInvalid)
    assert "--server api=URL" in error.message


def test_inputs_that_are_too_large_are_refused(plans: Plans) -> None:
    """PayloadTooLarge before Temporal would end the run."""
    error = refusal(plans, inputs={"name": "x" * load_plan.LARGEST_INPUT_BYTES})
    assert isinstance(error, PayloadTooLarge)
    assert error.reason == "inputs-too-large"


def test_a_plan_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """A document may be large; what lies in every history may not."""
    literal = "x" * (LARGEST_PLAN_BYTES + 1)
    body = {"contentType": "application/json", "payload": {"text": literal}}
    large = workflow("large", steps=[step(operation_id="makeThing", requestBody=body)])
    Shelf(tmp_path).fill(large, makeThing=("post", "/thing"))
    error = refusal(Plans(load_catalogue([tmp_path]), KEY), "large")
    assert isinstance(error, PayloadTooLarge)
    assert error.reason == "plan-too-large"


def carried(plans: Plans, **changes: Any) -> dict[str, Any]:
    """Return what continue-as-new hands over, with a signature that is right unless changed."""
    plan, state = load(plans)
    body: dict[str, Any] = {"plan": plan.as_json(), "state": state}
    return {**body, "signature": sign(KEY, body), **changes}


async def test_a_run_that_goes_on_is_vouched_for(plans: Plans) -> None:
    """It has plan and state in its arguments, so nothing is handed to it again."""
    given = carried(plans)
    assert (
        await ActivityEnvironment().run(
            plans.seal_run, {"plan": given["plan"], "state": given["state"]}
        )
        == given["signature"]
    )
    found = plans.load(LoadPlanRequest(workflow_type="inner", carried=given))
    assert (found.plan, found.state) == (None, None)


def test_a_run_goes_on_though_its_document_is_gone(plans: Plans) -> None:
    """The carried plan is the run's own: the catalogue is not asked."""
    without = Plans(load_catalogue([]), KEY)
    request = LoadPlanRequest(workflow_type="gone", carried=carried(plans))
    assert without.load(request).plan is None


def test_a_child_begins_by_the_plan_of_its_parent(plans: Plans) -> None:
    """Its inputs are checked against the schema in that plan."""
    plan, _ = load(plans, "outer")
    sub = plan.workflows["inner"]
    given = {"plan": sub.plan.as_json(), "signature": sub.signature}
    request = LoadPlanRequest(workflow_type="inner", inputs={"name": "n"}, carried=given)
    found = plans.load(request)
    assert found.plan is None
    assert found.state is not None
    assert found.state["inputs"] == {"name": "n", "size": 3}
    with pytest.raises(InputInvalid, match="name"):
        plans.load(LoadPlanRequest(workflow_type="inner", carried=given))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": {"inputs": {}, "cursor": None}}, "was not made by a worker with this key"),
        ({"state": None}, "was not made by a worker with this key"),
        ({"signature": ""}, "was not made by a worker with this key"),
        ({"signature": "ü"}, "was not made by a worker with this key"),
        ({"plan": None}, "leave it out"),
        ({"plan": []}, "leave it out"),
        ({"signature": 7}, "leave it out"),
    ],
)
def test_nobody_else_can_hand_in_a_plan(plans: Plans, changes: dict[str, Any], said: str) -> None:
    """Changed, unsigned or out of shape: one InputInvalid."""
    error = refusal(plans, carried=carried(plans, **changes))
    assert isinstance(error, InputInvalid)
    assert said in error.message


@pytest.mark.parametrize("given", ["text", 7, [], {}, True, False, 0, ""])
def test_a_third_argument_of_another_kind_is_refused(plans: Plans, given: Any) -> None:
    """It is the engine's own; only null is as if it were not given."""
    assert refusal(plans, carried=given).reason == "carried"


def test_a_plan_of_another_key_is_refused(plans: Plans) -> None:
    """Workers that share runs need the same secret, and the message says so."""
    other = Plans(plans.catalogue, b"another key")
    assert "durazzo_key" in refusal(other, carried=carried(plans)).message


def test_a_plan_of_a_later_format_is_refused(plans: Plans) -> None:
    """An older worker says that it needs to be newer, in place of misreading the plan."""
    plan, state = load(plans)
    body = {"plan": {**plan.as_json(), "plan_format": 99}, "state": state}
    error = refusal(plans, carried={**body, "signature": sign(KEY, body)})
    assert error.reason == "plan-format"
    assert "newer version" in error.message


async def test_a_refusal_reaches_the_workflow_with_its_name(plans: Plans) -> None:
    """As an ApplicationError of that type, with reason and facts, and never tried again."""
    raw = LoadPlanRequest(workflow_type="iner").as_json()
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(plans.load_plan, raw)
    assert caught.value.type == "InputInvalid"
    assert caught.value.non_retryable
    assert caught.value.details[0] == {"reason": "unknown-workflow", "closest": ["inner"]}


@pytest.mark.parametrize(
    "value",
    [{"$secret": "name"}, {"$sealed": "c2VhbGVk"}, [{"deep": {"$secret": "name"}}]],
    ids=["secret", "sealed", "deep"],
)
def test_a_stored_value_may_hold_no_more_than_one_given_inline(
    plans: Plans, tmp_path: Path, value: Any
) -> None:
    """Else `durazzo put --value` would be a way to have a secret sent that inputs may not hold."""
    made = replace(plans, blobs=local_store(tmp_path / "blobs"))
    for held, refused in ((value, True), ({"name": "n"}, False)):
        content = json.dumps(held).encode()
        blob = asyncio.run(made.blobs.put("put/value", content, VALUE_TYPE))
        request = LoadPlanRequest(workflow_type="inner", inputs={"name": blob.as_json()})
        if refused:
            with pytest.raises(InputInvalid, match="holds a secret's name or a sealed value"):
                made.load(request)
        else:
            assert made.load(request).state
