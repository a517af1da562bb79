"""YAML 1.2 and JSON text to plain values, with the place of every node.

Rules: the core schema of YAML 1.2 (`on`, `no` and dates stay strings), a duplicate key is an
error with both lines, aliases and depth are bounded, keys become strings as written.
The events of libyaml are folded here without recursion, so no text can exhaust the stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from math import isinf
from typing import TYPE_CHECKING, Any, Final

import yaml

from arazzo.errors import DocumentInvalid, Finding, Place, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Json

Path = tuple[str | int, ...]
"""Keys and indices from the root of a document to one of its nodes."""

LONGEST_TEXT: Final = 20 * 1024 * 1024
DEEPEST: Final = 200
MOST_NODES: Final = 2_000_000
"""Counted after aliases are expanded, so that a small file can't become a large value."""
LONGEST_INTEGER: Final = 400

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE: Final = frozenset(("true", "True", "TRUE"))
_FALSE: Final = frozenset(("false", "False", "FALSE"))
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_SURROGATES: Final = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_JSON_ONLY: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")
"""What a JSON text may hold as it is, and YAML does not allow or takes for a line break."""
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    value: Any
    path: Path
    anchor: str | None
    nodes: int = 1
    height: int = 1
    key: str | None = None
    has_key: bool = False
    key_lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class YamlText:
    """A text that has been read: its `value`, and where each node of it stands.

    `keys` tells where the keys of those nodes stand whose own place is that of their text.
    """

    file: str
    text: str
    value: Json
    marks: dict[Path, tuple[int, int]]
    warnings: tuple[Finding, ...] = ()
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path, offset: int = 0) -> Place:
        """Return the place of the node, or of its nearest ancestor that has one.

        `offset` counts characters into a string that stands on one line.
        """
        known = path
        while known and known not in self.marks:
            known = known[:-1]
        line, column = self.marks.get(known, (0, 0))
        if offset and known == path:
            column += offset + self._quoted(line, column)
        return Place(self.file, line + 1, column + 1)

    def place_of_key(self, path: Path) -> Place:
        """Return the place of the key that leads to the node."""
        if path not in self.keys:
            return self.place(path)
        line, column = self.keys[path]
        return Place(self.file, line + 1, column + 1)

    def finding(
        self,
        code: str,
        message: str,
        path: Path = (),
        *,
        severity: Severity = "error",
        where: str = "",
        mend: str = "",
        offset: int = 0,
    ) -> Finding:
        """Return a finding at the node, with the line that it stands on."""
        place = self.place(path, offset)
        return Finding(code, severity, message, place, where, mend, self.line(place.line))

    def at_key(self, finding: Finding, path: Path) -> Finding:
        """Return the finding at the key that leads to the node."""
        place = self.place_of_key(path)
        return replace(finding, place=place, line_text=self.line(place.line))

    def line(self, number: int) -> str:
        """Return the line of that number, counted from 1, or nothing past the end."""
        lines = self.text.splitlines()
        return lines[number - 1].rstrip() if 0 < number <= len(lines) else ""

    def _quoted(self, line: int, column: int) -> int:
        return int(self.line(line + 1)[column : column + 1] in ("'", '"'))


def read(text: str, file: str) -> YamlText:
    """Read the first document of a text.

    Raises DocumentInvalid where the text is too long, no YAML, or breaks a rule of this page.
    """
    if len(text) > LONGEST_TEXT:
        raise _refused("text-too-long", f"more than {LONGEST_TEXT} characters", file, text, 0, 0)
    is_json = text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
    return _Reader(file, _without_json_only(text) if is_json else text).read()


def _without_json_only(text: str) -> str:
    """Spell what only JSON knows as YAML does: pairs of surrogates, and rare characters."""
    whole = _SURROGATES.sub(
        lambda pair: f"{pair[1]}\\U{_joined(int(pair[2], 16), int(pair[3], 16)):08x}", text
    )
    return _JSON_ONLY.sub(lambda one: f"\\u{ord(one[0]):04x}", whole)


def _joined(high: int, low: int) -> int:
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)


def _refused(
    code: str, message: str, file: str, text: str, line: int, column: int, mend: str = ""
) -> DocumentInvalid:
    shell = YamlText(file, text, None, {(): (line, column)})
    return DocumentInvalid([shell.finding(code, message, mend=mend)])


