"""Plans written by hand, as small as a test can have them."""

from __future__ import annotations

from typing import Any

from arazzo.plan import (
    ENGINE_REV,
    PLAN_FORMAT,
    ActionPlan,
    AttemptPlan,
    Call,
    CriterionPlan,
    DocumentIdentity,
    Invocation,
    Plan,
    Reads,
    RetryPlan,
    StepPlan,
)
from arazzo.provider import Polling

POLLING = Polling(first=2.0, factor=1.5, longest=300.0, deadline=1000.0)
TRANSIENT = RetryPlan(attempts=3, first=1.0, longest=60.0)


def call(method: str = "GET", path: str = "/jobs", **fields: Any) -> Call:
    """Return a call; POST and PATCH write."""
    given = {
        "operation_id": "call",
        "source": "jobs",
        "server": "https://jobs.test",
        "writes": method in ("POST", "PATCH"),
        "connect_timeout": 1.0,
        "total_timeout": 2.0,
        "retry_after_ceiling": 3600.0,
        "largest_response": 1000,
        **fields,
    }
    return Call(method=method, path=path, **given)


def goto(target: str | None, **fields: Any) -> ActionPlan:
    """Return a goto; `when` is its criterion."""
    return _action("goto", target=target, **fields)


def retry(**fields: Any) -> ActionPlan:
    """Return a retry; `when` is its criterion."""
    return _action("retry", **fields)


def end(**fields: Any) -> ActionPlan:
    """Return an end; `when` is its criterion."""
    return _action("end", **fields)


def _action(kind: str, when: str = "", **fields: Any) -> ActionPlan:
    criteria = (CriterionPlan(condition=when),) if when else ()
    return ActionPlan.model_validate({"name": kind, "type": kind, "criteria": criteria, **fields})


def step(step_id: str, made: Call | Invocation | None = None, **fields: Any) -> StepPlan:
    """Return a step: fields of the attempt and of the step's plan alike."""
    attempt = {name: fields.pop(name) for name in AttemptPlan.model_fields if name in fields}
    is_call = not isinstance(made, Invocation)
    return StepPlan.model_validate(
        {
            "attempt": AttemptPlan(
                workflow_id="w",
                step_id=step_id,
                call=(made or call()) if is_call else None,
                invocation=None if is_call else made,
                **attempt,
            ),
            "reads": Reads(),
            "request_reads": Reads(),
            "polling": POLLING,
            "transient": TRANSIENT,
            "transport": TRANSIENT,
            **fields,
        }
    )


def plan(*steps: StepPlan, **fields: Any) -> Plan:
    """Return a plan of these steps."""
    made = Plan(
        plan_format=PLAN_FORMAT,
        engine_rev=ENGINE_REV,
        document=DocumentIdentity(file="w.yaml", title="W", version="1"),
        workflow_id="w",
        steps=steps,
        visit_budget=1000,
    )
    return made.model_copy(update=fields)
