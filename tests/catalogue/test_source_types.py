"""A source is what the root key of its own file says, whatever the document calls it (O40)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shelf import Shelf, document, workflow

from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from catalogue import Catalogue


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Return an empty folder."""
    return Shelf(tmp_path)


def found(shelf: Shelf) -> Catalogue:
    """Return what is found in the folder."""
    return load_catalogue([shelf.folder])


def of_source(url: str, **fields: Any) -> dict[str, Any]:
    """Return a document whose source has that URL."""
    return document(sourceDescriptions=[{"name": "api", "url": url, "type": "openapi", **fields}])


def of_the_document(shelf: Shelf, name: str) -> str:
    """Return all that is said of a workflow's document, as text."""
    return "\n".join(str(one) for one in found(shelf).find(name).document.findings)


@pytest.mark.parametrize("kind", ["arazzo", "asyncapi"])
def test_a_source_is_what_its_file_says(shelf: Shelf, kind: str) -> None:
    """The file's own root key counts; a wrong type is told (dialect.md, O40)."""
    shelf.fill()
    shelf.add("flow.arazzo.json", of_source("api.json", type=kind))
    told = f"warning: the source `api` is called `{kind}`; it is read as openapi, which its file is"
    assert told in of_the_document(shelf, "fetch-thing")
    assert found(shelf).find("fetch-thing").compiled.plan is not None


def test_a_document_that_is_called_a_description_is_read_as_one(shelf: Shelf) -> None:
    """Its workflows can be called (O40)."""
    shelf.fill()
    called = {"stepId": "only", "workflowId": "$sourceDescriptions.api.fetch-thing"}
    flow = of_source("flow.arazzo.json") | {"workflows": [workflow("outer", steps=[called])]}
    shelf.add("outer.arazzo.json", flow)
    assert "it is read as arazzo, which its file is" in of_the_document(shelf, "outer")
    assert found(shelf).find("outer").compiled.plan is not None
