"""The body of an answer as the value that its content type says, and what is wrong with it.

The charset is that of a byte order mark, of the content type, of an XML declaration (RFC 7303, 3),
or the one that JSON begins in (RFC 8259, 8.1, and RFC 4627, 3); UTF-8 where none of them tells.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from arazzo.bodies import FORM, JSON_LINES, is_xml, media_type_of
from arazzo.context import ABSENT
from arazzo.parameter_styles import is_json

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_NESTED: Final = 200
"""Levels of lists and objects in a body: what is nested deeper can't be handed on as a result."""
TOO_DEEP: Final = f"the body is JSON that is nested more than {MOST_NESTED} levels deep"
JSON_SEQUENCE: Final = "application/json-seq"
RECORD_SEPARATOR: Final = "\x1e"
"""Stands before each text of a JSON sequence (RFC 7464, 2.2)."""
SHOWN_BYTES: Final = 4096
"""Of a body that is no text: more than an excerpt shows, since what is cut can't be masked."""
FIRST_BYTES: Final = 200
"""Where an XML declaration must stand."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32 before UTF-16, whose mark it begins with."""
_DECLARED: Final = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)""")

Read = tuple[Any, str, str]
"""A body's value, what is wrong with it, and its text."""


def read_body(body: bytes, content_type: str, charset: str | None) -> Read:
    """Read a body of that content type, whose `charset` parameter is None where it has none."""
    if not body:
        return ABSENT, "", ""
    try:
        text = body.decode(_encoding(body, content_type, charset)).removeprefix("\ufeff")
    except (UnicodeError, LookupError):
        shown = repr(body[:SHOWN_BYTES])
        return ABSENT, f"the body ({content_type}) is no text", shown
    return _value(text, content_type)


def _encoding(body: bytes, content_type: str, charset: str | None) -> str:
    mark = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    if mark or charset:
        return mark or charset or ""
    if is_json(content_type):
        return json.detect_encoding(body)
    found = _DECLARED.match(body[:FIRST_BYTES]) if is_xml(media_type_of(content_type)) else None
    return found[1].decode("ascii") if found else "utf-8"


def _value(text: str, content_type: str) -> Read:
    media_type = media_type_of(content_type)
    if media_type in JSON_LINES or media_type == JSON_SEQUENCE:
        return _json(text, content_type, _lines)
    if is_json(content_type):
        return _json(text, content_type, _loaded)
    if media_type == FORM:
        return _form(text), "", text
    if not media_type and text.lstrip()[:1] in ("{", "["):
        value, flaw, _ = _json(text, content_type, _loaded)
        return (text if flaw else value), "", text
    if is_xml(media_type) and not text.lstrip().startswith("<"):
        return text, f"the body is not the XML that its content type `{content_type}` says", text
    return text, "", text


def _json(text: str, content_type: str, load: Callable[[str], Any]) -> Read:
    try:
        value = load(text)
    except ValueError as error:
        said = f"the body is not the JSON that its content type `{content_type}` says ({error})"
        return text, said, text
    except RecursionError:
        return text, TOO_DEEP, text
    return (value, "", text) if _is_shallow(value) else (text, TOO_DEEP, text)


def _loaded(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _lines(text: str) -> list[Any]:
    """The values of NDJSON, one a line, or of a JSON sequence, each behind its separator."""
    parts = text.split(RECORD_SEPARATOR if RECORD_SEPARATOR in text else "\n")
    return [_loaded(part) for part in parts if part.strip()]


def _form(text: str) -> dict[str, Any]:
    """The pairs of a form by name; one that comes several times has a list of its values."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    """JSON has no infinity, so what would be read as one could not be written again."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number


def _is_shallow(value: Any) -> bool:
    """Look level by level, at containers only; every answer passes here, so it must be quick."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MOST_NESTED):
        if not level:
            return True
        level = [
            child
            for one in level
            for child in (one.values() if type(one) is dict else one)
            if type(child) is dict or type(child) is list
        ]
    return not level
