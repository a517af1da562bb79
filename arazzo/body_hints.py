"""What a description says of how a request body is written: its media type, its parts, its XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from arazzo import selector
from arazzo.bodies import (
    FORM,
    JSON_LINES,
    MULTIPARTS,
    charset_of,
    is_known_charset,
    is_media_type,
    is_xml,
    media_type_of,
    takes_objects,
)
from arazzo.navigation import text_of
from arazzo.parameter_styles import DELIMITERS, HEADER_UNSAFE, is_json
from arazzo.plan import PartPlan, XmlPlan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from arazzo.context import Json
    from arazzo.openapi import OpenApiDescription, Operation

DEEPEST: Final = 24
MOST_SCHEMAS: Final = 20_000
"""Bounds for schemas that refer to themselves."""

_TOKEN: Final = re.compile(r"[\w.+-]+", re.ASCII)
_ENCODED: Final = frozenset(("binary", "byte", "base64"))
"""Formats whose text is a file's content."""
_OF_THE_PART: Final = frozenset(
    ("content-type", "content-disposition", "content-transfer-encoding")
)
"""Headers that are written by other fields; «Content-Type is described separately» (4.8.15.1)."""
_STYLES: Final = frozenset(("form", "deepObject", *DELIMITERS))


def chosen_content_type(written: str | None, operation: Operation) -> str:
    """Return the media type of a body: as written, else one of the operation's, JSON before all."""
    if written and "*" not in written:
        return written
    if written and written.startswith("text/"):
        return "text/plain"
    declared = [one for one in operation.body_media_types if "*" not in one]
    if written or not declared:
        return "application/json"
    return next((one for one in declared if is_json(one)), declared[0])


def reads_json_text(content_type: str) -> bool:
    """Return whether a payload that is JSON text stands for its value, since no text can."""
    media_type = media_type_of(content_type)
    return media_type in (FORM, *MULTIPARTS) or (
        is_json(media_type) and media_type not in JSON_LINES
    )


def why_unsupported(content_type: str, payload: Any) -> str:
    """Return what of a body can't be served, by name; empty when nothing is known to be wrong."""
    media_type = media_type_of(content_type)
    parts = media_type.startswith("multipart/") and media_type not in MULTIPARTS
    if parts or not is_media_type(content_type):
        return f"a body of the media type `{content_type}`"
    if not is_known_charset(charset_of(content_type)):
        return f"the charset `{charset_of(content_type)}`"
    literal = isinstance(payload, (dict, list)) and selector.written(payload) is None
    if literal and not takes_objects(content_type):
        return f"an object or a list as a body of the media type `{media_type}`"
    return ""


def body_hints(
    description: OpenApiDescription, operation: Operation, content_type: str | None, payload: Any
) -> dict[str, Any]:
    """Return the fields `parts` and `xml` of a call, as far as the description has any.

    Of parts only those that the payload names, where it does: a description may have hundreds.
    """
    media_type = media_type_of(content_type or "")
    reader = _Reader(description)
    media = description.follow(_media_object(operation, media_type))
    if media_type in (FORM, *MULTIPARTS):
        parts = dict(reader.parts(media, media_type))
        return {"parts": {name: parts[name] for name in _named(payload, parts) if name in parts}}
    return {"xml": reader.root(media.get("schema"))} if is_xml(media_type) else {}


def _named(payload: Any, known: Collection[str]) -> Collection[str]:
    """Return the properties that a payload can have; all that are known where a name may be any."""
    if isinstance(payload, dict) and not any("$" in name for name in payload):
        return payload
    return known


