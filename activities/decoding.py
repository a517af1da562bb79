"""Content codings of answers (RFC 9110, 8.4.1): unpacked in bounded pieces, and known to be whole.

httpx unpacks, too; but it takes a stream that was cut off for the whole of it, and one part of a
bomb unpacks into memory at once.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Protocol

import brotli
import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

ACCEPTED_CODINGS: Final = "gzip, deflate, br"
LARGEST_PIECE_BYTES: Final = 64 * 1024
GZIP_BITS: Final = 31
ZLIB_BITS: Final = 15
RAW_DEFLATE_BITS: Final = -15
GZIP_MAGIC: Final = b"\x1f\x8b"


class Coding(Protocol):
    """Unpacks one content coding."""

    def unpacked(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes unpack to. Raises DecodingError when they can't be it."""

    def is_whole(self) -> bool:
        """Return whether the end of the stream was seen."""


class Zlib:
    """gzip, also of several members, and deflate with and without zlib's header."""

    def __init__(self, *window_bits: int) -> None:
        """Take the first of the formats that the data begin as."""
        self._formats = list(window_bits)
        self._unpacker = zlib.decompressobj(self._formats[0])
        self._began = False

    def unpacked(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes unpack to; what follows the end is only read as a member."""
        while data:
            if self._unpacker.eof:
                if self._formats[0] != GZIP_BITS or not data.startswith(GZIP_MAGIC):
                    return
                self._unpacker = zlib.decompressobj(GZIP_BITS)
            piece = self._piece(data)
            yield piece
            while self._unpacker.unconsumed_tail or len(piece) == LARGEST_PIECE_BYTES:
                piece = self._piece(self._unpacker.unconsumed_tail)
                yield piece
            data = self._unpacker.unused_data

    def _piece(self, data: bytes) -> bytes:
        try:
            piece = self._unpacker.decompress(data, LARGEST_PIECE_BYTES)
        except zlib.error as error:
            if self._began or len(self._formats) == 1:
                raise httpx.DecodingError(str(error)) from error
            del self._formats[0]
            self._unpacker = zlib.decompressobj(self._formats[0])
            return self._piece(data)
        self._began = True
        return piece

    def is_whole(self) -> bool:
        """Return whether the last member ended."""
        return self._unpacker.eof


class Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        """Begin."""
        self._unpacker = brotli.Decompressor()

    def unpacked(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes unpack to."""
        try:
            piece = self._unpacker.process(data, output_buffer_limit=LARGEST_PIECE_BYTES)
            yield piece
            while piece and not self.is_whole():  # it may hold more than it says that it does
                piece = self._unpacker.process(b"", output_buffer_limit=LARGEST_PIECE_BYTES)
                yield piece
        except brotli.error as error:
            raise httpx.DecodingError(str(error)) from error

    def is_whole(self) -> bool:
        """Return whether the stream ended."""
        return bool(self._unpacker.is_finished())


CODINGS: Final[dict[str, Callable[[], Coding]]] = {
    "gzip": lambda: Zlib(GZIP_BITS),
    "x-gzip": lambda: Zlib(GZIP_BITS),
    "deflate": lambda: Zlib(ZLIB_BITS, RAW_DEFLATE_BITS),
    "br": Brotli,
}


async def unpacked_body(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body of a response that is being read, without its content codings.

    Raises httpx.DecodingError when it is not what `Content-Encoding` says, httpx.ReadError when
    it ends before its coding does.
    """
    codings = [_coding(name) for name in reversed(_coding_names(response))]
    if response.is_stream_consumed:  # the transport has read and unpacked it
        codings = []
        parts = response.aiter_bytes()
    else:
        parts = response.aiter_raw()
    any_came = False
    async for part in parts:
        any_came = any_came or bool(part)
        for piece in _through(codings, part):
            yield piece
    if any_came and not all(one.is_whole() for one in codings):
        raise httpx.ReadError("the body ended before its content coding did")


def _coding_names(response: httpx.Response) -> list[str]:
    written = response.headers.get("content-encoding", "")
    names = (one.strip().lower() for one in written.split(","))
    return [one for one in names if one not in ("", "identity")]


def _coding(name: str) -> Coding:
    if name not in CODINGS:
        raise httpx.DecodingError(f"the content coding `{name[:40]}` was not asked for")
    return CODINGS[name]()


def _through(codings: list[Coding], data: bytes) -> Iterator[bytes]:
    if not codings:
        yield data
        return
    for piece in codings[0].unpacked(data):
        yield from _through(codings[1:], piece)
