"""From the replacements of a request body to the plan, with what is certain to fail found now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from arazzo import selector, xpath
from arazzo.bodies import is_xml, media_type_of
from arazzo.errors import ExpressionError, StepFailed
from arazzo.navigation import is_query
from arazzo.plan import ReplacementPlan
from arazzo.replacements import child, injected, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.collected import Collected
    from arazzo.model import PayloadReplacement, RequestBody
    from arazzo.references import Names
    from arazzo.yaml_text import Path

# json-pointer = *( "/" reference-token ); escaped = "~" ( "0" / "1" )        RFC 6901, section 3
_POINTER: Final = re.compile(r"(?:/(?:[^/~]|~[01])*)*")
LONGEST_POINTER: Final = 10_000
INVALID: Final = "invalid-replacement"


def replacement_plans(
    names: Names, collected: Collected, body: RequestBody | None, content_type: str | None,
    payload: Any, path: Path,
) -> tuple[ReplacementPlan, ...]:  # fmt: skip
    """Return the replacements of a body; `path` leads to it from the document's root."""
    if body is None:
        return ()
    compiler = _Compiler(names, collected, content_type or "", payload)
    found = [
        compiler.compiled(one, (*path, "replacements", index))
        for index, one in enumerate(body.replacements)
    ]
    return tuple(one for one in found if one is not None)


class _Compiler:
    """`payload` is what the replacements so far have made of the literal one."""

    def __init__(self, names: Names, collected: Collected, content_type: str, payload: Any) -> None:
        self.names = names
        self.collected = collected
        self.payload = payload
        text = is_xml(media_type_of(content_type)) and isinstance(payload, str)
        self.default = "xpath" if text else "jsonpointer"

    def compiled(self, one: PayloadReplacement, path: Path) -> ReplacementPlan | None:
        """Return the plan of a replacement, None when it can't be read."""
        self.names.check_value(one.value, (*path, "value"), self.collected, after_response=False)
        written = one.model_dump(by_alias=True)["targetSelectorType"]
        try:
            kind, version = selector.kind_of(one.target, written or self.default)
            target = self._target(one.target, kind, version, path)
        except ExpressionError as error:
            code = INVALID if error.reason == "syntax" else error.reason
            self._add(code, error.message, (*path, "target"), offset=error.offset)
            return None
        plan = ReplacementPlan.model_validate(
            {"target": target, "type": kind, "version": version, "value": one.value}
        )
        self._try(plan, path)
        return plan

    def _target(self, text: str, kind: str, version: str | None, path: Path) -> str:
        if kind == "xpath":
            xpath.compile(text, version)
        elif kind == "jsonpath" and not is_query(text):
            raise ExpressionError(text, 0, "a JSONPath query (RFC 9535)")
        elif kind == "jsonpointer":
            return self._pointer(text, path)
        return text

    def _pointer(self, text: str, path: Path) -> str:
        """A pointer without its slash is read as written: as one name, else as names with dots."""
        if text and text[0] not in "/#$" and len(text) <= LONGEST_POINTER:
            known = isinstance(self.payload, dict) and text in self.payload
            meant = f"/{text}" if known or "/" in text else "/" + text.replace(".", "/")
            said = f"`{text}` is a JSON Pointer without its leading slash"
            mend = f"write `{meant}`"
            place = (*path, "target")
            self._add("pointer-without-slash", said, place, severity="warning", mend=mend)
            text = meant
        if len(text) > LONGEST_POINTER or not _POINTER.fullmatch(text):
            offset = min(_matched(text), LONGEST_POINTER)
            expected = "a JSON Pointer such as `/name/0` (with `~0` for `~` and `~1` for `/`)"
            raise ExpressionError(text, offset, expected)
        return text

    def _try(self, plan: ReplacementPlan, path: Path) -> None:
        """What fails over the literal payload, and passes no expression, is certain to fail."""
        try:
            self.payload = injected(plan, self.payload, plan.value)
        except StepFailed as error:
            if self._is_certain(plan):
                mend = "name a place that the payload has, or a new member of one of its objects"
                self._add("replacement-target", error.message, (*path, "target"), mend=mend)

    def _is_certain(self, plan: ReplacementPlan) -> bool:
        if plan.type != "jsonpointer":
            return not any("$" in text for text in _strings(self.payload))
        here = self.payload
        for token in tokens_of(plan.target):
            shaped = isinstance(here, str) and "$" in here
            renamed = isinstance(here, dict) and any(key.startswith(("$", "{$")) for key in here)
            if shaped or renamed:
                return False
            here = child(here, token)
        return True

    def _add(self, code: str, message: str, path: Path, **more: Any) -> None:
        found = self.names.source.finding(code, message, path, where=self.names.where, **more)
        self.names.findings.append(found)


def _matched(text: str) -> int:
    found = _POINTER.match(text)
    return found.end() if found else 0


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
