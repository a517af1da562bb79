"""Which channel a step means, and whether it sends or receives there (Arazzo 1.1.0, 5.8.5).

A description tells what the application does: an operation that it receives with is one that a
step sends to. Public descriptions also tell their own side, so the step's word wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from arazzo.asyncapi_steps import OPERATIONS, SEND_OR_RECEIVE, check_asyncapi
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.asyncapi import AsyncApiDescription, AsyncOperation, Channel
    from arazzo.model import Step
    from arazzo.scope import Scope
    from arazzo.yaml_text import Path

_SOURCE_URL: Final = re.compile(r"\{?\$sourceDescriptions\.([A-Za-z0-9_\-]+)\.url\}?")
CHANNELS: Final = "#/channels/"
OTHER_SIDE: Final = {"send": "receive", "receive": "send"}


@dataclass(frozen=True, slots=True)
class FoundChannel:
    """A channel, what the step does there, and the operation by which it was named, if any."""

    source: str
    description: AsyncApiDescription
    channel: Channel
    action: str
    operation: AsyncOperation | None = None


Candidate = tuple[str, "AsyncApiDescription", "AsyncOperation"]
"""The name of a source, its description, and one of its operations."""


def find_channel(scope: Scope, step: Step, path: Path) -> FoundChannel | None:
    """Return the channel of a step; None when there is none, which is then a finding."""
    return _Lookup(scope, step, path).find()


class _Lookup:
    def __init__(self, scope: Scope, step: Step, path: Path) -> None:
        self.scope = scope
        self.step = step
        self.path = path
        self.known = scope.sources.asyncapi

    def find(self) -> FoundChannel | None:
        if not check_asyncapi(self.scope, self.step, self.path):
            return None
        if self.step.channel_path:
            return self._by_channel(self.step.channel_path)
        if self.step.operation_path:
            return self._by_path(self.step.operation_path)
        return self._by_id(self.step.operation_id or "")

    # -- by a channel ----------------------------------------------------------------------------

    def _by_channel(self, text: str) -> FoundChannel | None:
        source, mark, name = text.partition(CHANNELS)
        named = self._named_source(source) if mark else ""
        if not mark or not _SOURCE_URL.fullmatch(source):
            self._add(
                "channel-path-form",
                f"`{text}` is not how the standard writes a channelPath",
                ("channelPath",),
                severity="warning",
                mend="write `{$sourceDescriptions.NAME.url}#/channels/CHANNEL`",
            )
        wanted = _unescaped(name) if mark else text
        found = [
            FoundChannel(key, one, one.channels[wanted], self.step.action or "")
            for key, one in self.known.items()
            if named in ("", key) and wanted in one.channels
        ]
        if not found:
            self._unknown_channel(wanted)
        return self._only("channelPath", text, found)

    def _unknown_channel(self, wanted: str) -> None:
        if not self._missing_sources("channelPath"):
            known = [name for one in self.known.values() for name in one.channels]
            self._add(
                "unknown-channel",
                f"no source description has a channel `{wanted}`",
                ("channelPath",),
                mend=closest(wanted, known),
            )

    # -- by an operation -------------------------------------------------------------------------

    def _by_path(self, text: str) -> FoundChannel | None:
        source, _, name = text.partition(OPERATIONS)
        named, wanted = self._named_source(source), _unescaped(name)
        found = [
            (key, one, one.operations[wanted])
            for key, one in self.known.items()
            if named in ("", key) and wanted in one.operations
        ]
        return self._operation("operationPath", text, wanted, found)

    def _by_id(self, text: str) -> FoundChannel | None:
        found = list(self._candidates(text))
        return self._operation("operationId", text, text, found)

    def _candidates(self, text: str) -> Iterator[Candidate]:
        plain = text.removeprefix("$sourceDescriptions.")
        for key, one in self.known.items():
            if text in one.operations:
                yield key, one, one.operations[text]
            elif plain.startswith(f"{key}.") and plain[len(key) + 1 :] in one.operations:
                yield key, one, one.operations[plain[len(key) + 1 :]]

    def _operation(
        self,
        field: str,
        text: str,
        wanted: str,
        found: list[Candidate],
    ) -> FoundChannel | None:
        if not found:
            self._unknown_operation(field, wanted)
            return None
        channels = [self._of_operation(*one) for one in found]
        only = self._only(field, text, channels)
        if only is not None and only.operation is not None:
            self._check_action(only, only.operation)
        return only

    def _of_operation(
        self, source: str, description: AsyncApiDescription, operation: AsyncOperation
    ) -> FoundChannel:
        """Who receives by an operation that the application receives with, awaits its reply."""
        action = self.step.action or OTHER_SIDE[operation.action]
        is_reply = action == operation.action == "receive" and operation.reply is not None
        channel = operation.reply if is_reply and operation.reply else operation.channel
        return FoundChannel(source, description, channel, action, operation)

    def _check_action(self, found: FoundChannel, operation: AsyncOperation) -> None:
        if self.step.action is None:
            self._add(
                "missing-action",
                f"the step names an operation with which the application {operation.action}s, "
                f"and not what it does itself; it {found.action}s",
                (),
                severity="warning",
                mend=f"add `action: {found.action}`",
            )
        elif found.action == operation.action and found.channel is not operation.reply:
            self._add(
                "action-mismatch",
                f"the step {found.action}s, and with `{operation.operation_id}` the described "
                f"application {operation.action}s as well: nobody would be at the other side",
                ("action",),
                severity="warning",
                mend=f"write `action: {OTHER_SIDE[found.action]}`, or describe the other side",
            )

    def _unknown_operation(self, field: str, wanted: str) -> None:
        if any(one.find(wanted) for one in self.scope.sources.openapi.values()):
            self._add(
                "action-of-openapi",
                f"`{wanted}` is an operation of OpenAPI, which neither sends nor receives messages",
                ("action",) if self.step.action else ("correlationId",),
                mend="take `action` and `correlationId` out",
            )
        elif not self._missing_sources(field):
            known = [name for one in self.known.values() for name in one.operations]
            self._add(
                "unknown-operation",
                f"no AsyncAPI description has an operation `{wanted}`",
                (field,),
                mend=closest(wanted, known),
            )

    # -- both ------------------------------------------------------------------------------------

    def _only(self, field: str, text: str, found: list[FoundChannel]) -> FoundChannel | None:
        if len(found) > 1:
            self._add(
                "ambiguous-operation",
                f"the {field} `{text}` stands in several sources: "
                f"{', '.join(one.source for one in found)}",
                (field,),
                mend="name the source: `$sourceDescriptions.NAME`",
            )
        is_known = len(found) == 1 and found[0].action in SEND_OR_RECEIVE
        return found[0] if is_known else None

    def _named_source(self, text: str) -> str:
        """The name of the source that a text means, the empty text where it names none."""
        found = _SOURCE_URL.fullmatch(text)
        by_url = (name for name, url in self.scope.urls.items() if url == text)
        return found[1] if found else next(by_url, text)

    def _missing_sources(self, field: str) -> bool:
        """What can't be found may stand in a source that is not there: then that is said."""
        for name, problem in self.scope.sources.problems.items():
            self._add("source-missing", f"the source `{name}` {problem}", (field,))
        return bool(self.scope.sources.problems)

    def _add(self, code: str, message: str, path: Path, **more: Any) -> None:
        self.scope.add(code, message, (*self.path, *path), step_id=self.step.step_id, **more)


def _unescaped(pointer: str) -> str:
    return unquote(pointer).replace("~1", "/").replace("~0", "~")
