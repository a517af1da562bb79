"""Messages as options give them: JSON, or a file of JSON or YAML behind `@`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arazzo import yaml_text
from arazzo.errors import DocumentInvalid, InputInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable


def json_value(text: str, option: str) -> Any:
    """Return the value of an option: JSON, `@FILE`, or `@-` for standard input.

    Raises InputInvalid.
    """
    name = text.removeprefix("@") if text.startswith("@") else ""
    try:
        content = _content(name) if name else text
        return yaml_text.read(content, name or option).value
    except (OSError, UnicodeDecodeError) as error:
        raise InputInvalid(f"`{option} {text}` can't be read: {error}", reason="file") from error
    except DocumentInvalid as error:
        raise InputInvalid(
            f"`{option}` wants JSON, or @FILE with JSON: {error.message}", reason="no-json"
        ) from error


def _content(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")


def given_pairs(texts: Iterable[str] | None, option: str) -> list[tuple[str, str]]:
    """Return the two sides of each NAME=VALUE. Raises InputInvalid."""
    found = []
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputInvalid(f"`{option} {text}`: expected NAME=VALUE", reason="message-option")
        found.append((name, value))
    return found


def given_messages(texts: Iterable[str] | None) -> list[tuple[str, Any]]:
    """Return the channel and the message of each `--message CHANNEL=JSON`. Raises InputInvalid."""
    pairs = given_pairs(texts, "--message")
    return [(channel, json_value(value, "--message")) for channel, value in pairs]
