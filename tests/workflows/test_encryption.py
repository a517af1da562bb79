"""DURAZZO_ENCRYPT: histories that show neither inputs, outputs nor errors, and runs as ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from encrypted import API, encrypting
from recorded import recorded
from scripted import Asked, scripted_house
from temporalio.client import Client, WorkflowFailureError

from arazzo.errors import SecretMissing
from commands.data_conversion import converter_for

if TYPE_CHECKING:
    from pathlib import Path

    from settings import Settings

CANARY = "canary-that-only-the-key-shows"
DOCUMENT = """
arazzo: 1.0.1
info: {title: Things, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: call-another
    inputs: {type: object, properties: {what: {type: string}}}
    steps:
      - stepId: other
        workflowId: wait-for-it
        parameters: [{name: what, value: $inputs.what}]
    outputs: {echo: $steps.other.outputs.echo}
  - workflowId: wait-for-it
    inputs: {type: object, properties: {what: {type: string}}}
    steps:
      - stepId: ask
        operationId: ask
        parameters: [{name: what, in: query, value: $inputs.what}]
        successCriteria: [{condition: $statusCode == 200}]
        onSuccess:
          - name: again
            type: goto
            stepId: ask
            criteria: [{condition: $response.body#/ready == false}]
        outputs: {echo: $response.body#/echo}
    outputs: {echo: $steps.ask.outputs.echo}
"""


class Things:
    """Is ready at the third question, or refuses; echoes what it was asked."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked = 0

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        """Answer one request."""
        self.asked += 1
        return self.status, {"ready": self.asked > 2, "echo": asked.query["what"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of the documents."""
    (tmp_path / "it.arazzo.yaml").write_text(DOCUMENT, encoding="utf-8")
    (tmp_path / "api.yaml").write_text(API, encoding="utf-8")
    return tmp_path


async def test_a_run_shows_nothing_and_ends_as_ever(
    client: Client, settings: Settings, folder: Path, max_cached_workflows: int
) -> None:
    """Inputs, outputs, plans, timers' summaries and children are encrypted; ids and types not."""
    own = encrypting(client, settings)
    async with scripted_house(own, settings, folder, Things(), max_cached_workflows) as (house, _):
        handle = await house.start("call-another", {"what": CANARY})
        assert await handle.result() == {"echo": CANARY}
        assert (await handle.query("progress"))["steps"][0]["step"] == "other"
        assert await (await handle.describe()).memo() == {"document": "Things", "version": "1.0.0"}
    histories = await recorded(client, handle.id, f"{handle.id}/other")
    assert len(histories) == 2
    for history in histories:
        for text in (CANARY, "Things", "ready", "statusCode"):
            assert text not in history, text
        assert "wait-for-it" in history


async def test_an_error_is_encrypted_and_read(
    client: Client, settings: Settings, folder: Path
) -> None:
    """The message of a failed step quotes the service; only its type stays readable."""
    own = encrypting(client, settings)
    async with scripted_house(own, settings, folder, Things(status=422)) as (house, _):
        handle = await house.start("call-another", {"what": CANARY})
        error = await _failure(handle)
    assert error.type == "StepFailed"
    assert CANARY in str(error)
    histories = await recorded(client, handle.id, f"{handle.id}/other")
    for history in histories:
        assert CANARY not in history
        assert "StepFailed" in history
        assert "Encoded failure" in history


async def _failure(handle: Any) -> Any:
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    return caught.value.cause


@pytest.mark.parametrize("first", [False, True], ids=["switched-on", "switched-off"])
async def test_a_run_goes_on_when_the_setting_changes(
    client: Client, settings: Settings, folder: Path, *, first: bool
) -> None:
    """Its history is half plain and half encrypted, and the second worker replays both."""
    things = Things()
    workers = [encrypting(client, settings, encrypt=one) for one in (first, not first)]
    async with scripted_house(workers[0], settings, folder, things, 0) as (house, _):
        house.polling["first"] = house.polling["longest"] = 1.0
        handle = await house.start("wait-for-it", {"what": CANARY})
        async with asyncio.timeout(20):
            while not things.asked:
                await asyncio.sleep(0.05)
        queue = house.task_queue
    async with scripted_house(workers[1], settings, folder, things, queue=queue):
        again = workers[1].get_workflow_handle(handle.id)
        assert await again.result() == {"echo": CANARY}
    (history,) = await recorded(client, handle.id)
    assert "binary/encrypted" in history or "YmluYXJ5L2VuY3J5cHRlZA==" in history
    assert CANARY in history


async def test_a_key_of_this_machine_alone_encrypts_for_no_other(settings: Settings) -> None:
    """Workers elsewhere could not read it; so nothing is sent."""
    changed = settings.model_copy(update={"encrypt": True})
    with pytest.raises(SecretMissing, match="durazzo_key"):
        converter_for("temporal.example.com:7233", changed)
    converter_for("localhost:7233", changed)
    converter_for("[::1]:7233", changed)


async def test_who_lacks_the_key_is_told_which(
    client: Client, settings: Settings, folder: Path, tmp_path: Path
) -> None:
    """`durazzo result` elsewhere names the key's id and the secret; nothing crashes."""
    own = encrypting(client, settings)
    async with scripted_house(own, settings, folder, Things()) as (house, _):
        handle = await house.start("wait-for-it", {"what": CANARY})
        await handle.result()
    elsewhere = settings.model_copy(update={"state_folder": tmp_path / "elsewhere"})
    with pytest.raises(SecretMissing, match="is encrypted with the key"):
        await encrypting(client, elsewhere).get_workflow_handle(handle.id).result()


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_worker_with_another_key_loses_no_run(
    client: Client, settings: Settings, folder: Path, tmp_path: Path, method: str
) -> None:
    """It can read nothing and so does nothing; what it fails is done by the others, also writes."""
    api = API.replace("get:", f"{method}:")
    (folder / "api.yaml").write_text(api, encoding="utf-8")
    quick = settings.model_copy(update={"transport_first_seconds": 0.2})
    elsewhere = quick.model_copy(update={"state_folder": tmp_path / "elsewhere"})
    own = encrypting(client, quick)
    another_connection = await Client.connect(client.service_client.config.target_host)
    other = encrypting(another_connection, elsewhere)
    async with (
        scripted_house(own, quick, folder, Things()) as (house, service),
        scripted_house(other, elsewhere, folder, Things(), queue=house.task_queue) as (_, useless),
    ):
        handles = [await house.start("wait-for-it", {"what": CANARY}) for _ in range(2)]
        found = await asyncio.gather(*(one.result() for one in handles))
    assert found == [{"echo": CANARY}] * 2
    assert not useless.asked
    assert service.asked
