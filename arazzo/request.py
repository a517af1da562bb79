"""Building a request from a step: values, styles and body, as OpenAPI 3.1 describes them.

Parameter styles: OpenAPI 3.1.1, 4.8.12 «Style Values». A value that is absent or null leaves its
query or header parameter out; in a path it is an error, for no request can be made.
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
    from arazzo.context import Context, Json
    from arazzo.plan import Call, ParameterPlan

HEADER_UNSAFE: Final = ("\r", "\n", "\0")
LAST_LATIN: Final = 0xFF

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

    Raises StepFailed, with nothing sent, when a path parameter has no value or a header's value
    can't stand in a header.
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
        encoded = json.dumps(body, allow_nan=False).encode()
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


def _path(call: Call, given: Given) -> str:
    path = call.path
    for one, value in given:
        if one.location != "path":
            continue
        if value in (ABSENT, None, "", ".", ".."):
            raise StepFailed(
                f"the path parameter `{one.name}` of {call.method} {call.path} has no usable value",
                reason="path-parameter-without-value",
            )
        path = path.replace(f"{{{one.name}}}", _simple(value, explode=one.explode, encode=True))
    return path


def _headers(given: Given) -> dict[str, str]:
    headers: dict[str, str] = {}
    for one, value in given:
        if one.location != "header" or value is ABSENT or value is None:
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
        return quote(text_of(part), safe="") if encode else text_of(part)

    if isinstance(value, list):
        return ",".join(spell(part) for part in value)
    if isinstance(value, dict):
        joint = "=" if explode else ","
        return ",".join(f"{spell(key)}{joint}{spell(part)}" for key, part in value.items())
    return spell(value)


def _query(one: ParameterPlan, value: Json) -> list[str]:
    """Style `form`: exploded lists repeat the name, exploded objects become their own pairs."""
    name = quote(one.name, safe="")
    if value is ABSENT or value is None:
        return []
    if isinstance(value, list) and one.explode:
        return [f"{name}={quote(text_of(part), safe='')}" for part in value]
    if isinstance(value, dict) and one.explode:
        return [
            f"{quote(key, safe='')}={quote(text_of(part), safe='')}" for key, part in value.items()
        ]
    return [f"{name}={_simple(value, explode=False, encode=True)}"]
