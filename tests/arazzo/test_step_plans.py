"""What a right document becomes: calls, parameters, bodies, secrets, reads and settings."""

from __future__ import annotations

from typing import Any

import pytest
from written import ARAZZO, OPENAPI, Written, changed, planned, secured

from arazzo.plan import ActionPlan, CriterionPlan, ParameterPlan, Reads
from arazzo.provider import Polling, ProviderSettings

CREATE = "stepId: create\n    operationId: createJob"
PARAMETER = "- name: jobId\n      in: path\n      value: $steps.create.outputs.id"
PAYLOAD = "payload: {name: $inputs.name}"

# -- the call -------------------------------------------------------------------------------------


def test_the_call_of_an_operation() -> None:
    """Method and path of the description, numbers of the worker's defaults."""
    create, poll = (step.attempt.operation for step in planned().steps)
    assert (create.operation_id, create.method, create.path) == ("createJob", "POST", "/jobs")
    assert (create.source, create.server) == ("jobs", "")
    assert (create.content_type, create.payload) == ("application/json", {"name": "$inputs.name"})
    assert (create.connect_timeout, create.total_timeout) == (10.0, 60.0)
    assert poll.content_type is None
    assert poll.parameters == (
        ParameterPlan(name="jobId", location="path", value="$steps.create.outputs.id"),
    )


def test_what_writes() -> None:
    """POST writes and carries a key; GET does not; settings know better."""
    create, poll = (step.attempt.operation for step in planned().steps)
    assert (create.writes, create.idempotency_header) == (True, "Idempotency-Key")
    assert (poll.writes, poll.idempotency_header) == (False, None)
    operations = {
        "createJob": {"writes": False}, "getJob": {"writes": True, "idempotency": True},
    }  # fmt: skip
    create, poll = (step.attempt.operation for step in planned(operations=operations).steps)
    assert (create.writes, create.idempotency_header) == (False, None)
    assert (poll.writes, poll.idempotency, poll.idempotency_header) == (
        True, True, "Idempotency-Key",
    )  # fmt: skip


def test_a_service_that_takes_no_key() -> None:
    """No header is sent where the settings say so."""
    create = planned(idempotency_key={"header": None}).steps[0].attempt.operation
    assert (create.writes, create.idempotency_header) == (True, None)


def test_servers() -> None:
    """The description's absolute ones by number; those of the settings by name."""
    assert Written().workflow().servers == {"jobs": {"server1": "https://jobs.test/v1"}}
    named = {"eu": "https://eu.test", "us": "https://us.test"}
    settings = ProviderSettings(servers={"jobs": named})
    assert Written(settings=settings).workflow().servers == {"jobs": named}
    relative = changed(OPENAPI, "https://jobs.test/v1", "/v1")
    assert Written(openapi=relative).workflow().servers == {"jobs": {}}


# -- parameters -----------------------------------------------------------------------------------


def test_an_undeclared_parameter_is_sent() -> None:
    """Descriptions are not complete; the document's author knows the service (4.)."""
    extra = "- {name: X-Trace, in: header, value: a}\n    - {name: q, in: query, value: [1]}"
    parameters = (
        planned(PARAMETER, f"{PARAMETER}\n    {extra}").steps[1].attempt.operation.parameters
    )
    assert parameters[1:] == (
        ParameterPlan(name="X-Trace", location="header", value="a"),
        ParameterPlan(name="q", location="query", value=[1], style="form", explode=True),
    )


def test_a_parameter_without_in() -> None:
    """It is looked up in the operation, where its name is unique."""
    plan = planned("- name: jobId\n      in: path\n", "- name: jobId\n")
    assert plan.steps[1].attempt.operation.parameters[0].location == "path"


def test_parameters_of_the_workflow_go_to_each_step() -> None:
    """Those of the step win over those of the workflow with the same name and place."""
    plan = planned(
        "  steps:\n",
        "  parameters:\n  - {name: X-A, in: header, value: w}\n"
        "  - {name: X-B, in: header, value: w}\n  steps:\n",
        PARAMETER,
        f"{PARAMETER}\n    - {{name: X-A, in: header, value: s}}",
    )
    create, poll = (step.attempt.operation.parameters for step in plan.steps)
    assert [(one.name, one.value) for one in create] == [("X-A", "w"), ("X-B", "w")]
    assert [(one.name, one.value) for one in poll][1:] == [("X-A", "s"), ("X-B", "w")]


