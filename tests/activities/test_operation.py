"""One attempt of one step: sent once, judged, and no secret in anything that it hands back."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attempts import (
    KEY,
    SERVER,
    action,
    answering,
    asked,
    attempt,
    call,
    header,
    operations,
    posting,
)
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.attempt_rules import LARGEST_OUTPUT_BYTES
from activities.masking import MASK
from activities.signing import sign
from arazzo.errors import StepFailed
from arazzo.plan import CriterionPlan

if TYPE_CHECKING:
    from activities.names import AttemptRequest
    from activities.operation import Operations

SECRET = "s3cr3t-of-the-service"  # noqa: S105 - made up for these tests
SECRET_INPUT = {"inputs": {"token": {"$secret": "token"}}}
SECRETS = {"token": SECRET}
SPELLINGS = (SECRET, base64.b64encode(SECRET.encode()).decode().rstrip("="), SECRET[:8])
BEARER = header("Authorization", "Bearer {$inputs.token}")
CONVERTER = DataConverter.default


async def perform(made: Operations, request: AttemptRequest, number: int = 1) -> dict[str, Any]:
    """Run the activity as the worker does, its attempt of that number, and return its result."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(ActivityEnvironment.default_info(), attempt=number)
    payload = CONVERTER.payload_converter.to_payload(request.as_json())
    result = await environment.run(made.attempt, [RawValue(payload)])
    await made.client.aclose()
    found: dict[str, Any] = result
    return found


async def failure_of(
    made: Operations, request: AttemptRequest, number: int = 1
) -> ApplicationError:
    """Run the activity, which must fail, and return its error."""
    with pytest.raises(ApplicationError) as caught:
        await perform(made, request, number)
    return caught.value


async def as_recorded(error: ApplicationError) -> str:
    """Return all that a history would hold of an error: message, causes, details, stack."""
    failure = Failure()
    await CONVERTER.encode_failure(error, failure)
    return str(failure)


def expect_no_secret(text: str) -> None:
    """Fail when any spelling of the secret, or its beginning, is in the text."""
    for spelling in SPELLINGS:
        assert spelling not in text


async def test_an_answer_becomes_an_outcome() -> None:
    """Criteria, outputs, action: a decision and not a body."""
    answer, seen = answering(httpx.Response(200, json={"state": "done", "rows": [1, 2]}))
    plan = attempt(
        call(),
        outputs={"state": "$response.body#/state", "absent": "$response.body#/nothing"},
        on_success=(
            action("again", "retry", "$response.body#/state == 'busy'"),
            action("ready", "end", "$response.body#/state == 'done'"),
        ),
    )
    found = await perform(operations(answer), asked(plan))
    size = found.pop("output_bytes")
    assert found == {
        "status": 200,
        "passed": True,
        "outputs": {"state": "done", "absent": None},
        "action": 1,
    }
    assert size == len(json.dumps(found["outputs"]))
    assert len(seen) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("called", [call(), posting()], ids=["GET", "POST"])
async def test_every_status_is_data(called: Any, status: int) -> None:
    """No status raises: the document, and then the workflow, decide what it means."""
    answer, seen = answering(httpx.Response(status, headers={"Retry-After": "7"}, text="no"))
    found = await perform(operations(answer), asked(attempt(called), attempts=5))
    assert found["status"] == status
    assert not found.get("passed")
    assert found["retry_after"] == 7
    assert found["excerpt"] == "no"
    assert str(status) in found["why"]
    assert len(seen) == 1


LOST = httpx.ReadError("reset by peer")
NOT_SENT = httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("fault", "sent"),
    [(LOST, "maybe"), (NOT_SENT, "no"), (httpx.ReadTimeout("late"), "maybe")],
)
async def test_a_post_is_sent_once_whatever_happens(fault: Exception, sent: str) -> None:
    """Its outcome tells the workflow whether it arrived; the activity raises nothing to retry."""
    answer, seen = answering(fault)
    found = await perform(operations(answer), asked(attempt(posting()), attempts=1))
    assert found["sent"] == sent
    assert "status" not in found
    assert len(seen) == 1


