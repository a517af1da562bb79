"""A client for tests: speaks to a stand-in as an application does, and steers it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import ASGIApp

from mocks.serving import serving


class StandInClient(httpx.AsyncClient):
    """An httpx client of one stand-in that also knows its control API (mocks/standin.py)."""

    async def add_fault(self, operation_id: str, kind: str, **fields: Any) -> None:
        """Script one fault with its other fields (mocks/faults.py); ValueError when refused."""
        fault = {"operationId": operation_id, "kind": kind, **fields}
        response = await self.post("/_control/faults", json=fault)
        if response.status_code != httpx.codes.CREATED:
            raise ValueError(response.json()["error"]["message"])

    async def received(self) -> dict[str, int]:
        """How many requests arrived, by operationId."""
        return await self._counters("received")

    async def taken(self) -> dict[str, int]:
        """How many requests the service acted on, by operationId."""
        return await self._counters("taken")

    async def requests(self) -> list[dict[str, Any]]:
        """The requests in the order received."""
        listed: list[dict[str, Any]] = (await self.get("/_control/requests")).json()
        return listed

    async def reset(self) -> None:
        """Bring the stand-in back to its start."""
        (await self.post("/_control/reset")).raise_for_status()

    async def control(self, name: str) -> None:
        """Make one of the stand-in's own controls act, such as `expire-tokens` of Amperity."""
        (await self.post(f"/_control/{name}")).raise_for_status()

    async def _counters(self, which: str) -> dict[str, int]:
        counters: dict[str, int] = (await self.get("/_control/counters")).json()[which]
        return counters


@contextlib.asynccontextmanager
async def speaking(app: ASGIApp, headers: dict[str, str]) -> AsyncIterator[StandInClient]:
    """Serve a stand-in on a free port; gives a client that sends these headers."""
    # An empty context spares the loading of certificates, which takes longer than most tests.
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with (
        serving(app) as base_url,
        StandInClient(base_url=base_url, headers=headers, timeout=10, verify=unused) as client,
    ):
        yield client