@pytest.mark.parametrize(
    ("given", "value"), [("", "1"), (", value: 2", 2), (", value: null", "1")], ids=repr
)
def test_a_reusable_parameter(given: str, value: Any) -> None:
    """A value beside the reference takes the place of the component's."""
    plan = planned(
        "workflows:",
        "components: {parameters: {id: {name: jobId, in: path, value: '1'}}}\nworkflows:",
        PARAMETER,
        f"- {{reference: $components.parameters.id{given}}}",
    )
    assert plan.steps[1].attempt.operation.parameters[0].value == value


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "declared", "content_type"),
    [
        ("", "application/json", "application/json"),
        ("", "application/merge-patch+json", "application/merge-patch+json"),
        ("", "text/csv: {}, application/json", "application/json"),
        ("", "'*/*'", "application/json"),
        ("application/json; charset=utf-8", "application/json", "application/json; charset=utf-8"),
        ("application/vnd.api+json", "application/json", "application/vnd.api+json"),
        ("'application/*+json'", "application/json", "application/json"),
        ("'*/*'", "text/csv", "application/json"),
        ("application/x-amz-json-1.1", "application/json", "application/x-amz-json-1.1"),
    ],
)
def test_the_content_type(written: str, declared: str, content_type: str) -> None:
    """As written; else of the operation; a pattern is JSON (5., O21)."""
    openapi = changed(OPENAPI, "{application/json: {schema", f"{{{declared}: {{schema")
    line = f"contentType: {written}\n      {PAYLOAD}" if written else PAYLOAD
    plan = planned(PAYLOAD, line, openapi=openapi)
    assert plan.steps[0].attempt.operation.content_type == content_type


@pytest.mark.parametrize(
    ("written", "payload"),
    [
        ('\'{"a": "{$inputs.name}"}\'', {"a": "{$inputs.name}"}),
        ("'[1, 2]'", [1, 2]),
        ("$inputs.name", "$inputs.name"),
        ("'{$inputs.name}'", "{$inputs.name}"),
        ("'{no json'", "{no json"),
        ("null", None),
    ],
    ids=str,
)
def test_a_payload_that_is_json_text(written: str, payload: Any) -> None:
    """It is parsed first, so that values can't break out of their places (O17)."""
    assert planned(PAYLOAD, f"payload: {written}").steps[0].attempt.operation.payload == payload


# -- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "location", "requirement"),
    [
        ("Authorization", "header", "[]"),
        ("authorization", "header", "[]"),
        ("Proxy-Authorization", "header", "[]"),
        ("Cookie", "header", "[]"),
        ("api_key", "query", "[{key: []}]"),
    ],
)
def test_an_input_that_becomes_a_credential_is_secret(
    name: str, location: str, requirement: str
) -> None:
    """It flows into a credential header, or into the place of a security scheme."""
    extra = f"- {{name: {name}, in: {location}, value: 'Bearer {{$inputs.token}}'}}"
    plan = planned(PARAMETER, f"{PARAMETER}\n    {extra}", openapi=secured(requirement))
    assert plan.secret_inputs == ("token",)


def test_a_password_is_secret() -> None:
    """`format: password` says so wherever the input goes."""
    assert planned("token: {type: string}", "token: {format: password}").secret_inputs == ("token",)


def test_other_inputs_are_no_secrets() -> None:
    """A header of any other name is data."""
    extra = "- {name: X-Trace, in: header, value: $inputs.token}"
    assert planned(PARAMETER, f"{PARAMETER}\n    {extra}").secret_inputs == ()


def test_secrets_that_a_folder_may_use() -> None:
    """The list goes into each call; without one any may be used."""
    assert planned(secrets=["jobs"]).steps[0].attempt.operation.secrets == ("jobs",)
    assert planned().steps[0].attempt.operation.secrets is None


# -- criteria, actions, reads ---------------------------------------------------------------------


