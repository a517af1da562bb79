"""Bodies too large for memory: received into the blob store, and resumed where they broke off.

Range and If-Range: RFC 9110, 14.2 and 13.1.5; digests: RFC 9530, RFC 3230 and RFC 1864.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx

from activities.decoding import GZIP_BITS, Zlib, unpacked_body
from activities.faults import TransportFailed
from activities.partial_files import NO_GZIP, LocalPart, ObjectPart, Standing, is_begun
from arazzo.blobs import Blob
from arazzo.bodies import is_xml, media_type_of
from arazzo.errors import PayloadTooLarge, StepFailed
from arazzo.parameter_styles import is_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from activities.answers import Answer
    from activities.files import BlobStore
    from activities.partial_files import Digests, Growing
    from arazzo.plan import DownloadPlan

OK: Final = 200
PARTIAL: Final = 206
UNSATISFIABLE: Final = 416
PAUSE_SECONDS: Final = 0.5
LEAST_PROGRESS_BYTES: Final = 64 * 1024
"""What a request must have brought, so that the next one is sent without a retry's wait."""
BINARY: Final = frozenset(
    f"application/{name}"
    for name in (
        "octet-stream", "zip", "gzip", "x-gzip", "x-tar", "x-bzip2", "x-xz", "zstd", "pdf",
        "x-7z-compressed", "x-parquet", "parquet", "vnd.apache.parquet", "avro",
    )
)  # fmt: skip
"""Media types that are no text; so are images, sound, films and fonts, and office documents."""
BINARY_BEGINNINGS: Final = (
    "image/", "audio/", "video/", "font/", "application/vnd.openxmlformats", "application/vnd.ms-",
)  # fmt: skip

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_DIGEST: Final = re.compile(r"sha-256=:?([A-Za-z0-9+/=]+):?", re.IGNORECASE)
_log = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far a download or an upload is, in bytes; `resumed_at` is where this attempt went on.

    `uploading` says that some of the request is still to be sent; `handed_over` that all of one may
    have left that was not refused for its credential, so that nobody knows what became of it. Once
    `cancelled`, none is sent anew.
    """

    done: int = 0
    total: int | None = None
    resumed_at: int = 0
    uploading: bool = False
    handed_over: bool = False
    cancelled: bool = False


def is_binary(content_type: str) -> bool:
    """Return whether a media type is known to be no text."""
    media_type = media_type_of(content_type)
    if is_xml(media_type) or is_json(media_type):
        return False
    return media_type in BINARY or media_type.startswith(BINARY_BEGINNINGS)


@dataclass
class Download:
    """The download of one visit of a step, by as many requests as it takes."""

    plan: DownloadPlan
    store: BlobStore
    name: str
    seconds: float
    progress: Progress = field(default_factory=Progress)
    limit: asyncio.Timeout | None = None
    _part: Growing | None = None
    _until: float = 0.0
    _before: int = 0
    _refused: bool = False

    # -- what is asked for -----------------------------------------------------------------------

    def headers(self) -> dict[str, str]:
        """Return what the request says of it: the rest of what is there, and no coding of it."""
        if self._part is None and self.store.folder and is_begun(self.store.folder, self.name):
            self._part = LocalPart(self.store, self.store.folder, self.name)
        standing = self._standing
        coding = {"Accept-Encoding": "identity"} if self.plan.always or standing.offset else {}
        if not standing.offset:
            return coding
        return {**coding, "Range": f"bytes={standing.offset}-", "If-Range": standing.etag}

    @property
    def _standing(self) -> Standing:
        return self._part.standing if self._part else Standing()

    def takes(self, response: httpx.Response) -> bool:
        """Return whether a body goes to the store whatever its size."""
        if response.status_code == PARTIAL:
            return self._goes_on(response)
        kind = response.headers.get("content-type", "")
        return self.may_take(response) and (self.plan.always or is_binary(kind))

    def may_take(self, response: httpx.Response) -> bool:
        """Return whether a body goes to the store once it is too large for memory."""
        return response.status_code == OK

    def _goes_on(self, response: httpx.Response) -> bool:
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        standing = self._standing
        same = response.headers.get("etag", standing.etag) == standing.etag
        return bool(found and standing.offset and int(found[1]) == standing.offset and same)

    async def refuse_another(self, response: httpx.Response) -> None:
        """Raise httpx.ReadError when the rest is not to be had; then it begins anew."""
        asked = "range" in response.request.headers
        other = response.status_code == PARTIAL and not self._goes_on(response)
        if asked and (other or response.status_code == UNSATISFIABLE):
            await self._discard()
            self._refused = True
            raise httpx.ReadError("the service has no rest of what came; it begins anew")

    async def _discard(self) -> None:
        if self._part is not None:
            await self._part.discard()

    def goes_further(self) -> bool:
        """Return whether another request, at once, may bring what is missing."""
        came, self._before = self.progress.done - self._before, self.progress.done
        if self._until and asyncio.get_running_loop().time() >= self._until:
            return False
        refused, self._refused = self._refused, False
        return refused or (came >= LEAST_PROGRESS_BYTES and self._standing.offset > 0)

    async def receive(self, sent: Callable[[dict[str, str]], Awaitable[Answer]]) -> Answer:
        """Send requests with these headers until all has come, or the last brought nothing.

        Raises what the last one raised.
        """
        try:
            while True:
                try:
                    return await sent(self.headers())
                except TransportFailed as error:
                    if not error.fault.try_again or not self.goes_further():
                        raise
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of what is held, when no answer was received into it."""
        part, self._part = self._part, None
        if part is not None:
            await part.leave()

    # -- what comes ------------------------------------------------------------------------------

    async def received(
        self,
        response: httpx.Response,
        begun: Iterable[bytes] = (),
        rest: AsyncIterator[bytes] | None = None,
    ) -> Blob:
        """Receive the body, `begun` and its `rest` where it was begun, and return what was stored.

        Raises what httpx raises when it breaks or is not what its digest says, PayloadTooLarge,
        StepFailed when the store fails.
        """
        if self.limit is not None:
            self._until = self._until or asyncio.get_running_loop().time() + self.seconds
            self.limit.reschedule(self._until)
        content_type = self.plan.content_type or response.headers.get("content-type", "")
        content_type = content_type or "application/octet-stream"
        part = await self._part_for(response, content_type)
        self._tell(response, part)
        try:
            async for data in self._pieces(begun, rest or unpacked_body(response)):
                await part.write(data)
                self.progress.done += len(data)
                self._bound(self.progress.done)
            return await self._finished(response, part, content_type)
        except (PayloadTooLarge, StepFailed):  # nobody goes on, and the disk may be full
            await part.discard()
            raise
        except BaseException:
            await part.keep()
            raise

    async def _part_for(self, response: httpx.Response, content_type: str) -> Growing:
        with_md5 = "content-md5" in response.headers
        part = self._part = self._part or self._new_part(content_type)
        standing = part.standing if response.status_code == PARTIAL else self._of(response)
        await part.begin(standing, with_md5=with_md5)
        return part

    def _new_part(self, content_type: str) -> Growing:
        if self.store.folder:
            return LocalPart(self.store, self.store.folder, self.name)
        return ObjectPart(self.store, self.name, content_type)

    def _of(self, response: httpx.Response) -> Standing:
        """What is decompressed while it comes has other places than the file of the service."""
        return Standing() if self._unpacks() else Standing(_etag(response))

    def _unpacks(self) -> bool:
        return self.plan.decompress and not self.store.folder

    def _tell(self, response: httpx.Response, part: Growing) -> None:
        there = part.digests.size
        length = response.headers.get("content-length", "")
        total = there + int(length) if length.isdecimal() and not _is_coded(response) else None
        self.progress.done = self.progress.resumed_at = there
        self.progress.total = total
        self._bound(total or 0)
        if there:
            _log.info("download of %s goes on at byte %d", self.name, there)
        elif not self.store.folder:
            _log.info("download of %s begins; in this store no other attempt goes on", self.name)

    def _bound(self, size: int) -> None:
        if size > self.plan.largest:
            raise PayloadTooLarge(
                f"the file that is downloaded has more than {self.plan.largest} bytes, the most "
                "that is allowed; `download.largest` in settings.yaml allows more",
                reason="download-too-large",
            )

    async def _pieces(
        self, begun: Iterable[bytes], rest: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """Yield the body; what is decompressed on request is so at once where it can't go on."""
        unzip = Zlib(GZIP_BITS) if self._unpacks() else None
        for data in begun:
            for piece in unzip.unpacked(data) if unzip else (data,):
                yield piece
        async for data in rest:
            for piece in unzip.unpacked(data) if unzip else (data,):
                yield piece
        if unzip is not None and not unzip.is_whole():
            raise httpx.DecodingError(NO_GZIP)

    async def _finished(self, response: httpx.Response, part: Growing, content_type: str) -> Blob:
        await part.flush()
        wrong = _wrong_digest(response, part.digests)
        if wrong:
            await part.discard()
            raise httpx.ReadError(wrong)
        if self.plan.decompress and isinstance(part, LocalPart):
            fits = await part.decompress(self.plan.largest)
            self._bound(0 if fits else self.plan.largest + 1)
        uri = self.store.uri(await part.finish())
        self._part = None
        return Blob(uri, part.digests.size, part.digests.sha256.hexdigest(), content_type)


def _wrong_digest(response: httpx.Response, digests: Digests) -> str:
    """Return which digest of the service's is another than that of what came, or nothing."""
    if _is_coded(response):
        return ""
    whole = response.status_code == OK
    found = base64.b64encode(digests.sha256.digest()).decode()
    for name in ("repr-digest", "digest", *(("content-digest",) if whole else ())):
        told = _DIGEST.search(response.headers.get(name, ""))
        if told and told[1] != found:
            return f"the SHA-256 of the body is {found}, and `{name}` says {told[1]}"
    md5 = response.headers.get("content-md5")
    if whole and md5 and digests.md5 and base64.b64encode(digests.md5.digest()).decode() != md5:
        return f"the MD5 of the body is another than the {md5} of `content-md5`"
    return ""


def _etag(response: httpx.Response) -> str:
    """A strong one: a weak one does not promise the same bytes (RFC 9110, 8.8.1)."""
    etag: str = response.headers.get("etag", "")
    ranges = response.headers.get("accept-ranges", "bytes").lower() != "none"
    return etag if etag.startswith('"') and ranges and not _is_coded(response) else ""


def _is_coded(response: httpx.Response) -> bool:
    coding: str = response.headers.get("content-encoding", "identity")
    return coding.lower() != "identity"
