"""Seals secret outputs: AES-256-GCM with a key made from the worker's own (see signing.py)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from activities.signing import KEY_NAME
from arazzo.errors import SecretMissing
from arazzo.inputs import SEALED_KEY, is_sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

PURPOSE: Final = b"durazzo sealed output 1"
NONCE_BYTES: Final = 12


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(hmac.new(key, PURPOSE, hashlib.sha256).digest())


def seal(key: bytes, value: Any) -> dict[str, str]:
    """Return a JSON value as `{"$sealed": text}`."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = _cipher(key).encrypt(nonce, json.dumps(value).encode(), PURPOSE)
    return {SEALED_KEY: base64.b64encode(nonce + sealed).decode()}


def open_sealed(key: bytes, value: dict[str, str]) -> Any:
    """Return what was sealed. Raises SecretMissing when it was sealed with another key."""
    try:
        raw = base64.b64decode(value[SEALED_KEY], validate=True)
        opened = _cipher(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], PURPOSE)
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise SecretMissing(
            "a sealed value can't be opened here: it was sealed by a worker with another key. "
            f"Workers that share runs need the same secret `{KEY_NAME}`",
            reason="sealed-with-another-key",
        ) from error
    return json.loads(opened)


def opened(key: bytes, value: Any) -> Any:
    """Return a JSON value with everything in it opened that is sealed."""
    if is_sealed(value):
        return open_sealed(key, value)
    if isinstance(value, dict):
        return {name: opened(key, child) for name, child in value.items()}
    if isinstance(value, list):
        return [opened(key, child) for child in value]
    return value


def hidden(
    key: bytes, sealed: Collection[str], outputs: dict[str, Any], mask: Callable[[Any], Any]
) -> dict[str, Any]:
    """Return outputs with those of the names `sealed`, and all others without secrets.

    One that is null holds no secret, and says so. What is sealed keeps its secrets: they are what
    a later step sends.
    """
    return {
        name: seal(key, value) if name in sealed and value is not None else mask(value)
        for name, value in outputs.items()
    }
