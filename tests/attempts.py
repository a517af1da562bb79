"""Calls, attempts and their other side, for the tests of the activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from activities.client import make_client
from activities.credentials import SecretStore
from activities.names import AttemptRequest
from activities.operation import Operations
from activities.signing import sign
from arazzo.context import RequestView
from arazzo.plan import ActionPlan, AttemptPlan, Call, CriterionPlan, ParameterPlan
from arazzo.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = b"a key of this test"
SERVER = "https://8.8.8.8"
"""A public address, so that no name has to be resolved; nothing is ever sent to it."""


def call(**fields: Any) -> Call:
    """Return a harmless GET with short times; `fields` replace any of its parts."""
    return Call.model_validate(
        {
            "operation_id": "getThing",
            "method": "GET",
            "path": "/thing",
            "source": "api",
            "server": SERVER,
            "writes": False,
            "connect_timeout": 1.0,
            "total_timeout": 1.0,
            "retry_after_ceiling": 60.0,
            "largest_response": 1000,
            **fields,
        }
    )


def posting(**fields: Any) -> Call:
    """Return a POST that must not be sent twice."""
    return call(**{"operation_id": "makeThing", "method": "POST", "writes": True, **fields})


def request(
    url: str = f"{SERVER}/thing", method: str = "GET", headers: Mapping[str, str] | None = None
) -> Request:
    """Return a request as `build` makes them."""
    return Request(method, url, dict(headers or {}), None, RequestView(method, url))


def header(name: str, value: Any) -> ParameterPlan:
    """Return a header parameter."""
    return ParameterPlan(name=name, location="header", value=value)


def attempt(called: Call, **fields: Any) -> AttemptPlan:
    """Return a step that calls an operation; without more it passes with 2xx."""
    return AttemptPlan(workflow_id="flow", step_id="only", call=called, **fields)


def action(name: str, kind: Any, *conditions: str) -> ActionPlan:
    """Return an action that is chosen when all conditions hold."""
    criteria = tuple(CriterionPlan(condition=one) for one in conditions)
    return ActionPlan(name=name, type=kind, criteria=criteria)


def asked(plan: AttemptPlan, **fields: Any) -> AttemptRequest:
    """Return what the workflow hands to the activity, signed by the worker's key."""
    body = plan.as_json()
    return AttemptRequest.model_validate(
        {"attempt": body, "signature": sign(KEY, body), "values": {}, **fields}
    )


def operations(answer: Any, secrets: Mapping[str, str] | None = None) -> Operations:
    """Return the activities before another side that answers by a function of the request.

    `secrets` are the worker's, by name.
    """
    variables = {f"DURAZZO_SECRET_{name.upper()}": value for name, value in (secrets or {}).items()}
    return Operations(
        make_client(httpx.MockTransport(answer)), KEY, SecretStore(environment=variables)
    )


def answering(*answers: httpx.Response | Exception) -> tuple[Any, list[httpx.Request]]:
    """Return another side that gives these answers in turn, and the list of what it was asked."""
    left, seen = list(answers), []

    def answer(sent: httpx.Request) -> httpx.Response:
        seen.append(sent)
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return answer, seen
