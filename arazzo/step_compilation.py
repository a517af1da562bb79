"""From the steps of a workflow to their part of the plan: calls, criteria, actions, outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from arazzo.action_compilation import ActionCompiler
from arazzo.asyncapi_steps import names_asyncapi
from arazzo.call_compilation import CallCompiler
from arazzo.channel_lookup import find_channel
from arazzo.collected import Collected
from arazzo.document_constants import constants, written_components
from arazzo.documented_statuses import tell_statuses_apart, undocumented, with_documented
from arazzo.download_plans import longest_request, with_download
from arazzo.invocation_compilation import InvocationCompiler
from arazzo.limit_plans import LONGEST_SLEEP
from arazzo.look_up_compilation import LookUpCompiler
from arazzo.message_compilation import MessageCompiler
from arazzo.model import CriterionExpressionType
from arazzo.plan import AttemptPlan, CriterionPlan, RetryPlan, StepPlan
from arazzo.references import CompletedWorkflow, Names
from arazzo.scope import closest
from arazzo.states import asks_for_redirect
from arazzo.step_dependencies import dependencies
from arazzo.upload_plans import with_upload
from arazzo.version_rules import check_output
from arazzo.workflow_lookup import peek_workflow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from arazzo.inputs import InputsSchema
    from arazzo.model import Criterion, Step
    from arazzo.plan import SubWorkflow
    from arazzo.scope import Scope
    from arazzo.workflow_lookup import FoundWorkflow
    from arazzo.yaml_text import Path


MILLISECONDS: Final = 1000.0
"""In a second; a step's `timeout` is written in them."""


