"""A service whose answers a test scripts, on a real socket; and workflows against it."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conftest import House
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from catalogue import load_catalogue, worker_defaults
from mocks.serving import serving
from worker import running_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.requests import Request
    from temporalio.client import Client

    from settings import Settings


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]
"""Status, JSON body, and headers."""


@dataclass
class Service:
    """Answers each request by `answer`, and remembers it."""

    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)
    delays: dict[str, float] = field(default_factory=dict)
    """Seconds before an answer, by path."""

    def application(self) -> Starlette:
        """Return the service as an application."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(routes=[Route("/{path:path}", self._respond, methods=methods)])

    async def _respond(self, request: Request) -> Response:
        raw = await request.body()
        is_json = "json" in request.headers.get("content-type", "")
        asked = Asked(
            request.method,
            request.url.path,
            dict(request.query_params),
            dict(request.headers),
            json.loads(raw) if is_json else raw.decode(),
        )
        self.asked.append(asked)
        await asyncio.sleep(self.delays.get(asked.path, 0))
        status, body, *headers = self.answer(asked)
        return JSONResponse(body, status, headers[0] if headers else None)

    def paths(self) -> list[str]:
        """Return method and path of all requests so far."""
        return [f"{one.method} {one.path}" for one in self.asked]


@asynccontextmanager
async def scripted_house(
    client: Client,
    settings: Settings,
    documents: Path,
    answer: Callable[[Asked], Answer],
    max_cached_workflows: int = 1000,
    queue: str | None = None,
) -> AsyncIterator[tuple[House, Service]]:
    """Serve the documents of a folder, whose one source is named `api`, against a service."""
    service = Service(answer)
    queue = queue or f"test-{uuid.uuid4().hex[:8]}"
    catalogue = load_catalogue([documents], worker_defaults(settings))
    async with (
        serving(service.application()) as base_url,
        running_worker(
            client,
            catalogue,
            settings,
            task_queue=queue,
            servers={"api": base_url},
            max_cached_workflows=max_cached_workflows,
        ),
    ):
        yield House(client, queue, base_url, None), service  # type: ignore[arg-type] # no stand-in
