"""Messages that come to a run: their shape, their correlation id, and which step wants them.

A message is `{"payload": JSON, "headers": {NAME: JSON}, "correlationId": text}`, of which only
the payload must be there. Kept ones are JSON too, for continue-as-new carries them on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from arazzo.context import ABSENT
from arazzo.flow import Flow
from arazzo.message_schema import misfit
from arazzo.navigation import resolve_pointer, text_of
from arazzo.plan import canonical
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arazzo.context import Json
    from arazzo.plan import Plan, StepPlan
    from arazzo.reception_plan import ReceptionPlan
    from arazzo.state import RunState

FIELDS: Final = ("payload", "headers", "correlationId")
LARGEST_MESSAGE_BYTES: Final = 65_536
MOST_MESSAGES: Final = 100
LARGEST_KEPT_BYTES: Final = 262_144
"""All messages that a run keeps until a step wants them."""

_LOCATION: Final = re.compile(r"\$message\.(header|payload)(?:#(.*))?", re.DOTALL)


def as_message(value: Json) -> dict[str, Any]:
    """Return the message that a value is, or else the message of which it is the payload."""
    is_message = isinstance(value, dict) and "payload" in value and set(value) <= set(FIELDS)
    return value if is_message else {"payload": value}


def shape_problem(message: Json) -> str:
    """Return what is wrong with a message by itself, the empty text when it is one."""
    if not isinstance(message, dict) or "payload" not in message:
        return 'a message is an object with a `payload`: {"payload": …, "headers": {…}}'
    unknown = [name for name in message if name not in FIELDS]
    if unknown:
        return f"a message has no field `{unknown[0]}`; {closest(str(unknown[0]), FIELDS)}"
    headers, own = message.get("headers", {}), message.get("correlationId")
    if not isinstance(headers, dict):
        return "the `headers` of a message are an object of values by name"
    if own is not None and not isinstance(own, str | int):
        return "the `correlationId` of a message is a text"
    try:
        size = len(canonical(message))
    except ValueError:
        return "the message holds a number that is no JSON (NaN or Infinity)"
    too_large = size > LARGEST_MESSAGE_BYTES
    return f"the message is {size} bytes; {LARGEST_MESSAGE_BYTES} are allowed" if too_large else ""


def listening(plan: Plan, channel: str) -> list[StepPlan]:
    """Return the steps that receive on a channel, in their order."""
    found = ((step, step.attempt.reception) for step in plan.steps)
    return [step for step, one in found if one is not None and one.channel == channel]


def channel_problem(plan: Plan, state: RunState, channel: Json) -> str:
    """Return why no step of a run will ever want a message on that channel, else the empty text."""
    known = [one.attempt.reception.channel for one in plan.steps if one.attempt.reception]
    if channel not in known:
        said = closest(str(channel), list(dict.fromkeys(known)))
        return f"no step of this workflow receives on a channel `{channel}`; {said}"
    if not awaiting(plan, state, channel):
        names = ", ".join(f"`{one.step_id}`" for one in listening(plan, channel))
        return f"no step will want a message on `{channel}` any more: {names} lies behind"
    kept = state.messages
    size = sum(len(canonical(one)) for one in kept)
    if len(kept) >= MOST_MESSAGES or size >= LARGEST_KEPT_BYTES:
        return f"the run keeps {len(kept)} messages ({size} bytes) already that no step has wanted"
    return ""


def awaiting(plan: Plan, state: RunState, channel: str) -> list[StepPlan]:
    """Return the steps that receive on a channel and can still be reached."""
    if state.cursor is None:
        return []
    reached = Flow(plan).reachable(start=plan.index(state.cursor))
    return [one for one in listening(plan, channel) if plan.index(one.step_id) in reached]


def correlation_id(reception: ReceptionPlan, message: dict[str, Any]) -> str | None:
    """Return the id of a message: the one beside it, or what stands where its type says."""
    own = message.get("correlationId")
    return str(own) if own is not None else next(_located(reception.locations, message), None)


def _located(locations: Iterable[str], message: dict[str, Any]) -> Iterator[str]:
    for location in locations:
        found = _LOCATION.fullmatch(location)
        part = {"header": "headers", "payload": "payload"}[found[1]] if found else ""
        value = resolve_pointer(message.get(part), found[2] or "") if found else ABSENT
        if value is not ABSENT and value is not None:
            yield text_of(value)


def message_problem(reception: ReceptionPlan, message: dict[str, Any]) -> str:
    """Return why a message is none that a step can receive, else the empty text."""
    seen = {"payload": message.get("payload"), "headers": message.get("headers", {})}
    problem = misfit(reception.message_schema, seen)
    if problem:
        return f"the message does not satisfy the schema of `{reception.channel}`: {problem}"
    located = next(_located(reception.locations, message), None)
    own = message.get("correlationId")
    if own is not None and located is not None and str(own) != located:
        return f"its `correlationId` is `{own}`, and `{reception.locations[0]}` is `{located}`"
    if reception.correlation is not None and own is None and located is None:
        where = " or ".join(f"`{one}`" for one in reception.locations)
        place = f" at {where}, or" if where else ""
        return f"the message has no correlation id; it is wanted{place} as `correlationId`"
    return ""


def checked(receptions: dict[str, ReceptionPlan], message: dict[str, Any]) -> dict[str, Any]:
    """Return `{"ids": {stepId: id}}` of the steps that can take it, or `{"problem": text}`."""
    problems = {step_id: message_problem(one, message) for step_id, one in receptions.items()}
    fits = {step_id: correlation_id(one, message) for step_id, one in receptions.items()
            if not problems[step_id]}  # fmt: skip
    return {"ids": fits} if fits else {"problem": next(iter(problems.values()), "")}


def kept(channel: str, message: dict[str, Any], ids: dict[str, str | None]) -> dict[str, Any]:
    """Return a message as a run keeps it."""
    return {
        "channel": channel,
        "payload": message["payload"],
        "headers": message.get("headers", {}),
        "ids": ids,
    }


def is_wanted(one: dict[str, Any], step_id: str, correlation: str | None) -> bool:
    """Return whether a kept message is one that a step awaits; without a correlation, any is."""
    return step_id in one["ids"] and correlation in (None, one["ids"][step_id])


def taken(state: RunState, step_id: str, correlation: str | None) -> dict[str, Any] | None:
    """Take the first kept message that a step wants out of the state; None when there is none."""
    for index, one in enumerate(state.messages):
        if is_wanted(one, step_id, correlation):
            return state.messages.pop(index)
    return None
