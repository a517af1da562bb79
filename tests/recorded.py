"""What the Temporal server has kept of runs, as text that can be searched for secrets."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from temporalio.client import Client


async def recorded(client: Client, *workflow_ids: str) -> list[str]:
    """Return the histories of these workflows, of every run that has gone on as another one."""
    histories: list[str] = []
    for workflow_id in workflow_ids:
        described = await client.get_workflow_handle(workflow_id).describe()
        run_id: str | None = described.raw_description.workflow_execution_info.first_run_id
        while run_id:
            handle = client.get_workflow_handle(workflow_id, run_id=run_id)
            history = await handle.fetch_history()
            histories.append(_decoded(history.to_json()))
            ended = history.events[-1].workflow_execution_continued_as_new_event_attributes
            run_id = ended.new_execution_run_id or None
    return histories


def _decoded(history: str) -> str:
    """Return a history with its base64 payloads as text as well."""
    found = re.findall(r'"data": "([A-Za-z0-9+/=]+)"', history)
    return history + "".join(base64.b64decode(one).decode(errors="replace") for one in found)
