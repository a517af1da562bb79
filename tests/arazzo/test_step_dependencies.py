"""`dependsOn` of a step that names a step of another workflow (Arazzo 1.1.0, 5.8.5)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from written import HERE, OPENAPI, Written, pointed

from arazzo import yaml_text
from arazzo.compilation import Sources, compile_document
from arazzo.openapi import OpenApiDescription
from arazzo.provider import ProviderSettings
from arazzo.scope import Defaults

HEAD = """\
arazzo: 1.1.0
info: {title: Jobs, version: 1.0.0}
sourceDescriptions: [{name: jobs, url: jobs.yaml, type: openapi}]
workflows:
"""
OTHER = """\
- workflowId: other
  steps:
  - {stepId: one, operationId: listJobs}
  - {stepId: two, operationId: listJobs}
"""
SKIPPING = OTHER.replace(
    "stepId: one,",
    "stepId: one, onSuccess: [{name: over, type: end, criteria: [{condition: $url == 'a'}]}],",
)
TRANSFERRING = (
    OTHER.replace(
        "stepId: one,", "stepId: one, onFailure: [{name: over, type: goto, workflowId: third}],"
    )
    + """\
- workflowId: third
  steps: [{stepId: three, operationId: listJobs}]
"""
)
ON_ONE, ON_TWO = "$workflows.other.steps.one", "$workflows.other.steps.two"


@dataclass(frozen=True)
class Case:
    """Steps of a workflow, and the other one; the finding, or the steps that it depends on."""

    steps: str
    other: str = OTHER
    more: str = ""
    depends_on: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    mend: str = ""


def steps(name: str, *, before: str = "", after: str = "") -> str:
    """Return steps of which the one that depends stands between others."""
    last = f"  - {{stepId: last, operationId: listJobs, dependsOn: [{HERE}{name}]}}\n"
    return f"{before}{last}{after}"


CALL = "  - {stepId: call, workflowId: other}\n"
FIRST = "  dependsOn: [other]\n"
CASES = {
    "completed before the first step": Case(steps(ON_TWO), more=FIRST),
    "completed by an earlier step": Case(steps(ON_ONE, before=CALL), depends_on=("call",)),
    "by the dependency, whatever calls it later": Case(steps(ON_ONE, after=CALL), more=FIRST),
    "called later": Case(
        steps(ON_ONE, after=CALL),
        code="late-dependency",
        message="the step depends on `call`, which no way leads to before it",
        mend="put the step `call` before it",
    ),
    "never completed": Case(
        steps(ON_ONE),
        code="late-dependency",
        message=f"the step depends on a step of another workflow, `{ON_ONE}`, which nothing "
        "completes before it",
        mend="add `dependsOn: [other]` to the workflow, or call `other` in a step before",
    ),
    "no such step": Case(
        steps("$workflows.other.steps.tow", before=CALL),
        code="unknown-dependency",
        message="`dependsOn` names no step of another workflow: `$workflows.other.steps.tow`",
        mend=f"did you mean `{ON_TWO}` or `{ON_ONE}`?",
    ),
    "no such workflow": Case(
        steps("$workflows.gone.steps.one"),
        code="unknown-dependency",
        message="`dependsOn` names no step of another workflow: `$workflows.gone.steps.one`",
        mend="there are none",
    ),
    "a step of its own": Case(
        steps("$workflows.main.steps.first", before="  - {stepId: first, operationId: listJobs}\n"),
        code="unknown-dependency",
        message="`dependsOn` names no step of another workflow: `$workflows.main.steps.first`",
        mend="write `first`",
    ),
    "left out by an end": Case(
        steps(ON_TWO, before=CALL),
        SKIPPING,
        code="unsupported",
        message=f"a dependency on `{ON_TWO}`, which a way through its workflow leaves out, "
        "is not supported yet",
    ),
    "left out by a transfer": Case(
        steps(ON_TWO),
        TRANSFERRING,
        FIRST,
        code="unsupported",
        message=f"a dependency on `{ON_TWO}`, which a way through its workflow leaves out, "
        "is not supported yet",
    ),
    "before the way parts": Case(steps(ON_ONE, before=CALL), SKIPPING, depends_on=("call",)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_step_of_another_workflow(name: str) -> None:
    """It counts when its workflow is surely completed with it; else it is told why not."""
    case = CASES[name]
    main = f"- workflowId: main\n{case.more}  steps:\n{case.steps}"
    text, place = pointed(HEAD + main + case.other)
    workflow = Written(text).workflow()
    errors = [one for one in workflow.findings if one.severity == "error"]
    assert [(one.code, one.message, one.mend) for one in errors] == (
        [(case.code, case.message, case.mend)] if case.code else []
    )
    if case.code == "late-dependency" and "call" in case.mend[:20]:
        return  # the flow tells of the list as a whole
    assert [str(one.place) for one in errors] == ([f"jobs.arazzo.yaml:{place}"] if errors else [])
    if workflow.plan is not None:
        (last,) = [one for one in workflow.plan.steps if one.step_id == "last"]
        assert last.depends_on == case.depends_on


def test_a_source_that_is_missing_is_told() -> None:
    """Whether the step is there can't be known."""
    text, place = pointed(
        HEAD + "- workflowId: main\n  steps:\n" + steps("$sourceDescriptions.o.w.steps.s")
    )
    sources = Sources(
        openapi={"jobs": OpenApiDescription(yaml_text.read(OPENAPI, "jobs.yaml"))},
        problems={"o": "was not found"},
    )
    source = yaml_text.read(text, "jobs.arazzo.yaml")
    compiled = compile_document(source, sources, ProviderSettings(), Defaults())
    (found,) = compiled.workflows[0].findings
    assert (found.code, str(found.place)) == ("source-missing", f"jobs.arazzo.yaml:{place}")
    assert "the source `o` was not found" in found.message
