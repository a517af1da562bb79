"""The one place that knows the XPath library: its parsers, each step of which is paid for.

elementpath has no bound of its own: `count(1 to 1000000000)` takes all memory, and three nested
`//*` on a hundred elements take minutes. So its classes are derived here: whatever a token yields
and whichever node is visited costs one of a budget, texts cost by their length, and functions
whose work is not told by their results are taken away (see xpath.py). A budget, unlike a clock,
gives the same answer every time. The library is loaded when an expression is first read (80 ms).
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import re2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from arazzo.xml_values import XmlDocument

BUDGET: Final = 300_000
"""Steps of one evaluation; one or two microseconds each."""
CODEPOINTS: Final = "http://www.w3.org/2005/xpath-functions/collation/codepoint"
"""How texts are compared, everywhere alike; the library would ask the machine for its language."""
_TEXT: Final = 32
"""Characters, or comparisons in C, that cost as much as one step."""
VERSIONS: Final = {
    "xpath-10": ("elementpath.xpath1", "XPath1Parser"),
    "xpath-20": ("elementpath.xpath2", "XPath2Parser"),
    "xpath-30": ("elementpath.xpath30", "XPath30Parser"),
    "xpath-31": ("elementpath.xpath31", "XPath31Parser"),
}
FAULTS: Final = (
    ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RecursionError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""What the library raises, on purpose or not; its own errors derive from these."""


class Exhausted(Exception):
    """The budget is spent."""


class Meter:
    """What is left of the budget of one evaluation."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = BUDGET

    def spend(self, steps: int) -> None:
        """Take steps off the budget. Raises Exhausted."""
        self.left -= steps
        if self.left < 0:
            raise Exhausted


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // _TEXT
    if isinstance(value, list):
        return len(value)
    if isinstance(value, int):
        return value.bit_length() // _TEXT
    return 0


@cache
def _parser_class(version: str) -> Any:
    """Return the parser of a version, whose tokens are all metered."""
    from importlib import import_module  # noqa: PLC0415 - see the top

    module, name = VERSIONS[version]
    base = getattr(import_module(module), name)
    table = {symbol: _metered(token) for symbol, token in base.symbol_table.items()}
    for symbol, evaluate in _REGEX_FUNCTIONS.items():
        if symbol in table:
            table[symbol].evaluate = _counting_evaluate(evaluate)
    if "distinct-values" in table:
        table["distinct-values"].select = _counting_select(_distinct)
    return type(base)(f"Metered{name}", (base,), {"symbol_table": table, "__module__": __name__})


def _metered(token: Any) -> Any:
    """Return a class of tokens whose evaluation is paid from the meter of their parser."""
    methods = {
        "evaluate": _counting_evaluate(_ranged(token) if token.symbol == "to" else token.evaluate),
        "select": _counting_select(token.select),
        "atomization": _counting_select(token.atomization),
        "iter_comparison_data": _counting_select(token.iter_comparison_data),
        "string_value": _reading(token.string_value),
        "number_value": _reading(token.number_value),
        "atomize_item": _reading(token.atomize_item),
        "__module__": __name__,
    }
    return type(token)(token.__name__, (token,), methods)


def _counting_evaluate(original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(self: Any, context: Any = None) -> Any:
        self.parser.meter.spend(1)
        found = original(self, context)
        self.parser.meter.spend(_weight(found))
        return found

    return evaluate


def _counting_select(original: Callable[..., Any]) -> Callable[..., Any]:
    def select(self: Any, context: Any = None) -> Iterator[Any]:
        meter = self.parser.meter
        meter.spend(1)
        for item in original(self, context):
            meter.spend(1 + _weight(item))
            yield item

    return select


def _reading(original: Callable[..., Any]) -> Callable[..., Any]:
    """The text of a node is gathered from all that is inside it."""

    def read(self: Any, item: Any) -> Any:
        inside: Any = getattr(item, "value", None)
        if hasattr(inside, "getroot"):
            inside = inside.getroot()
        if hasattr(inside, "itertext"):
            self.parser.meter.spend(1 + sum(1 + len(text) // _TEXT for text in inside.itertext()))
        return original(self, item)

    return read


def _ranged(token: Any) -> Callable[..., Any]:
    def evaluate(self: Any, context: Any = None) -> Any:
        first, last = self.get_operands(context)
        if isinstance(first, int) and isinstance(last, int):
            self.parser.meter.spend(max(0, last - first))
        return token.evaluate(self, context)

    return evaluate


# -- regular expressions run on RE2, because a document must not be able to hang a worker ----------


def pattern_of(token: Any, pattern: str, flags: str = "") -> Any:
    """Return the compiled pattern; raises the library's error for one that RE2 has not."""
    options = re2.Options()
    options.log_errors = False
    if not set(flags) <= frozenset("ims"):
        raise token.error("FORX0001", f"only the flags i, m and s, not {flags!r}")
    try:
        return re2.compile(f"(?{flags}){pattern}" if flags else pattern, options)
    except (re2.error, UnicodeError) as error:
        raise token.error("FORX0002", f"invalid regular expression: {pattern!r}") from error


