"""Finding documents, their sources and settings, and what is said of those that can't be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from shelf import Shelf, description, document, step, workflow

from arazzo.errors import DocumentInvalid, InputInvalid
from catalogue import Catalogue, load_catalogue, worker_defaults

if TYPE_CHECKING:
    from pathlib import Path

    from settings import Settings


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Give an empty folder."""
    return Shelf(tmp_path)


def found(shelf: Shelf, *parts: str) -> Catalogue:
    """Return the catalogue of the folder, or of parts of it."""
    return load_catalogue([shelf.folder / part for part in parts] or [shelf.folder])


def findings(shelf: Shelf, name: str = "fetch-thing") -> str:
    """Return all that is said of a workflow, as text."""
    return "\n".join(str(one) for one in found(shelf).find(name).compiled.findings)


def error_of(shelf: Shelf) -> str:
    """Return why the only document of the folder can't be read."""
    catalogue = found(shelf)
    assert catalogue.workflow_types == []
    (broken,) = catalogue.broken
    return broken.error.message


def test_documents_are_found_in_and_below_a_folder(shelf: Shelf) -> None:
    """By `.arazzo.` in the name or the key `arazzo` in the text; descriptions are left out."""
    shelf.fill(workflow("by-name"))
    shelf.add("deep/er/flow.yaml", f"# a comment\narazzo: 1.0.1\n{rest_of('by-key')}")
    shelf.add("deep/er/flow.json", document(workflow("by-json-key")))
    shelf.add("deep/er/api.json", description())
    shelf.add("deep/notes.md", "arazzo: 1.0.1")
    shelf.add("deep/other.yaml", "title: not one of ours, though it says arazzo: 1.0.1")
    assert sorted(found(shelf).workflow_types) == ["by-json-key", "by-key", "by-name"]
    assert found(shelf).broken == ()


def rest_of(name: str) -> str:
    """Return a document of one workflow as YAML, without its first line."""
    return (
        "info: {title: t, version: '1'}\n"
        "sourceDescriptions: [{name: api, url: api.json, type: openapi}]\n"
        f"workflows: [{{workflowId: {name}, steps: [{{stepId: only, operationId: getThing}}]}}]\n"
    )


def test_hidden_and_foreign_folders_are_left_out(shelf: Shelf) -> None:
    """A checkout's own folders hold no documents of ours."""
    for folder in (".git", ".venv/lib", "node_modules/pkg", "a/__pycache__"):
        Shelf(shelf.folder / folder).fill(workflow("hidden"))
    assert found(shelf).workflow_types == []


def test_a_hidden_folder_above_does_not_matter(shelf: Shelf) -> None:
    """Only what is below the folder that was named is looked at."""
    Shelf(shelf.folder / ".cache" / "docs").fill()
    assert found(shelf, ".cache/docs").workflow_types == ["fetch-thing"]


def test_a_single_file_may_be_named(shelf: Shelf) -> None:
    """Whatever its name, and others beside it are left out."""
    shelf.fill()
    shelf.add("another.arazzo.json", document(workflow("another")))
    assert found(shelf, "another.arazzo.json").workflow_types == ["another"]


def test_several_folders_keep_their_order(shelf: Shelf) -> None:
    """The first that was named comes first."""
    for folder in ("b", "a"):
        Shelf(shelf.folder / folder).fill(workflow(f"of-{folder}"))
    assert found(shelf, "b", "a").workflow_types == ["of-b", "of-a"]


def test_a_folder_that_is_not_there_is_refused(shelf: Shelf) -> None:
    """InputInvalid that names it."""
    with pytest.raises(InputInvalid, match=r"no folder or file .*gone"):
        found(shelf, "gone")


def test_a_folder_without_documents_is_an_empty_catalogue(shelf: Shelf) -> None:
    """No error: the worker still serves runs whose documents are gone."""
    assert found(shelf).entries == []
    with pytest.raises(InputInvalid, match="there are: none"):
        found(shelf).find("fetch-thing")


