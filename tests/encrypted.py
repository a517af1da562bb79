"""Clients that encrypt, and a description of one reading operation for runs by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from temporalio.client import Client

from commands.data_conversion import converter_for

if TYPE_CHECKING:
    from settings import Settings

API: Final = """
openapi: 3.1.0
info: {title: Things, version: 1.0.0}
paths:
  /things:
    get:
      operationId: ask
      parameters: [{name: what, in: query, schema: {type: string}}]
      responses: {'200': {description: ok}}
"""


def encrypting(client: Client, settings: Settings, *, encrypt: bool = True) -> Client:
    """Return a client on the connection of another, as a process with the setting has it."""
    changed = settings.model_copy(update={"encrypt": encrypt})
    converter = converter_for(client.service_client.config.target_host, changed)
    return Client(**{**client.config(), "data_converter": converter})
