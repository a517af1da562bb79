"""Values with expressions in them: parameters, payloads and outputs (Arazzo 1.0.1, 4.7).

A text that is one expression, `$inputs.a` or `{$inputs.a}`, keeps the type of its value. Inside
a longer text `{$expr}` is embedded as text, and so is a bare `$expr` (a deviation): the longest
expression wins, and a `$` that begins none stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from arazzo import selector
from arazzo.context import ABSENT
from arazzo.errors import ExpressionError
from arazzo.expression import PLAIN_ROOTS, Expression, parse_inside, root_at, scan, with_inner
from arazzo.expression import evaluate as evaluate_expression
from arazzo.expression import parse as parse_expression
from arazzo.navigation import text_of
from arazzo.selector import Selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.context import Absent, Context, Json

_PUNCTUATION: Final = ".,-#/"
"""Marks that end a sentence or join words, when they stand behind a bare expression."""

_BEGINNING: Final = re.compile(r"[{$]")
# expression-string = *( literal-char / embedded-expression )          Arazzo 1.1.0, 5.9
# embedded-expression = "{" expression "}"; literal-char is all but the two braces
_EMBEDDED: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text, as literal parts and expressions in their order; `whole` keeps the type."""

    parts: tuple[str | Expression, ...]
    whole: bool = False
    deviations: tuple[str, ...] = ()


CompiledValue = Any
"""A JSON value in which each string that holds expressions is a Template, or a Selector."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """Return the template that a text is. Raises ExpressionError where `{$root…}` is malformed."""
    if "$" not in text:
        return Template((text,))
    whole = _whole(text)
    if whole is not None:
        braced = ("braced-whole-value",) if text.startswith("{") else ()
        return Template((whole,), whole=True, deviations=(*braced, *whole.deviations))
    parts, bare = _parts(text)
    deviations = [
        code for part in parts if isinstance(part, Expression) for code in part.deviations
    ]
    if bare:
        deviations.insert(0, "bare-expression")
    return Template(tuple(parts), deviations=tuple(dict.fromkeys(deviations)))


def _whole(text: str) -> Expression | None:
    if text.startswith("{$") and text.endswith("}") and "}" not in text[1:-1]:
        return parse_inside(text, 1, len(text) - 1) if root_at(text, 1) else None
    if root_at(text, 0) and scan(text, 0) == len(text) and not text.endswith("."):
        return parse_expression(text)
    return None


def _parts(text: str) -> tuple[list[str | Expression], bool]:
    parts: list[str | Expression] = []
    literal, at, bare = "", 0, False
    while at < len(text):
        found = _embedded(text, at)
        if found is None:
            beginning = _BEGINNING.search(text, at + 1)
            following = beginning.start() if beginning else len(text)
            literal += text[at:following]
            at = following
            continue
        expression, end = found
        bare = bare or text[at] == "$"
        parts += [literal, expression] if literal else [expression]
        literal, at = "", end
    return ([*parts, literal] if literal else parts), bare


def _embedded(text: str, at: int) -> tuple[Expression, int] | None:
    """Return the expression that is embedded at the offset, and the offset behind it."""
    if text.startswith("{$", at) and root_at(text, at + 1):
        end = text.find("}", at)
        if end < 0:
            raise ExpressionError(text, at, "a closing brace")
        return parse_inside(text, at + 1, end), end + 1
    root = root_at(text, at)
    if root is None:
        return None
    end = scan(text, at)
    while end > at and text[end - 1] in _PUNCTUATION:
        end -= 1
    if root not in PLAIN_ROOTS and text[at + 1 : end] == root:
        return None  # the bare word, as in «$inputs are …»
    return parse_inside(text, at, end), end


def expressions(template: Template) -> list[Expression]:
    """Return the expressions of a template in their order, each with those in its filters."""
    return [
        one for part in template.parts if isinstance(part, Expression) for one in with_inner(part)
    ]


def evaluate(template: Template, context: Context) -> Json | Absent:
    """Return the value; a whole expression may be ABSENT, an embedded one is then no text.

    Embedded values become text as Arazzo 1.1.0, 5.9.1, says: scalars as they are written in
    JSON (null is `null`), objects and lists as JSON.
    """
    if template.whole and isinstance(template.parts[0], Expression):
        return evaluate_expression(template.parts[0], context)
    return "".join(
        text_of(evaluate_expression(part, context)) if isinstance(part, Expression) else part
        for part in template.parts
    )


def compile_value(value: Json) -> CompiledValue:
    """Return a JSON value with its strings parsed. Raises ExpressionError."""
    if isinstance(value, str):
        return parse(value) if "$" in value else value
    if isinstance(value, dict):
        written = selector.written(value)
        if written is not None:
            return selector.parse(written)
        return {_compiled_key(key): compile_value(child) for key, child in value.items()}
    if isinstance(value, list):
        return [compile_value(child) for child in value]
    return value


def _compiled_key(key: str) -> str | Template:
    """A key is literal, unless it is an expression as a whole."""
    if not root_at(key.removeprefix("{"), 0):
        return key
    template = parse(key)
    return template if template.whole else key


def evaluate_value(compiled: CompiledValue, context: Context) -> Json | Absent:
    """Return the JSON value; a property or element whose value is ABSENT is left out."""
    if isinstance(compiled, Template):
        return evaluate(compiled, context)
    if isinstance(compiled, Selector):
        return selector.evaluate(compiled, context)
    if isinstance(compiled, dict):
        pairs = ((key, evaluate_value(child, context)) for key, child in compiled.items())
        return {_key(key, context): value for key, value in pairs if value is not ABSENT}
    if isinstance(compiled, list):
        values = (evaluate_value(child, context) for child in compiled)
        return [value for value in values if value is not ABSENT]
    return compiled


def evaluate_each(values: Mapping[str, Json], context: Context) -> dict[str, Json]:
    """Return what JSON values with expressions come to, by name; an absent one is left out."""
    found = {name: evaluate_value(compile_value(one), context) for name, one in values.items()}
    return {name: value for name, value in found.items() if value is not ABSENT}


def _key(key: str | Template, context: Context) -> str:
    return text_of(evaluate(key, context)) if isinstance(key, Template) else key


def expressions_of(value: Json) -> Iterator[Expression]:
    """Yield all expressions in a JSON value. Raises ExpressionError."""
    if isinstance(value, str):
        yield from expressions(parse(value))
    elif isinstance(value, dict):
        written = selector.written(value)
        if written is not None:
            yield from selector.parse(written).expressions()
            return
        for key, child in value.items():
            compiled = _compiled_key(key)
            yield from expressions(compiled) if isinstance(compiled, Template) else ()
            yield from expressions_of(child)
    elif isinstance(value, list):
        for child in value:
            yield from expressions_of(child)


def extract_embedded(text: str) -> list[str]:
    """Return the expressions of an `expression-string`, none when the strict grammar lacks it."""
    literals = _EMBEDDED.sub("", text)
    found = _EMBEDDED.findall(text)
    if "{" in literals or "}" in literals or not all(map(_is_standard, found)):
        return []
    return found


def _is_standard(text: str) -> bool:
    try:
        return not parse_expression(text).deviations
    except ExpressionError:
        return False