def test_the_nearest_settings_count(shelf: Shelf) -> None:
    """A folder without settings of its own takes those above it, up to the root."""
    shelf.add("settings.yaml", "prefix: top-\n")
    shelf.add("own/settings.yaml", "prefix: own-\n")
    Shelf(shelf.folder / "none" / "below").fill(workflow("a"))
    Shelf(shelf.folder / "own" / "below").fill(workflow("b"))
    assert sorted(found(shelf).workflow_types) == ["own-b", "top-a"]


def test_settings_above_the_folder_that_was_named_are_not_read(shelf: Shelf) -> None:
    """What lies outside of the documents has no say in them."""
    shelf.add("settings.yaml", "prefix: outside-\n")
    Shelf(shelf.folder / "docs").fill()
    assert found(shelf, "docs").workflow_types == ["fetch-thing"]


def test_settings_beside_a_single_file_are_read(shelf: Shelf) -> None:
    """A file that is named alone runs as it does with its folder."""
    shelf.fill().add("settings.yaml", "prefix: its-\n")
    assert found(shelf, "flow.arazzo.json").workflow_types == ["its-fetch-thing"]


def test_a_prefix_stands_before_every_workflow_id(shelf: Shelf) -> None:
    """So that two folders may hold the same workflowId."""
    for folder in ("us", "eu"):
        Shelf(shelf.folder / folder).fill()
    assert found(shelf).duplicates() == {
        "fetch-thing": [str(shelf.folder / f"{one}/flow.arazzo.json") for one in ("eu", "us")]
    }
    shelf.add("us/settings.yaml", "prefix: us-\n")
    assert found(shelf).duplicates() == {}
    assert found(shelf).workflow_types == ["fetch-thing", "us-fetch-thing"]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (
            "prefix: a\npoling: {first: 1}\n",
            "settings.yaml:2:1",
            "`poling`; did you mean `polling`",
        ),
        ("polling:\n  first: -1\n", "settings.yaml:2:", "`first`"),
        ("polling:\n  frist: 1\n", "settings.yaml:2:", "no setting `frist`"),
        ("secrets: [In-Plain]\n", "settings.yaml:1:", "pattern"),
        ("servers: https://x\n", "settings.yaml:1:", "`servers`"),
        ("credentials: {basic: {}}\n", "settings.yaml:1:", "give one of `secret`, "),
        ("- a\n- b\n", "settings.yaml:1:1", ""),
        ("a: 1\na: 2\n", "settings.yaml:2:1", "stands here again"),
        ("a: [\n", "settings.yaml:", ""),
    ],
)
def test_settings_with_a_mistake_are_told_with_the_place(
    shelf: Shelf, text: str, place: str, said: str
) -> None:
    """Unknown keys are refused, with file, line and column, and the likely mend."""
    shelf.fill().add("settings.yaml", text)
    told = " ".join(error_of(shelf).split()).replace("[invalid-settings] mend: ", "")
    assert place in told
    assert said.split(";", maxsplit=1)[0] in told
    assert said.rsplit("; ", 1)[-1] in told


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "{}\n"])
def test_empty_settings_are_none(shelf: Shelf, text: str) -> None:
    """Whoever empties the file wants the defaults."""
    shelf.fill().add("settings.yaml", text)
    assert found(shelf).workflow_types == ["fetch-thing"]
    assert found(shelf).broken == ()


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("arazzo: [1.0.1\n", "flow.arazzo.yaml:2:1", ""),
        ("\ta: b\n", "flow.arazzo.yaml:1:1", ""),
        ("just a text\n", "flow.arazzo.yaml:1:1", ""),
        ("- a\n", "flow.arazzo.yaml:1:1", ""),
        ("", "flow.arazzo.yaml:1:1", ""),
        ("openapi: 3.1.0\ninfo: {}\n", "flow.arazzo.yaml:1:1", "arazzo"),
        (f"arazzo: 2.0.0\n{rest_of('a')}", "flow.arazzo.yaml:1:9", "2.0.0"),
        (f"arazzo: 0.9\n{rest_of('a')}", "flow.arazzo.yaml:1:9", "0.9"),
        (f"arazzo: latest\n{rest_of('a')}", "flow.arazzo.yaml:1:9", "latest"),
        (
            f"arazzo: 1.0.1\narazzo: 1.0.1\n{rest_of('a')}",
            "flow.arazzo.yaml:2:1",
            "stands here again",
        ),
        ("arazzo: 1.0.1\ninfo: {title: t, version: '1'}\n", "flow.arazzo.yaml:1:1", "workflows"),
    ],
)
def test_a_document_that_is_none_is_told_with_the_place(
    shelf: Shelf, text: str, place: str, said: str
) -> None:
    """No YAML, no Arazzo, or an unsupported version: kept as broken, and the others still run."""
    shelf.add("flow.arazzo.yaml", text)
    assert place in error_of(shelf)
    assert said in error_of(shelf)
    Shelf(shelf.folder / "other").fill()
    assert found(shelf).workflow_types == ["fetch-thing"]
    assert len(found(shelf).broken) == 1


