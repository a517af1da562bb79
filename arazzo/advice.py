"""Advice about a workflow that can run: what is probably not meant (findings of `check`).

All of it are warnings, made from the plan and from the schemas of its operations. They change
nothing while a workflow runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arazzo import expression
from arazzo.advised import Subject
from arazzo.call_advice import BY_NAME, advise_call
from arazzo.call_compilation import expressions_in
from arazzo.context import Context, ResponseView
from arazzo.flow import Flow, considered
from arazzo.message_advice import advise_message
from arazzo.outcome import chosen, first_unmet
from arazzo.schemas import with_value_at
from arazzo.states import fails_with, read_pointers, reads_only_status
from arazzo.transition import leads_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from arazzo.compilation import CompiledWorkflow
    from arazzo.context import Json
    from arazzo.errors import Finding
    from arazzo.plan import ActionPlan, Plan, StepPlan
    from arazzo.yaml_text import Path


def advise(compiled: CompiledWorkflow) -> list[Finding]:
    """Return the advice about a workflow, in the order of its steps; none when it can't run."""
    if compiled.plan is None:
        return []
    return list(_Adviser(Subject(compiled, compiled.plan), Flow(compiled.plan)).all())


@dataclass(frozen=True)
class _Adviser:
    subject: Subject
    flow: Flow

    @property
    def plan(self) -> Plan:
        return self.subject.plan

    def all(self) -> Iterator[Finding]:
        yield from self._plain_defaults()
        yield from self._unreachable_steps()
        for index, step in enumerate(self.plan.steps):
            yield from self._dead_actions(index, step)
            yield from self._endless_loops(index, step)
            if self._is_poll_with_a_way_on(step):
                yield from self._uncovered_states(index, step)
                yield from self._uncovered_statuses(index, step)
            yield from self._skipped_outputs(index, step)
            yield from self._response_properties(index, step)
            yield from self._plain_inputs(index, step)
            yield from advise_call(self.subject, index, step)
            yield from advise_message(self.subject, index, step)
        yield from self._unused_outputs()

    def _plain_defaults(self) -> Iterator[Finding]:
        """A secret input is given by name, so its default can only be the secret itself."""
        properties = self.subject.compiled.schema.properties
        for name in self.plan.secret_inputs:
            default = properties.get(name, {}).get("default")
            if isinstance(default, str) and default:
                yield self.subject.warn_workflow(
                    "plain-credential",
                    f"the default of the secret input `{name}` stands here in plain text",
                    ("inputs", "properties", name, "default"),
                    mend="take it out, and give the input by the name of a secret",
                )

    def _plain_inputs(self, index: int, step: StepPlan) -> Iterator[Finding]:
        """What a called workflow gets for a secret input, and the document has in plain."""
        if step.attempt.invocation is None:
            return
        secret = self.plan.workflows[step.called].plan.secret_inputs
        for name, value in step.attempt.invocation.inputs.items():
            if name in secret and value and not expressions_in(value):
                path, _ = self.subject.parameter_path(index, name, "")
                yield self._warn(
                    "plain-credential",
                    f"`{name}` of `{step.called}` is a credential and stands here in plain text",
                    index,
                    path or ("workflowId",),
                    mend=BY_NAME,
                )

    # -- the flow --------------------------------------------------------------------------------

    def _unreachable_steps(self) -> Iterator[Finding]:
        reached = self.flow.reachable()
        for index in range(len(self.plan.steps)):
            if index not in reached:
                yield self._warn(
                    "unreachable-step", "no way leads to this step", index, ("stepId",),
                    mend="let an action lead to it, or take it out",
                )  # fmt: skip

    def _dead_actions(self, index: int, step: StepPlan) -> Iterator[Finding]:
        """Only the step's own: it passes over those of the workflow on purpose."""
        for field, actions in _both(step):
            taken = list(considered(actions, failed=field == "onFailure"))
            for action in actions[len(taken) :]:
                path = self.subject.action_path(index, field, action.name)
                if path is not None:
                    yield self._warn(
                        "dead-action",
                        f"the action `{action.name}` is never tried, for `{taken[-1].name}` "
                        "before it has no criteria and always matches",
                        index,
                        path,
                        mend="put it before, or give the other one criteria",
                    )

    def _endless_loops(self, index: int, step: StepPlan) -> Iterator[Finding]:
        taken = list(considered(step.attempt.on_success))
        back = [leads_back(self.plan, step, action) for action in taken]
        if not taken or not all(back) or taken[-1].criteria or self._can_leave(index, taken):
            return
        path = self.subject.action_path(index, "onSuccess", taken[-1].name)
        yield self._warn(
            "endless-poll",
            f"the action `{taken[-1].name}` always leads back, so nothing but the deadline or a "
            "failure ends this poll",
            index,
            path or ("onSuccess",),
            mend="give it criteria that hold while there is something to wait for",
        )

    def _can_leave(self, here: int, taken: Sequence[ActionPlan]) -> bool:
        """Whether a failure, a limit or a step in between may lead out of the loop."""
        if any(one.retry_limit is not None for one in taken):
            return True
        first = min(self.plan.index(one.target or self.plan.steps[here].step_id) for one in taken)
        return any(
            self.flow.leaves(i) or self.flow.leads_beyond(i, here) for i in range(first, here + 1)
        )

    def _skipped_outputs(self, index: int, step: StepPlan) -> Iterator[Finding]:
        for read in step.reads.steps:
            there = self.plan.index(read)
            if there < index and index in self.flow.reachable(without=there):
                yield self._warn(
                    "skipped-outputs",
                    f"the step reads outputs of `{read}`, which a way to it leaves out; "
                    "they are absent then",
                    index,
                    ("stepId",),
                    mend=f"let every way to this step lead through `{read}`",
                )

    # -- states ----------------------------------------------------------------------------------

    def _is_poll_with_a_way_on(self, step: StepPlan) -> bool:
        """Whether an answer that no action takes up ends the run with UnexpectedState."""
        back = [leads_back(self.plan, step, action) for action in step.attempt.on_success]
        return any(back) and not all(back)

    def _uncovered_statuses(self, index: int, step: StepPlan) -> Iterator[Finding]:
        """Documented statuses with which the step passes, where its actions tell by the status."""
        criteria = [one for action in step.attempt.on_success for one in action.criteria]
        if not all(map(reads_only_status, (*criteria, *step.attempt.success_criteria))):
            return
        for status in self.subject.success_statuses(step):
            context = Context(response=ResponseView(status))
            passes = not first_unmet(step.attempt, context)
            if passes and chosen(step.attempt.on_success, context, ()) is None:
                yield self._uncovered(index, f"the status {status}", "which the description has")

    def _uncovered_states(self, index: int, step: StepPlan) -> Iterator[Finding]:
        reader = self.subject.response(step)
        if reader is None:
            return
        criteria = [one for action in step.attempt.on_success for one in action.criteria]
        pointers = {one for plan in criteria for one in read_pointers(plan)}
        if len(pointers) != 1 or None in pointers:
            return
        pointer = str(pointers.pop())
        for value in reader.enum_at(pointer):
            if not self._covered(step, with_value_at(pointer, value)):
                where = f"which the description allows at `{pointer}`"
                yield self._uncovered(index, shown(value), where)

    def _covered(self, step: StepPlan, body: Json) -> bool:
        """Whether an action takes the body up, or the step does not pass with it."""
        for status in self.subject.success_statuses(step):
            context = Context(response=ResponseView(status, {}, body))
            if chosen(step.attempt.on_success, context, ()) is not None:
                return True
        return any(fails_with(one, body) for one in step.attempt.success_criteria)

    def _uncovered(self, index: int, value: str, where: str) -> Finding:
        return self._warn(
            "uncovered-state",
            f"no action covers {value}, {where}; the run fails with UnexpectedState then",
            index,
            ("onSuccess",),
            mend=f"add an action for {value}",
        )

    # -- schemas ---------------------------------------------------------------------------------

    def _response_properties(self, index: int, step: StepPlan) -> Iterator[Finding]:
        reader = self.subject.response(step)
        if reader is None:
            return
        for name, value in step.attempt.outputs.items():
            for one in expressions_in(value):
                missing = one.root == "response" and one.rest == "body" and one.pointer
                if missing and not reader.has(str(one.pointer)):
                    yield self._warn(
                        "unknown-response-property",
                        f"the description knows nothing at `{one.pointer}` of the response, "
                        "so the output may always be null",
                        index,
                        ("outputs", name),
                        mend=reader.closest(str(one.pointer)),
                    )

    # -- outputs ---------------------------------------------------------------------------------

    def _unused_outputs(self) -> Iterator[Finding]:
        known = {step.step_id: tuple(step.attempt.outputs) for step in self.plan.steps}
        used = set(self._outputs_of_workflow(known))
        for step in self.plan.steps:
            for step_id, names in step.reads.steps.items():
                used.update((step_id, name) for name in names)
        for index, step in enumerate(self.plan.steps):
            for name in step.attempt.outputs:
                if (step.step_id, name) not in used:
                    yield self._warn(
                        "unused-output",
                        f"nothing reads the output `{name}`",
                        index,
                        ("outputs", name),
                        mend="read it, or take it out",
                    )

    def _outputs_of_workflow(self, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
        """The outputs of steps that outputs or actions hand on, all where none is named."""
        actions = [action for step in self.plan.steps for _, them in _both(step) for action in them]
        values = [*self.plan.outputs.values(), *(action.inputs for action in actions)]
        for one in expressions_in(values):
            found = expression.references(one)
            pair = expression.step_reference(found.rest, known) if found.root == "steps" else None
            if pair is not None:
                step_id, name = pair
                yield from ((step_id, it) for it in (known[step_id] if name is None else (name,)))

    def _warn(self, code: str, message: str, index: int, path: Path, *, mend: str = "") -> Finding:
        return self.subject.warn(code, message, index, path, mend=mend)


def _both(step: StepPlan) -> Iterator[tuple[str, Sequence[ActionPlan]]]:
    yield "onSuccess", step.attempt.on_success
    yield "onFailure", step.attempt.on_failure


def shown(value: Json) -> str:
    """Return a value as findings tell it."""
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)
