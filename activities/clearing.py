"""Old files of the blob store: which there are, and their removal.

Only names that Durazzo gives are looked at, for others may have files in the same bucket.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError

from activities.partial_files import PARTS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from activities.files import BlobStore

REMOVED_AT_ONCE: Final = 1000

_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OURS: Final = re.compile(
    rf"(?:{re.escape(PARTS_FOLDER)}/)?"
    rf"(?:put/[0-9a-f]{{64}}|try-[0-9a-f]{{16}}/.+|[A-Za-z0-9_\-]+/{_UUID}/.+)"
)
"""Files put by hand, those of a try, and those of a run below its id and its first run id."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the store: its name, its bytes, and when it was written."""

    name: str
    size: int
    modified: datetime


def old_files(
    store: BlobStore, before: datetime, names: Collection[str], folders: Collection[str]
) -> Iterator[StoredFile]:
    """Yield what was written before that time, but for these names and what lies in these folders.

    A folder is the beginning of a name, with its slash. Raises StepFailed when the store fails.
    """
    kept = tuple(folders)
    try:
        for batch in obstore.list(store.store):
            for one in batch:
                name = one["path"]
                own = name.removeprefix(f"{PARTS_FOLDER}/")
                needed = own in names or own.startswith(kept)
                if one["last_modified"] < before and not needed and _OURS.fullmatch(name):
                    yield StoredFile(name, one["size"], one["last_modified"])
    except (BaseError, OSError, ValueError) as error:
        raise store.unusable(error, "its files can't be listed") from error


def remove(store: BlobStore, names: Sequence[str]) -> None:
    """Remove files, and the folders of runs that are empty then. Raises StepFailed."""
    try:
        for start in range(0, len(names), REMOVED_AT_ONCE):
            with suppress(FileNotFoundError):  # somebody else cleans up as well
                obstore.delete(store.store, names[start : start + REMOVED_AT_ONCE])
    except (BaseError, OSError, ValueError) as error:
        raise store.unusable(error, "a file can't be deleted") from error
    if store.folder is not None:
        _remove_empty(store.folder, names)


def _remove_empty(folder: Path, names: Sequence[str]) -> None:
    """`put` and the folder of parts stay; of the others only those that held one of the files."""
    places = {above for name in names for above in (folder / name).parents}
    ends = {folder, folder / "put", folder / PARTS_FOLDER, *folder.parents}
    for place in sorted(places - ends, key=lambda one: len(one.parts), reverse=True):
        with suppress(OSError):  # it is not empty, or gone already
            place.rmdir()
