"""The README's table of what is refused is compared with what the compiler refuses.

Each case is the export document with one feature put in. When a feature begins to run, its case
fails here until the README says so.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from conftest import ROOT

from catalogue import load_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER: Final = ROOT / "documents" / "amplitude"
DOCUMENT: Final = FOLDER / "export-cohort-members.arazzo.yaml"
DESCRIPTION: Final = FOLDER / "openapi" / "cohorts.yaml"
POLL: Final = 1


@dataclass(frozen=True)
class Case:
    """A feature: how the README's table names it, and how a document uses it."""

    name: str
    use: Callable[[dict[str, Any]], None]


def first(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document's workflow."""
    workflow: dict[str, Any] = document["workflows"][0]
    return workflow


def step(document: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """Return one of its steps."""
    found: dict[str, Any] = first(document)["steps"][index]
    return found


def second_workflow(document: dict[str, Any], **fields: Any) -> None:
    """Put a copy of the workflow behind it, and fields into the first."""
    document["workflows"].append({**copy.deepcopy(first(document)), "workflowId": "second"})
    first(document).update(fields)


def action(document: dict[str, Any], field: str, **fields: Any) -> None:
    """Put an action into the first step, and a second workflow that it may lead to."""
    second_workflow(document)
    step(document)[field] = [{"name": "added", **fields}]


def criterion(document: dict[str, Any], kind: str, condition: str) -> None:
    """Put a criterion over the body into the first step."""
    one = {"context": "$response.body", "type": kind, "condition": condition}
    step(document)["successCriteria"].append(one)


def body(document: dict[str, Any], **fields: Any) -> None:
    """Give the first step a body."""
    step(document)["requestBody"] = {"contentType": "application/json", "payload": {}, **fields}


def parameter(document: dict[str, Any], location: str) -> None:
    """Give the first step one more parameter."""
    step(document)["parameters"].append({"name": "more", "in": location, "value": "x=1"})


def selected(document: dict[str, Any]) -> None:
    """Give the first step an output that is a selector object."""
    selector = {"context": "$response.body", "selector": "$.a", "type": "jsonpath"}
    step(document)["outputs"].update(a=selector)


def source(document: dict[str, Any], kind: str, use: dict[str, Any]) -> None:
    """Add a source of that type, and let the first step use it."""
    document["sourceDescriptions"].append({"name": "other", "url": "other.yaml", "type": kind})
    step(document).pop("operationId")
    step(document).update(use)


MESSAGE: Final = {
    "channelPath": "{$sourceDescriptions.other.url}#/channels/done",
    "successCriteria": [],
    "outputs": {"requestId": "$message.payload"},
}
CALL_OF_ANOTHER: Final = {
    "workflowId": "$sourceDescriptions.other.second",
    "parameters": [
        {"name": name, "value": f"$inputs.{name}"} for name in ("cohortId", "basicAuth")
    ],
    "outputs": {},
}

ELSEWHERE: Final = "$workflows.second.steps.requestExport"
HANDED_ON: Final = [
    {"name": "basicAuth", "value": "$steps.requestExport.outputs.requestId"},
    {"name": "cohortId", "value": "$inputs.cohortId"},
]

CASES: Final = (
    Case("Arazzo 1.1", lambda it: it.update(arazzo="1.1.0")),
    Case("selector objects", lambda it: (it.update(arazzo="1.1.0"), selected(it))),
    Case(
        "`$components`",
        lambda it: (
            it.update(components={"parameters": {"a": {"name": "a", "value": 1}}}),
            step(it)["outputs"].update(a="$components.parameters.a.value"),
        ),
    ),
    Case(
        "AsyncAPI steps that receive",
        lambda it: source(it, "asyncapi", {**MESSAGE, "action": "receive", "parameters": []}),
    ),
    Case(
        "AsyncAPI steps that send without HTTP",
        lambda it: source(it, "asyncapi", {**MESSAGE, "action": "send"}),
    ),
    Case(
        "workflows of another document",
        lambda it: source(it, "arazzo", CALL_OF_ANOTHER),
    ),
    Case("`dependsOn`", lambda it: second_workflow(it, dependsOn=["second"])),
    Case(
        "`goto` a workflow",
        lambda it: action(it, "onSuccess", type="goto", workflowId="second"),
    ),
    Case("`timeout`", lambda it: (it.update(arazzo="1.1.0"), step(it).update(timeout=1000))),
    Case(
        "a dependency on a step of another workflow",
        lambda it: (
            it.update(arazzo="1.1.0"),
            second_workflow(it, dependsOn=["second"]),
            step(it).update(dependsOn=[ELSEWHERE]),
        ),
    ),
    Case(
        "a dependency on a step elsewhere that nothing surely completes before",
        lambda it: (
            it.update(arazzo="1.1.0"),
            second_workflow(it),
            step(it).update(dependsOn=[ELSEWHERE]),
        ),
    ),
    Case(
        "a secret output that a `goto` hands on",
        lambda it: (
            it.update(arazzo="1.1.0"),
            action(it, "onSuccess", type="goto", workflowId="second", parameters=HANDED_ON),
        ),
    ),
    Case(
        "`retry` with `stepId`",
        lambda it: action(it, "onFailure", type="retry", stepId="requestExport", retryAfter=1),
    ),
    Case("`xpath`", lambda it: criterion(it, "xpath", "//id")),
    Case("lookaround", lambda it: criterion(it, "regex", "a(?=b)")),
    Case("cookie parameters", lambda it: parameter(it, "cookie")),
    Case("`querystring`", lambda it: parameter(it, "querystring")),
    Case("XML bodies", lambda it: body(it, contentType="application/xml", payload="<a/>")),
    Case("form bodies", lambda it: body(it, contentType="application/x-www-form-urlencoded")),
    Case("`replacements`", lambda it: body(it, replacements=[{"target": "/a", "value": 1}])),
    Case("outputs that are no expression", lambda it: step(it)["outputs"].update(five=5)),
    Case(
        "queries in a workflow's own outputs",
        lambda it: first(it)["outputs"].update(all="$steps.downloadExport.outputs.cohortFile[*]"),
    ),
)

COLUMNS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "README.md")
    .read_text(encoding="utf-8")
    .split("## What works, and what is refused", 1)[1]
    .split("\n## ", 1)[0]
    .splitlines()
    if line.startswith("|") and not line.startswith("|-")
]
RUNS: Final = "\n".join(row[1] for row in COLUMNS[1:])
REFUSED: Final = "\n".join(row[2] for row in COLUMNS[1:])


