"""What of the blob store is needed: by runs that are open, and by those that schedules will start.

What a run holds was made since it began, by it or by one that it called, or stands in its
arguments, which hold the outputs so far as well when it went on as new. So histories need not be
read beyond their first event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from temporalio.client import ScheduleActionStartWorkflow
from temporalio.service import RPCError, RPCStatusCode

from activities.clearing import names_in, stored_value
from activities.sealing import open_sealed
from arazzo.blobs import BLOB_KEY, blob_name, is_blob
from arazzo.errors import InputInvalid, SecretMissing
from arazzo.inputs import is_sealed
from commands.connection import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from temporalio.api.common.v1 import Payload
    from temporalio.client import Client, WorkflowExecution

    from activities.clearing import Needed
    from activities.files import BlobStore

READABLE: Final = frozenset(
    ("json/plain", "json/protobuf", "binary/null", "binary/plain", "binary/protobuf")
)
"""Encodings of arguments: what has another one is encrypted, or packed, by somebody else."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of a workflow; `owner` is the run or schedule, for messages."""

    owner: str
    workflow_type: str
    payloads: Iterable[Payload]


@dataclass
class NeededFiles:
    """Adds to `needed` what it finds at the server; of each run and value it reads once.

    `key` returns the key of the workers; `foreign` are workflow types of which somebody said that
    their runs hold no files of this store, so that their arguments need not be readable.
    """

    client: Client
    store: BlobStore
    key: Callable[[], bytes]
    needed: Needed
    foreign: Collection[str] = ()
    _read: set[str] = field(default_factory=set)
    _followed: set[tuple[str, str]] = field(default_factory=set)

    async def look(self) -> Needed:
        """Look at what is open and at all schedules.

        Raises InputInvalid for arguments that can't be read, StepFailed when the store fails, and
        what it means that the server refuses.
        """
        try:
            async for run in self.client.list_workflows("ExecutionStatus = 'Running'"):
                if run.run_id not in self._read:
                    await self._add_run(run)
                    self._read.add(run.run_id)
            async for one in await self.client.list_schedules():
                await self._add_schedule(one.id)
        except RPCError as error:
            raise refusal(error) from error
        return self.needed

    async def _add_run(self, run: WorkflowExecution) -> None:
        handle = self.client.get_workflow_handle(run.id, run_id=run.run_id)
        try:
            async for event in handle.fetch_history_events(page_size=1):
                began = event.workflow_execution_started_event_attributes
                # one that was reset is listed from its reset on, and holds what was made before
                since = min(run.start_time, event.event_time.ToDatetime(run.start_time.tzinfo))
                if since < self.needed.since:
                    self.needed.since, self.needed.run = since, run.id
                self.needed.folders.add(f"{blob_name(run.id)}/{began.first_execution_run_id}")
                owner = f"the open run `{run.id}`"
                await self._add(Arguments(owner, run.workflow_type, began.input.payloads))
                return
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # ended, and forgotten already
                raise

    async def _add_schedule(self, name: str) -> None:
        try:
            found = await self.client.get_schedule_handle(name).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return
        action = found.schedule.action
        if isinstance(action, ScheduleActionStartWorkflow):
            owner = f"the schedule `{name}`"
            await self._add(Arguments(owner, action.workflow, action.args))

    async def _add(self, arguments: Arguments) -> None:
        try:
            for payload in await self._decoded(arguments):
                await self._add_values(payload.data)
        except SecretMissing as error:
            if arguments.workflow_type not in self.foreign:
                raise _unreadable(arguments, error.message) from error

    async def _decoded(self, arguments: Arguments) -> list[Payload]:
        codec, given = self.client.data_converter.payload_codec, list(arguments.payloads)
        found = await codec.decode(given) if codec else given
        kinds = {one.metadata.get("encoding", b"").decode(errors="replace") for one in found}
        if kinds <= READABLE:
            return list(found)
        if arguments.workflow_type in self.foreign:
            return []
        raise _unreadable(arguments, f"they are `{min(kinds - READABLE)}`")

    async def _add_values(self, data: bytes) -> None:
        """Add all references in the arguments of any workflow, and those in values they name."""
        try:
            pending = [json.loads(data)]
        except ValueError:
            return
        while pending:
            one: Any = pending.pop()
            if is_blob(one):
                pending.extend(await self._values_behind(one))
            elif is_sealed(one):
                pending.append(open_sealed(self.key(), one))
            elif isinstance(one, (dict, list)):
                pending.extend(one.values() if isinstance(one, dict) else one)

    async def _values_behind(self, reference: Any) -> list[Any]:
        told = reference[BLOB_KEY]
        names = names_in(str(told.get("uri")))
        self.needed.names.update(names)
        fresh = {(name, str(told.get("sha256"))) for name in names} - self._followed
        self._followed.update(fresh)
        return [await stored_value(self.store, reference, name) for name, _ in fresh]


def _unreadable(arguments: Arguments, why: str) -> InputInvalid:
    return InputInvalid(
        f"the arguments of {arguments.owner}, of the type `{arguments.workflow_type}`, can't be "
        f"read: {why}. So nobody knows which files it needs, and nothing was removed. Where you "
        "know that runs of this type hold no files of this store, say so with `--foreign "
        f"{arguments.workflow_type}`",
        reason="arguments-unreadable",
    )
