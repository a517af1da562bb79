"""Every style of OpenAPI 3.1.1, 4.8.12: the table of the standard, and an independent reading."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
import uritemplate
from hypothesis import given
from hypothesis import strategies as st
from plans import call
from written import ARAZZO, HERE, OPENAPI, Written, changed, pointed

from arazzo.context import Context
from arazzo.errors import StepFailed
from arazzo.parameter_styles import STYLES
from arazzo.plan import ParameterPlan
from arazzo.request import Request, build

TEXT: Final = "blue"
LIST: Final = ["blue", "black", "brown"]
OBJECT: Final = {"R": 100, "G": 200, "B": 150}


def one(location: str, style: str, *how: bool, **fields: Any) -> ParameterPlan:
    """Return the parameter `color`, whose value is the input `value`; `how` is `explode`."""
    named = {"name": "color", "value": "$inputs.value", "explode": any(how)}
    return ParameterPlan.model_validate({**named, "location": location, "style": style, **fields})


def sent(parameter: ParameterPlan, value: Any) -> Request:
    """Return the request with the parameter; without its input when the value is `...`."""
    path = "/at/{color}" if parameter.location == "path" else "/at"
    inputs = {} if value is ... else {"value": value}
    return build(call(path=path, parameters=(parameter,)), "https://a.test", Context(inputs=inputs))


def spelled(parameter: ParameterPlan, value: Any) -> str:
    """Return what stands in the place of the parameter."""
    request = sent(parameter, value)
    if parameter.location == "path":
        return request.url.removeprefix("https://a.test/at/")
    if parameter.location in ("query", "querystring"):
        return urlsplit(request.url).query
    return request.headers.get("color" if parameter.location == "header" else "Cookie", "")


TABLE = [
    # style, explode, string, array, object
    ("matrix", False, ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"),
    ("matrix", True, ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"),
    ("label", False, ".blue", ".blue,black,brown", ".R,100,G,200,B,150"),
    ("label", True, ".blue", ".blue.black.brown", ".R=100.G=200.B=150"),
    ("simple", False, "blue", "blue,black,brown", "R,100,G,200,B,150"),
    ("simple", True, "blue", "blue,black,brown", "R=100,G=200,B=150"),
    ("form", False, "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"),
    ("form", True, "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"),
    (
        "spaceDelimited", False, None,
        "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150",
    ),
    (
        "pipeDelimited", False, None,
        "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150",
    ),
    ("deepObject", True, None, None, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
]  # fmt: skip
"""The table of 4.8.12, «Style Examples», row by row; None where it says n/a."""

ROWS = [
    pytest.param(style, explode, value, text, id=f"{style} {explode} {type(value).__name__}")
    for style, explode, *texts in TABLE
    for value, text in zip((TEXT, LIST, OBJECT), texts, strict=True)
    if text is not None
]


@pytest.mark.parametrize(("style", "explode", "value", "text"), ROWS)
def test_the_table_of_the_standard(*, style: str, explode: bool, value: Any, text: str) -> None:
    """As the standard has it, to the letter."""
    location = "path" if style in STYLES["path"] else "query"
    assert spelled(one(location, style, explode), value) == text


@pytest.mark.parametrize("explode", [True, False], ids=["exploded", "plain"])
@pytest.mark.parametrize("style", ["spaceDelimited", "pipeDelimited", "deepObject", "form"])
def test_where_the_table_says_nothing(*, style: str, explode: bool) -> None:
    """A value of another type than the style is made for is sent as style `form` sends it."""
    assert spelled(one("query", style, explode), TEXT) == "color=blue"
    if style != "deepObject" and explode:
        assert spelled(one("query", style, explode), LIST) == "color=blue&color=black&color=brown"


@pytest.mark.parametrize("explode", [True, False], ids=["exploded", "plain"])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (OBJECT, "color[R]=100 color[G]=200 color[B]=150"),
        ({"a": {"b": {"c": 1}}}, "color[a][b][c]=1"),
        ({"a": [1, {"b": 2}]}, "color[a][0]=1 color[a][1][b]=2"),
        (LIST, "color[0]=blue color[1]=black color[2]=brown"),
        ({"a": None, "b": [], "c": "", "d": False}, "color[c]= color[d]=false"),
        ({"gte": "a&b=c", "é]": 1}, "color[gte]=a&b=c color[é]]=1"),
    ],
)
def test_deep_objects(*, value: Any, text: str, explode: bool) -> None:
    """Nested names and indices in brackets, which most services read; `explode` has no effect."""
    found = parse_qsl(spelled(one("query", "deepObject", explode), value), keep_blank_values=True)
    assert " ".join(f"{name}={part}" for name, part in found) == text


@dataclass(frozen=True)
class Odd:
    """A value that is empty, null, nested or hard to spell."""

    id: str
    location: str
    style: str
    value: Any
    text: str
    explode: bool = False


ODD = [
    Odd("matrix, empty text", "path", "matrix", "", ";color"),
    Odd("matrix, empty member", "path", "matrix", ["", "a"], ";color;color=a", explode=True),
    Odd("matrix, empty property", "path", "matrix", {"a": "", "b": 1}, ";a;b=1", explode=True),
    Odd("matrix, list of empty", "path", "matrix", ["", ""], ";color=,"),
    Odd("null in a list is skipped", "path", "simple", ["a", None, "b"], "a,b"),
    Odd("null in an object is skipped", "query", "form", {"a": None, "b": 1}, "color=b,1"),
    Odd("empty text", "query", "form", "", "color="),
    Odd("empty texts", "query", "form", ["", ""], "color=&color=", explode=True),
    Odd("nested in a list", "query", "form", [{"a": [1]}], "color=%7B%22a%22%3A%5B1%5D%7D"),
    Odd("delimiters in members", "query", "pipeDelimited", ["a|b", "c"], "color=a%7Cb%7Cc"),
    Odd("a comma in a member", "query", "form", ["a,b", "c"], "color=a%2Cb,c"),
    Odd("a dot in a label", "path", "label", ["a.b", "c"], ".a.b.c", explode=True),
    Odd("reserved in a matrix", "path", "matrix", "a;b=/c", ";color=a%3Bb%3D%2Fc"),
    Odd("scalars", "header", "simple", [True, 1.5, 0], "true,1.5,0"),
    Odd("cookie", "cookie", "form", "a;b c", "color=a%3Bb%20c", explode=True),
    Odd("cookie list", "cookie", "form", ["a", "b"], "color=a; color=b", explode=True),
    Odd("cookie list, plain", "cookie", "form", ["a", "b"], "color=a,b"),
    Odd("cookie object", "cookie", "form", OBJECT, "R=100; G=200; B=150", explode=True),
    Odd("cookie style", "cookie", "cookie", "a=b/c", "color=a=b/c", explode=True),
    Odd("query from a text", "querystring", "form", "?a=b c&d=%20[1]#", "a=b%20c&d=%20%5B1%5D%23"),
    Odd("query from lists", "querystring", "form", {"a": [1, 2]}, "a=1&a=2"),
    Odd("query from objects", "querystring", "form", {"b": {"c": "&"}}, "b%5Bc%5D=%26"),
    Odd("query from a number", "querystring", "form", 5, "5"),
    Odd("ssv", "query", "ssv", LIST, "color=blue%20black%20brown"),
    Odd("tsv", "query", "tsv", LIST, "color=blue%09black%09brown"),
    Odd("pipes", "query", "pipes", LIST, "color=blue%7Cblack%7Cbrown"),
    Odd("pipes in a path", "path", "pipes", LIST, "blue%7Cblack%7Cbrown"),
    Odd("pipes in a header", "header", "pipes", LIST, "blue|black|brown"),
]  # fmt: skip


@pytest.mark.parametrize("case", ODD, ids=attrgetter("id"))
def test_odd_values(case: Odd) -> None:
    """Undefined members are left out (RFC 6570, 2.3), the empty text is a value."""
    assert spelled(one(case.location, case.style, case.explode), case.value) == case.text


UNDEFINED = [..., None, [], {}, [None], {"a": None}]
PLACES = [(where, style) for where, styles in STYLES.items() for style in styles]


@pytest.mark.parametrize("explode", [True, False], ids=["exploded", "plain"])
@pytest.mark.parametrize(("location", "style"), PLACES)
@pytest.mark.parametrize("value", UNDEFINED, ids=repr)
def test_what_is_undefined(*, location: str, style: str, value: Any, explode: bool) -> None:
    """It leaves the parameter out; in a path no request can be made without it."""
    parameter = one(location, style, explode)
    if location == "path":
        with pytest.raises(StepFailed, match="has no usable value"):
            sent(parameter, value)
        return
    request = sent(parameter, value)
    assert (request.url, request.headers) == ("https://a.test/at", {})


@pytest.mark.parametrize(("style", "value"), [("label", ""), ("label", "."), ("simple", "..")])
def test_no_style_leads_out_of_its_segment(style: str, value: str) -> None:
    """A segment `.` or `..` names another resource (RFC 3986, 5.2.4)."""
    with pytest.raises(StepFailed, match="has no usable value"):
        sent(one("path", style), value)


RESERVED = [
    ("a/b?c:d@e!f$g'h(i)j*k,l;m=n", "a/b?c:d@e!f$g'h(i)j*k,l;m=n"),
    ("%41%zz", "%41%25zz"),
    ("a b#c[d]&e+é", "a%20b%23c%5Bd%5D%26e%2B%C3%A9"),
]


@pytest.mark.parametrize(("value", "text"), RESERVED, ids=[value for value, _ in RESERVED])
def test_reserved_characters_may_pass(value: str, text: str) -> None:
    """`allowReserved`, 4.8.12.2: triples too, but nothing that would end the pair or the query."""
    assert spelled(one("query", "form", allow_reserved=True), value) == f"color={text}"
    exploded = one("query", "form", True, allow_reserved=True)
    assert spelled(exploded, [value, "x"]) == f"color={text}&color=x"


CONTENT = [
    ({"a": [1, "é"]}, '{"a":[1,"\\u00e9"]}'),
    ("text", '"text"'),
    ('{"is": "JSON"}', '{"is": "JSON"}'),
    ("{no JSON", '"{no JSON"'),
    (5, "5"),
]


@pytest.mark.parametrize(("value", "text"), CONTENT, ids=[text for _, text in CONTENT])
def test_content(value: Any, text: str) -> None:
    """A parameter with `content` is written as its media type says; JSON text is JSON already."""
    as_json = {"content_type": "application/json"}
    ((name, query),) = parse_qsl(spelled(one("query", "form", **as_json), value))
    assert (name, query) == ("color", text)
    assert spelled(one("header", "simple", **as_json), value) == text
    as_path = spelled(one("path", "simple", **as_json), value)
    as_cookie = spelled(one("cookie", "form", **as_json), value)
    assert as_cookie == f"color={as_path}" == f"color={uritemplate.expand('{a}', a=text)}"


def test_content_of_another_media_type() -> None:
    """Scalars are their text; for an object there is no way to write it, so nothing is sent."""
    parameter = one("query", "form", content_type="text/plain")
    assert spelled(parameter, 5) == "color=5"
    with pytest.raises(StepFailed) as caught:
        sent(parameter, {"a": 1})
    assert caught.value.reason == "parameter-not-serialisable"


def test_content_that_json_cannot_say() -> None:
    """Infinity, which `1e999` in an answer is read as, has no JSON text."""
    with pytest.raises(StepFailed) as caught:
        sent(one("query", "form", content_type="application/json"), [float("inf")])
    assert caught.value.reason == "parameter-not-serialisable"


def test_the_whole_query_as_json() -> None:
    """OpenAPI 3.2: `in: querystring` with the content application/json."""
    parameter = one("querystring", "form", content_type="application/json")
    assert spelled(parameter, {"a": 1}) == "%7B%22a%22%3A1%7D"


@pytest.mark.parametrize("value", ["a;b", "a b", "a\r\nX: 1", "é", 'a"b', "a,b", "a\\b"])
def test_a_cookie_cannot_break_out(value: str) -> None:
    """Style `cookie` is sent unencoded, so what RFC 6265, 4.1.1, has no place for is refused."""
    with pytest.raises(StepFailed) as caught:
        sent(one("cookie", "cookie", True), value)
    assert caught.value.reason == "header-value-unsafe"


def test_cookies_share_one_header() -> None:
    """RFC 6265, 5.4: a request has one Cookie header; one that the document writes comes first."""
    parameters = (
        ParameterPlan(name="a", location="cookie", value=1, style="form", explode=True),
        ParameterPlan(name="cookie", location="header", value="first=0"),
        ParameterPlan(name="b c", location="cookie", value=2, style="form", explode=True),
    )
    request = build(call(parameters=parameters), "https://a.test", Context())
    assert request.headers == {"cookie": "first=0; a=1; b%20c=2"}


# -- against an independent implementation of RFC 6570 ------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]))
objects = st.dictionaries(st.text("abcé &=", min_size=1), texts, min_size=1, max_size=4)
values = st.one_of(
    texts,
    st.lists(texts, min_size=1, max_size=4),
    objects.map(lambda one: dict(sorted(one.items()))),  # the library sorts
)
OPERATORS = {"simple": "", "label": ".", "matrix": ";", "form": "?"}


@pytest.mark.parametrize("explode", [True, False], ids=["exploded", "plain"])
@pytest.mark.parametrize("style", OPERATORS)
@given(value=values)
def test_equal_to_rfc_6570(*, style: str, explode: bool, value: Any) -> None:
    """4.8.12: these four styles are those of RFC 6570, whatever the value."""
    template = f"{{{OPERATORS[style]}color{'*' if explode else ''}}}"
    expected = uritemplate.expand(template, color=value).removeprefix("?")
    parameter = one("path" if style != "form" else "query", style, explode)
    if parameter.location == "path" and expected in ("", ".", ".."):
        return  # which no path may hold
    if style == "matrix" and explode and "=;" in f"{expected};":
        return  # the library writes `name=` for an empty member, where the RFC has `name`
    assert spelled(parameter, value) == expected


# -- in a document ------------------------------------------------------------------------------

LIST_JOBS: Final = changed(
    ARAZZO, "stepId: create\n    operationId: createJob",
    f"stepId: create\n    operationId: listJobs\n    parameters:\n    - {HERE}"
    "{name: page, in: query, value: [1, 2]}",
)  # fmt: skip
PAGE: Final = "- {name: page, in: query, schema: {type: integer}}"


def planned(declared: str, given_in: str = "query", name: str = "page") -> dict[str, Any]:
    """Return the plan of a step's parameter whose declaration is `declared`, less its value."""
    text = LIST_JOBS.replace(HERE, "").replace(
        "name: page, in: query", f"name: {name}, in: {given_in}"
    )
    step = Written(text, changed(OPENAPI, PAGE, f"- {declared}")).step()
    (found,) = step.attempt.operation.parameters
    return {key: value for key, value in found.as_json().items() if key not in ("name", "value")}


