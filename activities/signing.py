"""The worker's own key: it signs plans, so that nobody else can hand one in.

A signature is the hex of HMAC-SHA-256 over canonical JSON. Workers that share runs share the
key: the secret `durazzo_key`. Without one, a generated key file serves one machine.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arazzo.errors import InputInvalid, SecretMissing
from arazzo.plan import canonical

if TYPE_CHECKING:
    from activities.credentials import SecretStore

KEY_NAME: Final = "durazzo_key"
KEY_FILE: Final = "durazzo.key"
KEY_BYTES: Final = 32
SHORTEST_KEY: Final = 32
"""Characters: ids of keys stand in the open, so a short one could be guessed from its id."""


def load_key(store: SecretStore, state_folder: Path) -> bytes:
    """Return the worker's key, made on first use in a file that only its owner can read.

    Raises SecretMissing when it can't be read, or is no key.
    """
    try:
        return _long_enough(store.get(KEY_NAME).encode(), f"the secret `{KEY_NAME}`")
    except SecretMissing as error:
        if error.reason != "secret-missing":
            raise
    file = state_folder / KEY_FILE
    try:
        return _long_enough(_generated_key(file), f"the key in {file}")
    except OSError as error:
        raise SecretMissing(
            f"the worker's key can't be kept in {file} ({error.strerror}); set "
            f"DURAZZO_STATE_FOLDER to a place that can be written, or give it the secret "
            f"`{KEY_NAME}`",
            reason="key-unwritable",
        ) from error


def _long_enough(key: bytes, what: str) -> bytes:
    if len(key) < SHORTEST_KEY:
        raise SecretMissing(
            f"{what} has {len(key)} characters, and {SHORTEST_KEY} are the least; make one with "
            "`python -c 'import secrets; print(secrets.token_hex(32))'`",
            reason="key-too-short",
        )
    return key


def _generated_key(file: Path) -> bytes:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)  # mode 0600
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(KEY_BYTES))
        try:
            os.link(draft, file)  # whoever comes first wins, also among several workers
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink()
    return file.read_bytes().strip()


def sign(key: bytes, value: Any) -> str:
    """Return the signature of a JSON value."""
    return hmac.new(key, canonical(value), hashlib.sha256).hexdigest()


def verify(key: bytes, value: Any, signature: str, what: str) -> None:
    """Raise InputInvalid unless the signature is ours."""
    if not hmac.compare_digest(sign(key, value).encode(), signature.encode(errors="replace")):
        raise InputInvalid(
            f"{what} was not made by a worker with this key. Workers that share runs need the "
            f"same secret `{KEY_NAME}`",
            reason="signature",
        )
