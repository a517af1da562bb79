"""A write whose attempt is lost already is not sent: another worker may have looked meanwhile."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from attempts import KEY, asked, attempt, call, posting
from fault_server import answer, fault_server
from temporalio.common import RawValue
from temporalio.converter import DataConverter
from temporalio.testing import ActivityEnvironment

from activities.client import make_client, send
from activities.credentials import SecretStore
from activities.faults import TransportFailed
from activities.late_requests import sending_until
from activities.operation import Operations
from arazzo.context import RequestView
from arazzo.request import Request

if TYPE_CHECKING:
    from arazzo.plan import Call

CONVERTER = DataConverter.default.payload_converter


async def sent(called: Call, *, late: bool) -> tuple[int, str]:
    """Send a request; return how many came, and whether it surely was not sent."""
    latest = time.time() + (-1 if late else 60)
    async with fault_server(answer()) as server, make_client() as client:
        request = Request(called.method, f"{server.url}/thing", {}, b"{}", RequestView("", ""))
        try:
            with sending_until(latest):
                await send(client, request, called)
        except TransportFailed as error:
            return server.whole(), error.fault.sent
        return server.whole(), "yes"


@pytest.mark.parametrize(
    ("called", "late", "came"),
    [
        (posting(), False, (1, "yes")),
        (posting(), True, (0, "no")),
        (posting(idempotency=True), True, (1, "yes")),
        (call(), True, (1, "yes")),
    ],
    ids=["in time", "too late", "with a key", "a read"],
)
async def test_only_a_write_without_a_key_must_come_in_time(
    called: Call, came: tuple[int, str], *, late: bool
) -> None:
    """What may be sent twice does no harm when it comes late."""
    assert await sent(called, late=late) == came


@pytest.mark.parametrize(("seconds", "came"), [(10, 1), (100, 0)])
async def test_the_bound_is_the_time_of_the_activity(seconds: float, came: int) -> None:
    """A worker that stood still for longer than `start_to_close` sends nothing when it wakes."""
    async with fault_server(answer()) as server, make_client() as client:
        made = Operations(client, KEY, SecretStore(environment={}))
        plan = attempt(posting(server=server.url, own_server=True))
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(
            ActivityEnvironment.default_info(),
            started_time=datetime.now(UTC) - timedelta(seconds=seconds),
            start_to_close_timeout=timedelta(seconds=60),
        )
        raw = RawValue(CONVERTER.to_payload(asked(plan).as_json()))
        found: dict[str, Any] = await environment.run(made.attempt, [raw])
        assert server.whole() == came
    assert found.get("sent", "yes") == ("yes" if came else "no")
