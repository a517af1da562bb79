"""What is wrong with a document is found before the first request, with its place and its mend.

The reason for the length: one table with a row for each finding.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from written import ARAZZO, HERE, OPENAPI, Written, changed, pointed

from arazzo.errors import InputInvalid
from arazzo.provider import ProviderSettings

CREATE = "stepId: create\n    operationId: createJob"
POLL = "stepId: poll\n    operationId: getJob"
PAYLOAD = "payload: {name: $inputs.name}"
GOTO = "type: goto\n      stepId: poll"
PARAMETER = "- name: jobId\n      in: path\n      value: $steps.create.outputs.id"
DONE = "$response.body#/state == 'done'"
SECURED = changed(
    OPENAPI,
    "paths:",
    "security: [{key: []}]\n"
    "components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}\n"
    "paths:",
)
TWICE = changed(OPENAPI, "operationId: listJobs", "operationId: createJob")
COMPONENTS = "components:\n  parameters: {id: {name: jobId, in: path, value: '1'}}\nworkflows:"
CHILD = """\
- workflowId: child
  inputs:
    type: object
    required: [size]
    properties: {size: {type: integer}}
  steps:
  - {stepId: one, operationId: listJobs, outputs: {all: $response.body}}
  outputs:
    all: $steps.one.outputs.all
