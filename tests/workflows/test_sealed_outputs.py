"""A token of a login step: used by later steps and sub-workflows, and in no history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conftest import House
from recorded import recorded
from scripted import Asked, Service, scripted_house
from terminal import Terminal

from arazzo.inputs import is_sealed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

TOKEN = "token-that-no-history-holds"  # noqa: S105 - the service of the test gives it
DOCUMENT = """
arazzo: 1.0.1
info: {title: Accounts, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: use-token
    steps:
      - stepId: login
        operationId: login
        outputs: {token: $response.body#/token, name: $response.body#/name}
      - stepId: read
        operationId: read
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$steps.login.outputs.token}'}
        outputs: {mirrored: $response.body#/mirrored}
      - stepId: again
        workflowId: read-with-token
        parameters: [{name: token, value: $steps.login.outputs.token}]
    outputs:
      name: $steps.login.outputs.name
      token: $steps.login.outputs.token
      mirrored: $steps.read.outputs.mirrored
      again: $steps.again.outputs.mirrored
  - workflowId: use-login-workflow
    steps:
      - stepId: session
        workflowId: log-in
      - stepId: read
        operationId: read
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$steps.session.outputs.key}'}
        outputs: {mirrored: $response.body#/mirrored}
    outputs: {mirrored: $steps.read.outputs.mirrored}
  - workflowId: use-dependency
    dependsOn: [log-in]
    steps:
      - stepId: read
        operationId: read
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$workflows.log-in.outputs.key}'}
        outputs: {mirrored: $response.body#/mirrored}
    outputs: {mirrored: $steps.read.outputs.mirrored}
  - workflowId: log-in
    steps:
      - stepId: login
        operationId: login
        outputs: {token: $response.body#/token, name: $response.body#/name}
    outputs: {key: $steps.login.outputs.token}
  - workflowId: read-with-token
    inputs: {type: object, properties: {token: {type: string}}}
    steps:
      - stepId: read
        operationId: read
        parameters: [{name: Authorization, in: header, value: 'Bearer {$inputs.token}'}]
        outputs: {mirrored: $response.body#/mirrored}
    outputs: {mirrored: $steps.read.outputs.mirrored}
"""
API = """
openapi: 3.1.0
info: {title: Accounts, version: 1.0.0}
paths:
  /login: {post: {operationId: login, responses: {'200': {description: ok}}}}
  /things: {get: {operationId: read, responses: {'200': {description: ok}}}}
"""


def answer(asked: Asked) -> tuple[int, Any]:
    """Give a token, and mirror the credential of whoever reads."""
    if asked.path == "/login":
        return 200, {"token": TOKEN, "name": "the-canary"}
    return 200, {"mirrored": asked.headers.get("authorization")}


@pytest.fixture
async def accounts(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> AsyncIterator[tuple[House, Service]]:
    (tmp_path / "accounts.arazzo.yaml").write_text(DOCUMENT, encoding="utf-8")
    (tmp_path / "api.yaml").write_text(API, encoding="utf-8")
    async with scripted_house(client, settings, tmp_path, answer, max_cached_workflows) as opened:
        yield opened


@pytest.mark.parametrize(
    ("workflow", "child"),
    [
        ("use-token", "again"),
        ("use-login-workflow", "session"),
        ("use-dependency", "dependsOn/log-in"),
    ],
)
async def test_a_token_is_used_and_stands_in_no_history(
    client: Client, accounts: tuple[House, Service], workflow: str, child: str
) -> None:
    """Steps and sub-workflows send it; histories hold its seal, and what mirrors it is masked."""
    house, service = accounts
    handle = await house.start(workflow, {})
    outputs = await handle.result()
    assert outputs["mirrored"] == "Bearer *****"
    sent = [one.headers["authorization"] for one in service.asked if one.path == "/things"]
    assert set(sent) == {f"Bearer {TOKEN}"}
    histories = await recorded(client, handle.id, f"{handle.id}/{child}")
    assert not [text for text in histories if TOKEN in text]
    assert [text for text in histories if "the-canary" in text]


async def test_a_sealed_output_leaves_the_workflow_sealed(accounts: tuple[House, Service]) -> None:
    """Whoever may see it has the key; all others get the seal."""
    outputs = await accounts[0].run("use-token", {})
    assert is_sealed(outputs["token"])
    assert outputs["name"] == "the-canary"
    assert outputs["again"] == "Bearer *****"


@pytest.mark.parametrize("has_key", [True, False])
async def test_whoever_has_the_key_can_see_a_sealed_output(
    client: Client, settings: Settings, tmp_path: Path, has_key: bool
) -> None:
    """`durazzo result --unseal` opens it, or says which secret is missing."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "accounts.arazzo.yaml").write_text(DOCUMENT, encoding="utf-8")
    (folder / "api.yaml").write_text(API, encoding="utf-8")
    async with scripted_house(client, settings, folder, answer) as (house, _):
        handle = await house.start("use-token", {})
        await handle.result()
    state = settings.state_folder if has_key else tmp_path / "elsewhere"
    terminal = Terminal(
        tmp_path,
        client.service_client.config.target_host,
        variables={"DURAZZO_STATE_FOLDER": str(state)},
    )
    done = await terminal.durazzo("result", handle.id, "--unseal", "--json")
    if has_key:
        assert done.json["outputs"]["token"] == TOKEN
    else:
        assert done.code == 2
        assert "durazzo_key" in done.json["error"]["message"]
