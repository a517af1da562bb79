"""A document of orders whose confirmation comes as a message, and its two descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

EVENTS: Final = """
asyncapi: 3.0.0
info: {title: Orders, version: 1.0.0}
servers:
  broker: {host: 'kafka.test:9092', protocol: kafka}
channels:
  confirmed:
    address: orders.confirmed
    messages:
      Confirmed: {$ref: '#/components/messages/Confirmed'}
  shipped:
    address: orders.shipped
    messages:
      Shipped: {payload: {type: object, required: [parcel]}}
operations:
  confirmOrder: {action: send, channel: {$ref: '#/channels/confirmed'}}
  shipOrder: {action: send, channel: {$ref: '#/channels/shipped'}}
components:
  messages:
    Confirmed:
      correlationId: {location: $message.header#/orderId}
      headers: {type: object, required: [orderId], properties: {orderId: {type: string}}}
      payload: {$ref: '#/components/schemas/Confirmation'}
  schemas:
    Confirmation:
      type: object
      required: [state]
      properties:
        state: {enum: [accepted, refused]}
        lines: {type: array, items: {$ref: '#/components/schemas/Line'}}
    Line: {type: object, properties: {count: {type: integer}}}
"""

HEAD: Final = """
arazzo: 1.1.0
info: {title: Orders, version: 1.0.0}
sourceDescriptions:
- {name: events, url: events.yaml, type: asyncapi}
- {name: api, url: api.yaml, type: openapi}
workflows:
- workflowId: order
  inputs: {type: object, properties: {order: {type: string, default: o1}}}
"""

API: Final = """
openapi: 3.1.0
info: {title: Things, version: 1.0.0}
paths:
  /{name}:
    get:
      operationId: look
      parameters: [{name: name, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
"""

CONFIRM: Final = """
  - stepId: confirm
    operationId: $sourceDescriptions.events.confirmOrder
    action: receive
    correlationId: $inputs.order
"""
LOOK: Final = """
  - stepId: look
    operationId: $sourceDescriptions.api.look
    parameters: [{name: name, in: path, value: x}]
"""
OUTPUTS: Final = """
    outputs: {state: $message.payload#/state, id: $message.header.orderId}
"""
RESULT: Final = """
  outputs: {state: $steps.confirm.outputs.state, id: $steps.confirm.outputs.id}
"""


def written(
    folder: Path, steps: str = CONFIRM + OUTPUTS, outputs: str = RESULT, **files: str
) -> Path:
    """Write the document with these steps, and its descriptions, into a folder; return it."""
    (folder / "events.yaml").write_text(files.get("events", EVENTS), encoding="utf-8")
    (folder / "api.yaml").write_text(API, encoding="utf-8")
    text = f"{files.get('head', HEAD)}{outputs}  steps:{steps}"
    file = folder / "order.arazzo.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def message(order: str | None = "o1", state: str = "accepted", **more: Any) -> dict[str, Any]:
    """Return a confirmation of that order."""
    headers = {"headers": {"orderId": order}} if order is not None else {}
    return {"payload": {"state": state}, **headers, **more}
