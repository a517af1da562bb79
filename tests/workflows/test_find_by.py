"""The look-up of a lost write before the real server, also when every task is a replay."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from fault_documents import write_documents
from fault_server import Reply, answer, fault_server
from temporalio.client import WorkflowFailureError

from catalogue import load_catalogue, worker_defaults
from worker import running_worker

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

FIND = {"operation": "listThings", "criterion": "$[?@.name == 'n1']", "type": "jsonpath"}
FOLDER = {
    "operations": {"sendThing": {"find_by": {**FIND, "settle": 0.1}}},
    "transient": {"first": 0.1},
    "transport": {"first": 0.1, "attempts": 2, "within": 30},
}


@pytest.mark.parametrize(
    ("things", "ends", "posts"),
    [
        (answer(200, [{"name": "n1", "id": 7}]), "7", 1),
        (answer(200, []), "8", 2),
        (answer(403, {}), "OutcomeUnknown", 1),
    ],
    ids=["adopted", "sent again", "unknown"],
)
async def test_a_lost_write_is_looked_up_durably(
    client: Client,
    settings: Settings,
    tmp_path: Path,
    max_cached_workflows: int,
    things: Reply,
    ends: str,
    posts: int,
) -> None:
    """As in a try: adopted, sent again once it is surely not there, or the run stops."""
    write_documents(tmp_path, "post", FOLDER)
    queue = f"test-{uuid.uuid4().hex[:8]}"
    catalogue = load_catalogue([tmp_path], worker_defaults(settings))
    made = answer(201, {"id": 8})
    async with (
        fault_server(thing=[Reply(), made], things=[things]) as server,
        running_worker(
            client, catalogue, settings, task_queue=queue, servers={"api": server.url},
            max_cached_workflows=max_cached_workflows,
        ),
    ):  # fmt: skip
        try:
            outputs = await client.execute_workflow("send", {}, id=queue, task_queue=queue)
            ended = str(outputs["id"])
        except WorkflowFailureError as error:
            ended = getattr(error.cause, "type", "")
    assert (ended, server.whole("POST")) == (ends, posts)
