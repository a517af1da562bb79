"""Security of AsyncAPI descriptions: the credentials of steps that send over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from orders import HTTP, OF_PLACE, PLACE, findings, step

if TYPE_CHECKING:
    from pathlib import Path

SCHEMES = """
  securitySchemes:
    Key: {type: httpApiKey, in: query, name: key}
    Login: {type: http, scheme: basic}
    Broker: {type: userPassword}
    Named: {type: apiKey, in: user}
    Machine:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: /token, availableScopes: {a: b}}}
      scopes: [a]
"""
CREDENTIALS = """
credentials:
  Key: {secret: a_key}
  Login: {secret: a_login}
  Broker: {secret: a_pair}
  Machine: {client_credentials: {client_id: an_id, client_secret: a_secret}}
"""


def secured(of_server: str, of_operation: str = "[]") -> str:
    """Return the description over HTTP with security of server and operation."""
    by_operation = f"bindings: {{http: {{method: PUT}}}}\n    security: {of_operation}"
    text = HTTP.replace("protocol: https}", f"protocol: https, security: {of_server}}}")
    text = text.replace("bindings: {http: {method: PUT}}", by_operation)
    schemas = "components: {schemas: {Order: {type: object, required: [order]}}}"
    return text.replace(schemas, f"components:\n  {schemas[13:-1]}{SCHEMES}")


def reference(name: str) -> str:
    """Return how a requirement of AsyncAPI 3 names a scheme."""
    return f"{{$ref: '#/components/securitySchemes/{name}'}}"


KEY, LOGIN, MACHINE = reference("Key"), reference("Login"), reference("Machine")
BY_OPERATION = PLACE.replace(
    "channelPath: '{$sourceDescriptions.events.url}#/channels/place'", "operationId: placeOrder"
)


@pytest.mark.parametrize(
    ("events", "secrets"),
    [
        (secured(f"[{KEY}]"), [["a_key"]]),
        (secured(f"[{KEY}, {LOGIN}]"), [["a_key"], ["a_login"]]),
        (secured(f"[{MACHINE}]"), [["an_id", "a_secret"]]),
        (secured("[]", f"[{LOGIN}]"), [["a_login"]]),
        (secured(f"[{KEY}]", f"[{LOGIN}, {MACHINE}]"),
         [["a_key", "a_login"], ["a_key", "an_id", "a_secret"]]),
        (secured("[{type: http, scheme: basic}]").replace("Login", "http"), []),
        (secured("[{Key: []}, {Login: []}]").replace("3.0.0", "3.1.0"), [["a_key"], ["a_login"]]),
        (HTTP, []),
    ],
    ids=["server", "alternatives", "oauth2", "operation", "both", "not configured", "by name",
         "none"],
)  # fmt: skip
def test_a_step_that_sends_gets_the_credentials_of_server_and_operation(
    tmp_path: Path, events: str, secrets: list[list[str]]
) -> None:
    """One alternative of each, from settings, as a call of OpenAPI does."""
    made = step(tmp_path, BY_OPERATION, OF_PLACE, events=events, settings=CREDENTIALS)
    found = [
        [name for one in some for name in one.secrets]
        for some in made.attempt.operation.credentials
    ]
    assert found == secrets
    (key, *_) = [one for some in made.attempt.operation.credentials for one in some] or [None]
    if key and key.scheme == "Key":
        assert (key.location, key.name) == ("query", "key")


@pytest.mark.parametrize(
    ("events", "code", "said"),
    [
        (secured(f"[{KEY}]"), "no-credential", "`Key`"),
        (secured(f"[{reference('Broker')}]"), "unserved-credential", "userPassword"),
        (secured(f"[{reference('Named')}]"), "unserved-credential", "apiKey in user"),
        (secured(f"[{reference('Gone')}]"), "unserved-credential", "declares no scheme"),
    ],
    ids=["not configured", "of a broker", "of a broker's login", "not declared"],
)
def test_a_credential_of_a_message_that_nothing_gives_is_found(
    tmp_path: Path, events: str, code: str, said: str
) -> None:
    """Before the first request, as for a call of OpenAPI."""
    told = findings(tmp_path, BY_OPERATION, OF_PLACE, events=events)
    (found,) = (one for one in told if one.code == code)
    assert said in found.message
