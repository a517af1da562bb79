"""`--server SOURCE=URL`: a slip never leads to the real service, and no URL serves two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shelf import Shelf, step, workflow

from arazzo.errors import InputInvalid
from catalogue import load_catalogue
from commands.server_options import server_options

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:1"


def test_a_source_of_the_documents_is_served(tmp_path: Path) -> None:
    """As it is written."""
    entries = load_catalogue([Shelf(tmp_path).fill(workflow("a")).folder]).entries
    assert server_options([f"api={URL}"], entries) == {"api": URL}
    assert server_options([], entries) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (f"apo={URL}", "did you mean `api`?"),
        ("api", "expected SOURCE=URL"),
        ("api=ftp://x", "expected SOURCE=URL"),
        (f"={URL}", "expected SOURCE=URL"),
    ],
)
def test_a_slip_is_refused(tmp_path: Path, given: str, said: str) -> None:
    """Requests would go to the service that the description names."""
    entries = load_catalogue([Shelf(tmp_path).fill(workflow("a")).folder]).entries
    with pytest.raises(InputInvalid) as caught:
        server_options([given], entries)
    assert said in caught.value.message


def test_what_cannot_be_known_is_taken(tmp_path: Path) -> None:
    """A document that can't run may call any source; a worker without one serves what is gone."""
    broken = workflow("b", steps=[step("s", "gone")])
    entries = load_catalogue([Shelf(tmp_path).fill(workflow("a"), broken).folder]).entries
    assert server_options([f"other={URL}"], entries) == {"other": URL}
    assert server_options([f"other={URL}"], []) == {"other": URL}


def test_one_name_for_two_descriptions_is_refused(tmp_path: Path) -> None:
    """The credential of one service would be sent to the other."""
    for name in ("one", "two"):
        Shelf(tmp_path / name).fill(workflow(name))
    entries = load_catalogue([tmp_path]).entries
    with pytest.raises(InputInvalid, match="mean different descriptions"):
        server_options([f"api={URL}"], entries)
