"""An operationPath as documents write it: a source, a path template and a method."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from arazzo.openapi import METHODS, MORE_OPERATIONS

_SOURCE_URL: Final = re.compile(r"\{\$sourceDescriptions\.[A-Za-z0-9_\-]+\.url\}")


@dataclass(frozen=True, slots=True)
class WrittenPath:
    """An operationPath as written: the source that it names, the path template, the method.

    «A reference to a Source Description Object combined with a JSON Pointer» (4.6.5). The public
    practice also writes `#/paths/~1x/get`, `GET /x` and `/x`; an empty method or source is open.
    """

    source: str
    path: str
    method: str
    is_standard: bool

    @classmethod
    def read(cls, text: str) -> WrittenPath:
        """Read any of the forms."""
        source, mark, pointer = text.strip().partition("#/paths/")
        if not mark:
            word, _, rest = source.partition(" ")
            named = word.upper() if word.lower() in METHODS and rest.strip() else ""
            return cls("", rest.strip() if named else source, named, is_standard=False)
        head, _, last = pointer.rpartition("/")
        named = last.upper() if last.lower() in METHODS else ""
        if head.endswith(f"/{MORE_OPERATIONS}"):
            head, named = head.removesuffix(f"/{MORE_OPERATIONS}"), unquote(last)
        path = unquote((head if named else pointer).replace("~1", "/").replace("~0", "~"))
        standard = bool(_SOURCE_URL.fullmatch(source) and named and "/" not in head)
        return cls(_bare(source), "/" + path.lstrip("/"), named, is_standard=standard)

    def means(self, name: str, url: str) -> bool:
        """Return whether the source of that name and url is meant."""
        return self.source in ("", name, url)


def _bare(source: str) -> str:
    named = source.strip("{}").removeprefix("$sourceDescriptions.")
    return named.removesuffix(".url") if named != source else source
