"""Criteria: Arazzo 1.0.1, 4.6.11: simple, regex and jsonpath, each over its context.

A jsonpath criterion is an RFC 9535 query and holds when it selects a node. The public practice
writes conditions there, `$.status == "complete"`; those are read as simple conditions over the
context, and reported.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import jsonpath
import re2

from arazzo import condition as conditions
from arazzo import expression as expressions
from arazzo import template
from arazzo.context import ABSENT
from arazzo.errors import ExpressionError
from arazzo.navigation import text_of

if TYPE_CHECKING:
    from arazzo.condition import Condition
    from arazzo.context import Absent, Context, Json
    from arazzo.expression import Expression
    from arazzo.template import Template

LONGEST_PATTERN: Final = 5_000
_EMPTY: Final = re.compile(r"(\$[^\s]*)\s+empty(?:\s+(true|false))?")
_SLASHED: Final = re.compile(r"/(.*)/([a-z]*)", re.DOTALL)
_FLAGS: Final = frozenset("ims")
_QUERIES: Final = jsonpath.JSONPathEnvironment(strict=True)
_RE2_LACKS: Final = {
    "(?=": "a lookahead `(?=`",
    "(?!": "a negative lookahead `(?!`",
    "(?<=": "a lookbehind `(?<=`",
    "(?<!": "a negative lookbehind `(?<!`",
    "(?>": "an atomic group `(?>`",
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion that has been read; `kind` says how it is judged."""

    text: str
    kind: Literal["condition", "equal", "query", "regex", "empty"]
    context: Expression | None = None
    condition: Condition | None = None
    pattern: Any = None
    query: Template | None = None
    wanted: Any = None
    deviations: tuple[str, ...] = ()

    def expressions(self) -> list[Expression]:
        """Return all runtime expressions that the criterion reads."""
        found = [self.context] if self.context else []
        found += conditions.expressions_of(self.condition) if self.condition else []
        return found + (template.expressions(self.query) if self.query else [])


@lru_cache(maxsize=4096)
def compile(  # noqa: A001 - the word for it
    condition: str,
    type: str = "simple",  # noqa: A002 - the field's name in the standard
    version: str | None = None,
    context: str | None = None,
) -> Criterion:
    """Return the criterion. Raises ExpressionError with the offset into the condition."""
    found = expressions.parse(context) if context else None
    if type == "simple":
        return _simple(condition, found)
    if type == "xpath":
        raise ExpressionError(condition, 0, "no xpath (not supported yet)", reason="unsupported")
    if type not in ("regex", "jsonpath"):
        raise ExpressionError(
            condition, 0, f"a type simple, regex, jsonpath or xpath, not `{type}`"
        )
    if found is None:
        raise ExpressionError(condition, 0, f"a `context` beside a criterion of type {type}")
    return _regex(condition, found) if type == "regex" else _jsonpath(condition, found, version)


def _simple(text: str, context: Expression | None) -> Criterion:
    if context is not None and text.lstrip()[:1] in ("{", "["):
        try:
            wanted = json.loads(text)
        except ValueError:
            pass
        else:
            return Criterion(text, "equal", context, wanted=wanted, deviations=("json-condition",))
    return _condition(text, context, ())


def _condition(text: str, context: Expression | None, deviations: tuple[str, ...]) -> Criterion:
    parsed = conditions.parse(text)
    found = tuple(dict.fromkeys((*deviations, *parsed.deviations)))
    if "condition-in-jsonpath" in found:  # its `$.` paths are part of that one deviation
        found = tuple(one for one in found if one not in ("root-path", "double-quoted-string"))
    return Criterion(text, "condition", context, parsed, deviations=found)


def _regex(text: str, context: Expression) -> Criterion:
    slashed = _SLASHED.fullmatch(text)
    pattern, flags = (slashed[1], slashed[2]) if slashed else (text, "")
    if len(pattern) > LONGEST_PATTERN:
        raise ExpressionError(text, 0, f"at most {LONGEST_PATTERN} characters")
    if not set(flags) <= _FLAGS:
        raise ExpressionError(text, len(text) - 1, "only the flags i, m and s")
    compiled = _compiled_pattern(text, f"(?{flags}){pattern}" if flags else pattern)
    deviations = ("slashed-regex",) if slashed else ()
    return Criterion(text, "regex", context, pattern=compiled, deviations=deviations)


def _compiled_pattern(text: str, pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        lacking = next((said for mark, said in _RE2_LACKS.items() if mark in pattern), None)
        if lacking is None and re.search(r"\\[1-9]", pattern):
            lacking = "a back-reference"
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        what = f"no {lacking} (RE2 has none)" if lacking else f"a regular expression ({said})"
        raise ExpressionError(text, 0, what) from error


def _jsonpath(text: str, context: Expression, version: str | None) -> Criterion:
    del version  # every published draft is read as RFC 9535
    query = template.parse(text) if "$inputs" in text or "$steps" in text else None
    if query is not None and not _is_query(text_of_query(query, None)):
        query = None
    if query is not None or _is_query(text):
        deviations = ("expression-in-jsonpath",) if query else ()
        compiled = query or template.Template((text,))
        return Criterion(text, "query", context, query=compiled, deviations=deviations)
    empty = _EMPTY.fullmatch(text.strip())
    if empty and _is_query(empty[1]):
        return Criterion(
            text,
            "empty",
            context,
            query=template.Template((empty[1],)),
            wanted=empty[2] != "false",
            deviations=("empty-in-jsonpath",),
        )
    return _condition(text, context, ("condition-in-jsonpath",))


def _is_query(text: str) -> bool:
    try:
        _QUERIES.compile(text)
    except (jsonpath.JSONPathError, RecursionError):
        return False
    return True


def text_of_query(query: Template, context: Context | None) -> str:
    """Return the query with its expressions in place: texts in quotes, else as JSON."""
    parts = []
    for part in query.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = None if context is None else expressions.evaluate(part, context)
        parts.append(_literal(None if value is ABSENT else value))
    return "".join(parts)


def _literal(value: Json) -> str:
    if isinstance(value, str):
        escaped = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"')
        return "'" + escaped.replace("'", "\\'") + "'"
    return json.dumps(value)


def holds(criterion: Criterion, context: Context) -> bool:
    """Return whether the criterion holds at this moment."""
    root: Json | Absent = ABSENT
    if criterion.context is not None:
        if context.response is None and expressions.reads_response(criterion.context):
            return False
        root = expressions.evaluate(criterion.context, context)
    if criterion.condition is not None:
        return conditions.evaluate(criterion.condition, context, root)
    if root is ABSENT:
        return False
    match criterion.kind:
        case "equal":
            return bool(root == criterion.wanted)
        case "regex":
            return criterion.pattern.search(text_of(root)) is not None
        case _:
            return _selects(criterion, root, context)


def _selects(criterion: Criterion, root: Json, context: Context) -> bool:
    if criterion.query is None:
        return False
    text = text_of_query(criterion.query, context)
    found = _found(text, root)
    if criterion.kind == "empty":
        empty = not found or all(value in (None, "", [], {}) for value in found)
        return empty is criterion.wanted
    if not found and isinstance(root, dict) and text.replace(" ", "").startswith("$[?"):
        return bool(_found(text, [root]))  # a filter on an object: the object itself is meant
    return bool(found)


def _found(text: str, root: Json) -> list[Any]:
    try:
        return list(_QUERIES.findall(text, root))
    except (jsonpath.JSONPathError, RecursionError):
        return []