"""


def _calling(call: str) -> tuple[str, str]:
    """Change the first step into a call of the workflow `child`."""
    return (CREATE, f"stepId: create\n    {call}")


def _without_body(call: str) -> tuple[str, ...]:
    body = "    requestBody:\n      payload: {name: $inputs.name}\n"
    outputs = "    outputs:\n      id: $response.body#/id\n"
    return (*_calling(call), body + outputs, "", "create.outputs.id", "create.outputs.all")


COMPONENT = "components: {parameters: {one: {name: one, value: 1}}}\n"


@dataclass(frozen=True)
class Broken:
    """A mistake: what is changed in the good document, and the finding that must come of it."""

    code: str
    changes: tuple[str, ...]
    message: str
    mend: str = ""
    severity: str = "error"
    openapi: str | None = OPENAPI
    settings: dict[str, Any] = field(default_factory=dict)
    child: str = ""
    id: str = ""

    def document(self) -> tuple[Written, str]:
        """Return the broken document, and the place that the mark tells."""
        text, place = pointed(changed(ARAZZO + self.child, *self.changes))
        return Written(text, self.openapi, ProviderSettings.model_validate(self.settings)), place


BROKEN = [
    # the document
    Broken(
        "unknown-self",
        ("{name: $inputs.name}", f"{{name: {HERE}$self}}"),
        "`$self` can't be read: the document has no `$self`",
        "give the document a `$self:`",
    ),
    Broken(
        "component-as-written",
        (
            "workflows:\n- workflowId: run-job",
            COMPONENT + "workflows:\n- workflowId: run-job",
            "{name: $inputs.name}",
            f"{{name: {HERE}$components.parameters.one}}",
        ),
        "`$components.parameters.one` is the component as it is written: "
        "it is not applied or evaluated",
        "to apply it write `reference:`; to read its value name that, as in `NAME.value`",
        severity="warning",
    ),
    Broken(
        "invalid-selector",
        (
            "arazzo: 1.0.1",
            "arazzo: 1.1.0",
            "id: $response.body#/id",
            f"id: {{context: $response.body, selector: {HERE}id, type: jsonpointer}}",
        ),
        "'id' at character 1: expected a JSON Pointer such as `/name/0`",
    ),
    Broken(
        "duplicate-source",
        ("- name: jobs", f"- {{name: {HERE}jobs, url: a.yaml}}\n- name: jobs"),
        "two source descriptions have the name `jobs`",
        "give each a name of its own",
    ),
    Broken(
        "duplicate-workflow",
        ("workflowId: run-job", f"workflowId: {HERE}child"),
        "two workflows are named `child`",
        child=CHILD,
    ),
    Broken(
        "duplicate-step",
        (
            "stepId: create",
            f"stepId: {HERE}create",
            "stepId: poll",
            "stepId: create",
            GOTO,
            "type: goto\n      stepId: create",
            "$steps.poll.outputs.state",
            "$steps.create.outputs.state",
        ),
        "two steps have the stepId `create`",
        "give each step a stepId of its own",
    ),
    Broken(
        "missing-reference",
        (CREATE, f"stepId: create\n    operationId: {HERE}listJobs"),
        "a reference to another file (`common.yaml#/page`) in the operation leads nowhere",
        "put the file beside the description, or mend the reference there",
        openapi=changed(
            OPENAPI,
            "- {name: page, in: query, schema: {type: integer}}",
            "- {$ref: 'common.yaml#/page'}",
        ),
    ),
    Broken(
        "duplicate-parameter",
        (PARAMETER, f"{PARAMETER}\n    - {HERE}{{name: jobId, in: path, value: 2}}"),
        "the parameter `jobId` stands twice in the step",
        "keep one of the two",
    ),
    Broken(
        "duplicate-action",
        ("    - name: ready\n", f"    - {HERE}name: again\n"),
        "an action `again` stands here before",
        "give each action a name of its own",
    ),
    Broken(
        "invalid-schema",
        ("inputs:\n    type: object", f"{HERE}inputs:\n    type: thing"),
        "`inputs` is no JSON Schema: ",
    ),
    # operations
    Broken(
        "missing-operation",
        (POLL, f"{HERE}stepId: poll"),
        "the step names no operation",
        "add `operationId:`",
    ),
    Broken(
        "two-operations",
        (
            POLL,
            (
                "stepId: poll\n    operationId: getJob\n    operationPath: "
                f"{HERE}'{{$sourceDescriptions.jobs.url}}#/paths/~1jobs~1{{jobId}}/get'"
            ),
        ),
        "a step names its operation by `operationId` or by `operationPath`, not by both",
        "keep one of the two",
    ),
    Broken(
        "operation-path-form",
        (POLL, f"stepId: poll\n    operationPath: {HERE}GET /jobs/{{jobId}}"),
        "`GET /jobs/{jobId}` is not how the standard writes an operationPath",
        "write `{$sourceDescriptions.NAME.url}#/paths/~1PATH/METHOD`",
        severity="warning",
    ),
    Broken(
        "unknown-operation",
        ("operationId: getJob", f"operationId: {HERE}getJobs"),
        "no source description has an operation `getJobs`",
        "did you mean `getJob` or `listJobs` or `createJob`?",
        id="operationId",
    ),
    Broken(
        "unknown-operation",
        (
            POLL,
            (
                f"stepId: poll\n    operationPath: {HERE}'{{$sourceDescriptions.jobs.url}}"
                "#/paths/~1jobs~1{jobId}/put'"
            ),
        ),
        "no source description has an operation PUT /jobs/{jobId}",
        "did you mean `GET /jobs/{jobId}`?",
        id="operationPath",
    ),
    Broken(
        "ambiguous-operation",
        ("operationId: createJob", f"operationId: {HERE}createJob"),
        "the operationId `createJob` names several operations: jobs: GET /jobs, jobs: POST /jobs",
        openapi=TWICE,
        mend="write `{$sourceDescriptions.NAME.url}#/paths/~1PATH/METHOD`",
    ),
    Broken(
        "source-missing",
        ("operationId: createJob", f"operationId: {HERE}createJob", POLL, "stepId: poll"),
        "the source `jobs` was not found",
        openapi=None,
    ),
    Broken(
        "reserved-operation",
        ("operationId: createJob", f"operationId: {HERE}load_plan"),
        "the operationId `load_plan` is a name of the engine's own",
        "give the operation another operationId in its OpenAPI description",
        openapi=changed(OPENAPI, "createJob", "load_plan"),
    ),
    # parameters and bodies
    Broken(
        "parameter-without-in",
        (PARAMETER, f"{PARAMETER}\n    - {HERE}name: size\n      value: 1"),
        "the parameter `size` has no `in`",
    ),
    Broken(
        "parameter-without-in",
        (PARAMETER, PARAMETER.replace("- name", f"- {HERE}name").replace("      in: path\n", "")),
        "the parameter `jobId` has no `in`; it goes where the operation declares it",
        "write `in: path`",
        severity="warning",
        id="declared",
    ),
    Broken(
        "parameter-location",
        (PARAMETER, PARAMETER.replace("- name", f"- {HERE}name").replace("in: path", "in: query")),
        "`jobId` is a path parameter of the operation, not one in query",
        "write `in: path`",
        severity="warning",
    ),
    Broken(
        "parameter-spelling",
        (PARAMETER, PARAMETER.replace("- name: jobId", f"- {HERE}name: job_id")),
        "`job_id` is read as `jobId`, the variable of the operation's path",
        "write `name: jobId`",
        severity="warning",
    ),
    Broken(
        "unknown-path-parameter",
        (PARAMETER, f"{PARAMETER}\n    - {HERE}name: jobid\n      in: path\n      value: 1"),
        "the operation's path has no variable `jobid`",
        "did you mean `jobId`?",
    ),
    Broken(
        "unknown-location",
        (PARAMETER, f"{PARAMETER}\n    - {HERE}name: size\n      in: url\n      value: 1"),
        "`in: url` is no place for a parameter",
    ),
    Broken(
        "inapplicable-style",
        (PARAMETER, PARAMETER.replace("- name", f"- {HERE}name")),
        "the style `deepObject` of the path parameter `jobId` does not exist there; "
        "it is sent as `simple`",
        "declare one of: simple, label, matrix",
        severity="warning",
        openapi=changed(
            OPENAPI, "name: jobId, in: path,", "name: jobId, in: path, style: deepObject,"
        ),
    ),
    Broken(
        "forbidden-header",
        (PARAMETER, f"{PARAMETER}\n    - {HERE}name: Host\n      in: header\n      value: a.test"),
        "the header `Host` is not a document's to set",
    ),
    Broken(
        "missing-path-parameter",
        (f"    parameters:\n    {PARAMETER}\n", "", POLL, f"{HERE}{POLL}"),
        "the path parameter `jobId` of GET /jobs/{jobId} is not given",
        "add a parameter `name: jobId`, `in: path`",
    ),
    Broken(
        "missing-parameter",
        (CREATE, f"{HERE}{CREATE.replace('createJob', 'listJobs')}"),
        "the query parameter `page` is required and not given",
        severity="warning",
        openapi=changed(OPENAPI, "in: query,", "in: query, required: true,"),
    ),
    Broken(
        "missing-body",
        (CREATE, f"{HERE}{CREATE}", "    requestBody:\n      payload: {name: $inputs.name}\n", ""),
        "the operation requires a body and the step gives none",
        severity="warning",
        openapi=changed(OPENAPI, "requestBody:\n", "requestBody:\n        required: true\n"),
    ),
    Broken(
        "no-credential",
        (CREATE, f"{HERE}{CREATE}", "operationId: getJob", "operationId: free"),
        "the operation wants a credential (`key`) and nothing gives one",
        "in settings.yaml: `credentials: {key: {secret: key}}`, with the worker's variable "
        "DURAZZO_SECRET_KEY or a file `key` in DURAZZO_SECRETS_DIR; "
        "or give it as a parameter of the step",
        severity="warning",
        openapi=changed(SECURED, "operationId: getJob", "security: []\n      operationId: free"),
    ),
    *(
        Broken(
            "unserved-credential",
            (CREATE, f"{HERE}{CREATE}", "operationId: getJob", "operationId: free"),
            f"the credential `key` can't be made: {why}",
            "mend it in settings.yaml, credentials.key, or in the description; "
            "or give it as a parameter of the step",
            severity="warning",
            openapi=changed(
                SECURED,
                *("operationId: getJob", "security: []\n      operationId: free"),
                *("{key: {type: apiKey, in: header, name: X-Key}}", schemes),
            ),
        )
        for schemes, why in (
            ("{key: {type: http, scheme: hoba}}", "schemes of the kind `hoba` are not supported"),
            ("{other: {}}", "the description declares no scheme of that name"),
            (
                "{key: {type: apiKey, in: body, name: key}}",
                "an API key goes into header, query or cookie, and not into `body`",
            ),
        )
    ),
    # components
    Broken(
        "unknown-component",
        (
            "workflows:",
            COMPONENTS,
            PARAMETER,
            f"{PARAMETER}\n    - {HERE}reference: $components.parameters.ix",
        ),
        "`$components.parameters.ix` names no parameter of the components",
        "did you mean `$components.parameters.id`?",
        id="parameter",
    ),
    Broken(
        "unknown-component",
        (
            "    onSuccess:\n",
            f"    onSuccess:\n    - {HERE}reference: $components.successActions.a\n",
        ),
        "`$components.successActions.a` names no action of the components",
        "there are none",
        id="action",
    ),
    # actions
    Broken(
        "unknown-action-type",
        ("type: end", f"type: {HERE}ende"),
        "the action `ready` has the type `ende`",
        "did you mean `end`?",
    ),
    Broken(
        "two-targets",
        (f"name: again\n      {GOTO}", f"{HERE}name: again\n      {GOTO}\n      workflowId: child"),
        "the action `again` names a step and a workflow",
        "keep either `stepId` or `workflowId`",
        child=CHILD,
    ),
    Broken(
        "retry-of-itself",
        (GOTO, f"type: retry\n      stepId: {HERE}poll"),
        "the retry `again` names its own step as the one to run before it, which would send each "
        "request twice; it is read as a retry of the step",
        "take `stepId` out",
        "warning",
    ),
    Broken(
        "unknown-step",
        (GOTO, f"type: retry\n      stepId: {HERE}pull"),
        "the retry `again` leads to a step `pull` that does not exist",
        "did you mean `poll`?",
        id="retry",
    ),
    Broken(
        "unknown-workflow",
        (GOTO, f"type: goto\n      workflowId: {HERE}chill"),
        "there is no workflow `chill`",
        "did you mean `child`?",
        child=CHILD,
        id="goto",
    ),
    Broken(
        "unknown-step",
        (GOTO, f"type: goto\n      stepId: {HERE}pull"),
        "the goto `again` leads to a step `pull` that does not exist",
        "did you mean `poll`?",
        id="goto",
    ),
    Broken(
        "unknown-step",
        (f"name: again\n      {GOTO}", f"{HERE}name: again\n      type: goto"),
        "the goto `again` has no target",
        "there are: `create`, `poll`",
        id="goto-without-target",
    ),
    # names
    Broken(
        "unknown-input",
        ("{name: $inputs.name}", f"{{name: {HERE}$inputs.nam}}"),
        "`$inputs.nam` names no input that exists",
        "did you mean `name`?",
        id="expression",
    ),
    Broken(
        "unknown-input",
        (
            "    properties:\n      name:",
            "    additionalProperties: false\n    properties:\n      name:",
            "{name: $inputs.name}",
            f"{{name: {HERE}$inputs.ticket}}",
        ),
        "`$inputs.ticket` names no input that exists",
        "there are: `name`, `token`",
        id="closed-schema",
    ),
    Broken(
        "undeclared-input",
        ("{name: $inputs.name}", f"{{name: {HERE}$inputs.ticket}}"),
        "`$inputs.ticket` reads an input that is not declared",
        "declare `ticket` under `inputs: properties:`",
        "warning",
    ),
    Broken(
        "unknown-step",
        ("value: $steps.create.outputs.id", f"value: {HERE}$steps.creates.outputs.id"),
        "`$steps.creates.outputs.id` names no step that exists",
        "did you mean `create`?",
        id="expression",
    ),
    Broken(
        "unknown-output",
        ("state: $steps.poll.outputs.state", f"state: {HERE}$steps.poll.outputs.status"),
        "`$steps.poll.outputs.status` names no output of step `poll` that exists",
        "did you mean `state`?",
        id="expression",
    ),
    Broken(
        "unknown-source",
        ("{name: $inputs.name}", f"{{name: {HERE}$sourceDescriptions.job.url}}"),
        "`$sourceDescriptions.job.url` names no source description that exists",
        "did you mean `jobs`?",
    ),
    Broken(
        "reads-too-early",
        ("{name: $inputs.name}", f"{{name: {HERE}$statusCode}}"),
        "`$statusCode` can't be read here: there is no response yet",
        "keep the value as an output of an earlier step, and read that",
    ),
    Broken(
        "outputs-of-operation",
        ("state: $response.body#/state", f"state: {HERE}$outputs.state"),
        "`$outputs.state` is read from the body of the response: an operation has no outputs",
        "write `$response.body#/NAME`",
        severity="warning",
    ),
    # texts
    Broken(
        "invalid-expression",
        ("state: $response.body#/state", f"state: $response{HERE}.status"),
        "'$response.status' at character 10: expected `.header.NAME`",
        id="plain",
    ),
    Broken(
        "invalid-expression",
        ("state: $response.body#/state", f"state: '$response{HERE}.status'"),
        "'$response.status' at character 10: expected `.header.NAME`",
        id="quoted",
    ),
    Broken(
        "invalid-criterion",
        (DONE, f"$response.body#/state {HERE}= 'done'"),
        "\"$response.body#/state = 'done'\" at character 23: expected an operator or the end",
    ),
    # workflows as steps
    Broken(
        "unknown-workflow",
        _calling(f"workflowId: {HERE}chill"),
        "workflow `chill`",
        "did you mean `child`?",
        child=CHILD.replace("required: [size]", "required: []"),
    ),
    Broken(
        "workflow-and-operation",
        _without_body(f"workflowId: child\n    operationId: {HERE}createJob"),
        "a step with `workflowId` can't have `operationId`",
        "keep either `workflowId` or `operationId`",
        child=CHILD.replace("required: [size]", "required: []"),
    ),
    Broken(
        "recursive-workflow",
        (*_without_body(f"workflowId: {HERE}run-job")[:-1], "create.outputs.state"),
        "workflow `run-job` calls itself by",
        "a loop is written with `goto`",
    ),
    Broken(
        "broken-workflow",
        _without_body(f"workflowId: {HERE}child"),
        "workflow `child`",
        "mend the errors of `child`",
        child=CHILD.replace("required: [size]", "required: []").replace("listJobs", "nothing"),
    ),
    Broken(
        "missing-input",
        ("- stepId: create", f"- {HERE}stepId: create", *_without_body("workflowId: child")),
        "the workflow `child` requires the input `size`, and the step does not give it",
        "add a parameter `name: size`",
        child=CHILD,
    ),
    Broken(
        "unknown-input",
        _without_body(
            "workflowId: child\n    parameters: [{name: size, value: 1}, "
            f"{HERE}{{name: site, value: 1}}]"
        ),
        "the workflow `child` has no input `site`",
        "did you mean `size`?",
        child=CHILD,
        id="of-a-workflow",
    ),
    Broken(
        "unknown-output",
        (
            *_without_body("workflowId: child\n    parameters: [{name: size, value: 1}]"),
            "- stepId: poll",
            "  outputs: {n: «$outputs.al}\n  - stepId: poll",
        ),
        "`$outputs.al` names no output that exists",
        "did you mean `all`?",
        child=CHILD,
        id="of-a-workflow",
    ),
    Broken(
        "undocumented-status",
        ("- condition: $statusCode == 200", f"- condition: {HERE}$statusCode == 204"),
        "the description has 200 for `$statusCode == 204`, which holds then, too",
        "write `$statusCode == 200`",
        "warning",
    ),
    # settings
    Broken(
        "invalid-find-by",
        ("- stepId: create\n", f"- {HERE}stepId: create\n"),
        "settings.yaml: `find_by` of the operation `createJob` names no operation of the source "
        "`jobs`: `listJbos`",
        "did you mean `listJobs`?",
        settings={
            "operations": {
                "createJob": {
                    "find_by": {
                        "operation": "listJbos",
                        "criterion": "$[0]",
                        "type": "jsonpath",
                    }
                }
            }
        },
    ),
    Broken(
        "unknown-collected-output",
        ("- workflowId: run-job", f"- {HERE}workflowId: run-job"),
        "settings.yaml collects an output `states` that the step does not have",
        "did you mean `state`?",
        settings={"collect": {"run-job": {"poll": ["states"]}}},
    ),
    # replacements
    Broken(
        "replacement-target",
        (PAYLOAD, f"{PAYLOAD}\n      replacements: [{{target: {HERE}/a/b, value: 1}}]"),
        "the replacement target `/a/b` finds no place",
        "name a place that the payload has, or a new member of one of its objects",
    ),
    Broken(
        "pointer-without-slash",
        (PAYLOAD, f"{PAYLOAD}\n      replacements: [{{target: {HERE}name, value: 1}}]"),
        "`name` is a JSON Pointer without its leading slash",
        "write `/name`",
        "warning",
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: f"{one.code} {one.id}".strip())
def test_a_mistake_is_found(broken: Broken) -> None:
    """The finding names the place of the mistake, says what is wrong and how to mend it."""
    written, place = broken.document()
    findings = [one for one in written.findings() if one.code == broken.code]
    assert findings, "\n".join(map(str, written.findings())) or "nothing was found"
    found = findings[0]
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"
    assert broken.message in found.message
    assert (found.mend, found.severity) == (broken.mend, broken.severity)
    assert found.line_text == written.arazzo.splitlines()[int(place.split(":")[0]) - 1].rstrip()
    assert (written.compiled().workflows[0].plan is None) is _stops_the_first(broken)


def _stops_the_first(broken: Broken) -> bool:
    return broken.severity == "error" and broken.code != "duplicate-source"


CASCADES = frozenset(
    (
        "duplicate-workflow", "duplicate-step", "source-missing", "unknown-workflow",
        "unknown-component", "missing-operation", "two-operations", "broken-workflow",
        "unknown-output", "unknown-operation",
    )
)  # fmt: skip
"""Codes whose broken documents have a second thing to say."""


def test_an_undeclared_input_must_be_given() -> None:
    """It is never silently absent: a run that lacks it does not begin."""
    flow = Written(ARAZZO.replace("{name: $inputs.name}", "{name: $inputs.ticket}")).workflow()
    given = {"name": "a", "ticket": {"id": 7}}
    assert flow.schema.check(given, ()) == given
    with pytest.raises(InputInvalid, match='"ticket" is a required property'):
        flow.schema.check({"name": "a"}, ())


@pytest.mark.parametrize(
    "broken",
    [one for one in BROKEN if one.code not in CASCADES],
    ids=lambda one: f"{one.code} {one.id}".strip(),
)
def test_one_mistake_is_one_finding(broken: Broken) -> None:
    """Nobody has to tell the mistake from what only follows of it."""
    written, _ = broken.document()
    assert {one.code for one in written.findings()} == {broken.code}


def test_the_good_document_has_no_findings() -> None:
    """What all changes begin with is right, so each finding comes of its change."""
    assert Written().findings() == []
    assert Written().plan().workflow_id == "run-job"


ARAZZO_ROOM = Path(__file__).parents[2] / "arazzo"
TESTED_ELSEWHERE = frozenset(
    (
        "settings_names",
        "model",
        "yaml_text",
        "asyncapi_steps",
        "channel_lookup",
        "message_compilation",
        "step_dependencies",
        "version_rules",
        "server_choice",
    )
)
MODULES = sorted({file.stem for file in ARAZZO_ROOM.glob("*.py")} - TESTED_ELSEWHERE)
BY_NAME_OF_KIND = frozenset(("unknown-input", "unknown-step", "unknown-output", "unknown-source"))
"""Made of the kind of the name in references.py."""
OF_MESSAGES = frozenset(("message-outside-step", "response-of-message"))
"""Tested in test_asyncapi_steps.py."""
OF_FILES = frozenset(("source-type",))
"""Told of the file of a source, so tested in tests/catalogue."""
OF_UNSUPPORTED = frozenset(("unsupported", "unsupported-expression"))


def _codes_of(module: str) -> set[str]:
    """Return the first argument of all calls that add a finding (the second of `_at`)."""
    file = ARAZZO_ROOM / f"{module}.py"
    calls = [one for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, ast.Call)]
    found: set[str] = set()
    for call in calls:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        position = {"add": 0, "_add": 0, "finding": 0, "_at": 1, "_syntax": 2}.get(name)
        for one in call.args[position : position + 1] if position is not None else ():
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                found.add(one.value)
    return found


def test_every_code_is_provoked() -> None:
    """No finding goes untested: each code in the compiler has its broken document here."""
    written = set.union(*(_codes_of(one) for one in MODULES)) | BY_NAME_OF_KIND
    assert written - OF_UNSUPPORTED - OF_MESSAGES - OF_FILES == {one.code for one in BROKEN}


def test_a_broken_workflow_leaves_the_others_runnable() -> None:
    """A workflow with an error has no plan; the others of its document keep theirs."""
    text = changed(ARAZZO + CHILD, "operationId: getJob", "operationId: nothing")
    run_job, child = Written(text).compiled().workflows
    assert run_job.plan is None
    assert child.plan is not None


OF_CONTEXTS = [
    pytest.param(
        "- condition: $statusCode == 200",
        f"- {{condition: $.a, type: jsonpath, context: {HERE}$respons.body}}",
        "invalid-criterion",
        id="a malformed context stands at the context",
    ),
    pytest.param(
        "- condition: $statusCode == 200",
        f"- {{condition: $.a, type: jsonpath, context: {HERE}$response.body.a}}",
        "dotted-body",
        id="a context outside the grammar is told",
    ),
]


@pytest.mark.parametrize(("old", "new", "code"), OF_CONTEXTS)
def test_contexts_of_criteria(old: str, new: str, code: str) -> None:
    """What is wrong with a context is told where the context stands."""
    text, place = pointed(changed(ARAZZO, old, new))
    found = [(one.code, str(one.place)) for one in Written(text).findings()]
    assert (code, f"jobs.arazzo.yaml:{place}") in found


def test_all_outputs_of_a_step_without_secrets_can_be_handed_on() -> None:
    """`$steps.poll.outputs` is the object of them (O29)."""
    text = changed(ARAZZO, "state: $steps.poll.outputs.state", "state: $steps.poll.outputs")
    assert Written(text).workflow().plan is not None
