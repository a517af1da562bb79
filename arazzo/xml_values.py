"""XML texts: read safely, written back with only the replaced places changed.

Bodies come from strangers and payloads hold their values, so nothing in a text may cost more
than its length. Python's own expat reads it, behind two guards of ours: a text with a DOCTYPE is
refused before it is parsed (without one there are no entities, so neither bombs nor files, and
SOAP forbids it as well), and depth and number of nodes are bounded while it is parsed. The
package defusedxml would be one more dependency for the first guard, and has not the second.

A JSON Pointer leads nowhere in such a text: `$response.body#/a` is absent, and an XPath finds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element
from xml.parsers import expat

from arazzo.errors import DurazzoError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_XML: Final = 1_000_000
DEEPEST_XML: Final = 200
MOST_NODES: Final = 30_000
_SPACE: Final = r"[ \t\r\n]"
_DOCTYPE: Final = re.compile(
    rf"\ufeff?(?:{_SPACE}+|<\?.*?\?>|<!--.*?-->)*+(<!DOCTYPE|<!ENTITY)", re.DOTALL
)
_BEGINNING: Final = re.compile(rf"\ufeff?{_SPACE}*<[?!A-Za-z_:]")
# STag = '<' Name (S Attribute)* S? '>'                                    XML 1.0, 3.1
_START_TAG: Final = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_ATTRIBUTE: Final = re.compile(rb"([^\s=<>\"'/]+)\s*=\s*(\"[^\"]*\"|'[^']*')")


class XmlRefused(DurazzoError):
    """A text that is no XML, or none that is read; the message says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where an element stands, in bytes of UTF-8: its start tag, and all of it."""

    begin: int
    inside: int
    end_tag: int
    end: int


@dataclass(frozen=True, eq=False, slots=True)
class XmlDocument:
    """A text that was read. `namespaces` maps prefixes, first declared wins, "" is the root's."""

    source: bytes
    root: Element
    namespaces: Mapping[str, str]
    spans: Mapping[Element, Span]
    nodes: int

    def text_of(self, element: Element) -> str:
        """Return the text of an element without elements inside, else its XML as it stands."""
        if len(element):
            span = self.spans[element]
            return self.source[span.begin : span.end].decode()
        return element.text or ""


@lru_cache(maxsize=4)
def parse(text: str) -> XmlDocument:
    """Return the document. Raises XmlRefused."""
    if len(text) > LONGEST_XML:
        raise XmlRefused(f"it has more than {LONGEST_XML:,} characters", reason="xml-too-large")
    if _DOCTYPE.match(text):
        raise XmlRefused("it has a DOCTYPE, which is never read", reason="xml-doctype")
    if not _BEGINNING.match(text):
        raise XmlRefused("it does not begin as XML does", reason="no-xml")
    try:
        return _Reader(text.encode()).read()
    except UnicodeEncodeError as error:
        raise XmlRefused("it holds half of a character", reason="no-xml") from error
    except expat.ExpatError as error:
        raise XmlRefused(f"it is not well-formed: {error}", reason="no-xml") from error


@dataclass
class _Reader:
    """Builds the tree from the parser's events, and learns where each element stands."""

    source: bytes
    parser: expat.XMLParserType = field(init=False)
    open: list[tuple[Element, int, int]] = field(default_factory=list)
    spans: dict[Element, Span] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    root: Element | None = None
    nodes: int = 0

    def read(self) -> XmlDocument:
        # the declaration's own encoding is void: the text was decoded already
        self.parser = expat.ParserCreate("utf-8", "}")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.StartNamespaceDeclHandler = self.namespace
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.CommentHandler = self.skip
        self.parser.ProcessingInstructionHandler = self.skip
        self.parser.Parse(self.source, True)
        if self.root is None:
            raise XmlRefused("it has no element", reason="no-xml")
        return XmlDocument(self.source, self.root, self.namespaces, self.spans, self.nodes)

    def doctype(self, *_: object) -> None:
        raise XmlRefused("it has a DOCTYPE, which is never read", reason="xml-doctype")

    def namespace(self, prefix: str | None, uri: str | None) -> None:
        if prefix is not None or self.root is None:
            self.namespaces.setdefault(prefix or "", uri or "")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count(1 + len(attributes))
        if len(self.open) >= DEEPEST_XML:
            raise XmlRefused(f"it is nested more than {DEEPEST_XML} deep", reason="xml-too-deep")
        made = {_qualified(key): value for key, value in attributes.items()}
        element = Element(_qualified(name), made)
        begin = self.parser.CurrentByteIndex
        tag = _START_TAG.match(self.source, begin)
        if self.open:
            self.open[-1][0].append(element)
        else:
            self.root = element
        self.open.append((element, begin, tag.end() if tag else begin))

    def end(self, _name: str) -> None:
        element, begin, inside = self.open.pop()
        end_tag = self.parser.CurrentByteIndex
        closing = self.source.find(b">", end_tag) + 1 if end_tag >= inside else 0
        empty = self.source[inside - 2 : inside] == b"/>"
        at = inside if empty else end_tag
        self.spans[element] = Span(begin, inside, at, inside if empty else closing)

    def characters(self, text: str) -> None:
        if not self.open:
            return
        parent = self.open[-1][0]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text

    def skip(self, *_: object) -> None:
        """Comments and instructions are no values; the texts around them become one."""
        self.count(1)

    def count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            said = f"it has more than {MOST_NODES:,} elements and attributes"
            raise XmlRefused(said, reason="xml-too-large")


def _qualified(name: str) -> str:
    return f"{{{name}" if "}" in name else name


Place = tuple[Element, str | None]
"""An element, and the name of the attribute that is meant (as `{uri}local`)."""


def replaced(document: XmlDocument, places: list[Place], text: str) -> str:
    """Return the text with the content of elements, and the values of attributes, set anew.

    All else stays byte for byte: prefixes, comments, spaces. A place within another is lost.
    """
    edits = sorted(_edit(document, place, text) for place in dict.fromkeys(places))
    parts, behind = [], 0
    for begin, end, new in edits:
        if begin >= behind:
            parts += [document.source[behind:begin], new]
            behind = end
    return b"".join([*parts, document.source[behind:]]).decode()


def _edit(document: XmlDocument, place: Place, text: str) -> tuple[int, int, bytes]:
    from xml.sax.saxutils import escape, quoteattr  # noqa: PLC0415 - 15 ms, seldom wanted

    element, attribute = place
    span = document.spans[element]
    if attribute is not None:
        begin, end = _value_of(document, element, attribute)
        return begin, end, quoteattr(text).encode()
    tag = document.source[span.begin : span.inside]
    if not tag.endswith(b"/>"):
        return span.inside, span.end_tag, escape(text).encode()
    name = re.split(rb"[\s/>]", tag[1:], maxsplit=1)[0]
    return span.inside - 2, span.inside, b">" + escape(text).encode() + b"</" + name + b">"


def _value_of(document: XmlDocument, element: Element, attribute: str) -> tuple[int, int]:
    """Where the value of an attribute stands, quotes included; found by its place in the order."""
    span = document.spans[element]
    wanted = list(element.attrib).index(attribute)
    written = [
        found.span(2)
        for found in _ATTRIBUTE.finditer(document.source, span.begin, span.inside)
        if found[1] != b"xmlns" and not found[1].startswith(b"xmlns:")
    ]
    return written[wanted]
