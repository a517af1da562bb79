"""One run of any Arazzo workflow: load the plan, interpret it, give back its outputs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from activities.names import LOAD_PLAN, LoadedPlan, LoadPlanRequest
from arazzo.effects import Transferred
from arazzo.errors import RUN_ERRORS, AuthorError, DocumentInvalid, DurazzoError
from arazzo.interpreter import Interpreter
from arazzo.messages import shape_problem
from arazzo.plan import Plan
from arazzo.state import RunState
from workflows.controls import DELIVER_MESSAGE_UPDATE, PROGRESS_QUERY, as_json
from workflows.effects import TemporalEffects
from workflows.mailbox import refuse

if TYPE_CHECKING:
    from workflows.controls import Progress

LOAD_TIMEOUT: Final = timedelta(seconds=60)


class ArazzoRun:
    """What all workflow classes share. Each class has a `run` of its own, which calls `execute`."""

    def __init__(self) -> None:
        """Begin before the plan is known."""
        self._effects: TemporalEffects | None = None

    async def execute(self, inputs: Any, options: Any, carried: Any) -> dict[str, Any]:
        """Run the workflow; our errors become failures of the run, with their persisted names."""
        try:
            plan, state = await self._load(inputs, options, carried)
            self._effects = TemporalEffects(plan, state)
            workflow.upsert_memo(
                {"document": plan.document.title, "version": plan.document.version}
            )
            return await self._interpret(plan, state, self._effects)
        except DurazzoError as error:
            raise _failure(error) from None

    async def _interpret(
        self, plan: Plan, state: RunState, effects: TemporalEffects
    ) -> dict[str, Any]:
        try:
            ended = await Interpreter(plan, state, effects).run()
        except (DurazzoError, ApplicationError):
            effects.tell()
            raise
        effects.tell()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return await effects.transfer(ended) if isinstance(ended, Transferred) else ended

    async def _load(self, inputs: Any, options: Any, carried: Any) -> tuple[Plan, RunState]:
        request = LoadPlanRequest(
            workflow_type=workflow.info().workflow_type,
            inputs=inputs,
            options=options,
            carried=carried,
        )
        try:
            raw = await workflow.execute_local_activity(
                LOAD_PLAN,
                request.as_json(),
                start_to_close_timeout=LOAD_TIMEOUT,
                retry_policy=RetryPolicy(maximum_attempts=5),
            )
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError):
                raise error.cause from None
            raise
        loaded = LoadedPlan.model_validate(raw)
        plan = carried["plan"] if loaded.plan is None else loaded.plan
        state = carried["state"] if loaded.state is None else loaded.state
        return Plan.model_validate(plan), RunState.model_validate(state)

    def _progress(self) -> Progress | None:
        return self._effects.progress() if self._effects else None

    @workflow.update(
        name=DELIVER_MESSAGE_UPDATE, unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON
    )
    async def deliver_message(self, channel: Any, message: Any) -> dict[str, Any]:
        """Deliver a message to the step that awaits it, now or later."""
        await workflow.wait_condition(lambda: self._effects is not None)
        if self._effects is None:  # the condition has held; this tells the type checker
            raise RuntimeError
        return await self._effects.mailbox.deliver(channel, message)

    @deliver_message.validator
    def _refuse_message(self, channel: Any, message: Any) -> None:
        """Refuse what no step can receive; before the plan is known, only what is no message."""
        if self._effects is not None:
            self._effects.mailbox.refuse(channel, message)
        elif problem := shape_problem(message):
            refuse(problem)

    @workflow.query(name=PROGRESS_QUERY)
    def progress(self) -> dict[str, Any]:
        """Return where the run stands: step, visits, polls, next wake-up and the step table."""
        found = self._progress()
        return as_json(found) if found else {"workflow": workflow.info().workflow_type, "steps": []}


def _failure(error: DurazzoError) -> ApplicationError:
    name = type(error).__name__
    if name not in RUN_ERRORS and isinstance(error, AuthorError):
        name = DocumentInvalid.__name__
    return ApplicationError(
        error.message, {"reason": error.reason, **error.facts}, type=name, non_retryable=True
    )
