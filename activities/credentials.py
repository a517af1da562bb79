"""Secrets by name. Their values exist only inside one attempt of an activity.

A name `[a-z0-9_]+` is looked up in the variable DURAZZO_SECRET_<NAME> or in the file of that
name in $DURAZZO_SECRETS_DIR; nothing outside that namespace can be reached.
"""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

from activities.sealing import open_sealed
from arazzo.errors import SecretMissing
from arazzo.inputs import SECRET_KEY, is_sealed, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

VARIABLE_PREFIX: Final = "DURAZZO_SECRET_"
MASK: Final = "*****"
SHORTEST_MASKED: Final = 4
"""A shorter text would be found everywhere, and is no secret anybody could keep."""
SHORTEST_INSIDE: Final = 16
"""An object that holds a token holds other texts as well, such as `active`."""

_NAME: Final = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class SecretStore:
    """Where the worker keeps its secrets; read anew each time, so that they can be rotated."""

    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    given: frozenset[str] = frozenset()
    """Names whose values came with the inputs of a try, so that its document may use them."""

    def get(self, name: str) -> str:
        """Return the value of a secret. Raises SecretMissing, which says where to put it."""
        if not _NAME.fullmatch(name):
            raise SecretMissing(
                f"`{name}` is no name of a secret: it may hold a-z, 0-9 and _",
                reason="secret-name",
            )
        variable = VARIABLE_PREFIX + name.upper()
        value = self.environment.get(variable)
        if value is None and self.folder is not None:
            value = _file_text(self.folder / name)
        if not value:
            place = f" or write it to {self.folder / name}" if self.folder else ""
            raise SecretMissing(
                f"the worker has no secret `{name}`; set the variable {variable}{place} "
                "where the worker runs, and start it again",
                reason="secret-missing",
                facts={"secret": name},
            )
        return value


def _file_text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SecretMissing(
            f"the secret's file {file} can't be read: {error}", reason="secret-unreadable"
        ) from error


def reveal(
    value: Any, allowed: Iterable[str] | None, store: SecretStore, key: bytes
) -> tuple[Any, list[str]]:
    """Return the value with its secrets in place of names and seals, and the texts to mask.

    Raises SecretMissing when one is not there, not among the allowed names (None: all), or
    sealed with another key.
    """
    secrets: list[str] = []
    permitted = None if allowed is None else frozenset(allowed)

    def revealed(node: Any) -> Any:
        if is_secret(node):
            secrets.append(_permitted(node[SECRET_KEY], permitted, store))
            return secrets[-1]
        if is_sealed(node):
            opened = open_sealed(key, node)
            secrets.extend(_texts(opened))
            return opened
        if isinstance(node, dict):
            return {name: revealed(child) for name, child in node.items()}
        if isinstance(node, list):
            return [revealed(child) for child in node]
        return node

    return revealed(value), secrets


def _texts(value: Any) -> Iterator[str]:
    """The texts of a sealed value; within an object, those that are long enough for a secret."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        children = value.values() if isinstance(value, dict) else value
        texts = (text for child in children for text in _texts(child))
        yield from (text for text in texts if len(text) >= SHORTEST_INSIDE)


def _permitted(name: str, permitted: frozenset[str] | None, store: SecretStore) -> str:
    if permitted is not None and name not in permitted | store.given:
        known = ", ".join(f"`{one}`" for one in sorted(permitted)) or "none"
        raise SecretMissing(
            f"this document may not use the secret `{name}`; its settings allow {known}",
            reason="secret-not-allowed",
            facts={"secret": name},
        )
    return store.get(name)


class Masking:
    """Replaces secrets in texts and values: as they are, in base64 and URL-encoded."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Learn the first secrets."""
        self._spellings: list[str] = []
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Learn more secrets; their spellings are replaced longest first."""
        spellings = {
            spelling
            for secret in secrets
            for spelling in _spellings(secret)
            if len(spelling) >= SHORTEST_MASKED
        }
        self._spellings = sorted(spellings.union(self._spellings), key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return the text with every secret replaced by a row of stars."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def excerpt(self, text: str, length: int) -> str:
        """Return the masked beginning of a text; a secret that is cut off is masked as well."""
        longest = len(self._spellings[0]) if self._spellings else 0
        return self.text(text[: length + longest])[:length]

    def value(self, value: Any) -> Any:
        """Return a JSON value with every secret in its texts and keys replaced."""
        if not self._spellings:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(child) for key, child in value.items()}
        if isinstance(value, list):
            return [self.value(child) for child in value]
        return value


def _spellings(secret: str) -> list[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    plain = [secret, encoded, encoded.rstrip("=")]
    plain += _decoded(secret)
    return [
        spelling
        for text in plain
        for spelling in (
            *(text, quote(text, safe=""), quote_plus(text)),
            *(json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]),
        )
    ]


def _decoded(secret: str) -> list[str]:
    """What a secret that is itself base64 says, such as `key:secret` for Basic, and its parts."""
    try:
        text = base64.b64decode(secret, validate=True).decode()
    except ValueError:
        return []
    parts = [part for part in text.split(":", 1) if len(part) >= SHORTEST_MASKED * 2]
    return [text, *parts] if text.isprintable() and text else []
