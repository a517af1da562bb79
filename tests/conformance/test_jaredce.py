"""The recorded cases of another runner: the HTTP exchanges that must all happen, and no others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from conftest import ROOT, shared_folder

ENGINE: Final = Path(__file__).with_name("jaredce_engine.py")
DIFFERENCES: Final = {
    "jared-008": "a step without parameters hands no inputs to the workflow that it calls "
    "(4.6.5: parameters map to its inputs); upstream hands on all of the caller's",
    "jared-046": "the schema of the body names and qualifies its elements by XML Objects (OpenAPI "
    "3.0.3, 4.7.26: `name` and `namespace` replace what is inferred); upstream writes a `root` "
    "with the plain names of the properties",
    "jared-074": "its workflow-level `end` on 200 applies to the first step too (4.6.4: actions of "
    "the workflow apply to all steps), so the second step is never reached",
    "jared-081": "its workflow-level `goto` to the first step applies to that step itself, so by "
    "the same rule it loops, and upstream expects that it does not",
}
"""Cases that upstream expects otherwise than the standard says, and why."""


def test_the_exchanges_of_all_cases_happen(tmp_path: Path) -> None:
    """All but those that are argued above, and those fail indeed."""
    folder = shared_folder("conformance")
    results = tmp_path / "results.json"
    done = subprocess.run(
        [sys.executable, str(folder / "run_cases.py"), "jaredce", str(ENGINE)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RESULTS": str(results)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert results.is_file(), done.stderr
    found = json.loads(results.read_text(encoding="utf-8"))
    assert len(found) == 92
    assert {one["id"] for one in found if not one["passed"]} == set(DIFFERENCES)