async def test_a_post_stays_single_also_when_attempts_would_allow_more() -> None:
    """A request made by an older or other workflow can't loosen the rule."""
    answer, seen = answering(LOST)
    found = await perform(operations(answer), asked(attempt(posting()), attempts=5))
    assert (found["sent"], len(seen)) == ("maybe", 1)


async def test_a_get_marked_as_writing_is_treated_as_one() -> None:
    """A GET that starts a job is a write, by the folder's settings."""
    answer, seen = answering(LOST)
    found = await perform(operations(answer), asked(attempt(call(writes=True)), attempts=5))
    assert (found["sent"], len(seen)) == ("maybe", 1)


@pytest.mark.parametrize(
    "called", [call(), posting(writes=False), posting(idempotency=True)],
    ids=["GET", "harmless POST", "idempotent POST"],
)  # fmt: skip
async def test_what_may_be_repeated_is_left_to_the_retry_policy(called: Any) -> None:
    """A transport failure raises a retryable error, until the last attempt, which is judged."""
    plan = attempt(called)
    answer, seen = answering(LOST)
    error = await failure_of(operations(answer), asked(plan, attempts=3), number=2)
    assert error.type == "TransportFailure"
    assert not error.non_retryable
    assert "reset by peer" in error.message
    found = await perform(operations(answer), asked(plan, attempts=3), number=3)
    assert found["sent"] == "maybe"
    assert "reset by peer" in found["why"]
    assert len(seen) == 2


async def test_a_fault_that_stays_is_not_tried_again() -> None:
    """A URL that is none will be none the next time."""
    answer, seen = answering(httpx.UnsupportedProtocol("no"))
    found = await perform(operations(answer), asked(attempt(call()), attempts=5))
    assert found["sent"] == "no"
    assert len(seen) == 1


async def test_no_answer_still_lets_the_document_decide() -> None:
    """An action of onFailure without criteria on the response takes it up."""
    plan = attempt(
        posting(),
        on_failure=(action("refused", "end", "$statusCode == 503"), action("any", "retry")),
    )
    answer, _ = answering(NOT_SENT)
    found = await perform(operations(answer), asked(plan))
    assert found["action"] == 1
    spent = await perform(operations(answer), asked(plan, spent=[1]))
    assert "action" not in spent


async def test_the_idempotency_key_is_the_visits_own() -> None:
    """The workflow makes it, so each attempt of one visit carries the same."""
    answer, seen = answering(LOST)
    request = asked(attempt(posting(idempotency_header="Idempotency-Key")), key="k1")
    for _ in range(2):
        await perform(operations(answer), request)
    assert [one.headers["idempotency-key"] for one in seen] == ["k1", "k1"]


@pytest.mark.parametrize(
    ("called", "key", "sent"),
    [
        (posting(), "k1", None),
        (posting(idempotency_header="X-Key"), "", None),
        (posting(idempotency_header="X-Key", parameters=[header("X-Key", "mine")]), "k1", "mine"),
        (posting(idempotency_header="X-Key"), "k1", "k1"),
    ],
    ids=["switched off", "no write", "the document's own", "another name"],
)
async def test_where_no_key_is_wanted_none_is_sent(called: Any, key: str, sent: str | None) -> None:
    """A header that the document gives itself wins."""
    answer, seen = answering(httpx.Response(200))
    await perform(operations(answer), asked(attempt(called), key=key))
    assert seen[0].headers.get("x-key") == sent
    assert "idempotency-key" not in seen[0].headers


