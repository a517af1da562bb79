"""Selector objects: Arazzo 1.1.0, 5.8.14: a value picked from another one by a query.

    {context: $response.body, selector: $.items[0].id, type: jsonpath}

What is selected, in all three languages alike: nothing is absent, one value is itself, several
are a list in document order; a JSONPath that could select several (with `*`, `..`, a slice, a
filter or several selectors) still gives one value when it selects one. In XML an element without
elements inside is its text, any other one its XML (see xpath.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from arazzo import expression as expressions
from arazzo import xml_values, xpath
from arazzo.context import ABSENT
from arazzo.errors import DurazzoError, ExpressionError
from arazzo.navigation import is_query, resolve_pointer, select

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Absent, Context, Json
    from arazzo.expression import Expression
    from arazzo.xpath import XPath

FIELDS: Final = frozenset(("context", "selector", "type"))
VERSIONS: Final = {
    "jsonpath": ("rfc9535", "draft-goessner-dispatch-jsonpath-00"),
    "jsonpointer": ("rfc6901",),
    "xpath": ("xpath-31", "xpath-30", "xpath-20", "xpath-10"),
}
"""The selector types and their versions; the first is the default."""
LONGEST_SELECTOR: Final = 10_000
MARK: Final = "$selector"
"""The key under which a plan holds a selector object, told so from a literal of that shape."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector object that was read; `kind` is jsonpath, jsonpointer or xpath."""

    context: Expression
    text: str
    kind: str
    xpath: XPath | None = None

    def expressions(self) -> list[Expression]:
        """Return the runtime expressions that it reads."""
        return expressions.with_inner(self.context)


def is_selector(value: Any) -> bool:
    """Return whether a JSON value is a selector object: its three fields, extensions aside."""
    if not isinstance(value, dict):
        return False
    names = {key for key in value if isinstance(key, str) and not key.startswith("x-")}
    return names == FIELDS and isinstance(value["context"], str) and value["context"][:1] == "$"


def marked(value: Any) -> Any:
    """Return a JSON value of a document with its selector objects marked, as plans have them."""
    if is_selector(value):
        return {MARK: value}
    if isinstance(value, dict):
        return {key: marked(child) for key, child in value.items()}
    return [marked(child) for child in value] if isinstance(value, list) else value


def written(value: Any) -> dict[str, Any] | None:
    """Return the selector object that a value of a plan is, None when it is another value."""
    if not isinstance(value, dict) or len(value) != 1 or not is_selector(value.get(MARK)):
        return None
    found: dict[str, Any] = value[MARK]
    return found


def queries_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the selector objects of a plan's value that only a query library can evaluate."""
    found = written(value)
    if found is not None:
        kind = found["type"]
        if (kind.get("type") if isinstance(kind, dict) else kind) != "jsonpointer":
            yield found
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from queries_in(child)


def kind_of(text: str, written: Any) -> tuple[str, str | None]:
    """Return type and version of what stands as `type`: a name or an Expression Type Object.

    Raises ExpressionError, about the selector `text`.
    """
    kind, version = written, None
    if isinstance(written, dict):
        kind, version = written.get("type"), written.get("version")
    if not isinstance(kind, str) or kind not in VERSIONS:
        raise ExpressionError(text, 0, f"a type {', '.join(VERSIONS)}", reason="unknown-type")
    if version is not None and version not in VERSIONS[kind]:
        known = " or ".join(VERSIONS[kind])
        expected = f"the version {known} of {kind}, not `{version}`"
        raise ExpressionError(text, 0, expected, reason="unknown-version")
    return kind, version


def parse(value: dict[str, Any]) -> Selector:
    """Return the selector that an object is. Raises ExpressionError."""
    text = value["selector"]
    if not isinstance(text, str):
        raise ExpressionError(str(text), 0, "a text as `selector`")
    if len(text) > LONGEST_SELECTOR:
        raise ExpressionError(text, 0, f"at most {LONGEST_SELECTOR} characters")
    kind, version = kind_of(text, value["type"])
    context = expressions.parse(value["context"])
    if kind == "jsonpath" and not is_query(text):
        raise ExpressionError(text, 0, "a JSONPath query (RFC 9535)")
    if kind == "jsonpointer" and text and not text.startswith("/"):
        raise ExpressionError(text, 0, "a JSON Pointer such as `/name/0`")
    return Selector(context, text, kind, xpath.compile(text, version) if kind == "xpath" else None)


def evaluate(selector: Selector, context: Context) -> Json | Absent:
    """Return what is selected at this moment, ABSENT for nothing."""
    root = expressions.evaluate(selector.context, context)
    if root is ABSENT:
        return ABSENT
    if selector.kind == "jsonpointer":
        return resolve_pointer(root, selector.text)
    found = _from_xml(selector.xpath, root) if selector.xpath else list(select(selector.text, root))
    return found[0] if len(found) == 1 else found or ABSENT


def _from_xml(one: XPath, root: Json) -> list[Json]:
    """What is no XML, or more than is read, has nothing to select."""
    try:
        return xpath.select(one, xml_values.parse(root)) if isinstance(root, str) else []
    except DurazzoError:
        return []
