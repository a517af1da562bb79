"""What a workflow needs of secrets: by alternatives, of called workflows too, and by its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shelf import Shelf, description, document, step, workflow

from arazzo.needed_secrets import Alternative, Need, names_of, needed_secrets
from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

SCHEMES = {
    "Key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "Login": {"type": "http", "scheme": "basic"},
    "Machine": {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}},
    },
}
CREDENTIALS = """
credentials:
  Key: {secret: a_key}
  Login: {secret: a_login}
  Machine: {client_credentials: {client_id: an_id, client_secret: a_secret}}
"""
KEY = Alternative(("a_key",), "Key (apiKey)")
LOGIN = Alternative(("a_login",), "Login (basic)")
MACHINE = Alternative(("an_id", "a_secret"), "Machine (OAuth2 client credentials)")


def needs(
    folder: Path, security: list[Any], *flows: dict[str, Any], settings: str = ""
) -> tuple[Need, ...]:
    """Return what the first of these workflows needs."""
    api = description()
    api |= {"security": security, "components": {"securitySchemes": SCHEMES}}
    shelf = Shelf(folder)
    shelf.add("flow.arazzo.json", document(*flows))
    shelf.add("api.json", api)
    shelf.add("settings.yaml", CREDENTIALS + settings)
    entry = load_catalogue([folder]).entries[0]
    assert entry.compiled.plan, entry.compiled.findings
    return needed_secrets(entry.compiled.plan, entry.compiled.schema)


@pytest.mark.parametrize(
    ("security", "alternatives", "required"),
    [
        ([{"Key": []}], (KEY,), True),
        ([{"Machine": []}, {"Key": []}], (MACHINE, KEY), True),
        ([{"Key": [], "Login": []}],
         (Alternative(("a_key", "a_login"), "Key (apiKey) with Login (basic)"),), True),
        ([{"Key": []}, {}], (KEY,), False),
    ],
    ids=["one", "two to choose from", "two together", "or none"],
)  # fmt: skip
def test_the_alternatives_of_a_security_requirement(
    tmp_path: Path, security: list[Any], alternatives: tuple[Alternative, ...], *, required: bool
) -> None:
    """One of them is enough, with all that belongs to it."""
    (need,) = needs(tmp_path, security)
    assert need == Need("credential", ("only",), alternatives, required)


def test_what_needs_nothing(tmp_path: Path) -> None:
    """No requirement, no secret input."""
    assert needs(tmp_path, []) == ()


def test_steps_with_the_same_credential_are_told_together(tmp_path: Path) -> None:
    """Those of called workflows with that one's name before them, also twice called ones."""
    main = workflow("main", steps=[
        step("a"), {"stepId": "b", "workflowId": "other"}, {"stepId": "c", "workflowId": "other"},
    ])  # fmt: skip
    (need,) = needs(tmp_path, [{"Key": []}], main, workflow("other", steps=[step("inner")]))
    assert need.users == ("a", "other.inner")


INPUTS = {
    "type": "object",
    "properties": {"pin": {"type": "string", "format": "password"}, "x": {"type": "string"}},
}


@pytest.mark.parametrize(
    ("required", "settings", "alternatives"),
    [
        (["pin"], "", ()),
        (["pin"], "secrets: [one, two]", (Alternative(("one",)), Alternative(("two",)))),
        ([], "secrets: [one]", (Alternative(("one",)),)),
    ],
    ids=["any name", "names of the settings", "optional"],
)
def test_a_secret_input_takes_one_of_the_names_that_the_settings_allow(
    tmp_path: Path, required: list[str], settings: str, alternatives: tuple[Alternative, ...]
) -> None:
    """Which one is said at the start."""
    flow = workflow(inputs={**INPUTS, "required": required})
    (need,) = needs(tmp_path, [], flow, settings=settings)
    assert need == Need("input", ("pin",), alternatives, bool(required))


@pytest.mark.parametrize(
    ("need", "found", "met"),
    [
        (Need("credential", ("a",), (MACHINE, KEY), required=True), (), False),
        (Need("credential", ("a",), (MACHINE, KEY), required=True), ("an_id",), False),
        (Need("credential", ("a",), (MACHINE, KEY), required=True), ("an_id", "a_secret"), True),
        (Need("credential", ("a",), (MACHINE, KEY), required=True), ("a_key",), True),
        (Need("credential", ("a",), (KEY,), required=False), (), True),
        (Need("input", ("pin",), (), required=True), (), True),
    ],
    ids=["none", "half", "the first", "the second", "goes without", "any name"],
)
def test_when_a_need_is_met(need: Need, found: tuple[str, ...], *, met: bool) -> None:
    """By one whole alternative; what nobody can know before a start counts as met."""
    assert need.is_met(found) is met


def test_the_names_of_all_that_could_serve() -> None:
    """Each once, in the order of the alternatives."""
    every = [Need("credential", ("a",), (MACHINE, KEY), required=True)] * 2
    assert names_of(every) == ["an_id", "a_secret", "a_key"]
