"""Secrets that one workflow hands to another: by a step, a goto, a retry, whole or in a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from conftest import CREDENTIAL
from recorded import recorded
from scripted import Asked, Service, scripted_house

from activities.credentials import SecretStore
from activities.sealing import opened
from activities.signing import load_key
from arazzo.inputs import is_sealed
from catalogue import load_catalogue, worker_defaults
from mocks.serving import serving
from rehearsal import try_entry

if TYPE_CHECKING:
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

TOKEN = "token-that-no-history-holds"  # noqa: S105 - the service of the test gives it
HEAD = """
arazzo: 1.1.0
info: {title: Accounts, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
"""
API = """
openapi: 3.1.0
info: {title: Accounts, version: 1.0.0}
paths:
  /login: {post: {operationId: login, responses: {'200': {description: ok}}}}
  /things:
    get:
      operationId: read
      parameters: [{name: key, in: query, schema: {type: string}}]
      responses: {'200': {description: ok}}
"""
LOGIN = """
      - stepId: login
        operationId: login
        outputs: {session: $response.body#/session, name: $response.body#/name}
"""
READ_WITH = """
  - workflowId: read-with
    inputs: {type: object, properties: {authorization: {type: string}}}
    steps:
      - stepId: read
        operationId: read
        parameters: [{name: Authorization, in: header, value: $inputs.authorization}]
        outputs: {mirrored: $response.body#/mirrored}
    outputs: {mirrored: $steps.read.outputs.mirrored}
"""
PASSING = """
  - workflowId: pass-on
    inputs: {type: object, properties: {word: {type: string}}}
    steps:
      - stepId: first
        operationId: read
        onSuccess:
          - name: on
            type: goto
            workflowId: read-with
            parameters: [{name: authorization, value: $inputs.word}]
"""
BY_QUERY = """
  - workflowId: by-query
    inputs: {type: object, properties: {key: {type: string}}}
    steps:
      - stepId: read
        operationId: read
        parameters: [{name: key, in: query, value: $inputs.key}]
        outputs: {mirrored: $response.body#/mirrored}
    outputs: {mirrored: $steps.read.outputs.mirrored}
"""
PART = "'Bearer {$steps.login.outputs.session#/token}'"


def goto(workflow: str, name: str, value: str) -> str:
    """Return an action that hands a value to another workflow."""
    return f"""
        onSuccess:
          - name: on
            type: goto
            workflowId: {workflow}
            parameters: [{{name: {name}, value: {value}}}]
"""


@dataclass(frozen=True)
class Case:
    """The steps of a workflow that hands a secret on, and those that it hands it to."""

    steps: str
    others: str = READ_WITH
    outputs: str = "{}"
    child: str = ""
    secret: str = TOKEN
    inputs: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write the documents."""
        main = f"""
  - workflowId: main
    inputs: {{type: object, properties: {{token: {{type: string}}}}}}
    outputs: {self.outputs}
    steps:{self.steps}"""
        (folder / "it.arazzo.yaml").write_text(HEAD + main + self.others, encoding="utf-8")
        (folder / "api.yaml").write_text(API, encoding="utf-8")


CASES = {
    "a goto hands on a part of an output, in a text": Case(
        LOGIN + goto("read-with", "authorization", PART)
    ),
    "a goto hands on an output as a whole": Case(
        LOGIN.replace("#/session", "#/session/token")
        + goto("read-with", "authorization", "$steps.login.outputs.session")
    ),
    "gotos hand it on by way of a workflow that only passes it on": Case(
        LOGIN + goto("pass-on", "word", PART), READ_WITH + PASSING
    ),
    "a step hands on a part of an output, in a text": Case(
        LOGIN
        + f"""
      - stepId: call
        workflowId: read-with
        parameters: [{{name: authorization, value: {PART}}}]
""",
        outputs="{mirrored: $steps.call.outputs.mirrored}",
        child="call",
    ),
    "a step hands on an input by name, in a text": Case(
        """
      - stepId: call
        workflowId: read-with
        parameters: [{name: authorization, value: 'Bearer {$inputs.token}'}]
""",
        outputs="{mirrored: $steps.call.outputs.mirrored}",
        child="call",
        secret=CREDENTIAL,
        inputs={"token": {"$secret": "amplitude_basic_auth"}},
    ),
    "a retry hands it on": Case(
        LOGIN
        + f"""
      - stepId: read
        operationId: read
        parameters: [{{name: key, in: query, value: first}}]
        outputs: {{mirrored: $response.body#/mirrored}}
        onFailure:
          - name: again
            type: retry
            workflowId: read-with
            parameters: [{{name: authorization, value: {PART}}}]
""",
        outputs="{mirrored: $steps.read.outputs.mirrored}",
        child="read/again#1",
    ),
    "an input of a called workflow becomes a credential": Case(
        """
      - stepId: call
        workflowId: by-query
        parameters: [{name: key, value: $inputs.token}]
      - stepId: read
        operationId: read
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$workflows.by-query.inputs.key}'}
        outputs: {mirrored: $response.body#/mirrored}
""",
        BY_QUERY,
        outputs="""
      mirrored: $steps.read.outputs.mirrored
      key: 'it was {$workflows.by-query.inputs.key}'""",
        child="call",
        secret=CREDENTIAL,
        inputs={"token": {"$secret": "amplitude_basic_auth"}},
    ),
    "an input of a called workflow is handed on to one that sends it": Case(
        """
      - stepId: call
        workflowId: by-query
        parameters: [{name: key, value: $inputs.token}]
      - stepId: again
        workflowId: read-with
        parameters: [{name: authorization, value: $workflows.by-query.inputs.key}]
""",
        BY_QUERY + READ_WITH,
        outputs="{mirrored: $steps.again.outputs.mirrored}",
        child="again",
        secret=CREDENTIAL,
        inputs={"token": {"$secret": "amplitude_basic_auth"}},
    ),
    "an output of a called workflow that is its input becomes a credential": Case(
        """
      - stepId: call
        workflowId: mirror
        parameters: [{name: key, value: $inputs.token}]
      - stepId: read
        operationId: read
        parameters: [{name: Authorization, in: header, value: 'Bearer {$steps.call.outputs.k}'}]
        outputs: {mirrored: $response.body#/mirrored}
""",
        """
  - workflowId: mirror
    inputs: {type: object, properties: {key: {type: string}}}
    steps:
      - stepId: first
        operationId: read
    outputs: {k: $inputs.key}
""",
        outputs="{mirrored: $steps.read.outputs.mirrored, text: 'is {$steps.call.outputs.k}'}",
        child="call",
        secret=CREDENTIAL,
        inputs={"token": {"$secret": "amplitude_basic_auth"}},
    ),
    "an output of a step that is an input becomes a credential": Case(
        """
      - stepId: first
        operationId: read
        outputs: {k: $inputs.token, mirrored: $response.body#/mirrored}
      - stepId: read
        operationId: read
        parameters: [{name: Authorization, in: header, value: 'Bearer {$steps.first.outputs.k}'}]
        outputs: {mirrored: $response.body#/mirrored}
""",
        "",
        outputs="{mirrored: $steps.read.outputs.mirrored}",
        secret=CREDENTIAL,
        inputs={"token": {"$secret": "amplitude_basic_auth"}},
    ),
    "to a workflow that does not know it for a secret": Case(
        LOGIN
        + """
      - stepId: read
        operationId: read
        parameters: [{name: Authorization, in: header, value: $steps.login.outputs.session.token}]
      - stepId: call
        workflowId: by-query
        parameters: [{name: key, value: '{$steps.login.outputs.session#/token}'}]
""",
        BY_QUERY,
        outputs="{mirrored: $steps.call.outputs.mirrored}",
        child="call",
    ),
}


def answering() -> Any:
    """Return a service that gives a token, mirrors credentials, and fails the first `key`."""
    keys: list[str] = []

    def answer(asked: Asked) -> tuple[int, Any]:
        if asked.path == "/login":
            return 200, {"session": {"token": TOKEN, "kind": "bearer"}, "name": "the-canary"}
        key = asked.query.get("key", "")
        keys.append(key)
        status = 401 if keys.count("first") == 1 and key == "first" else 200
        return status, {"mirrored": asked.headers.get("authorization") or key}

    return answer


def sent(service: Service) -> str:
    """Return all credentials that came, as one text."""
    return " ".join(
        f"{one.headers.get('authorization', '')} {one.query.get('key', '')}"
        for one in service.asked
    )


@pytest.mark.parametrize("name", CASES)
async def test_a_secret_is_handed_on_and_stands_in_no_history(
    client: Client, settings: Settings, tmp_path: Path, name: str, max_cached_workflows: int
) -> None:
    """It reaches the service; the histories of all runs hold its seal, and what masks it."""
    case = CASES[name]
    case.write(tmp_path)
    async with scripted_house(client, settings, tmp_path, answering(), max_cached_workflows) as (
        house,
        service,
    ):
        handle = await house.start("main", case.inputs)
        outputs = await handle.result()
        assert case.secret in sent(service)
        assert case.secret not in str(outputs)
        children = [f"{handle.id}/{case.child}"] if case.child else []
        histories = await recorded(client, handle.id, *children)
        assert len(histories) == 1 + len(children) + case.steps.count("goto") * (
            1 + case.others.count("goto")
        )
        assert not [text for text in histories if case.secret in text]
        assert [text for text in histories if "the-canary" in text or "$secret" in text]


@pytest.mark.parametrize("name", CASES)
async def test_a_try_hands_it_on_as_well(settings: Settings, tmp_path: Path, name: str) -> None:
    """In this process, by the same rules."""
    case = CASES[name]
    case.write(tmp_path)
    service = Service(answering())
    entry = load_catalogue([tmp_path], worker_defaults(settings)).runnable("main")
    async with serving(service.application()) as base_url:
        tried = await try_entry(entry, dict(case.inputs), {"api": base_url}, waits=0)
    assert tried.error is None
    assert case.secret in sent(service)
    assert case.secret not in str(tried.outputs)


async def test_a_part_of_a_secret_output_leaves_the_workflow_sealed(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """Whoever has the key can open it; what is no secret stands beside it in plain."""
    use = """
      - stepId: read
        operationId: read
        parameters: [{name: Authorization, in: header, value: $steps.login.outputs.session.token}]
"""
    outputs = """
      part: $steps.login.outputs.session#/token
      text: 'it is {$steps.login.outputs.session#/kind}'
      name: $steps.login.outputs.name"""
    Case(LOGIN + use, "", outputs).write(tmp_path)
    async with scripted_house(client, settings, tmp_path, answering(), max_cached_workflows) as (
        house,
        _,
    ):
        found = await house.run("main", {})
    key = load_key(SecretStore(), settings.state_folder)
    assert is_sealed(found["part"])
    assert opened(key, found) == {"part": TOKEN, "text": "it is bearer", "name": "the-canary"}
