"""Every example of docs/findings.md is checked as it stands, and no code is left out."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from conftest import ROOT

from arazzo import yaml_text
from arazzo.deviations import DEVIATIONS
from arazzo.errors import DocumentInvalid
from arazzo.findings import checked_findings
from arazzo.scope import Defaults
from catalogue import Reader

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
FENCES: Final = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BASE, OPENAPI, ASYNCAPI = FENCES[:3]
ENTRY: Final = re.compile(
    r"### `([a-z-]+)`\n\n(?P<said>.+)\n\nWrong:\n\n```yaml\n(?P<wrong>.*?)```\n\n"
    r"Right:\n\n```yaml\n(?P<right>.*?)```",
    re.DOTALL,
)
ENTRIES: Final = re.split(r"\n(?=### )", PAGE)[1:]
LIMITS: Final = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
OF_DOCUMENT: Final = ("arazzo", "$self", "info", "sourceDescriptions", "components", "workflows")
OF_WORKFLOW: Final = ("inputs", "steps")


@dataclass(frozen=True)
class Example:
    """A code, what is said of it, and its two examples."""

    code: str
    said: str
    wrong: str
    right: str


def _example(text: str) -> Example:
    found = ENTRY.match(text)
    assert found, f"this is no entry:\n{text[:200]}"
    return Example(found[1], found["said"], found["wrong"], found["right"])


EXAMPLES: Final = [_example(one) for one in ENTRIES]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.code)
def test_the_wrong_example_is_found(example: Example, tmp_path: Path) -> None:
    """The wrong one has the code, the right one does not."""
    assert example.code in _codes(example.wrong, tmp_path / "wrong")
    assert example.code not in _codes(example.right, tmp_path / "right")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.code)
def test_a_code_is_told_in_a_few_words(example: Example) -> None:
    """No more than two lines of prose, and a full stop."""
    assert example.said.endswith(".")
    assert len(example.said) < 200


def _codes(fragment: str, folder: Path) -> set[str]:
    """Check the fragment in its place, as the command does."""
    folder.mkdir()
    (folder / "jobs.yaml").write_text(OPENAPI)
    (folder / "events.yaml").write_text(ASYNCAPI)
    (folder / "jobs.arazzo.yaml").write_text(BASE)
    whole = re.match(r"# (\S+\.yaml)\n", fragment)
    file = folder / (whole[1] if whole else "jobs.arazzo.yaml")
    file.write_text(fragment if whole else json.dumps(_placed(fragment)))
    reader = Reader(Defaults())
    try:
        found = checked_findings(reader.read(folder / "jobs.arazzo.yaml", folder))
    except DocumentInvalid as error:
        found = list(error.findings)
    return {one.code for one in (*found, *reader.settings_findings([folder]))}


def _placed(fragment: str) -> Any:
    """Put the parts of a fragment where their names belong."""
    document: Any = yaml_text.read(BASE, "").value
    parts: Any = yaml_text.read(fragment, "").value
    flow = document["workflows"][0]
    target = flow if "steps" in parts else flow["steps"][0]
    for name, value in parts.items():
        if name in OF_DOCUMENT:
            document[name] = value
        elif name in OF_WORKFLOW:
            flow[name] = value
        else:
            target[name] = value
    if "operationPath" in parts and "operationId" not in parts:
        target.pop("operationId")
    return document


ADDS: Final = {
    "add": 0, "_add": 0, "finding": 0, "_at": 1, "_syntax": 2, "_warn": 0, "warn": 0,
    "_at_parameter": 3, "_refused": 0, "_refuse": 0, "_refuse_at": 0, "Finding": 0, "_fault": 1,
    "Meant": 2,
}  # fmt: skip
"""Which argument of these calls is the code of a finding."""

FROM_NAMES: Final = frozenset(
    ("unknown-input", "unknown-step", "unknown-output", "unknown-source", "unknown-workflow-field",
     "unknown-workflow", "unknown-version", "unknown-type")
)  # fmt: skip
"""Codes that are made of the kind of a name, or that an error brings along."""


def test_the_page_is_complete() -> None:
    """Every code that can be found stands on the page, once, and no other."""
    files = [*(ROOT / "arazzo").glob("*.py"), ROOT / "catalogue.py"]
    written = set.union(*(_written(one) for one in files)) | set(DEVIATIONS) | FROM_NAMES
    told = [*(one.code for one in EXAMPLES), *LIMITS]
    assert sorted(told) == sorted(written)


def _written(file: Path) -> set[str]:
    found: set[str] = set()
    for call in ast.walk(ast.parse(file.read_text())):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            at = ADDS.get(name, len(call.args))
            codes = [one for one in call.args[at : at + 1] if isinstance(one, ast.Constant)]
            found |= {one.value for one in codes if isinstance(one.value, str)}
    return {one for one in found if re.fullmatch(r"[a-z]+(-[a-z]+)+|unsupported|unreadable", one)}