class StepCompiler:
    """Compiles the steps of one workflow; gathers its servers and its secret inputs."""

    def __init__(self, scope: Scope, schema: InputsSchema) -> None:
        """Learn the names that exist in the workflow."""
        self.scope = scope
        self.steps = scope.workflow.steps
        self.names = Names(
            source=scope.source,
            where=scope.where,
            inputs=schema,
            outputs_of={step.step_id: self._output_names(step) for step in self.steps},
            sources=[one.name for one in scope.document.source_descriptions],
            findings=scope.findings,
            workflows=self._completed_workflows(),
            has_self=scope.document.self_uri is not None,
            components=written_components(scope.source),
        )
        self.secret_inputs: set[str] = set()
        self.servers: dict[str, dict[str, str]] = {}
        self.workflows: dict[str, SubWorkflow] = {}
        self.transfers: dict[str, FoundWorkflow] = {}
        self.output_reads = Collected()

    def constants(self, reads: Collection[str]) -> dict[str, Any]:
        """Return what the document itself holds of what is read."""
        return constants(self.scope.document, self.scope.source, reads)

    def _completed_workflows(self) -> dict[str, CompletedWorkflow]:
        """Those that this one depends on, and those that its steps call."""
        written = [*self.scope.workflow.depends_on, *(one.workflow_id for one in self.steps)]
        found = [peek_workflow(self.scope, one) for one in written if one]
        return {
            one.workflow.workflow_id: CompletedWorkflow(
                list(one.schema.properties), list(one.workflow.outputs)
            )
            for one in found
            if one is not None
        }

    def _output_names(self, step: Step) -> list[str]:
        """A step that calls a workflow has the outputs of that workflow, too."""
        return list(dict.fromkeys([*step.outputs, *self._called_outputs(step)]))

    def _called_outputs(self, step: Step) -> list[str]:
        if not step.workflow_id:
            return []
        found = peek_workflow(self.scope, step.workflow_id)
        return list(found.workflow.outputs) if found else []

    def compile(self, index: int) -> StepPlan | None:
        """Return the plan of a step, or None when it has no operation to call."""
        step, path = self.steps[index], ("steps", index)
        requested, judged = Collected(), Collected()
        self.names = replace(
            self.names,
            where=f"{self.scope.where}, step {step.step_id}",
            called_outputs=self._called_outputs(step) if step.workflow_id else None,
            message="",
        )
        asked = self._asked(step, path, requested)
        answered = self._answered(step, path, judged)
        if asked is not None and "call" in asked:
            asked["find_by"] = LookUpCompiler(*self._gathered(step, path, judged)).compile(
                asked["call"]
            )
        depends_on = dependencies(self.scope, step, path)
        if asked is None:
            return None
        attempt = AttemptPlan(
            workflow_id=self.scope.workflow.workflow_id,
            step_id=step.step_id,
            constants=self.constants(requested.constants | judged.constants),
            **asked,
            **answered,
        )
        if attempt.invocation is not None or attempt.reception is not None:
            self.output_reads.constants.update(requested.constants)
        attempt = with_download(_keeping_redirects(attempt), self.scope)
        attempt = with_upload(attempt, self.scope)
        made = self._step_plan(attempt, requested, judged)
        timed = {"timeout": (step.timeout or 0) / MILLISECONDS, "depends_on": depends_on}
        return made.model_copy(update=timed)

    def _asked(self, step: Step, path: Path, collected: Collected) -> dict[str, Any] | None:
        """The call of an operation, or of a workflow; None when it can't be compiled."""
        if step.workflow_id is None and names_asyncapi(self.scope, step):
            return self._sent_or_received(step, path, collected)
        gathered = self._gathered(step, path, collected)
        if step.workflow_id is None:
            call = CallCompiler(*gathered).compile()
            return None if call is None else {"call": call}
        invocation = InvocationCompiler(*gathered, self.workflows).compile()
        return None if invocation is None else {"invocation": invocation}

    def _sent_or_received(
        self, step: Step, path: Path, collected: Collected
    ) -> dict[str, Any] | None:
        """The message that a step of AsyncAPI sends or awaits."""
        found = find_channel(self.scope, step, path)
        action = found.action if found else step.action
        self.names = replace(self.names, message=action if action == "receive" else "send")
        compiler = MessageCompiler(
            self.scope, self.names, step, path, collected, self.secret_inputs, self.servers
        )
        return compiler.compile(found) if found else None

    def _gathered(
        self, step: Step, path: Path, collected: Collected
    ) -> tuple[Scope, Names, Step, Path, Collected, set[str], dict[str, dict[str, str]]]:
        """What every compiler of a part of the step is given."""
        return self.scope, self.names, step, path, collected, self.secret_inputs, self.servers

    def _answered(self, step: Step, path: Path, judged: Collected) -> dict[str, Any]:
        """What is made of the answer: criteria, actions and outputs."""
        criteria = self._criteria(step.success_criteria or (), (*path, "successCriteria"), judged)
        actions = ActionCompiler(
            self.scope, self.names, step, path,
            lambda criteria, where: self._criteria(criteria, where, judged),
            self.output_reads, self.secret_inputs, self.servers, self.workflows, self.transfers,
        )  # fmt: skip
        on_success, on_failure = actions.compile("onSuccess"), actions.compile("onFailure")
        if not tell_statuses_apart((*on_success, *on_failure)):
            criteria = self._with_documented_statuses(criteria, step, path)
        return {
            "success_criteria": criteria,
            "on_success": on_success,
            "on_failure": on_failure,
            "outputs": self._outputs(step, path, judged),
        }

    def _with_documented_statuses(
        self, criteria: tuple[CriterionPlan, ...], step: Step, path: Path
    ) -> tuple[CriterionPlan, ...]:
        """Let a documented 2xx hold where the criterion asks for one that is not documented."""
        found = self.scope.operations.get(step.step_id)
        made = []
        for index, one in enumerate(criteria):
            statuses = undocumented(one, found.operation) if found else ()
            made.append(with_documented(one, statuses) if statuses else one)
            if statuses:
                told = " or ".join(statuses)
                self.scope.add(
                    "undocumented-status",
                    f"the description has {told} for `{one.condition}`, which holds then, too",
                    (*path, "successCriteria", index, "condition"),
                    mend=f"write `$statusCode == {statuses[0]}`",
                    severity="warning",
                    step_id=step.step_id,
                )
        return tuple(made)

    def _step_plan(self, attempt: AttemptPlan, requested: Collected, judged: Collected) -> StepPlan:
        settings, defaults = self.scope.settings, self.scope.defaults
        return StepPlan(
            attempt=attempt,
            reads=requested.joined(judged).reads(),
            request_reads=requested.reads(),
            polling=settings.polling.of(self.scope.workflow.workflow_id, attempt.step_id),
            transient=RetryPlan(
                attempts=settings.transient.attempts or defaults.transient_attempts,
                first=_given(settings.transient.first, defaults.transient_first),
                longest=_given(settings.transient.longest, defaults.transient_longest),
                within=settings.transient.within or defaults.transient_within,
            ),
            start_to_close=self._start_to_close(attempt),
            heartbeat=self._heartbeat(attempt),
            collect=self._collect(attempt),
            transport=RetryPlan(
                attempts=settings.transport.attempts or defaults.transport_attempts,
                first=_given(settings.transport.first, defaults.transport_first),
                longest=_given(settings.transport.longest, defaults.transport_longest),
                within=settings.transport.within or defaults.transport_within,
            ),
        )

    def _start_to_close(self, attempt: AttemptPlan) -> float:
        """A token may have to be fetched first, so there is time for two requests.

        Before them there is time for a short wait, where limits may ask for one.
        """
        if attempt.call is None:
            return 0.0
        requests = 2 if attempt.call.credentials else 1
        waits = LONGEST_SLEEP if attempt.call.limits else 0.0
        longest = longest_request(attempt.call) - attempt.call.total_timeout
        total = requests * attempt.call.total_timeout + longest
        return total + waits + self.scope.defaults.activity_margin

    def _heartbeat(self, attempt: AttemptPlan) -> float:
        """An attempt that may take hours says that it lives."""
        call = attempt.call
        moves = call is not None and (call.upload or longest_request(call) > call.total_timeout)
        return self.scope.defaults.heartbeat if moves else 0.0

    def _collect(self, attempt: AttemptPlan) -> tuple[str, ...]:
        """Return the outputs that grow from page to page, by the settings."""
        of_workflow = self.scope.settings.collect.get(self.scope.workflow.workflow_id, {})
        wanted = of_workflow.get(attempt.step_id, ())
        for name in wanted:
            if name not in attempt.outputs:
                self.scope.add(
                    "unknown-collected-output",
                    f"settings.yaml collects an output `{name}` that the step does not have",
                    (),
                    mend=closest(name, list(attempt.outputs)),
                    step_id=attempt.step_id,
                )
        return wanted

    # -- criteria --------------------------------------------------------------------------------

    def _criteria(
        self, criteria: Sequence[Criterion], path: Path, collected: Collected
    ) -> tuple[CriterionPlan, ...]:
        plans = []
        for index, one in enumerate(criteria):
            plan = _criterion_plan(one)
            self.names.check_criterion(plan, (*self.scope.path, *path, index), collected)
            plans.append(plan)
        return tuple(plans)

    # -- outputs ---------------------------------------------------------------------------------

    def _outputs(self, step: Step, path: Path, collected: Collected) -> dict[str, Any]:
        outputs: dict[str, Any] = {}
        for name, value in step.outputs.items():
            output_path = (*path, "outputs", name)
            if not check_output(self.scope, value, output_path, step.step_id):
                continue
            self.names.check_value(
                value, (*self.scope.path, *output_path), collected, after_response=True
            )
            outputs[name] = value
        return outputs

    def check_workflow_outputs(self) -> None:
        """Check what the workflow gives back: plain reads of inputs and outputs of steps."""
        self.names = replace(self.names, where=self.scope.where, called_outputs=None)
        for name, value in self.scope.workflow.outputs.items():
            path: Path = ("outputs", name)
            if not check_output(self.scope, value, path):
                continue
            self.names.check_value(
                value, (*self.scope.path, *path), self.output_reads, after_response=False
            )


def _keeping_redirects(attempt: AttemptPlan) -> AttemptPlan:
    """Let a redirect be the answer where a criterion asks for one."""
    actions = (*attempt.on_success, *attempt.on_failure)
    criteria = (*attempt.success_criteria, *(one for action in actions for one in action.criteria))
    if attempt.call is None or not any(map(asks_for_redirect, criteria)):
        return attempt
    call = attempt.call.model_copy(update={"keeps_redirects": True})
    return attempt.model_copy(update={"call": call})


def _criterion_plan(one: Criterion) -> CriterionPlan:
    kind = one.type
    if isinstance(kind, CriterionExpressionType):
        return CriterionPlan(
            condition=one.condition, type=kind.type, version=kind.version, context=one.context
        )
    return CriterionPlan(condition=one.condition, type=kind, context=one.context)


def _given(value: float | None, default: float) -> float:
    return default if value is None else value
