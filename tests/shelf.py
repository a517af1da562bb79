"""Small folders of documents for tests: one workflow, one description, and what a test changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://api.example.com/v1"


def description(**operations: tuple[str, str]) -> dict[str, Any]:
    """Return an OpenAPI description of operations, each given as method and path."""
    paths: dict[str, Any] = {}
    for operation_id, (method, path) in (operations or {"getThing": ("get", "/thing")}).items():
        responses = {"200": {"description": "fine"}}
        paths.setdefault(path, {})[method] = {"operationId": operation_id, "responses": responses}
    return {
        "openapi": "3.1.0",
        "info": {"title": "A service", "version": "1"},
        "servers": [{"url": URL}],
        "paths": paths,
    }


def step(step_id: str = "only", operation_id: str = "getThing", **fields: Any) -> dict[str, Any]:
    """Return a step that calls an operation."""
    return {"stepId": step_id, "operationId": operation_id, **fields}


def workflow(workflow_id: str = "fetch-thing", **fields: Any) -> dict[str, Any]:
    """Return a workflow of one step, unless `fields` say otherwise."""
    return {"workflowId": workflow_id, "steps": [step()], **fields}


def document(*workflows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return an Arazzo description over one source named `api`, in the file `api.json`."""
    return {
        "arazzo": "1.0.1",
        "info": {"title": "A document", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": list(workflows) or [workflow()],
        **fields,
    }


@dataclass(frozen=True)
class Shelf:
    """A folder to which documents are added; JSON is YAML, so all files are written as JSON."""

    folder: Path

    def add(self, name: str, content: Any) -> Path:
        """Write a file, of text as it is or of a value as JSON, and return it."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return file

    def fill(self, *workflows: dict[str, Any], **operations: tuple[str, str]) -> Shelf:
        """Write `flow.arazzo.json` with these workflows, and `api.json` with these operations."""
        self.add("flow.arazzo.json", document(*workflows))
        self.add("api.json", description(**operations))
        return self
