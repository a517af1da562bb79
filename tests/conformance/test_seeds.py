"""The three documents that Durazzo begins with: each compiles, with exactly these warnings."""

from __future__ import annotations

import pytest
from conftest import shared_folder

from catalogue import load_catalogue

SEEDS = [
    ("amplitude-cohort-export-workflow.yml", "export-cohort-members", [
        "55:14 bare-expression", "76:14 bare-expression", "90:20 condition-in-jsonpath",
        "97:20 condition-in-jsonpath", "107:14 bare-expression",
    ]),
    ("amplitude-cohort-upload-verify-workflow.yml", "upload-and-verify-cohort", [
        "58:14 bare-expression", "78:14 bare-expression",
    ]),
    ("amplitude-dsar-request-workflow.yml", "submit-and-poll-dsar", [
        "49:14 bare-expression", "67:14 bare-expression", "81:20 condition-in-jsonpath",
        "88:20 condition-in-jsonpath",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "workflow", "warnings"), SEEDS, ids=[file for file, _, _ in SEEDS]
)
def test_seed(file: str, workflow: str, warnings: list[str]) -> None:
    """They run as they are; what the standard does not know is told and tolerated."""
    (document,) = load_catalogue([shared_folder("seeds") / "arazzo" / file]).documents
    (compiled,) = document.workflows
    assert compiled.workflow.workflow_id == workflow
    assert compiled.plan is not None
    assert compiled.plan.secret_inputs == ("basicAuth",)
    findings = [*document.findings, *compiled.findings]
    assert {one.severity for one in findings} == {"warning"}
    places = [(one.place, one.code) for one in findings]
    assert [f"{it.line}:{it.column} {code}" for it, code in places if it] == warnings
