"""Which values an activity must compute, since workflow code can't or may not (DESIGN.md, 2).

Workflow code computes the outputs of a workflow, and the inputs that it hands to another one. It
loads no query library, whose upgrade could break a replay, and opens no secret: a value that
queries, or that makes a text of a secret or looks into one, is computed by a local activity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arazzo import expression, selector, template
from arazzo.errors import ExpressionError
from arazzo.inputs import is_hidden
from arazzo.navigation import longest_key, needs_jsonpath, same_json
from arazzo.sealing import Wanted, completed, names_of_outputs, sealed_outputs, sealed_results

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from arazzo.context import Context
    from arazzo.expression import Expression
    from arazzo.plan import ActionPlan, Plan, StepPlan


@dataclass(frozen=True, slots=True)
class Hidden:
    """The values of a run that workflow code sees only as `{"$sealed": …}` or `{"$secret": …}`."""

    inputs: Collection[str]
    steps: Wanted
    workflows: Wanted
    outputs_of: Mapping[str, Collection[str]]
    inputs_of: Wanted
    """Secret inputs of workflows that are completed before, by workflowId."""

    def looks_into(self, one: Expression) -> bool:
        """Return whether an expression reads a part of such a value."""
        return self.has(one) and (one.pointer is not None or not self._ends(one.rest))

    def has(self, one: Expression) -> bool:
        """Return whether an expression reads such a value, or an object of them."""
        if one.root == "inputs":
            return bool(self.inputs) and (
                not one.rest or longest_key(one.rest, self.inputs) is not None
            )
        if one.root == "steps":
            return self._of_step(one.rest)
        rest = one.rest if one.root == "workflows" else one.rest.partition(".")[2]
        return one.root in ("workflows", "sourceDescriptions") and self._of_workflow(rest)

    def _of_step(self, rest: str) -> bool:
        pair = expression.step_reference(rest, self.outputs_of)
        secret = self.steps.get(pair[0], set()) if pair else set()
        return bool(pair and (bool(secret) if pair[1] is None else pair[1] in secret))

    def _of_workflow(self, rest: str) -> bool:
        workflow_id = longest_key(rest, self.workflows)
        if workflow_id is None:
            return False
        kind, _, name = rest[len(workflow_id) + 1 :].partition(".")
        secret = (self.inputs_of if kind == "inputs" else self.workflows)[workflow_id]
        return bool(secret) and (not name or longest_key(name, secret) in secret)

    def _ends(self, rest: str) -> bool:
        """Whether a path ends with the name of a value, or is that of an object of values."""
        names = [
            f"{step}.outputs.{name}" for step, found in self.outputs_of.items() for name in found
        ]
        of_workflows = [f".outputs.{name}" for found in self.workflows.values() for name in found]
        of_workflows += [f".inputs.{name}" for found in self.inputs_of.values() for name in found]
        is_name = rest in names or rest in self.inputs or rest.endswith(tuple(of_workflows))
        return is_name or not rest or rest.endswith((".outputs", ".inputs"))


def with_evaluations(plan: Plan) -> Plan:
    """Return the plan with the names of the values that an activity must compute."""
    hidden = hidden_values(plan)

    def names(values: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(name for name, value in values.items() if _needs_activity(value, hidden))

    def acted(action: ActionPlan) -> ActionPlan:
        return action.model_copy(update={"by_activity": names(action.inputs)})

    def stepped(step: StepPlan) -> StepPlan:
        attempt = step.attempt
        update: dict[str, Any] = {
            "on_success": tuple(map(acted, attempt.on_success)),
            "on_failure": tuple(map(acted, attempt.on_failure)),
        }
        if attempt.invocation is not None:
            called = {"by_activity": names(attempt.invocation.inputs)}
            update["invocation"] = attempt.invocation.model_copy(update=called)
        return step.model_copy(update={"attempt": attempt.model_copy(update=update)})

    return plan.model_copy(
        update={"steps": tuple(map(stepped, plan.steps)), "by_activity": names(plan.outputs)}
    )


def hidden_values(plan: Plan) -> Hidden:
    """Return what workflow code sees only as a seal or a name."""
    within = {name: plan.workflows[kind].plan for name, kind in completed(plan).items()}
    return Hidden(
        plan.secret_inputs,
        sealed_outputs(plan),
        {name: sealed_results(one) for name, one in within.items()},
        {step.step_id: names_of_outputs(plan, step) for step in plan.steps},
        {name: set(one.secret_inputs) for name, one in within.items()},
    )


def _needs_activity(value: Any, hidden: Hidden) -> bool:
    """Return whether a value queries, or does more with a hidden value than to hand it on."""
    if any(True for _ in selector.queries_in(value)):
        return True
    written = selector.written(value)
    if written is not None:
        return _text_needs(written["context"], hidden, selected=bool(written["selector"]))
    if isinstance(value, str):
        return _text_needs(value, hidden)
    if isinstance(value, dict):
        return any(_text_needs(key, hidden) for key in value) or any(
            _needs_activity(child, hidden) for child in value.values()
        )
    return isinstance(value, list) and any(_needs_activity(child, hidden) for child in value)


def _text_needs(text: str, hidden: Hidden, *, selected: bool = False) -> bool:
    try:
        found = template.parse(text)
    except ExpressionError:  # it is reported where it is checked
        return False
    return any(
        needs_jsonpath(one.text)
        or (hidden.has(one) if selected or not found.whole else hidden.looks_into(one))
        for one in template.expressions(found)
    )


def narrowed(templates: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return just the values that the templates read, so that no other secret is opened.

    `values` are those of a run: inputs by name, outputs of steps by stepId, and inputs and
    outputs of workflows by workflowId.
    """
    inputs, steps = values.get("inputs", {}), values.get("steps", {})
    kept: dict[str, Any] = {"inputs": {}, "steps": {}, "workflows": values.get("workflows", {})}
    for one in template.expressions_of(dict(templates)):
        if one.root == "inputs":
            name = longest_key(one.rest, inputs)
            kept["inputs"].update(_only(inputs, name, whole=not one.rest))
        elif one.root == "steps":
            pair = expression.step_reference(one.rest, steps)
            if pair is not None:
                step_id, name = pair
                read = _only(steps[step_id], name, whole=name is None)
                kept["steps"].setdefault(step_id, {}).update(read)
    return kept


def _only(values: Mapping[str, Any], name: str | None, *, whole: bool) -> dict[str, Any]:
    if whole:
        return dict(values)
    return {} if name is None else {name: values[name]}


def evaluated(
    templates: Mapping[str, Any], opened: Context, unopened: Context, seal: Callable[[Any], Any]
) -> dict[str, Any]:
    """Return the values of templates, with what depends on secrets sealed; absent ones left out.

    They are computed twice, with secrets and without: what comes out the same holds none, and
    what was a seal already stays that one.
    """
    open_values = template.evaluate_each(templates, opened)
    closed_values = template.evaluate_each(templates, unopened)
    return {
        name: _without_secrets(value, closed_values.get(name), seal)
        for name, value in open_values.items()
    }


def _without_secrets(opened: Any, closed: Any, seal: Callable[[Any], Any]) -> Any:
    if is_hidden(closed) or same_json(opened, closed):
        return closed
    if opened is None:
        return None
    if isinstance(opened, dict) and isinstance(closed, dict) and opened.keys() == closed.keys():
        return {key: _without_secrets(value, closed[key], seal) for key, value in opened.items()}
    if isinstance(opened, list) and isinstance(closed, list) and len(opened) == len(closed):
        return [_without_secrets(*pair, seal) for pair in zip(opened, closed, strict=True)]
    return seal(opened)
