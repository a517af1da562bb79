"""Building a request from a step: values, styles and body, as OpenAPI 3.1 describes them.

Parameter styles: OpenAPI 3.1.1, 4.8.12 «Style Values». A value that is absent or undefined leaves
its query or header parameter out; in a path it is an error, for no request can be made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from arazzo import template
from arazzo.context import ABSENT, RequestView
from arazzo.errors import StepFailed
from arazzo.navigation import text_of

if TYPE_CHECKING:
    from arazzo.context import Absent, Context, Json
    from arazzo.plan import Call, ParameterPlan

HEADER_UNSAFE: Final = ("\r", "\n", "\0")
LAST_LATIN: Final = 0xFF
NO_SEGMENTS: Final = ("", ".", "..")
"""What would lead to another path than the one meant (RFC 3986, 5.2.4)."""

Given = list[tuple["ParameterPlan", "Json"]]
"""The parameters of a call with the values of this moment."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent; `url` is absolute and encoded, `body` is None without one."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    view: RequestView


def build(call: Call, server: str, context: Context) -> Request:
    """Return the request of a call against a base URL.

    Raises StepFailed, with nothing sent, when a path parameter has no value, or when a value
    can't stand where it should: in a header, in the URL or in the body.
    """
    given = [(one, _value(one.value, context)) for one in call.parameters]
    query = _link_query(call, given) or [
        pair
        for one, value in given
        if one.location == "query" and one.name != call.link_parameter
        for pair in _query(one, value)
    ]
    headers = _headers(given)
    body = _value(call.payload, context) if call.content_type else ABSENT
    encoded = None
    if call.content_type and body is not ABSENT:
        encoded = _json(call, body)
        headers["Content-Type"] = call.content_type
    url = server.rstrip("/") + _path(call, given) + ("?" + "&".join(query) if query else "")
    view = RequestView(call.method, url, headers, _of(given, "query"), _of(given, "path"), body)
    return Request(call.method, url, headers, encoded, view)


def _link_query(call: Call, given: Given) -> list[str]:
    """The query of the link to a page, nothing where there is no link (see OperationSettings)."""
    links = [value for one, value in given if one.name == call.link_parameter]
    link = next((one for one in links if isinstance(one, str)), "")
    query = urlsplit(link).query
    return [query] if query else []


def _value(value: Any, context: Context) -> Json:
    return template.evaluate_value(template.compile_value(value), context)


def _of(given: Given, location: str) -> dict[str, Json]:
    return {
        one.name: value for one, value in given if one.location == location and value is not ABSENT
    }


def _json(call: Call, body: Json) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except ValueError as error:
        raise StepFailed(
            f"the body of {call.method} {call.path} holds a number that JSON has no text for",
            reason="body-not-json",
        ) from error


def _path(call: Call, given: Given) -> str:
    path = call.path
    for one, value in given:
        if one.location != "path":
            continue
        text = "" if _is_undefined(value) else _simple(value, explode=one.explode, encode=True)
        if text in NO_SEGMENTS:
            raise StepFailed(
                f"the path parameter `{one.name}` of {call.method} {call.path} has no usable value",
                reason="path-parameter-without-value",
            )
        path = path.replace(f"{{{one.name}}}", text)
    return path


def _is_undefined(value: Json | Absent) -> bool:
    """Null, and lists and objects without members, are undefined (RFC 6570, 2.3)."""
    return value in (ABSENT, None) or value in ([], {})


def _headers(given: Given) -> dict[str, str]:
    headers: dict[str, str] = {}
    for one, value in given:
        if one.location != "header" or _is_undefined(value):
            continue
        text = _simple(value, explode=one.explode, encode=False)
        if any(character in HEADER_UNSAFE or ord(character) > LAST_LATIN for character in text):
            raise StepFailed(
                f"the value of the header `{one.name}` holds a character that no header may hold",
                reason="header-value-unsafe",
            )
        headers[one.name] = text
    return headers


def _simple(value: Json, *, explode: bool, encode: bool) -> str:
    """Style `simple`: values joined by commas; objects as `a,1,b,2` or, exploded, `a=1,b=2`."""

    def spell(part: Json) -> str:
        return _encoded(text_of(part)) if encode else text_of(part)

    if isinstance(value, list):
        return ",".join(spell(part) for part in value)
    if isinstance(value, dict):
        joint = "=" if explode else ","
        return ",".join(f"{spell(key)}{joint}{spell(part)}" for key, part in value.items())
    return spell(value)


def _query(one: ParameterPlan, value: Json) -> list[str]:
    """Style `form`: exploded lists repeat the name, exploded objects become their own pairs."""
    name = _encoded(one.name)
    if _is_undefined(value):
        return []
    if isinstance(value, list) and one.explode:
        return [f"{name}={_encoded(text_of(part))}" for part in value]
    if isinstance(value, dict) and one.explode:
        return [f"{_encoded(key)}={_encoded(text_of(part))}" for key, part in value.items()]
    return [f"{name}={_simple(value, explode=False, encode=True)}"]


def _encoded(text: str) -> str:
    """Percent-encoding of UTF-8, which has no halves of surrogate pairs; JSON texts may hold them.

    RFC 3986, 2.1 and 2.3.
    """
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise StepFailed(
            "a value holds half of a character, which no URL can hold", reason="url-value-unsafe"
        ) from error
