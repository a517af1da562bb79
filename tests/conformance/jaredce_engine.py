"""The engine as the runner of the case sets wants it: `run(document, workflow, inputs, base)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rehearsal import try_document

PLAIN_PATHS = True
"""Sources are given as paths, not as file URLs."""


def run(document: str, workflow_id: str, inputs: dict[str, Any], _base_url: str) -> dict[str, Any]:
    """Try a workflow with waits that cost no time."""
    tried = try_document(Path(document), workflow_id, inputs, waits=0)
    error = tried.error["message"] if tried.error else None
    return {"ok": tried.status == "completed", "outputs": tried.outputs, "error": error}
