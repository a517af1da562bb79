"""XPath: versions, names, what is refused by name, and that nothing takes longer than a second."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written import ARAZZO, Written, changed

from arazzo import criterion, xml_values, xpath, xpath_engine
from arazzo.context import Context, ResponseView
from arazzo.errors import ExpressionError
from arazzo.xpath import XPathFailed

PETS = """<pets xmlns:v="urn:vet" total="3">
  <pet id="1" v:checked="yes"><name>Rex</name><age>4</age></pet>
  <pet id="2"><name>Tom &amp; Co</name><age>7</age><!-- old --></pet>
  <v:pet id="3"><name/><age>x</age></v:pet>
</pets>"""
SOAP = """<s:Envelope xmlns:s="urn:soap" xmlns="urn:app"><Status>OK</Status></s:Envelope>"""


def selected(text: str, document: str = PETS, version: str | None = None) -> list[Any]:
    """Return what an expression selects."""
    return xpath.select(xpath.compile(text, version), xml_values.parse(document))


def holds(text: str, document: str = PETS, version: str | None = None) -> bool:
    """Return the effective boolean value of an expression."""
    return xpath.holds(xpath.compile(text, version), xml_values.parse(document))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/pets/pet/name", ["Rex", "Tom & Co"]),
        ("//pet[age > 5]/@id", ["2"]),
        ("/pets/pet[1]/name/text()", ["Rex"]),
        ("//v:pet/@id", ["3"]),
        ("//@v:checked", ["yes"]),
        ("//*:pet[last()]/@id", ["3"]),
        ("//other:pet", []),
        ("count(//pet)", [2]),
        ("sum(//pet/age)", [11]),
        ("1.5 + 1", [2.5]),
        ("1 div 0e0", ["INF"]),
        ("/pets/@total = 3", [True]),
        ("xs:integer(/pets/@total) to 5", [3, 4, 5]),
        ("xs:date('2026-02-03') + xs:dayTimeDuration('P1D')", ["2026-02-04"]),
        ("string-join(//pet/name, ',')", ["Rex,Tom & Co"]),
        ("for $pet in //pet return concat($pet/@id, $pet/name)", ["1Rex", "2Tom & Co"]),
        ("some $age in //pet/age satisfies $age = 7", [True]),
        ("let $all := //pet return $all[2]/age", ["7"]),
        ("if (//cat) then 'cat' else 'none'", ["none"]),
        (
            "distinct-values((//pet/age, '7', 7, 7e0, 7.5, 'a', true(), 'true'))",
            ["4", "7", 7, 7.5, "a", True, "true"],
        ),
        ("//pet/name[matches(., '^T.m', 'i')]", ["Tom & Co"]),
        ("tokenize('a, b,c', ',\\s*')", ["a", "b", "c"]),
        ("//pet[@id = '1']", ['<pet id="1" v:checked="yes"><name>Rex</name><age>4</age></pet>']),
        ("'b' < 'a'", [False]),
        ("//v:pet/name()", ["v:pet"]),
    ],
)
def test_what_is_selected(text: str, found: list[Any]) -> None:
    """Nodes are their text (an element with elements inside its XML), numbers are JSON's."""
    assert selected(text) == found


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("//pet[id = '1']", False),
        ("//pet", True),
        ("//cat", False),
        ("//v:pet/name", True),
        ("string(//v:pet/name)", False),
        ("'x'", True),
        ("''", False),
        ("0", False),
        ("number('x')", False),
        ("2", True),
        ("true()", True),
        ("(//pet, 1)", True),
        ("()", False),
    ],
)
def test_effective_boolean_value(text: str, *, truth: bool) -> None:
    """XPath 3.1, 2.4.3: nodes, and a single text, number or boolean that is not empty or zero."""
    assert holds(text) is truth


