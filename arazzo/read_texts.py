"""Texts that were read already, found again by what they hold.

Reading a description of 2 MB takes up to a second; the same one often lies beside several
documents, and is wanted again by each try of one. What is kept is bounded by the size of the
texts, of which the values take some 15 times as many bytes (measured).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from arazzo import yaml_text

if TYPE_CHECKING:
    from arazzo.errors import Finding
    from arazzo.yaml_text import YamlText

MOST_CHARACTERS: Final = 8_000_000


class ReadTexts:
    """Reads each text once, while it is among the last ones that were wanted.

    The values are shared, so nobody may change them.
    """

    def __init__(self, most_characters: int = MOST_CHARACTERS) -> None:
        """Begin with nothing kept."""
        self._most = most_characters
        self._kept: OrderedDict[bytes, YamlText] = OrderedDict()

    def read(self, text: str, file: str) -> YamlText:
        """Return a text as read, under the name of this file. Raises DocumentInvalid."""
        key = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        found = self._kept.pop(key, None) or yaml_text.read(text, file)
        self._kept[key] = found
        while sum(len(one.text) for one in self._kept.values()) > self._most:
            self._kept.popitem(last=False)
        return found if found.file == file else _named(found, file)


def _named(found: YamlText, file: str) -> YamlText:
    def moved(one: Finding) -> Finding:
        return replace(one, place=replace(one.place, file=file) if one.place else None)

    return replace(found, file=file, warnings=tuple(map(moved, found.warnings)))


OF_DESCRIPTIONS: Final = ReadTexts()
"""The descriptions that this process has read."""
