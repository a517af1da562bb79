"""What the documentation says is so: its commands run, its tables match, its links lead somewhere.

The fenced `console` and `sh` blocks of the README, CONTRIBUTING and docs/ run in the order of
their pages against one installation: a server, a stand-in and a worker, all real processes.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin

import pytest
from conftest import ROOT
from end_to_end.processes import Site, free_port
from pydantic import BaseModel

from arazzo.errors import RUN_ERRORS
from arazzo.provider import LimitSettings, ProviderSettings
from commands.temporal_binary import find_binary
from settings import Settings
from starter import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES: Final = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)

NOT_RUN: Final = {
    "make demo": "it is run by itself, and takes half a minute",
    "make test": "it is what runs this test",
    "source .venv/bin/activate": "it changes only the shell",
    "docker compose": "Docker is not everywhere; test_compose.py checks the file",
    ".venv/bin/python -m benchmarks": "it takes minutes",
    ".venv/bin/python tests/workflows/record_histories.py": "it writes histories",
    ".venv/bin/python -m pytest": "it would run this very file",
}
"""Commands that begin so are not run again, with the reason."""

STAYS: Final = ("durazzo server", "durazzo worker", "durazzo codec", "python -m mocks.")
"""Commands that stay until they are stopped; then their exit code must be 0."""

SECONDS_TO_GREET: Final = 30.0
FENCE: Final = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ROW: Final = re.compile(r"^\| `([^`]+)` \|(.*)\|$", re.MULTILINE)
DOCUMENTED_STAND_IN: Final = "http://127.0.0.1:8081"


@dataclass(frozen=True)
class Command:
    """One command of a page."""

    page: Path
    text: str

    @property
    def reason_not_to_run(self) -> str:
        """Return why it is not run, nothing when it is."""
        return next((why for start, why in NOT_RUN.items() if self.text.startswith(start)), "")


def commands_of(page: Path) -> Iterator[Command]:
    """Yield the commands of a page: lines after `$ ` of `console`, all lines of `sh`."""
    for language, body in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in body.splitlines():
            text = line.strip()
            if language == "console" and text.startswith("$ "):
                yield Command(page, text.removeprefix("$ "))
            elif language == "sh" and text and not text.startswith("#"):
                yield Command(page, text.partition("  #")[0].strip())


ALL: Final = [command for page in PAGES for command in commands_of(page)]
RUN: Final = [command for command in ALL if not command.reason_not_to_run]


class Terminal:
    """A shell in a folder of its own, whose exported variables stay."""

    def __init__(self, site: Site, folder: Path) -> None:
        """Put `durazzo`, `python` and `temporal` on the path."""
        self.site = site
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir(parents=True)
        (tools / "temporal").symlink_to(find_binary())
        path = [str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.variables = {**site.variables(), "PATH": os.pathsep.join(path)}
        shutil.copytree(ROOT / "documents" / "amplitude", folder / "my-documents")

    def run(self, text: str) -> None:
        """Run a command to its end; it must succeed."""
        name, equals, value = text.removeprefix("export ").partition("=")
        if text.startswith("export ") and equals:
            self.variables[name] = value
            return
        done = subprocess.run(
            ["/bin/bash", "-c", text.replace(DOCUMENTED_STAND_IN, self.site.stand_in)],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"

    def stay(self, text: str) -> None:
        """Start a command that stays, wait for its first words, stop it; it must end well."""
        words = shlex.split(text.replace(DOCUMENTED_STAND_IN, self.site.stand_in))
        if words[:2] == ["durazzo", "server"]:
            words += ["--port", str(free_port()), "--ui-port", str(free_port())]
        if words[:2] == ["durazzo", "codec"]:
            words += ["--port", str(free_port())]
        if "mocks." in text:
            words[words.index("--port") + 1] = str(free_port())
        log = self.folder / "stays.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _until_greeted(log, process)
            process.send_signal(signal.SIGTERM)
            code = process.wait(SECONDS_TO_GREET)
        finally:
            process.kill()
            process.wait()
        assert code == 0, f"{text}\n{log.read_text(encoding='utf-8')}"


def _until_greeted(log: Path, process: subprocess.Popen[bytes]) -> None:
    latest = time.monotonic() + SECONDS_TO_GREET
    size = 0
    while not size or size != log.stat().st_size:
        size = log.stat().st_size
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < latest, "it said nothing"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Give a terminal beside a running installation, in which an export takes three polls."""
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.start_server()
        site.start_stand_in("--export-polls", "1")
        site.start_worker()
        yield Terminal(site, tmp_path_factory.mktemp("terminal"))
    finally:
        site.stop_all()


