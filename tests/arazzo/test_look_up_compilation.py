"""`find_by` of the settings: the look-up in the plan, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest
from written import Written

from arazzo.provider import ProviderSettings

GOOD = {"operation": "listJobs", "criterion": "$[?@.name == 'a']", "type": "jsonpath"}


def written(writing: str = "createJob", **fields: Any) -> Written:
    """Return the usual document with a look-up for an operation."""
    operations = {writing: {"find_by": {**GOOD, **fields}}}
    return Written(settings=ProviderSettings.model_validate({"operations": operations}))


def test_a_look_up_is_part_of_the_step_s_plan() -> None:
    """With its call, and the status that the write documents; other steps have none."""
    plan = written(parameters={"page": "$inputs.token"}).plan()
    found = plan.steps[0].attempt.find_by
    assert found is not None
    assert (found.call.method, found.call.path, found.status) == ("GET", "/jobs", 201)
    assert found.call.parameters[0].location == "query"
    assert "token" in plan.steps[0].reads.inputs
    assert plan.steps[1].attempt.find_by is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"operation": "listJbos"}, "names no operation"),
        ({"operation": "createJob"}, "writes itself"),
        ({"parameters": {"pgae": 1}}, "no parameter of its own: `pgae`"),
        ({"type": "simple", "result": "$inputs.name"}, "no part of the answer's body"),
    ],
)
def test_what_is_wrong_with_a_look_up_is_an_error(fields: dict[str, Any], said: str) -> None:
    """Found before the first request, and told of the settings."""
    found = [one for one in written(**fields).findings() if one.code == "invalid-find-by"]
    assert [one.severity for one in found] == ["error"]
    assert said in found[0].message


def test_a_look_up_for_what_only_reads_does_nothing() -> None:
    """It may be sent again as it is; a warning says so."""
    found = [one for one in written("getJob").findings() if one.code == "invalid-find-by"]
    assert [one.severity for one in found] == ["warning"]
