"""What a runtime expression can see: the values of one moment of a run (Arazzo 1.0.1, 4.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Absent(Enum):
    """The one value that means «nothing is there», which is not null."""

    ABSENT = "absent"

    def __bool__(self) -> bool:
        """Absent is false, as null is."""
        return False


ABSENT: Final = Absent.ABSENT

Json = Any
"""A JSON value: None, bool, int, float, str, list of Json, dict of str to Json."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """The request as sent: absolute `url`, upper-case `method`, values as text, parsed `body`."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Json] = field(default_factory=dict)
    path: Mapping[str, Json] = field(default_factory=dict)
    body: Json | Absent = ABSENT


@dataclass(frozen=True, slots=True)
class ResponseView:
    """The response as it came: `headers` with lower-case names; `body` parsed when it is JSON."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json | Absent = ABSENT


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message of AsyncAPI: `headers` as they came; `body` is its payload, any JSON value."""

    headers: Mapping[str, Json] = field(default_factory=dict)
    body: Json | Absent = ABSENT


@dataclass(frozen=True, slots=True)
class Context:
    """The roots of the expressions. What is not known at this moment is empty or None.

    `steps` maps stepId to its outputs; `workflows` maps workflowId to
    `{"inputs": {...}, "outputs": {...}}`; `outputs` are those of the current workflow;
    `sources` maps a source description's name to its fields (`url`, `type`, `name`); `self_uri` is
    the document's `$self`; `components` are its components as written, by kind and name;
    `message` is the one that a step received or sent.
    """

    inputs: Mapping[str, Json] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)
    workflows: Mapping[str, Mapping[str, Mapping[str, Json]]] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    self_uri: Json | Absent = ABSENT
    components: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    request: RequestView | None = None
    response: ResponseView | None = None
    message: MessageView | None = None


def constants_of(constants: Mapping[str, Json]) -> dict[str, Any]:
    """Return the fields of a context that a plan holds as constants of its document."""
    return {
        "sources": constants.get("sources", {}),
        "self_uri": constants.get("self", ABSENT),
        "components": constants.get("components", {}),
    }


def context_of(values: dict[str, Any], constants: Mapping[str, Any]) -> Context:
    """Return the context of the values that travel to an activity, and of its step's constants."""
    return Context(
        inputs=values.get("inputs", {}),
        steps=values.get("steps", {}),
        workflows=values.get("workflows", {}),
        outputs=values.get("outputs", {}),
        **constants_of(constants),
    )
