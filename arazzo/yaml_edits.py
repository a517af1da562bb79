"""Changes of a YAML or JSON text at known places; layout and comments around them stay.

Only scalars that stand on one line, as their value reads, are changed. What was changed is read
again, and must be exactly what was meant; else nothing is changed at all.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from arazzo import yaml_text
from arazzo.errors import DocumentInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arazzo.context import Json
    from arazzo.yaml_text import Path, YamlText

_GAP: Final = re.compile(r"[\s,]*")
_BEHIND_PLAIN: Final = re.compile(r"\s*(?:$|[,\]}]|\s#)", re.MULTILINE)
_OTHER_BREAKS: Final = re.compile("\r(?!\n)|[\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text, by offsets, and what is to stand there."""

    begin: int
    end: int
    new: str


@dataclass
class Edits:
    """Edits of one text, gathered before they are made."""

    source: YamlText
    quoted: bool = False
    spans: list[Span] = field(default_factory=list)
    wanted: Json = None

    def __post_init__(self) -> None:
        """Begin with the value as it is."""
        self.wanted = copy.deepcopy(self.source.value)
        self.lines = [0]
        for line in self.source.text.split("\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)

    def set(self, path: Path, new: str) -> bool:
        """Give a scalar another value; false when it can't be placed with certainty."""
        found = self._scalar(path)
        if found is None:
            return False
        begin, end = found
        self.spans.append(Span(begin, end, self._written(self.source.text[begin:end], new)))
        parent, key = self._parent(path)
        parent[key] = new
        return True

    def can_remove(self, path: Path, names: Sequence[str]) -> bool:
        """Return whether keys of a mapping of scalars can be taken out, layout kept."""
        return self._removal(path, names) is not None

    def remove(self, path: Path, names: Sequence[str]) -> None:
        """Take keys out of a mapping of scalars, as `can_remove` says."""
        for begin, end in self._removal(path, names) or ():
            self.spans.append(Span(begin, end, ""))
        mapping, last = self._parent((*path, ""))
        for name in names:
            mapping.pop(name, last)

    def made(self) -> str | None:
        """Return the new text, None when it does not read as it should."""
        text = self.source.text
        if _OTHER_BREAKS.search(text) or text.startswith("\ufeff"):
            return None
        for span in sorted(self.spans, key=lambda one: one.begin, reverse=True):
            text = text[: span.begin] + span.new + text[span.end :]
        try:
            return text if yaml_text.read(text, self.source.file).value == self.wanted else None
        except DocumentInvalid:
            return None

    def _parent(self, path: Path) -> tuple[Any, Any]:
        node: Any = self.wanted
        for key in path[:-1]:
            node = node[key]
        return node, path[-1]

    def _value(self, path: Path) -> Any:
        node: Any = self.source.value
        for key in path:
            node = node[key]
        return node

    def _offset(self, mark: tuple[int, int]) -> int:
        return self.lines[mark[0]] + mark[1]

    def _scalar(self, path: Path) -> tuple[int, int] | None:
        """Where a scalar begins and ends, when its text is its value without any folding."""
        value, mark = self._value(path), self.source.marks.get(path)
        if mark is None or not isinstance(value, str) or "\n" in value or not value:
            return None
        begin, text = self._offset(mark), self.source.text
        for written in (_single(value), f'"{value}"', json.dumps(value, ensure_ascii=False)):
            if text.startswith(written, begin) and _is_read_as(written, value):
                return begin, begin + len(written)
        plain = text.startswith(value, begin) and _BEHIND_PLAIN.match(text, begin + len(value))
        return (begin, begin + len(value)) if plain else None

    def _written(self, old: str, new: str) -> str:
        if old[0] == '"':
            return json.dumps(new, ensure_ascii=False)
        if old[0] == "'" or self.quoted:
            return _single(new)
        return new

    def _removal(self, path: Path, names: Sequence[str]) -> list[tuple[int, int]] | None:
        """The pieces to cut: before the first key that stays, and behind those that stay."""
        entries = self._entries(path) or []
        kept = [index for index, one in enumerate(entries) if one[0] not in names]
        if not kept:
            return None
        first = kept[0]
        behind = [index for index in range(first + 1, len(entries)) if index not in kept]
        if not all(self._is_gap(entries, index) for index in [*range(1, first + 1), *behind]):
            return None
        before = [(entries[0][1], entries[first][1])] if first else []
        return before + [(entries[index - 1][2], entries[index][2]) for index in behind]

    def _is_gap(self, entries: list[tuple[str, int, int]], index: int) -> bool:
        """Whether nothing but space, or a comma, stands between an entry and that before it."""
        between = self.source.text[entries[index - 1][2] : entries[index][1]]
        return _GAP.fullmatch(between) is not None

    def _entries(self, path: Path) -> list[tuple[str, int, int]] | None:
        """The keys of a mapping with where they begin and their values end, in their order."""
        mapping = self._value(path)
        found: list[tuple[str, int, int]] = []
        for name in mapping if isinstance(mapping, dict) else ():
            key = self.source.keys.get((*path, name))
            span = self._scalar((*path, name))
            if key is None or span is None:
                return None
            found.append((name, self._offset(key), span[1]))
        return sorted(found, key=lambda one: one[1]) or None


def _single(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _is_read_as(written: str, value: str) -> bool:
    try:
        return bool(yaml_text.read(f"[{written}]", "").value == [value])
    except DocumentInvalid:
        return False
