"""From the actions of a step to their part of the plan: end, goto and retry.

Success Action Object and Failure Action Object: Arazzo 1.0.1, 4.6.7 and 4.6.8. A step's own
actions come first, then those of the workflow that have other names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from arazzo.handed_inputs import Called, HandedInputs
from arazzo.model import Action, Reusable
from arazzo.plan import ActionPlan
from arazzo.scope import closest
from arazzo.version_rules import check_action
from arazzo.workflow_lookup import find_workflow, runnable, same_named, sub_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from arazzo.collected import Collected
    from arazzo.model import Criterion, Step
    from arazzo.plan import CriterionPlan, SubWorkflow
    from arazzo.references import Names
    from arazzo.scope import Scope
    from arazzo.workflow_lookup import FoundWorkflow
    from arazzo.yaml_text import Path

ACTION_TYPES: Final = ("end", "goto", "retry")


@dataclass
class ActionCompiler:
    """Compiles the actions of one step; what they call goes into the shared gatherings.

    `transfers` gathers the workflows that a goto transfers to, by workflow type.
    """

    scope: Scope
    names: Names
    step: Step
    path: Path
    criteria: Callable[[Sequence[Criterion], Path], tuple[CriterionPlan, ...]]
    collected: Collected
    secret_inputs: set[str]
    servers: dict[str, dict[str, str]]
    workflows: dict[str, SubWorkflow]
    transfers: dict[str, FoundWorkflow]

    def compile(self, written: str) -> tuple[ActionPlan, ...]:
        """Return the plans of `onSuccess` or `onFailure`; what is wrong is a finding."""
        return tuple(
            plan
            for action, path in self._resolved(written)
            if (plan := self._action(action, path)) is not None
        )

    def _resolved(self, written: str) -> Iterator[tuple[Action, Path]]:
        success, workflow = written == "onSuccess", self.scope.workflow
        levels: tuple[tuple[Sequence[Action | Reusable], Path], ...] = (
            (self.step.on_success if success else self.step.on_failure, (*self.path, written)),
            (
                workflow.success_actions if success else workflow.failure_actions,
                ("successActions" if success else "failureActions",),
            ),
        )
        names: set[str] = set()
        for actions, level in levels:
            found = [
                (action, (*level, index))
                for index, one in enumerate(actions)
                if (action := self._named(one, (*level, index), success=success))
                and action.name not in names
            ]
            self._refuse_duplicates(found)
            yield from found
            names.update(action.name for action, _ in found)

    def _refuse_duplicates(self, found: Sequence[tuple[Action, Path]]) -> None:
        """«The list MUST NOT include duplicate actions» (4.6.5)."""
        seen: set[str] = set()
        for action, path in found:
            if action.name in seen:
                self._add(
                    "duplicate-action",
                    f"an action `{action.name}` stands here before",
                    path,
                    mend="give each action a name of its own",
                )
            seen.add(action.name)

    def _named(self, one: Action | Reusable, path: Path, *, success: bool) -> Action | None:
        if isinstance(one, Action):
            return one
        components = self.scope.document.components
        known = components.success_actions if success else components.failure_actions
        prefix = f"$components.{'successActions' if success else 'failureActions'}."
        found = known.get(one.reference.removeprefix(prefix))
        if found is None:
            self.scope.add(
                "unknown-component",
                f"`{one.reference}` names no action of the components",
                path,
                mend=closest(one.reference, [prefix + name for name in known]),
            )
        return found

    def _action(self, action: Action, path: Path) -> ActionPlan | None:
        if action.type not in ACTION_TYPES:
            self._add(
                "unknown-action-type",
                f"the action `{action.name}` has the type `{action.type}`",
                (*path, "type"),
                mend=closest(action.type, ACTION_TYPES),
            )
            return None
        check_action(self.scope, action, path, self.step.step_id)
        criteria = self.criteria(action.criteria, (*path, "criteria"))
        where = self._target(action, path)
        if where is None:
            return None
        return ActionPlan.model_validate(
            {
                "name": action.name,
                "type": action.type,
                "retry_after": action.retry_after,
                "retry_limit": action.retry_limit,
                "criteria": criteria,
                **where,
            }
        )

    def _target(self, action: Action, path: Path) -> dict[str, Any] | None:
        """What the action leads to: a step, a workflow, or nothing; None when it is wrong."""
        if action.type == "end":
            return {}
        if action.step_id and action.workflow_id:
            self._add(
                "two-targets",
                f"the action `{action.name}` names a step and a workflow",
                path,
                mend="keep either `stepId` or `workflowId`",
            )
            return None
        if action.workflow_id:
            return self._workflow(action, action.workflow_id, path)
        if action.type == "retry" and self._retries_itself(action, path):
            return {}
        return {"target": action.step_id} if self._is_step(action, path) else None

    def _retries_itself(self, action: Action, path: Path) -> bool:
        """Return whether no other step comes before the retry.

        «The reference is executed (...), after which the current step is retried»: a step that
        names itself would send each request twice, and nobody would see the first answer.
        """
        if action.step_id == self.step.step_id:
            self.scope.add(
                "retry-of-itself",
                f"the retry `{action.name}` names its own step as the one to run before it, which "
                "would send each request twice; it is read as a retry of the step",
                (*path, "stepId"),
                mend="take `stepId` out",
                step_id=self.step.step_id,
                severity="warning",
            )
        return action.step_id in (None, "", self.step.step_id)

    def _workflow(self, action: Action, written: str, path: Path) -> dict[str, Any] | None:
        where = (*path, "workflowId")
        found = find_workflow(self.scope, written, where, self.step.step_id)
        if found is None:
            return None
        secrets: tuple[str, ...] = ()  # those of a goto are known once all are compiled
        if action.type == "goto":
            self.transfers[found.workflow_type] = found
        else:
            compiled = runnable(self.scope, found, where, self.step.step_id)
            if compiled is None or compiled.plan is None:
                return None
            secrets = compiled.plan.secret_inputs
            self.workflows[found.workflow_type] = sub_workflow(compiled)
            for source, choices in compiled.servers.items():
                self.servers.setdefault(source, dict(choices))
        called = Called(found.workflow.workflow_id, found.schema, secrets)
        return {"workflow": found.workflow_type, "inputs": self._inputs(action, called, path)}

    def _inputs(self, action: Action, called: Called, path: Path) -> dict[str, Any]:
        """The action's own parameters; without them the inputs of the same name."""
        if action.parameters is None:
            inputs = same_named(self.names.inputs, called.schema)
            self.secret_inputs.update(name for name in inputs if name in called.secrets)
            return inputs
        handed = HandedInputs(
            self.scope, self.names, path, self.step.step_id, self.collected, self.secret_inputs
        )
        return handed.compile(action.parameters, called)

    def _is_step(self, action: Action, path: Path) -> bool:
        known = [one.step_id for one in self.scope.workflow.steps]
        if action.step_id in known:
            return True
        message = (
            f"the {action.type} `{action.name}` has no target"
            if not action.step_id
            else f"the {action.type} `{action.name}` leads to a step `{action.step_id}` "
            "that does not exist"
        )
        mend = closest(action.step_id or "", known)
        self._add("unknown-step", message, (*path, "stepId"), mend=mend)
        return False

    def _add(self, code: str, message: str, path: Path, *, mend: str) -> None:
        self.scope.add(code, message, path, mend=mend, step_id=self.step.step_id)
