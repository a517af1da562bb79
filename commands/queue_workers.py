"""Who serves a task queue, and whether this process has the keys of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from activities.encryption import Encryption, another_key, is_encrypted, key_id_of
from commands.connection import refusal

if TYPE_CHECKING:
    from temporalio.client import Client

MOST_LOOKED_AT: Final = 20


async def has_workers(client: Client, task_queue: str) -> bool:
    """Return whether somebody has asked for the tasks of a queue in the last minutes."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=task_queue)
    )
    try:
        found = await client.workflow_service.describe_task_queue(request)
    except RPCError as error:
        raise refusal(error) from error
    return bool(found.pollers)


async def expect_keys(client: Client, task_queue: str) -> None:
    """Raise SecretMissing when the runs of a queue are encrypted, and none with a key of ours.

    A worker that can't read them would only fail their tasks, again and again.
    """
    codec = client.data_converter.payload_codec
    if not isinstance(codec, Encryption):
        return
    ids = await _key_ids(client, task_queue)
    if ids and not any(codec.keys.find(one) for one in ids):
        raise another_key(ids[0], codec.keys.ids)


async def _key_ids(client: Client, task_queue: str) -> list[str]:
    """Return the ids of the keys of the latest open runs: each has a memo."""
    query = f"TaskQueue = '{quoted(task_queue)}' AND ExecutionStatus = 'Running'"
    ids: dict[str, None] = {}
    try:
        async for one in client.list_workflows(query, limit=MOST_LOOKED_AT):
            memo = one.raw_info.memo.fields.values()
            ids.update({key_id_of(found): None for found in memo if is_encrypted(found)})
    except RPCError as error:
        raise refusal(error) from error
    return list(ids)


def quoted(name: str) -> str:
    """Return a name as it stands between quotes in a list filter of Temporal."""
    return name.replace("\\", "\\\\").replace("'", "\\'")
