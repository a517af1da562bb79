"""Building a request from a step: values, styles and body, as OpenAPI 3.1 describes them.

A value that is absent or undefined leaves its parameter out; in a path it is an error, for no
request can be made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from arazzo import template
from arazzo.blobs import holds_file
from arazzo.bodies import encode
from arazzo.context import ABSENT, RequestView
from arazzo.errors import StepFailed
from arazzo.parameter_styles import (
    cookie_pairs,
    header_text,
    is_json,
    is_undefined,
    path_text,
    query_pairs,
    querystring,
)
from arazzo.replacements import replaced

if TYPE_CHECKING:
    from arazzo.bodies import Content
    from arazzo.context import Context, Json
    from arazzo.plan import Call, ParameterPlan

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
    body: Content | None
    view: RequestView


def build(call: Call, server: str, context: Context) -> Request:
    """Return the request of a call against a base URL.

    Raises StepFailed, with nothing sent, when a path parameter has no value, or when a value
    can't stand where it should: in a header, in the URL or in the body.
    """
    given = [(one, _given(call, one, context)) for one in call.parameters]
    query = _query(call, given)
    headers = _headers(given)
    body = _body(call, context)
    body = replaced(call, body, context)
    content: Content | None = None
    if body is not ABSENT:
        content_type, content = encode(call, body)
        headers = _with_body(headers, content_type)
    url = server.rstrip("/") + _path(call, given) + ("?" + "&".join(query) if query else "")
    view = RequestView(call.method, url, headers, _of(given, "query"), _of(given, "path"), body)
    return Request(call.method, url, headers, content, view)


def _link_query(call: Call, given: Given) -> list[str]:
    """The query of the link to a page, nothing where there is no link (see OperationSettings)."""
    links = [value for one, value in given if one.name == call.link_parameter]
    link = next((one for one in links if isinstance(one, str)), "")
    query = urlsplit(link).query
    return [query] if query else []


def _body(call: Call, context: Context) -> Json:
    """The payload's value; a text of JSON with values inside is read once they stand in it."""
    body = _value(call.payload, context) if call.content_type else ABSENT
    written = call.payload if isinstance(call.payload, str) else ""
    begins = written.lstrip()[:2]
    if isinstance(body, str) and begins[:1] in ("{", "[") and begins != "{$":
        try:
            return json.loads(body) if is_json(call.content_type or "") else body
        except (ValueError, RecursionError):
            return body
    return body


def _value(value: Any, context: Context) -> Json:
    return template.evaluate_value(template.compile_value(value), context)


def _given(call: Call, one: ParameterPlan, context: Context) -> Json:
    value = _value(one.value, context)
    if holds_file(value):
        raise StepFailed(
            f"the parameter `{one.name}` of {call.method} {call.path} is a file of the blob store, "
            "which is sent as a body, or as a part of one",
            reason="blob-in-parameter",
        )
    return value


def _of(given: Given, location: str) -> dict[str, Json]:
    return {
        one.name: value for one, value in given if one.location == location and value is not ABSENT
    }


def _path(call: Call, given: Given) -> str:
    path = call.path
    for one, value in given:
        if one.location != "path":
            continue
        text = path_text(one, value)
        if text in NO_SEGMENTS:
            raise StepFailed(
                f"the path parameter `{one.name}` of {call.method} {call.path} has no usable value",
                reason="path-parameter-without-value",
            )
        path = path.replace(f"{{{one.name}}}", text)
        path = path.replace(f"{{+{one.name}}}", text.replace("%2F", "/").replace("%3A", ":"))
    return path


def _query(call: Call, given: Given) -> list[str]:
    """The pairs of the query; the link to a page, where there is one, takes their place."""
    link = _link_query(call, given)
    if link:
        return link
    found: list[str] = []
    for one, value in given:
        if one.location == "query" and one.name != call.link_parameter:
            found += query_pairs(one, value)
        elif one.location == "querystring":
            found += querystring(one, value)
    return found


def _headers(given: Given) -> dict[str, str]:
    headers = {
        one.name: header_text(one, value)
        for one, value in given
        if one.location == "header" and not is_undefined(value)
    }
    cookies = [
        pair
        for one, value in given
        if one.location == "cookie"
        for pair in cookie_pairs(one, value)
    ]
    if cookies:
        name = next((one for one in headers if one.lower() == "cookie"), "Cookie")
        headers[name] = "; ".join(filter(None, (headers.get(name, ""), *cookies)))
    return headers


def _with_body(headers: dict[str, str], content_type: str) -> dict[str, str]:
    """The media type is that in which the body is written, whatever a parameter says."""
    kept = {name: text for name, text in headers.items() if name.lower() != "content-type"}
    return kept | {"Content-Type": content_type}
