"""The standard's spelling of what the dialect writes: expressions, texts and conditions.

Each function returns the text as it was unless the new one is certain to mean the same: it is
parsed again, and must come out as the very same expressions, literals and operators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from arazzo import condition as conditions
from arazzo import criterion, expression, template
from arazzo.condition import Comparison, Constant, Junction, Not, Operand, RootPath
from arazzo.errors import ExpressionError
from arazzo.expression import Expression
from arazzo.navigation import NUMBER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from arazzo.condition import Node

_HEADERS: Final = re.compile(r"(\$(?:request|response|message))\.headers\.(?=.)")
_STRING: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORD: Final = re.compile(r"[^\s()<>=!&|'\"$]+")
_TYPED: Final = frozenset(("true", "false", "null"))
_PLAIN_PATH: Final = re.compile(r"\.[A-Za-z_][A-Za-z0-9_\-]*(?:\.[A-Za-z_][A-Za-z0-9_\-]*)*")
_BODY: Final = re.compile(r"\$response\.body(?:#(?P<pointer>(?:/[^/~{}\s]+)*))?")


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a workflow declares: outputs by stepId, and inputs where it tells them."""

    outputs: Mapping[str, Collection[str]] = field(default_factory=dict)
    inputs: Collection[str] | None = None

    def has(self, one: Expression) -> bool:
        """Return whether the expression reads a declared name, or none that is declared here."""
        if one.root == "steps":
            found = expression.step_reference(one.rest, self.outputs)
            return found is not None and found[1] is not None
        if one.root == "inputs" and self.inputs is not None:
            return expression.input_name(one.rest, self.inputs) is not None
        return True


def respelled_expression(text: str, known: Known) -> str:
    """Return an expression with `header` for `headers`, and the word `outputs` behind a step."""
    plural = _HEADERS.match(text)
    if plural:
        return f"{plural[1]}.header.{text[plural.end() :]}"
    if not text.startswith("$steps."):
        return text
    rest = text.removeprefix("$steps.")
    found = expression.step_reference(expression.parse(text).rest, known.outputs)
    if found is None or found[1] is None:
        return text
    tail = rest.removeprefix(f"{found[0]}.")
    return text if tail.startswith("outputs.") else f"$steps.{found[0]}.outputs.{tail}"


def respelled_value(text: str, known: Known, *, braces: bool) -> str:
    """Return a text with its expressions respelled, and in braces inside a longer text."""
    try:
        parsed = template.parse(text)
    except ExpressionError:
        return text
    if parsed.whole:
        return _whole(text, parsed, known)
    read = [part for part in parsed.parts if isinstance(part, Expression)]
    if "bare-expression" in parsed.deviations and not (braces and all(map(known.has, read))):
        return text
    wanted = tuple(_respelled_part(part, known) for part in parsed.parts)
    new = "".join(part if isinstance(part, str) else f"{{{part.text}}}" for part in wanted)
    return new if _parts_of(new) == wanted else text


def _whole(text: str, parsed: template.Template, known: Known) -> str:
    part = parsed.parts[0]
    if not isinstance(part, Expression):
        return text
    new = respelled_expression(part.text, known)
    return f"{{{new}}}" if text.startswith("{") else new


def _respelled_part(part: str | Expression, known: Known) -> str | Expression:
    if isinstance(part, str):
        return part
    return expression.parse(respelled_expression(part.text, known))


def _parts_of(text: str) -> tuple[str | Expression, ...]:
    try:
        return template.parse(text).parts
    except ExpressionError:
        return ()


def respelled_condition(text: str, context: str | None, known: Known) -> str:
    """Return a condition with whole expressions and strings in single quotes.

    `context` is what its `$.` paths lead into; those that are no plain names stay, and with them
    the whole condition.
    """
    try:
        old = conditions.parse(text)
        new = _Condition(text, _prefix(context), known).respelled()
        parsed = conditions.parse(new)
    except ExpressionError:
        return text
    wanted = _in_full(old.node, _prefix(context), known)
    return new if wanted is not None and parsed.node == wanted else text


def as_simple(text: str, version: str | None, context: str | None, known: Known) -> str | None:
    """Return the condition that a criterion of the type jsonpath is, None when it is a query."""
    try:
        compiled = criterion.compile(text, "jsonpath", version, context)
    except ExpressionError:
        return None
    if "condition-in-jsonpath" not in compiled.deviations:
        return None
    new = respelled_condition(text, context, known)
    try:
        return None if conditions.parse(new).deviations else new
    except ExpressionError:
        return None


def _prefix(context: str | None) -> str | None:
    """What stands before the names of a `$.` path; None where the context is no whole body."""
    found = _BODY.fullmatch(context or "")
    return f"$response.body#{found['pointer'] or ''}" if found else None


class _Condition:
    """Copies a condition token by token; what it does not know, it copies as it is."""

    def __init__(self, text: str, prefix: str | None, known: Known) -> None:
        self.text = text
        self.prefix = prefix
        self.known = known

    def respelled(self) -> str:
        made, at = "", 0
        while at < len(self.text):
            token, new = self._token(at)
            made, at = made + new, at + len(token)
        return made

    def _token(self, at: int) -> tuple[str, str]:
        if string := _STRING.match(self.text, at):
            return string[0], _single_quoted(string[0])
        if self.text[at] == "$":
            return self._reference(at)
        if word := _WORD.match(self.text, at):
            return word[0], _quoted_word(word[0])
        return self.text[at], self.text[at]

    def _reference(self, at: int) -> tuple[str, str]:
        path = _PLAIN_PATH.match(self.text, at + 1)
        if expression.root_at(self.text, at) is None and path is not None and self.prefix:
            return f"${path[0]}", self.prefix + path[0].replace(".", "/")
        end = max(expression.scan(self.text, at), at + 1)
        whole = self.text[at:end]
        return whole, respelled_expression(whole, self.known) if len(whole) > 1 else whole


def _single_quoted(text: str) -> str:
    return f"'{text[1:-1]}'" if text[0] == '"' and "'" not in text else text


def _quoted_word(text: str) -> str:
    constant = text in _TYPED or NUMBER.fullmatch(text)
    return text if constant else f"'{text}'"


def _in_full(node: Node, prefix: str | None, known: Known) -> Node | None:
    """The node as it is with everything spelt in full; None where that is not certain."""
    match node:
        case Operand(value):
            found = _value_in_full(value, prefix, known)
            return None if found is None else Operand(found)
        case Comparison(operator, left, right):
            sides = _in_full(left, prefix, known), _in_full(right, prefix, known)
            both = isinstance(sides[0], Operand) and isinstance(sides[1], Operand)
            return Comparison(operator, *sides) if both else None  # type: ignore[arg-type]
        case Not(inner):
            found_inner = _in_full(inner, prefix, known)
            return None if found_inner is None else Not(found_inner)
        case Junction(kind, parts):
            made = [one for part in parts if (one := _in_full(part, prefix, known)) is not None]
            return Junction(kind, tuple(made)) if len(made) == len(parts) else None


def _value_in_full(
    value: Constant | RootPath | Expression, prefix: str | None, known: Known
) -> Constant | Expression | None:
    if isinstance(value, Constant):
        return replace(value, word=False)
    if isinstance(value, Expression):
        return expression.parse(respelled_expression(value.text, known))
    plain = _PLAIN_PATH.fullmatch(f".{value.path}")
    if prefix is None or plain is None or value.path.split(".")[-1] == "length":
        return None
    return expression.parse(prefix + "/" + value.path.replace(".", "/"))