async def test_a_secret_goes_out_with_the_request_only() -> None:
    """A service that repeats it everywhere finds stars in outputs, reason and excerpt."""
    repeated = {"got": f"Bearer {SECRET}", SECRET: [base64.b64encode(SECRET.encode()).decode()]}
    answer, seen = answering(httpx.Response(200, json=repeated))
    plan = attempt(call(parameters=[BEARER]), outputs={"all": "$response.body"})
    found = await perform(operations(answer, SECRETS), asked(plan, values=SECRET_INPUT))
    assert seen[0].headers["authorization"] == f"Bearer {SECRET}"
    assert found["outputs"]["all"]["got"] == f"Bearer {MASK}"
    expect_no_secret(json.dumps(found))


async def test_no_secret_is_in_why_and_excerpt() -> None:
    """Neither in the criterion that did not hold, nor in the beginning of the body."""
    answer, _ = answering(httpx.Response(403, json={"error": f"{SECRET} is not allowed"}))
    unmet = CriterionPlan(condition="$response.body#/error == $inputs.token")
    plan = attempt(call(parameters=[BEARER]), success_criteria=(unmet,))
    found = await perform(operations(answer, SECRETS), asked(plan, values=SECRET_INPUT))
    assert MASK in found["excerpt"]
    assert "did not hold" in found["why"]
    expect_no_secret(json.dumps(found))


@pytest.mark.parametrize("before", range(280, 300, 4))
async def test_a_secret_at_the_end_of_the_excerpt_is_masked(before: int) -> None:
    """What is cut off must not hide the rest from the masking."""
    answer, _ = answering(httpx.Response(403, text="x" * before + SECRET))
    plan = attempt(call(parameters=[BEARER]))
    found = await perform(operations(answer, SECRETS), asked(plan, values=SECRET_INPUT))
    expect_no_secret(json.dumps(found))


@pytest.mark.parametrize("fault", [LOST, NOT_SENT])
async def test_no_secret_is_in_a_retryable_error(fault: httpx.TransportError) -> None:
    """Not in its message, its causes or its stack, though the library names the URL."""
    telling = type(fault)(f"{fault}: {SERVER}/thing?key={SECRET}")
    answer, _ = answering(telling)
    plan = attempt(call(parameters=[BEARER]))
    request = asked(plan, values=SECRET_INPUT, attempts=2)
    error = await failure_of(operations(answer, SECRETS), request)
    assert f"GET {SERVER}/thing" in error.message
    assert MASK in error.message
    expect_no_secret(await as_recorded(error))


async def test_no_secret_is_in_an_error_of_ours() -> None:
    """Such as a value that can't stand in a header."""
    plan = attempt(call(parameters=[header("X-Token", "{$inputs.token}\n")]))
    answer, seen = answering(httpx.Response(200))
    error = await failure_of(operations(answer, SECRETS), asked(plan, values=SECRET_INPUT))
    assert error.type == "StepFailed"
    assert seen == []
    expect_no_secret(await as_recorded(error))


@pytest.mark.parametrize(
    ("secrets", "allowed", "said"),
    [
        ({}, None, "DURAZZO_SECRET_TOKEN"),
        (SECRETS, ("other",), "may not use the secret `token`"),
    ],
)
async def test_a_secret_that_is_missing_or_not_allowed_sends_nothing(
    secrets: dict[str, str], allowed: tuple[str, ...] | None, said: str
) -> None:
    """SecretMissing, never tried again, before the first byte."""
    plan = attempt(call(parameters=[BEARER], secrets=allowed))
    answer, seen = answering(httpx.Response(200))
    error = await failure_of(operations(answer, secrets), asked(plan, values=SECRET_INPUT))
    assert error.type == "SecretMissing"
    assert error.non_retryable
    assert said in error.message
    assert seen == []


async def test_a_step_that_was_not_signed_by_us_is_refused() -> None:
    """Whoever may start activities still can't make a worker send a request of theirs."""
    answer, seen = answering(httpx.Response(200))
    good = asked(attempt(call()))
    forged = asked(attempt(call(server="https://1.1.1.1")), signature=good.signature)
    error = await failure_of(operations(answer), forged)
    assert error.type == "InputInvalid"
    assert error.details[0]["reason"] == "signature"
    assert seen == []


