"""XPath 1.0 to 3.1 over XML texts, in bounded time (Arazzo 1.1.0, 5.8.12 «XPath Conditions»).

What reads outside of the document (`doc`, `collection`, `unparsed-text`, `environment-variable`),
tells the time, calls functions as values or works longer than its result tells is refused by
name when the expression is compiled. Everything else is paid from a budget (xpath_engine.py).

The names of an expression: prefixes are those that the document declares; from 2.0 on a name
without one is in the default namespace of the document's outermost element, in 1.0 in none.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from arazzo import xml_values, xpath_engine
from arazzo.errors import SHOWN_CHARACTERS, DurazzoError, ExpressionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from arazzo.context import Json
    from arazzo.xml_values import Place, XmlDocument

LONGEST_XPATH: Final = 5_000
DEFAULT_VERSION: Final = "xpath-31"
_PREFIX: Final = re.compile(r"([A-Za-z_][\w.\-]*):(?=[A-Za-z_*])")
_KNOWN_PREFIXES: Final = frozenset(("xml", "xs", "fn", "math", "map", "array", "err"))

_ANY: Final = 1_000
FUNCTIONS: Final = {
    # core of 1.0
    "boolean": 1, "ceiling": 1, "concat": _ANY, "contains": 2, "count": 1, "false": 0, "floor": 1,
    "lang": 1, "last": 0, "local-name": 1, "name": 1, "namespace-uri": 1, "normalize-space": 1,
    "not": 1, "number": 1, "position": 0, "round": 1, "starts-with": 2, "string": 1,
    "string-length": 1, "substring": 3, "substring-after": 2, "substring-before": 2, "sum": 2,
    "translate": 3, "true": 0,
    # texts
    "codepoint-equal": 2, "codepoints-to-string": 1, "compare": 2, "contains-token": 2,
    "encode-for-uri": 1, "ends-with": 2, "lower-case": 1, "matches": 3, "string-join": 2,
    "string-to-codepoints": 1, "tokenize": 3, "upper-case": 1,
    # numbers and sequences
    "abs": 1, "avg": 1, "data": 1, "distinct-values": 1, "empty": 1, "exactly-one": 1, "exists": 1,
    "has-children": 1, "head": 1, "index-of": 2, "insert-before": 3, "max": 1, "min": 1,
    "node-name": 1, "one-or-more": 1, "remove": 2, "reverse": 1, "round-half-to-even": 1,
    "subsequence": 3, "tail": 1, "zero-or-one": 1,
    # dates and durations
    "dateTime": 2, "day-from-date": 1, "day-from-dateTime": 1, "days-from-duration": 1,
    "hours-from-dateTime": 1, "hours-from-duration": 1, "hours-from-time": 1,
    "minutes-from-dateTime": 1, "minutes-from-duration": 1, "minutes-from-time": 1,
    "month-from-date": 1, "month-from-dateTime": 1, "months-from-duration": 1,
    "seconds-from-dateTime": 1, "seconds-from-duration": 1, "seconds-from-time": 1,
    "year-from-date": 1, "year-from-dateTime": 1, "years-from-duration": 1,
}  # fmt: skip
"""The functions that are there, and how many arguments: what comes behind is not, a collation
(which asks the machine) or a precision (the library takes minutes for a large one)."""

_SYNTAX: Final = frozenset(
    ("!", "!=", "$", "(", "(decimal)", "(float)", "(integer)", "(name)", "(string)", "*", "+", ",",
     "-", ".", "..", "/", "//", ":", "<", "<<", "<=", "=", ">", ">=", ">>", "@", "[", "|", "||",
     "and", "or", "div", "idiv", "mod", "eq", "ne", "lt", "le", "gt", "ge", "is", "to", "union",
     "intersect", "except", "if", "for", "let", "some", "every", "cast", "castable", "instance",
     "text", "node", "comment", "processing-instruction", "element", "attribute", "document-node",
     "ancestor", "ancestor-or-self", "child", "descendant", "descendant-or-self", "following",
     "following-sibling", "parent", "preceding", "preceding-sibling", "self", "item",
     "empty-sequence")
)  # fmt: skip
_BINDING: Final = frozenset(("for", "let", "some", "every"))


class XPathFailed(DurazzoError):
    """An expression that can't be evaluated over a document; the message says why."""


