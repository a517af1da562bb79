"""Names in the settings of a folder that none of its documents has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import ROOT
from shelf import Shelf

from catalogue import Catalogue, load_catalogue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def found(shelf: Shelf) -> Catalogue:
    """Return the catalogue of the whole folder."""
    return load_catalogue([shelf.folder])


@pytest.mark.parametrize(
    ("written", "line", "said"),
    [
        ("operations:\n  getThink: {writes: true}", 2, "an operation `getThink`"),
        ("servers:\n  apo: {x: 'https://a.test'}", 2, "a source `apo`"),
        ("credentials:\n  Token: {secret: a}", 2, "a security scheme `Token`"),
        ("collect:\n  fetch: {a: [b]}", 2, "a workflow `fetch`"),
        ("polling:\n  workflows:\n    fetch: {first: 1}", 3, "a workflow `fetch`"),
        (
            "polling:\n  workflows:\n    fetch-thing: {steps: {gt: {first: 1}}}",
            3,
            "a step `gt`",
        ),
    ],
)
def test_a_name_that_no_document_has_is_told(
    shelf: Shelf, written: str, line: int, said: str
) -> None:
    """A setting under a wrong name does nothing, and a write could be sent twice for it."""
    shelf.fill()
    shelf.add("settings.yaml", written)
    (doubt,) = found(shelf).doubts
    assert doubt.code == "unknown-setting-name"
    assert said in doubt.message
    assert doubt.place is not None
    assert doubt.place.line == line


def test_names_that_are_there_are_no_doubt(shelf: Shelf) -> None:
    """Settings of our own documents name only what there is."""
    shelf.fill()
    shelf.add("settings.yaml", "operations:\n  getThing: {writes: true}")
    assert found(shelf).doubts == ()
    assert load_catalogue([ROOT / "documents"]).doubts == ()
