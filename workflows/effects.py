"""The interpreter's world, spelt in Temporal's commands: activity, timer, continue-as-new.

The order of the commands, the activity types and ids, and the use of timers are the replay
contract: histories of every released `engine_rev` must replay (DESIGN.md, section 2).
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    is_cancelled_exception,
)

from activities.names import (
    EVALUATE_VALUES,
    JOIN_PAGES,
    JUDGE_LOST_ATTEMPT,
    JUDGE_MESSAGE,
    JUDGE_WORKFLOW_STEP,
    MOVE_OUTPUTS,
    SEAL_RUN,
    AttemptRequest,
    EvaluationRequest,
    JoinPagesRequest,
    Message,
    MessageStepRequest,
    MoveOutputsRequest,
    WorkflowStepRequest,
)
from arazzo.blobs import blob_name, holds_file
from arazzo.effects import Invoked
from arazzo.outcome import Outcome
from arazzo.plan import canonical
from workflows.awaiting import (
    ANOTHER_KEY,
    failed_child,
    own_failure,
    stop_when_cancelled,
    wait_for_key,
    was_unreadable,
    why_lost,
    within,
)
from workflows.controls import as_markdown, progress_of
from workflows.mailbox import Mailbox, is_history_long
from workflows.summaries import shortened, timer_summary

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from arazzo.effects import Awaited, Pause, Transferred
    from arazzo.plan import Call, FindPlan, Plan, StepPlan
    from arazzo.state import RunState
    from workflows.controls import Progress

LOCAL_ACTIVITY_TIMEOUT: Final = timedelta(seconds=30)
STORE_RETRY: Final = RetryPolicy(maximum_attempts=12, maximum_interval=timedelta(minutes=1))
"""Some seven minutes for a blob store that fails; whatever else a local activity says is final."""
BLOB_ACTIVITY_TIMEOUT: Final = timedelta(minutes=5)


class TemporalEffects:
    """The world of one run."""

    def __init__(self, plan: Plan, state: RunState) -> None:
        """Begin with nothing awaited."""
        self.plan = plan
        self.state = state
        self.pausing: Pause | None = None
        self.pausing_since = 0.0
        self.mailbox = Mailbox(plan, state)
        self._attempts: dict[str, dict[str, Any]] = {}
        info = workflow.info()
        self._run = f"{info.namespace}/{info.workflow_id}/{info.first_execution_run_id}"
        self._blobs = f"{blob_name(info.workflow_id)}/{info.first_execution_run_id}"

    def now(self) -> float:
        """Return the workflow's own time, the same in every replay."""
        return workflow.time()

    def progress(self) -> Progress:
        """Return where the run stands."""
        children = {
            step.step_id: _child_id(step, self.state.step(step.step_id).attempts)
            for step in self.plan.steps
            if step.attempt.invocation and step.step_id in self.state.steps
        }
        return progress_of(self.plan, self.state, self.pausing, self.pausing_since, children)

    async def perform(self, step: StepPlan, values: dict[str, Any]) -> Outcome:
        """Run the activity of the step's operation."""
        return await self._performed(step, step.attempt.operation, self._request(step, values))

    async def find(self, step: StepPlan, find: FindPlan, values: dict[str, Any]) -> Outcome:
        """Run the activity of the look-up's operation; its type is that operationId."""
        asked = {"find": True, "key": "", "attempts": step.transport.attempts, "seconds": 0.0}
        request = self._request(step, values).model_copy(update=asked)
        return await self._performed(step, find.call, request)

    async def _performed(self, step: StepPlan, call: Call, request: AttemptRequest) -> Outcome:
        """Run the activity; one that no worker could read was not done, and is asked for again."""
        unread = 0
        while True:
            self.tell()
            try:
                result = await self._executed(step, call, request)
            except ActivityError as error:
                if was_unreadable(error.cause):
                    unread += 1
                    await workflow.sleep(wait_for_key(unread), summary=ANOTHER_KEY)
                    continue
                result = await self._lost(step, request, error)
            stop_when_cancelled()
            return Outcome.model_validate(result)

    async def _executed(
        self, step: StepPlan, call: Call, request: AttemptRequest
    ) -> dict[str, Any]:
        harmless = not call.writes or call.idempotency
        file = bool(call.upload) and holds_file(request.values)
        heartbeat = step.heartbeat_with(file=file)
        result: dict[str, Any] = await workflow.execute_activity(
            call.operation_id,
            request.as_json(),
            activity_id=_activity_id(step, self.state.step(step.step_id).attempts),
            start_to_close_timeout=timedelta(seconds=step.start_to_close_with(file=file)),
            schedule_to_close_timeout=_at_most(step, file=file),
            heartbeat_timeout=timedelta(seconds=heartbeat) if heartbeat else None,
            retry_policy=RetryPolicy(
                maximum_attempts=request.attempts,
                initial_interval=timedelta(seconds=step.transport.wait(1)),
                backoff_coefficient=2.0,
                maximum_interval=timedelta(seconds=step.transport.longest),
            ),
            cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL
            if harmless
            else workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=shortened(f"{step.step_id} · {call.method} {call.path}"),
        )
        return result

    def _request(self, step: StepPlan, values: dict[str, Any]) -> AttemptRequest:
        call = step.attempt.operation
        if step.step_id not in self._attempts:
            self._attempts[step.step_id] = step.attempt.as_json()
        key = f"{self._run}/{step.step_id}/{values['visit']}"
        repeatable = not call.writes or call.idempotency
        return AttemptRequest(
            attempt=self._attempts[step.step_id],
            signature=step.signature,
            values=_passed_on(values),
            spent=values["spent"],
            key=hashlib.sha256(key.encode()).hexdigest() if call.writes else "",
            attempts=step.transport.attempts if repeatable and not step.timeout else 1,
            seconds=values.get("left", 0.0),
            place=values.get("place", ""),
            held=values.get("held", 0),
            blobs=f"{self._blobs}/{blob_name(step.step_id)}/{values['visit']}",
            retry=step.transport if step.transport.within else None,
        )

    async def call(self, step: StepPlan, inputs: dict[str, Any], values: dict[str, Any]) -> Outcome:
        """Run the workflow of the step as a child, by the plan that lies in this run's own."""
        name = _activity_id(step, values["attempt"])
        summary = f"{step.step_id} · {step.request_line}"
        invoked = await self._child(name, step.called, inputs, summary, values.get("left"))
        judged: dict[str, Any] = await workflow.execute_local_activity(
            JUDGE_WORKFLOW_STEP,
            WorkflowStepRequest(
                attempt=step.attempt.as_json(),
                values=_passed_on(values),
                spent=values["spent"],
                outputs=invoked.outputs,
                why=invoked.why,
                error=invoked.error,
                blobs=f"{self._blobs}/{blob_name(step.step_id)}/{values['visit']}",
            ).as_json(),
            start_to_close_timeout=LOCAL_ACTIVITY_TIMEOUT,
            retry_policy=STORE_RETRY,
        )
        outcome = Outcome.model_validate(judged)
        joined = {**(invoked.outputs or {}), **outcome.outputs}
        size = len(canonical(joined))
        return outcome.model_copy(update={"outputs": joined, "output_bytes": size})

    async def invoke(self, name: str, workflow_type: str, inputs: dict[str, Any]) -> Invoked:
        """Run a workflow that no step calls as a child."""
        return await self._child(name, workflow_type, inputs, f"{name} · workflow {workflow_type}")

    async def _child(
        self,
        name: str,
        workflow_type: str,
        inputs: dict[str, Any],
        summary: str,
        seconds: float | None = None,
    ) -> Invoked:
        self.tell()
        sub = self.plan.workflows[workflow_type]
        carried = {"plan": sub.plan.as_json(), "signature": sub.signature}
        running: Awaitable[dict[str, Any]] = workflow.execute_child_workflow(
            workflow_type,
            args=[inputs, None, carried],
            id=f"{workflow.info().workflow_id}/{name}",
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=shortened(summary),
        )
        try:
            outputs = await (running if seconds is None else within(running, seconds))
        except TimeoutError:
            return Invoked(None, "StepFailed", "the workflow was cancelled")
        except ChildWorkflowError as error:
            stop_when_cancelled()
            return failed_child(name, error)
        stop_when_cancelled()
        return Invoked(outputs)

    async def transfer(self, ended: Transferred) -> NoReturn:
        """Go on as another workflow, by its plan, which lies beside this run's own."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        target = self.plan.transfers[ended.workflow_type].plan
        plan = target.model_copy(update={"transfers": self.plan.transfers})
        transfers = {name: one.model_dump() for name, one in ended.transfers.items()}
        body = {"plan": plan.as_json(), "transfers": transfers, "visits": ended.visits}
        signature = await self._seal(body)
        workflow.continue_as_new(
            args=[ended.inputs, None, {**body, "signature": signature}],
            workflow=ended.workflow_type,
        )

    async def _seal(self, body: dict[str, Any]) -> str:
        signature: str = await workflow.execute_local_activity(
            SEAL_RUN, body, start_to_close_timeout=LOCAL_ACTIVITY_TIMEOUT
        )
        return signature

    async def _lost(
        self, step: StepPlan, request: AttemptRequest, error: ActivityError
    ) -> dict[str, Any]:
        """Judge an attempt that did not come back; errors of ours and cancels go on upwards."""
        if is_cancelled_exception(error):
            raise error
        if (own := own_failure(step, error)) is not error:
            raise own
        lost = request.model_copy(update={"why": why_lost(error.cause)})
        result: dict[str, Any] = await workflow.execute_local_activity(
            JUDGE_LOST_ATTEMPT,
            lost.as_json(),
            start_to_close_timeout=LOCAL_ACTIVITY_TIMEOUT,
            retry_policy=STORE_RETRY,
        )
        return result

    async def join_pages(
        self, step: StepPlan, before: dict[str, Any], outputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Join in a local activity; pages take turns at two names, so that one can be made anew."""
        turn = self.state.step(step.step_id).pages % 2
        request = JoinPagesRequest(
            before=before,
            outputs=outputs,
            names=list(step.collect),
            blobs=f"{self._blobs}/{blob_name(step.step_id)}/pages-{turn}",
        )
        return await self._locally(JOIN_PAGES, request)

    async def move_outputs(
        self, outputs: dict[str, dict[str, Any]], excess: int
    ) -> dict[str, dict[str, Any]]:
        """Move outputs in a local activity, to names of this moment of the run."""
        folder = f"{self._blobs}/moved-{self.state.visits}"
        request = MoveOutputsRequest(outputs=outputs, excess=excess, blobs=folder)
        return await self._locally(MOVE_OUTPUTS, request)

    async def evaluate(self, templates: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Have a local activity compute what queries, or needs a secret or a blob opened."""
        request = EvaluationRequest(
            templates=templates,
            values=values,
            constants=self.plan.constants,
            secrets=self.plan.secrets,
            blobs=f"{self._blobs}/values-{self.state.visits}",
        )
        return await self._locally(EVALUATE_VALUES, request)

    async def _locally(self, name: str, request: Message) -> dict[str, Any]:
        """Run a local activity that may work on the blob store; errors of ours go on upwards."""
        try:
            found: dict[str, Any] = await workflow.execute_local_activity(
                name,
                request.as_json(),
                start_to_close_timeout=BLOB_ACTIVITY_TIMEOUT,
                retry_policy=STORE_RETRY,
            )
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError):
                raise error.cause from None
            raise
        return found

    async def pause(self, pause: Pause) -> None:
        """Wait by a durable timer, whose summary tells what for."""
        self.tell()
        await workflow.sleep(max(pause.seconds, 0.0), summary=shortened(timer_summary(pause)))
        stop_when_cancelled()

    async def step_boundary(self, state: RunState) -> None:
        """Continue as new when the server suggests it, so that no history grows without end."""
        if is_history_long():
            await self._continue(state)

    async def _continue(self, state: RunState) -> NoReturn:
        """A message that comes while the state is signed belongs into it, so it is signed anew."""
        while True:
            await workflow.wait_condition(workflow.all_handlers_finished)
            body = {"plan": self.plan.as_json(), "state": state.as_json()}
            signature = await self._seal(body)
            if workflow.all_handlers_finished() and body["state"] == state.as_json():
                break
        workflow.continue_as_new(args=[None, None, {**body, "signature": signature}])

    async def receive(self, awaited: Awaited) -> dict[str, Any] | None:
        """Wait for the message by a durable timer; a long history rolls over in the midst of it."""
        self.tell()
        summary = shortened(timer_summary(self.pausing)) if self.pausing else ""
        message = await self.mailbox.receive(awaited, summary)
        stop_when_cancelled()
        if message is None and awaited.until > workflow.time() and is_history_long():
            self.state.enter_again(awaited.step_id)
            await self._continue(self.state)
        return message

    async def judge(
        self, step: StepPlan, message: dict[str, Any] | None, why: str, values: dict[str, Any]
    ) -> Outcome:
        """Judge the message in a local activity, where criteria and queries may run."""
        request = MessageStepRequest(
            attempt=step.attempt.as_json(),
            values=_passed_on(values),
            spent=values["spent"],
            message=message,
            why=why,
        )
        try:
            judged: dict[str, Any] = await workflow.execute_local_activity(
                JUDGE_MESSAGE,
                request.as_json(),
                start_to_close_timeout=LOCAL_ACTIVITY_TIMEOUT,
                retry_policy=STORE_RETRY,
            )
        except ActivityError as error:
            raise own_failure(step, error) from None
        return Outcome.model_validate(judged)

    def show(self, state: RunState, pause: Pause | None) -> None:
        """Keep what is awaited, for the query and the Web UI."""
        self.state = state
        self.pausing = pause
        self.pausing_since = workflow.time()

    def tell(self) -> None:
        """Give the Web UI its details: once before anything is awaited, for they cost time."""
        workflow.set_current_details(as_markdown(self.progress()))


def _at_most(step: StepPlan, *, file: bool) -> timedelta | None:
    """The time of all attempts: one that began in time may end; None without such a bound."""
    within = step.transport.within
    return timedelta(seconds=within + step.start_to_close_with(file=file)) if within else None


def _passed_on(values: dict[str, Any]) -> dict[str, Any]:
    """The values that expressions read, without the counters beside them."""
    return {name: values[name] for name in ("inputs", "steps", "workflows") if name in values}


def _child_id(step: StepPlan, attempt: int) -> str:
    return f"{workflow.info().workflow_id}/{_activity_id(step, attempt)}"


def _activity_id(step: StepPlan, attempt: int) -> str:
    return step.step_id if attempt == 1 else f"{step.step_id}#{attempt}"
