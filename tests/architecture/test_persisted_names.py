"""Persisted names, pinned: what lies in histories of runs, and what callers of any language use.

A change here reaches runs that are under way. A new optional field needs one line below; anything
else needs a new `PLAN_FORMAT` or `ENGINE_REV`, or must not be done. Defaults are pinned too: what
is at its default is left out of a plan, so another default would change plans already written.

The reason for the length: one table of all persisted objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

import pytest
from pydantic import BaseModel

from activities import messages, names, signing
from activities.evaluation import Evaluations
from activities.load_plan import Plans
from activities.operation import Operations
from activities.run_values import RunValues
from arazzo import blobs, errors, inputs, outcome, plan, provider, state
from arazzo.operation_lookup import RESERVED_OPERATION_IDS
from workflows import controls, effects, factory, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

REQUIRED: Final = "required"

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "Polling": {
        "first": 2.0,
        "factor": 1.5,
        "longest": 300.0,
        "deadline": 604800.0,
    },
    "CriterionPlan": {
        "condition": REQUIRED,
        "type": "simple",
        "version": None,
        "context": None,
    },
    "ActionPlan": {
        "name": REQUIRED,
        "type": REQUIRED,
        "target": None,
        "workflow": None,
        "inputs": {},
        "by_activity": [],
        "retry_after": None,
        "retry_limit": None,
        "criteria": [],
    },
    "ParameterPlan": {
        "name": REQUIRED,
        "location": REQUIRED,
        "value": REQUIRED,
        "style": "simple",
        "explode": False,
        "allow_reserved": False,
        "content_type": "",
    },
    "PartPlan": {
        "style": "",
        "explode": False,
        "allow_reserved": False,
        "content_type": "",
        "transfer_encoding": "",
        "is_file": False,
        "headers": {},
    },
    "XmlPlan": {
        "name": "",
        "namespace": "",
        "prefix": "",
        "attribute": False,
        "wrapped": False,
        "properties": {},
        "items": None,
    },
    "CredentialPlan": {
        "scheme": REQUIRED,
        "kind": REQUIRED,
        "location": "header",
        "name": "Authorization",
        "secret": "",
        "client_id": "",
        "client_secret": "",
        "token_url": "",
        "username": "",
        "password": "",
        "discovery_url": "",
        "certificate": "",
        "private_key": "",
        "scopes": [],
        "send": "body",
        "headers": {},
    },
    "ReplacementPlan": {
        "target": REQUIRED,
        "type": "jsonpointer",
        "version": None,
        "value": None,
    },
    "DownloadPlan": {
        "always": False,
        "decompress": False,
        "content_type": "",
        "largest": REQUIRED,
        "total": REQUIRED,
    },
    "Call": {
        "operation_id": REQUIRED,
        "method": REQUIRED,
        "path": REQUIRED,
        "source": REQUIRED,
        "server": "",
        "parameters": [],
        "content_type": None,
        "payload": None,
        "parts": {},
        "xml": None,
        "replacements": [],
        "writes": REQUIRED,
        "idempotency_header": None,
        "idempotency": False,
        "secrets": None,
        "credentials": [],
        "link_parameter": None,
        "connect_timeout": REQUIRED,
        "total_timeout": REQUIRED,
        "retry_after_ceiling": REQUIRED,
        "largest_response": REQUIRED,
        "keeps_redirects": False,
        "own_server": False,
        "read_timeout": 0.0,
        "write_timeout": 0.0,
        "pool_timeout": 0.0,
        "retry_after_body": "",
        "retry_after_unit": 1.0,
        "download": None,
        "upload": 0.0,
        "limits": None,
    },
    "WindowPlan": {
        "counts": "requests",
        "amount": REQUIRED,
        "per": REQUIRED,
        "takes": 1,
        "operations": [],
        "by": "server",
    },
    "LimitsPlan": {"windows": [], "concurrency": 0},
    "Invocation": {
        "workflow_type": REQUIRED,
        "workflow_id": "",
        "inputs": {},
        "by_activity": [],
    },
    "ReceptionPlan": {
        "channel": REQUIRED,
        "source": REQUIRED,
        "correlation": None,
        "locations": [],
        "message_schema": None,
    },
    "AttemptPlan": {
        "workflow_id": REQUIRED,
        "step_id": REQUIRED,
        "call": None,
        "invocation": None,
        "reception": None,
        "success_criteria": [],
        "on_success": [],
        "on_failure": [],
        "outputs": {},
        "sealed": [],
        "constants": {},
        "find_by": None,
    },
    "FindPlan": {
        "call": REQUIRED,
        "criterion": REQUIRED,
        "result": "",
        "settle": REQUIRED,
        "status": 200,
    },
    "Reads": {
        "inputs": [],
        "steps": {},
        "workflows": [],
    },
    "RetryPlan": {"attempts": REQUIRED, "first": REQUIRED, "longest": REQUIRED, "within": 0.0},
    "StepPlan": {
        "attempt": REQUIRED,
        "signature": "",
        "reads": REQUIRED,
        "request_reads": REQUIRED,
        "polling": REQUIRED,
        "transient": REQUIRED,
        "transport": REQUIRED,
        "start_to_close": 0.0,
        "collect": [],
        "depends_on": [],
        "timeout": 0.0,
        "heartbeat": 0.0,
    },
    "Dependency": {
        "name": REQUIRED,
        "invocation": REQUIRED,
    },
    "DocumentIdentity": {"file": REQUIRED, "title": REQUIRED, "version": REQUIRED},
    "Plan": {
        "plan_format": REQUIRED,
        "engine_rev": REQUIRED,
        "document": REQUIRED,
        "workflow_id": REQUIRED,
        "secret_inputs": [],
        "steps": REQUIRED,
        "outputs": {},
        "visit_budget": REQUIRED,
        "depends_on": [],
        "workflows": {},
        "transfers": {},
        "workflow_reads": [],
        "constants": {},
        "by_activity": [],
        "secrets": None,
        "stores_outputs": False,
        "inputs_schema": None,
        "component_inputs": {},
    },
    "SubWorkflow": {"plan": REQUIRED, "signature": ""},
    "StepState": {
        "standing": "pending",
        "visits": 0,
        "retrying": False,
        "polls": 0,
        "attempts": 0,
        "loop_since": 0.0,
        "digest": "",
        "last_status": None,
        "retries": {},
        "changes": 0,
        "landmark": "",
        "circling": False,
        "pages": 0,
        "place": "",
        "waits_until": 0.0,
    },
    "TransferState": {
        "digest": REQUIRED,
        "since": REQUIRED,
        "polls": 0,
    },
    "RunState": {
        "inputs": REQUIRED,
        "cursor": REQUIRED,
        "fixed_bytes": 0,
        "outputs": {},
        "output_bytes": {},
        "steps": {},
        "visits": 0,
        "workflows": {},
        "transfers": {},
        "messages": [],
    },
    "Outcome": {
        "status": None,
        "passed": False,
        "outputs": {},
        "action": None,
        "retry_after": None,
        "sent": "yes",
        "why": "",
        "excerpt": "",
        "output_bytes": 0,
        "error": "",
        "timed_out": False,
        "wait": None,
        "place": "",
        "unread": False,
    },
    "LoadPlanRequest": {
        "workflow_type": REQUIRED,
        "inputs": None,
        "options": None,
        "carried": None,
    },
    "LoadedPlan": {"plan": None, "state": None},
    "Carried": {
        "plan": REQUIRED,
        "state": None,
        "transfers": {},
        "visits": 0,
        "signature": "",
    },
    "AttemptRequest": {
        "attempt": REQUIRED,
        "signature": REQUIRED,
        "values": REQUIRED,
        "spent": [],
        "key": "",
        "attempts": 1,
        "why": "",
        "seconds": 0.0,
        "find": False,
        "retry": None,
        "place": "",
        "held": 0,
        "blobs": "",
    },
    "WorkflowStepRequest": {
        "attempt": REQUIRED,
        "values": REQUIRED,
        "spent": [],
        "outputs": None,
        "why": "",
        "error": "",
        "blobs": "",
    },
    "JoinPagesRequest": {
        "before": REQUIRED,
        "outputs": REQUIRED,
        "names": REQUIRED,
        "blobs": REQUIRED,
    },
    "MoveOutputsRequest": {"outputs": REQUIRED, "excess": REQUIRED, "blobs": REQUIRED},
    "EvaluationRequest": {
        "templates": REQUIRED,
        "values": REQUIRED,
        "constants": {},
        "secrets": None,
        "blobs": "",
    },
    "CheckMessageRequest": {"receptions": REQUIRED, "message": REQUIRED},
    "MessageStepRequest": {
        "attempt": REQUIRED,
        "values": REQUIRED,
        "spent": [],
        "message": None,
        "why": "",
    },
    "RunOptions": {"server": None, "polling": {}},
}
"""Every persisted object: its fields, and their defaults as JSON."""


def test_plan_format_and_engine_rev() -> None:
    """A new engine_rev comes with recorded histories of it, a new format with a way to read 1."""
    assert (plan.PLAN_FORMAT, plan.ENGINE_REV) == (1, 3)


def persisted() -> dict[str, type[BaseModel]]:
    """Return every model that lies in histories, by name."""
    modules: tuple[ModuleType, ...] = (plan, state, outcome, names)
    bases = (BaseModel, plan.PlanPart, names.Message)
    found = [
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, BaseModel) and one not in bases
    ]
    return {one.__name__: one for one in found}


def shape(model: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of a model with their defaults as JSON."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        default = list(default) if isinstance(default, tuple) else default
        fields[name] = REQUIRED if field.is_required() else default
    return fields


def test_every_persisted_object_is_pinned() -> None:
    """Neither a new one is forgotten here, nor an old one taken away."""
    assert set(persisted()) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_persisted_object_keeps_its_shape(name: str) -> None:
    """Names and defaults; a field without a default would make older plans unreadable."""
    assert shape(persisted()[name]) == SHAPES[name]


def activity_name(method: Callable[..., Any]) -> str | None:
    """Return the type under which an activity is registered; None for the dynamic one."""
    found: str | None = getattr(method, "__temporal_activity_definition").name
    return found


def test_activity_types() -> None:
    """Replays compare them; the type of a step's activity is its operationId."""
    assert activity_name(Plans.load_plan) == names.LOAD_PLAN == "load_plan"
    assert activity_name(Plans.seal_run) == names.SEAL_RUN == "seal_run"
    assert activity_name(Operations.judge_lost) == names.JUDGE_LOST_ATTEMPT == "judge_lost_attempt"
    judged = activity_name(Operations.judge_workflow_step)
    assert judged == names.JUDGE_WORKFLOW_STEP == "judge_workflow_step"
    assert activity_name(Operations.attempt) is None
    assert activity_name(messages.check_message) == names.CHECK_MESSAGE == "check_message"
    assert (
        activity_name(messages.Receptions.judge_message) == names.JUDGE_MESSAGE == "judge_message"
    )
    evaluated = activity_name(Evaluations.evaluate_values)
    assert evaluated == names.EVALUATE_VALUES == "evaluate_values"
    assert activity_name(RunValues.join_pages) == names.JOIN_PAGES == "join_pages"
    assert activity_name(RunValues.move_outputs) == names.MOVE_OUTPUTS == "move_outputs"


