"""The messages that a try is given: refused as the update `deliver_message` would refuse them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo import messages
from arazzo.errors import InputInvalid
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arazzo.plan import Plan
    from arazzo.reception_plan import ReceptionPlan


def given_messages(
    plan: Plan | None, given: Sequence[tuple[str, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return the messages with their channels. Raises InputInvalid for one that no step can take.

    Steps of the workflows that this one calls or transfers to may take them as well.
    """
    receptions = list(_receptions(plan)) if plan else []
    return [(channel, _message(receptions, channel, value)) for channel, value in given]


def _message(receptions: list[ReceptionPlan], channel: str, value: Any) -> dict[str, Any]:
    message = messages.as_message(value)
    known = dict.fromkeys(one.channel for one in receptions)
    if channel not in known:
        said = f"no step receives on a channel `{channel}`; {closest(channel, list(known))}"
        raise InputInvalid(said, reason="message")
    of_channel = {str(i): one for i, one in enumerate(receptions) if one.channel == channel}
    problem = messages.shape_problem(message) or messages.checked(of_channel, message).get(
        "problem", ""
    )
    if problem:
        raise InputInvalid(f"the message is refused: {problem}", reason="message")
    return message


def _receptions(plan: Plan) -> Iterator[ReceptionPlan]:
    yield from (one.attempt.reception for one in plan.steps if one.attempt.reception)
    for sub in (*plan.workflows.values(), *plan.transfers.values()):
        yield from _receptions(sub.plan)
