"""Whatever stands in a document, compiling it ends in findings and never in another error."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from written import ARAZZO, OPENAPI, Written

from arazzo.errors import DocumentInvalid
from arazzo.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT: Any = yaml.safe_load(ARAZZO)
DESCRIPTION: Any = yaml.safe_load(OPENAPI)

STRANGE: list[Any] = [
    None, 0, -1, 1.5, True, "", "x", "a b", [], {}, [None], {"a": None}, 10**30, "\ud83d", "'",
    "$inputs", "$inputs.name", "{$inputs.name}", "{$inputs", "$steps.create.outputs.id",
    "$response.body", "$statusCode", "$.a[?(@.b==$inputs.name)]", "$components.parameters.a",
    {"reference": "$components.parameters.a"}, {"reference": 5}, {"$ref": "#/paths"},
    {"name": "jobId", "in": "path", "value": 1}, "end", "goto", "retry", "header", "run-job",
]  # fmt: skip
KEYS = ["stepId", "in", "type", "workflowId", "criteria", "outputs", "parameters", "$ref", "x"]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all nodes but the root."""
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, (dict, list)):
            yield from paths(child, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """Take away, replace or add up to three nodes."""
    made = copy.deepcopy(value)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(paths(made))))
        parent = made
        for key in path[:-1]:
            parent = parent[key]
        change = draw(st.sampled_from(["take", "replace", "replace", "replace", "add"]))
        if change == "take" and len(parent) > 1:
            del parent[path[-1]]
        elif change == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(STRANGE)))
        else:
            parent[path[-1]] = copy.deepcopy(draw(st.sampled_from(STRANGE)))
    return made


@settings(max_examples=250, deadline=None)
@given(mutated(DOCUMENT), mutated(DESCRIPTION))
def test_only_findings(document: Any, description: Any) -> None:
    """Each finding can be shown; a workflow without an error has a plan that travels as JSON."""
    try:
        compiled = Written(json.dumps(document), json.dumps(description)).compiled()
    except DocumentInvalid as error:
        str(error)
        return
    for workflow in compiled.workflows:
        has_error = any(one.severity == "error" for one in workflow.findings)
        assert all(str(one) and one.place for one in workflow.findings)
        assert (workflow.plan is None) is has_error
        if workflow.plan:
            carried = json.loads(json.dumps(workflow.plan.as_json()))
            assert Plan.model_validate(carried).digest() == workflow.plan.digest()
