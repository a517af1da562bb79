"""Criteria: Arazzo 1.0.1, 4.6.11: simple, regex, jsonpath and xpath, each over its context.

A jsonpath criterion is an RFC 9535 query and holds when it selects a node. The public practice
writes conditions there, `$.status == "complete"`; those are read as simple conditions over the
context, and reported. An xpath criterion holds when its effective boolean value is true; over
what is no XML it is false, and `seen` says why.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import re2

from arazzo import condition as conditions
from arazzo import expression as expressions
from arazzo import xml_values, xpath
from arazzo.context import ABSENT, Context
from arazzo.errors import DurazzoError, ExpressionError
from arazzo.navigation import is_query, same_json, select, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from arazzo.condition import Condition
    from arazzo.context import Absent, Json
    from arazzo.expression import Expression
    from arazzo.xpath import XPath

LONGEST_PATTERN: Final = 5_000
LONGEST_QUERY: Final = 10_000
VERSIONS: Final = {
    "jsonpath": ("rfc9535", "draft-goessner-dispatch-jsonpath-00"),
    "xpath": ("xpath-31", "xpath-30", "xpath-20", "xpath-10"),
}
"""The versions of the types that have any; the first is the default."""
_EMPTY: Final = re.compile(r"(\$.*\S)\s+empty(?:\s+(true|false))?", re.DOTALL)
_SLASHED: Final = re.compile(r"/(.*)/([a-z]*)", re.DOTALL)
_FLAGS: Final = frozenset("ims")
_RE2_LACKS: Final = (
    (re.compile(r"\(\?="), "lookahead `(?=`"),
    (re.compile(r"\(\?!"), "negative lookahead `(?!`"),
    (re.compile(r"\(\?<="), "lookbehind `(?<=`"),
    (re.compile(r"\(\?<!"), "negative lookbehind `(?<!`"),
    (re.compile(r"\(\?>"), "atomic group `(?>`"),
    (re.compile(r"\(\?\("), "condition `(?(`"),
    (re.compile(r"\\[1-9]|\\k[<{']|\(\?P="), "back-reference"),
    (re.compile(r"(?<!\\)[*+?}]\+"), "possessive quantifier"),
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion that has been read; `kind` says how it is judged."""

    text: str
    kind: Literal["condition", "equal", "query", "regex", "empty", "xpath"]
    context: Expression | None = None
    condition: Condition | None = None
    pattern: Any = None
    query: str | None = None
    xpath: XPath | None = None
    wanted: Any = None
    deviations: tuple[str, ...] = ()

    def expressions(self) -> list[Expression]:
        """Return all runtime expressions that the criterion reads."""
        found = [self.context] if self.context else []
        found += conditions.expressions_of(self.condition) if self.condition else []
        return found + ([one for _, _, one in expressions.inner(self.query)] if self.query else [])


@lru_cache(maxsize=4096)
def compile(  # noqa: A001 - the word for it
    condition: str,
    type: str = "simple",  # noqa: A002 - the field's name in the standard
    version: str | None = None,
    context: str | None = None,
) -> Criterion:
    """Return the criterion. Raises ExpressionError with the offset into the condition."""
    found = expressions.parse(context) if context else None
    _check_version(condition, type, version)
    if type == "simple":
        return _simple(condition, found)
    if type not in ("regex", "jsonpath", "xpath"):
        raise ExpressionError(
            condition, 0, f"a type simple, regex, jsonpath or xpath, not `{type}`"
        )
    if found is None:
        raise ExpressionError(condition, 0, f"a `context` beside a criterion of type {type}")
    if type == "xpath":
        return Criterion(condition, "xpath", found, xpath=xpath.compile(condition, version))
    return _regex(condition, found) if type == "regex" else _jsonpath(condition, found)


def _check_version(condition: str, type_: str, version: str | None) -> None:
    """Expression Type Object: Arazzo 1.1.0, 5.8.13; only jsonpath and xpath have versions."""
    known = VERSIONS.get(type_)
    if version is not None and known is not None and version not in known:
        expected = f"the version {' or '.join(known)} of {type_}, not `{version}`"
        raise ExpressionError(condition, 0, expected, reason="unknown-version")


def _simple(text: str, context: Expression | None) -> Criterion:
    if context is not None and text.lstrip()[:1] in ("{", "["):
        try:
            wanted = json.loads(text)
        except (ValueError, RecursionError):
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
        for mark, name in _RE2_LACKS:
            if found := mark.search(text):
                what = f"a regular expression without a {name} (RE2 has none)"
                raise ExpressionError(text, found.start(), what) from error
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ExpressionError(text, 0, f"a regular expression ({said})") from error
    except UnicodeError as error:
        raise ExpressionError(text, 0, "whole characters (half of a pair stands here)") from error


