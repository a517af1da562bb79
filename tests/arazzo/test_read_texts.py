"""A text is read once, however many files hold it, and no more is kept than the bound says."""

from __future__ import annotations

import pytest

from arazzo.errors import DocumentInvalid
from arazzo.read_texts import ReadTexts

TEXT = "a: 1\nb: {c: 2}\n---\nsecond: document\n"


def test_the_same_text_is_read_once() -> None:
    """Under whichever names: each tells its own."""
    texts = ReadTexts()
    first, again, other = (texts.read(TEXT, name) for name in ("one", "one", "two"))
    assert first is again
    assert other.value is first.value
    assert str(other.place(("b", "c"))) == "two:2:8"
    assert [str(one.place) for one in other.warnings] == ["two:3:1"]
    assert [str(one.place) for one in first.warnings] == ["one:3:1"]


def test_another_text_is_another() -> None:
    """By what it holds, and not by its name."""
    texts = ReadTexts()
    assert texts.read("a: 1", "one").value != texts.read("a: 2", "one").value


def test_no_more_is_kept_than_the_bound_says() -> None:
    """The text that was wanted longest ago goes first; one that is too long is never kept."""
    texts = ReadTexts(most_characters=12)
    first, second = texts.read("a: 100", "f"), texts.read("b: 200", "f")
    assert texts.read("a: 100", "f").value is first.value
    texts.read("c: 300", "f")
    assert texts.read("a: 100", "f").value is first.value
    assert texts.read("b: 200", "f").value is not second.value
    long = "d: [1, 2, 3, 4, 5]"
    assert texts.read(long, "f").value is not texts.read(long, "f").value


def test_what_is_no_yaml_is_told_each_time() -> None:
    """With the name of the file that was read."""
    texts = ReadTexts()
    for name in ("one", "two"):
        with pytest.raises(DocumentInvalid) as caught:
            texts.read("a: [", name)
        assert str(caught.value.findings[0].place).startswith(f"{name}:")
