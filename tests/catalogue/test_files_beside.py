"""Descriptions that are spread over several files: which of them are read, and which never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shelf import Shelf, description, document

from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

PARAMETER = {"Size": {"name": "size", "in": "query", "style": "pipeDelimited"}}
SIZE = [{"name": "size", "in": "query", "value": [1, 2]}]
STEP = {"stepId": "only", "operationId": "getThing", "parameters": SIZE}


def style_of(folder: Path, reference: str, **files: Any) -> tuple[str, str]:
    """Return the style of the step's parameter, which `reference` leads to, and the findings."""
    shelf = Shelf(folder)
    api = description()
    api["paths"]["/thing"]["get"]["parameters"] = [{"$ref": reference}]
    shelf.add("docs/v1/api.json", api)
    flow = document({"workflowId": "fetch-thing", "steps": [STEP]})
    shelf.add("docs/v1/flow.arazzo.json", flow)
    for name, content in files.items():
        shelf.add(name.replace("__", "/").replace("_", "."), content)
    (compiled,) = load_catalogue([folder / "docs" / "v1"]).documents[0].workflows
    said = "\n".join(map(str, compiled.findings))
    if compiled.plan is None:
        return "", said
    return compiled.plan.steps[0].attempt.operation.parameters[0].style, said


@pytest.mark.parametrize(
    ("reference", "file"),
    [
        ("parts.json#/Size", "docs__v1__parts_json"),
        ("./deep/parts.yaml#/Size", "docs__v1__deep__parts_yaml"),
        ("../common/parts.yml#/Size", "docs__common__parts_yml"),
    ],
)
def test_a_file_is_read(tmp_path: Path, reference: str, file: str) -> None:
    """In the description's folder, below it, or in a folder beside it."""
    assert style_of(tmp_path, reference, **{file: PARAMETER}) == ("pipeDelimited", "")


@pytest.mark.parametrize(
    ("reference", "file"),
    [
        ("../../parts.json#/Size", "parts_json"),
        ("parts.txt#/Size", "docs__v1__parts_txt"),
        ("settings.yaml#/Size", "docs__v1__settings_yaml"),
        ("parts.json#/Size", "docs__v1__other_json"),
        ("https://a.test/parts.json#/Size", "docs__v1__parts_json"),
    ],
)
def test_a_file_is_not_read(tmp_path: Path, reference: str, file: str) -> None:
    """Farther away, of another kind, the folder's settings, or not there: it is told by name."""
    content: Any = {} if "settings" in file else PARAMETER
    style, said = style_of(tmp_path, reference, **{file: content})
    assert style == ""
    assert f"a reference to another file (`{reference}`)" in said


def test_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    """What counts is where a file lies, not where it seems to lie."""
    Shelf(tmp_path).add("parts.json", PARAMETER)
    (tmp_path / "docs" / "v1").mkdir(parents=True)
    (tmp_path / "docs" / "v1" / "parts.json").symlink_to(tmp_path / "parts.json")
    assert style_of(tmp_path, "parts.json#/Size")[0] == ""


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    """The description itself can be read, so its other operations still serve."""
    style, said = style_of(tmp_path, "parts.json#/Size", docs__v1__parts_json="{")
    assert style == ""
    assert "parts.json#/Size" in said


def test_swagger_2(tmp_path: Path) -> None:
    """A source may be a description in Swagger 2.0."""
    shelf = Shelf(tmp_path)
    operation = {"operationId": "getThing", "parameters": [{"$ref": "#/parameters/size"}]}
    size = {"name": "size", "in": "query", "type": "array", "collectionFormat": "pipes"}
    api = {"swagger": "2.0", "host": "a.test", "paths": {"/thing": {"get": operation}}}
    shelf.add("api.json", {**api, "parameters": {"size": size}})
    shelf.add("flow.arazzo.json", document({"workflowId": "fetch-thing", "steps": [STEP]}))
    (compiled,) = load_catalogue([tmp_path]).documents[0].workflows
    assert compiled.plan is not None, compiled.findings
    assert compiled.plan.steps[0].attempt.operation.parameters[0].style == "pipes"
    assert dict(compiled.servers["api"]) == {"server1": "https://a.test"}
