"""From a document to the plans of its workflows. All that can be wrong is found here.

What this version does not support yet is refused here by name, so that nothing is ignored and
no request is sent (DESIGN.md, section 3, «Everything wrong is found before the first request»).
A workflow with an error has no plan; the others of its document stay runnable.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jsonschema_rs

from arazzo import model
from arazzo.inputs import InputsSchema
from arazzo.linking import linked
from arazzo.long_names import with_long_names
from arazzo.plan import (
    ENGINE_REV,
    PLAN_FORMAT,
    Dependency,
    DocumentIdentity,
    Invocation,
    Plan,
)
from arazzo.scope import Defaults, FoundOperation, Scope, Sources
from arazzo.sealing import IntoCredentials, with_sealed_outputs
from arazzo.step_compilation import StepCompiler
from arazzo.step_dependencies import check_order
from arazzo.version_rules import check_workflow, document_findings
from arazzo.workflow_lookup import find_workflow, runnable, same_named, sub_workflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.errors import Finding
    from arazzo.plan import StepPlan
    from arazzo.provider import ProviderSettings
    from arazzo.yaml_text import Path, YamlText

__all__ = ["CompiledDocument", "CompiledWorkflow", "Defaults", "Sources", "compile_document"]


@dataclass(frozen=True)
class CompiledWorkflow:
    """One workflow as it can be run: `plan` is None when `findings` hold an error.

    `workflow_type` is the workflowId behind the folder's prefix; `servers` maps source names to
    the named base URLs that a run can choose from, the first being the default; `operations` are
    those of the steps by stepId; `path` leads to the workflow in its `source`.
    """

    workflow_type: str
    workflow: model.Workflow
    schema: InputsSchema
    plan: Plan | None
    findings: tuple[Finding, ...]
    servers: Mapping[str, Mapping[str, str]]
    operations: Mapping[str, FoundOperation]
    source: YamlText
    path: Path
    into_credentials: IntoCredentials


@dataclass(frozen=True, eq=False)
class CompiledDocument:
    """A document with all its workflows; `findings` are those of the whole document."""

    file: str
    title: str
    version: str
    workflows: tuple[CompiledWorkflow, ...]
    findings: tuple[Finding, ...]


def compile_document(
    source: YamlText, sources: Sources, settings: ProviderSettings, defaults: Defaults
) -> CompiledDocument:
    """Compile all workflows of a document.

    Raises DocumentInvalid when the text is no Arazzo description at all; every other mistake is
    a finding of the document or of one workflow.
    """
    document, findings = model.parse(source)
    document = with_long_names(document)
    findings += [*_document_findings(source, document), *document_findings(source, document)]
    findings += _source_types(source, document, sources)
    made: dict[int, CompiledWorkflow | None] = {}

    def compiled(index: int) -> CompiledWorkflow | None:
        """Each is compiled once; None while it is being compiled, so by way of itself."""
        if index not in made:
            made[index] = None
            made[index] = _compile_workflow(scopes[index])
        return made[index]

    ids = {one.workflow_id: index for index, one in reversed([*enumerate(document.workflows)])}
    scopes = [
        Scope(
            source, document, workflow, ("workflows", index), sources, settings, defaults,
            lambda workflow_id: compiled(ids[workflow_id]),
        )
        for index, workflow in enumerate(document.workflows)
    ]  # fmt: skip
    workflows = linked([one for index in range(len(scopes)) if (one := compiled(index))], sources)
    return CompiledDocument(
        source.file, document.info.title, document.info.version, workflows, tuple(findings)
    )


def _source_types(
    source: YamlText, document: model.Document, sources: Sources
) -> Iterator[Finding]:
    """The file's own root key says what it is (dialect.md, O40)."""
    for index, one in enumerate(document.source_descriptions):
        if one.name in sources.mistyped:
            kind = sources.mistyped[one.name]
            yield source.finding(
                "source-type",
                f"the source `{one.name}` is called `{one.type}`; it is read as {kind}, which its "
                "file is",
                ("sourceDescriptions", index, "type"),
                severity="warning",
                mend=f"write `type: {kind}`",
            )


def _document_findings(source: YamlText, document: model.Document) -> Iterator[Finding]:
    names = Counter(one.name for one in document.source_descriptions)
    for index, one in enumerate(document.source_descriptions):
        if names[one.name] > 1:
            yield source.finding(
                "duplicate-source",
                f"two source descriptions have the name `{one.name}`",
                ("sourceDescriptions", index, "name"),
                mend="give each a name of its own",
            )


