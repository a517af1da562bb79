"""Content codings: what unpacks, what is cut off, what is none, and bombs."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import brotli
import httpx
import pytest

from activities.decoding import CODINGS, LARGEST_PIECE_BYTES, unpacked_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXT = b"a line of an answer\n" * 5000


def raw_deflate(data: bytes) -> bytes:
    """Return deflate as some servers send it: without zlib's header."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
}


def response(coding: str, content: bytes, size: int) -> httpx.Response:
    """Return a response whose body comes in parts of that size."""

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), size):
            yield content[start : start + size]

    return httpx.Response(200, headers={"Content-Encoding": coding}, content=parts())


async def body_of(coding: str, content: bytes, size: int = 1000) -> bytes:
    """Return the unpacked body."""
    pieces = [piece async for piece in unpacked_body(response(coding, content, size))]
    assert all(len(piece) <= 2 * LARGEST_PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 1000, 10**6])
@pytest.mark.parametrize("coding", CODINGS)
async def test_each_coding_unpacks(coding: str, size: int) -> None:
    """Whatever the parts are in which it comes."""
    assert await body_of(coding, PACKED[coding], size) == TEXT


@pytest.mark.parametrize(
    ("coding", "content", "body"),
    [
        ("deflate", raw_deflate(TEXT), TEXT),
        ("gzip", gzip.compress(b"one ") + gzip.compress(b"two"), b"one two"),
        ("gzip", gzip.compress(b"one") + b"\0" * 8, b"one"),
        ("gzip, br", brotli.compress(gzip.compress(TEXT)), TEXT),
        ("identity", TEXT, TEXT),
        ("", TEXT, TEXT),
        ("gzip", b"", b""),
        (" GZIP ", gzip.compress(TEXT), TEXT),
    ],
)
async def test_what_servers_do_with_codings(coding: str, content: bytes, body: bytes) -> None:
    """Members one after the other, padding, several codings, and a body of nothing."""
    assert await body_of(coding, content) == body


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("missing", [1, 20])
async def test_a_body_that_was_cut_off_is_not_taken_for_whole(coding: str, missing: int) -> None:
    """The part that came is not the answer."""
    with pytest.raises(httpx.ReadError, match="ended before"):
        await body_of(coding, PACKED[coding][:-missing])


@pytest.mark.parametrize("coding", [*CODINGS, "zstd", "gzip, nonsense"])
async def test_what_is_not_so_packed_is_told(coding: str) -> None:
    """Never a guess."""
    with pytest.raises(httpx.DecodingError):
        await body_of(coding, b"<html>not packed at all</html>" * 10)


def bombs() -> dict[str, bytes]:
    """Return small bodies of 50 MB each."""
    zeros = bytes(50_000_000)
    return {"gzip": gzip.compress(zeros), "br": brotli.compress(zeros, quality=1)}


@pytest.mark.parametrize(("coding", "content"), bombs().items(), ids=bombs())
async def test_a_bomb_is_unpacked_piece_by_piece(coding: str, content: bytes) -> None:
    """Whoever counts the pieces can stop in time: no memory grows with what is inside."""
    tracemalloc.start()
    try:
        size = 0
        pieces: Any = unpacked_body(response(coding, content, 10**6))
        async for piece in pieces:
            size += len(piece)
            if size > 1_000_000:
                break
        await pieces.aclose()
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert size > 1_000_000
