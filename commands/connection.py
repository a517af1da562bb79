"""The way to the Temporal server: options, environment, and the profiles of temporalio.envconfig.

The order: what the command line says, then TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the profile
(TLS, API key), then localhost:7233 and the namespace `default`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode

from arazzo.errors import CallerError, OtherPartyError
from commands.data_conversion import converter_for
from settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_ADDRESS: Final = "localhost:7233"
DEFAULT_NAMESPACE: Final = "default"
SECONDS_TO_CONNECT: Final = 5.0
SERVER_FILE: Final = "server.json"
UI_PORT_DISTANCE: Final = 1000
"""The development server's Web UI listens that many ports above its own port."""
LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What a command was told; None leaves it to the environment and its profile."""

    address: str | None = None
    namespace: str | None = None
    profile: str | None = None


class NoTemporalServer(OtherPartyError):
    """Nobody answers at the address, or who answers is no Temporal server."""

    def __init__(self, address: str, why: str) -> None:
        """Say where, why, and how to get one."""
        super().__init__(
            f"no Temporal server answers at {address} ({why}). Start one with `durazzo server` "
            "in another terminal, or name yours with --address or TEMPORAL_ADDRESS",
            reason="no-server",
            facts={"address": address},
        )
        self.address = address


class ProfileInvalid(CallerError):
    """The profile of the Temporal configuration is not there, or can't be read."""


class AddressInvalid(CallerError):
    """An address that is not host:port."""


class NamespaceMissing(CallerError):
    """The server has no namespace of that name."""


def refusal(error: RPCError) -> CallerError | OtherPartyError:
    """Return what it means that the server refused a call."""
    if error.status is RPCStatusCode.NOT_FOUND and "namespace" in error.message.lower():
        return NamespaceMissing(
            f"the server refused: {error.message.rstrip('.')}; name yours with --namespace or "
            "TEMPORAL_NAMESPACE",
            reason="namespace",
        )
    return NoTemporalServer("the address given", error.message)


def connect_config(options: ConnectionOptions) -> dict[str, Any]:
    """Return the arguments of Client.connect: target_host, namespace, and TLS or API key.

    Raises ProfileInvalid when the configuration can't be read, AddressInvalid.
    """
    try:
        profile = ClientConfigProfile.load(options.profile)
    except (RuntimeError, ValueError) as error:
        raise ProfileInvalid(
            f"the Temporal configuration can't be read: {error}", reason="profile"
        ) from error
    config: dict[str, Any] = dict(profile.to_client_connect_config())
    config["target_host"] = options.address or config.get("target_host") or DEFAULT_ADDRESS
    config["namespace"] = options.namespace or config.get("namespace") or DEFAULT_NAMESPACE
    _check_address(config["target_host"])
    return config


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal() or int(port) > LAST_PORT:
        raise AddressInvalid(
            f"the address `{address}` of the Temporal server must be host:port, such as "
            f"{DEFAULT_ADDRESS}",
            reason="address",
        )


async def connect_quietly(options: ConnectionOptions) -> Client:
    """Return a connected client whose library logs no warnings: a command has its own messages.

    Raises what `connect` raises.
    """
    only_errors = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    telemetry = TelemetryConfig(logging=LoggingConfig(filter=only_errors))
    return await connect(options, Runtime(telemetry=telemetry), quiet=True)


async def connect(
    options: ConnectionOptions, runtime: Runtime | None = None, *, quiet: bool = False
) -> Client:
    """Return a connected client; without a runtime in that of the process.

    Raises NoTemporalServer within a few seconds, ProfileInvalid, AddressInvalid; SecretMissing
    when payloads are to be encrypted and the key can't be shared.
    """
    config = connect_config(options)
    address = config["target_host"]
    converter = converter_for(address, load_settings(), quiet=quiet)
    try:
        connecting = Client.connect(**config, runtime=runtime, data_converter=converter)
        return await asyncio.wait_for(connecting, SECONDS_TO_CONNECT)
    except TimeoutError as error:
        raise NoTemporalServer(address, f"no answer in {SECONDS_TO_CONNECT:g} s") from error
    except (RuntimeError, RPCError) as error:
        raise NoTemporalServer(address, _first_line(error)) from error


def _first_line(error: Exception) -> str:
    if "dns error" in str(error):
        return "there is no host of that name"
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return "connection refused" if "onnection refused" in str(error) else text[:200]


def web_url(client: Client, workflow_id: str, run_id: str | None = None) -> str:
    """Return the link to a run in the Web UI, as far as its place is known."""
    base = _ui_base(client.service_client.config.target_host)
    run = f"/{run_id}" if run_id else ""
    path = f"/namespaces/{quote(client.namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"
    return f"{base}{path}{run}"


def _ui_base(address: str) -> str:
    settings = load_settings()
    if settings.ui_url:
        return settings.ui_url.rstrip("/")
    known = read_server_file(settings.state_folder)
    if known and _same_address(str(known.get("address")), address):
        return str(known["uiUrl"])
    host, _, port = address.rpartition(":")
    ui_port = int(port) + UI_PORT_DISTANCE if port.isdigit() else 8233
    return f"http://{host or 'localhost'}:{ui_port}"


def _same_address(one: str, other: str) -> bool:
    return one.replace("localhost", "127.0.0.1") == other.replace("localhost", "127.0.0.1")


def read_server_file(state_folder: Path) -> dict[str, Any] | None:
    """Return what `durazzo server` wrote of the server that it started last, None without one."""
    try:
        found = json.loads((state_folder / SERVER_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_server_file(
    state_folder: Path, address: str, ui_url: str, process_id: int, database: Path
) -> None:
    """Write where the server is, so that links to the Web UI are right, and its database."""
    state_folder.mkdir(parents=True, exist_ok=True)
    record = {
        "address": address,
        "uiUrl": ui_url,
        "processId": process_id,
        "database": str(database.absolute()),
    }
    (state_folder / SERVER_FILE).write_text(json.dumps(record), encoding="utf-8")