@pytest.mark.parametrize(
    "text", ["(1, 2)", "xs:date('2026-01-01')", "//pet/age + 1", "1 div count(//cat)"]
)
def test_what_has_no_truth_fails(text: str) -> None:
    """Errors of types and values come at run time, as ours and with the reason."""
    with pytest.raises(XPathFailed, match="can't be evaluated"):
        holds(text)


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("/pets/pet", ("xpath-10", "xpath-20", "xpath-30", "xpath-31")),
        ("if (//pet) then 1 else 0", ("xpath-20", "xpath-30", "xpath-31")),
        ("let $a := 1 return $a", ("xpath-30", "xpath-31")),
        ("'a' || 'b'", ("xpath-30", "xpath-31")),
        ("contains-token('a b', 'b')", ("xpath-31",)),
    ],
)
def test_versions(text: str, versions: tuple[str, ...]) -> None:
    """Each version has its own syntax and functions; without one it is 3.1."""
    assert holds(text)
    for version in xpath_engine.VERSIONS:
        if version in versions:
            assert holds(text, version=version)
        else:
            with pytest.raises(ExpressionError):
                xpath.compile(text, version)


def test_version_1_compares_as_1_does() -> None:
    """In 1.0 the first node stands for all, and texts become numbers without a cast."""
    assert selected("string(//age)", version="xpath-10") == ["4"]
    assert selected("'5' + 1", version="xpath-10") == [6]
    with pytest.raises(XPathFailed):
        selected("string(//age)")


def test_the_default_namespace() -> None:
    """From 2.0 on names without prefix are in the namespace of the outermost element."""
    assert holds("/s:Envelope/Status[text()='OK']", SOAP)
    assert not holds("/s:Envelope/Status", SOAP, "xpath-10")
    assert holds("/Envelope/Status[text()='OK']", "<Envelope><Status>OK</Status></Envelope>")
    assert holds("/a/b", "<a xmlns='urn:x'><b/></a>")


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        # what reads outside
        ("doc('file:///etc/passwd')", 0, "without `doc()`"),
        ("//a[fn:doc('x')]", 7, "without `doc()`"),
        ("doc-available('x')", 0, "without `doc-available()`"),
        ("collection()", 0, "without `collection()`"),
        ("uri-collection()", 0, "without `uri-collection()`"),
        ("unparsed-text('/etc/passwd')", 0, "without `unparsed-text()`"),
        ("unparsed-text-lines('/etc/passwd')", 0, "without `unparsed-text-lines()`"),
        ("environment-variable('PATH')", 0, "without `environment-variable()`"),
        ("available-environment-variables()", 0, "without `available-environment-variables()`"),
        ("json-doc('x')", 0, "without `json-doc()`"),
        ("parse-xml('<a/>')", 0, "without `parse-xml()`"),
        ("transform(1)", 0, "without `transform()`"),
        ("load-xquery-module('x')", 0, "without `load-xquery-module()`"),
        # what is another one each time, or depends on the machine
        ("current-dateTime()", 0, "without `current-dateTime()`"),
        ("random-number-generator()", 0, "without `random-number-generator()`"),
        ("contains('a', 'b', 'http://c')", 8, "without more than 2 arguments of `contains()`"),
        ("round(2.5, 99999999999999999999)", 0, "without more than 1 arguments of `round()`"),
        # functions as values
        ("function($a) { $a }", 0, "without `function()`"),
        ("fold-left(1 to 9, 0, concat#2)", 9, "without `fold-left()`"),
        ("string#1", 6, "without `#`"),
        ("map { 'a': 1 }", 4, "without `map`"),
        ("[1, 2]", 1, "without `[]` that makes an array"),
        ("sort(//a)", 4, "without `sort()`"),
        # mistakes
        ("$x", 0, "only variables that it binds itself"),
        ("//a[", 3, "XPath ("),
        ("", 0, "XPath (source is empty)"),
        ("nothing(1)", 0, "XPath (unknown function 'nothing')"),
        ("matches(., '(?=a)')", 0, "XPath (invalid regular expression"),
        ("1 div 0", 2, "XPath (Division by zero)"),
        ("//a[b == 1]", 7, "XPath ("),
    ],
)
def test_refusals(text: str, offset: int, expected: str) -> None:
    """What is not there is refused by name when the expression is compiled."""
    with pytest.raises(ExpressionError) as caught:
        xpath.compile(text)
    assert expected in caught.value.expected
    assert caught.value.offset == offset


