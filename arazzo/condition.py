"""Simple conditions: Arazzo 1.0.1, 4.6.11 «Criterion Object», operators and literals.

    condition  = and *( "||" and )
    and        = comparison *( "&&" comparison )
    comparison = unary [ ( "<" / "<=" / ">" / ">=" / "==" / "!=" ) unary ]
    unary      = *"!" ( "(" condition ")" / operand )
    operand    = expression / root-path / number / string / "true" / "false" / "null"

Strings are compared without case. Beyond the standard, strings in double quotes and, beside an
operator, words without quotes are read; `$.a.b` is a path into the context of the criterion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Final, Literal, assert_never

from arazzo import expression as expressions
from arazzo import navigation
from arazzo.context import ABSENT
from arazzo.errors import ExpressionError
from arazzo.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Absent, Context, Json

Operator = Literal["<", "<=", ">", ">=", "==", "!="]

DEEPEST: Final = 100
NEGATION: Final = "!"
_ORDERS: Final = {"<": lt, "<=": le, ">": gt, ">=": ge}
LONGEST_CONDITION: Final = 20_000
_COMPARISONS: Final[tuple[Operator, ...]] = ("<=", ">=", "==", "!=", "<", ">")
_ROOT_PATH: Final = re.compile(r"\$(?=[.\[\s=!<>&|)]|$)")
_WORD: Final = re.compile(r"[^\s()<>=!&|'\"$]+")
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal value; `word` tells a text that stood without quotes."""

    value: str | float | bool | None
    word: bool = False


@dataclass(frozen=True, slots=True)
class RootPath:
    """A path into the context of the criterion, `$.a[0].b`; `path` is what follows `$.`."""

    path: str


@dataclass(frozen=True, slots=True)
class Operand:
    """A value that stands for itself or for a truth."""

    value: Constant | RootPath | Expression


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and the operator between them."""

    operator: Operator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Junction:
    """All or any of several conditions."""

    kind: Literal["&&", "||"]
    parts: tuple[Node, ...]


Node = Operand | Comparison | Not | Junction


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition; `deviations` name what the standard does not know."""

    text: str
    node: Node
    deviations: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def parse(text: str) -> Condition:
    """Return the condition of a text. Raises ExpressionError with the offset."""
    if len(text) > LONGEST_CONDITION:
        raise ExpressionError(text, 0, f"at most {LONGEST_CONDITION} characters")
    return _Parser(text).parse()