@pytest.mark.parametrize("command", RUN, ids=lambda one: f"{one.page.name}: {one.text[:60]}")
def test_a_command_of_the_documentation_does_what_it_should(
    command: Command, terminal: Terminal
) -> None:
    """Whoever copies a command gets exit code 0, in the order of the page."""
    if command.text.startswith(STAYS):
        terminal.stay(command.text)
    else:
        terminal.run(command.text)


def test_each_reason_not_to_run_a_command_is_needed() -> None:
    """The list of what is not run stays short: each entry stands in the documentation."""
    for start in NOT_RUN:
        assert any(command.text.startswith(start) for command in ALL), start


def test_python_in_the_documentation_is_python() -> None:
    """A snippet can be pasted."""
    snippets = [
        body
        for page in PAGES
        for language, body in FENCE.findall(page.read_text(encoding="utf-8"))
        if language == "python"
    ]
    assert snippets
    for body in snippets:
        compile(body, "snippet", "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda one: one.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    """No page sends its reader nowhere, neither to a file nor to a heading of the same page."""
    text = page.read_text(encoding="utf-8")
    headings = {anchor_of(line) for line in text.splitlines() if line.startswith("#")}
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading, as the common hosts make it."""
    words = re.sub(r"[^\w\s-]", "", heading.lstrip("# ").lower())
    return words.strip().replace(" ", "-")


OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return a section of docs/operations.md."""
    return OPERATIONS.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_settings_table_has_each_variable_with_its_default() -> None:
    """The table and settings.py can't drift apart."""
    rows = dict(ROW.findall(section("Settings of the process")))
    fields = {f"DURAZZO_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        told = rows[name].split("|")[0].strip().strip("`")
        if isinstance(field.default, (int, float, str)):
            assert told == (f"{field.default:.15g}" if told.isdigit() else field.default), name


def test_the_table_of_settings_yaml_has_each_key() -> None:
    """The table and arazzo/provider.py can't drift apart."""
    rows = {name for name, _ in ROW.findall(section("settings.yaml of a folder of documents"))}
    pace = {"first", "factor", "longest", "deadline"}
    collapsed = {
        key.rpartition(".")[0] if ".NAME." in key and key.rpartition(".")[2] in pace else key
        for key in keys_of(ProviderSettings)
    }
    assert rows == collapsed


def keys_of(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Yield the dotted keys of a model; a mapping's key is NAME."""
    for name, field in model.model_fields.items():
        yield from _keys_of_type(field.annotation, f"{before}{name}")


def _keys_of_type(kind: Any, key: str) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from keys_of(kind, f"{key}.")
    elif get_origin(kind) is dict:
        yield from _keys_of_type(get_args(kind)[1], f"{key}.NAME")
    elif get_origin(kind) is tuple and get_args(kind)[0] is LimitSettings:
        yield from _keys_of_type(get_args(kind)[0], f"{key}[]")
    elif get_origin(kind) in (Union, types.UnionType):
        inner = [one for one in get_args(kind) if one is not type(None)]
        yield from _keys_of_type(inner[0], key)
    else:
        yield key


def test_the_table_of_errors_is_complete() -> None:
    """Whoever meets an error at night finds it."""
    assert {name for name, _ in ROW.findall(section("Each error"))} == set(RUN_ERRORS)


def test_every_decision_is_listed() -> None:
    """Numbers are unique, and the list names each note."""
    folder = ROOT / "docs" / "decisions"
    notes = sorted(one.name for one in folder.glob("[0-9]*.md"))
    assert len({name[:4] for name in notes}) == len(notes)
    listed = re.findall(r"\((\d{4}-[^)]+)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == notes


def test_every_command_of_the_starter_is_told_of() -> None:
    """A command that nobody reads of is not there."""
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in COMMANDS:
        assert f"durazzo {name}" in texts or f"make {name}" in texts, name
