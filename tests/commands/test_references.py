"""What people see of outputs that lie in the blob store; scripts see the references."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from arazzo.blobs import VALUE_TYPE, Blob
from commands.references import hints, shown
from commands.run_report import RunReport, print_report

FILE = Blob("file:///blobs/run/x/get/1/body", 12_345_678, "0" * 64, "text/csv").as_json()
VALUE = Blob("file:///blobs/run/x/get/1/rows", 70_000, "0" * 64, VALUE_TYPE).as_json()
MALFORMED: dict[str, Any] = {"$blob": {"uri": 1}}
OUTPUTS = {
    "count": 2,
    "file": FILE,
    "the rows": VALUE,
    "all": [{"a/b": FILE}, None],
    "no one": MALFORMED,
}


def printed(*, terminal: bool) -> str:
    """Return what a report prints on standard output."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, no_color=True, width=200)
    print_report(console, RunReport("run-1", "r", "completed", "", OUTPUTS))
    return out.getvalue()


def test_a_terminal_tells_in_words_what_lies_in_the_store() -> None:
    """Kind, media type and size, at any depth; other values, and what only looks so, as JSON."""
    assert shown(OUTPUTS) == {
        "count": 2,
        "file": "<a file, text/csv, 12.3 MB>",
        "the rows": "<a large value, 70.0 kB>",
        "all": [{"a/b": "<a file, text/csv, 12.3 MB>"}, None],
        "no one": MALFORMED,
    }
    assert '"<a file, text/csv, 12.3 MB>"' in printed(terminal=True)


def test_all_else_gets_the_references() -> None:
    """A script reads them from standard output."""
    assert json.loads(printed(terminal=False)) == OUTPUTS


def test_each_reference_has_the_command_that_gets_it() -> None:
    """As a shell takes it."""
    assert list(hints("run-1", OUTPUTS)) == [
        "file: a file, text/csv, 12.3 MB; `durazzo get run-1 file -o FILE` gets it",
        "the rows: a large value, 70.0 kB; `durazzo get run-1 'the rows' -o FILE` gets it",
        "all#/0/a~1b: a file, text/csv, 12.3 MB; `durazzo get run-1 'all#/0/a~1b' -o FILE` gets it",
    ]
    assert not list(hints("run-1", None))
