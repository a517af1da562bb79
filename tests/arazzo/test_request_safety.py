"""Whatever a value holds, a request says what it was meant to say, or is not made."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import call

from arazzo.context import Context
from arazzo.errors import StepFailed
from arazzo.parameter_styles import STYLES
from arazzo.plan import ParameterPlan, PartPlan, XmlPlan
from arazzo.request import build

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["..", "\r\n"])
)
values = st.recursive(
    scalars, lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=8
)
PLACES: Final = [(where, style) for where, styles in STYLES.items() for style in styles]
URL: Final = re.compile(r"https://a\.test/[A-Za-z0-9\-._~%!$&'()*+,;=:@/?]*")
CONTENT: Final = ["", "application/json", "text/plain"]


@pytest.mark.parametrize("content_type", CONTENT, ids=["style", "json", "text"])
@pytest.mark.parametrize(("location", "style"), PLACES)
@settings(max_examples=40)
@given(value=values, explode=st.booleans(), reserved=st.booleans())
def test_parameters(
    *, location: str, style: str, content_type: str, value: Any, explode: bool, reserved: bool
) -> None:
    """The path keeps its segments, the query begins nothing else, headers keep to their line."""
    one = ParameterPlan.model_validate(
        {
            "name": "p", "location": location, "value": "$inputs.v", "style": style,
            "explode": explode, "content_type": content_type, "allow_reserved": reserved,
        }
    )  # fmt: skip
    path = "/x/{p}/y" if location == "path" else "/x/y"
    try:
        request = build(
            call(path=path, parameters=(one,)), "https://a.test", Context(inputs={"v": value})
        )
    except StepFailed:
        return  # nothing was sent
    assert URL.fullmatch(request.url)
    segments = urlsplit(request.url).path.split("/")
    assert len(segments) == path.count("/") + 1
    assert not {".", ".."} & set(segments)
    assert not any(mark in text for text in request.headers.values() for mark in "\r\n\0")


TYPES: Final = [
    "application/json", "application/x-ndjson", "application/x-www-form-urlencoded",
    "multipart/form-data", "application/xml", "text/plain", "text/csv; charset=latin-1",
    "application/octet-stream",
]  # fmt: skip
parts = st.builds(
    PartPlan,
    style=st.sampled_from(["", "form", "deepObject", "pipeDelimited"]),
    explode=st.booleans(),
    allow_reserved=st.booleans(),
    content_type=st.sampled_from(["", "application/json", "image/png"]),
    is_file=st.booleans(),
)
hints = st.builds(XmlPlan, wrapped=st.booleans(), items=st.none() | st.builds(XmlPlan))


@pytest.mark.parametrize("content_type", TYPES)
@settings(max_examples=40)
@given(value=values | st.dictionaries(st.sampled_from("ab"), values), part=parts, xml=hints)
def test_bodies(*, content_type: str, value: Any, part: PartPlan, xml: XmlPlan) -> None:
    """A body is bytes, or the step fails and says why; the same value gives the same bytes."""
    made = call("POST", content_type=content_type, payload="$inputs.v", parts={"a": part}, xml=xml)
    try:
        request = build(made, "https://a.test", Context(inputs={"v": value}))
    except StepFailed:
        return  # nothing was sent
    assert isinstance(request.body, bytes)
    assert request == build(made, "https://a.test", Context(inputs={"v": value}))
