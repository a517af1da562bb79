"""`durazzo secrets`: what is needed, what is here, where the rest belongs; and never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conftest import ROOT
from shelf import Shelf, description, step, workflow
from terminal import Done, Terminal, expect_clear

from activities.signing import KEY_FILE

if TYPE_CHECKING:
    from pathlib import Path

AMPERITY = str(ROOT / "documents" / "amperity")
VALUE = "the-value-that-nobody-prints"


async def secrets(folder: Path, *arguments: str, **variables: str) -> Done:
    """Run the command with these variables besides those of the test."""
    named = {f"DURAZZO_{name.upper()}": value for name, value in variables.items()}
    return await Terminal(folder, variables=named).durazzo("secrets", *arguments)


async def test_what_is_missing_is_told_with_both_places(tmp_path: Path) -> None:
    """Exit code 1, so that a deployment can ask."""
    done = await secrets(tmp_path, "run-workflow", secrets_dir=str(tmp_path))
    assert done.code == 1
    for text in ("amperity_token", "Token (bearer)", "missing", "startRun",
                 "DURAZZO_SECRET_AMPERITY_TOKEN", str(tmp_path / "amperity_token")):  # fmt: skip
        assert text in done.out, text


async def test_one_alternative_is_enough(tmp_path: Path) -> None:
    """Then nothing is missing, and no value is printed."""
    done = await secrets(tmp_path, "run-workflow", secret_amperity_token=VALUE)
    assert done.code == 0
    assert "in the variable DURAZZO_SECRET_AMPERITY_TOKEN" in done.out
    assert "nothing is missing" in done.out
    assert VALUE not in done.out + done.err


async def test_secrets_as_json(tmp_path: Path) -> None:
    """The keys are what scripts rely on."""
    (tmp_path / "amperity_token").write_text(VALUE)
    done = await secrets(tmp_path, AMPERITY, "--json", secrets_dir=str(tmp_path))
    assert done.code == 0
    assert set(done.json) == {"workflows", "notRunnable", "secrets", "key"}
    assert [one["complete"] for one in done.json["workflows"]] == [True, True, True]
    need: dict[str, Any] = done.json["workflows"][0]["needs"][0]
    assert set(need) == {"kind", "users", "required", "met", "alternatives"}
    token = done.json["secrets"]["amperity_token"]
    assert token["found"] is True
    assert token["file"] == str(tmp_path / "amperity_token")
    assert done.json["secrets"]["amperity_client_id"]["found"] is False
    assert VALUE not in done.out


async def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    """Also the worker's key; one with mode 0600 is not."""
    state = tmp_path / "state"
    state.mkdir()
    (state / KEY_FILE).write_text("0" * 64)
    for file, mode in ((tmp_path / "amperity_token", 0o640), (state / KEY_FILE, 0o600)):
        file.write_text(VALUE)
        file.chmod(mode)
    done = await secrets(tmp_path, "run-workflow", secrets_dir=str(tmp_path))
    assert f"chmod 600 {tmp_path / 'amperity_token'}" in done.out
    assert done.out.count("chmod") == 1
    (state / KEY_FILE).chmod(0o644)
    done = await secrets(tmp_path, "run-workflow", secrets_dir=str(tmp_path))
    assert f"chmod 600 {state / KEY_FILE}" in done.out


async def test_a_secret_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    """It is there, so it is no other place's fault."""
    (tmp_path / "amperity_token").mkdir()
    done = await secrets(tmp_path, "run-workflow", secrets_dir=str(tmp_path))
    assert done.code == 1
    assert "can't be read" in done.out


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("run-workflo", 2, "did you mean `run-workflow`"),
        ("docs", 2, "there is no Arazzo document in `docs`"),
    ],
)
async def test_what_is_not_there_is_told(tmp_path: Path, what: str, code: int, said: str) -> None:
    """A name gets the closest one; a folder of nothing is a mistake."""
    expect_clear(await secrets(tmp_path, what), code, said)


async def test_workflows_that_need_nothing_or_can_not_be_run(tmp_path: Path) -> None:
    """The case with nothing in it: one line each, and exit code 0."""
    Shelf(tmp_path / "documents").fill(workflow("free"), workflow("bad", steps=[step("s", "gone")]))
    done = await secrets(tmp_path, str(tmp_path / "documents"))
    assert done.code == 0
    assert "need no secret: free" in done.out
    assert "bad can't be run" in done.out
    assert "nothing is missing" in done.out


async def test_an_operation_without_any_credential_in_the_settings_is_told(tmp_path: Path) -> None:
    """Its runs would end with 401, so nothing is complete."""
    shelf = Shelf(tmp_path / "documents").fill(workflow("open"))
    api = {**description(), "security": [{"Key": []}]}
    api["components"] = {"securitySchemes": {"Key": {"type": "http", "scheme": "bearer"}}}
    shelf.add("api.json", api)
    done = await secrets(tmp_path, str(tmp_path / "documents"))
    assert done.code == 1
    assert "wants a credential (`Key`) and nothing gives one" in done.out
    assert "nothing is missing" not in done.out
    found = await secrets(tmp_path, str(tmp_path / "documents"), "--json")
    assert found.json["workflows"][0]["complete"] is False
