"""Rows of files: CSV and NDJSON, gzipped or not, read one after the other with constant memory."""

from __future__ import annotations

import csv
import io
import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import httpx

from activities.decoding import GZIP_BITS, GZIP_MAGIC, Zlib
from arazzo.bodies import JSON_LINES, charset_of, media_type_of
from arazzo.errors import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arazzo.blobs import Blob

CSV: Final = frozenset(("text/csv", "application/csv"))


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
    except (csv.Error, ValueError, LookupError, RecursionError, httpx.DecodingError) as error:
        raise StepFailed(
            f"the file `{blob.uri}` is not what its type `{blob.content_type}` says: {error}",
            reason="blob-no-rows",
        ) from error


def plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks, decompressed when they begin as gzip does (RFC 1952, 2.3.1)."""
    left = iter(chunks)
    first = next(left, b"")
    everything = chain([first], left)
    return decompressed(everything) if first.startswith(GZIP_MAGIC) else everything


def decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of gzip members, one after the other. Raises httpx.DecodingError."""
    unzip = Zlib(GZIP_BITS)
    for chunk in chunks:
        yield from unzip.unpacked(chunk)
    if not unzip.is_whole():
        message = "the gzip data ends too early"
        raise httpx.DecodingError(message)


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