class _Reader:
    """Folds events into values; one writer of all the state of a reading."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int, int] | None] = {}
        self.marks: dict[Path, tuple[int, int]] = {}
        self.keys: dict[Path, tuple[int, int]] = {}
        self.root: Any = None
        self.warnings: list[Finding] = []
        self.nodes = 0

    def read(self) -> YamlText:
        documents = 0
        for event in self._events():
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                self._warn_second_document(event)
                break
            self._take(event)
        warnings = tuple(self.warnings)
        return YamlText(self.file, self.text, self.root, self.marks, warnings, self.keys)

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text.removeprefix("\ufeff"), Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            said = " ".join(part for part in (error.context, error.problem) if part)
            raise self._refuse("no-yaml", f"this is no YAML: {said}", line, column) from error
        except yaml.reader.ReaderError as error:
            raise self._refuse_character(error.position) from error
        except UnicodeEncodeError as error:
            raise self._refuse_character(len(self.text[: error.start].encode())) from error

    def _refuse_character(self, position: int) -> DocumentInvalid:
        """`position` counts the bytes of UTF-8."""
        before = self.text.encode(errors="replace")[:position].decode(errors="ignore")
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        message = "this is no YAML: a character that no YAML text may hold"
        return self._refuse("no-yaml", message, line, column, "write it as an escape in quotes")

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.MappingStartEvent():
                self._begin(event, {})
            case yaml.SequenceStartEvent():
                self._begin(event, [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()
            case _:
                pass  # the starts and ends of stream and document carry no value

    def _scalar(self, event: Any) -> None:
        if self.open and isinstance(self.open[-1].value, dict) and not self.open[-1].has_key:
            self._key(event)
            return
        value = self._plain(event) if _is_plain(event) else event.value
        if event.anchor:
            self.anchors[event.anchor] = (value, 1, 0)
        self._put(value, event, 1, 0)

    def _plain(self, event: Any) -> Any:
        text: str = event.value
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INTEGER.fullmatch(text):
            return self._integer(text, event)
        return self._float(text, event) if _FLOAT.fullmatch(text) else text

    def _float(self, text: str, event: Any) -> float:
        """JSON has no infinity, so a number must fit."""
        if isinf(value := float(text)):
            raise self._refuse_at("number-too-large", "a number too large to be kept", event)
        return value

    def _integer(self, text: str, event: Any) -> int:
        if len(text) > LONGEST_INTEGER:
            raise self._refuse_at("number-too-long", "a number of so many digits", event)
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text if base == 10 else text[2:], base)  # noqa: PLR2004

    def _key(self, event: Any) -> None:
        top, key = self.open[-1], event.value
        line = event.start_mark.line
        if key in top.key_lines:
            first = top.key_lines[key] + 1
            raise self._refuse_at(
                "duplicate-key",
                f"the key {key!r} stands here again; it stood in line {first} before",
                event,
                "keep one of the two",
            )
        top.key, top.has_key, top.key_lines[key] = key, True, line
        if event.anchor:
            self.anchors[event.anchor] = (key, 1, 0)
        self.marks[(*top.path, key)] = _line_column(event)

    def _alias(self, event: Any) -> None:
        found = self.anchors.get(event.anchor)
        if found is None:
            said = "contains itself" if event.anchor in self.anchors else "is not defined above"
            raise self._refuse_at("bad-alias", f"the alias *{event.anchor} {said}", event)
        if self.open and isinstance(self.open[-1].value, dict) and not self.open[-1].has_key:
            raise self._refuse_at("complex-key", "an alias can't be a key here", event)
        self._put(found[0], event, *found[1:])

    def _begin(self, event: Any, value: Any) -> None:
        self._refuse_depth(event, 1)
        path = self._path_of_next(event)
        self._mark(path, event)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.open.append(_Open(value, path, event.anchor))

    def _end(self) -> None:
        ended = self.open.pop()
        if ended.anchor:
            self.anchors[ended.anchor] = (ended.value, ended.nodes, ended.height)
        self._attach(ended.value, ended.nodes, ended.height)

    def _refuse_depth(self, event: Any, height: int) -> None:
        if len(self.open) + height > DEEPEST:
            raise self._refuse_at("too-deep", f"nested deeper than {DEEPEST} levels", event)

    def _put(self, value: Any, event: Any, nodes: int, height: int) -> None:
        """`nodes` and `height` tell the size of the value, which an alias may stand for."""
        self._refuse_depth(event, height)
        self._mark(self._path_of_next(event), event)
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise self._refuse_at("too-many-nodes", f"more than {MOST_NODES} nodes", event)
        self._attach(value, nodes, height)

    def _attach(self, value: Any, nodes: int, height: int) -> None:
        if not self.open:
            self.root = value
            return
        top = self.open[-1]
        top.nodes += nodes
        top.height = max(top.height, height + 1)
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[top.key] = value
            top.has_key = False

    def _path_of_next(self, event: Any) -> Path:
        if not self.open:
            return ()
        top = self.open[-1]
        if isinstance(top.value, list):
            return (*top.path, len(top.value))
        if not top.has_key:
            raise self._refuse_at("complex-key", "a key must be a plain text", event)
        return (*top.path, str(top.key))

    def _mark(self, path: Path, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent) and path in self.marks:
            self.keys[path] = self.marks[path]
        if isinstance(event, yaml.ScalarEvent) or path not in self.marks:
            self.marks[path] = _line_column(event)

    def _warn_second_document(self, event: Any) -> None:
        shell = YamlText(self.file, self.text, None, {(): _line_column(event)})
        self.warnings.append(
            shell.finding(
                "second-document",
                "only the first YAML document of a file is read",
                severity="warning",
                mend="move the second one to a file of its own",
            )
        )

    def _refuse_at(self, code: str, message: str, event: Any, mend: str = "") -> DocumentInvalid:
        return self._refuse(code, message, *_line_column(event), mend)

    def _refuse(
        self, code: str, message: str, line: int, column: int, mend: str = ""
    ) -> DocumentInvalid:
        return _refused(code, message, self.file, self.text, line, column, mend)


def _line_column(event: Any) -> tuple[int, int]:
    return event.start_mark.line, event.start_mark.column


def _is_plain(event: Any) -> bool:
    return not event.style and bool(event.implicit[0]) and event.tag is None
