"""A value as XML text, by the XML Objects of its schema (OpenAPI 3.1.1, 4.8.26)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from arazzo.errors import StepFailed
from arazzo.navigation import text_of
from arazzo.plan import XmlPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Json

ROOT: Final = "root"
"""The name of the outermost element where neither the schema nor a reference to it has one."""

_NAME: Final = re.compile(r"[A-Za-z_\u00c0-\ufffd][\w.\-\u00b7]*")
# Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]    XML 1.0, 2.2
_CHARACTERS: Final = "\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_TEXT: Final = str.maketrans({**_ESCAPES, "\r": "&#13;"})
_IN_ATTRIBUTE: Final = str.maketrans(
    {**_ESCAPES, '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)
_NO_HINTS: Final = XmlPlan()


@cache
def _no_character() -> re.Pattern[str]:
    """Made when it is first needed: so wide a class takes 10 ms."""
    return re.compile(f"[^{_CHARACTERS}]")


Attributes = dict[str, str]
"""The attributes of an element, their values escaped."""


def xml_document(hints: XmlPlan | None, value: Json, charset: str) -> str:
    """Return the document; `hints` are those of the body's schema.

    Raises StepFailed for a name or a character that XML does not have.
    """
    outermost = hints or _NO_HINTS
    declaration = f'<?xml version="1.0" encoding="{charset.upper()}"?>'
    if isinstance(value, list):
        outermost = outermost.model_copy(update={"wrapped": True, "name": outermost.name or ROOT})
    return declaration + "".join(_elements(ROOT, value, outermost))


def _elements(name: str, value: Json, hints: XmlPlan) -> Iterator[str]:
    """Yield the elements of a property: one; or one for each of a list that is not wrapped.

    The name of a list counts only where it is wrapped; its items have their own, else its.
    """
    if value is None:
        return
    if not isinstance(value, list):
        yield _element(hints.name or name, value, hints)
        return
    items = hints.items or _NO_HINTS
    outer = hints.name or name if hints.wrapped else name
    inner = [part for one in value for part in _elements(outer, one, items)]
    yield from [_tagged(outer, hints, {}, "".join(inner))] if hints.wrapped else inner


def _element(name: str, value: Json, hints: XmlPlan) -> str:
    if not isinstance(value, dict):
        return _tagged(name, hints, {}, _escaped(value, _IN_TEXT))
    attributes: Attributes = {}
    children = ""
    for key, child in value.items():
        known = hints.properties.get(key, _NO_HINTS)
        if known.attribute and child is not None:
            attributes |= _declared(known) if known.prefix else {}
            attributes[_qualified(known.name or key, known)] = _escaped(child, _IN_ATTRIBUTE)
        else:
            children += "".join(_elements(key, child, known))
    return _tagged(name, hints, attributes, children)


def _tagged(name: str, hints: XmlPlan, attributes: Attributes, content: str) -> str:
    qualified = _qualified(name, hints)
    known = {**attributes, **_declared(hints)}
    start = qualified + "".join(f' {key}="{text}"' for key, text in known.items())
    return f"<{start}>{content}</{qualified}>" if content else f"<{start}/>"


def _declared(hints: XmlPlan) -> Attributes:
    """The declaration of the namespace; twice the same on one element would be no XML."""
    if not hints.namespace:
        return {}
    name = f"xmlns:{_checked(hints.prefix)}" if hints.prefix else "xmlns"
    return {name: _escaped(hints.namespace, _IN_ATTRIBUTE)}


def _qualified(name: str, hints: XmlPlan) -> str:
    return f"{_checked(hints.prefix)}:{_checked(name)}" if hints.prefix else _checked(name)


def _checked(name: str) -> str:
    if all(_NAME.fullmatch(part) for part in name.split(":", 1)):
        return name
    raise StepFailed(f"XML has no element or attribute `{name[:60]}`", reason="body-not-xml")


def _escaped(value: Json, escapes: dict[int, str]) -> str:
    text = text_of(value)
    if _no_character().search(text):
        raise StepFailed("the body holds a character that XML does not have", reason="body-not-xml")
    return text.translate(escapes)
