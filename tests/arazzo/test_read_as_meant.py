"""Shapes that documents have and the standard lacks (dialect.md, O36)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from written import ARAZZO, HERE, Written, changed, pointed

from arazzo.findings import strictly

LISTED = """\
    parameters:
    - name: jobId
      in: path
      value: $steps.create.outputs.id
"""
COMPONENTS = """\
components:
  parameters:
    job: {name: jobId, in: path, value: $steps.create.outputs.id}
  successActions:
    again: {name: again, type: goto, stepId: poll, criteria: [{condition: $statusCode == 202}]}
workflows:
"""
AGAIN = """\
    - name: again
      type: goto
      stepId: poll
      criteria:
      - condition: $response.body#/state == 'queued'
"""


@dataclass(frozen=True)
class Case:
    """What stands in place of `old`, with the mark where it is told; the code; the mend."""

    old: str
    new: str
    code: str
    mend: str


CASES = {
    "an object of values by name": Case(
        LISTED,
        f"    {HERE}parameters: {{jobId: $steps.create.outputs.id}}\n",
        "parameters-as-map",
        "write each as `- name: NAME` with its `in:` and `value:`",
    ),
    "an object of parameters by name": Case(
        LISTED,
        f"    {HERE}parameters:\n      jobId: {{in: path, value: $steps.create.outputs.id}}\n",
        "parameters-as-map",
        "write each as `- name: NAME` with its `in:` and `value:`",
    ),
    "one parameter without its dash": Case(
        LISTED,
        LISTED.replace("- name", "  name").replace("    parameters", f"    {HERE}parameters"),
        "parameters-as-map",
        "write each as `- name: NAME` with its `in:` and `value:`",
    ),
    "a pointer to a parameter": Case(
        LISTED,
        f"    parameters:\n    - {HERE}$ref: '#/components/parameters/job'\n",
        "ref-for-reference",
        "write `reference: $components.parameters.NAME`",
    ),
    "an expression as $ref": Case(
        LISTED,
        f"    parameters:\n    - {HERE}$ref: $components.parameters.job\n",
        "ref-for-reference",
        "write `reference: $components.parameters.NAME`",
    ),
    "a pointer to an action": Case(
        AGAIN,
        f"    - {HERE}$ref: '#/components/successActions/again'\n",
        "ref-for-reference",
        "write `reference: $components.successActions.NAME`",
    ),
    "an action without a name": Case(
        "    - name: again\n      type: goto",
        f"    - {HERE}type: goto",
        "unnamed-action",
        "add `name:`",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_read_as_meant(name: str) -> None:
    """The plan is that of the standard's shape, and one warning tells where and the mend."""
    case = CASES[name]
    marked = changed(ARAZZO, "workflows:\n", COMPONENTS, case.old, case.new)
    text, place = pointed(marked)
    written = Written(text)
    (told,) = [one for one in written.findings() if one.code == case.code]
    found = f"{told.place.line}:{told.place.column}" if told.place else ""
    expected = place.partition(":")[0] if case.code == "parameters-as-map" else place
    assert found.startswith(expected)
    assert (told.severity, told.mend) == ("warning", case.mend)
    assert strictly(told).severity == "error"
    step = written.step(1)
    (given,) = step.attempt.operation.parameters
    assert (given.name, given.location) == ("jobId", "path")
    assert len(step.attempt.on_success) == 2


def test_names_that_are_made_differ_by_their_lists() -> None:
    """A step's action overrides the workflow's of the same name, which a made one must not."""
    text = changed(
        ARAZZO,
        "    - name: again\n      type: goto", "    - type: goto",
        "  steps:\n", "  successActions: [{type: end}]\n  steps:\n",
    )  # fmt: skip
    names = [one.name for one in Written(text).step(1).attempt.on_success]
    assert names == ["onSuccess-1", "ready", "successActions-1"]


def test_a_reference_that_leads_nowhere_is_told() -> None:
    """As any other unknown component."""
    text = changed(ARAZZO, LISTED, "    parameters: [{$ref: '#/components/parameters/gone'}]\n")
    assert "unknown-component" in {one.code for one in Written(text).findings()}
