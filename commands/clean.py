"""`durazzo clean`: remove old files from the blob store, but none that an open run may read."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.filesize import decimal
from temporalio.service import RPCError, RPCStatusCode

from activities.clearing import StoredFile, old_files, remove
from activities.files import open_store
from arazzo.blobs import BLOB_KEY, blob_name, is_blob
from arazzo.errors import InputInvalid
from commands.connection import ConnectionOptions, connect_quietly, refusal
from commands.failures import print_json, reported
from commands.options import Address, AsJson, Namespace, Profile
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from temporalio.api.common.v1 import Payload
    from temporalio.client import Client, WorkflowExecution

    from activities.files import BlobStore

app = typer.Typer(add_completion=False)

READABLE: Final = frozenset(
    ("json/plain", "json/protobuf", "binary/null", "binary/plain", "binary/protobuf")
)
"""Encodings of arguments: what has another one is encrypted, or packed, by somebody else."""
_AGE: Final = re.compile(r"([0-9]{1,6})([dh])")
_HOURS: Final = {"d": 24, "h": 1}


@dataclass
class Needed:
    """What open runs may read: files by name, folders of theirs, and all since the first began."""

    since: datetime
    run: str = ""
    names: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)


@app.command()
def clean(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Days or hours: 30d, 12h.")
    ],
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Only list what would be removed.")
    ] = False,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Remove old files from the blob store, but none that an open run may read."""
    with reported(as_json=as_json):
        age, settings = _age(older_than), load_settings()
        store = open_store(settings.blob_store, settings.state_folder)
        connection = ConnectionOptions(address, namespace, profile)
        needed = asyncio.run(_needed(connection, store, datetime.now(UTC) - age))
        found = list(old_files(store, needed.since, needed.names, needed.folders))
        if not dry_run:
            remove(store, [one.name for one in found])
    _tell(found, needed, dry_run=dry_run, as_json=as_json)


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise InputInvalid(
            f"`--older-than {text}`: expected days or hours, such as 30d or 12h", reason="age"
        )
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def _tell(found: list[StoredFile], needed: Needed, *, dry_run: bool, as_json: bool) -> None:
    size = sum(one.size for one in found)
    if as_json:
        told = {"files": len(found), "bytes": size, "before": needed.since.isoformat()}
        print_json({**told, "removed": not dry_run})
        return
    for one in found if dry_run else ():
        print(f"{one.modified:%Y-%m-%d %H:%M} {one.size} {one.name}")
    done = "would be removed" if dry_run else "removed"
    sys.stderr.write(f"{len(found)} files, {decimal(size)}, {done}\n")
    if needed.run:
        sys.stderr.write(
            f"`{needed.run}` is open since {needed.since:%Y-%m-%d %H:%M} UTC, so what is younger "
            "stays\n"
        )


async def _needed(connection: ConnectionOptions, store: BlobStore, before: datetime) -> Needed:
    """Return what may not go, with `before` as the time when no run is open that long.

    What a run holds was made since it began, by it or by one that it called, or stands in its
    arguments, which hold the outputs so far as well when it went on as new.
    """
    client, needed = await connect_quietly(connection), Needed(before)
    try:
        async for one in client.list_workflows("ExecutionStatus = 'Running'"):
            if one.start_time < needed.since:
                needed.since, needed.run = one.start_time, one.id
            await _add(client, one, store, needed)
    except RPCError as error:
        raise refusal(error) from error
    return needed


async def _add(client: Client, run: WorkflowExecution, store: BlobStore, needed: Needed) -> None:
    handle = client.get_workflow_handle(run.id, run_id=run.run_id)
    try:
        async for event in handle.fetch_history_events(page_size=1):
            began = event.workflow_execution_started_event_attributes
            needed.folders.add(f"{blob_name(run.id)}/{began.first_execution_run_id}/")
            given = list(began.input.payloads)
            codec = client.data_converter.payload_codec
            for payload in await codec.decode(given) if codec else given:
                _expect_readable(payload, run.id)
                needed.names.update(_names_in(payload.data, store))
            return
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended, and is forgotten already
            raise


def _expect_readable(payload: Payload, run: str) -> None:
    encoding = payload.metadata.get("encoding", b"").decode(errors="replace")
    if encoding not in READABLE:
        raise InputInvalid(
            f"the arguments of the open run `{run}` can't be read: they are `{encoding}`, so "
            "nobody knows which files it needs; nothing was removed",
            reason="arguments-unreadable",
        )


def _names_in(data: bytes, store: BlobStore) -> Iterator[str]:
    """Yield the names of all references in the arguments of any workflow."""
    try:
        pending = [json.loads(data)]
    except ValueError:
        return
    while pending:
        one: Any = pending.pop()
        if is_blob(one):
            yield str(one[BLOB_KEY].get("uri")).removeprefix(store.base)
        elif isinstance(one, (dict, list)):
            pending.extend(one.values() if isinstance(one, dict) else one)


if __name__ == "__main__":
    app()
