"""`$self`, the document's own URI (Arazzo 1.1.0, 5.5): what a source's url is relative to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shelf import Shelf, description, document, workflow

from arazzo import source_uris
from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

SELF = "https://api.test/v2/workflows/buy.arazzo.json"
FILE = "file:///home/me/flows/buy.arazzo.json"

WAYS = [
    # $self, the url of the source, what it means, and the way to it from the document's folder
    (SELF, "../specs/pets.yaml", "https://api.test/v2/specs/pets.yaml", "../specs/pets.yaml"),
    (SELF, "/specs/pets.yaml", "https://api.test/specs/pets.yaml", "../../specs/pets.yaml"),
    (SELF, "https://api.test/v2/a%20b.yaml", "https://api.test/v2/a%20b.yaml", "../a b.yaml"),
    (SELF, "https://other.test/pets.yaml", "https://other.test/pets.yaml", None),
    (SELF, "http://api.test/pets.yaml", "http://api.test/pets.yaml", None),
    ("v2/buy.json", "../pets.yaml", "file:///home/me/flows/pets.yaml", "/home/me/flows/pets.yaml"),
    ("../buy.json", "pets.yaml", "file:///home/me/pets.yaml", "/home/me/pets.yaml"),
    ("urn:buy", "pets.yaml", "pets.yaml", None),
    (None, "../pets.yaml", "file:///home/me/pets.yaml", None),
]


@pytest.mark.parametrize(("self_uri", "url", "uri", "way"), WAYS, ids=str)
def test_a_url_is_relative_to_the_documents_own_uri(
    self_uri: str | None, url: str, uri: str, way: str | None
) -> None:
    """RFC 3986, 5.2; files lie to each other as their URIs do."""
    assert source_uris.resolved(self_uri, url, FILE) == uri
    assert source_uris.beside(self_uri, url, FILE) == way


TEXTS = [
    ("arazzo: 1.1.0\n$self: https://a.test/b\n", "https://a.test/b"),
    ("arazzo: 1.1.0\n'$self': 'a.yaml' # ours\n", "a.yaml"),
    ('{"arazzo": "1.1.0",\n "$self": "https://a.test/b",\n', "https://a.test/b"),
    ('{"$self":"a","arazzo":"1.1.0"}', "a"),
    ("arazzo: 1.1.0\ninfo: {title: about $self: x}\n", None),
]


@pytest.mark.parametrize(("text", "found"), TEXTS, ids=[text for text, _ in TEXTS])
def test_the_uri_is_found_in_the_text(text: str, found: str | None) -> None:
    """So that a folder can be searched without reading each document as YAML."""
    assert source_uris.self_uri_of(text) == found


def operations(folder: Path, file: str) -> list[str]:
    """Return the paths that the only workflow of a document calls, or what is wrong with it."""
    (compiled,) = load_catalogue([folder / file]).documents[0].workflows
    if compiled.plan is None:
        return [one.message for one in compiled.findings]
    return [step.attempt.operation.path for step in compiled.plan.steps]


def flow(self_uri: str | None, url: str, version: str = "1.1.0") -> dict[str, Any]:
    """Return a document with its own URI, and one source."""
    made = document(workflow("fetch-thing"))
    made["sourceDescriptions"][0]["url"] = url
    own = {} if self_uri is None else {"$self": self_uri}
    return {**made, **own, "arazzo": version}


PLACES = [
    # the source that lies beside by the URIs is read; else what is read without `$self`
    ("https://a.test/x/flows/f.json", "https://a.test/x/api.json", "api.json"),
    ("moved/f.arazzo.json", "api.json", "flows/moved/api.json"),
    ("moved/f.arazzo.json", "api.json", "flows/api.json"),
    ("https://a.test/f.json", "./api.json", "flows/api.json"),
    ("https://a.test/f.json", "https://other.test/api.json", "flows/openapi/api.json"),
]


@pytest.mark.parametrize(("self_uri", "url", "place"), PLACES, ids=str)
def test_a_source_is_read(tmp_path: Path, self_uri: str, url: str, place: str) -> None:
    """Nothing is fetched, whatever the URI says."""
    shelf = Shelf(tmp_path)
    shelf.add(place, description())
    shelf.add("flows/f.arazzo.json", flow(self_uri, url))
    assert operations(tmp_path, "flows/f.arazzo.json") == ["/thing"]


def test_a_document_of_1_0_has_no_uri_of_its_own(tmp_path: Path) -> None:
    """There the field means nothing."""
    shelf = Shelf(tmp_path)
    shelf.add("flows/moved/api.json", description())
    shelf.add("flows/f.arazzo.json", flow("moved/f.json", "api.json", "1.0.1"))
    (said,) = operations(tmp_path, "flows/f.arazzo.json")
    assert "is not there" in said


def test_a_document_is_found_by_its_identity(tmp_path: Path) -> None:
    """«Implementations can scan for `$self` values to locate documents» (appendix B)."""
    shelf = Shelf(tmp_path)
    shelf.add("api.json", description())
    (tmp_path / "broken.arazzo.json").write_bytes(b"\xff\xfe arazzo: 1.1.0")
    shelf.add("deep/er/elsewhere.arazzo.json", flow("https://a.test/canon.json", "../../api.json"))
    calling = flow("https://a.test/flows/f.json", "../canon.json")
    calling["sourceDescriptions"][0]["type"] = "arazzo"
    name = calling["sourceDescriptions"][0]["name"]
    called = {"stepId": "call", "workflowId": f"$sourceDescriptions.{name}.fetch-thing"}
    calling["workflows"] = [{"workflowId": "main", "steps": [called]}]
    shelf.add("f.arazzo.json", calling)
    found = load_catalogue([tmp_path])
    assert found.runnable("main").compiled.plan is not None
