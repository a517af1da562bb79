"""Building a request: styles, absent and null, what a path and a header may hold, and bodies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from plans import call

from arazzo.context import Context
from arazzo.errors import StepFailed
from arazzo.plan import ParameterPlan
from arazzo.request import Request, build

INPUTS = {
    "text": "a b/c?&=#%é",
    "list": ["a b", 2, True],
    "object": {"x": 1, "y z": "&"},
    "empty": [],
    "nothing": {},
    "null": None,
    "blank": "",
    "zero": 0,
    "no": False,
    "float": 1.5,
    "dots": "..",
    "dot": ".",
    "break": "a\r\nX-Evil: 1",
    "nul": "a\0b",
    "euro": "€",
    "latin": "é",
    "link": "https://elsewhere.test/other?cursor=a%20b&size=2#top",
    "bare link": "/jobs",
    "half": "\ud800",
    "infinite": float("inf"),
}
SERVER = "https://jobs.test/v1/"


def built(made: Any, server: str = SERVER) -> Request:
    """Build a request over the inputs."""
    return build(made, server, Context(inputs=INPUTS))


def given(location: str, value: Any, name: str = "p", **fields: Any) -> Request:
    """Build a request with one parameter."""
    one = ParameterPlan.model_validate(
        {"name": name, "location": location, "value": value, **fields}
    )
    return built(
        call(path=f"/jobs/{{{name}}}" if location == "path" else "/jobs", parameters=(one,))
    )


@dataclass(frozen=True)
class Case:
    """One row: where a value goes, whether exploded, and what becomes of it."""

    id: str
    value: Any
    spelled: str
    explode: bool = False


PATHS = [
    Case("text is encoded", "$inputs.text", "a%20b%2Fc%3F%26%3D%23%25%C3%A9"),
    Case("list", "$inputs.list", "a%20b,2,true"),
    Case("list exploded", "$inputs.list", "a%20b,2,true", explode=True),
    Case("object", "$inputs.object", "x,1,y%20z,%26"),
    Case("object exploded", "$inputs.object", "x=1,y%20z=%26", explode=True),
    Case("zero is a value", "$inputs.zero", "0"),
    Case("false is a value", "$inputs.no", "false"),
    Case("embedded", "x-{$inputs.zero}", "x-0"),
    Case("constant", 7, "7"),
    Case("a template's braces are data", "{p}", "%7Bp%7D"),
]


@pytest.mark.parametrize("case", PATHS, ids=attrgetter("id"))
def test_path(case: Case) -> None:
    """Style `simple`; everything but unreserved characters is percent-encoded."""
    request = given("path", case.value, explode=case.explode)
    assert request.url == f"https://jobs.test/v1/jobs/{case.spelled}"


QUERIES = [
    Case("text is encoded", "$inputs.text", "p=a%20b%2Fc%3F%26%3D%23%25%C3%A9"),
    Case("list exploded", "$inputs.list", "p=a%20b&p=2&p=true", explode=True),
    Case("list", "$inputs.list", "p=a%20b,2,true"),
    Case("object exploded", "$inputs.object", "x=1&y%20z=%26", explode=True),
    Case("object", "$inputs.object", "p=x,1,y%20z,%26"),
    Case("zero is a value", "$inputs.zero", "p=0"),
    Case("false is a value", "$inputs.no", "p=false"),
    Case("no text is a value", "$inputs.blank", "p="),
    Case("absent", "$inputs.zz", ""),
    Case("null", "$inputs.null", ""),
    Case("empty list", "$inputs.empty", ""),
    Case("empty object", "$inputs.nothing", ""),
    Case("empty list exploded", "$inputs.empty", "", explode=True),
    Case("empty object exploded", "$inputs.nothing", "", explode=True),
]


@pytest.mark.parametrize("case", QUERIES, ids=attrgetter("id"))
def test_query(case: Case) -> None:
    """Style `form`; a value that is absent, null or has no members leaves its parameter out."""
    request = given("query", case.value, explode=case.explode)
    mark = "?" if case.spelled else ""
    assert request.url == f"https://jobs.test/v1/jobs{mark}{case.spelled}"


HEADERS = [
    Case("text is as it is", "$inputs.latin", "é"),
    Case("list", "$inputs.list", "a b,2,true"),
    Case("object exploded", "$inputs.object", "x=1,y z=&", explode=True),
    Case("number", "$inputs.float", "1.5"),
    Case("no text is a value", "$inputs.blank", ""),
]


@pytest.mark.parametrize("case", HEADERS, ids=attrgetter("id"))
def test_header(case: Case) -> None:
    """Style `simple`, not percent-encoded."""
    request = given("header", case.value, "X-P", explode=case.explode)
    assert request.headers == {"X-P": case.spelled}


@pytest.mark.parametrize("value", ["$inputs.zz", "$inputs.null", "$inputs.empty"])
def test_an_absent_header_is_left_out(value: str) -> None:
    """Neither is sent as an empty text nor as the word null."""
    assert given("header", value, "X-P").headers == {}


@pytest.mark.parametrize("name", ["zz", "null", "blank", "dot", "dots", "empty", "nothing"])
@pytest.mark.parametrize("explode", [True, False], ids=["exploded", "plain"])
def test_a_path_parameter_must_have_a_value(*, name: str, explode: bool) -> None:
    """Without one no request can be made: `/jobs/` is another resource than one of its jobs."""
    with pytest.raises(StepFailed) as caught:
        given("path", f"$inputs.{name}", explode=explode)
    assert caught.value.reason == "path-parameter-without-value"
    assert caught.value.message == "the path parameter `p` of GET /jobs/{p} has no usable value"


@pytest.mark.parametrize("value", [["$inputs.zz"], ["$inputs.dots"], [""]], ids=str)
def test_a_list_is_no_way_around_it(value: Any) -> None:
    """What counts is the text that would stand in the path."""
    with pytest.raises(StepFailed):
        given("path", value)


@pytest.mark.parametrize("location", ["path", "query"])
def test_half_a_character_stands_in_no_url(location: str) -> None:
    """A JSON answer may hold one half of a surrogate pair; UTF-8 has no bytes for it."""
    with pytest.raises(StepFailed) as caught:
        given(location, ["$inputs.half"], explode=True)
    assert caught.value.reason == "url-value-unsafe"


def test_a_number_that_json_cannot_say() -> None:
    """`1e999` in a JSON answer is read as infinity, which no JSON body can hold."""
    with pytest.raises(StepFailed) as caught:
        built(call("POST", content_type="application/json", payload={"a": "$inputs.infinite"}))
    assert caught.value.reason == "body-not-json"


@pytest.mark.parametrize("value", ["$inputs.break", "$inputs.nul", "$inputs.euro", "a\n"])
def test_a_value_cannot_break_out_of_its_header(value: str) -> None:
    """No line break, no NUL, and only what a header can spell; nothing is sent."""
    with pytest.raises(StepFailed) as caught:
        given("header", value, "X-P")
    assert caught.value.reason == "header-value-unsafe"
    assert "X-Evil" not in caught.value.message


def test_one_value_is_not_taken_for_the_variable_of_another() -> None:
    """Values are data: `{b}` as the value of `a` stays what it is."""
    parameters = (
        ParameterPlan(name="a", location="path", value="{b}"),
        ParameterPlan(name="b", location="path", value="1"),
    )
    assert built(call(path="/x/{a}/{b}", parameters=parameters)).url.endswith("/x/%7Bb%7D/1")


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        ({"a": "$inputs.zero", "b": "$inputs.zz", "c": "$inputs.null"}, {"a": 0, "c": None}),
        (["$inputs.zz", "$inputs.zero"], [0]),
        ("$inputs.object", {"x": 1, "y z": "&"}),
        ("$inputs.null", None),
        ({}, {}),
        ("é {$inputs.zero}", "é 0"),
    ],
    ids=["absent is left out", "also of a list", "whole", "null", "empty", "text"],
)
def test_bodies(payload: Any, body: Any) -> None:
    """JSON of the payload's values: absent is not null."""
    request = built(call("POST", content_type="application/json", payload=payload))
    assert json.loads(request.body or b"") == body
    assert request.headers == {"Content-Type": "application/json"}
    assert request.view.body == body