@pytest.mark.parametrize(
    ("declared", "plan"),
    [
        ("{name: page, in: query}", {"location": "query", "style": "form", "explode": True}),
        (
            "{name: page, in: query, style: pipeDelimited}",
            {"location": "query", "style": "pipeDelimited"},
        ),
        (
            "{name: page, in: query, allowReserved: true, explode: false}",
            {"location": "query", "style": "form", "allow_reserved": True},
        ),
        (
            "{name: page, in: query, content: {application/json: {}}}",
            {
                "location": "query",
                "style": "form",
                "explode": True,
                "content_type": "application/json",
            },
        ),
    ],
)
def test_what_the_description_says_reaches_the_plan(declared: str, plan: dict[str, Any]) -> None:
    """What is at its default is left out, so that plans stay as they were."""
    assert planned(declared) == plan


@pytest.mark.parametrize(
    ("declared", "location", "plan"),
    [
        ("{name: page, in: cookie}", "cookie", {"style": "form", "explode": True}),
        ("{name: page, in: cookie, style: cookie}", "cookie", {"style": "cookie", "explode": True}),
        (
            "{name: page, in: querystring, content: {application/json: {}}}",
            "querystring",
            {"style": "form", "explode": True, "content_type": "application/json"},
        ),
        ("{name: other, in: query}", "querystring", {"style": "form", "explode": True}),
        ("{name: page, in: header, explode: true}", "header", {"explode": True}),
    ],
)
def test_other_places(declared: str, location: str, plan: dict[str, Any]) -> None:
    """Cookies, headers, and the whole query from one value (Arazzo 1.1, OpenAPI 3.2)."""
    assert planned(declared, location) == {"location": location, **plan}


@pytest.mark.parametrize("name", ["Accept", "content-type", "AUTHORIZATION"])
def test_declarations_that_openapi_ignores(name: str) -> None:
    """4.8.12.2: a document that gives the header is obeyed, its declaration counts for nothing."""
    declared = f"{{name: {name}, in: header, style: matrix, explode: true}}"
    assert planned(declared, "header", name) == {"location": "header"}


@pytest.mark.parametrize("style", ["matrix", "form", "deepObject"])
def test_a_style_that_does_not_fit_is_told(style: str) -> None:
    """A header knows `simple` only, so that is sent, with a warning at the parameter."""
    text = changed(LIST_JOBS, "in: query", "in: header")
    text, place = pointed(text)
    openapi = changed(OPENAPI, PAGE, f"- {{name: page, in: header, style: {style}}}")
    workflow = Written(text, openapi).workflow()
    (found,) = workflow.findings
    assert (found.code, found.severity) == ("inapplicable-style", "warning")
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"
    assert f"`{style}`" in found.message
    assert workflow.plan is not None
    (parameter,) = workflow.plan.steps[0].attempt.operation.parameters
    assert parameter.style == "simple"
