"""Limits of settings.yaml: what may be written, and which of them an operation keeps to."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from written import Written

from arazzo.limit_plans import LONGEST_SLEEP, limits_plan
from arazzo.plan import LimitsPlan, WindowPlan
from arazzo.provider import ProviderSettings

SETTINGS = ProviderSettings.model_validate(
    {
        "limits": [
            {"requests": 10, "per": 1},
            {"cost": 3600, "per": 3600, "by": "credential"},
            {"requests": 60, "per": 600, "operations": ["createJob"]},
        ],
        "concurrency": 4,
        "operations": {"createJob": {"cost": 50}, "listJobs": {"cost": 0}},
    }
)
TEN = WindowPlan(amount=10, per=1.0)


def cost(takes: int) -> WindowPlan:
    """Return the window of cost, of which a call takes so much."""
    return WindowPlan(counts="cost", amount=3600, per=3600.0, takes=takes, by="credential")


def test_what_an_operation_keeps_to() -> None:
    """All limits that count it; what costs nothing is not counted by cost."""
    exports = WindowPlan(amount=60, per=600.0, operations=("createJob",))
    found = limits_plan(SETTINGS, "createJob")
    assert found == LimitsPlan(windows=(TEN, cost(50), exports), concurrency=4)
    assert limits_plan(SETTINGS, "getJob") == LimitsPlan(windows=(TEN, cost(1)), concurrency=4)
    assert limits_plan(SETTINGS, "listJobs") == LimitsPlan(windows=(TEN,), concurrency=4)
    assert limits_plan(ProviderSettings(), "getJob") is None


def test_a_plan_holds_them_and_time_for_a_short_wait() -> None:
    """Without limits a plan is as it was, so that older ones stay the same."""
    plain, limited = Written().workflow().plan, Written(settings=SETTINGS).workflow().plan
    assert plain
    assert limited
    assert "limits" not in plain.steps[0].attempt.operation.as_json()
    assert limited.steps[0].attempt.operation.limits == limits_plan(SETTINGS, "createJob")
    assert limited.steps[0].start_to_close == plain.steps[0].start_to_close + LONGEST_SLEEP


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"limits": [{"per": 1}]}, "give either `requests` or `cost`"),
        ({"limits": [{"requests": 1, "cost": 1, "per": 1}]}, "give either `requests` or `cost`"),
        ({"limits": [{"requests": 0, "per": 1}]}, "greater than or equal to 1"),
        ({"limits": [{"requests": 1}]}, "Field required"),
        ({"limits": [{"requests": 1, "per": 0}]}, "greater than or equal to 0.01"),
        ({"limits": [{"requests": 1, "per": 1, "burst": 2}]}, "Extra inputs are not permitted"),
        ({"limits": [{"requests": 1, "per": 1, "by": "me"}]}, "'server' or 'credential'"),
        ({"concurrency": 0}, "greater than or equal to 1"),
        ({"operations": {"a": {"cost": -1}}}, "greater than or equal to 0"),
        (
            {"limits": [{"cost": 20, "per": 60}], "operations": {"a": {"cost": 50}}},
            "`a` costs 50, more than the limit of 20 in 60 s, so it could never be sent",
        ),
    ],
)
def test_what_is_refused(written: Any, said: str) -> None:
    """A limit that could not be kept to, or that nobody would understand."""
    with pytest.raises(ValidationError) as caught:
        ProviderSettings.model_validate(written)
    assert said in str(caught.value)


def test_a_cost_that_another_limit_counts_may_be_larger() -> None:
    """A limit on some operations says nothing of the others."""
    ProviderSettings.model_validate(
        {
            "limits": [{"cost": 20, "per": 60, "operations": ["b"]}],
            "operations": {"a": {"cost": 50}},
        }
    )
