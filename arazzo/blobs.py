"""Blob references: large values and files, which travel as a name of what lies in a store.

`{"$blob": {"uri", "bytes", "sha256", "contentType"}}` (DESIGN.md, section 4), with `"holdsFiles":
true` for a value in which references of files stand. Two kinds of content are told apart by the
content type. A *value* is an output that was too large for a history: wherever an expression reads
it, it is there again, so size never changes what a document means. A *file* came from a download or
from the caller: it is passed on, and read by rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arazzo.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Json

BLOB_KEY: Final = "$blob"
VALUE_TYPE: Final = "application/vnd.durazzo.value+json"
SEALED_TYPE: Final = "application/vnd.durazzo.sealed+json"
LARGEST_INLINE_BYTES: Final = 64 * 1024
"""What an output may measure as JSON before it moves to the store."""

DIGEST_CHARACTERS: Final = 32

_FOREIGN: Final = re.compile(r"[^A-Za-z0-9_\-]+")


@dataclass(frozen=True, slots=True)
class Blob:
    """What a reference says: where it is, its length, its SHA-256 as hex, and its media type.

    `holds_files` says of a value that references of files stand in it: workflow code, which reads
    no store, gives the time of an upload by that.
    """

    uri: str
    size: int
    sha256: str
    content_type: str
    holds_files: bool = False

    @property
    def is_value(self) -> bool:
        """Return whether it is a value of a run, in plain or sealed, and no file."""
        return self.content_type in (VALUE_TYPE, SEALED_TYPE)

    def as_json(self) -> dict[str, Any]:
        """Return the reference."""
        fields = {
            "uri": self.uri,
            "bytes": self.size,
            "sha256": self.sha256,
            "contentType": self.content_type,
        }
        return {BLOB_KEY: {**fields, "holdsFiles": True} if self.holds_files else fields}


class _Fields(BaseModel):
    """The fields of a reference, as they are spelt."""

    model_config = ConfigDict(defer_build=True, strict=True)

    uri: str
    size: int = Field(alias="bytes", ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    content_type: str = Field(alias="contentType", default="application/octet-stream")
    holds_files: bool = Field(alias="holdsFiles", default=False)


class FileValue(dict[str, Any]):
    """A file as expressions see it: the reference, and beside it what was read of its content.

    Rows stand under their number as text, counted from 0, and their count under `length`.
    """


def is_blob(value: Json) -> bool:
    """Return whether a value is a reference."""
    if isinstance(value, FileValue):
        return True
    return (
        isinstance(value, dict) and set(value) == {BLOB_KEY} and isinstance(value[BLOB_KEY], dict)
    )


def blob_of(value: Json) -> Blob:
    """Return what a reference says. Raises InputInvalid when it is not one as it should be."""
    found = value[BLOB_KEY]
    try:
        fields = _Fields.model_validate(found)
    except ValidationError as error:
        raise InputInvalid(
            f"a `{BLOB_KEY}` must hold `uri`, `bytes`, `sha256` (64 hexadecimal digits) and "
            "`contentType`; `durazzo put FILE` makes one",
            reason="blob-malformed",
        ) from error
    return Blob(fields.uri, fields.size, fields.sha256, fields.content_type, fields.holds_files)


def holds_file(value: Json) -> bool:
    """Return whether a value is, or holds, the reference of a file; never raises.

    What lies in the store says so by its reference; one made by an older version does not.
    """
    if is_blob(value):
        found = value[BLOB_KEY]
        is_value = found.get("contentType") in (VALUE_TYPE, SEALED_TYPE)
        return not is_value or found.get("holdsFiles") is True
    if isinstance(value, (dict, list)):
        return any(map(holds_file, value.values() if isinstance(value, dict) else value))
    return False


def blobs_in(value: Json) -> Iterator[Blob]:
    """Yield all references in a value. Raises InputInvalid."""
    if is_blob(value):
        yield blob_of(value)
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from blobs_in(child)


def without_content(value: Json) -> Json:
    """Return a value whose files are plain references again."""
    if isinstance(value, FileValue):
        return {BLOB_KEY: value[BLOB_KEY]}
    if isinstance(value, dict):
        return {name: without_content(child) for name, child in value.items()}
    return [without_content(child) for child in value] if isinstance(value, list) else value


def is_sealed_blob(value: Json) -> bool:
    """Return whether a value refers to a sealed one, which is spelt otherwise each time."""
    return is_blob(value) and blob_of(value).content_type == SEALED_TYPE


def content_name(name: str, digest: str) -> str:
    """Return the name of a content, by its SHA-256 as hex.

    An attempt that was taken for lost and comes late has another content, and so another name.
    """
    return f"{name}.{digest[:DIGEST_CHARACTERS]}"


def blob_name(text: str) -> str:
    """Return a text as a part of a name: other characters give way, and a digest tells it apart."""
    plain = _FOREIGN.sub("-", text)[:80].strip("-")
    if plain == text:
        return plain
    return f"{plain or 'x'}-{sha256(text.encode()).hexdigest()[:8]}"