def test_the_update_keeps_its_name() -> None:
    """Whoever delivers messages, in any language, calls it so."""
    assert controls.DELIVER_MESSAGE_UPDATE == "deliver_message"
    found = getattr(run.ArazzoRun.deliver_message, "_defn")  # noqa: B009 - where the SDK keeps it
    assert found.name == controls.DELIVER_MESSAGE_UPDATE


@pytest.mark.parametrize(("attempt", "activity_id"), [(1, "poll"), (2, "poll#2"), (11, "poll#11")])
def test_activity_ids(attempt: int, activity_id: str) -> None:
    """The step's id, and the number of its activity from the second on."""
    call = plan.Call(
        operation_id="get", method="GET", path="/", source="api", writes=False,
        connect_timeout=1, total_timeout=1, retry_after_ceiling=1, largest_response=1,
    )  # fmt: skip
    retry = plan.RetryPlan(attempts=1, first=1, longest=1)
    step = plan.StepPlan(
        attempt=plan.AttemptPlan(workflow_id="flow", step_id="poll", call=call),
        reads=plan.Reads(), request_reads=plan.Reads(),
        polling=provider.Polling(), transient=retry, transport=retry,
    )  # fmt: skip
    assert effects._activity_id(step, attempt) == activity_id


def test_error_types() -> None:
    """They are `ApplicationError.type`, by which callers tell failures apart."""
    assert set(errors.RUN_ERRORS) == {
        "DocumentInvalid", "InputInvalid", "SecretMissing", "StepFailed", "UnexpectedState",
        "PollDeadlineExceeded", "OutcomeUnknown", "PayloadTooLarge",
    }  # fmt: skip
    assert names.TRANSPORT_FAILURE == "TransportFailure"


