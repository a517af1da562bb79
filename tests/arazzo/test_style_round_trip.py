"""What we write in each style of OpenAPI is read back by an independent implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_core.deserializing.styles import style_deserializers
from plans import call
from werkzeug.datastructures import ImmutableMultiDict

from arazzo.context import Context
from arazzo.plan import ParameterPlan
from arazzo.request import build

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "color"
CASES: Final = [
    (location, style, explode, kind)
    for location, style, explodes, kinds in (
        ("path", "simple", (False, True), ("string", "array", "object")),
        ("path", "label", (False, True), ("string", "array", "object")),
        ("path", "matrix", (False, True), ("string", "array", "object")),
        ("query", "form", (False, True), ("string", "array", "object")),
        ("query", "spaceDelimited", (False,), ("array", "object")),
        ("query", "pipeDelimited", (False,), ("array", "object")),
        ("query", "deepObject", (True,), ("object",)),
        ("header", "simple", (False, True), ("string", "array", "object")),
        ("cookie", "form", (False,), ("string", "array", "object")),
        ("cookie", "form", (True,), ("string",)),
    )
    for explode in explodes
    for kind in kinds
]
"""Each style, explode and location of the standard's table for which it has a text."""

LETTERS: Final = st.text(
    st.characters(codec="latin-1", categories=("L", "N"), include_characters="-_~!@"), min_size=1
)
"""No delimiter of any style: what a member that holds one means is told by no style."""
VALUES: Final = {
    "string": LETTERS,
    "array": st.lists(LETTERS, min_size=1, max_size=4),
    "object": st.dictionaries(
        st.text(st.sampled_from("abcXYZ09_"), min_size=1), LETTERS, min_size=1, max_size=4
    ),
}


def sent(location: str, style: str, value: Any, *, explode: bool) -> Mapping[str, Any]:
    """Send a value; return where the parameter stands, as a web framework shows it."""
    one = ParameterPlan.model_validate(
        {"name": NAME, "location": location, "value": "$inputs.value", "style": style}
        | {"explode": explode}
    )
    path = f"/at/{{{NAME}}}" if location == "path" else "/at"
    context = Context(inputs={"value": value})
    request = build(call(path=path, parameters=(one,)), "https://a.test", context)
    if location == "path":
        text = unquote(urlsplit(request.url).path.removeprefix("/at/"))
        return {_path_key(style, explode=explode): text}
    if location == "header":
        return {NAME: request.headers[NAME]}
    if location == "cookie":
        name, _, text = request.headers["Cookie"].partition("=")
        return {name: unquote(text)}
    query = urlsplit(request.url).query
    pairs = parse_qsl(query, keep_blank_values=True)
    if style == "form" and explode and isinstance(value, dict):
        return {NAME: unquote(query)}  # the reader takes the pairs of an object as one text
    if style == "spaceDelimited":
        return {NAME: pairs[0][1].replace(" ", "%20")}  # it wants this delimiter as it was sent
    return ImmutableMultiDict(pairs)


def _path_key(style: str, *, explode: bool) -> str:
    """The name of a variable in a path, in which the reader wants the style (RFC 6570)."""
    mark = {"label": ".", "matrix": ";"}.get(style, "")
    return f"{mark}{NAME}{'*' if explode and mark else ''}"


@pytest.mark.parametrize(("location", "style", "explode", "kind"), CASES)
@given(data=st.data())
def test_what_is_written_is_read_back(
    *, location: str, style: str, explode: bool, kind: str, data: st.DataObject
) -> None:
    """Whatever the texts are, and in whichever alphabet."""
    value = data.draw(VALUES[kind])
    found = style_deserializers[style](
        explode, NAME, kind, sent(location, style, value, explode=explode)
    )
    assert found == value