def _compile_workflow(scope: Scope) -> CompiledWorkflow:
    schema = _schema(scope)
    _check_ids(scope)
    check_workflow(scope)
    compiler = StepCompiler(scope, schema)
    dependencies = _dependencies(scope, schema, compiler)
    steps = [compiler.compile(index) for index in range(len(scope.workflow.steps))]
    compiler.check_workflow_outputs()
    names = compiler.names
    into = IntoCredentials(names.sealed, names.sealed_of_workflows, names.secret_inputs_of)
    schema = schema.requiring(names.undeclared)
    plan = None
    if not _is_broken(scope):
        made = _plan(scope, schema, compiler, [one for one in steps if one], dependencies)
        plan = with_sealed_outputs(made, into.outputs, into.results)
        check_order(scope, plan)
    return CompiledWorkflow(
        workflow_type=scope.settings.prefix + scope.workflow.workflow_id,
        workflow=scope.workflow,
        schema=schema,
        plan=None if _is_broken(scope) else plan,
        findings=tuple(scope.findings),
        servers=compiler.servers,
        operations=scope.operations,
        source=scope.source,
        path=scope.path,
        into_credentials=into,
    )


def _is_broken(scope: Scope) -> bool:
    return any(finding.severity == "error" for finding in scope.findings)


def _dependencies(
    scope: Scope, schema: InputsSchema, compiler: StepCompiler
) -> tuple[Dependency, ...]:
    """«A list of workflows that MUST be completed before this workflow can be processed»."""
    made: list[Dependency] = []
    for index, written in enumerate(scope.workflow.depends_on):
        path: Path = ("dependsOn", index)
        found = find_workflow(scope, written, path)
        compiled = runnable(scope, found, path) if found else None
        if compiled is None:
            continue
        compiler.workflows[compiled.workflow_type] = sub_workflow(compiled)
        for source, choices in compiled.servers.items():
            compiler.servers.setdefault(source, dict(choices))
        inputs = same_named(schema, compiled.schema)
        secret = compiled.plan.secret_inputs if compiled.plan else ()
        compiler.secret_inputs.update(name for name in inputs if name in secret)
        kind, name = compiled.workflow_type, compiled.workflow.workflow_id
        invocation = Invocation(workflow_type=kind, workflow_id=name, inputs=inputs)
        made.append(Dependency(name=name, invocation=invocation))
    return tuple(made)


def _plan(
    scope: Scope,
    schema: InputsSchema,
    compiler: StepCompiler,
    steps: list[StepPlan],
    dependencies: tuple[Dependency, ...],
) -> Plan:
    info = scope.document.info
    passwords = {name for name, one in schema.properties.items() if one.get("format") == "password"}
    return Plan(
        stores_outputs=True,
        plan_format=PLAN_FORMAT,
        engine_rev=ENGINE_REV,
        document=DocumentIdentity(
            file=scope.source.file.rsplit("/", 1)[-1], title=info.title, version=info.version
        ),
        workflow_id=scope.workflow.workflow_id,
        secret_inputs=tuple(sorted(passwords | compiler.secret_inputs)),
        steps=tuple(steps),
        outputs=scope.workflow.outputs,
        visit_budget=scope.defaults.visit_budget,
        depends_on=dependencies,
        workflows=compiler.workflows,
        constants=compiler.constants(compiler.output_reads.constants),
        secrets=scope.settings.secrets,
        workflow_reads=tuple(
            dict.fromkeys(
                [*compiler.output_reads.workflows, *(n for s in steps for n in s.reads.workflows)]
            )
        ),
    )


def _schema(scope: Scope) -> InputsSchema:
    try:
        return InputsSchema(scope.workflow.inputs, scope.document.components.inputs)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        scope.add(
            "invalid-schema",
            f"`inputs` is no JSON Schema: {getattr(error, 'message', error)}",
            ("inputs",),
        )
        return InputsSchema(None)


def _check_ids(scope: Scope) -> None:
    workflow_id = scope.workflow.workflow_id
    same = [one for one in scope.document.workflows if one.workflow_id == workflow_id]
    if len(same) > 1:
        scope.add("duplicate-workflow", f"two workflows are named `{workflow_id}`", ("workflowId",))
    counts = Counter(step.step_id for step in scope.workflow.steps)
    for index, step in enumerate(scope.workflow.steps):
        if counts[step.step_id] > 1:
            scope.add(
                "duplicate-step",
                f"two steps have the stepId `{step.step_id}`",
                ("steps", index, "stepId"),
                mend="give each step a stepId of its own",
            )