def test_what_the_query_answers() -> None:
    """The name of the query, and the keys of its answer, which other languages read: none goes."""
    assert controls.PROGRESS_QUERY == "progress"
    row = controls.StepProgress(
        step="s", operation="o", request="r", standing="pending", visits=0, polls=0,
        last_status=None,
    )  # fmt: skip
    found = controls.as_json(
        controls.Progress(
            workflow="w", document="d", version="1", step=None, visits=0, polls=0,
            last_status=None, steps=[row],
        )
    )  # fmt: skip
    assert set(found) >= {
        "workflow", "document", "version", "step", "visits", "polls", "lastStatus", "waitingFor",
        "poll", "nextWakeUp", "deadline", "channel", "steps",
    }  # fmt: skip
    assert set(found["steps"][0]) >= {
        "step", "operation", "request", "state", "visits", "polls", "lastStatus",
    }  # fmt: skip


def test_words_within_persisted_objects() -> None:
    """The values of closed sets: an older or newer side must know each."""
    assert get_args(state.Standing) == ("pending", "running", "waiting", "passed", "failed")
    assert get_args(outcome.Sent) == ("no", "maybe", "yes")
    assert get_args(plan.ActionPlan.model_fields["type"].annotation) == ("end", "goto", "retry")
    assert get_args(plan.WindowPlan.model_fields["counts"].annotation) == ("requests", "cost")
    assert get_args(plan.WindowPlan.model_fields["by"].annotation) == ("server", "credential")