def _texts(token: Any, context: Any) -> list[str]:
    return [
        token.get_argument(context, index, default="", cls=str).encode("utf-8", "replace").decode()
        for index in range(len(token))
    ]


def _matches(token: Any, context: Any = None) -> bool:
    text, *pattern = _texts(token, context)
    return pattern_of(token, *pattern).search(text) is not None


def _tokenize(token: Any, context: Any = None) -> list[str]:
    text, *pattern = _texts(token, context)
    if not pattern:
        return text.split()
    compiled = pattern_of(token, *pattern)
    if compiled.search(""):
        raise token.error("FORX0003", "a regular expression that matches nothing at all")
    parts, behind = [], 0
    for found in compiled.finditer(text):
        token.parser.meter.spend(1)
        parts.append(text[behind : found.start()])
        behind = found.end()
    return [*parts, text[behind:]] if text else []


_REGEX_FUNCTIONS: Final = {"matches": _matches, "tokenize": _tokenize}


def _distinct(token: Any, context: Any = None) -> Iterator[Any]:
    """The library compares each value with all that it has found before."""
    found: set[tuple[str, Any]] = set()
    for value in token[0].atomization(context):
        is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        kind = "number" if is_number else "" if isinstance(value, str) else type(value).__name__
        key = (kind.replace("UntypedAtomic", ""), value if is_number else str(value))
        if value != value:  # noqa: PLR0124 - only NaN is not itself
            key = ("number", "NaN")
        if key not in found:
            found.add(key)
            yield value


# -- parsing and evaluating ------------------------------------------------------------------------


def parse(text: str, version: str, namespaces: dict[str, str], default: str) -> Any:
    """Return the root token; raises one of FAULTS. Nothing is evaluated."""
    from elementpath.tdop import Parser  # noqa: PLC0415 - see the top

    options = {"default_namespace": default, "default_collation": CODEPOINTS}
    options = {} if version == "xpath-10" else options
    parser = _parser_class(version)(namespaces=namespaces, **options)
    parser.meter = Meter()
    if parser.tokenizer is None:
        type(parser).tokenizer = parser.create_tokenizer(parser.symbol_table)
    return Parser.parse(parser, text)  # the library's own parse() would evaluate at once


def evaluate_without_document(root: Any) -> None:
    """Evaluate what needs no document; raises one of FAULTS, or Exhausted."""
    from elementpath.exceptions import MissingContextError  # noqa: PLC0415 - see the top

    root.parser.meter = Meter()
    try:
        root.evaluate()
    except MissingContextError:
        return


@cache
def _context_class() -> Any:
    from elementpath import XPathContext  # noqa: PLC0415 - see the top

    class MeteredContext(XPathContext):
        """A context for which each node that becomes the current one is paid."""

        meter: Meter
        nodes: int

        @property
        def item(self) -> Any:
            return self._item

        @item.setter
        def item(self, value: Any) -> None:
            self.meter.spend(1)
            self._item = value

        def iter_siblings(self, axis: str | None = None) -> Iterator[Any]:
            self.meter.spend(len(getattr(self._item.parent, "children", ())) // _TEXT)
            return super().iter_siblings(axis)

        def iter_followings(self) -> Iterator[Any]:
            self.meter.spend(self.nodes)
            return super().iter_followings()

    return MeteredContext


def select(root: Any, document: XmlDocument) -> Iterator[Any]:
    """Yield the library's items; raises one of FAULTS, or Exhausted."""
    meter = root.parser.meter = Meter()
    kind = _context_class()
    context = kind.__new__(kind)
    context.meter, context.nodes = meter, document.nodes
    context.__init__(root=_node_tree(document))
    yield from root.select(context)


@cache
def _library() -> Any:
    import elementpath  # noqa: PLC0415 - see the top

    return elementpath


def _node_tree(document: XmlDocument) -> Any:
    from xml.etree.ElementTree import ElementTree  # noqa: PLC0415 - only for documents

    return _library().get_node_tree(ElementTree(document.root), dict(document.namespaces))
