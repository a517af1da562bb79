"""The blob store: a folder, or a place in S3, GCS or Azure, where large values and files lie.

What a reference names is read only below the store's own prefix. Its length must be that of the
reference before anything is read, and its SHA-256 when it was read to its end.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, from_url

from arazzo.blobs import Blob
from arazzo.errors import InputInvalid, StepFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from obstore.store import ObjectStore

SCHEMES: Final = ("s3", "gs", "az", "azure", "abfs", "abfss", "file")
CHUNK_BYTES: Final = 1024 * 1024
STORE_FOLDER: Final = "blobs"
STORE_FAILED: Final = "blob-store"
"""The reason of errors that may pass: the store could not be reached, or refused."""

_NAME: Final = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9._\-]*(?:/[A-Za-z0-9_\-][A-Za-z0-9._\-]*)*")


@dataclass(frozen=True, eq=False)
class BlobStore:
    """One store. `base` begins the URI of all that lies in it; `folder` is that of a local one."""

    store: ObjectStore
    base: str
    folder: Path | None = None

    def uri(self, name: str) -> str:
        """Return the URI of a name."""
        return self.base + name

    def name_of(self, blob: Blob) -> str:
        """Return the name below the store's prefix.

        Raises InputInvalid for any other place: another scheme, another bucket, a way upwards.
        """
        name = blob.uri.removeprefix(self.base)
        if not blob.uri.startswith(self.base) or not _NAME.fullmatch(name):
            raise InputInvalid(
                f"the blob `{blob.uri}` does not lie in the worker's store, which is "
                f"{self.base}; `durazzo put FILE` puts a file there",
                reason="blob-elsewhere",
            )
        return name

    async def put(self, name: str, content: bytes, content_type: str) -> Blob:
        """Keep the bytes under the name, in place of what was there. Raises StepFailed."""
        try:
            told = self.attributes(content_type)
            await obstore.put_async(self.store, name, content, attributes=told)
        except (BaseError, OSError, ValueError) as error:
            raise self.unusable(error, f"`{self.uri(name)}` can't be written") from error
        sha256 = hashlib.sha256(content).hexdigest()
        return Blob(self.uri(name), len(content), sha256, content_type)

    def attributes(self, content_type: str) -> Any:
        """Return what is told of an object; a folder keeps no media types."""
        return None if self.folder else {"Content-Type": content_type}

    async def read(self, blob: Blob) -> bytes:
        """Return the whole content of a small blob. Raises InputInvalid or StepFailed."""
        return b"".join([part async for part in self.stream(blob)])

    def chunks(self, blob: Blob) -> Iterator[bytes]:
        """Yield the content for a thread of its own, which may stop before the end.

        Raises as `stream` does.
        """
        name, digest = self.name_of(blob), hashlib.sha256()
        try:
            found = obstore.get(self.store, name)
            self._expect_size(blob, found.meta["size"])
            for part in found.stream(min_chunk_size=CHUNK_BYTES):
                data = bytes(part)
                digest.update(data)
                yield data
        except (BaseError, OSError, ValueError) as error:
            raise self._unreadable(blob, error) from error
        self._expect_digest(blob, digest.hexdigest())

    async def expect(self, blob: Blob) -> None:
        """Raise as `stream` does when it is gone or has another length; nothing of it is read."""
        name = self.name_of(blob)
        try:
            found = await obstore.head_async(self.store, name)
        except (BaseError, OSError, ValueError) as error:
            raise self._unreadable(blob, error) from error
        self._expect_size(blob, found["size"])

    async def stream(self, blob: Blob, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the content from an offset on; the whole is checked by its SHA-256.

        Raises InputInvalid when it lies elsewhere, StepFailed when it is gone or another one.
        """
        name = self.name_of(blob)
        digest = hashlib.sha256()
        try:
            part_of_it: Any = {"range": {"offset": start}} if start else None
            found = await obstore.get_async(self.store, name, options=part_of_it)
            self._expect_size(blob, found.meta["size"])
            async for part in found.stream(min_chunk_size=CHUNK_BYTES):
                data = bytes(part)
                digest.update(data)
                yield data
        except (BaseError, OSError, ValueError) as error:
            raise self._unreadable(blob, error) from error
        if start == 0:
            self._expect_digest(blob, digest.hexdigest())

    def _expect_size(self, blob: Blob, size: int) -> None:
        if size != blob.size:
            raise self._changed(blob, f"it has {size} bytes")

    def _expect_digest(self, blob: Blob, digest: str) -> None:
        if digest != blob.sha256:
            raise self._changed(blob, f"its SHA-256 is {digest}")

    def _unreadable(self, blob: Blob, error: Exception) -> StepFailed:
        if not isinstance(error, FileNotFoundError):
            return self.unusable(error, f"`{blob.uri}` can't be read")
        return StepFailed(
            f"the blob `{blob.uri}` is not in the store; it was deleted, or lies in the local "
            "folder of another machine (workers that share runs need one DURAZZO_BLOB_STORE)",
            reason="blob-missing",
        )

    def _changed(self, blob: Blob, found: str) -> StepFailed:
        return StepFailed(
            f"the blob `{blob.uri}` is no longer the one of the reference: {found}, and "
            f"{blob.size} bytes with the SHA-256 {blob.sha256} were expected. Put the file "
            "there again (`durazzo put FILE`), or run what made it anew, and start a new run",
            reason="blob-changed",
        )

    async def delete(self, blob: Blob) -> None:
        """Remove a blob; one that is gone already is no error. Raises InputInvalid, StepFailed."""
        try:
            await obstore.delete_async(self.store, self.name_of(blob))
        except FileNotFoundError:
            return
        except (BaseError, OSError, ValueError) as error:
            raise self.unusable(error, f"`{blob.uri}` can't be deleted") from error

    async def delete_older(self, folder: str, blob: Blob) -> None:
        """Remove what lies in a folder of the store and is older than a blob.

        `folder` is a name without a slash at its end. Raises as `delete` does.
        """
        try:
            since = (await obstore.head_async(self.store, self.name_of(blob)))["last_modified"]
            found = await obstore.list(self.store, prefix=folder).collect_async()
            older = [one["path"] for one in found if one["last_modified"] < since]
            if older:
                await obstore.delete_async(self.store, older)
        except FileNotFoundError:
            return
        except (BaseError, OSError, ValueError) as error:
            raise self.unusable(error, f"`{self.uri(folder)}` can't be cleared") from error

    def unusable(self, error: Exception, what: str) -> StepFailed:
        """Return what it means that the store failed, which has tried again by itself."""
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return StepFailed(
            f"the blob store at {self.base} failed: {what}: {said[:300]}", reason=STORE_FAILED
        )