def test_secrets_and_the_key_keep_their_names() -> None:
    """Callers write `$secret`; machines that share runs share `durazzo_key`."""
    assert inputs.SECRET_KEY == "$secret"  # noqa: S105 - the name of a key
    assert (signing.KEY_NAME, signing.KEY_FILE) == ("durazzo_key", "durazzo.key")


def test_a_blob_reference_keeps_its_spelling() -> None:
    """It lies in histories and results, and callers of any language write one as an input."""
    kept = blobs.Blob("s3://bucket/name", 3, "0" * 64, "text/csv")
    reference = {
        "uri": "s3://bucket/name",
        "bytes": 3,
        "sha256": "0" * 64,
        "contentType": "text/csv",
    }
    assert kept.as_json() == {"$blob": reference}
    told = blobs.Blob("s3://bucket/name", 3, "0" * 64, "text/csv", holds_files=True)
    assert told.as_json() == {"$blob": {**reference, "holdsFiles": True}}
    assert [blobs.blob_of(one.as_json()) for one in (kept, told)] == [kept, told]
    assert blobs.VALUE_TYPE == "application/vnd.durazzo.value+json"
    assert blobs.SEALED_TYPE == "application/vnd.durazzo.sealed+json"


def test_a_signature_stays_the_same_from_version_to_version() -> None:
    """Canonical JSON and HMAC-SHA-256: what an older worker signed is still vouched for."""
    signature = signing.sign(b"key", {"b": [1, 2.5, None, True], "a": "zoë"})
    assert signature == "9cc972389ce2bfc34bf6f90580fbcdaf257ccdf4032a20a496d911cb0db4b2b0"


@pytest.mark.parametrize(
    ("workflow_type", "name"),
    [
        ("export-cohort-members", "ExportCohortMembers"),
        ("submitAndPoll_dsar", "SubmitAndPollDsar"),
        ("2fa", "Workflow2fa"),
        ("--", "Workflow"),
    ],
)
def test_names_of_classes(workflow_type: str, name: str) -> None:
    """`from workflows import ExportCohortMembers` stands in the code of users."""
    assert factory.class_name(workflow_type) == name


def test_the_names_of_our_own_activities_are_no_operation_s() -> None:
    """Temporal would call ours in its place, with the operation's arguments."""
    own = {text for name, text in vars(names).items() if name.isupper() and isinstance(text, str)}
    assert own - {names.TRANSPORT_FAILURE} == set(RESERVED_OPERATION_IDS)