def _media_object(operation: Operation, media_type: str) -> dict[str, Any]:
    """Return the Media Type Object of that type, else of a range that holds it (4.8.13)."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    known = {media_type_of(key): one for key, one in operation.body_content.items()}
    found = next((known[one] for one in ranges if one in known), None)
    return _objects(found)


class _Reader:
    def __init__(self, description: OpenApiDescription) -> None:
        self.description = description
        self.left = MOST_SCHEMAS

    # -- parts -----------------------------------------------------------------------------------

    def parts(self, media: dict[str, Any], media_type: str) -> Iterator[tuple[str, PartPlan]]:
        """Yield the properties of a form or multipart body that are written in a way of their own.

        Encoding Object, 4.8.15. For a form a style counts more than a content type.
        """
        encodings = _objects(media.get("encoding"))
        properties = dict(self._properties(media.get("schema")))
        for name in dict.fromkeys((*properties, *encodings)):
            encoding = self.description.follow(encodings.get(name))
            written = properties.get(name)
            schema = self.description.follow(written)
            if schema.get("type") == "array":
                written = schema.get("items")
                schema = self.description.follow(written)
            fields = self._styled(encoding)
            fields |= _typed(encoding, schema, multipart=media_type in MULTIPARTS)
            if media_type in MULTIPARTS:
                fields["headers"] = dict(self._headers(encoding))
            if written == {} and media_type in MULTIPARTS:
                fields["is_file"] = True  # how OpenAPI 3.1 writes a file: application/octet-stream
            part = PartPlan.model_validate(fields)
            if part != PartPlan():
                yield name, part

    def _styled(self, encoding: dict[str, Any]) -> dict[str, Any]:
        if not any(key in encoding for key in ("style", "explode", "allowReserved")):
            return {}
        style = str(encoding.get("style", "form"))
        if style not in _STYLES:
            return {}
        explode = encoding.get("explode")
        return {
            "style": style,
            "explode": explode if isinstance(explode, bool) else style == "form",
            "allow_reserved": encoding.get("allowReserved") is True,
        }

    def _headers(self, encoding: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the headers of a part that can have one value alone, or have one by default."""
        for name, node in _objects(encoding.get("headers")).items():
            schema = self.description.follow(self.description.follow(node).get("schema"))
            enum = schema.get("enum")
            only = enum[0] if isinstance(enum, list) and len(enum) == 1 else None
            value = schema.get("const", schema.get("default", only))
            text = "" if value is None else text_of(value)
            usable = _TOKEN.fullmatch(name) and name.lower() not in _OF_THE_PART
            if text and usable and not HEADER_UNSAFE.search(text):
                yield name, text

    # -- XML -------------------------------------------------------------------------------------

    def root(self, schema: Json) -> XmlPlan:
        """Return the hints of a body; its root has the name of the schema that it refers to."""
        found = self._xml(schema, ()) or XmlPlan()
        reference = _objects(schema).get("$ref")
        if found.name or not isinstance(reference, str):
            return found
        return found.model_copy(update={"name": reference.rpartition("/")[2]})

    def _xml(self, node: Json, above: tuple[str, ...]) -> XmlPlan | None:
        """Return the hints of a schema and of all below it, None where there are none."""
        reference = str(_objects(node).get("$ref", ""))
        self.left -= 1
        if (reference and reference in above) or len(above) > DEEPEST or self.left < 0:
            return None
        above = (*above, reference)
        schema = self.description.follow(node)
        below = {name: self._xml(child, above) for name, child in self._properties(schema)}
        items = schema.get("items")
        found = XmlPlan(
            **self._own(schema),
            properties={name: one for name, one in below.items() if one},
            items=self._xml(items, above) if isinstance(items, dict) else None,
        )
        return found if found != XmlPlan() else None

    def _own(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The XML Object of a schema, or the first in what it is composed of."""
        own = next(
            (xml for part in self._composed(schema) if (xml := _objects(part.get("xml")))), {}
        )
        return {
            **{key: str(own[key]) for key in ("name", "namespace", "prefix") if own.get(key)},
            "attribute": own.get("attribute") is True or own.get("nodeType") == "attribute",
            "wrapped": own.get("wrapped") is True,
        }

    # -- schemas ---------------------------------------------------------------------------------

    def _properties(self, schema: Json) -> Iterator[tuple[str, Json]]:
        for part in self._composed(schema):
            yield from _objects(part.get("properties")).items()

    def _composed(self, schema: Json, level: int = 0) -> Iterator[dict[str, Any]]:
        """Yield a schema and what `allOf`, `anyOf` and `oneOf` compose it of."""
        found = self.description.follow(schema)
        yield found
        for key in ("allOf", "anyOf", "oneOf") if level < DEEPEST else ():
            children = found.get(key)
            for child in children if isinstance(children, list) else []:
                self.left -= 1
                if self.left > 0:
                    yield from self._composed(child, level + 1)


def _typed(encoding: dict[str, Any], schema: dict[str, Any], *, multipart: bool) -> dict[str, Any]:
    """The media type of a part, and whether it is a file (4.8.15.1.1, 4.8.15.4)."""
    given = str(encoding.get("contentType", "")).split(",")[0].strip()
    content_type = given or str(schema.get("contentMediaType", ""))
    content_type = content_type if "*" not in content_type and is_media_type(content_type) else ""
    if not multipart:
        return {"content_type": content_type} if is_json(content_type) else {}
    transfer = str(schema.get("contentEncoding", ""))
    plain = not content_type or content_type.startswith("text/") or is_json(content_type)
    return {
        "content_type": content_type,
        "transfer_encoding": transfer if _TOKEN.fullmatch(transfer) else "",
        "is_file": str(schema.get("format")) in _ENCODED or bool(transfer) or not plain,
    }


def _objects(node: Json) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}
