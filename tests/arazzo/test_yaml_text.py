"""YAML and JSON to plain values: the core schema, places, and what is refused."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arazzo import yaml_text
from arazzo.errors import DocumentInvalid, Finding
from arazzo.yaml_text import DEEPEST, LONGEST_TEXT, MOST_NODES, YamlText


def read(text: str) -> YamlText:
    """Read a text as a file `a.yaml`."""
    return yaml_text.read(text, "a.yaml")


def refused(text: str) -> Finding:
    """Return the one finding of a text that can't be read."""
    with pytest.raises(DocumentInvalid) as caught:
        read(text)
    (found,) = caught.value.findings
    return found


CORE = {
    "null": None, "Null": None, "NULL": None, "~": None, "": None, "nULL": "nULL",
    "true": True, "True": True, "TRUE": True, "false": False, "tRUE": "tRUE",
    "yes": "yes", "no": "no", "on": "on", "off": "off", "y": "y", "n": "n", "=": "=", "<<": "<<",
    "2024-01-02": "2024-01-02", "2024-01-02T03:04:05Z": "2024-01-02T03:04:05Z", "12:30": "12:30",
    "0": 0, "-7": -7, "+7": 7, "007": 7, "0o17": 15, "0x1F": 31, "1_000": "1_000", "0b1": "0b1",
    "9007199254740993": 9007199254740993,
    "1.5": 1.5, "-.5": -0.5, "1.": 1.0, "1e3": 1000.0, "1.0.1": "1.0.1", ".": ".", "e3": "e3",
    ".inf": ".inf", ".nan": ".nan",
    "'1'": "1", '"true"': "true", "!!str 1": "1", "! 1": "1",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), CORE.items(), ids=repr)
def test_core_schema(text: str, value: Any) -> None:
    """YAML 1.2, 10.3.2: no dates, no `yes`, octal by `0o`; infinity is no JSON, so it is a text."""
    found = read(f"a: {text}\n").value
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_keys_are_texts_as_written() -> None:
    """JSON has no other keys, so `200` and `on` stay what they are."""
    assert read("200: a\non: b\n~: c\n1.0: d\n? e\n: f\n").value == {
        "200": "a", "on": "b", "~": "c", "1.0": "d", "e": "f",
    }  # fmt: skip


def test_blocks_and_flows() -> None:
    """All the ways to write a text."""
    text = "a: |\n  one\n  two\nb: >-\n  one\n  two\nc: [1, {d: 'it''s'}]\ne: \"\\u00e9\\n\"\n"
    assert read(text).value == {
        "a": "one\ntwo\n",
        "b": "one two",
        "c": [1, {"d": "it's"}],
        "e": "é\n",
    }


def test_json_is_read_as_json() -> None:
    """Each JSON text is a YAML text, surrogate pairs and a byte order mark included."""
    value = {"a": ["\U0001f600", "é", "\\ud83d", None, True, 1.5, -3], "b": {"": "/"}}
    for text in (json.dumps(value), json.dumps(value, indent="\t"), "\ufeff" + json.dumps(value)):
        assert read(text).value == value


def test_an_empty_text_is_null() -> None:
    """A file without content, or with comments only, is no error of YAML."""
    assert read("").value is None
    assert read("# nothing\n---\n").value is None


def test_aliases_share_their_value() -> None:
    """An alias stands for the value of its anchor, also for scalars and keys."""
    assert read("a: &x {b: 1}\nc: *x\nd: &y 2\ne: [*y, *x]\n&k f: *k\n").value == {
        "a": {"b": 1}, "c": {"b": 1}, "d": 2, "e": [2, {"b": 1}], "f": "f",
    }  # fmt: skip


def test_no_merge_keys() -> None:
    """`<<` is a key like any other: YAML 1.2 has no merging."""
    assert read("a: &x {b: 1}\nc: {<<: *x}\n").value["c"] == {"<<": {"b": 1}}


