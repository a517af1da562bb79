"""Encrypts all that goes to Temporal, so that a history shows nothing to who lacks the key.

A payload becomes a nonce of 12 bytes and the AES-256-GCM of its protobuf, without further data,
under the encoding `binary/encrypted` and the id of its key, as in Temporal's own samples. What is
not encrypted passes as it is, so that histories from before, and inputs of callers without a key,
can be read.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from activities.names import UNREADABLE
from activities.signing import KEY_FILE, KEY_NAME, load_key
from arazzo.errors import SecretMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from activities.credentials import SecretStore

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
FORMER_KEYS: Final = "durazzo_former_keys"
"""The secret with keys of before, one a line, which decrypt and never encrypt."""

ANOTHER_KEY, DAMAGED = UNREADABLE
PURPOSE: Final = b"durazzo payload 1"
PURPOSE_OF_ID: Final = b"durazzo payload key id 1"
NONCE_BYTES: Final = 12
ID_BYTES: Final = 8
_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class PayloadKey:
    """What encrypts payloads, made from a key of the worker; its `id` tells nothing of that."""

    id: str
    cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> PayloadKey:
        """Return the one of a worker's key."""
        name = hmac.new(key, PURPOSE_OF_ID, hashlib.sha256).digest()[:ID_BYTES].hex()
        return cls(name, AESGCM(hmac.new(key, PURPOSE, hashlib.sha256).digest()))


@dataclass(frozen=True)
class KeyRing:
    """The keys of this process, read when a payload wants one that is not known, and then kept."""

    store: SecretStore
    state_folder: Path
    _found: dict[str, PayloadKey] = field(default_factory=dict)

    @cached_property
    def present(self) -> PayloadKey:
        """Return the key that encrypts, which is made when the machine has none.

        Raises SecretMissing when it can't be read.
        """
        found = PayloadKey.of(load_key(self.store, self.state_folder))
        self._found[found.id] = found
        return found

    def find(self, key_id: str) -> PayloadKey | None:
        """Return the key that decrypts, None when it is not here. Raises SecretMissing."""
        if key_id not in self._found:
            keys = (PayloadKey.of(one) for one in self._keys())
            self._found.update({one.id: one for one in keys})
        return self._found.get(key_id)

    @property
    def ids(self) -> list[str]:
        """Return the ids of the keys that were found."""
        return list(self._found)

    def _keys(self) -> Iterator[bytes]:
        """Yield what is there; to read nobody needs a key that is made just now."""
        for name in (KEY_NAME, FORMER_KEYS):
            if self.store.place(name) is not None:
                value = self.store.get(name).encode()
                yield from [value] if name == KEY_NAME else filter(None, value.splitlines())
        generated = self.state_folder / KEY_FILE
        if generated.is_file():
            yield generated.read_bytes().strip()


def log_warning(text: str) -> None:
    """Write a warning to the log of this process."""
    logging.getLogger(__name__).warning("%s", text)


def _ignore(_text: str) -> None:
    """Commands have messages of their own."""


@dataclass(frozen=True)
class Encryption(PayloadCodec):
    """Decrypts what is encrypted, and encrypts when it is told to."""

    keys: KeyRing
    encrypts: bool
    warn: Callable[[str], None] = _ignore
    """Is told of foreign keys, and of plain values into encrypted runs; each thing once."""

    _told: set[str] = field(default_factory=set)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads encrypted. Raises SecretMissing when the key can't be read."""
        if self.encrypts:
            return [self._encrypted(one) for one in payloads]
        if payloads and self.keys.ids:
            self._tell(
                "runs here are encrypted, and this process writes plain values into them; set "
                "DURAZZO_ENCRYPT=1 for it as well"
            )
        return list(payloads)

    def _tell(self, text: str) -> None:
        """Tell each thing once: it is the same for thousands of payloads."""
        if text not in self._told:
            self._told.add(text)
            self.warn(text)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they were. Raises SecretMissing, which names the key's id."""
        return [self.decrypted(one) for one in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        key, nonce = self.keys.present, os.urandom(NONCE_BYTES)
        data = nonce + key.cipher.encrypt(nonce, payload.SerializeToString(), None)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key.id.encode()}, data=data)

    def decrypted(self, payload: Payload) -> Payload:
        """Return one payload as it was. Raises SecretMissing, which names the key's id."""
        if not is_encrypted(payload):
            return payload
        key_id = key_id_of(payload)
        key = self.keys.find(key_id)
        if key is None:
            error = another_key(key_id, self.keys.ids)
            self._tell(error.message)
            raise error
        try:
            raw = key.cipher.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], None)
        except (InvalidTag, ValueError) as error:
            raise SecretMissing(
                f"an encrypted payload is damaged: it does not open with the key {key_id}, whose "
                "id it bears",
                reason=DAMAGED,
            ) from error
        return Payload.FromString(raw)


def is_encrypted(payload: Payload) -> bool:
    """Return whether a payload is one of this encoding."""
    return bool(payload.metadata.get("encoding") == ENCODING)


def key_id_of(payload: Payload) -> str:
    """Return the id of the key of an encrypted payload, empty where it is none of ours."""
    found = payload.metadata.get(KEY_ID, b"").decode(errors="replace")
    return found if _ID.fullmatch(found) else ""


def another_key(key_id: str, known: Sequence[str]) -> SecretMissing:
    """Return the error of who lacks a key; `known` are the ids of those that are here."""
    here = ", ".join(known) or "none"
    return SecretMissing(
        f"a payload is encrypted with the key {key_id or 'of an unknown id'}, and here is {here}. "
        f"Whoever reads a run needs the secret `{KEY_NAME}` of its workers; a key of before "
        f"belongs into the secret `{FORMER_KEYS}`",
        reason=ANOTHER_KEY,
        facts={"key": key_id},
    )
