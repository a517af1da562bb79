"""The messages of one run: what is delivered to it, what it keeps, and what a step awaits.

The update `deliver_message` is judged in two parts. Its validator looks only at the shape and at
the channel, so what it refuses leaves no trace; the schema is a local activity's, for no library
whose upgrade could change an answer runs in workflow code.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.names import CHECK_MESSAGE, CheckMessageRequest
from arazzo import messages
from arazzo.errors import InputInvalid

if TYPE_CHECKING:
    from arazzo.effects import Awaited
    from arazzo.plan import Plan
    from arazzo.state import RunState

CHECK_TIMEOUT: Final = timedelta(seconds=30)


class Mailbox:
    """The mailbox of one run; the only writer of `state.messages`."""

    def __init__(self, plan: Plan, state: RunState) -> None:
        """Begin with what the state has kept."""
        self.plan = plan
        self.state = state
        self._awaited: Awaited | None = None
        self._received: dict[str, Any] | None = None

    def refuse(self, channel: Any, message: Any) -> None:
        """Raise InputInvalid, as an update's failure, for what no step can ever receive."""
        problem = messages.shape_problem(message) or messages.channel_problem(
            self.plan, self.state, channel
        )
        if problem:
            refuse(problem)

    async def deliver(self, channel: str, message: dict[str, Any]) -> dict[str, Any]:
        """Hand the message to the step that awaits it, or keep it; return which of the two."""
        self.refuse(channel, message)
        steps = messages.awaiting(self.plan, self.state, channel)
        receptions = {
            one.step_id: one.attempt.reception.as_json() for one in steps if one.attempt.reception
        }
        request = CheckMessageRequest(receptions=receptions, message=message)
        checked: dict[str, Any] = await workflow.execute_local_activity(
            CHECK_MESSAGE, request.as_json(), start_to_close_timeout=CHECK_TIMEOUT
        )
        if "ids" not in checked:
            refuse(checked["problem"])
        self.refuse(channel, message)  # others may have come meanwhile
        return self._put(messages.kept(channel, message, checked["ids"]))

    def _put(self, one: dict[str, Any]) -> dict[str, Any]:
        awaited = self._awaited
        if (
            awaited is not None
            and self._received is None
            and messages.is_wanted(one, awaited.step_id, awaited.correlation)
        ):
            self._received = one
            return {"accepted": True, "taken": True, "step": awaited.step_id}
        self.state.messages.append(one)
        return {"accepted": True, "taken": False, "step": None, "kept": len(self.state.messages)}

    async def receive(self, awaited: Awaited, summary: str) -> dict[str, Any] | None:
        """Return the message, None when its time is over or the history should roll over."""
        found = messages.taken(self.state, awaited.step_id, awaited.correlation)
        if found is not None:
            return found
        self._awaited, self._received = awaited, None
        try:
            await workflow.wait_condition(
                lambda: self._received is not None or is_history_long(),
                timeout=max(0.001, awaited.until - workflow.time()),
                timeout_summary=summary,
            )
        except TimeoutError:
            pass
        finally:
            self._awaited = None
        return self._received


def is_history_long() -> bool:
    """Return whether the server suggests to continue as new."""
    return workflow.info().is_continue_as_new_suggested()


def refuse(problem: str) -> NoReturn:
    """Raise InputInvalid in the shape in which an update's failure travels."""
    raise ApplicationError(
        f"the message is refused: {problem}", type=InputInvalid.__name__, non_retryable=True
    )