def test_a_json_text_whose_values_stand_without_quotes() -> None:
    """It is JSON once its values stand in it, and is sent as it is."""
    payload = '{"a": {$inputs.object}, "b": [{$inputs.zero}]}'
    request = built(call("POST", content_type="application/json", payload=payload))
    assert json.loads(request.body or b"") == {"a": {"x": 1, "y z": "&"}, "b": [0]}


def test_an_absent_body_is_no_body() -> None:
    """Neither bytes nor a content type are sent."""
    request = built(call("POST", content_type="application/json", payload="$inputs.zz"))
    assert (request.body, request.headers) == (None, {})


def test_the_view_of_the_request() -> None:
    """What `$request.query.a`, `$request.path.a`, `$url` and `$method` will read."""
    parameters = (
        ParameterPlan(name="id", location="path", value="$inputs.zero"),
        ParameterPlan(name="q", location="query", value="$inputs.list", explode=True),
        ParameterPlan(name="gone", location="query", value="$inputs.zz"),
        ParameterPlan(name="X-P", location="header", value="h"),
    )
    view = built(call("DELETE", "/jobs/{id}", parameters=parameters)).view
    assert (view.method, view.url) == ("DELETE", "https://jobs.test/v1/jobs/0?q=a%20b&q=2&q=true")
    assert (view.path, view.query) == ({"id": 0}, {"q": ["a b", 2, True]})
    assert view.headers == {"X-P": "h"}


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://jobs.test", "https://jobs.test/jobs"),
        ("https://jobs.test/", "https://jobs.test/jobs"),
        ("https://jobs.test/v1//", "https://jobs.test/v1/jobs"),
    ],
)
def test_server_and_path_are_joined_by_one_slash(server: str, url: str) -> None:
    """The path is appended to the server's URL (OpenAPI 3.1.1, 4.8.8)."""
    assert built(call(), server).url == url


@pytest.mark.parametrize(
    ("value", "query"),
    [
        ("$inputs.link", "?cursor=a%20b&size=2"),
        ("$inputs.bare link", "?size=1"),
        ("$inputs.zz", "?size=1"),
        ("$inputs.zero", "?size=1"),
    ],
    ids=["absolute", "without query", "absent", "no text"],
)
def test_a_link_gives_its_query_and_nothing_else(value: str, query: str) -> None:
    """Host and path stay the plan's, wherever the link leads."""
    parameters = (
        ParameterPlan(name="next", location="query", value=value),
        ParameterPlan(name="size", location="query", value=1),
    )
    request = built(call(parameters=parameters, link_parameter="next"))
    assert request.url == f"https://jobs.test/v1/jobs{query}"
