"""How values go to Temporal: as JSON, or encrypted (DURAZZO_ENCRYPT); and how they are read."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address
from typing import TYPE_CHECKING

from activities.credentials import SecretStore, variable_of
from activities.encryption import Encryption, KeyRing, log_warning
from activities.signing import KEY_NAME
from arazzo.errors import SecretMissing
from workflows.failure_conversion import DATA_CONVERTER, EncryptedFailures

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.converter import DataConverter

    from settings import Settings


def converter_for(address: str, settings: Settings, *, quiet: bool = False) -> DataConverter:
    """Return the conversion for the server at an address, host:port; `quiet` logs no warnings.

    Raises SecretMissing when it encrypts for another machine with a key that only this one has.
    """
    keys = key_ring(settings)
    codec = Encryption(keys, encrypts=settings.encrypt)
    if not quiet:
        codec = dataclasses.replace(codec, warn=log_warning)
    converter = dataclasses.replace(DATA_CONVERTER, payload_codec=codec)
    if not settings.encrypt:
        return converter
    if keys.store.place(KEY_NAME) is None and not is_loopback(address.rpartition(":")[0]):
        raise SecretMissing(
            f"DURAZZO_ENCRYPT is set, and the Temporal server at {address} is on another machine: "
            f"its workers could not read what a key of this one encrypts. Give all of them, and "
            f"this one, the same secret `{KEY_NAME}` ({variable_of(KEY_NAME)})",
            reason="no-shared-key",
        )
    return dataclasses.replace(converter, failure_converter_class=EncryptedFailures)


def key_ring(settings: Settings) -> KeyRing:
    """Return the keys of this process; nothing is read yet."""
    return KeyRing(SecretStore(settings.secrets_dir), settings.state_folder)


def told_encryption(client: Client) -> str:
    """Return in what form a client sends values, for people."""
    codec = client.data_converter.payload_codec
    if isinstance(codec, Encryption) and codec.encrypts:
        return f"values encrypted with the key {codec.keys.present.id}"
    return "plain values"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name or its address."""
    name = host.strip("[]").lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
