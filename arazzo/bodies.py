"""Request bodies: a value as the bytes of its media type.

JSON, forms and multipart as OpenAPI 3.1.1, 4.8.14 and 4.8.15 describe them, XML by the schema's
hints (`arazzo.xml_text`), everything else as the text that it is. Nothing here depends on chance
or time: the same value gives the same bytes, so that an attempt can be made again.
"""

from __future__ import annotations

import json
import re
from codecs import lookup
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from arazzo.blobs import Blob, blob_of, holds_file, is_blob
from arazzo.errors import StepFailed
from arazzo.navigation import text_of
from arazzo.parameter_styles import (
    DELIMITERS,
    allowing_reserved,
    is_json,
    is_json_text,
    is_undefined,
    pairs,
    spread,
)
from arazzo.plan import ParameterPlan, PartPlan
from arazzo.xml_text import xml_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Json
    from arazzo.plan import Call

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
RELATED: Final = "multipart/related"
MULTIPARTS: Final = frozenset((MULTIPART, "multipart/mixed", RELATED))
"""Bodies of parts: with names (RFC 7578), or one behind the other (RFC 2046 and 2387)."""
JSON_LINES: Final = frozenset(
    ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
)

_CHARSET: Final = re.compile(r""";\s*charset\s*=\s*"?([^\s";]+)""", re.IGNORECASE)
_BOUNDARY: Final = re.compile(r""";\s*boundary\s*=\s*(?:"[^"]*"|[^\s;]*)""", re.IGNORECASE)
_TYPE: Final = re.compile(r";\s*type\s*=", re.IGNORECASE)
_QUOTED_NAME: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""How a name stands in the header of a part (WHATWG HTML, multipart/form-data)."""
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+([ \t]*;[\x20-\x7e]*)?", re.ASCII)
_OCTETS: Final = "application/octet-stream"
_SUFFIXES: Final = {
    "application/gzip": ".gz", "application/json": ".json", "application/pdf": ".pdf",
    "application/x-ndjson": ".ndjson", "application/xml": ".xml", "application/zip": ".zip",
    "image/gif": ".gif", "image/jpeg": ".jpg", "image/png": ".png", "text/csv": ".csv",
    "text/plain": ".txt", "text/xml": ".xml",
}  # fmt: skip
"""What services look at first, when they are to take a file; a reference knows no file's name."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A body with files in it: what is sent one after the other."""

    parts: tuple[bytes | Blob, ...]

    @property
    def size(self) -> int:
        """Return its length in bytes."""
        return sum(one.size if isinstance(one, Blob) else len(one) for one in self.parts)


Content = bytes | Pieces
"""A body, or a part of one."""


def media_type_of(content_type: str) -> str:
    """Return the media type without its parameters, in lower case."""
    return content_type.split(";", maxsplit=1)[0].strip().lower()