class _Parser:
    """Recursive descent, with a bound on its depth."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.deviations: dict[str, None] = {}

    def parse(self) -> Condition:
        node = self.any_of()
        self.skip()
        if self.at < len(self.text):
            raise self.expected("an operator or the end")
        return Condition(self.text, node, tuple(self.deviations))

    def any_of(self) -> Node:
        """Read both junctions in one loop, so that a level of parentheses costs few frames."""
        options = [[self.comparison()]]
        while True:
            if self.take("&&"):
                options[-1].append(self.comparison())
            elif self.take("||"):
                options.append([self.comparison()])
            else:
                return _joined("||", [_joined("&&", parts) for parts in options])

    def comparison(self) -> Node:
        self.skip()
        begin = self.at
        left = self.unary()
        operator = next((one for one in _COMPARISONS if self.take(one)), None)
        if operator is None:
            if _is_word(left):
                raise ExpressionError(self.text, begin, "an operator behind a word")
            return left
        right = self.unary()
        if not isinstance(left, Operand) or not isinstance(right, Operand):
            raise self.expected("values on both sides of a comparison")
        if (_is_word(left) and _is_constant(right)) or (_is_word(right) and _is_constant(left)):
            raise ExpressionError(self.text, begin, "an expression to compare the word with")
        return Comparison(operator, left, right)

    def unary(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.expected(f"at most {DEEPEST} levels of `!` and parentheses")
        try:
            if self.take(NEGATION):
                return Not(self.unary())
            if self.take("("):
                return self.group()
            return self.operand()
        finally:
            self.depth -= 1

    def group(self) -> Node:
        node = self.any_of()
        if not self.take(")"):
            raise self.expected("`)`")
        return node

    def operand(self) -> Operand:
        self.skip()
        character = self.text[self.at : self.at + 1]
        if character in ("'", '"'):
            return self.string(character)
        if character == "$":
            return self.reference()
        number = navigation.NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return Operand(Constant(navigation.parsed_number(number)))
        return self.word()

    def string(self, quote: str) -> Operand:
        """Two quotes inside a string stand for one."""
        if quote == '"':
            self.deviations["double-quoted-string"] = None
        begin, value = self.at + 1, ""
        while True:
            end = self.text.find(quote, begin)
            if end < 0:
                raise self.expected(f"a closing {quote}")
            value += self.text[begin:end]
            if not self.text.startswith(quote, end + 1):
                self.at = end + 1
                return Operand(Constant(value))
            value, begin = value + quote, end + 2

    def reference(self) -> Operand:
        if _ROOT_PATH.match(self.text, self.at):
            return self.root_path()
        end = expressions.scan(self.text, self.at)
        if end == self.at:
            raise self.expected("a runtime expression")
        parsed = expressions.parse_inside(self.text, self.at, end)
        self.deviations.update(dict.fromkeys(_beyond_operators(parsed)))
        self.at = end
        return Operand(parsed)

    def root_path(self) -> Operand:
        """A path is scanned as a name is: `$.a` reads like `$inputs.a`."""
        self.deviations["root-path"] = None
        shifted = "$inputs" + self.text[self.at + 1 :]
        length = expressions.scan(shifted, 0) - len("$inputs")
        path = self.text[self.at + 1 : self.at + 1 + length]
        begin, self.at = self.at + 1, self.at + 1 + length
        list(expressions.inner(self.text[: self.at], begin))  # raises where one is malformed
        return Operand(RootPath(path.removeprefix(".")))

    def word(self) -> Operand:
        found = _WORD.match(self.text, self.at)
        if not found:
            raise self.expected("a value")
        self.at = found.end()
        if found[0] in _CONSTANTS:
            return Operand(Constant(_CONSTANTS[found[0]]))
        self.deviations["unquoted-string"] = None
        return Operand(Constant(found[0], word=True))

    def take(self, token: str) -> bool:
        self.skip()
        if not self.text.startswith(token, self.at):
            return False
        if token == NEGATION and self.text.startswith("!=", self.at):
            return False
        self.at += len(token)
        return True

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def expected(self, what: str) -> ExpressionError:
        return ExpressionError(self.text, self.at, what)


def _joined(kind: Literal["&&", "||"], parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Junction(kind, tuple(parts))


def _is_word(node: Node) -> bool:
    return isinstance(node, Operand) and isinstance(node.value, Constant) and node.value.word


def _is_constant(operand: Operand) -> bool:
    return isinstance(operand.value, Constant)


def _beyond_operators(parsed: Expression) -> list[str]:
    """Dots and indices are operators of conditions, so here they are no deviation."""
    return [one for one in parsed.deviations if one not in ("dotted-body", "indexed-name")]


def operands(node: Node) -> Iterator[Operand]:
    """Yield all operands of a condition."""
    match node:
        case Operand():
            yield node
        case Comparison(_, left, right):
            yield from (left, right)
        case Not(inner):
            yield from operands(inner)
        case Junction(_, parts):
            for part in parts:
                yield from operands(part)
        case _:
            assert_never(node)


def expressions_of(condition: Condition) -> list[Expression]:
    """Return the runtime expressions of a condition, also those inside filters."""
    found: list[Expression] = []
    for one in operands(condition.node):
        match one.value:
            case Expression():
                found += expressions.with_inner(one.value)
            case RootPath(path) if navigation.needs_jsonpath(path):
                found += [inside for _, _, inside in expressions.inner(path)]
            case _:
                pass
    return found


def evaluate(condition: Condition, context: Context, root: Json | Absent = ABSENT) -> bool:
    """Return whether the condition holds; `root` is what `$.` paths lead into.

    A condition that reads a response is false as a whole when there is none.
    """
    if context.response is None and any(
        expressions.reads_response(one) for one in expressions_of(condition)
    ):
        return False
    return _holds(condition.node, context, root)


def _holds(node: Node, context: Context, root: Json | Absent) -> bool:
    match node:
        case Operand():
            return bool(_value(node, context, root))
        case Comparison(operator, left, right):
            sides = _value(left, context, root), _value(right, context, root)
            if _is_media_type(left) or _is_media_type(right):
                sides = _without_parameters(sides[0]), _without_parameters(sides[1])
            return _compare(operator, *sides)
        case Not(inner):
            return not _holds(inner, context, root)
        case Junction("&&", parts):
            return all(_holds(part, context, root) for part in parts)
        case Junction(_, parts):
            return any(_holds(part, context, root) for part in parts)
        case _:
            assert_never(node)


def _is_media_type(operand: Operand) -> bool:
    one = operand.value
    return isinstance(one, Expression) and one.rest.lower() == "header.content-type"


def _without_parameters(value: Json | Absent) -> Json | Absent:
    """Media types are compared without their parameters, on both sides alike."""
    return value.split(";")[0].strip() if isinstance(value, str) else value


def _value(operand: Operand, context: Context, root: Json | Absent) -> Json | Absent:
    match operand.value:
        case Constant(value):
            return value
        case RootPath(path):
            return _length_or(path, _from_root(path, context, root))
        case Expression() as one:
            return _length_or(one.rest, expressions.evaluate(one, context))
        case _:
            assert_never(operand.value)


def _from_root(path: str, context: Context, root: Json | Absent) -> Json | Absent:
    if root is ABSENT:
        return ABSENT
    if navigation.needs_jsonpath(path) and "$" in path:
        path = expressions.substituted(path, context)
    return navigation.navigate(root, path)


def _length_or(path: str, found: Json | Absent) -> Json | Absent:
    """The length of what is not there is 0."""
    if found is ABSENT and (path == navigation.LENGTH or path.endswith(f".{navigation.LENGTH}")):
        return 0
    return found


def _compare(operator: Operator, left: Json | Absent, right: Json | Absent) -> bool:
    match operator:
        case "==":
            return _equal(left, right)
        case "!=":
            return not _equal(left, right)
        case _:
            return _ordered(operator, left, right)


def _equal(left: Json | Absent, right: Json | Absent) -> bool:
    """Absent equals null; texts are equal without case; a number equals its own text."""
    left, right = (None if one is ABSENT else one for one in (left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return _boolean(left) is _boolean(right) and _boolean(left) is not None
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if isinstance(left, str) != isinstance(right, str):
        numbers = navigation.number_of(left), navigation.number_of(right)
        return None not in numbers and numbers[0] == numbers[1]
    return navigation.same_json(left, right)


def _boolean(value: Json) -> bool | None:
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    return value if isinstance(value, bool) else None


def _ordered(operator: Operator, left: Json | Absent, right: Json | Absent) -> bool:
    """Numbers, or texts (dates of ISO 8601 are in order as texts); nothing else has an order."""
    numbers = navigation.number_of(left), navigation.number_of(right)
    if numbers[0] is not None and numbers[1] is not None:
        return bool(_ORDERS[operator](numbers[0], numbers[1]))
    if isinstance(left, str) and isinstance(right, str):
        return bool(_ORDERS[operator](left.casefold(), right.casefold()))
    return False