def test_elements_may_have_the_names_of_functions() -> None:
    """Only a call is refused."""
    text = "<collection><doc><map>1</map></doc></collection>"
    assert selected("/collection/doc/map", text) == ["1"]


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    """Arazzo 1.1.0, 5.8.13."""
    with pytest.raises(ExpressionError, match="xpath-10, xpath-20, xpath-30, xpath-31"):
        xpath.compile("//a", "xpath-40")


@pytest.mark.parametrize(
    ("type_", "condition", "code", "said"),
    [
        ("xpath", "//a", "", ""),
        ("{type: xpath, version: xpath-10}", "//a", "", ""),
        ("{type: xpath, version: xpath-40}", "//a", "unknown-version", "xpath-31 or xpath-30"),
        ("{type: jsonpath, version: rfc9535}", "$.a", "", ""),
        ("{type: jsonpath, version: draft-goessner-dispatch-jsonpath-00}", "$.a", "", ""),
        ("{type: jsonpath, version: rfc1}", "$.a", "unknown-version", "rfc9535 or draft-goessner"),
        ("xpath", "doc('x')", "invalid-criterion", "without `doc()`"),
    ],
)
def test_criteria_in_a_document(type_: str, condition: str, code: str, said: str) -> None:
    """Type and version reach the plan; what is wrong is a finding that tells what is known."""
    criteria = f'- {{condition: "{condition}", type: {type_}, context: $response.body}}'
    written = Written(changed(ARAZZO, "- condition: $statusCode == 200", criteria))
    found = written.findings()
    assert [one.code for one in found] == ([code] if code else [])
    assert all(said in one.message for one in found)


WIDE = f"<a>{'<b><c>x</c></b>' * 10_000}</a>"
LONG = f"<a>{'x' * 900_000}</a>"
DEEP = "<a>" * 200 + "</a>" * 200
EXPLOSIVE = [
    ("//*//*//*", WIDE),
    ("//*[//*[//*]]", WIDE),
    ("count(//*[count(//*) > 0])", WIDE),
    ("//*[following::*[following::*]]", WIDE),
    ("//b[preceding-sibling::b[following-sibling::b]]", WIDE),
    ("//*[not(. = //d)]", WIDE),
    ("//b = //d or //b != //b", WIDE),
    ("//*[contains(/, 'y')]", WIDE),
    ("//*[../d]", WIDE),
    ("some $a in //b, $b in //b satisfies $a/c != $b/c", WIDE),
    ("(1 to 290000)[. > 5][. > 6]", WIDE),
    ("string-length(string-join(for $i in 1 to 90000 return /a, ''))", LONG),
    ("let $a := string(/) return concat($a, $a, $a, $a, $a, $a, $a, $a, $a, $a, $a, $a)", LONG),
    ("count(distinct-values(for $i in //b return generate-id($i)))", WIDE),
    ("count(distinct-values(for $i in 1 to 90000 return $i * 1))", WIDE),
    ("//*//*//*//*//*//*", DEEP),
    ("//*[ancestor::*[ancestor::*[descendant::*]]]", DEEP),
    ("let $a := /a return " + "let $a := ($a, $a) return " * 60 + "count($a)", WIDE),
    ("let $a := 1 + count(//b) return " + "let $a := $a * $a return " * 60 + "$a", WIDE),
]