def is_media_type(text: str) -> bool:
    """Return whether a text is a media type, with or without parameters."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def charset_of(content_type: str) -> str:
    """Return the charset that a content type names; UTF-8 where it names none."""
    found = _CHARSET.search(content_type)
    return found[1] if found else "utf-8"


def is_known_charset(name: str) -> bool:
    """Return whether there is such a charset."""
    try:
        "".encode(lookup(name).name)
    except (LookupError, UnicodeError):
        return False
    return True


def is_xml(media_type: str) -> bool:
    """Return whether a media type is XML."""
    return media_type in ("application/xml", "text/xml") or media_type.endswith("+xml")


def takes_objects(content_type: str) -> bool:
    """Return whether an object or a list can be written as the media type."""
    media_type = media_type_of(content_type)
    known = (FORM, *MULTIPARTS, "text/plain")
    return is_json(media_type) or is_xml(media_type) or media_type in known


def encode(call: Call, body: Json) -> tuple[str, Content]:
    """Return the content type and the bytes of a body. Raises StepFailed when it has none.

    A file of the blob store is sent as it is, as a whole body or as a part of a multipart.
    """
    return Body(call).encode(body)


class Body:
    """Writes the body of one call."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.content_type = call.content_type or "application/json"
        self.media_type = media_type_of(self.content_type)

    def encode(self, body: Json) -> tuple[str, Content]:
        """Return the content type, which may have gained a parameter, and the bytes."""
        if is_blob(body) and self.media_type not in MULTIPARTS:
            return self.content_type, Pieces((blob_of(body),))
        if self.media_type in MULTIPARTS:
            return self._multipart(body)
        text = self._text(body)
        if self.media_type.startswith("text/") and not text.isascii():
            self._name_the_charset()
        return self.content_type, self._bytes(text)

    def _text(self, body: Json) -> str:
        if holds_file(body):
            raise self._failed(
                f"holds a file of the blob store within `{self.media_type}`; a file is sent as the "
                "whole body, or as a part of a multipart",
                "blob-in-body",
            )
        if self.media_type in JSON_LINES and isinstance(body, (list, str)):
            return (
                body if isinstance(body, str) else "".join(f"{self._json(one)}\n" for one in body)
            )
        if is_json(self.content_type):
            return self._json(body)
        if isinstance(body, str):
            return body
        if self.media_type == FORM:
            return self._form(body)
        if is_xml(self.media_type):
            return xml_document(self.call.xml, body, charset_of(self.content_type))
        if isinstance(body, (dict, list)) and not takes_objects(self.content_type):
            raise self._failed(f"is an object or a list, which `{self.media_type}` can't hold")
        return text_of(body)

    def _json(self, body: Json, *, compact: bool = False) -> str:
        separators = (",", ":") if compact else None
        try:
            return json.dumps(body, allow_nan=False, separators=separators)
        except ValueError as error:
            said = "holds a number that JSON has no text for"
            raise self._failed(said, "body-not-json") from error

    def _name_the_charset(self) -> None:
        if not _CHARSET.search(self.content_type):
            self.content_type += "; charset=utf-8"

    def _bytes(self, text: str) -> bytes:
        charset = charset_of(self.content_type)
        try:
            return text.encode(charset)
        except (UnicodeError, LookupError) as error:
            raise self._failed(f"holds a character that `{charset}` does not have") from error

    def _failed(self, said: str, reason: str = "body-not-serialisable") -> StepFailed:
        return StepFailed(
            f"the body of {self.call.method} {self.call.path} {said}",
            reason=reason,
        )

    # -- forms -----------------------------------------------------------------------------------

    def _form(self, body: Json) -> str:
        if not isinstance(body, dict):
            raise self._failed(f"is no object, which `{FORM}` needs")
        return "&".join(
            pair
            for name, value in body.items()
            if not is_undefined(value)
            for pair in self._form_pairs(name, value)
        )

    def _form_pairs(self, name: str, value: Json) -> Iterator[str]:
        """Yield the pairs of one property: by its style, by its content type, or by its shape."""
        part = self.call.parts.get(name, PartPlan())
        if part.style:
            styled = ParameterPlan(
                name=name, location="query", value=None, style=part.style, explode=part.explode
            )
            spell = allowing_reserved if part.allow_reserved else self._quoted
            yield from pairs(styled, value, lambda one: spell(text_of(one)))
        elif is_json(part.content_type):
            text = value if is_json_text(value) else self._json(value, compact=True)
            yield f"{self._quoted(name)}={self._quoted(text)}"
        else:
            for path, one in spread(value):
                yield f"{self._quoted(name + path)}={self._quoted(text_of(one))}"

    def _quoted(self, text: str) -> str:
        try:
            return quote_plus(text, safe="", encoding=charset_of(self.content_type))
        except (UnicodeError, LookupError) as error:
            raise self._failed("holds a character that its charset does not have") from error

    # -- multipart -------------------------------------------------------------------------------

    def _multipart(self, body: Json) -> tuple[str, Content]:
        made = [
            (part, content)
            for name, value in self._members(body)
            if not is_undefined(value)
            for part, content in self._parts(name, value)
        ]
        boundary = _boundary([_told(content) for _, content in made])
        mark = b"--" + boundary.encode()
        framed = [one for _, part in made for one in (mark + b"\r\n", *part, b"\r\n")]
        kept = _BOUNDARY.sub("", self.content_type)
        if self.media_type == RELATED and made and not _TYPE.search(kept):
            kept += f'; type="{media_type_of(self._part_type(made[0][0]))}"'
        return f"{kept}; boundary={boundary}", _joined([*framed, mark + b"--\r\n"])

    def _members(self, body: Json) -> list[tuple[str, Json]]:
        """The properties of an object, or the elements of a list where parts need no names."""
        if isinstance(body, dict) and not is_blob(body):
            return list(body.items())
        if isinstance(body, list) and self.media_type != MULTIPART:
            return [("", one) for one in body]
        wanted = "is no object" if self.media_type == MULTIPART else "is neither object nor list"
        raise self._failed(f"{wanted}, which `{self.media_type}` needs")

    def _parts(self, name: str, value: Json) -> Iterator[tuple[PartPlan, tuple[bytes | Blob, ...]]]:
        """Yield one part of a value, or one for each element of a list (4.8.15.1.1)."""
        hints = self.call.parts.get(name, PartPlan())
        for one in _repeated(value, hints):
            if is_blob(one):
                yield self._file(name, blob_of(one), hints)
                continue
            part = hints
            if isinstance(one, (dict, list)) and not part.content_type:
                part = hints.model_copy(update={"content_type": "application/json"})
            content = self._bytes_of_part(self._part_text(one, part), part)
            yield part, (self._head(name, part) + content,)

    def _file(self, name: str, blob: Blob, part: PartPlan) -> tuple[PartPlan, tuple[bytes, Blob]]:
        """Its own media type tells more than the description, which may allow several."""
        if part.transfer_encoding.lower() not in ("", "binary", "8bit"):
            raise self._failed(
                f"has a file as the part `{name}`, which wants `{part.transfer_encoding}`; a file "
                "is sent as it is"
            )
        own = blob.content_type if is_media_type(blob.content_type) else _OCTETS
        kind = part.content_type if own == _OCTETS and part.content_type else own
        made = part.model_copy(update={"content_type": kind, "is_file": True})
        suffix = _SUFFIXES.get(media_type_of(kind), "")
        return made, (self._head(name, made, suffix), blob)

    def _part_text(self, value: Json, part: PartPlan) -> str:
        if holds_file(value):
            raise self._failed("has a part that holds a file beside something else", "blob-in-body")
        if isinstance(value, str) and (part.is_file or is_json_text(value)):
            return value
        if is_json(part.content_type):
            return self._json(value, compact=True)
        if isinstance(value, (dict, list)):
            raise self._failed(f"has an object where a part of `{part.content_type}` is wanted")
        return text_of(value)

    def _bytes_of_part(self, text: str, part: PartPlan) -> bytes:
        charset = charset_of(part.content_type or self.content_type)
        try:
            return text.encode(charset)
        except (UnicodeError, LookupError) as error:
            raise self._failed(f"holds a character that `{charset}` does not have") from error

    def _head(self, name: str, part: PartPlan, suffix: str = "") -> bytes:
        lines = [self._disposition(name, part, suffix)] if self.media_type == MULTIPART else []
        if self._part_type(part):
            lines.append(f"Content-Type: {self._part_type(part)}")
        if part.transfer_encoding:
            lines.append(f"Content-Transfer-Encoding: {part.transfer_encoding}")
        lines += [f"{header}: {text}" for header, text in part.headers.items()]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("utf-8", "replace")

    def _disposition(self, name: str, part: PartPlan, suffix: str) -> str:
        quoted = name.translate(_QUOTED_NAME)
        file = f'; filename="{quoted.removesuffix(suffix)}{suffix}"' if part.is_file else ""
        return f'Content-Disposition: form-data; name="{quoted}"{file}'

    def _part_type(self, part: PartPlan) -> str:
        """Without a name nothing but its type tells what a part is, so each of those has one."""
        if part.content_type or part.is_file:
            return part.content_type or _OCTETS
        return "" if self.media_type == MULTIPART else "text/plain; charset=utf-8"