def test_criteria_and_actions_as_written() -> None:
    """They are judged by the activity, from their texts."""
    attempt = planned().steps[1].attempt
    assert attempt.success_criteria == (CriterionPlan(condition="$statusCode == 200"),)
    assert attempt.on_success[0] == ActionPlan(
        name="again",
        type="goto",
        target="poll",
        criteria=(CriterionPlan(condition="$response.body#/state == 'queued'"),),
    )


def test_actions_of_the_workflow() -> None:
    """The step's first, then the workflow's of other names (O9)."""
    plan = planned(
        "  steps:\n",
        "  successActions: [{name: again, type: end}, {name: last, type: end}]\n"
        "  failureActions: [{name: wait, type: retry, retryAfter: 2, retryLimit: 4}]\n  steps:\n",
    )
    create, poll = (step.attempt for step in plan.steps)
    assert [one.name for one in create.on_success] == ["again", "last"]
    assert [(one.name, one.type) for one in poll.on_success] == [
        ("again", "goto"), ("ready", "end"), ("last", "end"),
    ]  # fmt: skip
    assert create.on_failure == poll.on_failure
    assert poll.on_failure[0].retry_limit == 4


def test_reads() -> None:
    """An activity gets what its step reads; a loop compares what its request reads."""
    plan = planned(
        "- condition: $statusCode == 200",
        "- condition: $response.body#/name == $inputs.name",
        "state: $response.body#/state",
        "state: $steps.create.outputs.id",
    )
    create, poll = plan.steps
    assert create.reads == create.request_reads == Reads(inputs=("name",))
    assert poll.request_reads == Reads(steps={"create": ("id",)})
    assert poll.reads == Reads(inputs=("name",), steps={"create": ("id",)})


def test_expressions_inside_queries_are_read_too() -> None:
    """What a filter compares with must reach the activity (O12)."""
    plan = planned(
        "- condition: $statusCode == 200",
        "- context: $response.body\n      type: jsonpath\n"
        "      condition: $.a[?(@.b == '$inputs.token')]",
    )
    assert plan.steps[1].reads.inputs == ("token",)


def test_without_declared_inputs_each_name_may_be_meant() -> None:
    """`$inputs.a.b` may be the input `a.b`, or `b` inside `a` (O15)."""
    start, end = ARAZZO.index("    properties:"), ARAZZO.index("  steps:")
    plan = planned(ARAZZO[start:end], "", "$inputs.name", "$inputs.a.b")
    assert plan.steps[0].reads.inputs == ("a.b", "a")


# -- settings -------------------------------------------------------------------------------------


def test_the_pace_of_a_poll() -> None:
    """Of the provider, overridden by the workflow's, overridden by the step's."""
    polling = {
        "first": 1, "factor": 2,
        "workflows": {"run-job": {"first": 3, "longest": 9, "steps": {"poll": {"first": 4}}}},
    }  # fmt: skip
    create, poll = planned(polling=polling).steps
    assert create.polling == Polling(first=3, factor=2, longest=9)
    assert poll.polling == Polling(first=4, factor=2, longest=9)


def test_timeouts_and_retries() -> None:
    """An activity has more time than its request; two requests where a token may be needed."""
    times = {"timeouts": {"total": 5}, "transient": {"attempts": 2, "first": 0}}
    plan = planned(openapi=secured("[{key: []}]"), credentials={"key": {"secret": "jobs"}}, **times)
    create, poll = plan.steps
    assert (create.start_to_close, poll.start_to_close) == (35.0, 40.0)
    assert (create.transient.attempts, create.transient.first, create.transient.longest) == (
        2, 0.0, 60.0,
    )  # fmt: skip
    assert create.transport.attempts == 5


def test_a_prefix() -> None:
    """It stands before the workflow type; the plan keeps the document's own name."""
    workflow = Written(settings=ProviderSettings(prefix="jobs-")).workflow()
    assert workflow.workflow_type == "jobs-run-job"
    assert workflow.plan is not None
    assert workflow.plan.workflow_id == "run-job"


def test_collected_outputs() -> None:
    """They are the step's own."""
    assert planned(collect={"run-job": {"poll": ["state"]}}).steps[1].collect == ("state",)