@pytest.mark.parametrize(("text", "document"), EXPLOSIVE, ids=[text[:50] for text, _ in EXPLOSIVE])
def test_what_explodes_is_stopped(text: str, document: str) -> None:
    """The budget is the same everywhere, and is spent within a second."""
    parsed = xml_values.parse(document)
    assert holds("/a", document)
    begin = time.process_time()
    with pytest.raises((XPathFailed, ExpressionError), match=r"steps over this document|without"):
        xpath.holds(xpath.compile(text), parsed)
    assert time.process_time() - begin < 1


HOSTILE = [
    "count(1 to 1000000000)",
    "2 = (1 to 1000000000)",
    "string-join(1 to 1000000000)",
    "(" * 5_000,
    "1" + "+1" * 2_000,
    "-" * 5_000 + "1",
    "not(" * 1_000 + "1" + ")" * 990,
    "a" + "[1" * 1_600,
    "'" * 4_999,
    "9" * 4_999,
    "x" * 100_000,
    "(:" * 2_500,
    "$" * 5_000,
    "a:" * 2_500,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:30] for text in HOSTILE])
def test_hostile_expressions_are_refused_at_once(text: str) -> None:
    """What needs no document to explode is refused when it is compiled."""
    begin = time.process_time()
    with pytest.raises(ExpressionError):
        xpath.compile(text)
    assert time.process_time() - begin < 1


def test_a_hostile_pattern_takes_no_time() -> None:
    """Regular expressions run on RE2, which is linear."""
    begin = time.process_time()
    assert not holds("matches(string(/), '(x+)+y$')", LONG)
    assert time.process_time() - begin < 1


def test_a_large_document_is_answered() -> None:
    """What people ask of a document of ten thousand records is within the budget."""
    assert holds("/a/b/c = 'x'", WIDE)
    assert selected("count(//c)", WIDE) == [10_000]
    assert selected("/a/b[10000]/c", WIDE) == ["x"]


def _context(body: Any) -> Context:
    return Context(response=ResponseView(200, {"content-type": "application/xml"}, body))


@pytest.mark.parametrize(
    ("text", "body", "truth", "why"),
    [
        ("//pet[@id = '1']", PETS, True, ""),
        ("//pet[@id = '9']", PETS, False, ""),
        ("//pet", {"pet": 1}, False, "$response.body is no XML text"),
        ("//pet", "pets: 1", False, "$response.body is no XML that is read: it does not begin"),
        ("//pet", "<!DOCTYPE a><a/>", False, "$response.body is no XML that is read: it has a DOC"),
        ("//pet/age + 1", PETS, False, "$response.body can't be judged: the XPath `//pet/age + 1`"),
        ("//*//*//*", WIDE, False, "$response.body can't be judged: the XPath `//*//*//*` takes m"),
    ],
)
def test_criteria(text: str, body: Any, why: str, *, truth: bool) -> None:
    """A criterion over what is no XML is false, and the failure's text says why."""
    compiled = criterion.compile(text, "xpath", None, "$response.body")
    assert criterion.holds(compiled, _context(body)) is truth
    assert criterion.seen(compiled, _context(body)).startswith(why)
    assert bool(criterion.seen(compiled, _context(body))) is bool(why)


def test_a_criterion_without_a_response_is_false() -> None:
    """After a transport failure what reads a response is false (DESIGN.md, 3)."""
    compiled = criterion.compile("true()", "xpath", "xpath-10", "$response.body")
    assert not criterion.holds(compiled, Context())
    assert not criterion.holds(compiled, Context(response=ResponseView(204)))


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="/*@[]().pet='\" 123<>=!|+-:$,andorifst\ud800é", max_size=25),
    st.sampled_from(sorted(xpath_engine.VERSIONS)),
)
def test_only_our_own_error(text: str, version: str) -> None:
    """Whatever the text, the outcome is true, false or an error of ours."""
    try:
        assert holds(text, version=version) in (True, False)
    except (ExpressionError, XPathFailed):
        return
