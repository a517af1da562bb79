"""Advice about a workflow that can run: what is probably not meant (findings of `check`).

All of it are warnings, made from the plan and from the schemas of its operations. They change
nothing while a workflow runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from arazzo import criterion, expression, template
from arazzo.call_compilation import expressions_in
from arazzo.context import Context, ResponseView
from arazzo.flow import Flow, considered
from arazzo.model import Parameter
from arazzo.outcome import chosen
from arazzo.schemas import SchemaReader, with_value_at
from arazzo.transition import leads_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arazzo.compilation import CompiledWorkflow
    from arazzo.errors import Finding
    from arazzo.expression import Expression
    from arazzo.plan import ActionPlan, CriterionPlan, Plan, StepPlan
    from arazzo.yaml_text import Path


def advise(compiled: CompiledWorkflow) -> list[Finding]:
    """Return the advice about a workflow, in the order of its steps; none when it can't run."""
    if compiled.plan is None:
        return []
    return list(_Adviser(compiled, compiled.plan, Flow(compiled.plan)).all())


@dataclass(frozen=True)
class _Adviser:
    compiled: CompiledWorkflow
    plan: Plan
    flow: Flow

    def all(self) -> Iterator[Finding]:
        yield from self._unreachable_steps()
        for index, step in enumerate(self.plan.steps):
            yield from self._dead_actions(index, step)
            yield from self._endless_loops(index, step)
            yield from self._uncovered_states(index, step)
            yield from self._skipped_outputs(index, step)
            yield from self._response_properties(index, step)
            yield from self._call(index, step)
        yield from self._unused_outputs()

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
        for field, actions in _both(step):
            taken = list(considered(actions))
            for action in actions[len(taken) :]:
                yield self._warn(
                    "dead-action",
                    f"the action `{action.name}` is never tried, for `{taken[-1].name}` before it "
                    "has no criteria and always matches",
                    index,
                    (field,),
                    mend="put it before, or give the other one criteria",
                )

    def _endless_loops(self, index: int, step: StepPlan) -> Iterator[Finding]:
        first = next(iter(step.attempt.on_success), None)
        if first is None or first.criteria or first.retry_limit is not None:
            return
        if leads_back(self.plan, step, first) and not self._can_leave(step, first):
            yield self._warn(
                "endless-poll",
                f"the action `{first.name}` always leads back, so only the deadline ends this poll",
                index,
                ("onSuccess",),
                mend="give it criteria that hold while there is something to wait for",
            )

    def _can_leave(self, step: StepPlan, action: ActionPlan) -> bool:
        """Whether a step between the target and this one may lead out of the loop."""
        here, target = self.plan.index(step.step_id), self.plan.index(action.target or step.step_id)
        inside = range(target, here)
        return any(
            any(one.type == "end" for one in self.plan.steps[i].attempt.on_success)
            or any(e.begin == i and e.end > here for e in self.flow.edges)
            for i in inside
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

    def _uncovered_states(self, index: int, step: StepPlan) -> Iterator[Finding]:
        actions = step.attempt.on_success
        reader = self._response(step)
        back = [leads_back(self.plan, step, action) for action in actions]
        if reader is None or not any(back) or all(back):
            return
        pointers = {one for action in actions for one in _pointers(action.criteria)}
        if len(pointers) != 1 or None in pointers:
            return
        pointer = str(pointers.pop())
        for value in reader.enum_at(pointer):
            body = with_value_at(pointer, value)
            context = Context(response=ResponseView(200, {}, body))
            if chosen(actions, context, ()) is None:
                yield self._warn(
                    "uncovered-state",
                    f"no action covers {value!r}, which the description allows at `{pointer}`; "
                    "the run fails with UnexpectedState then",
                    index,
                    ("onSuccess",),
                    mend=f"add an action for {value!r}",
                )

    # -- schemas ---------------------------------------------------------------------------------

    def _response(self, step: StepPlan) -> SchemaReader | None:
        found = self.compiled.operations.get(step.step_id)
        return SchemaReader.of_success(found) if found else None

    def _response_properties(self, index: int, step: StepPlan) -> Iterator[Finding]:
        reader = self._response(step)
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

    def _call(self, index: int, step: StepPlan) -> Iterator[Finding]:
        found = self.compiled.operations.get(step.step_id)
        if found is None or step.attempt.call is None:
            return
        for one in step.attempt.call.parameters:
            declared = found.operation.parameter(one.name, one.location)
            is_credential = any(
                c.location == one.location and c.name.lower() == one.name.lower()
                for c in found.operation.credentials
            )
            if declared is None and one.location != "path":
                yield self._warn(
                    "undeclared-parameter",
                    f"the operation declares no {one.location} parameter `{one.name}`; "
                    "it is sent all the same",
                    index,
                    self._parameter_path(index, one.name),
                )
            credential = is_credential or one.name.lower() == "authorization"
            if credential and isinstance(one.value, str) and not _reads(one.value):
                yield self._warn(
                    "plain-credential",
                    f"`{one.name}` is a credential and stands here in plain text",
                    index,
                    self._parameter_path(index, one.name),
                    mend="make it an input, and give that by the name of a secret",
                )
        yield from self._payload(index, step, SchemaReader.of_body(found))

    def _parameter_path(self, index: int, name: str) -> Path:
        """Where the step writes a parameter, or the step where the workflow writes it."""
        for at, one in enumerate(self.compiled.workflow.steps[index].parameters):
            if isinstance(one, Parameter) and one.name == name:
                return ("parameters", at, "name")
        return ("stepId",)

    def _payload(
        self, index: int, step: StepPlan, reader: SchemaReader | None
    ) -> Iterator[Finding]:
        payload = step.attempt.call.payload if step.attempt.call else None
        if reader is None or not isinstance(payload, dict):
            return
        for name in reader.required:
            if name not in payload:
                yield self._warn(
                    "missing-property",
                    f"the operation requires the property `{name}` and the payload lacks it",
                    index,
                    ("requestBody", "payload"),
                    mend=f"add `{name}`",
                )
        for name, value in payload.items():
            if reader.refuses(name):
                yield self._warn(
                    "unknown-property",
                    f"the operation's body has no property `{name}` and allows no others",
                    index,
                    ("requestBody", "payload", name),
                    mend=reader.closest(f"/{name}"),
                )
            elif not _reads(value) and (problem := reader.problem(name, value)):
                yield self._warn(
                    "payload-mismatch",
                    f"`{name}` does not fit the operation's body: {problem}",
                    index,
                    ("requestBody", "payload", name),
                )

    # -- outputs ---------------------------------------------------------------------------------

    def _unused_outputs(self) -> Iterator[Finding]:
        used = {
            pair
            for value in self.plan.outputs.values()
            for one in expressions_in(value)
            if (pair := self._output_read(one)) is not None
        }
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

    def _output_read(self, one: Expression) -> tuple[str, str | None] | None:
        known = {step.step_id: tuple(step.attempt.outputs) for step in self.plan.steps}
        found = expression.references(one)
        return expression.step_reference(found.rest, known) if found.root == "steps" else None

    def _warn(self, code: str, message: str, index: int, path: Path, *, mend: str = "") -> Finding:
        compiled = self.compiled
        where = f"workflow {self.plan.workflow_id}, step {self.plan.steps[index].step_id}"
        full = (*compiled.path, "steps", index, *path)
        return compiled.source.finding(
            code, message, full, severity="warning", where=where, mend=mend
        )


def _both(step: StepPlan) -> Iterator[tuple[str, Sequence[ActionPlan]]]:
    yield "onSuccess", step.attempt.on_success
    yield "onFailure", step.attempt.on_failure


def _reads(value: Any) -> bool:
    return any(True for _ in template.expressions_of(value))


def _pointers(criteria: Sequence[CriterionPlan]) -> set[str | None]:
    """The places of the response that criteria read; None for anything else that they read."""
    compiled = [criterion.compile(c.condition, c.type, c.version, c.context) for c in criteria]
    found: set[str | None] = set()
    for one in chain.from_iterable(map(_read_pointers, compiled)):
        found.add(one)
    return found


def _read_pointers(one: criterion.Criterion) -> Iterator[str | None]:
    for read in one.expressions():
        if read.root == "statusCode" or (read == one.context and one.kind == "condition"):
            continue
        whole = read.root == "response" and read.rest == "body"
        yield (read.pointer or "") if whole else None
    yield from criterion.root_pointers(one)
