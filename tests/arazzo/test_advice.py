"""Advice: each code with a document that provokes it, and one that is near and right.

The reason for the length: one table with a row for each kind of doubt.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest
from written import ARAZZO, HERE, OPENAPI, Written, changed, pointed

from arazzo.advice import advise

ARAZZO_ROOM = Path(__file__).parents[2] / "arazzo"
CHILD = """\
- workflowId: child
  inputs: {type: object, properties: {size: {type: integer}}}
  steps:
  - {stepId: one, operationId: listJobs, outputs: {all: $response.body}}
  outputs:
    all: $steps.one.outputs.all
"""
ONE = "responses: {'200': {description: one}}"
BODY = "schema: {type: object}"


def _answer(schema: str, status: str = "200") -> str:
    content = f"content: {{application/json: {{schema: {schema}}}}}"
    return f"responses: {{'{status}': {{description: one, {content}}}}}"


def _body(schema: str) -> str:
    return changed(OPENAPI, BODY, f"schema: {schema}")


STATUSES = (
    "responses: {'200': {description: one}, '202': {description: a}, '204': {description: b}}"
)
STATE = "{properties: {state: {enum: [queued, done, failed]}}}"
JOB = changed(OPENAPI, ONE, _answer(STATE))
QUEUED = "$response.body#/state == 'queued'"
DONE = "$response.body#/state == 'done'"
OUTPUT = "      state: $response.body#/state\n"
POLL = "  - stepId: poll\n"
ON_SUCCESS = "    onSuccess:\n"
AGAIN = "    - name: again\n      type: goto\n      stepId: poll\n      criteria:\n"
READY = "    - name: ready\n      type: end\n      criteria:\n"
CRITERION = "      - condition: "
PAYLOAD = "payload: {name: $inputs.name}"
VALUE = "value: $steps.create.outputs.id"
EARLY = (
    "    onSuccess: [{name: skip, type: goto, stepId: poll}]\n"
    "  - {stepId: between, operationId: listJobs}\n"
)
SECURED = changed(
    OPENAPI,
    "paths:",
    "components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}\npaths:",
    "operationId: getJob",
    "security: [{key: []}]\n      operationId: getJob",
)


WITH_STATE = changed(OPENAPI, "{name: jobId,", "{name: state, in: query}\n      - {name: jobId,")


@dataclass(frozen=True)
class Doubt:
    """A change of the good document and what is told of it; `near` is a change that is right."""

    code: str
    changes: tuple[str, ...]
    message: str
    mend: str
    near: tuple[str, ...] = ()
    openapi: str = OPENAPI
    near_openapi: str = ""
    id: str = ""


def _parameter(text: str) -> tuple[str, ...]:
    return (VALUE, f"{VALUE}\n    - {text}")


DOUBTS = [
    # the flow
    Doubt(
        "unreachable-step",
        (POLL, f"{EARLY.replace('stepId: between', f'stepId: {HERE}between')}{POLL}"),
        "no way leads to this step",
        "let an action lead to it, or take it out",
        near=(POLL, f"{EARLY.replace('poll}', 'poll, criteria: [{condition: $url}]}')}{POLL}"),
    ),
    Doubt(
        "unreachable-step",
        (
            POLL,
            (
                f"    onSuccess: [{{name: away, type: goto, workflowId: child}}]\n"
                f"{POLL.replace('poll', HERE + 'poll')}"
            ),
        ),
        "no way leads to this step",
        "let an action lead to it, or take it out",
        near=(
            POLL,
            (
                "    onSuccess: [{name: away, type: goto, workflowId: child}]\n"
                f"    onFailure: [{{name: again, type: retry, stepId: poll}}]\n{POLL}"
            ),
        ),
        id="behind a transfer; a retry runs a step in between",
    ),
    Doubt(
        "dead-action",
        (
            f"{ON_SUCCESS}{AGAIN}",
            (
                f"{ON_SUCCESS}    - {{name: all, type: end}}\n    - {HERE}name: "
                "again\n      type: goto\n      stepId: poll\n      criteria:\n"
            ),
        ),
        "the action `again` is never tried, for `all` before it has no criteria and always",
        "put it before, or give the other one criteria",
        near=(
            ON_SUCCESS,
            "    onFailure: [{name: a, type: retry}, {name: b, type: end}]\n" + ON_SUCCESS,
        ),
        id="a retry of a failed step ends by its limit",
    ),
    Doubt(
        "endless-poll",
        (
            f"{READY}{CRITERION}{DONE}\n",
            "",
            f"{AGAIN}{CRITERION}{QUEUED}\n",
            AGAIN.replace("- name", f"- {HERE}name")[:-16],
        ),
        "the action `again` always leads back, so nothing but the deadline or a failure ends",
        "give it criteria that hold while there is something to wait for",
        near=(
            f"{READY}{CRITERION}{DONE}\n",
            "    onFailure: [{name: gone, type: end}]\n",
            f"{AGAIN}{CRITERION}{QUEUED}\n",
            AGAIN[:-16],
        ),
        id="a failure ends it",
    ),
    Doubt(
        "skipped-outputs",
        (
            POLL,
            f"{EARLY}{POLL.replace('poll', HERE + 'poll')}",
            "listJobs}",
            "listJobs, outputs: {id: $response.body#/id}}",
            VALUE,
            "value: $steps.between.outputs.id",
            "poll}]",
            "poll, criteria: [{condition: $steps.create.outputs.id}]}]",
        ),
        "the step reads outputs of `between`, which a way to it leaves out; they are absent then",
        "let every way to this step lead through `between`",
        near=(POLL, f"{EARLY.replace('poll}', 'poll, criteria: [{condition: $url}]}')}{POLL}"),
    ),
    # states
    Doubt(
        "uncovered-state",
        (ON_SUCCESS, f"    {HERE}onSuccess:\n"),
        "no action covers 'failed', which the description allows at `/state`; the run fails with",
        "add an action for 'failed'",
        near=(DONE, f"{DONE} || $response.body#/state == 'failed'"),
        openapi=JOB,
    ),
    Doubt(
        "uncovered-state",
        (
            ON_SUCCESS,
            f"    {HERE}onSuccess:\n",
            f"condition: {QUEUED}",
            ("{condition: $.state == 'queued', type: jsonpath, context: $response.body}"),
            f"condition: {DONE}",
            ("{condition: $.state == 'done', type: jsonpath, context: $response.body}"),
        ),
        "no action covers 'failed'",
        "add an action for 'failed'",
        near=(
            "    - condition: $statusCode == 200",
            (
                "    - condition: $statusCode == 200\n"
                "    - condition: $response.body#/state != 'failed'"
            ),
        ),
        openapi=JOB,
        id="conditions in jsonpath; a criterion of success rules the state out",
    ),
    Doubt(
        "uncovered-state",
        (
            ON_SUCCESS,
            f"    {HERE}onSuccess:\n",
            f"condition: {QUEUED}",
            ("{condition: \"$[?@.state == 'queued']\", type: jsonpath, context: $response.body}"),
            f"condition: {DONE}",
            ("{condition: ^done$, type: regex, context: $response.body#/state}"),
        ),
        "no action covers 'failed'",
        "add an action for 'failed'",
        near=(
            f"condition: {DONE}",
            ("{condition: ^(done|failed)$, type: regex, context: $response.body#/state}"),
        ),
        openapi=JOB,
        id="filters and regular expressions",
    ),
    Doubt(
        "uncovered-state",
        (
            *("$statusCode == 200", "$statusCode < 300", QUEUED, "$statusCode == 202"),
            *(DONE, "$statusCode == 200", ON_SUCCESS, f"    {HERE}onSuccess:\n"),
        ),
        "no action covers the status 204, which the description has; the run fails with",
        "add an action for the status 204",
        near=(
            *("$statusCode == 200", "$statusCode < 300", QUEUED, "$statusCode == 202"),
            *(DONE, "$statusCode != 202"),
        ),
        openapi=changed(OPENAPI, ONE, STATUSES),
        id="statuses",
    ),
    # the response
    Doubt(
        "unknown-response-property",
        (OUTPUT, f"      state: {HERE}$response.body#/status\n"),
        "the description knows nothing at `/status` of the response, so the output may always",
        "did you mean `/state`?",
        openapi=JOB,
    ),
    Doubt(
        "unknown-response-property",
        (OUTPUT, f"      state: {HERE}$response.body#/jobs/0/status\n"),
        "the description knows nothing at `/jobs/0/status`",
        "did you mean `/jobs/0/state`?",
        near=(OUTPUT, "      state: $response.body#/jobs/0/state\n"),
        openapi=changed(
            OPENAPI,
            ONE,
            _answer(
                f"{{allOf: [{{properties: {{jobs: {{items: {STATE}}}}}}}, {{required: [x]}}]}}",
                "default",
            ),
        ),
        id="in a list, in allOf, of the default response",
    ),
    # parameters
    Doubt(
        "undeclared-parameter",
        _parameter(f"{{name: {HERE}page, in: query, value: 1}}"),
        "the operation declares no query parameter `page`; it is sent all the same",
        "",
        near=_parameter("{name: Accept, in: header, value: text/csv}"),
    ),
    Doubt(
        "undeclared-parameter",
        _parameter(f"{{name: {HERE}X-Key, in: header, value: $inputs.token}}"),
        "the operation declares no header parameter `X-Key`, for it is the credential `key`",
        "leave it out, with `credentials: {key: {secret: key}}` in settings.yaml",
        near=_parameter("{name: state, in: query, value: a}"),
        openapi=SECURED,
        near_openapi=WITH_STATE,
        id="a credential",
    ),
    Doubt(
        "undeclared-parameter",
        (
            "workflows:",
            ("components: {parameters: {p: {name: page, in: query, value: 1}}}\nworkflows:"),
            "  steps:",
            f"  parameters:\n  - {HERE}reference: $components.parameters.p\n  steps:",
        ),
        "the operation declares no query parameter `page`",
        "",
        near=("  steps:", "  parameters: [{name: Accept, in: header, value: a}]\n  steps:"),
        id="a reusable one of the workflow",
    ),
    Doubt(
        "plain-credential",
        _parameter(f"{{name: {HERE}Authorization, in: header, value: Bearer s3cret}}"),
        "`Authorization` is a credential and stands here in plain text",
        "make it an input, and give that by the name of a secret",
    ),
    Doubt(
        "plain-credential",
        (PAYLOAD, f"payload: {{name: {HERE}hunter2}}"),
        "`name` is a password and stands here in plain text",
        "make it an input, and give that by the name of a secret",
        openapi=_body("{properties: {name: {type: string, format: password}}}"),
        id="in a body",
    ),
    Doubt(
        "plain-credential",
        ("token: {type: string}", f"token: {{format: password, default: {HERE}s3cret}}"),
        "the default of the secret input `token` stands here in plain text",
        "take it out, and give the input by the name of a secret",
        near=("token: {type: string}", "token: {type: string, default: a}"),
        id="a default",
    ),
    # bodies
    Doubt(
        "missing-property",
        (PAYLOAD, f"{HERE}{PAYLOAD}"),
        "the operation requires the property `size` and the payload lacks it",
        "add `size`",
        near=(PAYLOAD, f"{PAYLOAD}\n      replacements: [{{target: /size, value: 1}}]"),
        openapi=_body("{required: [size, id], properties: {id: {readOnly: true}}}"),
    ),
    Doubt(
        "unknown-property",
        (PAYLOAD, f"payload: {{name: {HERE}$inputs.name}}"),
        "the operation's body has no property `name` and allows no others",
        "did you mean `/names`?",
        near=(PAYLOAD, "payload: {names: $inputs.name}"),
        openapi=_body("{properties: {names: {}}, additionalProperties: false}"),
    ),
    Doubt(
        "payload-mismatch",
        (PAYLOAD, f"payload: {{name: {HERE}five}}"),
        '`name` does not fit the operation\'s body: "five" is not of type "integer"',
        "",
        near=(PAYLOAD, "payload: {name: null}"),
        openapi=_body("{properties: {name: {type: integer, nullable: true}}}"),
    ),
    # outputs
    Doubt(
        "unused-output",
        (OUTPUT, f"{OUTPUT}      more: {HERE}$response.body#/more\n"),
        "nothing reads the output `more`",
        "read it, or take it out",
        near=(
            OUTPUT,
            f"{OUTPUT}      more: $response.body#/more\n",
            "state: $steps.poll.outputs.state",
            "state: $steps.poll.outputs",
        ),
    ),
]


def _name(doubt: Doubt) -> str:
    return f"{doubt.code} {doubt.id}".strip()


@pytest.mark.parametrize("doubt", DOUBTS, ids=_name)
def test_a_doubt_is_told(doubt: Doubt) -> None:
    """The finding is a warning with its place and its mend, and nothing else is told."""
    text, place = pointed(changed(ARAZZO + CHILD, *doubt.changes))
    workflow = Written(text, doubt.openapi).workflow()
    assert workflow.plan is not None, "\n".join(map(str, workflow.findings))
    findings = [one for one in advise(workflow) if one.code == doubt.code]
    assert findings, "\n".join(map(str, advise(workflow))) or "nothing was found"
    found = findings[0]
    assert (str(found.place), found.severity) == (f"jobs.arazzo.yaml:{place}", "warning")
    assert doubt.message in found.message
    assert found.mend == doubt.mend


@pytest.mark.parametrize("doubt", DOUBTS, ids=_name)
def test_what_is_near_and_right_is_not_told(doubt: Doubt) -> None:
    """Without the change, or with one that looks like it, that code is not found."""
    openapi = doubt.near_openapi or doubt.openapi
    text = changed(ARAZZO + CHILD, *doubt.near)
    workflow = Written(text, openapi).workflow()
    assert workflow.plan is not None, "\n".join(map(str, workflow.findings))
    assert doubt.code not in {one.code for one in advise(workflow)}


CODE_AT = {"warn": 0, "_warn": 0, "warn_workflow": 0, "_at_parameter": 3}
"""Which argument of these calls is the code."""


def test_every_advice_has_its_rows() -> None:
    """Each code that the advisers tell stands in the table."""
    told: set[str] = set()
    for module in ("advice", "call_advice"):
        for call in ast.walk(ast.parse((ARAZZO_ROOM / f"{module}.py").read_text())):
            if isinstance(call, ast.Call):
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                at = CODE_AT.get(name, len(call.args))
                told |= {
                    str(it.value) for it in call.args[at : at + 1] if isinstance(it, ast.Constant)
                }
    assert told == {one.code for one in DOUBTS}


def test_a_loop_over_pages_reads_its_own_outputs() -> None:
    """The cursor of the last page is used, and reading it is no detour."""
    text = changed(
        ARAZZO,
        *(VALUE, f"{VALUE}\n    - {{name: cursor, in: query, value: $steps.poll.outputs.cursor}}"),
        *(OUTPUT, f"{OUTPUT}      cursor: $response.body#/cursor\n"),
    )
    found = {one.code for one in advise(Written(text).workflow())}
    assert found == {"undeclared-parameter"}
