"""A step that calls a workflow: a child of its own, by a plan that lies in the caller's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from conftest import House, own_catalogue
from scripted import Asked, Service, scripted_house
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

DOCUMENT = """
arazzo: 1.0.1
info: {title: Orders, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: order
    inputs:
      type: object
      properties:
        token: {type: string, format: password}
        item: {type: string}
        note: {type: string}
    steps:
      - stepId: pay
        workflowId: charge
        parameters:
          - {name: token, value: $inputs.token}
          - {name: what, value: 'item {$inputs.item}'}
          - {name: note, value: $inputs.note}
        successCriteria: [{condition: $outputs.amount > 0}]
        outputs: {paid: $outputs.amount}
        onFailure:
          - name: refused
            type: goto
            stepId: complain
            criteria: [{condition: $inputs.item == 'refusable'}]
        onSuccess:
          - name: ship
            type: goto
            stepId: ship
      - stepId: complain
        operationId: complain
        outputs: {said: $response.body#/said}
        onSuccess: [{name: enough, type: end}]
      - stepId: ship
        operationId: ship
        requestBody: {payload: {receipt: $steps.pay.outputs.receipt}}
    outputs:
      paid: $steps.pay.outputs.paid
      receipt: $steps.pay.outputs.receipt
      complaint: $steps.complain.outputs.said
  - workflowId: charge
    inputs:
      type: object
      required: [what]
      properties:
        token: {type: string}
        what: {type: string, minLength: 6}
        note: {type: string}
        currency: {type: string, default: EUR}
    steps:
      - stepId: charge
        operationId: charge
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$inputs.token}'}
        requestBody:
          payload: {what: $inputs.what, note: $inputs.note, currency: $inputs.currency}
        outputs: {amount: $response.body#/amount, receipt: $response.body#/receipt}
    outputs:
      amount: $steps.charge.outputs.amount
      receipt: $steps.charge.outputs.receipt
"""

API = """
openapi: 3.1.0
info: {title: Shop, version: 1.0.0}
paths:
  /charges: {post: {operationId: charge, responses: {'200': {description: ok}}}}
  /complaints: {post: {operationId: complain, responses: {'200': {description: ok}}}}
  /parcels: {put: {operationId: ship, responses: {'200': {description: ok}}}}
"""

TOKEN = {"$secret": "shop_token"}


def answer(asked: Asked) -> tuple[int, Any]:
    """Charge what is not refusable."""
    if asked.path == "/charges":
        refused = "refusable" in asked.body["what"]
        return (402, {"said": "no money"}) if refused else (200, {"amount": 7, "receipt": "r1"})
    return 200, {"said": "sorry"}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    (tmp_path / "orders.arazzo.yaml").write_text(DOCUMENT, encoding="utf-8")
    (tmp_path / "api.yaml").write_text(API, encoding="utf-8")
    return tmp_path


@pytest.fixture
async def shop(
    client: Client,
    settings: Settings,
    documents: Path,
    max_cached_workflows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[House, Service]]:
    monkeypatch.setenv("DURAZZO_SECRET_SHOP_TOKEN", "shop-token-value")
    async with scripted_house(client, settings, documents, answer, max_cached_workflows) as opened:
        yield opened


async def test_a_step_runs_the_workflow_as_a_child_with_its_inputs_and_outputs(
    client: Client, shop: tuple[House, Service]
) -> None:
    """Parameters are inputs, secrets pass by name, defaults apply, absent stays absent."""
    house, service = shop
    handle = await house.start("order", {"token": TOKEN, "item": "tea"})
    assert await handle.result() == {"paid": 7, "receipt": "r1", "complaint": None}
    charge, ship = service.asked
    assert charge.headers["authorization"] == "Bearer shop-token-value"
    assert charge.body == {"what": "item tea", "currency": "EUR"}
    assert ship.body == {"receipt": "r1"}
    child = await client.get_workflow_handle(f"{handle.id}/pay").describe()
    assert child.workflow_type == "charge"
    assert child.parent_id == handle.id
    rows = {row["step"]: row["run"] for row in (await handle.query("progress"))["steps"]}
    assert rows == {"pay": f"{handle.id}/pay", "complain": None, "ship": None}


async def test_a_child_that_fails_is_a_failed_step_that_the_document_may_take_up(
    shop: tuple[House, Service],
) -> None:
    """The actions of the step decide, as for any other step."""
    house, service = shop
    outputs = await house.run("order", {"token": TOKEN, "item": "refusable"})
    assert outputs == {"paid": None, "receipt": None, "complaint": "sorry"}
    assert service.paths() == ["POST /charges", "POST /complaints"]


async def failure_of(house: House, inputs: dict[str, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await house.run("order", inputs)
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


async def test_a_child_that_fails_untaken_fails_the_caller_with_its_words(
    shop: tuple[House, Service],
) -> None:
    """The caller's error names its own step, the child's step, and the answer."""
    house, _ = shop
    error = await failure_of(house, {"token": TOKEN, "item": "refusable too"})
    assert error.type == "StepFailed"
    assert "step `pay`" in error.message
    assert "step `charge` failed: POST /charges answered 402" in error.message
    assert "no money" in error.message


async def test_inputs_that_the_child_refuses_end_the_caller_as_they_ended_the_child(
    shop: tuple[House, Service],
) -> None:
    """A mistake of the caller's is no failed step that a document could take up."""
    house, service = shop
    error = await failure_of(house, {"token": TOKEN, "item": "", "note": "x"})
    assert error.type == "InputInvalid"
    assert "step `pay`" in error.message
    assert service.asked == []


async def test_a_secret_of_the_child_is_a_secret_of_the_caller(
    shop: tuple[House, Service],
) -> None:
    """The input flows into a credential of the child, so it is refused in plain."""
    house, service = shop
    error = await failure_of(house, {"token": "plain-token", "item": "tea"})
    assert error.type == "InputInvalid"
    assert "plain-token" not in f"{error.message}{error.details}"
    assert service.asked == []


async def test_a_cancel_of_the_caller_reaches_the_child(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """Both end as canceled, and nothing more is sent."""
    polling = """
arazzo: 1.0.1
info: {title: Polls, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: outer
    steps: [{stepId: wait, workflowId: inner}]
  - workflowId: inner
    steps:
      - stepId: poll
        operationId: complain
        onSuccess:
          - {name: again, type: goto, stepId: poll}
"""
    (tmp_path / "polls.arazzo.yaml").write_text(polling, encoding="utf-8")
    (tmp_path / "api.yaml").write_text(API, encoding="utf-8")
    async with scripted_house(client, settings, tmp_path, answer, max_cached_workflows) as opened:
        house, service = opened
        handle = await house.start("outer", {})
        while len(service.asked) < 2:
            await asyncio.sleep(0.05)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        child = await client.get_workflow_handle(f"{handle.id}/wait").describe()
        assert child.status is WorkflowExecutionStatus.CANCELED


def test_the_plan_of_a_child_lies_in_that_of_its_caller(settings: Settings) -> None:
    """Our own documents: a change of the file can't part a caller from what it calls."""
    entry = own_catalogue(settings).runnable("create-dynamic-cohort")
    plan = entry.compiled.plan
    assert plan is not None
    sub = plan.workflows["await-cohort-calculation"].plan
    assert [step.step_id for step in sub.steps] == ["pollCohort", "explainFailure"]
    assert sub.inputs_schema["required"] == ["projectId", "cohortId"]
