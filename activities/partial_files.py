"""Files that grow while they are received, and go on after a broken connection.

Beside one that grows in a folder lies a small record: the ETag of what it is a part of, and how
much of it is surely on the disk. So it goes on after a death as well; a bucket's can't.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import httpx
import obstore
from obstore.exceptions import BaseError

from activities.decoding import GZIP_BITS, Zlib
from arazzo.blobs import content_name

Made = TypeVar("Made")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from activities.files import BlobStore

PARTS_FOLDER: Final = ".parts"
"""No reference can name it: a name of the store begins with no dot."""
CHECKPOINT_BYTES: Final = 8 * 1024 * 1024
BUFFER_BYTES: Final = 1024 * 1024
MULTIPART_BYTES: Final = 8 * 1024 * 1024
"""S3 takes 10,000 parts, so some 80 GB."""
MULTIPART_AT_ONCE: Final = 2
NAME_BYTES: Final = 16
CLOSED: Final = -1
NO_GZIP: Final = "the file is no whole gzip, which the settings say that it is"


class Digests:
    """SHA-256, and MD5 where it is asked for, of what passes; and its length."""

    def __init__(self, *, with_md5: bool) -> None:
        """Begin with nothing."""
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self.size = 0

    def update(self, data: bytes) -> None:
        """Take more."""
        self.sha256.update(data)
        if self.md5 is not None:
            self.md5.update(data)
        self.size += len(data)


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of which representation is there: the record beside a file."""

    etag: str = ""
    offset: int = 0


class Growing(Protocol):
    """What a download is written to; `standing` is what the next request may go on behind."""

    digests: Digests
    standing: Standing

    async def begin(self, standing: Standing, *, with_md5: bool) -> None:
        """Go on behind what is there, or from 0. Raises StepFailed when the store fails."""

    async def write(self, data: bytes) -> None:
        """Append. Raises StepFailed."""

    async def flush(self) -> None:
        """Write what is buffered, so that the digests are those of all that came."""

    async def finish(self) -> str:
        """Put the whole in a place of its own and return its name. Raises StepFailed."""

    async def discard(self) -> None:
        """Forget what came: it is not what was wanted."""

    async def keep(self) -> None:
        """Keep what came, so that the next request goes on behind it."""

    async def leave(self) -> None:
        """Let go of it, for the next attempt, which may run elsewhere."""


def is_begun(folder: Path, name: str) -> bool:
    """Return whether a part of that name may be there."""
    return _record_of(folder / PARTS_FOLDER / name).exists()


def _record_of(path: Path) -> Path:
    return path.with_name(path.name + ".json")


