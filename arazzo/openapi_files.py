"""References within a description and into the files beside it (RFC 3986, section 5).

A file that is read gets its own references rewritten to begin at the folder of the description,
so that what stands in it can be followed without knowing where it came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from arazzo.context import ABSENT
from arazzo.navigation import resolve_pointer

if TYPE_CHECKING:
    from collections.abc import Callable

    from arazzo.context import Absent, Json
    from arazzo.yaml_text import YamlText

    Retrieve = Callable[[str], YamlText | None]

MOST_FILES: Final = 500
"""The most files that one description may be spread over."""


class Files:
    """The root of a description, and the files that it refers to, each read when first wanted.

    `retrieve` reads a file by its path from the description's folder, None where there is none.
    """

    def __init__(self, source: YamlText, retrieve: Retrieve | None, self_uri: str = "") -> None:
        """Take the root; a description also refers to itself by its file's name and `$self`."""
        own = source.file.rsplit("/", 1)[-1]
        names = ("", own, self_uri.partition("#")[0])
        self._read: dict[str, Json] = dict.fromkeys(names, source.value)
        self._retrieve = retrieve

    def root_is(self, root: Json) -> None:
        """Take another value for the root: a description that was brought to OpenAPI 3."""
        self._read = dict.fromkeys(self._read, root)

    def find(self, reference: str) -> Json | Absent:
        """Return what a reference leads to, ABSENT when there is nothing, or not within reach."""
        file, _, pointer = reference.partition("#")
        root = self._root(normal("", file))
        return ABSENT if root is ABSENT else resolve_pointer(root, unquote(pointer))

    def _root(self, file: str) -> Json | Absent:
        if file in self._read:
            return self._read[file]
        within = self._retrieve is not None and len(self._read) < MOST_FILES
        if not within or not is_file(file):
            return ABSENT
        text = self._retrieve(file) if self._retrieve else None
        self._read[file] = rebased(text.value, file) if text else ABSENT
        return self._read[file]


def is_file(file: str) -> bool:
    """Return whether a reference names a file by a relative path, and no URL."""
    return "://" not in file and not file.startswith(("/", "\\")) and ":" not in file[:3]


def rebased(node: Json, file: str) -> Json:
    """Return a copy whose references begin where those of the description begin."""
    if isinstance(node, list):
        return [rebased(child, file) for child in node]
    if not isinstance(node, dict):
        return node
    copied: dict[str, Any] = {key: rebased(child, file) for key, child in node.items()}
    reference = node.get("$ref")
    if isinstance(reference, str):
        target, mark, pointer = reference.partition("#")
        copied["$ref"] = normal(file, target) + mark + pointer
    return copied


def normal(base: str, target: str) -> str:
    """Return the path of a target that is written in the file `base`; an empty one is `base`."""
    if not target:
        return base
    if not is_file(target):
        return target
    found: list[str] = base.split("/")[:-1]
    for part in unquote(target).split("/"):
        if part == ".." and found and found[-1] != "..":
            found.pop()
        elif part not in ("", "."):
            found.append(part)
    return "/".join(found)
