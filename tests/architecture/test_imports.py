"""The wall between the rooms, parsed from the imports (DESIGN.md, section 1)."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = frozenset(
    ("arazzo", "activities", "workflows", "rehearsal", "commands", "mocks", "catalogue",
     "settings", "worker", "starter")
)  # fmt: skip
IMPURE = frozenset(
    ("os", "io", "time", "random", "secrets", "socket", "subprocess", "pathlib", "shutil",
     "tempfile", "asyncio", "threading", "logging", "temporalio", "httpx", "datetime", "uuid")
)  # fmt: skip


@dataclass(frozen=True)
class Room:
    """A room, which of our rooms it may import, and what else it must never import."""

    name: str
    may_import: frozenset[str]
    never: frozenset[str] = frozenset()


ROOMS = (
    Room("arazzo", frozenset(), IMPURE),
    Room(
        "activities",
        frozenset(("arazzo", "catalogue", "settings")),
        frozenset(("temporalio.workflow", "temporalio.client", "temporalio.worker")),
    ),
    Room(
        "workflows",
        frozenset(("arazzo", "activities", "catalogue", "settings")),
        frozenset(("httpx", "temporalio.client", "temporalio.activity", "os", "random", "time")),
    ),
    Room(
        "rehearsal",
        frozenset(("arazzo", "activities", "catalogue", "settings")),
        frozenset(("temporalio.workflow", "temporalio.client", "temporalio.worker")),
    ),
    Room("commands", OURS - {"starter", "mocks"}, frozenset()),
    Room("mocks", frozenset(), frozenset(("temporalio",))),
    Room("catalogue.py", frozenset(("arazzo", "settings")), frozenset(("temporalio", "httpx"))),
    Room("settings.py", frozenset(), frozenset(("temporalio", "httpx"))),
)


def files_of(room: str) -> list[Path]:
    """Return the Python files of a room."""
    place = ROOT / room
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def imports_of(file: Path) -> set[str]:
    """Return the full names of all modules that a file imports, also below functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def within(name: str, packages: frozenset[str]) -> bool:
    """Return whether a module is one of the packages or stands below one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_imports_only_what_the_table_allows(room: Room) -> None:
    """No arrow runs back up, and the pure rooms stay pure."""
    own = room.name.removesuffix(".py")
    assert files_of(room.name), f"the room {room.name} is empty"
    for file in files_of(room.name):
        for name in imports_of(file):
            top = name.split(".")[0]
            place = f"{file.relative_to(ROOT)} imports {name}"
            assert top not in OURS or top == own or top in room.may_import, place
            assert not within(name, room.never), place


def test_workflow_code_imports_only_names_and_types_of_the_activities() -> None:
    """What opens sockets or files is never loaded for its own sake by workflow code."""
    for file in files_of("workflows"):
        used = {name for name in imports_of(file) if within(name, frozenset(("activities",)))}
        assert all(within(name, frozenset(("activities.names",))) for name in used), (file, used)


def test_the_catalogue_is_read_only_where_classes_are_made() -> None:
    """A workflow that runs never reads a file: only the package's own lazy lookup may."""
    for file in files_of("workflows"):
        names = {name.split(".")[0] for name in imports_of(file)}
        allowed = file.name in ("__init__.py", "factory.py")
        assert allowed or not names & {"catalogue", "settings"}, file


def test_nobody_imports_the_commands() -> None:
    """The command line stands on top: only worker.py and starter.py share its pieces."""
    rooms = (
        "arazzo",
        "activities",
        "workflows",
        "rehearsal",
        "mocks",
        "catalogue.py",
        "settings.py",
    )
    for room in rooms:
        for file in files_of(room):
            tops = {name.split(".")[0] for name in imports_of(file)}
            assert not tops & {"commands", "worker", "starter"}, file


def test_no_file_is_long_without_a_reason() -> None:
    """A file is one idea: over 400 lines needs a reason at its top."""
    for room in ("arazzo", "activities", "workflows", "rehearsal", "commands", "mocks", "tests"):
        for file in files_of(room):
            text = file.read_text(encoding="utf-8")
            lines = text.count("\n")
            assert lines <= 400 or "reason for the length" in text[:800], f"{file}: {lines} lines"


def test_modules_of_ours_hide_no_module_of_python() -> None:
    """Our top-level names are free: no module of the standard library has the same."""
    assert not OURS & sys.stdlib_module_names


def test_no_provider_is_named_in_the_engine() -> None:
    """Adding a provider is adding a folder of data: no code of the engine knows one."""
    providers = [folder.name for folder in (ROOT / "documents").iterdir() if folder.is_dir()]
    assert "amplitude" in providers
    for room in ("arazzo", "workflows", "activities", "catalogue.py"):
        for file in files_of(room):
            text = file.read_text(encoding="utf-8").lower()
            assert not [name for name in providers if name in text], file
