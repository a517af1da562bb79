"""Steps of AsyncAPI: how their channel is found, what is wrong with them, and their plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from orders import (
    CONFIRM,
    EVENTS,
    HEAD,
    HTTP,
    LOOK,
    OF_PLACE,
    OUTPUTS,
    PLACE,
    findings,
    message,
    plan,
    step,
    written,
)
from world import World, error_of, failed, passed, run

from arazzo import messages
from arazzo.state import RunState
from catalogue import load_catalogue
from rehearsal import try_document

if TYPE_CHECKING:
    from pathlib import Path


OLD = """
asyncapi: 2.6.0
info: {title: Orders, version: 1.0.0}
servers: {broker: {url: 'mqtt://{host}:1883', protocol: mqtt, variables: {host: {default: b}}}}
channels:
  orders/confirmed:
    subscribe:
      operationId: confirmOrder
      message:
        oneOf:
        - {$ref: '#/components/messages/Confirmed'}
        - {name: Refused, payload: {type: object, required: [why]}}
  orders/placed: {publish: {message: {payload: {type: string}}}}
components:
  messages:
    Confirmed:
      traits: [{correlationId: {location: $message.payload#/id}}]
      payload: {type: object, required: [id, state]}
"""
REPLY = """
asyncapi: 3.0.0
info: {title: Orders, version: 1.0.0}
channels:
  place: {address: place}
  confirmed: {address: confirmed, messages: {Confirmed: {payload: {required: [state]}}}}
operations:
  confirmOrder:
    action: receive
    channel: {$ref: '#/channels/place'}
    reply: {channel: {$ref: '#/channels/confirmed'}}
"""
BY_CHANNEL = CONFIRM.replace(
    "operationId: $sourceDescriptions.events.confirmOrder",
    "channelPath: '{$sourceDescriptions.events.url}#/channels/confirmed'",
)
BY_PATH = CONFIRM.replace(
    "operationId: $sourceDescriptions.events.confirmOrder",
    "operationPath: '{$sourceDescriptions.events.url}#/operations/confirmOrder'",
)


@pytest.mark.parametrize("text", [CONFIRM, BY_CHANNEL, BY_PATH], ids=["id", "channel", "path"])
def test_the_channel_is_found_by_each_way(tmp_path: Path, text: str) -> None:
    """By operationId, operationPath and channelPath: the same plan."""
    reception = step(tmp_path, text + OUTPUTS).attempt.reception
    assert reception is not None
    assert (reception.channel, reception.correlation) == ("confirmed", "$inputs.order")
    assert reception.locations == ("$message.header#/orderId",)
    assert not findings(tmp_path, text + OUTPUTS)


def test_asyncapi_2_is_read_in_the_words_of_3(tmp_path: Path) -> None:
    """`subscribe` is what the application sends, traits apply, and each message may come."""
    reception = step(tmp_path, CONFIRM, "", events=OLD).attempt.reception
    assert reception is not None
    assert (reception.channel, reception.locations) == (
        "orders/confirmed",
        ("$message.payload#/id",),
    )
    accepted: list[dict[str, Any]] = [{"id": "o1", "state": "x"}, {"why": "sold out"}]
    for payload in accepted:
        given = {"payload": payload, "correlationId": "o1"}
        assert messages.message_problem(reception, given) == ""
    assert "not valid under any" in messages.message_problem(reception, {"payload": {"id": "o1"}})


def test_who_receives_by_an_operation_with_a_reply_awaits_the_reply(tmp_path: Path) -> None:
    """The channel is that of the reply, and nothing is doubtful."""
    text = CONFIRM.replace("    correlationId: $inputs.order\n", "")
    made = step(tmp_path, text, "", events=REPLY)
    assert made.called == "confirmed"
    assert "action-mismatch" not in {one.code for one in findings(tmp_path, text, "", events=REPLY)}


def change(old: str, new: str) -> str:
    """Return the steps with one text replaced."""
    assert old in CONFIRM + OUTPUTS
    return (CONFIRM + OUTPUTS).replace(old, new)


OPERATION = "operationId: $sourceDescriptions.events.confirmOrder"
WRONG = [
    ("unknown-channel", change(OPERATION, "channelPath: confirmd"), {}, "`confirmed`"),
    ("channel-path-form", change(OPERATION, "channelPath: confirmed"), {}, "{$sourceDescr"),
    ("unknown-operation", change("confirmOrder", "confirmOrdr"), {}, "`confirmOrder`"),
    ("action-of-openapi", change(OPERATION, "operationId: look"), {}, "take `action`"),
    ("missing-action", change("    action: receive\n", ""), {}, "add `action: receive`"),
    ("request-of-receive", change("    action:", "    requestBody: {}\n    action:"), {}, "take"),
    ("message-outside-step", change("$inputs.order", "$message.payload"), {}, "output"),
    ("response-of-message", change("$message.payload#/state", "$statusCode"), {}, "$message"),
    ("unknown-message-property", change("#/state", "#/stat"), {}, "`/state`"),
    ("unknown-message-property", change("#/state", ".lins"), {}, "`/lines`"),
    ("unsupported", change("$inputs.order", "$inputs.order[*]"), {}, ""),
    (
        "action-mismatch",
        CONFIRM,
        {"events": EVENTS.replace("{action: send,", "{action: receive,")},
        "`action: send`",
    ),
    (
        "no-correlation-location",
        CONFIRM + OUTPUTS,
        {"events": EVENTS.replace("correlationId: {", "x-other: {")},
        "location",
    ),
    (
        "invalid-message-schema",
        CONFIRM + OUTPUTS,
        {"events": EVENTS.replace("'#/components/schemas/Line'", "'#/gone'")},
        "mend the schema",
    ),
]


@pytest.mark.parametrize(
    ("code", "steps", "files", "mend"), WRONG, ids=[f"{one[0]} {i}" for i, one in enumerate(WRONG)]
)
def test_a_mistake_is_found(
    tmp_path: Path, code: str, steps: str, files: dict[str, str], mend: str
) -> None:
    """With its code and its mend."""
    found = [one for one in findings(tmp_path, steps, "", **files) if one.code == code]
    assert found, [str(one) for one in findings(tmp_path, steps, "", **files)]
    assert mend in found[0].mend


def test_a_name_that_stands_in_two_sources_is_ambiguous(tmp_path: Path) -> None:
    """And the source that is named counts."""
    more = "- {name: more, url: events.yaml, type: asyncapi}"
    head = HEAD.replace("- {name: api,", f"{more}\n- {{name: api,")
    plain = CONFIRM.replace("$sourceDescriptions.events.", "")
    codes = {one.code for one in findings(tmp_path, plain, "", head=head)}
    assert codes == {"ambiguous-operation"}
    assert step(tmp_path, CONFIRM, "", head=head).called == "confirmed"


def test_sending_is_a_request_where_the_server_speaks_http(tmp_path: Path) -> None:
    """To server and address, with the method of the HTTP binding, POST without one."""
    text = PLACE.replace(
        "channelPath: '{$sourceDescriptions.events.url}#/channels/place'", "operationId: placeOrder"
    )
    (entry,) = load_catalogue([written(tmp_path, text, OF_PLACE, events=HTTP)]).entries
    compiled = entry.compiled
    assert compiled.plan, "\n".join(map(str, compiled.findings))
    call = compiled.plan.steps[0].attempt.operation
    assert (call.operation_id, call.method, call.path) == (
        "placeOrder",
        "PUT",
        "/shops/{shop}/orders",
    )
    assert call.payload == {"order": "$inputs.order"}
    assert list(compiled.servers["events"].values()) == ["https://orders.test/v1"]
    made = step(tmp_path, PLACE, OF_PLACE, events=HTTP).attempt.operation
    assert (made.method, made.writes) == ("POST", True)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (HTTP.replace("protocol: https", "protocol: kafka"), "the server `web` speaks kafka"),
        (HTTP.replace("    address: shops/{shop}/orders\n", ""), "which has no address"),
    ],
    ids=["protocol", "address"],
)
def test_sending_otherwise_is_refused_by_name(tmp_path: Path, events: str, said: str) -> None:
    """The protocol and the server are named, before the first request."""
    told = findings(tmp_path, PLACE, OF_PLACE, events=events)
    (found,) = (one for one in told if one.code == "unsupported")
    assert said in found.message


def test_a_secret_of_a_message_is_refused(tmp_path: Path) -> None:
    """A message lies in the history as it came, so its values are no credentials."""
    look = """
  - stepId: look
    operationId: $sourceDescriptions.api.look
    parameters:
    - {name: name, in: path, value: x}
    - {name: Authorization, in: header, value: $steps.confirm.outputs.state}
"""
    said = [str(one) for one in findings(tmp_path, CONFIRM + OUTPUTS + look, "")]
    assert any("a secret output of a message (`state`)" in one for one in said), said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (5, "a message is an object with a `payload`"),
        ({"headers": {}}, "a message is an object with a `payload`"),
        ({"payload": 1, "header": {}}, "no field `header`; did you mean `headers`?"),
        ({"payload": 1, "headers": []}, "are an object of values by name"),
        ({"payload": 1, "correlationId": []}, "is a text"),
        ({"payload": float("nan")}, "a number that is no JSON"),
        ({"payload": "x" * 70_000}, "65536 are allowed"),
        ({"payload": None}, ""),
    ],
    ids=lambda one: str(one)[:30],
)
def test_the_shape_of_a_message(given: Any, said: str) -> None:
    """What is no message is told, in words for whoever sent it."""
    problem = messages.shape_problem(given)
    assert said in problem
    assert bool(problem) is bool(said)


def test_a_message_says_its_id_where_it_says_it_does(tmp_path: Path) -> None:
    """Beside it or inside it; both may be there, and must not contradict each other."""
    reception = step(tmp_path).attempt.reception
    assert reception is not None
    assert messages.correlation_id(reception, message("o7")) == "o7"
    assert messages.correlation_id(reception, {"payload": 1, "correlationId": 7}) == "7"
    assert messages.message_problem(reception, message("o7", correlationId="o7")) == ""
    assert "its `correlationId` is `o8`" in messages.message_problem(
        reception, message("o7", correlationId="o8")
    )


def test_a_mailbox_has_a_size_and_knows_what_lies_behind(tmp_path: Path) -> None:
    """No run grows without end, and nobody delivers what no step will want."""
    made = plan(tmp_path, CONFIRM + OUTPUTS + LOOK)
    state = RunState(inputs={}, cursor="confirm")
    assert messages.channel_problem(made, state, "confirmed") == ""
    state.messages = [{}] * messages.MOST_MESSAGES
    assert "keeps 100 messages" in messages.channel_problem(made, state, "confirmed")
    behind = RunState(inputs={}, cursor="look")
    assert "lies behind" in messages.channel_problem(made, behind, "confirmed")


async def test_the_interpreter_waits_for_the_bound_of_the_step(tmp_path: Path) -> None:
    """`timeout` fails the step; without one the deadline of a poll fails the run."""
    timed = plan(tmp_path, CONFIRM + "    timeout: 1500\n" + OUTPUTS)
    world = World({"confirm": [passed(outputs={"state": "accepted", "id": "o1"})]})
    world.messages = [message()]
    inputs = {"inputs": {"order": "o1"}}
    assert await run(timed, world, **inputs) == {"state": "accepted", "id": "o1"}
    (awaited,) = world.awaited
    assert (awaited.channel, awaited.correlation, awaited.until) == ("confirmed", "o1", 1001.5)
    error = await error_of(timed, World({}), **inputs)
    assert (type(error).__name__, error.reason) == ("StepFailed", "step-timeout")
    untimed = plan(tmp_path)
    error = await error_of(untimed, World({}), **inputs)
    assert (type(error).__name__, error.reason) == ("PollDeadlineExceeded", "message-deadline")
    error = await error_of(untimed, World({"confirm": [failed()]}))
    assert "`correlationId` has no value" in error.message


def test_a_try_without_a_message_says_how_to_give_one(tmp_path: Path) -> None:
    """At once; with a timeout the step fails, and its document decides."""
    tried = try_document(written(tmp_path))
    assert tried.error is not None
    assert "`--message 'confirmed=JSON'`" in tried.error["message"]
    timed = written(tmp_path, CONFIRM + "    timeout: 60000\n" + OUTPUTS)
    tried = try_document(timed, waits=0)
    assert tried.error is not None
    assert tried.error["details"]["reason"] == "step-timeout"
    assert "--message" in tried.error["message"]


@pytest.mark.parametrize(
    ("channel", "given", "said"),
    [
        ("confirmd", message(), "did you mean `confirmed`?"),
        ("confirmed", message(state="lost"), "`payload/state`"),
        ("confirmed", {"state": "accepted"}, "`headers`"),
    ],
    ids=["channel", "schema", "header"],
)
def test_a_try_refuses_what_the_update_refuses(
    tmp_path: Path, channel: str, given: Any, said: str
) -> None:
    """As a mistake of whoever gave it."""
    tried = try_document(written(tmp_path), messages=[(channel, given)])
    assert tried.error is not None
    assert tried.error["type"] == "InputInvalid"
    assert said in tried.error["message"]