async def test_outputs_larger_than_a_result_may_be_are_refused() -> None:
    """PayloadTooLarge of ours, before Temporal would try the request again without end."""
    text = "x" * LARGEST_OUTPUT_BYTES
    answer, seen = answering(httpx.Response(200, text=text))
    plan = attempt(call(largest_response=2_000_000), outputs={"all": "$response.body"})
    error = await failure_of(operations(answer), asked(plan, attempts=5))
    assert error.type == "PayloadTooLarge"
    assert error.non_retryable
    assert error.details[0]["step"] == "only"
    assert len(seen) == 1


async def test_a_part_of_a_large_body_may_be_handed_on() -> None:
    """The size of the body is one limit, that of the outputs another."""
    body = {"rows": ["x" * 1000] * 1500, "next": "c2"}
    answer, _ = answering(httpx.Response(200, json=body))
    plan = attempt(call(largest_response=2_000_000), outputs={"next": "$response.body#/next"})
    found = await perform(operations(answer), asked(plan))
    assert found["outputs"] == {"next": "c2"}


async def test_a_response_over_the_limit_is_refused() -> None:
    """Once more an error of ours that nothing tries again."""
    answer, seen = answering(httpx.Response(200, text="x" * 1001))
    error = await failure_of(operations(answer), asked(attempt(call()), attempts=5))
    assert (error.type, error.non_retryable, len(seen)) == ("PayloadTooLarge", True, 1)


async def test_the_workers_own_server_wins() -> None:
    """`--server api=URL` of the worker overrules what the plan says."""
    answer, seen = answering(httpx.Response(200))
    made = dataclasses.replace(operations(answer), servers={"api": "https://1.1.1.1/base/"})
    await perform(made, asked(attempt(call())))
    assert str(seen[0].url) == "https://1.1.1.1/base/thing"


async def test_a_source_without_a_server_says_how_to_name_one() -> None:
    """DocumentInvalid with the option and the file."""
    answer, seen = answering(httpx.Response(200))
    error = await failure_of(operations(answer), asked(attempt(call(server=""))))
    assert error.type == "DocumentInvalid"
    assert "--server api=URL" in error.message
    assert seen == []


async def test_a_lost_attempt_is_judged_without_a_response() -> None:
    """Its worker died: nobody knows whether it was sent, and the document may have a branch."""
    answer, seen = answering(httpx.Response(200))
    plan = attempt(posting(), on_failure=(action("any", "end"),))
    request = asked(plan, why="the worker died", values=SECRET_INPUT)
    made = operations(answer, SECRETS)
    found = await ActivityEnvironment().run(made.judge_lost, request.as_json())
    assert found == {"sent": "maybe", "action": 0, "why": "the worker died"}
    assert seen == []


async def test_the_key_of_the_worker_is_what_signs() -> None:
    """The helper of these tests signs as the worker does."""
    plan = attempt(call()).as_json()
    assert asked(attempt(call())).signature == sign(KEY, plan)


@pytest.mark.parametrize(
    "value",
    [{"$secret": "durazzo_key"}, {"$sealed": "c2VhbGVk"}, {"a": [{"$secret": "amplitude_key"}]}],
    ids=["secret", "sealed", "inside"],
)
async def test_a_service_cannot_answer_with_a_secret_by_name(value: Any) -> None:
    """Else a later step would send the worker's own secret to whoever asked for it so."""
    other_side, _ = answering(httpx.Response(200, json={"token": value}))
    plan = attempt(call(), outputs={"token": "$response.body#/token"})
    with pytest.raises(StepFailed, match="looks like a secret") as caught:
        await operations(other_side, {"durazzo_key": "k3y"}).perform(asked(plan), 1)
    assert caught.value.reason == "secret-foreign"