def _repeated(value: Json, part: PartPlan) -> list[Json]:
    """Return the values of the parts of a property; one where a style joins a list."""
    if not isinstance(value, list) or is_json(part.content_type):
        return [value]
    known = [one for one in value if one is not None]
    if not part.style or part.explode or any(isinstance(one, (dict, list)) for one in known):
        return known
    return [DELIMITERS.get(part.style, ",").join(text_of(one) for one in known)]


def _told(content: tuple[bytes | Blob, ...]) -> bytes:
    """Return what the boundary is made of; a file is told by its digest, which is not in it."""
    return b"".join(one.sha256.encode() if isinstance(one, Blob) else one for one in content)


def _joined(parts: list[bytes | Blob]) -> Content:
    """Return what stands between files as one, and where there is no file nothing else."""
    made: list[bytes | Blob] = []
    for is_file, found in groupby(parts, lambda one: isinstance(one, Blob)):
        if is_file:
            made.extend(found)
        else:
            made.append(b"".join(one for one in found if isinstance(one, bytes)))
    return made[0] if len(made) == 1 and isinstance(made[0], bytes) else Pieces(tuple(made))


def _boundary(parts: list[Any]) -> str:
    """Return a boundary that stands in no part, made from the content alone."""
    whole = b"\r\n".join(parts)
    boundary = f"durazzo-{sha256(whole).hexdigest()[:32]}"
    while boundary.encode() in whole:
        boundary = f"durazzo-{sha256(boundary.encode()).hexdigest()[:32]}"
    return boundary
