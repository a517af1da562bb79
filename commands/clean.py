"""`durazzo clean`: remove old files from the blob store, but none that a run may still read."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.filesize import decimal

from activities.clearing import YOUNGEST, Needed, StoredFile, removable, remove
from activities.credentials import SecretStore
from activities.files import open_store
from activities.signing import load_key
from arazzo.errors import InputInvalid
from commands.connection import ConnectionOptions, connect_quietly
from commands.failures import print_json, reported
from commands.needed_files import NeededFiles
from commands.options import Address, AsJson, Namespace, Profile
from settings import load_settings

if TYPE_CHECKING:
    from activities.files import BlobStore
    from settings import Settings

app = typer.Typer(add_completion=False)

_AGE: Final = re.compile(r"([0-9]{1,6})([dh])")
_HOURS: Final = {"d": 24, "h": 1}


@app.command()
def clean(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="Days or hours: 30d, 12h.")
    ],
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Only list what would be removed.")
    ] = False,
    foreign: Annotated[
        list[str] | None,
        typer.Option(
            "--foreign",
            metavar="TYPE",
            help="A workflow type whose runs hold no files of this store, so that their arguments "
            "need not be readable. May be repeated.",
        ),
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Remove old files from the blob store, but none that a run may still read."""
    with reported(as_json=as_json):
        age, settings = _age(older_than), load_settings()
        store = open_store(settings.blob_store, settings.state_folder)
        needed = Needed(datetime.now(UTC) - max(age, YOUNGEST))
        connection = ConnectionOptions(address, namespace, profile)
        found = asyncio.run(_found(connection, store, settings, needed, foreign or ()))
        if not dry_run:
            found = remove(store, found)
    _tell(found, needed, dry_run=dry_run, as_json=as_json)


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise InputInvalid(
            f"`--older-than {text}`: expected days or hours, such as 30d or 12h", reason="age"
        )
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


async def _found(
    connection: ConnectionOptions,
    store: BlobStore,
    settings: Settings,
    needed: Needed,
    foreign: list[str] | tuple[()],
) -> list[StoredFile]:
    def key() -> bytes:
        return load_key(SecretStore(settings.secrets_dir), settings.state_folder)

    looking = NeededFiles(await connect_quietly(connection), store, key, needed, foreign)
    return await removable(store, needed.since, looking.look)


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


if __name__ == "__main__":
    app()
