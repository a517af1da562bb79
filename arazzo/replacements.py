"""Payload replacements: Arazzo 1.0.1, 4.6.14 and 1.1.0, 5.8.15 «Payload Replacement Object».

«[target] MUST be resolved against the request body. Used to identify the location to inject the
value»: so what is there is replaced, in the order written. A JSON Pointer may also name a member
that its object does not have yet, or `-`, the place behind a list's last element (RFC 6901); what
is further away, and an XPath or a JSONPath that selects nothing, is an error. A value that is
absent leaves its place as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from arazzo import template, xml_values, xpath
from arazzo.blobs import is_blob
from arazzo.context import ABSENT
from arazzo.errors import DurazzoError, StepFailed
from arazzo.navigation import locations, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arazzo.context import Absent, Context, Json
    from arazzo.plan import Call, ReplacementPlan

TARGET_MISSING: Final = "replacement-target"
_BEHIND_THE_LAST: Final = "-"
# array-index = %x30 / ( %x31-39 *(%x30-39) )                       RFC 6901, section 4
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
# Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]    XML 1.0, 2.2
_NO_XML_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def replaced(call: Call, body: Json | Absent, context: Context) -> Json | Absent:
    """Return the body with the values of this moment in their places.

    Raises StepFailed, with nothing sent, for a place that is not there.
    """
    if call.replacements and is_blob(body):
        raise StepFailed(
            f"the payload of {call.method} {call.path} is a file, in which nothing is replaced",
            reason="replacement-payload",
        )
    for one in call.replacements:
        value = template.evaluate_value(template.compile_value(one.value), context)
        if value is not ABSENT:
            try:
                body = injected(one, body, value)
            except StepFailed as error:
                said = f"{error.message} (payload of {call.method} {call.path})"
                raise StepFailed(said, reason=error.reason) from error
    return body


def injected(one: ReplacementPlan, body: Json | Absent, value: Json) -> Json:
    """Return a body in which one value stands in its place. Raises StepFailed."""
    if one.type == "xpath":
        return _injected_into_xml(one, body, value)
    if one.type == "jsonpointer":
        return put(body, tokens_of(one.target), value, one.target)
    found = [] if body is ABSENT else locations(one.target, body)
    if not found:
        raise _missing(one.target)
    for keys in reversed(found):  # what lies within another place comes first, while it is there
        body = put(body, [str(key) for key in keys], value, one.target)
    return body


def _missing(target: str) -> StepFailed:
    return StepFailed(f"the replacement target `{target}` finds no place", reason=TARGET_MISSING)


def tokens_of(pointer: str) -> list[str]:
    """Return the reference tokens of a JSON Pointer, none for the whole."""
    parts = pointer.split("/")[1:]
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def put(body: Json | Absent, tokens: Sequence[str], value: Json, target: str) -> Json:
    """Return a copy of the body with the value in its place; what is beside it is shared."""
    way: list[tuple[Json, str]] = []
    here = body
    for token in tokens:
        way.append((here, token))
        here = child(here, token)
    for parent, token in reversed(way):
        value = _with(parent, token, value, target)
    return value


def child(parent: Json | Absent, token: str) -> Json | Absent:
    """Return the member or element of that name, ABSENT without one."""
    if isinstance(parent, dict):
        return parent.get(token, ABSENT)
    if isinstance(parent, list) and _INDEX.fullmatch(token) and int(token) < len(parent):
        return parent[int(token)]
    return ABSENT


def _with(parent: Json | Absent, token: str, value: Json, target: str) -> Json:
    if isinstance(parent, dict):
        return {**parent, token: value}
    if isinstance(parent, list) and token == _BEHIND_THE_LAST:
        return [*parent, value]
    if isinstance(parent, list) and child(parent, token) is not ABSENT:
        return [*parent[: int(token)], value, *parent[int(token) + 1 :]]
    raise _missing(target)


def _injected_into_xml(one: ReplacementPlan, body: Json | Absent, value: Json) -> str:
    if not isinstance(body, str):
        raise StepFailed(
            f"the replacement target `{one.target}` is an XPath, and the payload no XML text",
            reason="replacement-payload",
        )
    text = text_of(value)
    if _NO_XML_CHARACTER.search(text):
        raise StepFailed(
            f"the value for `{one.target}` holds a character that XML does not have",
            reason="replacement-value",
        )
    try:
        document = xml_values.parse(body)
        places = xpath.places(xpath.compile(one.target, one.version), document)
    except DurazzoError as error:
        said = f"the replacement target `{one.target}` can't be found: {error.message}"
        raise StepFailed(said, reason="replacement-payload") from error
    if not places:
        raise _missing(one.target)
    return xml_values.replaced(document, places, text)
