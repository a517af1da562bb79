"""One small document per request that faults strike, and how it is run without Temporal."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from activities.client import make_client
from activities.load_plan import Plans
from activities.names import LoadPlanRequest
from activities.operation import Operations
from arazzo.errors import DurazzoError
from arazzo.plan import Plan
from arazzo.state import RunState
from catalogue import load_catalogue
from rehearsal.effects import Clock, RehearsalEffects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from arazzo.scope import Defaults

KEY = b"a key of this test"


@dataclass
class CountingClock(Clock):
    """A clock that waits for nothing and remembers what it was asked to."""

    asked: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Remember, and go on."""
        self.asked.append(seconds)
        await super().sleep(seconds)


@dataclass(frozen=True)
class Ended:
    """How a run ended: `completed` or the error's type, its outputs or message, and its waits."""

    ending: str
    outputs: dict[str, Any]
    message: str
    waits: list[float]


def write_documents(folder: Path, method: str, settings: Mapping[str, Any], **step: Any) -> None:
    """Write a workflow `send` of one step, which creates a thing or reads it."""
    body = {"requestBody": {"payload": {"name": "$inputs.name"}}} if method != "get" else {}
    only = {"stepId": "only", "operationId": "sendThing", **body, **step}
    only.setdefault("outputs", {"id": "$response.body#/id"})
    inputs = {"type": "object", "properties": {"name": {"type": "string", "default": "n1"}}}
    flow = {
        "workflowId": "send",
        "inputs": inputs,
        "steps": [only],
        "outputs": {"id": "$steps.only.outputs.id"},
    }
    responses = {"201" if method == "post" else "200": {"description": "done"}}
    listed = {"operationId": "listThings", "responses": {"200": {"description": "all"}}}
    listed |= {"parameters": [{"name": "name", "in": "query", "schema": {"type": "string"}}]}
    paths = {
        "/thing": {method: {"operationId": "sendThing", "responses": responses}},
        "/things": {"get": listed},
    }
    info = {"title": "Things", "version": "1"}
    sources = [{"name": "api", "url": "api.json", "type": "openapi"}]
    document = {"arazzo": "1.0.1", "info": info, "sourceDescriptions": sources}
    files = {
        "flow.arazzo.json": {**document, "workflows": [flow]},
        "api.json": {"openapi": "3.1.0", "info": info, "paths": paths},
        "settings.yaml": settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))


async def run(folder: Path, url: str, defaults: Defaults) -> Ended:
    """Run the workflow by the real interpreter, activities and client; waits cost no time."""
    catalogue = load_catalogue([folder], defaults)
    clock = CountingClock(0.0)
    async with make_client() as client:
        operations = Operations(client, KEY, servers={"api": url})
        plans = Plans(catalogue, KEY, {"api": url})
        try:
            loaded = plans.load(LoadPlanRequest(workflow_type="send", inputs={}))
            plan = Plan.model_validate(loaded.plan)
            name = f"run-{secrets.token_hex(4)}"
            effects = RehearsalEffects(plan, operations, plans, clock, name)
            outputs = await effects.outputs(RunState.model_validate(loaded.state))
        except DurazzoError as error:
            return Ended(type(error).__name__, {}, error.message, clock.asked)
    return Ended("completed", outputs, "", clock.asked)
