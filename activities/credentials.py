"""Secrets by name. Their values exist only inside one attempt of an activity.

A name `[a-z0-9_]+` is looked up in the variable DURAZZO_SECRET_<NAME> or in the file of that
name in $DURAZZO_SECRETS_DIR; nothing outside that namespace can be reached.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from activities.sealing import open_sealed
from arazzo.errors import SecretMissing
from arazzo.inputs import SECRET_KEY, is_sealed, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

VARIABLE_PREFIX: Final = "DURAZZO_SECRET_"
SHORTEST_INSIDE: Final = 16
"""An object that holds a token holds other texts as well, such as `active`."""

_NAME: Final = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class SecretPlace:
    """Where a secret is: in a variable of that name, or in a file."""

    variable: str = ""
    file: Path | None = None

    def __str__(self) -> str:
        """Return it as people read it."""
        return f"the file {self.file}" if self.file else f"the variable {self.variable}"

    @property
    def is_open(self) -> bool:
        """Return whether others can read a file of this user's; a mounted one is another's."""
        if self.file is None:
            return False
        found = self.file.stat()
        return found.st_uid == os.getuid() and bool(stat.S_IMODE(found.st_mode) & 0o077)


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
        variable = variable_of(name)
        value = self.environment.get(variable)
        if value is None and self.folder is not None:
            value = _file_text(self.folder / name)
        if not value:
            raise self._missing(name)
        if not _is_text(value):
            raise SecretMissing(
                f"the secret `{name}` ({variable}) is no UTF-8 text", reason="secret-unreadable"
            )
        return value

    def place(self, name: str) -> SecretPlace | None:
        """Return where a secret is, None when it is nowhere.

        Raises SecretMissing when it is there and can't be read.
        """
        try:
            self.get(name)
        except SecretMissing as error:
            if error.reason == "secret-missing":
                return None
            raise
        if self.folder is None or variable_of(name) in self.environment:
            return SecretPlace(variable=variable_of(name))
        return SecretPlace(file=self.folder / name)

    def _missing(self, name: str) -> SecretMissing:
        file = f"a file `{name}` in the folder DURAZZO_SECRETS_DIR"
        if self.folder is not None:
            file = str(self.folder / name)
        return SecretMissing(
            f"the worker has no secret `{name}`; set the variable {variable_of(name)} where the "
            f"worker runs and start it again, or write it to {file}",
            reason="secret-missing",
            facts={"secret": name},
        )


def variable_of(name: str) -> str:
    """Return the variable in which the secret of a name is looked for."""
    return VARIABLE_PREFIX + name.upper()


def _is_text(value: str) -> bool:
    """Return whether a variable's bytes were UTF-8; else the value could not be sent."""
    return value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value)


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
