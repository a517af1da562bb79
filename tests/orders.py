"""A document of orders whose confirmation comes as a message, and its two descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo.findings import checked_findings
from catalogue import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from arazzo.errors import Finding
    from arazzo.plan import Plan, StepPlan

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


PLACE: Final = """
  - stepId: place
    channelPath: '{$sourceDescriptions.events.url}#/channels/place'
    action: send
    parameters: [{name: shop, in: path, value: s1}, {name: trace, in: header, value: t}]
    requestBody: {payload: {order: $inputs.order}}
    outputs: {sent: $message.payload#/order, answer: $response.body}
"""
OF_PLACE: Final = "\n  outputs: {sent: $steps.place.outputs.sent}\n"
HTTP: Final = """
asyncapi: 3.0.0
info: {title: Orders, version: 1.0.0}
servers:
  web: {host: orders.test, pathname: /v1, protocol: https}
  broker: {host: 'kafka.test:9092', protocol: kafka}
channels:
  place:
    address: shops/{shop}/orders
    servers: [{$ref: '#/servers/web'}]
    messages: {Order: {payload: {$ref: '#/components/schemas/Order'}}}
operations:
  placeOrder:
    action: receive
    channel: {$ref: '#/channels/place'}
    bindings: {http: {method: PUT}}
components: {schemas: {Order: {type: object, required: [order]}}}
"""


def written(
    folder: Path, steps: str = CONFIRM + OUTPUTS, outputs: str = RESULT, **files: str
) -> Path:
    """Write the document with these steps, and its descriptions, into a folder; return it."""
    (folder / "events.yaml").write_text(files.get("events", EVENTS), encoding="utf-8")
    (folder / "api.yaml").write_text(API, encoding="utf-8")
    (folder / "settings.yaml").write_text(files.get("settings", ""), encoding="utf-8")
    text = f"{files.get('head', HEAD)}{outputs}  steps:{steps}"
    file = folder / "order.arazzo.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def message(order: str | None = "o1", state: str = "accepted", **more: Any) -> dict[str, Any]:
    """Return a confirmation of that order."""
    headers = {"headers": {"orderId": order}} if order is not None else {}
    return {"payload": {"state": state}, **headers, **more}


def findings(folder: Path, *given: str, **files: str) -> list[Finding]:
    """Return what is found in the document with these steps."""
    (entry,) = load_catalogue([written(folder, *given, **files)]).entries
    return checked_findings(entry.document)


def plan(folder: Path, *given: str, **files: str) -> Plan:
    """Return the plan of the document with these steps."""
    (entry,) = load_catalogue([written(folder, *given, **files)]).entries
    assert entry.compiled.plan, "\n".join(map(str, entry.compiled.findings))
    return entry.compiled.plan


def step(folder: Path, *given: str, **files: str) -> StepPlan:
    """Return the plan of the first step."""
    return plan(folder, *given, **files).steps[0]
