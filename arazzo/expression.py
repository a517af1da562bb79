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

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from arazzo.context import ABSENT
from arazzo.errors import ExpressionError
from arazzo.navigation import longest_key, navigate, resolve_pointer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from arazzo.context import Absent, Context, Json, RequestView, ResponseView

PLAIN_ROOTS: Final = frozenset(("url", "method", "statusCode", "self"))
MESSAGE_ROOTS: Final = frozenset(("request", "response", "message"))
NAMED_ROOTS: Final = frozenset(
    ("inputs", "outputs", "steps", "workflows", "sourceDescriptions", "components")
)
BODY_ROOT: Final = "body"
ROOTS: Final = PLAIN_ROOTS | MESSAGE_ROOTS | NAMED_ROOTS | {BODY_ROOT}

LONGEST_EXPRESSION: Final = 10_000
_RESPONSE_ROOTS: Final = frozenset(("statusCode", "response", BODY_ROOT))
_POINTER_MARKS: Final = "/~%"


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
    """Return the expression that the whole text is. Raises ExpressionError."""
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
    place, _, name = tail.removeprefix(".").partition(".")
    plural = place == "headers"
    if tail.startswith(".") and (plural or place in ("header", "query", "path")):
        rest = f"header.{name}" if plural else tail[1:]
        return Expression(text, root, rest, None, ("headers-plural",) if plural else ())
    for word in ("body", "payload"):
        if tail.startswith(f".{word}") and tail[len(word) + 1 :][:1] in ("", ".", "[", "#"):
            return _body(text, root, tail[1:])
    raise ExpressionError(
        text, len(root) + 1, "`.header.NAME`, `.query.NAME`, `.path.NAME` or `.body`"
    )


def _body(text: str, root: str, rest: str) -> Expression:
    path, pointer = _split(rest)
    deviations = ("dotted-body",) if path not in ("body", "payload") else ()
    return Expression(text, root, path, pointer, deviations)


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
    if any(character.isspace() for character in path):
        found.append("name-with-space")
    if pointer is not None and not pointer.startswith("/") and pointer:
        found.append("pointer-without-slash")
    return found


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
    for at in range(opening, len(text)):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "[]":
            depth += 1 if character == "[" else -1
            if depth == 0:
                return at
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
    tail = _without_outputs(rest[len(step_id) :], known[step_id])
    if not tail:
        return step_id, None
    name = longest_key(tail, known[step_id])
    return None if name is None else (step_id, name)


def _without_outputs(tail: str, names: Collection[str]) -> str:
    """Drop the word `outputs`, which the dialect sometimes leaves out."""
    tail = tail.removeprefix(".")
    if tail == "outputs" and tail not in names:
        return ""
    return tail.removeprefix("outputs.")


def evaluate(expression: Expression, context: Context) -> Json | Absent:
    """Return the value of the expression at this moment, ABSENT when there is none."""
    found = _root_value(expression, context)
    if expression.pointer is None or found is ABSENT:
        return found
    return resolve_pointer(found, expression.pointer)


def _root_value(  # noqa: PLR0911 - one for each root
    expression: Expression, context: Context
) -> Json | Absent:
    match expression.root:
        case "statusCode":
            return context.response.status if context.response else ABSENT
        case "url" | "method":
            return getattr(context.request, expression.root) if context.request else ABSENT
        case "request":
            return _of_message(context.request, expression.rest)
        case "response":
            return _of_message(context.response, expression.rest)
        case "body":
            return _of_message(context.response, f"body.{expression.rest}".rstrip("."))
        case "steps":
            return _step_value(expression.rest, context)
        case "inputs" | "outputs" | "workflows" | "components":
            return navigate(dict(getattr(context, expression.root)), expression.rest)
        case "sourceDescriptions":
            return navigate(dict(context.sources), expression.rest)
        case _:
            return ABSENT


def _of_message(view: RequestView | ResponseView | None, rest: str) -> Json | Absent:
    if view is None:
        return ABSENT
    place, _, name = rest.partition(".")
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
    return navigate(outputs, _without_outputs(rest[len(step_id) :], outputs))
