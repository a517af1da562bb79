"""Values: pointers, dotted paths, queries, and how a value stands in a text."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arazzo.context import ABSENT
from arazzo.navigation import (
    longest_key,
    navigate,
    needs_jsonpath,
    number_of,
    resolve_pointer,
    same_json,
    select,
    text_of,
)

BODY: Any = {
    "a": {"b": [{"c": 1}, {"c": 2}]},
    "a.b": 7,
    "x[]": 3,
    "none": None,
    "text": "abc",
    "list": [],
    "own": {"length": 9},
    "e f": 4,
    "": 5,
    "s/t": 6,
    "m~n": 8,
    "items": [{"id": 1, "k": "u"}, {"id": 2, "k": "v"}],
}


@dataclass(frozen=True)
class Case:
    """One row: a text, and what it is."""

    path: str
    value: Any


PATHS = [
    Case("a.b", 7),
    Case("a['b'][1].c", 2),
    Case('a["b"][0]["c"]', 1),
    Case("x[]", 3),
    Case("e f", 4),
    Case("text.length", 3),
    Case("list.length", 0),
    Case("own.length", 9),
    Case("items.length", 2),
    Case("items.id", 1),
    Case("items[1].id", 2),
    Case("items[-1].id", 2),
    Case("items.1.id", 2),
    Case("items[9].id", ABSENT),
    Case("items[*].id", [1, 2]),
    Case("items[].id", [1, 2]),
    Case("items[*].zz", []),
    Case("items[?(@.id==2)].k", "v"),
    Case("items[?@.id == 7]", ABSENT),
    Case("items[?@.id == 2].length", 1),
    Case("items[?@.id == 7].length", 0),
    Case("items[*].id.length", 2),
    Case("items..id", [1, 2]),
    Case("items[?(", ABSENT),
    Case("none.length", ABSENT),
    Case("nothing.at.all", ABSENT),
    Case("", BODY),
]


@pytest.mark.parametrize("case", PATHS, ids=attrgetter("path"))
def test_navigate(case: Case) -> None:
    """The exact key first, then names and indices; a filter gives its first match, `[*]` all."""
    assert navigate(BODY, case.path) == case.value


POINTERS = [
    Case("", BODY),
    Case("/", 5),
    Case("/a/b/0/c", 1),
    Case("a/b/0/c", 1),
    Case("/s~1t", 6),
    Case("/m~0n", 8),
    Case("/a.b", 7),
    Case("/own.length", 9),
    Case("/items[0]/id", 1),
    Case("/items[1].id", 2),
    Case("/items/1", {"id": 2, "k": "v"}),
    Case("/items/01", ABSENT),
    Case("/items/-", ABSENT),
    Case("/items/99999999999", ABSENT),
    Case("/text/0", ABSENT),
    Case("/none/x", ABSENT),
    Case("/none", None),
]


@pytest.mark.parametrize("case", POINTERS, ids=attrgetter("path"))
def test_resolve_pointer(case: Case) -> None:
    """RFC 6901; the exact token first, then the dialect's navigation inside a token (O28)."""
    assert resolve_pointer(BODY, case.path) == case.value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (True, "true"),
        (None, "null"),
        (1, "1"),
        (1.5, "1.5"),
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        (ABSENT, ""),
    ],
)
def test_text_of(value: Any, text: str) -> None:
    """Scalars are written as in JSON, structures as compact JSON (Arazzo 1.1.0, 5.9.1)."""
    assert text_of(value) == text


def test_longest_key_ends_at_a_boundary() -> None:
    """A name ends at a dot, a bracket, a hash or the end of the text, and the longest wins."""
    assert longest_key("a.b.c", ["a", "a.b", "a.b.cd"]) == "a.b"
    assert longest_key("ab", ["a"]) is None


def test_needs_jsonpath() -> None:
    """Only wildcards, filters and descents need the query library."""
    assert [needs_jsonpath(one) for one in ("a[*]", "a[?@.b]", "a[].b", "a..b")] == [True] * 4
    assert not needs_jsonpath("a.b[0]['c']")


def test_numbers_stay_exact() -> None:
    """Ids of 64 bits do not fit into a float, and only the digits of JSON make a number."""
    assert number_of("9007199254740993") == 9007199254740993
    assert [number_of(one) for one in ("٣", "01", "1_0", "", True, "nan")] == [None] * 6


def test_same_json_tells_true_from_one() -> None:
    """JSON's true is not its 1, at any depth."""
    assert same_json({"a": [1.0]}, {"a": [1]})
    assert not same_json([True], [1])


def test_regular_expressions_of_queries_are_linear() -> None:
    """A document must not be able to hang a worker: match and search run on RE2."""
    value = [{"k": "a" * 5000 + "!"}]
    assert list(select("$[?search(@.k, '(a+)+$')]", value)) == []
    assert list(select("$[?match(@.k, '(?=a).*')]", value)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(JSON, st.text(alphabet="ab.[]0*?@=\"'#/~length-", max_size=15))
def test_nothing_found_is_absent(value: Any, path: str) -> None:
    """Whatever the path, the outcome is a value or ABSENT and never an exception."""
    navigate(value, path)
    resolve_pointer(value, path)
