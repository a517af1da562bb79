"""Rows of files: CSV and NDJSON, gzipped or not, read one after the other with constant memory."""

from __future__ import annotations

import csv
import io
import json
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from arazzo.bodies import JSON_LINES, charset_of, media_type_of
from arazzo.errors import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arazzo.blobs import Blob

CSV: Final = frozenset(("text/csv", "application/csv"))
GZIP_MARK: Final = b"\x1f\x8b"
GZIP_WINDOW: Final = zlib.MAX_WBITS | 16
"""Tells zlib to expect gzip's own header (zlib.h, inflateInit2)."""


def has_rows(blob: Blob) -> bool:
    """Return whether rows can be read of a file, by its media type."""
    return media_type_of(blob.content_type) in CSV | JSON_LINES


def rows_of(blob: Blob, chunks: Iterable[bytes]) -> Iterator[Any]:
    """Yield the rows: of CSV an object by the names of the first line, of NDJSON its values.

    CSV is that of RFC 4180, and all its values are text. Raises StepFailed for a file that is
    not what its type says.
    """
    text = io.TextIOWrapper(
        io.BufferedReader(_Chunks(plain(chunks))),
        encoding=charset_of(blob.content_type),
        newline="",
    )
    try:
        if media_type_of(blob.content_type) in CSV:
            yield from csv.DictReader(_without_mark(text), strict=True)
        else:
            yield from (json.loads(line) for line in _without_mark(text) if line.strip())
    except (csv.Error, ValueError, LookupError, RecursionError, zlib.error) as error:
        raise StepFailed(
            f"the file `{blob.uri}` is not what its type `{blob.content_type}` says: {error}",
            reason="blob-no-rows",
        ) from error


def plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks, decompressed when they begin as gzip does (RFC 1952, 2.3.1)."""
    left = iter(chunks)
    first = next(left, b"")
    everything = chain([first], left)
    return decompressed(everything) if first.startswith(GZIP_MARK) else everything


def decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of gzip members, one after the other. Raises zlib.error."""
    inflate = Gunzip()
    for chunk in chunks:
        yield from inflate.feed(chunk)
    inflate.end()


class Gunzip:
    """Decompresses gzip as it comes, in parts of bounded size."""

    PART_BYTES: Final = 1024 * 1024

    def __init__(self) -> None:
        """Begin before the first member."""
        self._inflate = zlib.decompressobj(GZIP_WINDOW)
        self._fresh = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data brings. Raises zlib.error when it is no gzip."""
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(GZIP_WINDOW)
            yield self._inflate.decompress(data, self.PART_BYTES)
            self._fresh = False
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def end(self) -> None:
        """Expect the end of a member. Raises zlib.error when the data broke off."""
        if not self._fresh and not self._inflate.eof:
            message = "the gzip data ends too early"
            raise zlib.error(message)


def _without_mark(text: io.TextIOWrapper) -> Iterator[str]:
    """The lines, without the byte order mark that spreadsheets write."""
    for index, line in enumerate(text):
        yield line if index else line.removeprefix("\ufeff")


class _Chunks(io.RawIOBase):
    """Chunks as a file that is read from beginning to end."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Begin before the first chunk."""
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; 0 at the end."""
        while not self._left:
            found = next(self._chunks, None)
            if found is None:
                return 0
            self._left = found
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size
