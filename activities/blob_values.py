"""Large values of a run: moved to the blob store, and there again wherever they are read."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from activities.rows import has_rows, rows_of
from arazzo.blob_reads import BlobRead, reads_of
from arazzo.blobs import (
    LARGEST_INLINE_BYTES,
    SEALED_TYPE,
    VALUE_TYPE,
    Blob,
    FileValue,
    blob_name,
    blob_of,
    content_name,
    holds_file,
    is_blob,
)
from arazzo.bodies import media_type_of
from arazzo.context import Context, context_of
from arazzo.errors import PayloadTooLarge, StepFailed
from arazzo.inputs import is_sealed
from arazzo.parameter_styles import is_json
from arazzo.plan import canonical

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from activities.files import BlobStore
    from arazzo.plan import AttemptPlan

LARGEST_VALUE_BYTES: Final = 64 * 1024 * 1024
"""What one value may measure; all of it is in memory where it is read."""
SMALLEST_BYTES: Final = 1024
"""What is smaller would hardly shrink: a reference measures some 250 bytes."""
JSON_FILE_BYTES: Final = 10 * 1024 * 1024
LENGTH: Final = "length"


@dataclass(frozen=True)
class BlobValues:
    """What lies in a store, as values."""

    store: BlobStore

    async def moved(self, folder: str, outputs: dict[str, Any], most: int) -> dict[str, Any]:
        """Return outputs with references in place of the large ones.

        Those over 64 KB as JSON move, then the largest first until the rest measures at most
        `most` bytes, if that can be. Raises PayloadTooLarge for one that nothing could read any
        more, StepFailed.
        """
        kept = dict(outputs)
        left = {name: len(canonical(one)) for name, one in outputs.items() if not is_blob(one)}
        for name in sorted(left, key=left.__getitem__, reverse=True):
            total = sum(len(canonical(one)) for one in kept.values())
            if left[name] > LARGEST_INLINE_BYTES or (total > most and left[name] > SMALLEST_BYTES):
                kept[name] = await self.put(f"{folder}/{blob_name(name)}", outputs[name])
        return kept

    async def put(self, name: str, value: Any) -> dict[str, Any]:
        """Keep a value under a name that its content ends, and return the reference.

        Raises as `moved` does.
        """
        content = json.dumps(value).encode()
        if len(content) > LARGEST_VALUE_BYTES:
            raise PayloadTooLarge(
                f"the output `{name.rpartition('/')[2]}` is {len(content)} bytes; a value may "
                f"have {LARGEST_VALUE_BYTES}. Have the document output the whole body, which is "
                "then kept as a file, or only a part of it",
                reason="value-too-large",
            )
        kind = SEALED_TYPE if is_sealed(value) else VALUE_TYPE
        own = content_name(name, hashlib.sha256(content).hexdigest())
        blob = await self.store.put(own, content, kind)
        return replace(blob, holds_files=holds_file(value)).as_json()

    async def loaded(self, value: Any) -> Any:
        """Return a JSON value with the values that lie in the store in place of references.

        Files stay references. Raises InputInvalid or StepFailed.
        """
        if is_blob(value):
            blob = blob_of(value)
            self.store.name_of(blob)
            return await self._value(blob) if blob.is_value else value
        if isinstance(value, dict):
            return {name: await self.loaded(child) for name, child in value.items()}
        if isinstance(value, list):
            return [await self.loaded(child) for child in value]
        return value

    async def _value(self, blob: Blob) -> Any:
        if blob.size > LARGEST_VALUE_BYTES:
            raise PayloadTooLarge(
                f"the blob `{blob.uri}` is no value of ours: it has {blob.size} bytes",
                reason="value-too-large",
            )
        return json.loads(await self.store.read(blob))

    async def context(self, plan: AttemptPlan, values: dict[str, Any]) -> Context:
        """Return the context of loaded values, with what an attempt reads of files."""
        reads = reads_of(plan, context_of(values, plan.constants))
        return context_of(await self.with_content(values, reads), plan.constants)

    # -- files -----------------------------------------------------------------------------------

    async def with_content(self, values: dict[str, Any], reads: Iterable[BlobRead]) -> Any:
        """Return values in which files hold the rows that these expressions read.

        Raises StepFailed for a read that a file can't answer.
        """
        wanted: dict[Blob, set[str]] = {}
        for one in reads:
            wanted.setdefault(one.blob, set()).add(_first_token(one))
        found = {blob: await self._content(blob, tokens) for blob, tokens in wanted.items()}
        return _placed(values, found) if found else values

    async def _content(self, blob: Blob, tokens: Collection[str]) -> FileValue:
        if has_rows(blob):
            rows = await asyncio.to_thread(self._rows, blob, tokens)
            return FileValue({**rows, **blob.as_json()})
        if not is_json(media_type_of(blob.content_type)) or blob.size > JSON_FILE_BYTES:
            raise StepFailed(
                f"a part of the file `{blob.uri}` can't be read: it is `{blob.content_type}` of "
                f"{blob.size} bytes. Parts are read of CSV and NDJSON of any size, and of JSON "
                f"up to {JSON_FILE_BYTES} bytes",
                reason="blob-part",
            )
        content = json.loads(await self.store.read(blob))
        listed = (
            {str(at): one for at, one in enumerate(content)}
            if isinstance(content, list)
            else content
        )
        counted = {LENGTH: len(content)} if isinstance(content, list) else {}
        return FileValue({**counted, **listed, **blob.as_json()})

    def _rows(self, blob: Blob, tokens: Collection[str]) -> dict[str, Any]:
        """Read up to the last row that is wanted, or to the end where they are counted."""
        last = max((int(one) for one in tokens if one != LENGTH), default=-1)
        found, count = dict[str, Any](), 0
        for row in rows_of(blob, self.store.chunks(blob)):
            if str(count) in tokens:
                found[str(count)] = row
            count += 1
            if LENGTH not in tokens and count > last:
                return found
        return {**found, LENGTH: count}


def _first_token(read: BlobRead) -> str:
    token = read.path[0] if read.path else ""
    rows = has_rows(read.blob)
    if rows and not (token.isdecimal() or token == LENGTH):
        raise StepFailed(
            f"`{read.text}` wants the content of a file, which is not loaded as a whole: read one "
            "row, as `#/0/NAME`, or their number, as `#/length`, or pass the file on as a body",
            reason="blob-part",
        )
    return token


def _placed(value: Any, found: dict[Blob, FileValue]) -> Any:
    if is_blob(value):
        return found.get(blob_of(value), value)
    if isinstance(value, dict):
        return {name: _placed(child, found) for name, child in value.items()}
    return [_placed(child, found) for child in value] if isinstance(value, list) else value
