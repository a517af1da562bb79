"""Old files of the blob store: which there are, which of them are needed, and their removal.

Only names that Durazzo gives are looked at, for others may have files in the same bucket.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import obstore
from obstore.exceptions import BaseError

from activities.blob_values import LARGEST_VALUE_BYTES
from activities.files import STORE_FAILED
from activities.partial_files import PARTS_FOLDER
from arazzo.blobs import blob_of
from arazzo.errors import InputInvalid, StepFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from activities.files import BlobStore
    from arazzo.blobs import Blob

YOUNGEST: Final = timedelta(minutes=10)
"""What is younger is never removed: the run that it is for may not have begun."""
REMOVED_AT_ONCE: Final = 1000
ASKED_AT_ONCE: Final = 16
LONGEST_NAME: Final = 4096
SAME: Final = timedelta(milliseconds=1)
"""How exactly a list and a question for one file tell the same time."""

_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OURS: Final = re.compile(
    rf"(?:{re.escape(PARTS_FOLDER)}/)?"
    rf"(?:put/[0-9a-f]{{64}}|try-[0-9a-f]{{16}}/.+|[A-Za-z0-9_\-]+/{_UUID}/.+)"
)
"""Files put by hand, those of a try, and those of a run below its id and its first run id."""
_UNFINISHED: Final = re.compile(r"(.+)#[0-9]+")
"""What the store writes in a folder before it has its name, and leaves when it is killed."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the store: its name, its bytes, and when it was written."""

    name: str
    size: int
    modified: datetime


@dataclass
class Needed:
    """What may still be read: by name, in the folder of a run, and all that is not older.

    A folder is `ID/FIRST_RUN_ID`; `run` is the id of the run that began at `since`, if one did.
    """

    since: datetime
    run: str = ""
    names: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def holds(self, one: StoredFile) -> bool:
        """Return whether a file, or the part of one, is needed."""
        own = one.name.removeprefix(f"{PARTS_FOLDER}/")
        folder = "/".join(own.split("/")[:2])
        return one.modified >= self.since or own in self.names or folder in self.folders


def names_in(uri: str) -> set[str]:
    """Return the names that a reference may mean: all with which its URI ends.

    Workers may see the store below another path, by a mount or a link. A URI that ends with no
    name of ours names nothing that could be removed.
    """
    parts = uri[-LONGEST_NAME:].split("/")
    tails = ("/".join(parts[at:]) for at in range(len(parts)))
    return {one for one in tails if _OURS.fullmatch(one)}


async def stored_value(store: BlobStore, reference: Any, name: str) -> Any:
    """Return the value that a reference means by a name; None where no run could read one.

    Raises StepFailed when the store fails.
    """
    try:
        blob: Blob = replace(blob_of(reference), uri=store.uri(name))
        if not blob.is_value or blob.size > LARGEST_VALUE_BYTES:
            return None
        return json.loads(await store.read(blob))
    except (InputInvalid, ValueError, RecursionError):
        return None
    except StepFailed as error:
        if error.reason == STORE_FAILED:
            raise
        return None


async def removable(
    store: BlobStore, before: datetime, look: Callable[[], Awaitable[Needed]]
) -> list[StoredFile]:
    """Return the files of before that time which nobody needs, as `look` tells.

    It looks once more at the end, for what began meanwhile: the first look may take long. Raises
    StepFailed when the store fails, and what `look` raises.
    """
    needed = await look()
    found = [one for one in old_files(store, before) if not needed.holds(one)]
    needed = await look()
    return [one for one in found if not needed.holds(one)]


def old_files(store: BlobStore, before: datetime) -> Iterator[StoredFile]:
    """Yield what was written before that time. Raises StepFailed when the store fails."""
    try:
        for one in chain(_whole(store), _unfinished(store.folder) if store.folder else ()):
            own = _UNFINISHED.sub(r"\1", one.name)
            if one.modified < before and _OURS.fullmatch(own):
                yield one
    except (BaseError, OSError, ValueError) as error:
        raise store.unusable(error, "its files can't be listed") from error


def _whole(store: BlobStore) -> Iterator[StoredFile]:
    for batch in obstore.list(store.store):
        for one in batch:
            yield StoredFile(one["path"], one["size"], one["last_modified"])


def _unfinished(folder: Path) -> Iterator[StoredFile]:
    """The store lists none of them."""
    for path in folder.rglob("*#*"):
        if _UNFINISHED.fullmatch(path.name) and path.is_file():
            with suppress(FileNotFoundError):  # it has its name by now
                found = path.stat()
                name = path.relative_to(folder).as_posix()
                yield StoredFile(name, found.st_size, _time(found.st_mtime))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def remove(store: BlobStore, files: Sequence[StoredFile]) -> list[StoredFile]:
    """Remove files, and the folders of runs that are empty then; return those that were removed.

    What was written again since it was listed stays. Raises StepFailed.
    """
    try:
        if store.folder is not None:
            return _remove_from(store.folder, files)
        removed = []
        for start in range(0, len(files), REMOVED_AT_ONCE):
            removed += _remove_objects(store, files[start : start + REMOVED_AT_ONCE])
    except (BaseError, OSError, ValueError) as error:
        raise store.unusable(error, "a file can't be deleted") from error
    return removed


def _remove_objects(store: BlobStore, files: Sequence[StoredFile]) -> list[StoredFile]:
    def is_old(one: StoredFile) -> bool:
        with suppress(FileNotFoundError):  # somebody else cleans up as well
            return bool(obstore.head(store.store, one.name)["last_modified"] < one.modified + SAME)
        return False

    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        old = [one for one, still in zip(files, pool.map(is_old, files), strict=True) if still]
    with suppress(FileNotFoundError):
        obstore.delete(store.store, [one.name for one in old])
    return old


def _remove_from(folder: Path, files: Sequence[StoredFile]) -> list[StoredFile]:
    removed = []
    for one in files:
        path = folder / one.name
        with suppress(FileNotFoundError):
            if _time(path.stat().st_mtime) < one.modified + SAME:
                path.unlink()
                removed.append(one)
    _remove_empty(folder, removed)
    return removed


def _remove_empty(folder: Path, files: Sequence[StoredFile]) -> None:
    """`put` and the folder of parts stay; of the others only those that held one of the files."""
    places = {above for one in files for above in (folder / one.name).parents}
    ends = {folder, folder / "put", folder / PARTS_FOLDER, *folder.parents}
    for place in sorted(places - ends, key=lambda one: len(one.parts), reverse=True):
        with suppress(OSError):  # it is not empty, or gone already
            place.rmdir()
