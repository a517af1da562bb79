"""Files of this machine: put into the blob store, and fetched from it, both in constant memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import obstore
from obstore.exceptions import BaseError

from activities.blob_values import LARGEST_VALUE_BYTES
from activities.decoding import GZIP_BITS, Zlib
from arazzo.blobs import VALUE_TYPE, Blob, holds_file
from arazzo.bodies import media_type_of
from arazzo.errors import InputInvalid
from arazzo.parameter_styles import is_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from activities.files import BlobStore

PUT_FOLDER: Final = "put"
"""Where files lie that were put by hand: no step's name has two parts."""
SENT_AT_ONCE: Final = 2
"""Parts of 5 MB, so that memory stays small."""


def put_file(store: BlobStore, path: Path, content_type: str) -> Blob:
    """Keep a file under the name of its content, so that the same one lies there once.

    Raises InputInvalid when it can't be read, StepFailed when the store fails.
    """
    try:
        size, digest = _size_of(path), _digest(path)
    except OSError as error:
        raise InputInvalid(f"`{path}` can't be read: {error.strerror}", reason="file") from error
    name = f"{PUT_FOLDER}/{digest}"
    try:
        obstore.put(
            store.store,
            name,
            path,
            attributes=store.attributes(content_type),
            max_concurrency=SENT_AT_ONCE,
        )
    except (BaseError, OSError, ValueError) as error:
        raise store.unusable(error, f"`{store.uri(name)}` can't be written") from error
    return Blob(store.uri(name), size, digest, content_type)


def put_value(store: BlobStore, path: Path, content_type: str) -> Blob:
    """Keep what a file of JSON holds, or another's text, as a value that expressions read.

    Raises InputInvalid when it can't be read or is too large, StepFailed when the store fails.
    """
    value = _value_in(path, content_type)
    content = json.dumps(value, allow_nan=False).encode()
    name = f"{PUT_FOLDER}/{hashlib.sha256(content).hexdigest()}"
    blob = asyncio.run(store.put(name, content, VALUE_TYPE))
    return replace(blob, holds_files=holds_file(value))


def _value_in(path: Path, content_type: str) -> Any:
    try:
        size = _size_of(path)
        if size > LARGEST_VALUE_BYTES:
            raise InputInvalid(
                f"`{path}` is {size} bytes; a value may have {LARGEST_VALUE_BYTES}, since all of "
                "it is in memory where it is read. Without `--value` it is a file, of any size",
                reason="value-too-large",
            )
        text = path.read_bytes().decode()  # line ends stay as they are
        kind = media_type_of(content_type)
        return json.loads(text, parse_constant=_no_number) if is_json(kind) else text
    except OSError as error:
        raise InputInvalid(f"`{path}` can't be read: {error.strerror}", reason="file") from error
    except (ValueError, RecursionError) as error:
        raise InputInvalid(
            f"`{path}` holds no `{content_type}` as UTF-8: {error}", reason="no-value"
        ) from error


def _no_number(text: str) -> Any:
    message = f"{text} is no number of JSON"
    raise ValueError(message)


def _size_of(path: Path) -> int:
    """Return the bytes of a regular file: a pipe has no length, and can't be read twice."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise InputInvalid(
            f"`{path}` is no regular file, but a folder, a pipe or a device; write what it gives "
            "into a file, and put that",
            reason="file",
        )
    return found.st_size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(
    parts: Iterable[bytes],
    target: Path,
    seen: Callable[[int], object] = lambda _: None,
    *,
    decompress: bool = False,
) -> int:
    """Write a file, which appears in its place when it is whole, and return its bytes.

    `seen` is told of each part's bytes. Raises InputInvalid when it can't be written, or when
    what should be decompressed is no gzip; and what `parts` raises.
    """
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            counted = _counted(parts, seen)
            size = sum(map(file.write, unpacked(counted) if decompress else counted))
        part.replace(target)
    except OSError as error:
        raise InputInvalid(
            f"`{target}` can't be written: {error.strerror}", reason="file"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return size


def _counted(parts: Iterable[bytes], seen: Callable[[int], object]) -> Iterator[bytes]:
    for data in parts:
        seen(len(data))
        yield data


def unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what a gzip holds. Raises InputInvalid when it is none, or not a whole one."""
    unzip = Zlib(GZIP_BITS)
    try:
        for data in parts:
            yield from unzip.unpacked(data)
    except httpx.DecodingError as error:
        raise _no_gzip() from error
    if not unzip.is_whole():
        raise _no_gzip()


def _no_gzip() -> InputInvalid:
    return InputInvalid(
        "the file is no whole gzip; leave out `--decompress` to get it as it is", reason="no-gzip"
    )