def open_store(url: str | None, state_folder: Path) -> BlobStore:
    """Return the store of a URL, without one a folder beside the other state of the machine.

    Credentials and endpoints are read from the environment as obstore does (`AWS_…`, `GOOGLE_…`,
    `AZURE_…`). Raises InputInvalid when there is no such kind of store.
    """
    if not url:
        return local_store(state_folder / STORE_FOLDER)
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise InputInvalid(
            f"DURAZZO_BLOB_STORE is `{url}`: expected a URL that begins with "
            f"{', '.join(f'{one}://' for one in SCHEMES)}",
            reason="blob-store-url",
        )
    if parts.scheme == "file":
        return local_store(Path(unquote(parts.path)))
    try:
        return BlobStore(from_url(url), url.rstrip("/") + "/")
    except (BaseError, ValueError) as error:
        raise InputInvalid(
            f"DURAZZO_BLOB_STORE can't be used: {str(error).splitlines()[0]}",
            reason="blob-store-url",
        ) from error


def local_store(folder: Path) -> BlobStore:
    """Return the store that a folder is, made when it is not there. Raises InputInvalid."""
    place = folder.absolute()
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputInvalid(
            f"the folder {place} of the blob store can't be made ({error.strerror}); set "
            "DURAZZO_STATE_FOLDER or DURAZZO_BLOB_STORE to a place that can be written",
            reason="blob-store-folder",
        ) from error
    return BlobStore(LocalStore(place), f"file://{quote(str(place))}/", place)


def memory_store() -> BlobStore:
    """Return a store that ends with the process."""
    return BlobStore(MemoryStore(), "memory:///")
