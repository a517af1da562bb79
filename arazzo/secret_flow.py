"""From credentials back to the inputs that flow into them, through steps and other workflows.

An input is secret when it flows into a credential: by itself, as an output of a step or of a
called workflow, or as an input that is handed to another workflow. So this is known only once all
workflows of a document are compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from arazzo import expression
from arazzo.call_compilation import expressions_in
from arazzo.navigation import longest_key
from arazzo.sealing import completed, names_of_outputs
from arazzo.transfers import actions_of, transfer_targets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from arazzo.compilation import CompiledWorkflow
    from arazzo.expression import Reference
    from arazzo.plan import Plan, StepPlan
    from arazzo.sealing import Wanted

Secrets = dict[str, set[str]]
"""Names of secret inputs by workflow type."""


class Place(NamedTuple):
    """A named value: `part` is `inputs`, `outputs` of the workflow, or the stepId of a step."""

    workflow_type: str
    part: str
    name: str


INPUTS, OUTPUTS = "/inputs", "/outputs"
"""What no stepId is."""


def secret_inputs(compiled: Sequence[CompiledWorkflow]) -> Secrets:
    """Return the inputs of each workflow that flow into credentials, by workflow type."""
    flow = _Flow(
        {one.workflow_type: one.plan for one in compiled if one.plan},
        {one.workflow_type: [*one.schema.properties, *one.schema.required] for one in compiled},
    )
    seen: set[Place] = set()
    pending = [place for one in compiled if one.plan for place in _into_credentials(one, one.plan)]
    while pending:
        place = pending.pop()
        if place not in seen:
            seen.add(place)
            pending += flow.sources(place)
    found: Secrets = {kind: set() for kind in flow.plans}
    for kind, part, name in seen:
        if part == INPUTS:
            found.setdefault(kind, set()).add(name)
    return found


def handed(plan: Plan) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the inputs that the plan hands to other workflows, with the type of each."""
    yield from ((one.invocation.workflow_type, one.invocation.inputs) for one in plan.depends_on)
    for step in plan.steps:
        if step.attempt.invocation:
            yield step.called, step.attempt.invocation.inputs
        for one in actions_of(step):
            if one.workflow:
                yield one.workflow, one.inputs


def _into_credentials(compiled: CompiledWorkflow, plan: Plan) -> Iterator[Place]:
    """Yield what a workflow itself puts into credentials."""
    kind, into, within = compiled.workflow_type, compiled.into_credentials, completed(plan)
    yield from (Place(kind, INPUTS, name) for name in plan.secret_inputs)
    yield from (Place(kind, *pair) for pair in _pairs(into.outputs))
    for part, wanted in ((OUTPUTS, into.results), (INPUTS, into.inputs)):
        for workflow_id, name in _pairs(wanted):
            if workflow_id in within:
                yield Place(within[workflow_id], part, name)


def _pairs(wanted: Wanted) -> Iterator[tuple[str, str]]:
    return ((first, name) for first, names in wanted.items() for name in names)


@dataclass(frozen=True)
class _Flow:
    """Plans and the names of inputs, by workflow type."""

    plans: Mapping[str, Plan]
    declared: Mapping[str, Collection[str]]

    def sources(self, place: Place) -> Iterable[Place]:
        """Return where a value comes from, one step back."""
        plan = self.plans.get(place.workflow_type)
        if place.part == INPUTS:
            return list(self._givers(place))
        if plan is None:
            return []
        if place.part == OUTPUTS:
            return list(self._results(place, plan))
        return [found for step in plan.steps for found in self._outputs(place, plan, step)]

    def _givers(self, place: Place) -> Iterator[Place]:
        """What callers hand to an input."""
        for kind, plan in self.plans.items():
            for called, inputs in handed(plan):
                if called == place.workflow_type and place.name in inputs:
                    yield from self._read(kind, plan, inputs[place.name])

    def _results(self, place: Place, plan: Plan) -> Iterator[Place]:
        """The outputs of a workflow are its own, or those of one that it transfers to."""
        yield from self._read(place.workflow_type, plan, plan.outputs.get(place.name))
        for target in transfer_targets(plan):
            yield Place(target, OUTPUTS, place.name)

    def _outputs(self, place: Place, plan: Plan, step: StepPlan) -> Iterator[Place]:
        if step.step_id != place.part:
            return
        if place.name in step.attempt.outputs:
            written = step.attempt.outputs[place.name]
            yield from self._read(place.workflow_type, plan, written, step)
        elif step.attempt.invocation:
            yield Place(step.called, OUTPUTS, place.name)

    def _read(
        self, kind: str, plan: Plan, value: Any, step: StepPlan | None = None
    ) -> Iterator[Place]:
        for written in expressions_in(value):
            one = expression.references(written)
            if one.root == "inputs":
                yield from self._named(kind, INPUTS, one.rest, self.declared.get(kind, ()))
            elif one.root == "steps":
                yield from self._of_step(kind, plan, one.rest)
            elif one.root == "outputs" and step is not None and step.attempt.invocation:
                yield from self._of_workflow(step.called, OUTPUTS, one.rest)
            elif one.root in ("workflows", "sourceDescriptions"):
                yield from self._of_completed(plan, one)

    def _of_step(self, kind: str, plan: Plan, rest: str) -> Iterator[Place]:
        known = {step.step_id: names_of_outputs(plan, step) for step in plan.steps}
        pair = expression.step_reference(rest, known)
        if pair is not None:
            step_id, output = pair
            names = known[step_id] if output is None else (output,)
            yield from (Place(kind, step_id, name) for name in names)

    def _of_completed(self, plan: Plan, one: Reference) -> Iterator[Place]:
        within = completed(plan)
        rest = one.rest if one.root == "workflows" else one.rest.partition(".")[2]
        workflow_id = longest_key(rest, within)
        if workflow_id is not None:
            part, _, name = rest[len(workflow_id) + 1 :].partition(".")
            yield from self._of_workflow(within[workflow_id], f"/{part}", name)

    def _of_workflow(self, kind: str, part: str, rest: str) -> Iterator[Place]:
        outputs = self.plans[kind].outputs if kind in self.plans else {}
        known = {INPUTS: self.declared.get(kind, ()), OUTPUTS: outputs}
        yield from self._named(kind, part, rest, known.get(part, ()))

    @staticmethod
    def _named(kind: str, part: str, rest: str, known: Collection[str]) -> Iterator[Place]:
        """Yield the one that a path begins with, all of them where it names none."""
        only = longest_key(rest, known) if rest else None
        names = [only] if only is not None else [] if rest else list(known)
        yield from (Place(kind, part, name) for name in names)