@dataclass(frozen=True, slots=True)
class XPath:
    """An expression that was compiled; `prefixes` are those that the document must declare."""

    text: str
    version: str
    prefixes: tuple[str, ...] = ()


@lru_cache(maxsize=1024)
def compile(text: str, version: str | None = None) -> XPath:  # noqa: A001 - the word for it
    """Return the expression. Raises ExpressionError with the offset."""
    version = version or DEFAULT_VERSION
    if version not in xpath_engine.VERSIONS:
        known = ", ".join(xpath_engine.VERSIONS)
        raise ExpressionError(text, 0, f"one of the versions {known} of XPath, not `{version}`")
    if len(text) > LONGEST_XPATH:
        raise ExpressionError(text, 0, f"at most {LONGEST_XPATH} characters")
    prefixes = tuple(dict.fromkeys(_PREFIX.findall(text)))
    found = XPath(text, version, tuple(one for one in prefixes if one not in _KNOWN_PREFIXES))
    try:
        root = _parsed(found, {}, "")
        _refuse_what_is_not_there(text, root)
        xpath_engine.evaluate_without_document(root)
    except xpath_engine.Exhausted as error:
        raise ExpressionError(text, 0, "an XPath expression that takes less work") from error
    except xpath_engine.FAULTS as error:
        raise _syntax(text, error) from error
    return found


def _parsed(one: XPath, namespaces: dict[str, str], default: str) -> Any:
    """A prefix that the document does not declare stands for a namespace that nothing is in."""
    known = {prefix: namespaces.get(prefix, f"prefix:{prefix}") for prefix in one.prefixes}
    return xpath_engine.parse(one.text, one.version, known, default)


def _syntax(text: str, error: BaseException) -> ExpressionError:
    if isinstance(error, RecursionError):
        return ExpressionError(text, 0, "an XPath expression that nests less deep")
    return ExpressionError(text, _offset(getattr(error, "token", None)), f"XPath ({_said(error)})")