class LocalPart:
    """A part in a folder, held by a lock, so that a lost worker that lives on can't mix into it."""

    def __init__(self, store: BlobStore, folder: Path, name: str) -> None:
        """Open the part of that name, a private one while somebody else holds it."""
        self.store, self.folder, self.name = store, folder, name
        self.digests = Digests(with_md5=False)
        self._buffer, self._marked = bytearray(), 0
        self._turn = threading.Lock()
        self.path = folder / PARTS_FOLDER / name
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = self._opened()
        self.standing = self._recorded()

    def _opened(self) -> int:
        """Open and lock; what was put in its place, or removed, meanwhile is not the part."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.path = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}")
            else:
                if self._lies_there(descriptor):
                    return descriptor
            os.close(descriptor)

    def _lies_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _recorded(self) -> Standing:
        try:
            found: dict[str, Any] = json.loads(_record_of(self.path).read_bytes())
            standing = Standing(str(found["etag"]), int(found["offset"]))
        except (OSError, ValueError, KeyError):
            return Standing()
        there = os.fstat(self._file).st_size
        return standing if standing.etag and 0 < standing.offset <= there else Standing()

    async def _on_disk(self, work: Callable[..., Made], *given: object) -> Made:
        """Work in a thread, one after the other: a cancel leaves behind the one that works.

        Raises StepFailed, for a full disk is no fault of the connection.
        """
        try:
            return await asyncio.to_thread(self._in_turn, work, *given)
        except OSError as error:
            raise self.store.unusable(error, f"`{self.path}` can't be written") from error

    def _in_turn(self, work: Callable[..., Made], *given: object) -> Made:
        with self._turn:
            return work(*given)

    async def begin(self, standing: Standing, *, with_md5: bool) -> None:
        """Go on behind what is there, or from 0; what others left is read for its digests."""
        await self._on_disk(self._begin, standing, with_md5)

    def _begin(self, standing: Standing, with_md5: bool) -> None:
        os.ftruncate(self._file, standing.offset)
        if not standing.offset or self.digests.size != standing.offset:
            self.digests = Digests(with_md5=with_md5)
            os.lseek(self._file, 0, os.SEEK_SET)
            while data := os.read(self._file, BUFFER_BYTES):
                self.digests.update(data)
        self._buffer.clear()
        self.standing = standing
        self._mark()

    async def write(self, data: bytes) -> None:
        """Append, in pieces that are worth a thread."""
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            await self._on_disk(self._flush)

    def _flush(self) -> None:
        data, self._buffer = bytes(self._buffer), bytearray()
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self.digests.update(data)
        if self.digests.size - self._marked >= CHECKPOINT_BYTES:
            self._mark()

    def _mark(self) -> None:
        """Record what is on the disk: what was only in memory would be missing after a crash."""
        self._marked = self.digests.size
        record = _record_of(self.path)
        if not self.standing.etag:
            record.unlink(missing_ok=True)
            return
        self.standing = Standing(self.standing.etag, self._marked)
        os.fdatasync(self._file)
        fresh = record.with_name(record.name + ".new")
        fresh.write_text(json.dumps({"etag": self.standing.etag, "offset": self._marked}))
        fresh.replace(record)

    async def flush(self) -> None:
        """Write what is buffered."""
        await self._on_disk(self._flush)

    async def decompress(self, most: int) -> bool:
        """Put what a whole gzip holds in place of it, unless it has more than `most` bytes.

        Raises httpx.DecodingError when it is none.
        """
        return await self._on_disk(self._decompress, most)

    def _decompress(self, most: int) -> bool:
        plain = self.path.with_name(self.path.name + ".plain")
        try:
            digests = self._unpack_to(plain, most)
            if digests.size > most:
                return False
            self._replace_by(plain, digests)
        finally:
            plain.unlink(missing_ok=True)
        return True

    def _replace_by(self, plain: Path, digests: Digests) -> None:
        """Go on with the plain file, in which nothing has the place that it has at the service."""
        packed, self._file = self._file, os.open(plain, os.O_RDWR)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # before anybody can open it as the part
        self.standing = Standing()
        _record_of(self.path).unlink(missing_ok=True)
        plain.replace(self.path)
        os.close(packed)
        self.digests = digests

    def _unpack_to(self, plain: Path, most: int) -> Digests:
        unzip, digests = Zlib(GZIP_BITS), Digests(with_md5=False)
        os.lseek(self._file, 0, os.SEEK_SET)
        with plain.open("wb") as file:
            while digests.size <= most and (data := os.read(self._file, BUFFER_BYTES)):
                for piece in unzip.unpacked(data):
                    if digests.size <= most:
                        file.write(piece)
                        digests.update(piece)
        if digests.size <= most and not unzip.is_whole():
            raise httpx.DecodingError(NO_GZIP)
        return digests

    async def finish(self) -> str:
        """Put the file in its place at once, so that nobody sees a part of it."""
        return await self._on_disk(self._finish)

    def _finish(self) -> str:
        self._flush()
        os.fsync(self._file)
        name = content_name(self.name, self.digests.sha256.hexdigest())
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(target)
        _record_of(self.path).unlink(missing_ok=True)
        self._close()
        return name

    def _close(self) -> None:
        """A cancel may come while the end is written, and `keep` and `leave` after it."""
        os.close(self._file)
        self._file = CLOSED

    async def keep(self) -> None:
        """Keep what came, so that the next request goes on behind it."""
        await self._on_disk(self._keep)

    def _keep(self) -> None:
        if self._file != CLOSED:
            self._flush()
            self._mark()

    async def leave(self) -> None:
        """Let go of the part, for the next attempt, which may run elsewhere."""
        await self._on_disk(self._leave)

    def _leave(self) -> None:
        if self._file == CLOSED:
            return
        if not self.standing.etag:
            self.path.unlink(missing_ok=True)
        self._close()

    async def discard(self) -> None:
        """Forget what came: it is not what was wanted."""
        self._buffer.clear()
        await self.begin(Standing(), with_md5=False)


class ObjectPart:
    """An object that is sent in parts; after a death the store's API can't go on with it."""

    def __init__(self, store: BlobStore, name: str, content_type: str) -> None:
        """Hold an upload, which is completed or never seen.

        Its name must be known before its digest is, and is that of no other attempt.
        """
        self.store, self.name = store, f"{name}.{secrets.token_hex(NAME_BYTES)}"
        self.digests = Digests(with_md5=False)
        self.standing = Standing()
        self._content_type = content_type
        self._writer = self._opened()
        self._buffer, self._is_sure = bytearray(), True

    def _opened(self) -> obstore.AsyncWritableFile:
        return obstore.open_writer_async(
            self.store.store,
            self.name,
            attributes=self.store.attributes(self._content_type),
            buffer_size=MULTIPART_BYTES,
            max_concurrency=MULTIPART_AT_ONCE,
        )

    async def begin(self, standing: Standing, *, with_md5: bool) -> None:
        """Go on with the upload, or begin another one."""
        if standing.offset:
            return
        self._writer, self._is_sure = self._opened(), True
        self.standing, self.digests = standing, Digests(with_md5=with_md5)
        self._buffer.clear()

    async def write(self, data: bytes) -> None:
        """Send a part as soon as there are enough bytes for one."""
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Send what is buffered."""
        data, self._buffer = bytes(self._buffer), bytearray()
        self._is_sure = False
        await asyncio.to_thread(self.digests.update, data)
        try:
            await self._writer.write(data)
        except (BaseError, OSError) as error:
            raise self._unusable(error) from error
        self._is_sure = True

    async def finish(self) -> str:
        """Complete the object."""
        await self.flush()
        try:
            await self._writer.close()
        except (BaseError, OSError) as error:
            raise self._unusable(error) from error
        return self.name

    def _unusable(self, error: Exception) -> Exception:
        return self.store.unusable(error, f"`{self.store.uri(self.name)}` can't be written")

    async def keep(self) -> None:
        """Keep what came, unless it broke off in the middle of sending it."""
        if not self._is_sure or not self.standing.etag:
            return await self.discard()
        await self.flush()
        self.standing = Standing(self.standing.etag, self.digests.size)
        return None

    async def leave(self) -> None:
        """Leave it uncompleted; a rule of the bucket removes such uploads."""

    async def discard(self) -> None:
        """Forget what came."""
        self._buffer.clear()
        self.standing = Standing()
