"""docker-compose.yml and the Dockerfile, checked without Docker."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from importlib import resources
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml
from conftest import ROOT

from settings import Settings
from starter import COMMANDS

COMPOSE: Final[dict[str, Any]] = yaml.safe_load(
    (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
)
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = {name: one for name, one in SERVICES.items() if "build" in one}
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PINNED: Final = re.compile(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?")

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))


def seconds(text: str) -> float:
    """Return a duration of the form `45s` in seconds."""
    assert text.endswith("s"), text
    return float(text[:-1])


def test_the_file_follows_the_compose_specification() -> None:
    """Compose would take it: no unknown key, no ill-typed value."""
    vendor = resources.files("check_jsonschema.builtin_schemas.vendor")
    schema = json.loads(vendor.joinpath("compose-spec.json").read_text(encoding="utf-8"))
    jsonschema_rs.validate(schema, COMPOSE)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, {**COMPOSE, "servises": {}})


@every_service
def test_an_image_is_pinned(service: dict[str, Any]) -> None:
    """What is started today is started in a year."""
    assert PINNED.fullmatch(service["image"]), service["image"]


def test_the_worker_image_is_built_on_a_pinned_one_for_a_user_without_rights() -> None:
    """Python's own version is pinned too, dependencies come by constraints, root runs nothing."""
    base = re.findall(r"^FROM (\S+)$", DOCKERFILE, re.MULTILINE)
    assert [bool(PINNED.fullmatch(one)) for one in base] == [True]
    assert "--constraint constraints.txt" in DOCKERFILE
    lines = DOCKERFILE.splitlines()
    assert lines.index("USER 10001") > lines.index("COPY . .")
    assert not [one for one in lines[lines.index("USER 10001") + 1 :] if one.startswith("USER")]


@every_service
def test_a_service_is_watched_and_started_again(service: dict[str, Any]) -> None:
    """A service that dies comes back, and one that hangs is seen."""
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]


def test_the_worker_gets_more_time_to_stop_than_it_takes() -> None:
    """SIGKILL comes only after the graceful shutdown is over."""
    worker = SERVICES["worker"]
    graceful = float(worker["environment"]["DURAZZO_GRACEFUL_SHUTDOWN_SECONDS"])
    assert graceful >= 30
    assert seconds(worker["stop_grace_period"]) > graceful


@pytest.mark.parametrize("name", OURS)
def test_a_command_exists_in_our_code(name: str) -> None:
    """The image's entry point is the console script; a module that is run can be found."""
    service = OURS[name]
    assert 'ENTRYPOINT ["durazzo"]' in DOCKERFILE
    started = [*service.get("entrypoint", ["durazzo"]), *service["command"]]
    checked = service["healthcheck"]["test"][1:]
    for words in (started, checked):
        if words[0] == "durazzo":
            assert words[1] in COMMANDS
        elif words[:2] == ["python", "-m"]:
            assert importlib.util.find_spec(words[2]) is not None
        else:
            assert words[:2] == ["python", "-c"]
            compile(words[2], name, "exec")


@pytest.mark.parametrize("name", OURS)
def test_a_variable_is_one_of_our_settings(name: str) -> None:
    """A misspelt variable would be passed over in silence."""
    known = {f"DURAZZO_{field.upper()}" for field in Settings.model_fields}
    given = OURS[name].get("environment", {})
    assert {one for one in given if one.startswith("DURAZZO_")} <= known


def test_the_servers_of_the_worker_can_be_read_and_emptied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The default names the stand-in; the empty variable means the servers of the settings."""
    text: str = SERVICES["worker"]["environment"]["DURAZZO_SERVERS"]
    default = text.removeprefix("${DURAZZO_SERVERS-").removesuffix("}")
    monkeypatch.setenv("DURAZZO_SERVERS", default)
    assert set(Settings().servers.values()) == {"http://stand-in:8080"}
    monkeypatch.setenv("DURAZZO_SERVERS", "")
    assert Settings().servers == {}


@every_service
def test_secrets_are_files_and_no_variables(service: dict[str, Any]) -> None:
    """Variables of a container can be read by whoever may look at it."""
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    for name, value in service.get("environment", {}).items():
        plain = re.search(r"PASSWORD|PWD|KEY|TOKEN|SECRET_", name)
        assert not plain or str(value).startswith("/run/secrets/"), name


def test_the_image_holds_every_package_and_no_secret() -> None:
    """What pyproject.toml installs is copied; all else is left out."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = project["tool"]["setuptools"]
    for name in (*installed["packages"], "documents"):
        assert f"!{name}/**" in ignored
    for name in (*(f"{one}.py" for one in installed["py-modules"]), "constraints.txt"):
        assert f"!{name}" in ignored
    assert not [one for one in ignored if one.startswith("!secrets")]