def is_refused(folder: Path, use: Callable[[dict[str, Any]], None]) -> bool:
    """Return whether a document with that feature is refused."""
    (folder / "openapi").mkdir()
    (folder / "openapi" / "cohorts.yaml").write_bytes(DESCRIPTION.read_bytes())
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    use(document)
    (folder / "it.arazzo.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    (folder / "other.yaml").write_text(_other(document), encoding="utf-8")
    found = load_catalogue([folder / "it.arazzo.yaml"])
    return bool(found.broken) or found.entries[0].compiled.plan is None


def _other(document: dict[str, Any]) -> str:
    """What the second source leads to, by its type."""
    if document["sourceDescriptions"][-1].get("type") == "asyncapi":
        described = {"asyncapi": "3.0.0", "channels": {"done": {"address": "done"}}}
        return yaml.safe_dump({**described, "servers": {"b": {"host": "b", "protocol": "kafka"}}})
    other = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    first(other)["workflowId"] = "second"
    return yaml.safe_dump(other)


def test_the_document_itself_runs(tmp_path: Path) -> None:
    """What is refused below is refused for its feature, and for nothing else."""
    assert not is_refused(tmp_path, lambda _: None)


@pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))
def test_the_readme_tells_what_is_refused(case: Case, tmp_path: Path) -> None:
    """A feature stands in the column «refused» as long as it is, and in that of «runs» after."""
    refused = is_refused(tmp_path, case.use)
    told, column = (REFUSED, "refused by name") if refused else (RUNS, "runs now")
    assert case.name in told, f"the README's column «{column}» must name {case.name}"
