"""A step that receives: it waits durably, for its own message and no longer than it may."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from orders import CONFIRM, LOOK, OUTPUTS, message, written
from scripted import Service
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError

from catalogue import load_catalogue, worker_defaults
from mocks.serving import serving
from rehearsal import try_document
from worker import running_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client, WorkflowHandle

    from settings import Settings

POLLING: Final = {"first": 0.05, "factor": 1.0, "longest": 0.05, "deadline": 30.0}
TIMED: Final = "    timeout: 300\n"
TAKEN_UP: Final = "    onFailure: [{name: late, type: goto, stepId: look}]\n"
SECOND: Final = """
  - stepId: second
    channelPath: '{$sourceDescriptions.events.url}#/channels/confirmed'
    action: receive
    correlationId: o2
    outputs: {state: $message.payload#/state}
"""
OF_SECOND: Final = "\n  outputs: {state: $steps.second.outputs.state}\n"
SEND: Final = """
  - stepId: place
    channelPath: '{$sourceDescriptions.events.url}#/channels/place'
    action: send
    parameters: [{name: shop, in: path, value: s1}]
    requestBody: {payload: {order: $inputs.order}}
    outputs: {sent: $message.payload#/order}
"""
SENT: Final = "\n  outputs: {sent: $steps.place.outputs.sent}\n"
SHOPS: Final = """
asyncapi: 3.0.0
info: {title: Shops, version: 1.0.0}
servers: {web: {host: shops.test, protocol: https}}
channels: {place: {address: 'shops/{shop}', messages: {Order: {payload: {type: object}}}}}
"""
FOR_EVER: Final = """
    onSuccess:
    - name: again
      type: goto
      stepId: confirm
      criteria: [{condition: $message.payload#/state == 'refused'}]
    - name: done
      type: end
      criteria: [{condition: $message.payload#/state == 'accepted'}]
"""


class Orders:
    """A queue whose workers serve one document; they can come and go."""

    def __init__(self, client: Client, settings: Settings, file: Path, size: int) -> None:
        self.client, self.settings, self.file, self.size = client, settings, file, size
        self.queue = f"test-{uuid.uuid4().hex[:8]}"

    @asynccontextmanager
    async def worker(self, delay: float = 0.0) -> AsyncIterator[Orders]:
        """Run a worker, and the service that answers it."""
        service = Service(lambda _: (200, {}), delays={"/x": delay})
        catalogue = load_catalogue([self.file], worker_defaults(self.settings))
        async with (
            serving(service.application()) as base_url,
            running_worker(
                self.client, catalogue, self.settings, task_queue=self.queue,
                servers={"api": base_url}, max_cached_workflows=self.size,
            ),
        ):  # fmt: skip
            yield self

    async def start(self, **polling: float) -> WorkflowHandle[Any, Any]:
        """Start a run of the order o1."""
        return await self.client.start_workflow(
            "order",
            args=[{"order": "o1"}, {"polling": {**POLLING, **polling}}],
            id=f"order-{uuid.uuid4().hex[:8]}",
            task_queue=self.queue,
        )


async def deliver(handle: WorkflowHandle[Any, Any], *given: Any) -> dict[str, Any]:
    """Deliver a message and return the answer."""
    arguments = given if len(given) > 1 else ("confirmed", *given)
    answer: dict[str, Any] = await handle.execute_update("deliver_message", args=list(arguments))
    return answer


async def refusal(handle: WorkflowHandle[Any, Any], *given: Any) -> str:
    """Deliver a message that must be refused and return why it was."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await deliver(handle, *given)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "InputInvalid"
    return caught.value.cause.message


async def waiting(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Return the progress of a run once it awaits a message."""
    for _ in range(200):
        found: dict[str, Any] = await handle.query("progress")
        if found.get("channel"):
            return found
        await asyncio.sleep(0.02)
    pytest.fail(f"no message is awaited: {found}")


async def why_failed(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    """Return why a run failed."""
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


@pytest.fixture
def orders(client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int) -> Orders:
    """Give the orders of a document with one step that receives."""
    return Orders(client, settings, written(tmp_path), max_cached_workflows)


async def test_a_message_completes_the_step(orders: Orders) -> None:
    """By Temporal and by a try: the outputs are those of the message, and the same."""
    async with orders.worker():
        handle = await orders.start()
        await waiting(handle)
        answer = await deliver(handle, message())
        assert answer == {"accepted": True, "taken": True, "step": "confirm"}
        outputs = await handle.result()
    tried = await asyncio.to_thread(try_document, orders.file, messages=[("confirmed", message())])
    assert outputs == tried.outputs == {"state": "accepted", "id": "o1"}


async def test_a_run_that_waits_says_for_what_and_until_when(orders: Orders) -> None:
    """In the query, in the Web UI's details and in the summary of its timer."""
    async with orders.worker():
        handle = await orders.start()
        found = await waiting(handle)
        assert found["channel"] == "confirmed"
        assert (
            found["waitingFor"] == "a message on channel `confirmed` with the correlation id `o1`"
        )
        assert found["deadline"] == found["nextWakeUp"]
        assert found["steps"][0]["state"] == "waiting"
        history = (await handle.fetch_history()).to_json()
        details = await handle.query("__temporal_workflow_metadata")
        assert "waits for a message on channel `confirmed`" in str(details)
        assert "gives up 2" in str(details)
        assert history.count("timerStartedEventAttributes") == 1
        await handle.terminate()


async def test_a_message_that_comes_early_is_kept(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """It waits for its step, and one for another step stays for that."""
    file = written(tmp_path, LOOK + CONFIRM + OUTPUTS + SECOND, OF_SECOND)
    orders = Orders(client, settings, file, max_cached_workflows)
    async with orders.worker(delay=0.4):
        handle = await orders.start()
        assert (await deliver(handle, message("o2", "refused")))["kept"] == 1
        assert not (await deliver(handle, message("o1")))["taken"]
        assert await handle.result() == {"state": "refused"}


async def test_a_message_of_another_order_is_left_for_others(orders: Orders) -> None:
    """It is accepted and not taken; the step waits on until its own comes."""
    async with orders.worker():
        handle = await orders.start()
        await waiting(handle)
        answer = await deliver(handle, message("o2"))
        assert answer == {"accepted": True, "taken": False, "step": None, "kept": 1}
        assert (await waiting(handle))["channel"] == "confirmed"
        assert (await deliver(handle, message("o1", "refused")))["taken"]
        assert (await handle.result())["state"] == "refused"


async def test_what_no_step_can_receive_is_refused(orders: Orders) -> None:
    """The one who delivers is told why, and the run waits on."""
    async with orders.worker():
        handle = await orders.start()
        await waiting(handle)
        events = (await handle.describe()).history_length
        assert "did you mean `confirmed`?" in await refusal(handle, "confirmd", message())
        assert "an object with a `payload`" in await refusal(handle, "hello")
        assert "65536 are allowed" in await refusal(handle, message("x" * 70_000))
        assert "`key`" in await refusal(handle, {"payload": 1, "key": 2})
        assert (await handle.describe()).history_length == events, "it left traces"
        assert "`payload/state`" in await refusal(handle, message(state="lost"))
        assert "is a required property" in await refusal(handle, message(None))
        assert "its `correlationId` is `o9`" in await refusal(handle, message(correlationId="o9"))
        assert (await deliver(handle, message()))["taken"]
        await handle.result()


async def test_a_timeout_fails_the_step(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """Its onFailure takes it up; without one the run fails and says what did not come."""
    file = written(tmp_path, CONFIRM + TIMED + TAKEN_UP + OUTPUTS + LOOK, "")
    orders = Orders(client, settings, file, max_cached_workflows)
    async with orders.worker():
        assert await (await orders.start()).result() == {}
    file = written(tmp_path, CONFIRM + TIMED + OUTPUTS)
    orders = Orders(client, settings, file, max_cached_workflows)
    async with orders.worker():
        error = await why_failed(await orders.start())
    assert error.type == "StepFailed"
    assert "did not come within 0.3 s" in error.message
    assert error.details[0]["reason"] == "step-timeout"


async def test_without_a_timeout_the_deadline_of_a_poll_ends_the_run(orders: Orders) -> None:
    """PollDeadlineExceeded: no run waits without end."""
    async with orders.worker():
        error = await why_failed(await orders.start(deadline=0.3))
    assert error.type == "PollDeadlineExceeded"
    assert "`confirmed`" in error.message


async def test_another_worker_takes_over_the_wait(orders: Orders) -> None:
    """What was kept and what is awaited lies in the history, not in the worker."""
    async with orders.worker():
        handle = await orders.start()
        await waiting(handle)
        await deliver(handle, message("o2"))
    async with orders.worker():
        assert (await deliver(handle, message("o1")))["taken"]
        assert (await handle.result())["id"] == "o1"


async def test_a_cancel_ends_the_wait(orders: Orders) -> None:
    """At once, as canceled."""
    async with orders.worker():
        handle = await orders.start()
        await waiting(handle)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)


async def test_a_wait_goes_on_over_continue_as_new(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """What is kept goes on, signed, and so does the deadline; no delivered message is lost."""
    file = written(tmp_path, CONFIRM + OUTPUTS + SECOND, OF_SECOND)
    orders = Orders(client, settings, file, max_cached_workflows)
    async with orders.worker():
        handle = await orders.start()
        first = await waiting(handle)
        current = client.get_workflow_handle(handle.id)
        assert not (await deliver(current, message("o2", "refused")))["taken"]
        for _ in range(20):
            await refusal(current, message(state="lost"))
        described = await current.describe()
        assert described.run_id != handle.first_execution_run_id
        second = await waiting(current)
        assert second["deadline"] == pytest.approx(first["deadline"], abs=0.01)
        assert second["steps"][0]["visits"] == 1
        assert (await deliver(current, message("o1", "accepted")))["taken"]
        assert await handle.result() == {"state": "refused"}


async def test_a_step_that_leads_back_to_itself_takes_one_message_after_the_other(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """The messages pace it: no timer of a poll stands between."""
    file = written(tmp_path, CONFIRM + FOR_EVER + OUTPUTS)
    orders = Orders(client, settings, file, max_cached_workflows)
    async with orders.worker():
        handle = await orders.start(first=20.0, longest=20.0)
        for state in ("refused", "refused", "accepted"):
            await waiting(handle)
            assert (await deliver(handle, message("o1", state)))["accepted"]
        assert (await handle.result())["state"] == "accepted"


async def test_a_message_is_sent_over_http(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """By a try and by Temporal: one request to server and address, the payload its body."""
    file = written(tmp_path, SEND, SENT, events=SHOPS)
    service = Service(lambda _: (202, {}))
    orders = Orders(client, settings, file, max_cached_workflows)
    catalogue = load_catalogue([file], worker_defaults(settings))
    async with serving(service.application()) as base_url:
        servers = {"events": base_url}
        async with running_worker(
            client, catalogue, settings, task_queue=orders.queue, servers=servers,
            max_cached_workflows=max_cached_workflows,
        ):  # fmt: skip
            outputs = await (await orders.start()).result()
        given: dict[str, Any] = {"inputs": {"order": "o1"}, "servers": servers}
        tried = await asyncio.to_thread(try_document, file, **given)
    assert outputs == tried.outputs == {"sent": "o1"}
    first, second = service.asked
    assert (first.method, first.path, first.body) == ("POST", "/shops/s1", {"order": "o1"})
    assert (second.method, second.path, second.body) == (first.method, first.path, first.body)