PLACES = """\
a: 1
"b": two
c:
  - d: x
    e: [y, {f: z}]
  -   g
# comment
h: {i: j}
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "a.yaml:1:1"),
        (("a",), "a.yaml:1:4"),
        (("b",), "a.yaml:2:6"),
        (("c",), "a.yaml:3:1"),
        (("c", 0), "a.yaml:4:5"),
        (("c", 0, "d"), "a.yaml:4:8"),
        (("c", 0, "e"), "a.yaml:5:5"),
        (("c", 0, "e", 1), "a.yaml:5:12"),
        (("c", 0, "e", 1, "f"), "a.yaml:5:16"),
        (("c", 1), "a.yaml:6:7"),
        (("h", "i"), "a.yaml:8:8"),
        (("c", 0, "zz", 9), "a.yaml:4:5"),
        (("zz",), "a.yaml:1:1"),
    ],
    ids=str,
)
def test_places(path: tuple[str | int, ...], place: str) -> None:
    """A scalar stands where its text begins, a collection at its key; else the nearest ancestor."""
    assert str(read(PLACES).place(path)) == place


@pytest.mark.parametrize(
    ("text", "column"),
    [("a: bcd", 6), ("a: 'bcd'", 7), ('a: "bcd"', 7)],
    ids=["plain", "single", "double"],
)
def test_a_place_inside_a_text(text: str, column: int) -> None:
    """The offset counts into the text, behind its opening quote."""
    assert read(text).place(("a",), 2).column == column


def test_a_place_below_a_missing_node_has_no_offset() -> None:
    """An offset into a text that is not there would point anywhere."""
    assert read("a: bcd").place(("a", "b"), 2).column == 4


def test_a_finding_shows_its_line() -> None:
    """Place, line and caret."""
    found = read(PLACES).finding("code", "message", ("c", 0, "d"), mend="mend")
    assert str(found) == (
        "a.yaml:4:8: error: message [code]\n      - d: x\n           ^\n  mend: mend"
    )


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate-key", "3:1", "the key 'a' stands here again; it "),
        ("{'a': 1, \"a\": 2}", "duplicate-key", "1:10", "the key 'a' stands here again"),
        ("- {b: {1: x, 1: y}}", "duplicate-key", "1:14", "the key '1' stands here again"),
        ("a: *b", "bad-alias", "1:4", "the alias *b is not defined above"),
        ("a: &b [*b]", "bad-alias", "1:8", "the alias *b contains itself"),
        ("? [a]\n: b", "complex-key", "1:3", "a key must be a plain text"),
        ("{? {a: b} : c}", "complex-key", "1:4", "a key must be a plain text"),
        ("a: &x b\n*x : c", "complex-key", "2:1", "an alias can't be a key here"),
        ("a: 1\n b: 2", "no-yaml", "2:3", "this is no YAML: "),
        ("a: 'b", "no-yaml", "1:6", "this is no YAML: "),
        ("a: [1", "no-yaml", "2:1", "this is no YAML: "),
        ("a:\n\t- b", "no-yaml", "2:1", "this is no YAML: "),
        ("é: 1\nb: \x01", "no-yaml", "2:4", "this is no YAML: a character"),
        ("a: " + "9" * 500, "number-too-long", "1:4", "a number of so many digits"),
        ("a: 1e999", "number-too-large", "1:4", "a number too large to be kept"),
        ("a: 1\nb: \ud800", "no-yaml", "2:4", "this is no YAML: a character"),
        ("[" * (DEEPEST + 1), "too-deep", f"1:{DEEPEST + 1}", "nested deeper than 200 levels"),
    ],
    ids=lambda one: repr(one)[:30] if isinstance(one, str) else None,
)  # fmt: skip
def test_refusals(text: str, code: str, place: str, message: str) -> None:
    """Each refusal has a code, the place, and what is wrong there."""
    found = refused(text)
    assert (found.code, str(found.place)) == (code, f"a.yaml:{place}")
    assert found.message.startswith(message)


def test_a_duplicate_key_says_what_to_do() -> None:
    """Both lines are told; one of the two must go, and only the author knows which."""
    found = refused("a: 1\na: 2")
    assert found.message == "the key 'a' stands here again; it stood in line 1 before"
    assert found.mend == "keep one of the two"


def test_a_text_that_is_too_long() -> None:
    """Nobody writes twenty megabytes of a document by hand."""
    assert refused("#" * (LONGEST_TEXT + 1)).code == "text-too-long"


def test_a_bomb_of_aliases() -> None:
    """Two hundred bytes must not become a gigabyte: nodes are counted as expanded."""
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    begin = time.perf_counter()
    assert refused("\n".join(lines)).code == "too-many-nodes"
    assert time.perf_counter() - begin < 2


def test_a_bomb_of_keys_with_aliases() -> None:
    """The same by mappings."""
    lines = ["a0: &a0 {a: 1, b: 2, c: 3}"]
    lines += [f"a{n}: &a{n} {{a: *a{n - 1}, b: *a{n - 1}, c: *a{n - 1}}}" for n in range(1, 20)]
    assert refused("\n".join(lines)).code == "too-many-nodes"


def test_empty_collections_count_as_nodes() -> None:
    """A list of empty lists grows as fast as one of numbers."""
    lines = ["a0: &a0 [[], [], [], [], [], [], [], [], []]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert refused("\n".join(lines)).code == "too-many-nodes"
    assert MOST_NODES == 2_000_000


def test_depth_up_to_the_bound() -> None:
    """Deep texts are read without recursion, down to the bound."""
    assert read("[" * DEEPEST + "]" * DEEPEST).value
    assert refused("[" * 100_000).code == "too-deep"
    block = "".join(f"{' ' * depth}a:\n" for depth in range(DEEPEST + 5))
    assert refused(block).code == "too-deep"


def test_aliases_may_not_nest_deeper_than_the_bound() -> None:
    """A chain of aliases is as deep as what it stands for."""
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 3 * DEEPEST))]
    assert refused("\n".join(lines)).code == "too-deep"


def test_a_second_document_is_left_out_with_a_warning() -> None:
    """The first is read, and its author learns that the other was not (O39)."""
    source = read("a: 1\n---\nb: 2\n---\n[broken")
    assert source.value == {"a": 1}
    (warning,) = source.warnings
    assert (warning.code, warning.severity) == ("second-document", "warning")
    assert str(warning.place) == "a.yaml:2:1"


def test_lines_end_where_yaml_ends_them() -> None:
    """A line separator inside a text does not shift the lines of findings."""
    source = read("a: 'x\u2028y'\nb: 1\nb2: 2\n")
    assert source.line(source.place(("b2",)).line) == "b2: 2"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-?[]{}&*!|>'\"%@`#, \n\t~0.\\u\ud800é\x00<=", max_size=40))
@example('{"a": "\\ud800"}')
@example("- &a\n- *a")
@example("&a a: *a")
def test_only_our_own_error(text: str) -> None:
    """Whatever the text, the outcome is a JSON value or one finding with a place in the text."""
    try:
        value = read(text).value
    except DocumentInvalid as error:
        (found,) = error.findings
        assert found.place is not None
        assert 1 <= found.place.line <= text.count("\n") + len(text.splitlines()) + 2
        return
    json.dumps(value, allow_nan=False)


CHARACTERS = st.characters(codec="utf-8")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS, max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(CHARACTERS, max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_json_comes_back(value: Any) -> None:
    """What JSON writes is read as the same value, whatever characters stand in it."""
    assert read(json.dumps([value])).value == [value]
    assert read(json.dumps([value], ensure_ascii=False)).value == [value]


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_each_node_has_a_place(value: Any) -> None:
    """Whatever a YAML writer writes, all of its nodes can be pointed at."""
    source = read(
        yaml.safe_dump(
            {"k": value}, allow_unicode=True, default_style='"' if isinstance(value, str) else None
        )
    )
    assert ("k",) in source.marks
