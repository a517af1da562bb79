"""What follows an answer: each rule of DESIGN.md, section 3, decided without the world."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from plans import call, end, goto, plan, retry, step

from arazzo.errors import RUN_ERRORS
from arazzo.outcome import Outcome
from arazzo.plan import ENGINE_REV, Invocation
from arazzo.state import StepState
from arazzo.transition import (
    End,
    Exhausted,
    Fail,
    Goto,
    Next,
    Poll,
    Retry,
    Transfer,
    Transition,
    Unexpected,
    decide,
    ends_the_caller,
    fate_unknown,
    may_send_again,
    retry_key,
    spent_retries,
)

PASSED, FAILED = True, False
OTHER = goto(None, workflow="other", retry_after=3.0)


@dataclass(frozen=True)
class Case:
    """One rule: the actions of the middle of three steps, what was chosen, and what follows."""

    id: str
    passed: bool
    actions: tuple[object, ...]
    chosen: int | None
    follows: Transition


CASES = [
    # success, and no action matched
    Case("no actions go on", PASSED, (), None, Next()),
    Case("only loop-backs go on", PASSED, (goto("b"), goto("a")), None, Next()),
    Case("a retry is a loop-back", PASSED, (retry(),), None, Next()),
    Case("only ways out go on", PASSED, (goto("c"), end()), None, Next()),
    Case("loop-back and end", PASSED, (goto("b"), end()), None, Unexpected()),
    Case("loop-back and forward", PASSED, (goto("a"), goto("c")), None, Unexpected()),
    Case("retry and end", PASSED, (retry(), end()), None, Unexpected()),
    # success, and an action matched
    Case("end completes", PASSED, (end(),), 0, End(failed=False)),
    Case("forward", PASSED, (end(), goto("c")), 1, Goto("c")),
    Case("itself is a poll", PASSED, (goto("b"),), 0, Poll("b")),
    Case("an earlier step is a poll", PASSED, (goto("a"),), 0, Poll("a")),
    Case("retry in onSuccess is a poll", PASSED, (retry(),), 0, Poll("b")),
    Case("with its own pace", PASSED, (retry(retry_after=7.0),), 0, Poll("b", 7.0)),
    Case("goto with retryAfter", PASSED, (goto("b", retry_after=0.0),), 0, Poll("b", 0.0)),
    Case("retryLimit used up", PASSED, (retry(retry_limit=2),), 0, Exhausted(2)),
    Case("retryLimit not used up", PASSED, (retry(retry_limit=3),), 0, Poll("b")),
    Case("a transfer", PASSED, (OTHER,), 0, Transfer(OTHER, 3.0)),
    Case("a transfer is a way out", PASSED, (goto("b"), OTHER), None, Unexpected()),
    # failure
    Case("no action fails", FAILED, (), None, Fail()),
    Case("none that matches fails", FAILED, (retry(), goto("b"), end()), None, Fail()),
    Case("end ends as failed", FAILED, (end(),), 0, End(failed=True)),
    Case("forward after failure", FAILED, (goto("c"),), 0, Goto("c")),
    Case("a transfer after failure", FAILED, (OTHER,), 0, Transfer(OTHER, 3.0)),
    Case("back after failure is a poll", FAILED, (goto("a"),), 0, Poll("a")),
    Case("retry after one second", FAILED, (retry(),), 0, Retry(0, 1.0)),
    Case("at least one second", FAILED, (retry(retry_after=0.2),), 0, Retry(0, 1.0)),
    Case("as written", FAILED, (end(), retry(retry_after=5.0)), 1, Retry(1, 5.0)),
]


@pytest.mark.parametrize("case", CASES, ids=attrgetter("id"))
def test_decide(case: Case) -> None:
    """Two uses of the first action have been counted before."""
    written: dict[str, Any] = {"on_success" if case.passed else "on_failure": case.actions}
    middle = step("b", **written)
    state = StepState(retries={retry_key(0, passed=True): 2})
    outcome = Outcome(status=200, passed=case.passed, action=case.chosen)
    assert decide(plan(step("a"), middle, step("c")), middle, outcome, state) == case.follows


@pytest.mark.parametrize(
    ("limit", "used", "spent"),
    [(None, 0, []), (None, 1, [1]), (3, 2, []), (3, 3, [1]), (0, 0, [1])],
)
def test_retry_limit(*, limit: int | None, used: int, spent: list[int]) -> None:
    """`retryLimit` is 1 where it is not given; only retries of failures are ever spent."""
    written = step("a", on_failure=(goto("a"), retry(retry_limit=limit)), on_success=(retry(),))
    counted = {retry_key(1, passed=False): used, retry_key(0, passed=True): 99}
    assert spent_retries(written, StepState(retries=counted)) == spent


CALLS = {
    "read": call(),
    "write": call("POST"),
    "write with a key that is honoured": call("POST", idempotency=True),
    "POST that only searches": call("POST", writes=False),
    "GET that starts a job": call("GET", writes=True),
}


@pytest.mark.parametrize(
    ("made", "sent", "status", "again"),
    [
        ("read", "yes", 429, True),
        ("read", "yes", 502, True),
        ("read", "yes", 503, True),
        ("read", "yes", 504, True),
        ("read", "yes", 500, False),
        ("read", "yes", 404, False),
        ("read", "yes", 200, False),
        ("write", "yes", 429, True),
        ("write", "yes", 503, True),
        ("write", "yes", 502, False),
        ("write", "yes", 504, False),
        ("write with a key that is honoured", "yes", 504, True),
        ("POST that only searches", "yes", 504, True),
        ("GET that starts a job", "yes", 504, False),
        ("GET that starts a job", "yes", 503, True),
        ("write", "no", None, True),
        ("write with a key that is honoured", "no", None, False),
        ("read", "no", None, False),
        ("read", "maybe", None, False),
        ("write", "maybe", None, False),
    ],
    ids=str,
)
def test_what_may_be_sent_again(*, made: str, sent: str, status: int | None, again: bool) -> None:
    """A write goes again only when it was surely not taken: never sent, or refused by 429 or 503.

    What was not sent and has a RetryPolicy has been tried by that already.
    """
    outcome = Outcome.model_validate({"status": status, "sent": sent})
    assert may_send_again(step("a", CALLS[made]), outcome, ENGINE_REV) is again


def test_a_run_from_before_tries_a_write_with_a_key_as_it_did() -> None:
    """Its history has the timers of those tries."""
    written = step("a", CALLS["write with a key that is honoured"])
    assert may_send_again(written, Outcome(sent="no"), 2)


@pytest.mark.parametrize(
    ("made", "sent", "unknown"),
    [
        ("write", "maybe", True),
        ("GET that starts a job", "maybe", True),
        ("write", "no", False),
        ("write", "yes", False),
        ("read", "maybe", False),
        ("write with a key that is honoured", "maybe", False),
        ("POST that only searches", "maybe", False),
    ],
    ids=str,
)
def test_whose_fate_is_unknown(*, made: str, sent: str, unknown: bool) -> None:
    """A write that was sent and had no answer, unless the service honours an idempotency key."""
    outcome = Outcome.model_validate({"sent": sent})
    assert fate_unknown(step("a", CALLS[made]), outcome) is unknown


def test_a_workflow_is_not_sent_again() -> None:
    """What a called workflow may do again, it has done itself, and its fate is known."""
    written = step("a", Invocation(workflow_type="child"))
    for outcome in (Outcome(sent="no"), Outcome(sent="maybe"), Outcome(status=503)):
        assert not may_send_again(written, outcome, ENGINE_REV)
        assert not fate_unknown(written, outcome)


@pytest.mark.parametrize("error", [*RUN_ERRORS, ""])
def test_which_errors_of_a_called_workflow_a_document_may_take_up(error: str) -> None:
    """What the other party did; no mistake of author or caller, and no write of unknown fate."""
    taken_up = ("StepFailed", "UnexpectedState", "PollDeadlineExceeded", "PayloadTooLarge", "")
    assert ends_the_caller(error) is (error not in taken_up)
