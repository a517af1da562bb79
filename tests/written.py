"""Small documents written for one test: a good one, and what is changed in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from arazzo import yaml_text
from arazzo.compilation import Defaults, Sources, compile_document
from arazzo.openapi import OpenApiDescription
from arazzo.provider import ProviderSettings

if TYPE_CHECKING:
    from arazzo.compilation import CompiledDocument, CompiledWorkflow
    from arazzo.errors import Finding
    from arazzo.plan import Plan, StepPlan

HERE = "«"
"""Stands in a changed text just before the character that a finding must point to."""

OPENAPI = """\
openapi: 3.0.3
info: {title: Jobs, version: '1'}
servers:
- url: https://jobs.test/v1
paths:
  /jobs:
    post:
      operationId: createJob
      requestBody:
        content: {application/json: {schema: {type: object}}}
      responses: {'201': {description: made}}
    get:
      operationId: listJobs
      parameters:
      - {name: page, in: query, schema: {type: integer}}
      responses: {'200': {description: all}}
  /jobs/{jobId}:
    get:
      operationId: getJob
      parameters:
      - {name: jobId, in: path, required: true, schema: {type: string}}
      responses: {'200': {description: one}}
"""

ARAZZO = """\
arazzo: 1.0.1
info: {title: Jobs, version: 1.0.0}
sourceDescriptions:
- name: jobs
  url: jobs.yaml
  type: openapi
workflows:
- workflowId: run-job
  inputs:
    type: object
    properties:
      name: {type: string}
      token: {type: string}
  steps:
  - stepId: create
    operationId: createJob
    requestBody:
      payload: {name: $inputs.name}
    outputs:
      id: $response.body#/id
  - stepId: poll
    operationId: getJob
    parameters:
    - name: jobId
      in: path
      value: $steps.create.outputs.id
    successCriteria:
    - condition: $statusCode == 200
    onSuccess:
    - name: again
      type: goto
      stepId: poll
      criteria:
      - condition: $response.body#/state == 'queued'
    - name: ready
      type: end
      criteria:
      - condition: $response.body#/state == 'done'
    outputs:
      state: $response.body#/state
  outputs:
    state: $steps.poll.outputs.state
"""


@dataclass(frozen=True)
class Written:
    """A document and its one source, `jobs`, with the settings of its folder."""

    arazzo: str = ARAZZO
    openapi: str | None = OPENAPI
    settings: ProviderSettings = field(default_factory=ProviderSettings)
    problem: str = "was not found"

    def compiled(self) -> CompiledDocument:
        """Compile the document; its source is missing when there is no `openapi`."""
        sources = Sources(problems={"jobs": self.problem})
        if self.openapi is not None:
            sources = Sources(openapi={"jobs": _description(self.openapi)})
        text = yaml_text.read(self.arazzo, "jobs.arazzo.yaml")
        return compile_document(text, sources, self.settings, Defaults())

    def workflow(self) -> CompiledWorkflow:
        """Compile the document and return its first workflow."""
        return self.compiled().workflows[0]

    def findings(self) -> list[Finding]:
        """Return all findings: of the document, then of its workflows."""
        compiled = self.compiled()
        return [*compiled.findings, *(it for one in compiled.workflows for it in one.findings)]

    def plan(self) -> Plan:
        """Return the plan of the first workflow, which must have no errors."""
        workflow = self.workflow()
        assert workflow.plan is not None, "\n".join(map(str, workflow.findings))
        return workflow.plan

    def step(self, index: int = 0) -> StepPlan:
        """Return the plan of one step of the first workflow."""
        return self.plan().steps[index]


@cache
def _description(text: str) -> OpenApiDescription:
    return OpenApiDescription(yaml_text.read(text, "jobs.yaml"))


def changed(text: str, *changes: str) -> str:
    """Return the text with each `old` replaced by the `new` behind it; every old must be there."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert text.count(old), f"{old!r} does not stand in the text"
        text = text.replace(old, new, 1)
    return text


def pointed(text: str) -> tuple[str, str]:
    """Return the text without the mark, and the `line:column` where the mark stood."""
    before, mark, behind = text.partition(HERE)
    assert mark, "the text has no mark"
    line = before.count("\n") + 1
    return before + behind, f"{line}:{len(before) - before.rfind(chr(10))}"


SCHEMES = """\
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: api_key}
    basic: {type: http, scheme: basic}
    token: {type: http, scheme: bearer}
    oauth: {type: oauth2, flows: {clientCredentials: {tokenUrl: /token, scopes: {}}}}
    openid: {type: openIdConnect, openIdConnectUrl: /.well-known/openid-configuration}
    digest: {type: http, scheme: Digest}
    mutual: {type: mutualTLS}
"""


def planned(*changes: str, openapi: str = OPENAPI, **settings: Any) -> Plan:
    """Return the plan of the good document with changes."""
    given = ProviderSettings.model_validate(settings)
    return Written(changed(ARAZZO, *changes), openapi, given).plan()


def secured(requirement: str) -> str:
    """Return the description, whose getJob has a security requirement."""
    return changed(
        OPENAPI, "operationId: getJob", f"operationId: getJob\n      security: {requirement}"
    ) + SCHEMES  # fmt: skip