def test_bytes_that_are_no_text_are_a_broken_document(shelf: Shelf) -> None:
    """The file is named, and the others still run."""
    shelf.fill()
    (shelf.folder / "bad.arazzo.yaml").write_bytes(b"arazzo: \xff\xfe\n")
    assert found(shelf).workflow_types == ["fetch-thing"]
    (broken,) = found(shelf).broken
    assert "no UTF-8 text" in broken.error.message


def test_a_foreign_file_that_is_no_text_is_left_out(shelf: Shelf) -> None:
    """Only a file that is named as a document must be readable."""
    shelf.fill()
    (shelf.folder / "data.json").write_bytes(b'{"a": "\xff"}')
    assert found(shelf).workflow_types == ["fetch-thing"]
    assert found(shelf).broken == ()


def test_a_byte_order_mark_is_no_mistake(shelf: Shelf) -> None:
    """Some editors write one."""
    shelf.fill()
    file = shelf.folder / "flow.arazzo.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert found(shelf).workflow_types == ["fetch-thing"]


def of_source(url: str, **fields: Any) -> dict[str, Any]:
    """Return a document whose source has that URL."""
    return document(sourceDescriptions=[{"name": "api", "url": url, "type": "openapi", **fields}])


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("api.json", "docs/api.json"),
        ("./openapi/api.json", "docs/openapi/api.json"),
        ("../api.json", "api.json"),
        ("/specs/api.json", "docs/specs/api.json"),
        ("specs/api.json", "specs/api.json"),
        ("https://example.com/specs/api.json", "docs/api.json"),
        ("https://example.com/specs/api.json", "docs/openapi/api.json"),
    ],
)
def test_a_source_is_found_where_people_put_it(shelf: Shelf, url: str, place: str) -> None:
    """Beside the document, in the folders above it, or, for a URL, as a file of its name (O6)."""
    shelf.add("docs/flow.arazzo.json", of_source(url))
    shelf.add(place, description())
    assert found(shelf, "docs").runnable("fetch-thing").compiled.plan is not None


def test_settings_name_the_file_of_a_source(shelf: Shelf) -> None:
    """`sources` is for a document whose own place leads nowhere."""
    shelf.add("flow.arazzo.json", of_source("https://example.com/download?id=7"))
    shelf.add("descriptions/mine.json", description())
    assert "is not there" in findings(shelf)
    shelf.add("settings.yaml", "sources: {api: descriptions/mine.json}\n")
    assert found(shelf).find("fetch-thing").compiled.plan is not None


@pytest.mark.parametrize(
    ("url", "tried"),
    [
        ("gone.json", ["docs/gone.json", "/gone.json"]),
        ("https://example.com/x/gone.json", ["docs/gone.json", "docs/openapi/gone.json"]),
    ],
)
def test_a_source_that_is_not_there_names_the_places(
    shelf: Shelf, url: str, tried: list[str]
) -> None:
    """All that were tried, the place in the document, and both mends."""
    shelf.add("docs/flow.arazzo.json", of_source(url))
    said = findings(shelf)
    assert all(f"{one}" in said for one in tried)
    assert "flow.arazzo.json:" in said
    assert "sources: {api: FILE}" in said
    assert found(shelf).find("fetch-thing").compiled.plan is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "api.json"),
        ({"swagger": "1.2", "info": {}, "paths": {}}, "no OpenAPI 3 description"),
        ({"hello": 1}, "no OpenAPI 3 description"),
        ([], "api.json"),
    ],
)
def test_a_source_that_cannot_be_read_is_told(shelf: Shelf, content: Any, said: str) -> None:
    """The workflow has no plan, and the file is named."""
    shelf.fill().add("api.json", content)
    assert said in findings(shelf)
    assert found(shelf).find("fetch-thing").compiled.plan is None


