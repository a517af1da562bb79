"""`list` and `show`: what can be run, and all that one needs to know to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import ROOT
from shelf import Shelf, description, document, step, workflow
from terminal import call

from commands import list as list_command
from commands import show
from commands.flow_diagram import flow_diagram
from starter import COMMANDS, help_text, main, unknown_command

if TYPE_CHECKING:
    from pathlib import Path

AMPLITUDE = str(ROOT / "documents" / "amplitude")
EXPORT = "export-cohort-members"


def test_list_names_workflow_summary_and_file() -> None:
    """One line for each, and how to learn more."""
    done = call(list_command.app, "--documents", AMPLITUDE)
    assert done.code == 0
    for name in (EXPORT, "submit-and-poll-dsar", "upload-and-verify-cohort"):
        (line,) = [one for one in done.out.splitlines() if one.startswith(f"{name} ")]
        assert f"{name}.arazzo.yaml" in line
    assert "durazzo show WORKFLOW" in done.out


def test_list_as_json() -> None:
    """The keys are what scripts rely on."""
    found = call(list_command.app, "--documents", AMPLITUDE, "--json").json
    assert set(found) == {"workflows", "doubts", "broken", "duplicates"}
    assert found["broken"] == []
    one = next(one for one in found["workflows"] if one["workflow"] == EXPORT)
    assert set(one) == {"workflow", "summary", "document", "runnable", "findings"}
    assert one["runnable"] is True


def test_list_tells_what_stands_in_the_way(tmp_path: Path) -> None:
    """A workflow with a mistake, a broken document and a duplicate, each by name."""
    shelf = Shelf(tmp_path).fill(workflow("good"), workflow("bad", steps=[step("s", "gone")]))
    Shelf(tmp_path / "two").fill(workflow("good"))
    shelf.add("broken.arazzo.yaml", "arazzo: [\n")
    done = call(list_command.app, "--documents", str(tmp_path))
    assert done.code == 0
    assert "bad can't be run" in done.out
    assert "gone" in done.out
    assert "cannot be read" in done.out
    assert "broken.arazzo.yaml:" in done.out
    assert "`good` stands in" in done.out
    found = call(list_command.app, "--documents", str(tmp_path), "--json").json
    runnable = {(one["workflow"], one["runnable"]) for one in found["workflows"]}
    assert runnable == {("good", True), ("bad", False)}
    assert len(found["broken"]) == 1
    assert list(found["duplicates"]) == ["good"]


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    """And names the option."""
    done = call(list_command.app, "--documents", str(tmp_path))
    assert done.code == 0
    assert "--documents" in done.out


def test_show_tells_inputs_steps_outputs_servers_and_flow() -> None:
    """Types, which are secret and how they are given; the operations; the loops."""
    done = call(show.app, EXPORT, "--documents", AMPLITUDE)
    assert done.code == 0
    for text in (
        "--secret basicAuth=NAME",
        "--input cohortId=…",
        "optional, default 0, one of [0, 1]",
        "getCohortExportStatus",
        "GET /api/5/cohorts/request/{cohort_id}/status",
        "stillProcessing: goto pollStatus",
        "us (https://amplitude.com)",
        "finalStatus = $steps.pollStatus.outputs.status",
        "flowchart TD",
    ):
        assert text in done.out


def test_show_as_json() -> None:
    """The keys, and that secret inputs are marked."""
    found = call(show.app, EXPORT, "--documents", AMPLITUDE, "--json").json
    assert set(found) == {
        "workflow", "summary", "description", "document", "inputs", "steps", "servers",
        "outputs", "diagram", "findings",
    }  # fmt: skip
    inputs = {one["name"]: one for one in found["inputs"]}
    assert inputs["basicAuth"]["secret"] is True
    assert inputs["basicAuth"]["required"] is True
    assert inputs["includeProps"]["default"] == 0
    assert inputs["includeProps"]["type"] == "integer"
    assert [one["operation"] for one in found["steps"]] == [
        "requestCohortExport", "getCohortExportStatus", "downloadCohortExport",
    ]  # fmt: skip
    assert found["steps"][1]["polling"]["first"] == 5
    upload = call(show.app, "upload-and-verify-cohort", "--documents", AMPLITUDE, "--json").json
    assert {one["name"]: one["type"] for one in upload["inputs"]}["ids"] == "array of string"


def test_show_tells_the_server_of_an_operation(tmp_path: Path) -> None:
    """An operation with a server of its own goes there; the source needs none then."""
    api = description()
    api["paths"]["/thing"]["servers"] = [{"url": "https://own.example.com"}]
    for root in ([{"url": "https://root.example.com"}], []):
        shelf = Shelf(tmp_path)
        shelf.add("api.json", {**api, "servers": root})
        shelf.add("a.arazzo.yaml", document())
        out = call(show.app, "fetch-thing", "--documents", str(tmp_path)).out
        assert "api, step only: https://own.example.com" in out
        assert ("root.example.com" in out) is bool(root)
        assert "start the worker" not in out
        found = call(show.app, "fetch-thing", "--documents", str(tmp_path), "--json").json
        assert found["steps"][0]["server"] == "https://own.example.com"


def test_show_mermaid_prints_only_the_diagram() -> None:
    """A poll is a dotted arrow that leads back, and an unknown state leads to failed."""
    lines = call(show.app, EXPORT, "--documents", AMPLITUDE, "--mermaid").out.splitlines()
    assert lines[0] == "flowchart TD"
    assert '    s1 -. "stillProcessing: poll" .-> s1' in lines
    assert '    s1 -- "exportReady" --> s2' in lines
    assert '    s1 -. "any other state" .-> failed' in lines
    assert "    s2 --> done" in lines
    assert len(lines) == len(set(lines))


def test_a_diagram_escapes_what_would_end_a_label(tmp_path: Path) -> None:
    """Names are the author's: a quotation mark can't break the picture."""
    again = {"name": 'say "again"', "type": "retry", "retryAfter": 1}
    end = {"name": "stop", "type": "end"}
    Shelf(tmp_path).fill(workflow(steps=[step(onFailure=[again, end]), step("next")]))
    text = call(show.app, "fetch-thing", "--documents", str(tmp_path), "--mermaid").out
    assert "#quot;again#quot;: retry" in text
    assert 's0 -- "stop" --> failed' in text
    assert "s0 --> s1" in text
    assert flow_diagram.__doc__


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`durazzo`, `--help`, `-h` and `help` say the same; nothing is imported for it."""
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        main(arguments)
        assert capsys.readouterr().out.strip() == help_text()
    assert all(f"  {name} " in help_text() for name in COMMANDS)


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """One line."""
    main(["--version"])
    assert capsys.readouterr().out.startswith("durazzo 0.")


@pytest.mark.parametrize(
    ("name", "said"), [("lst", "did you mean `list`?"), ("zzz", "there are: list, ")]
)
def test_an_unknown_command_offers_the_closest(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main([name])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert said in unknown_command(name)
