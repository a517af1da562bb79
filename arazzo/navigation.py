"""Values: what stands inside one, its text, its number, and whether two are the same.

Inside leads a JSON Pointer (RFC 6901), a dotted path of the dialect, or a query (RFC 9535).

Everywhere the exact key comes first, then navigation: `a.b` is the key `a.b` when there is one,
else `b` inside `a`. What finds nothing is ABSENT, never an error.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from arazzo.context import ABSENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from arazzo.context import Absent, Json

_INDEX: Final = re.compile(r"\[\s*(-?\d+)\s*\]")
_QUOTED: Final = re.compile(r"""\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\]""")
# number = [ "-" ] int [ frac ] [ exp ]                                RFC 8259, section 6
NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,999})(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![\w.\-/:])")
_BOUNDARIES: Final = ".[#"
# array-index = %x30 / ( %x31-39 *(%x30-39) )                       RFC 6901, section 4
_ARRAY_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_NUMBER_NAME: Final = re.compile(r"([0-9]{1,9})(?=[.\[]|$)")
LENGTH: Final = "length"


def longest_key(text: str, keys: Collection[str]) -> str | None:
    """Return the longest key that the text begins with, up to a `.`, a `[`, a `#` or its end."""
    found: str | None = None
    for key in keys:
        if text.startswith(key) and (len(text) == len(key) or text[len(key)] in _BOUNDARIES):
            found = key if found is None or len(key) > len(found) else found
    return found


def resolve_pointer(value: Json, pointer: str) -> Json | Absent:
    """Return what a JSON Pointer leads to; a missing leading slash is tolerated."""
    if not pointer:
        return value
    for token in pointer.removeprefix("/").split("/"):
        value = _step(value, token.replace("~1", "/").replace("~0", "~"))
        if value is ABSENT:
            return ABSENT
    return value


def _step(value: Json, token: str) -> Json | Absent:
    if isinstance(value, dict):
        if token in value:
            return value[token]
        return navigate(value, token) if any(mark in token for mark in ".[") else ABSENT
    if isinstance(value, list):
        if _ARRAY_INDEX.fullmatch(token):
            return value[int(token)] if int(token) < len(value) else ABSENT
        return navigate(value, token) if any(mark in token for mark in ".[") else ABSENT
    return ABSENT


def needs_jsonpath(path: str) -> bool:
    """Return whether a path holds `[*]`, `..` or a filter, which only a query library can read."""
    return any(mark in path for mark in ("[*]", "[?", "[].", ".."))


def navigate(value: Json, path: str) -> Json | Absent:
    """Return what a dotted path such as `a.b[0].c` leads to.

    A name on a list is looked up in its first element, a number is an index; `length` is the
    size unless such a key exists; a filter gives its first match, `[*]` a list of all, and
    `length` behind either is the number of matches.
    """
    while path:
        if path.startswith(("[*]", "[?", "[].", ".")) and not _is_key(value, path):
            return _query(value, path)
        value, path = _advance(value, path)
        if value is ABSENT:
            return ABSENT
    return value


def _is_key(value: Json, path: str) -> bool:
    return isinstance(value, dict) and path in value


def _advance(value: Json, path: str) -> tuple[Json | Absent, str]:
    """Take one name or index off the path and follow it."""
    if path.startswith("[") and not _is_key(value, path):
        return _bracket(value, path)
    number = _NUMBER_NAME.match(path) if isinstance(value, list) else None
    if number:
        return _bracket(value, f"[{number[1]}]{path[number.end() :]}")
    if isinstance(value, list) and value and longest_key(path, [LENGTH]) is None:
        return value[0], path
    if isinstance(value, dict):
        key = longest_key(path, value)
        if key is not None:
            return value[key], _after(path, key)
    if longest_key(path, [LENGTH]) is not None and isinstance(value, (dict, list, str)):
        return len(value), _after(path, LENGTH)
    return ABSENT, ""


def _after(path: str, key: str) -> str:
    return path[len(key) :].removeprefix(".")


def _bracket(value: Json, path: str) -> tuple[Json | Absent, str]:
    quoted, index = _QUOTED.match(path), _INDEX.match(path)
    if quoted and isinstance(value, dict):
        key = next(part for part in quoted.groups() if part is not None)
        return value.get(re.sub(r"\\(.)", r"\1", key), ABSENT), path[quoted.end() :].removeprefix(
            "."
        )
    if index and isinstance(value, list):
        number = int(index[1]) if len(index[1]) < 10 else len(value)  # noqa: PLR2004
        there = -len(value) <= number < len(value)
        return (value[number] if there else ABSENT), path[index.end() :].removeprefix(".")
    return ABSENT, ""


def _query(value: Json, path: str) -> Json | Absent:
    query = "$" + ("." if path.startswith(".") else "") + path.replace("[].", "[*].")
    if not is_query(query):
        return ABSENT
    found = list(select(query, value))
    if not found and query.endswith(f".{LENGTH}"):
        return len(list(select(query.removesuffix(f".{LENGTH}"), value)))
    if path.startswith("[?"):
        return found[0] if found else ABSENT
    return found


@cache
def _queries() -> Any:
    """The one place that knows the query library; it is loaded when a query is first read.

    `match` and `search` run on RE2, because a document must not be able to hang a worker.
    """
    from jsonpath import JSONPathEnvironment  # noqa: PLC0415 - 50 ms that most commands spare
    from jsonpath.function_extensions import Match, Search  # noqa: PLC0415

    class LinearMatch(Match):
        def check_cache(self, pattern: str) -> Any:
            return _iregexp(pattern)

    class LinearSearch(Search):
        def check_cache(self, pattern: str) -> Any:
            return _iregexp(pattern)

    environment = JSONPathEnvironment(strict=True)
    environment.function_extensions["match"] = LinearMatch()
    environment.function_extensions["search"] = LinearSearch()
    return environment


_REGEX_PARTS: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\.", re.DOTALL)


@lru_cache(maxsize=1024)
def _iregexp(pattern: str) -> Any:
    """Return the I-Regexp (RFC 9485) for RE2, None when it is none; `.` is no line break."""
    import re2  # noqa: PLC0415 - the same

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(
            _REGEX_PARTS.sub(lambda it: r"[^\r\n]" if it[0] == "." else it[0], pattern), options
        )
    except (re2.error, UnicodeError):
        return None


@lru_cache(maxsize=4096)
def _compiled_query(query: str) -> Any:
    from jsonpath import JSONPathError  # noqa: PLC0415 - the same

    try:
        return _queries().compile(query)
    except (JSONPathError, RecursionError):
        return None


def is_query(text: str) -> bool:
    """Return whether the text is a JSONPath query as RFC 9535 has it, to the letter."""
    return _compiled_query(text) is not None


def select(query: str, value: Json) -> Iterator[Json]:
    """Yield the values that a query selects; none when it is no query or nests too deep."""
    from jsonpath import JSONPathError  # noqa: PLC0415 - the same

    compiled = _compiled_query(query)
    try:
        for match in compiled.finditer(value) if compiled is not None else ():
            yield match.value
    except (JSONPathError, RecursionError, UnicodeError):
        return


def locations(query: str, value: Json) -> list[tuple[str | int, ...]]:
    """Return the keys and indices that lead to what a query selects; none as `select` has none."""
    from jsonpath import JSONPathError  # noqa: PLC0415 - the same

    compiled = _compiled_query(query)
    try:
        return [tuple(match.parts) for match in compiled.finditer(value)] if compiled else []
    except (JSONPathError, RecursionError, UnicodeError):
        return []


def text_of(value: Json | Absent) -> str:
    """Return how a value stands inside a longer text; absent is nothing, objects are JSON."""
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def same_json(left: Json, right: Json) -> bool:
    """Return whether two JSON values are the same; true is not 1, and 1 is 1.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def number_of(value: Json | Absent) -> float | int | None:
    """Return the number that a value is, or that its text is; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str) and len(value) < 50 and (found := NUMBER.fullmatch(value.strip())):  # noqa: PLR2004
        return parsed_number(found)
    return None


def parsed_number(found: re.Match[str]) -> float | int:
    """Whole numbers stay exact: ids of 64 bits do not fit into a float."""
    return float(found[0]) if found[1] or found[2] else int(found[0])
