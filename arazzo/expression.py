"""Runtime expressions: Arazzo 1.0.1, 4.7 (and the forms that 1.1 adds), one grammar.

    expression = "$url" / "$method" / "$statusCode" / "$self"
               / "$request." source / "$response." source / "$message." source
               / "$inputs." name / "$outputs." name / "$steps." name / "$workflows." name
               / "$sourceDescriptions." name / "$components." name
    source     = "header." token / "query." name / "path." name / ("body" / "payload") [pointer]
    pointer    = "#" json-pointer

What the public dialect writes beyond that is read as it was meant, and each such deviation is
kept as a code, so that the check can warn. Names are split at run time, exact key first.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from arazzo.context import ABSENT
from arazzo.errors import ExpressionError
from arazzo.navigation import longest_key, navigate, needs_jsonpath, resolve_pointer, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from arazzo.context import Absent, Context, Json, MessageView, RequestView, ResponseView

PLAIN_ROOTS: Final = frozenset(("url", "method", "statusCode", "self"))
MESSAGE_ROOTS: Final = frozenset(("request", "response", "message"))
NAMED_ROOTS: Final = frozenset(
    ("inputs", "outputs", "steps", "workflows", "sourceDescriptions", "components")
)
BODY_ROOT: Final = "body"
ROOTS: Final = PLAIN_ROOTS | MESSAGE_ROOTS | NAMED_ROOTS | {BODY_ROOT}

LONGEST_EXPRESSION: Final = 10_000
LONGEST_BRACKET: Final = 500
"""Inside a longer text; so that reading a text takes time in proportion to its length."""
_RESPONSE_ROOTS: Final = frozenset(("statusCode", "response", BODY_ROOT))
_POINTER_MARKS: Final = "/~%"
_BRACKET_MARKS: Final = re.compile(r"[\[\]'\"]")

# The grammar of Arazzo 1.1.0, 5.9, to the letter: an expression that it has is no deviation.
# reference-token = *( unescaped / escaped ); json-pointer = *( "/" reference-token )
_POINTER: Final = r"(?:#(?:/(?:[^/~{}]|~[01])*)*)?"
# token = 1*tchar                                                    (RFC 9110, 5.6.2)
_HEADER_NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# CHAR is a character of a JSON string, braces excluded            (RFC 7159, 7)
_CHAR: Final = r"(?:[^\x00-\x1f\"\\{}]|\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4}))"
# identifier = 1*( ALPHA / DIGIT / "." / "-" / "_" ); identifier-strict is the same without "."
_IDENTIFIER: Final = r"[A-Za-z0-9.\-_]+"
_IDENTIFIER_STRICT: Final = r"[A-Za-z0-9\-_]+"
_STANDARD: Final = re.compile(
    r"\$(?:url|method|statusCode|self"
    rf"|(?:request|response|message)\.(?:header\.{_HEADER_NAME}|(?:query|path)\.{_CHAR}*"
    rf"|(?:body|payload){_POINTER})"
    rf"|(?:inputs|outputs)\.{_IDENTIFIER}{_POINTER}"
    rf"|steps\.{_IDENTIFIER_STRICT}\.outputs\.{_IDENTIFIER}{_POINTER}"
    rf"|workflows\.{_IDENTIFIER_STRICT}\.(?:inputs|outputs)\.{_IDENTIFIER}{_POINTER}"
    rf"|sourceDescriptions\.{_IDENTIFIER_STRICT}\.{_CHAR}+"
    rf"|components\.(?:parameters|successActions|failureActions)\.{_IDENTIFIER})"
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression.

    `root` is the word behind `$`; `rest` what follows it, without its dot and its pointer;
    `pointer` the JSON Pointer behind `#`, None without one.
    """

    text: str
    root: str
    rest: str = ""
    pointer: str | None = None
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """What an expression refers to: its root, and the text behind it."""

    root: str
    rest: str


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Return the expression that the whole text is. Raises ExpressionError.

    `deviations` is empty exactly when the grammar of Arazzo 1.1.0, 5.9, has the text.
    """
    found = _read(text)
    if needs_jsonpath(found.rest):  # what stands in filters must be right, or evaluating could fail
        list(inner(text.removesuffix(f"#{found.pointer}"), 1))
    if _STANDARD.fullmatch(text):
        return replace(found, deviations=())
    return found if found.deviations else replace(found, deviations=("name-outside-grammar",))


def parse_inside(text: str, begin: int, end: int) -> Expression:
    """Return the expression between two offsets. Raises ExpressionError with one into the text."""
    try:
        return parse(text[begin:end])
    except ExpressionError as error:
        raise ExpressionError(text, begin + error.offset, error.expected) from None


def _read(text: str) -> Expression:
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(text, 0, f"at most {LONGEST_EXPRESSION} characters", reason="syntax")
    root = root_at(text, 0)
    if root is None:
        raise ExpressionError(text, 0, f"`$` and one of {', '.join(sorted(ROOTS))}")
    for brace in "{}":
        if brace in text:
            raise ExpressionError(text, text.index(brace), "no brace inside an expression")
    tail = text[len(root) + 1 :]
    if root in PLAIN_ROOTS:
        if tail:
            raise ExpressionError(text, len(root) + 1, "the end of the expression")
        return Expression(text, root)
    if root in MESSAGE_ROOTS:
        return _message(text, root, tail)
    return _named(text, root, tail)


def root_at(text: str, start: int) -> str | None:
    """Return the root of the expression that may begin at the offset, None without one."""
    if not text.startswith("$", start):
        return None
    end = start + 1
    while end < len(text) and text[end].isascii() and text[end].isalpha():
        end += 1
    word = text[start + 1 : end]
    return word if word in ROOTS else None


def _message(text: str, root: str, tail: str) -> Expression:
    """`source = header-reference / query-reference / path-reference / body-reference`."""
    place, dot, name = tail.removeprefix(".").partition(".")
    plural = place == "headers"
    if tail.startswith(".") and (plural or place in ("header", "query", "path")):
        if dot and not name and place.startswith("header"):
            raise ExpressionError(text, len(text), "the name of a header")
        rest = f"header{dot}{name}" if plural else tail[1:]
        codes = [("headers-plural", plural), ("whole-object", not dot)]
        return Expression(text, root, rest, None, tuple(code for code, is_so in codes if is_so))
    for word in ("body", "payload"):
        if tail.startswith(f".{word}") and tail[len(word) + 1 :][:1] in ("", ".", "[", "#"):
            return _body(text, root, tail[1:])
    raise ExpressionError(
        text, len(root) + 1, "`.header.NAME`, `.query.NAME`, `.path.NAME` or `.body`"
    )


def _body(text: str, root: str, rest: str) -> Expression:
    path, pointer = _split(rest)
    found = ["dotted-body"] if path not in ("body", "payload") else []
    return Expression(text, root, path, pointer, tuple(found + _of_pointer(pointer)))


def _named(text: str, root: str, tail: str) -> Expression:
    if tail[:1] not in ("", ".", "#", "["):
        raise ExpressionError(text, len(root) + 1, "a `.` and a name")
    path, pointer = _split(tail.removeprefix("."))
    return Expression(text, root, path, pointer, tuple(_deviations(root, path, pointer)))


def _split(rest: str) -> tuple[str, str | None]:
    path, mark, pointer = rest.partition("#")
    return path, pointer if mark else None


def _deviations(root: str, path: str, pointer: str | None) -> list[str]:
    found: list[str] = []
    if root == BODY_ROOT:
        found.append("body-root")
    elif not path:
        found.append("whole-object")
    elif root == "steps" and ".outputs." not in path:
        found.append("steps-without-outputs")
    if "[" in path:
        found.append("indexed-name")
    if re.search(r"\s", re.sub(r"\[.*\]", "", path)):
        found.append("name-with-space")
    return found + _of_pointer(pointer)


def _of_pointer(pointer: str | None) -> list[str]:
    return ["pointer-without-slash"] if pointer and not pointer.startswith("/") else []


def scan(text: str, start: int) -> int:
    """Return the offset behind the expression that begins at `start`, inside a longer text.

    Returns `start` when none begins there. A name ends at a space or an operator; brackets are
    taken whole; a slash belongs to it only behind a `#`.
    """
    root = root_at(text, start)
    if root is None:
        return start
    end = start + 1 + len(root)
    if root in PLAIN_ROOTS or text[end : end + 1] not in (".", "#", "["):
        return end
    pointed = False
    while end < len(text):
        character = text[end]
        pointed = pointed or character == "#"
        if character == "[":
            closing = _closing(text, end)
            if closing < 0:
                return end
            end = closing
        elif not _belongs(text, end, pointed=pointed):
            return end
        end += 1
    return end


def _belongs(text: str, at: int, *, pointed: bool) -> bool:
    character = text[at]
    if character.isalnum() or character in "_-.#":
        return True
    if character == "$":
        return text[at - 1] == "."
    return pointed and character in _POINTER_MARKS


def _closing(text: str, opening: int) -> int:
    """Return the offset of the `]` that closes the bracket, quotes skipped; -1 without one."""
    depth, quote = 0, ""
    for mark in _BRACKET_MARKS.finditer(text, opening, opening + LONGEST_BRACKET):
        if quote:
            quote = "" if mark[0] == quote else quote
        elif mark[0] in "'\"":
            quote = mark[0]
        else:
            depth += 1 if mark[0] == "[" else -1
            if depth == 0:
                return mark.start()
    return -1


def references(expression: Expression) -> Reference:
    """Return the root and the text behind it, for the check of names."""
    return Reference(expression.root, expression.rest)


def reads_response(expression: Expression) -> bool:
    """Return whether the expression needs a response."""
    return expression.root in _RESPONSE_ROOTS


def input_name(rest: str, known: Collection[str]) -> str | None:
    """Return the declared input that the text behind `$inputs.` means; the longest name wins."""
    return longest_key(rest, known)


def step_reference(
    rest: str, known: Mapping[str, Collection[str]]
) -> tuple[str, str | None] | None:
    """Return the step and its output that the text behind `$steps.` means.

    The output is None where all outputs are meant; the whole is None where a name is unknown.
    """
    step_id = longest_key(rest, known)
    if step_id is None:
        return None
    tail = outputs_tail(rest[len(step_id) :], known[step_id])
    if not tail:
        return step_id, None
    name = longest_key(tail, known[step_id])
    return None if name is None else (step_id, name)


def outputs_tail(tail: str, names: Collection[str]) -> str:
    """Drop the word `outputs`, which the dialect sometimes leaves out."""
    tail = tail.removeprefix(".")
    if tail == "outputs" and tail not in names:
        return ""
    return tail.removeprefix("outputs.")


def evaluate(expression: Expression, context: Context) -> Json | Absent:
    """Return the value of the expression at this moment, ABSENT when there is none."""
    if needs_jsonpath(expression.rest) and "$" in expression.rest:
        expression = replace(expression, rest=substituted(expression.rest, context))
    found = _root_value(expression, context)
    return found if found is ABSENT else resolve_pointer(found, expression.pointer or "")


def _root_value(  # noqa: PLR0911 - one for each root
    expression: Expression, context: Context
) -> Json | Absent:
    match expression.root:
        case "self":
            return context.self_uri
        case "statusCode":
            return context.response.status if context.response else ABSENT
        case "url" | "method":
            return getattr(context.request, expression.root) if context.request else ABSENT
        case "request" | "response" | "message":
            return _of_message(getattr(context, expression.root), expression.rest)
        case "body":
            return _of_message(context.response, f"body.{expression.rest}".rstrip("."))
        case "steps":
            return _step_value(expression.rest, context)
        case "inputs" | "outputs" | "workflows" | "components":
            return navigate(dict(getattr(context, expression.root)), expression.rest)
        case "sourceDescriptions":
            known = {one: {**it, **context.workflows} for one, it in context.sources.items()}
            return navigate(known, expression.rest)
        case _:
            return ABSENT


def _of_message(view: RequestView | ResponseView | MessageView | None, rest: str) -> Json | Absent:
    if view is None:
        return ABSENT
    place, dot, name = rest.partition(".")
    if not dot and place in ("header", "query", "path"):
        return dict(getattr(view, f"{place}s" if place == "header" else place, {}))
    if place == "header":
        wanted = name.lower()
        return next((v for key, v in view.headers.items() if key.lower() == wanted), ABSENT)
    if place in ("query", "path"):
        return getattr(view, place, {}).get(name, ABSENT)
    path = rest.removeprefix("body").removeprefix("payload").removeprefix(".")
    return view.body if view.body is ABSENT else navigate(view.body, path)


def _step_value(rest: str, context: Context) -> Json | Absent:
    step_id = longest_key(rest, context.steps)
    if step_id is None:
        return ABSENT
    outputs = dict(context.steps[step_id])
    return navigate(outputs, outputs_tail(rest[len(step_id) :], outputs))


def inner(text: str, start: int = 0) -> Iterator[tuple[int, int, Expression]]:
    """Yield the expressions inside a query or filter, with where they begin and end.

    Braces around one belong to it. Raises ExpressionError with the offset into the text.
    """
    at = text.find("$", start)
    while at >= 0:
        end, root = scan(text, at), root_at(text, at)
        if root is not None and (root in PLAIN_ROOTS or text[at + 1 : end] != root):
            braced = text[at - 1 : at] == "{" and text[end : end + 1] == "}"
            yield at - braced, end + braced, parse_inside(text, at, end)
        at = text.find("$", max(end, at + 1))


def with_inner(expression: Expression) -> list[Expression]:
    """Return the expression and those that stand in its filters."""
    found = inner(expression.rest) if needs_jsonpath(expression.rest) else ()
    return [expression, *(one for _, _, one in found)]


def substituted(query: str, context: Context) -> str:
    """Return the query with the values of its expressions in place of them.

    A text is put in quotes unless it stands in quotes already, and can't end them; anything
    else is written as JSON. What is absent is null, and nothing inside quotes.
    """
    parts: list[str] = []
    behind, quote = 0, ""
    for begin, end, one in inner(query):
        parts.append(query[behind:begin])
        quote = _open_quote(query[behind:begin], quote)
        parts.append(_literal(evaluate(one, context), quote))
        behind = end
    return "".join([*parts, query[behind:]])


def _open_quote(text: str, quote: str) -> str:
    """Return the quote that is open behind the text, when `quote` was open before it."""
    escaped = False
    for character in text:
        if escaped or (quote and character == "\\"):
            escaped = not escaped
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return quote


def _literal(value: Json | Absent, quote: str) -> str:
    if not quote and not isinstance(value, str):
        return json.dumps(None if value is ABSENT else value)
    inside = json.dumps(text_of(value))[1:-1]
    if quote != '"':
        inside = inside.replace('\\"', '"').replace("'", "\\'")
    return inside if quote else f"'{inside}'"
