"""The plan is persisted data: its names, its format and its digest are pinned."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plans import call, goto, plan, step
from pydantic import BaseModel, ValidationError
from written import Written

from arazzo.outcome import Outcome
from arazzo.plan import (
    PLAN_FORMAT,
    ActionPlan,
    AttemptPlan,
    Call,
    CredentialPlan,
    CriterionPlan,
    DocumentIdentity,
    Invocation,
    ParameterPlan,
    Plan,
    Reads,
    RetryPlan,
    StepPlan,
    SubWorkflow,
    canonical,
)
from arazzo.provider import Polling

PERSISTED: dict[type[BaseModel], str] = {
    CriterionPlan: "condition type version context",
    ActionPlan: "name type target retry_after retry_limit criteria",
    ParameterPlan: "name location value style explode",
    CredentialPlan: (
        "scheme kind location name secret client_id client_secret token_url scopes send headers "
        "username password discovery_url certificate private_key"
    ),
    Call: (
        "operation_id method path source server parameters content_type payload writes "
        "idempotency_header idempotency secrets credentials link_parameter connect_timeout "
        "total_timeout retry_after_ceiling largest_response"
    ),
    Invocation: "workflow_type inputs",
    AttemptPlan: (
        "workflow_id step_id call invocation success_criteria on_success on_failure outputs"
    ),
    Reads: "inputs steps",
    RetryPlan: "attempts first longest",
    Polling: "first factor longest deadline",
    StepPlan: (
        "attempt signature reads request_reads polling transient transport start_to_close collect"
    ),
    DocumentIdentity: "file title version",
    SubWorkflow: "plan signature",
    Plan: (
        "plan_format engine_rev document workflow_id secret_inputs steps outputs visit_budget "
        "workflows inputs_schema component_inputs"
    ),
    Outcome: "status passed outputs action retry_after sent why excerpt output_bytes error",
}
"""The names that stand in histories: new ones may come, none of these may go."""

REQUIRED: dict[type[BaseModel], str] = {
    CriterionPlan: "condition",
    ActionPlan: "name type",
    ParameterPlan: "name location value",
    CredentialPlan: "scheme kind",
    Call: (
        "operation_id method path source writes connect_timeout total_timeout "
        "retry_after_ceiling largest_response"
    ),
    AttemptPlan: "workflow_id step_id",
    StepPlan: "attempt reads request_reads polling transient transport",
    Plan: "plan_format engine_rev document workflow_id steps visit_budget",
    Outcome: "",
}
"""The names without a default. None may be added: older histories do not have it."""

SMALL: dict[str, Any] = {
    "plan_format": 1,
    "engine_rev": 3,
    "document": {"file": "w.yaml", "title": "W", "version": "1"},
    "workflow_id": "w",
    "steps": [
        {
            "attempt": {
                "workflow_id": "w",
                "step_id": "a",
                "call": {
                    "operation_id": "call",
                    "method": "GET",
                    "path": "/jobs",
                    "source": "jobs",
                    "server": "https://jobs.test",
                    "writes": False,
                    "connect_timeout": 1.0,
                    "total_timeout": 2.0,
                    "retry_after_ceiling": 3600.0,
                    "largest_response": 1000,
                },
                "on_success": [{"name": "goto", "type": "goto", "target": "a"}],
            },
            "reads": {},
            "request_reads": {},
            "polling": {"deadline": 1000.0},
            "transient": {"attempts": 3, "first": 1.0, "longest": 60.0},
            "transport": {"attempts": 3, "first": 1.0, "longest": 60.0},
        }
    ],
    "visit_budget": 1000,
}
"""A plan as the first released version has written it."""


@pytest.mark.parametrize("part", PERSISTED, ids=lambda part: part.__name__)
def test_names_are_pinned(part: type[BaseModel]) -> None:
    """A worker of any later version must read the plan of a run that began before it."""
    assert set(PERSISTED[part].split()) <= set(part.model_fields)


@pytest.mark.parametrize("part", REQUIRED, ids=lambda part: part.__name__)
def test_a_new_field_has_a_default(part: type[BaseModel]) -> None:
    """A changed shape needs a new PLAN_FORMAT."""
    required = {name for name, one in part.model_fields.items() if one.is_required()}
    assert required == set(REQUIRED[part].split())


def test_a_plan_of_the_first_version_is_read() -> None:
    """And written again as it was, so its signature still fits."""
    read = Plan.model_validate(SMALL)
    assert read == plan(step("a", call(), on_success=(goto("a"),)))
    assert read.as_json() == SMALL
    assert PLAN_FORMAT == 1


def test_the_digest_is_pinned() -> None:
    """The SHA-256 of the canonical JSON of a plan, in any process and version."""
    assert Plan.model_validate(SMALL).digest() == (
        "ef7f05149ea2f8eb5d2a92b517828eddf15e48832cfc607404ec8182bd5860bd"
    )


def test_round_trip_of_a_compiled_plan() -> None:
    """Through JSON and back nothing is lost, and the digest stays."""
    made = Written().plan()
    back = Plan.model_validate(json.loads(json.dumps(made.as_json())))
    assert back == made
    assert back.digest() == made.digest()


def test_plans_inside_plans_travel_too() -> None:
    """The plan of a called workflow lies in its caller's."""
    child = plan(step("a"), inputs_schema={"type": "object"})
    made = plan(step("a"), workflows={"child": SubWorkflow(plan=child, signature="ab")})
    assert Plan.model_validate(json.loads(json.dumps(made.as_json()))) == made
    assert made.digest() != plan(step("a")).digest()


def test_an_unknown_field_is_refused() -> None:
    """A plan of a later version is not run as if its new fields meant nothing."""
    with pytest.raises(ValidationError):
        Plan.model_validate({**SMALL, "later": True})


def test_an_outcome_of_a_later_version_is_read() -> None:
    """Workers of two versions serve one run; an outcome may know more than its reader."""
    assert Outcome.model_validate({"passed": True, "later": 1}).passed


def test_canonical_json_has_one_spelling() -> None:
    """Sorted keys, no spaces, ASCII; what JSON can't say is refused."""
    assert canonical({"b": 1, "a": ["é"]}) == b'{"a":["\\u00e9"],"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_waits_between_attempts_double() -> None:
    """From the first to the longest, whatever the number of the attempt."""
    waits = RetryPlan(attempts=9, first=1.0, longest=60.0)
    assert [waits.wait(number) for number in (1, 2, 3, 7, 10_000)] == [1.0, 2.0, 4.0, 60.0, 60.0]


def test_what_a_step_calls() -> None:
    """A step has a call or an invocation, and people read which."""
    of_call = step("a", call("POST", "/jobs/{id}"))
    of_workflow = step("a", Invocation(workflow_type="child"))
    assert (of_call.called, of_call.request_line) == ("call", "POST /jobs/{id}")
    assert (of_workflow.called, of_workflow.request_line) == ("child", "workflow child")
    with pytest.raises(TypeError, match="step `a` calls no operation"):
        _ = of_workflow.operation_id


def test_secrets_of_a_credential() -> None:
    """The names of the secrets that it takes, without those it does not have."""
    basic = CredentialPlan(scheme="s", kind="basic", secret="a")  # noqa: S106 - a name
    flow = CredentialPlan(scheme="s", kind="clientCredentials", client_id="b", client_secret="c")  # noqa: S106 - a name
    assert (basic.secrets, flow.secrets) == (("a",), ("b", "c"))
