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
from typing import TYPE_CHECKING, Final, Literal, assert_never

from arazzo import expression as expressions
from arazzo.context import ABSENT
from arazzo.errors import ExpressionError
from arazzo.expression import Expression
from arazzo.navigation import LENGTH, navigate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Absent, Context, Json

Operator = Literal["<", "<=", ">", ">=", "==", "!="]

DEEPEST: Final = 100
NEGATION: Final = "!"
LONGEST_CONDITION: Final = 20_000
_COMPARISONS: Final = ("<=", ">=", "==", "!=", "<", ">")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?(?![\w.\-/:])")
_WORD: Final = re.compile(r"[^\s()<>=!&|'\"$]+")
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal value."""

    value: str | float | bool | None


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
        return self.junction("||")

    def all_of(self) -> Node:
        return self.junction("&&")

    def junction(self, kind: Literal["&&", "||"]) -> Node:
        parse_part = self.all_of if kind == "||" else self.comparison
        parts = [parse_part()]
        while self.take(kind):
            parts.append(parse_part())
        return parts[0] if len(parts) == 1 else Junction(kind, tuple(parts))

    def comparison(self) -> Node:
        left = self.unary()
        operator = next((one for one in _COMPARISONS if self.take(one)), None)
        if operator is None:
            if isinstance(left, Operand) and _is_word(left, self.text):
                raise self.expected("an operator behind a word", back=True)
            return left
        right = self.unary()
        if not isinstance(left, Operand) or not isinstance(right, Operand):
            raise self.expected("values on both sides of a comparison")
        return Comparison(operator, left, right)  # type: ignore[arg-type]

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
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            text = number[0]
            return Operand(Constant(float(text) if set(text) & set(".eE") else int(text)))
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
        if self.text[self.at + 1 : self.at + 2] in (".", "["):
            return self.root_path()
        end = expressions.scan(self.text, self.at)
        if end == self.at:
            raise self.expected("a runtime expression")
        parsed = expressions.parse(self.text[self.at : end])
        self.deviations.update(dict.fromkeys(_beyond_operators(parsed)))
        self.at = end
        return Operand(parsed)

    def root_path(self) -> Operand:
        """A path is scanned as a name is: `$.a` reads like `$inputs.a`."""
        self.deviations["root-path"] = None
        shifted = "$inputs" + self.text[self.at + 1 :]
        length = expressions.scan(shifted, 0) - len("$inputs")
        path = self.text[self.at + 1 : self.at + 1 + length]
        self.at += 1 + length
        return Operand(RootPath(path.removeprefix(".")))

    def word(self) -> Operand:
        found = _WORD.match(self.text, self.at)
        if not found:
            raise self.expected("a value")
        self.at = found.end()
        if found[0] in _CONSTANTS:
            return Operand(Constant(_CONSTANTS[found[0]]))
        self.deviations["unquoted-string"] = None
        return Operand(Constant(found[0]))

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

    def expected(self, what: str, *, back: bool = False) -> ExpressionError:
        return ExpressionError(self.text, 0 if back else self.at, what)


def _is_word(operand: Operand, text: str) -> bool:
    value = operand.value
    if not isinstance(value, Constant) or not isinstance(value.value, str):
        return False
    return f"'{value.value}" not in text and f'"{value.value}' not in text


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
    """Return the runtime expressions of a condition."""
    return [one.value for one in operands(condition.node) if isinstance(one.value, Expression)]


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
            return _compare(operator, _side(left, context, root), _side(right, context, root))
        case Not(inner):
            return not _holds(inner, context, root)
        case Junction("&&", parts):
            return all(_holds(part, context, root) for part in parts)
        case Junction(_, parts):
            return any(_holds(part, context, root) for part in parts)
        case _:
            assert_never(node)


def _side(operand: Operand, context: Context, root: Json | Absent) -> Json | Absent:
    """A media type is compared without its parameters."""
    value = _value(operand, context, root)
    one = operand.value
    if isinstance(one, Expression) and one.rest.lower() == "header.content-type":
        return value.split(";")[0].strip() if isinstance(value, str) else value
    return value


def _value(operand: Operand, context: Context, root: Json | Absent) -> Json | Absent:
    match operand.value:
        case Constant(value):
            return value
        case RootPath(path):
            return _from_root(path, root)
        case Expression() as one:
            return expressions.evaluate(one, context)
        case _:
            assert_never(operand.value)


def _from_root(path: str, root: Json | Absent) -> Json | Absent:
    """The length of what is not there is 0."""
    found = ABSENT if root is ABSENT else navigate(root, path)
    if found is ABSENT and (path == LENGTH or path.endswith(f".{LENGTH}")):
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
        numbers = _number(left), _number(right)
        return None not in numbers and numbers[0] == numbers[1]
    return bool(left == right)


def _boolean(value: Json) -> bool | None:
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    return value if isinstance(value, bool) else None


def _number(value: Json | Absent) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str) and len(value) < 50 and _NUMBER.fullmatch(value.strip()):  # noqa: PLR2004
        return float(value)
    return None


def _ordered(operator: Operator, left: Json | Absent, right: Json | Absent) -> bool:
    """Numbers, or texts (dates of ISO 8601 are in order as texts); nothing else has an order."""
    numbers = _number(left), _number(right)
    if numbers[0] is not None and numbers[1] is not None:
        return _in_order(operator, numbers[0] - numbers[1])
    if isinstance(left, str) and isinstance(right, str):
        folded = left.casefold(), right.casefold()
        return _in_order(operator, (folded[0] > folded[1]) - (folded[0] < folded[1]))
    return False


def _in_order(operator: Operator, difference: float) -> bool:
    match operator:
        case "<":
            return difference < 0
        case "<=":
            return difference <= 0
        case ">":
            return difference > 0
        case _:
            return difference >= 0