def _jsonpath(text: str, context: Expression) -> Criterion:
    """Every published draft is read as RFC 9535."""
    if len(text) > LONGEST_QUERY:
        raise ExpressionError(text, 0, f"at most {LONGEST_QUERY} characters")
    if _is_query(text):
        inside = any(expressions.inner(text))
        deviations = ("expression-in-jsonpath",) if inside else ()
        return Criterion(text, "query", context, query=text, deviations=deviations)
    empty = _EMPTY.fullmatch(text.strip())
    if empty and _is_query(empty[1]):
        wanted = empty[2] != "false"
        deviations = ("empty-in-jsonpath",)
        return Criterion(
            text, "empty", context, query=empty[1], wanted=wanted, deviations=deviations
        )
    return _condition(text, context, ("condition-in-jsonpath",))


def _is_query(text: str) -> bool:
    return is_query(expressions.substituted(text, Context()))


def _whole_characters(text: str) -> str:
    """RE2 reads UTF-8, which has no halves of surrogate pairs; JSON texts may hold them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def holds(criterion: Criterion, context: Context) -> bool:
    """Return whether the criterion holds at this moment."""
    root: Json | Absent = ABSENT
    if context.response is None and any(map(expressions.reads_response, criterion.expressions())):
        return False
    if criterion.context is not None:
        root = expressions.evaluate(criterion.context, context)
    if criterion.condition is not None:
        return conditions.evaluate(criterion.condition, context, root)
    return root is not ABSENT and _holds_over(criterion, root, context)


def _holds_over(criterion: Criterion, root: Json, context: Context) -> bool:
    match criterion.kind:
        case "xpath":
            return _judged(criterion, root) == _HOLDS
        case "equal":
            return same_json(root, criterion.wanted)
        case "regex":
            return criterion.pattern.search(_whole_characters(text_of(root))) is not None
        case _:
            return _selects(criterion, root, context)


def _selects(criterion: Criterion, root: Json, context: Context) -> bool:
    if criterion.query is None:
        return False
    query = expressions.substituted(criterion.query, context)
    if criterion.kind == "empty":
        empty = all(value in (None, "", [], {}) for value in select(query, root))
        return empty is criterion.wanted
    if any(True for _ in select(query, root)):
        return True
    is_filter = query.replace(" ", "").startswith("$[?")
    if isinstance(root, dict) and is_filter:  # the object itself is meant
        return any(True for _ in select(query, [root]))
    return False


_HOLDS: Final = "holds"


def _judged(criterion: Criterion, root: Json | Absent) -> str:
    """Return _HOLDS, the empty text, or why the XPath can't be asked."""
    if criterion.xpath is None or not isinstance(root, str):
        return "is no XML text"
    try:
        document = xml_values.parse(root)
    except DurazzoError as error:
        return f"is no XML that is read: {error.message}"
    try:
        return _HOLDS if xpath.holds(criterion.xpath, document) else ""
    except DurazzoError as error:
        return f"can't be judged: {error.message}"


LONGEST_SEEN: Final = 200


def seen(criterion: Criterion, context: Context, mask: Callable[[str], str] = str) -> str:
    """Return what the expressions of a criterion are at this moment, as text for people.

    `mask` replaces secrets; it sees each value whole, before it is cut.
    """
    found = {one.text: one for one in criterion.expressions() if not _is_body(one)}
    told = [f"{text} is {_shown(one, context, mask)}" for text, one in found.items()]
    if criterion.xpath is not None and criterion.context is not None:
        why = _judged(criterion, expressions.evaluate(criterion.context, context))
        told += [f"{criterion.context.text} {why}"] if why not in ("", _HOLDS) else []
    return ", ".join(told)


def _is_body(one: Expression) -> bool:
    """A whole body is told by an excerpt already."""
    return one.rest in ("body", "payload") and not one.pointer


def _shown(one: Expression, context: Context, mask: Callable[[str], str]) -> str:
    value = expressions.evaluate(one, context)
    text = "absent" if value is ABSENT else mask(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST_SEEN else text[:LONGEST_SEEN] + "…"


def root_pointers(criterion: Criterion) -> list[str | None]:
    """Return the JSON Pointers of the `$.` paths of a condition; None for what is no plain path."""
    if criterion.condition is None or criterion.context is None:
        return [None] if criterion.kind != "condition" else []
    base = criterion.context.pointer or ""
    paths = [
        one.value.path
        for one in conditions.operands(criterion.condition.node)
        if isinstance(one.value, conditions.RootPath)
    ]
    return [
        base + "/" + path.replace(".", "/") if _PLAIN.fullmatch(path) else None for path in paths
    ]


_PLAIN: Final = re.compile(r"[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)*")
