"""Masks secrets in texts and values: as they are, and in every spelling that a message gives them.

A text may hold a secret in base64 (also inside a longer one, such as `user:secret`), URL-encoded,
escaped for JSON or HTML, or as Python shows bytes. Each character is matched in all of its
spellings, so that a text which mixes them is masked as well.
"""

from __future__ import annotations

import base64
import html
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK: Final = "*****"
SHORTEST_MASKED: Final = 4
"""A shorter text would be found everywhere, and is no secret anybody could keep."""
SHORTEST_PART: Final = 8
"""Of a pair such as `user:password`: a short one is a word of the language."""
LONGEST_CHARACTER: Final = 40
"""No spelling of one character is longer, with all bytes of its UTF-8 escaped twice."""


class Masking:
    """Replaces secrets in texts and values by a row of stars.

    What it learns, `beyond` learns too: the masking of all attempts together.
    """

    def __init__(self, secrets: Iterable[str] = (), beyond: Masking | None = None) -> None:
        """Learn the first secrets."""
        self._secrets: set[str] = set()
        self._beyond = beyond
        self._pattern: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Learn more secrets, and the parts of those that are pairs."""
        learned = {part for one in secrets for part in _parts(one) if len(part) >= SHORTEST_MASKED}
        if self._beyond is not None:
            self._beyond.learn(learned)
        if learned <= self._secrets:
            return
        self._secrets |= learned
        self._pattern = _pattern(frozenset(self._secrets))

    def text(self, text: str) -> str:
        """Return the text with every secret replaced."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def excerpt(self, text: str, length: int) -> str:
        """Return the masked beginning of a text; a secret that is cut off is masked as well."""
        if self._pattern is None:
            return text[:length]
        longest = max(map(len, self._secrets)) * LONGEST_CHARACTER
        told, at = "", 0
        while len(told) < length and at < len(text):
            wanted = at + length - len(told)
            found = self._pattern.search(text, at, wanted + longest)
            if found is None or found.start() >= wanted:
                return told + text[at:wanted]
            told += text[at : found.start()] + MASK
            at = found.end()
        return told[:length]

    def value(self, value: Any) -> Any:
        """Return a JSON value with every secret in its texts, keys and numbers replaced."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(child) for key, child in value.items()}
        if isinstance(value, list):
            return [self.value(child) for child in value]
        if isinstance(value, (int, float)) and str(value) in self._secrets:
            return MASK
        return value


def _parts(secret: str) -> Iterator[str]:
    """A secret, what it says if it is base64 such as of `key:secret`, and the parts of a pair."""
    yield secret
    for text in (secret, *_decoded(secret)):
        yield text
        yield from (part for part in text.split(":", 1) if len(part) >= SHORTEST_PART)


def _decoded(secret: str) -> list[str]:
    try:
        text = base64.b64decode(secret, validate=True).decode()
    except ValueError:
        return []
    return [text] if text.isprintable() and len(text) >= SHORTEST_MASKED else []


@lru_cache(maxsize=256)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    """The longest first, so that one which begins with another leaves no rest."""
    ordered = sorted(secrets, key=lambda one: (len(one), one), reverse=True)
    spelled = [one for secret in ordered for one in _in_base64(secret)]
    spelled += ["".join(map(_spellings, secret)) for secret in ordered]
    return re.compile("|".join(spelled)) if spelled else None


def _in_base64(secret: str) -> Iterator[str]:
    """The whole, then what stays of it inside a longer text at each of the three offsets."""
    raw = secret.encode(errors="replace")
    yield _base64_pattern(base64.b64encode(raw).decode().rstrip("=")) + "(?:(?:=|%3[Dd]){1,2})?"
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).decode()
        yield _base64_pattern(encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6])


def _base64_pattern(encoded: str) -> str:
    """Both alphabets (RFC 4648, 4 and 5), and the URL-encoding and JSON escapes of their signs."""
    plus, slash = r"(?:[+-]|%2[Bb])", r"(?:\\?/|_|%2[Ff])"
    return encoded.replace("+", plus).replace("/", slash)


@lru_cache(maxsize=1024)
def _spellings(character: str) -> str:
    """The pattern of one character in all of its spellings."""
    if character.isascii() and character.isalnum():
        return character
    return f"(?:{'|'.join(_escapes(character))})"


def _escapes(character: str) -> Iterator[str]:
    yield "".join(rf"%(?:25){{0,2}}{_hex(byte)}" for byte in character.encode(errors="replace"))
    yield "".join(rf"\\x{_hex(byte)}" for byte in character.encode(errors="replace"))
    code = character.encode("utf-16-be", errors="surrogatepass").hex()
    yield "".join(rf"\\u{_hex_text(code[at : at + 4])}" for at in range(0, len(code), 4))
    yield rf"&#0{{0,4}}{ord(character)};"
    yield rf"&#[xX]0{{0,4}}{_hex_text(f'{ord(character):x}')};"
    named = {html.escape(character), {"'": "&apos;"}.get(character, character)} - {character}
    yield from map(re.escape, sorted(named))
    yield re.escape(json.dumps(character)[1:-1])
    if character == " ":
        yield r"\+"
    yield rf"\\?{re.escape(character)}"


def _hex(byte: int) -> str:
    return _hex_text(f"{byte:02x}")


def _hex_text(digits: str) -> str:
    return "".join(f"[{one}{one.upper()}]" if one.isalpha() else one for one in digits)