def test_a_source_that_is_no_text_is_told(shelf: Shelf) -> None:
    """The document itself can be read, so it is listed with what is wrong."""
    shelf.fill()
    (shelf.folder / "api.json").unlink()
    (shelf.folder / "api.yaml").write_bytes(b"openapi: \xff\n")
    shelf.add("flow.arazzo.json", of_source("api.yaml"))
    assert "no UTF-8 text" in findings(shelf)


def test_a_source_is_read_only_when_it_is_a_description(shelf: Shelf) -> None:
    """A document can't have any file of the machine read and told in an error."""
    shelf.add("flow.arazzo.json", of_source("secret.txt"))
    shelf.add("secret.txt", "t0p-s3cret")
    assert "t0p-s3cret" not in findings(shelf)
    assert "is not there" in findings(shelf)


def test_files_are_shown_as_people_would_type_them(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to where one stands when it is below, else whole."""
    Shelf(shelf.folder / "docs").fill()
    assert found(shelf).documents[0].file == str(shelf.folder / "docs/flow.arazzo.json")
    monkeypatch.chdir(shelf.folder)
    assert found(shelf).documents[0].file == os.path.join("docs", "flow.arazzo.json")  # noqa: PTH118


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("fetch-thin", "did you mean `fetch-thing`"),
        ("othr", "did you mean `other`?"),
        ("zzz", "there are: fetch-thing, fetch-things, other"),
        ("", "there are: fetch-thing, fetch-things, other"),
    ],
)
def test_an_unknown_workflow_offers_the_closest_names(shelf: Shelf, asked: str, said: str) -> None:
    """All of them when none is close."""
    shelf.fill(workflow("fetch-thing"), workflow("fetch-things"), workflow("other"))
    with pytest.raises(InputInvalid) as caught:
        found(shelf).find(asked)
    assert said in caught.value.message


def test_one_workflow_with_a_mistake_leaves_the_others_runnable(shelf: Shelf) -> None:
    """It is listed and has no plan; asking to run it tells why."""
    shelf.fill(workflow("good"), workflow("bad", steps=[step(operation_id="gone")]))
    catalogue = found(shelf)
    assert catalogue.runnable("good").compiled.plan is not None
    with pytest.raises(DocumentInvalid, match="gone"):
        catalogue.runnable("bad")


def test_the_workers_numbers_reach_the_plan(shelf: Shelf, settings: Settings) -> None:
    """DURAZZO_* variables are the defaults of what a folder's settings leave out."""
    shelf.fill()
    plan = load_catalogue([shelf.folder], worker_defaults(settings)).entries[0].compiled.plan
    assert plan is not None
    assert plan.steps[0].attempt.operation.total_timeout == settings.http_total_seconds
    shelf.add("settings.yaml", "timeouts: {total: 7}\n")
    plan = load_catalogue([shelf.folder], worker_defaults(settings)).entries[0].compiled.plan
    assert plan is not None
    assert plan.steps[0].attempt.operation.total_timeout == 7


def test_a_description_is_read_once_wherever_it_lies(shelf: Shelf) -> None:
    """By what it holds: in two folders, and again by whoever loads the folder anew."""
    for folder in ("one", "two"):
        Shelf(shelf.folder / folder).fill(workflow(f"of-{folder}"))
    first, second, again = (
        entry.compiled.operations["only"].description.source
        for entry in (*found(shelf).entries, found(shelf, "one").entries[0])
    )
    assert first.value is second.value is again.value
    assert first.file.endswith("one/api.json")
    assert second.file.endswith("two/api.json")
