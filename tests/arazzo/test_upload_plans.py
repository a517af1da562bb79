"""Which steps may send a file: those whose body, or a part of it, is a value as it is."""

from __future__ import annotations

import pytest
from written import ARAZZO, OPENAPI, Written, changed

from arazzo.plan import CredentialPlan, StepPlan
from arazzo.scope import Defaults

WHOLE = "payload: {name: $inputs.name}"
SELECTOR = "payload: {context: $inputs.name, selector: $.a, type: jsonpath}"
DEFAULTS = Defaults()


def planned_with(payload: str, content_type: str) -> StepPlan:
    """Return the plan of a step with that payload."""
    body = f"contentType: {content_type}\n      {payload}"
    arazzo = changed(ARAZZO, WHOLE, body, "arazzo: 1.0.1", "arazzo: 1.1.0")
    described = f"{{{content_type}: {{}}}}"
    openapi = changed(OPENAPI, "{application/json: {schema: {type: object}}}", described)
    return Written(arazzo, openapi).step()


@pytest.mark.parametrize(
    ("payload", "content_type", "may"),
    [
        ("payload: $inputs.name", "application/json", True),
        ("payload: $inputs.name#/0", "text/csv", True),
        (SELECTOR, "text/csv", True),
        ("payload: 'the {$inputs.name}'", "text/csv", False),
        ("payload: text", "text/csv", False),
        (WHOLE, "application/json", False),
        (WHOLE, "application/x-www-form-urlencoded", False),
        (WHOLE, "multipart/form-data", True),
        ("payload: {files: [a, $inputs.name]}", "multipart/form-data", True),
        ("payload: {name: 'the {$inputs.name}'}", "multipart/form-data", False),
        (
            "payload: {a: b}\n      replacements: [{target: /a, value: $inputs.name}]",
            "multipart/form-data",
            True,
        ),
    ],
)
def test_which_body_may_hold_a_file(payload: str, content_type: str, may: bool) -> None:
    """Its step has the time for one and a heartbeat, which an attempt without one does not use."""
    step = planned_with(payload, content_type)
    upload = DEFAULTS.transfer_timeout if may else 0.0
    assert step.attempt.operation.upload == upload
    assert step.heartbeat == (DEFAULTS.heartbeat if may else 0.0)
    assert step.start_to_close == DEFAULTS.total_timeout + DEFAULTS.activity_margin
    assert step.start_to_close_with(file=True) == step.start_to_close + upload
    assert step.start_to_close_with(file=False) == step.start_to_close
    assert (step.heartbeat_with(file=True), step.heartbeat_with(file=False)) == (step.heartbeat, 0)


def test_a_step_with_a_credential_has_the_time_to_send_its_file_twice() -> None:
    """A token that is refused is fetched anew, and the request is sent again."""
    step = planned_with("payload: $inputs.name", "text/csv")
    credential = CredentialPlan(scheme="token", kind="bearer", secret="token")  # noqa: S106
    call = step.attempt.operation.model_copy(update={"credentials": ((credential,),)})
    attempt = step.attempt.model_copy(update={"call": call})
    twice = step.model_copy(update={"attempt": attempt}).start_to_close_with(file=True)
    assert twice == step.start_to_close_with(file=True) + DEFAULTS.transfer_timeout
