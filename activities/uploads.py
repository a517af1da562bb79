"""Request bodies that hold files of the blob store: sent in pieces, and read anew for each request.

A service never gets a whole request with another content than was meant: length and store are
asked before anything is sent, and the end of a file is held back until its digest is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from arazzo.blobs import Blob
from arazzo.bodies import Pieces
from arazzo.errors import StepFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from activities.downloads import Progress
    from activities.files import BlobStore
    from arazzo.plan import Call
    from arazzo.request import Request

PIECE_BYTES: Final = 64 * 1024
"""What is written at once: the time to write holds for each piece, so a slow line is no fault."""
WORKED_THROUGH_BYTES: Final = 1024 * 1024
"""What a service is trusted to work through in a second, before it answers; some of it may still be
on the way when all was sent."""


@dataclass(frozen=True)
class Upload:
    """A body of known length, which may be read as often as it is sent; tells how far it is."""

    pieces: Pieces
    store: BlobStore
    progress: Progress

    @property
    def size(self) -> int:
        """Return its length in bytes."""
        return self.pieces.size

    async def expect_files(self) -> None:
        """Raise StepFailed when a file is gone or has another length, before anything is sent."""
        for piece in self.pieces.parts:
            if isinstance(piece, Blob):
                await self.store.expect(piece)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield its bytes. Raises StepFailed before the last of them, when a file breaks."""
        self.progress.done, self.progress.total, self.progress.resumed_at = 0, self.size, 0
        try:
            async for data in self._content():
                for start in range(0, len(data), PIECE_BYTES):
                    piece = data[start : start + PIECE_BYTES]
                    self.progress.done += len(piece)
                    self.progress.uploading = self.progress.done < self.size
                    self.progress.handed_over |= not self.progress.uploading
                    yield piece
        except StepFailed as error:
            raise self._broken(error) from error
        finally:
            self.progress.uploading = False

    async def _content(self) -> AsyncIterator[bytes]:
        for piece in self.pieces.parts:
            if isinstance(piece, bytes):
                yield piece
                continue
            async for data in self._checked(piece):
                yield data

    async def _checked(self, blob: Blob) -> AsyncIterator[bytes]:
        held = b""
        async for data in self.store.stream(blob):
            yield held
            held = data
        yield held

    def _broken(self, error: StepFailed) -> StepFailed:
        done = self.progress.done
        return StepFailed(
            f"{error.message}; {done} of the {self.size} bytes of the request were sent, so the "
            "service got no whole request",
            reason=error.reason,
            facts={"sent_bytes": done, "bytes": self.size},
        )


def with_time_for(call: Call, request: Request) -> Call:
    """Return the call with hours for a body that holds a file.

    A service that takes nothing has no more time than it always has, and one that does not answer
    only a little more.
    """
    if not isinstance(request.body, Pieces) or call.upload <= call.total_timeout:
        return call
    to_answer = call.total_timeout + request.body.size / WORKED_THROUGH_BYTES
    return call.model_copy(
        update={
            "total_timeout": call.upload,
            "connect_timeout": min(call.connect_timeout, call.total_timeout / 2),
            "read_timeout": call.read_timeout or to_answer,
            "write_timeout": call.write_timeout or call.total_timeout,
        }
    )