def _said(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it nests too deep"
    lines = str(getattr(error, "message", "") or error).splitlines()
    return lines[0][:SHOWN_CHARACTERS] if lines else type(error).__name__


def _offset(token: Any) -> int:
    span = getattr(token, "span", None)
    return int(span[0]) if span else 0


def _tokens(root: Any) -> Iterator[Any]:
    open_ = [root]
    while open_:
        token = open_.pop()
        yield token
        open_ += list(token)


def _refuse_what_is_not_there(text: str, root: Any) -> None:
    tokens = list(_tokens(root))
    bound = {
        one[0].value
        for token in tokens if token.symbol in _BINDING
        for one in token if one.symbol == "$"
    }  # fmt: skip
    for token in tokens:
        missing = _missing(token, bound)
        if missing:
            raise ExpressionError(text, _offset(token), f"an XPath expression without {missing}")
        if token.symbol in ("matches", "tokenize") and len(token) > 1:
            pattern = token[1]
            _ = pattern.symbol != "(string)" or xpath_engine.pattern_of(token, pattern.value)


def _missing(token: Any, bound: set[Any]) -> str:
    """Return what a token is that is not there, the empty text for one that is."""
    symbol, label = str(token.symbol), str(token.label)
    if symbol == "$" and len(token) and token[0].value not in bound:
        return f"`${token[0].value}` (only variables that it binds itself)"
    if label == "array":
        return "`[]` that makes an array"
    if symbol in _SYNTAX or label == "constructor function":
        return ""
    if symbol not in FUNCTIONS:
        return f"`{symbol}{'()' if 'function' in label else ''}`"
    if len(token) > FUNCTIONS[symbol]:
        return f"more than {FUNCTIONS[symbol]} arguments of `{symbol}()`"
    return ""


def _items(one: XPath, document: XmlDocument) -> tuple[Any, Iterator[Any]]:
    default = document.namespaces.get("", "")
    namespaces = tuple((prefix, document.namespaces.get(prefix)) for prefix in one.prefixes)
    root = _for_namespaces(one, namespaces, default)
    return root, xpath_engine.select(root, document)


@lru_cache(maxsize=256)
def _for_namespaces(
    one: XPath, namespaces: tuple[tuple[str, str | None], ...], default: str
) -> Any:
    return _parsed(one, {prefix: uri for prefix, uri in namespaces if uri}, default)


def _failed(one: XPath, error: Exception) -> XPathFailed:
    shown = one.text if len(one.text) <= SHOWN_CHARACTERS else one.text[:SHOWN_CHARACTERS] + "…"
    if isinstance(error, xpath_engine.Exhausted):
        said = f"takes more than {xpath_engine.BUDGET:,} steps over this document"
        return XPathFailed(f"the XPath `{shown}` {said}", reason="xpath-exhausted")
    return XPathFailed(f"the XPath `{shown}` can't be evaluated: {_said(error)}", reason="xpath")


def holds(one: XPath, document: XmlDocument) -> bool:
    """Return the effective boolean value. Raises XPathFailed."""
    try:
        root, items = _items(one, document)
        return bool(root.boolean_value(items))
    except (xpath_engine.Exhausted, *xpath_engine.FAULTS) as error:
        raise _failed(one, error) from error


def select(one: XPath, document: XmlDocument) -> list[Json]:
    """Return what is selected as JSON values: nodes as their text. Raises XPathFailed.

    An element with elements inside is its XML as it stands in the document.
    """
    try:
        root, items = _items(one, document)
        return [_json(root, item, document) for item in items]
    except (xpath_engine.Exhausted, *xpath_engine.FAULTS) as error:
        raise _failed(one, error) from error


def _json(root: Any, item: Any, document: XmlDocument) -> Json:
    element = _element(item, document)
    if element is not None:
        return document.text_of(element)
    if isinstance(item, (bool, int, str)):
        return item
    if isinstance(item, (float, Decimal)) and math.isfinite(item):
        number = float(item)
        return int(number) if number.is_integer() and abs(number) < _EXACT else number
    return str(root.string_value(item))


_EXACT: Final = 2**53


def _element(item: Any, document: XmlDocument) -> Element | None:
    """The element that a node stands for; the outermost one for the document itself."""
    inside = getattr(item, "value", None)
    if hasattr(inside, "getroot"):
        return document.root
    return inside if inside in document.spans else None


def places(one: XPath, document: XmlDocument) -> list[Place]:
    """Return the elements and attributes that are selected. Raises XPathFailed.

    A text counts as its element, when that has no elements inside; other nodes are no place.
    """
    try:
        _, items = _items(one, document)
        return [_place(one, item, document) for item in items]
    except (xpath_engine.Exhausted, *xpath_engine.FAULTS) as error:
        raise _failed(one, error) from error


def _place(one: XPath, item: Any, document: XmlDocument) -> Place:
    element = _element(item, document)
    if element is not None:
        return element, None
    parent: Any = getattr(getattr(item, "parent", None), "value", None)
    if parent in document.spans:
        if item.name in parent.attrib:
            return parent, item.name
        if item.name is None and not len(parent):
            return parent, None
    raise XPathFailed(
        f"the XPath `{one.text}` selects what is neither element, attribute nor the whole text "
        "of an element", reason="xpath",
    )  # fmt: skip


def read(text: str) -> XmlDocument:
    """Return the document that a text is. Raises XmlRefused."""
    return xml_values.parse(text)
