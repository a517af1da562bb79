"""Mutual TLS (RFC 8705, 2): a client, with connections of its own, for each client certificate."""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from activities.client import make_client
from arazzo.errors import SecretMissing

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class CertifiedClients:
    """Clients by the PEM texts that they were made from, so that a new certificate gets its own."""

    _clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    def get(self, scheme: str, texts: Sequence[str]) -> httpx.AsyncClient:
        """Return the client that shows this certificate; `texts` are PEM, with the private key.

        Raises SecretMissing when they are no certificate and key that fit.
        """
        pem = "\n".join(texts) + "\n"
        if pem not in self._clients:
            self._clients[pem] = make_client(certificates=_context(scheme, pem))
        return self._clients[pem]

    async def close(self) -> None:
        """Close all connections."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()


def _context(scheme: str, pem: str) -> ssl.SSLContext:
    """OpenSSL reads certificates only from files: one that only its owner can read, for a moment.

    A key with a passphrase is refused, where OpenSSL itself would ask at the terminal.
    """
    context = httpx.create_ssl_context()
    descriptor, name = tempfile.mkstemp()  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(pem)
        context.load_cert_chain(name, password="")
    except (ssl.SSLError, ValueError) as error:
        raise SecretMissing(
            f"the secrets of the security scheme `{scheme}` are no client certificate and private "
            "key in PEM that fit together, without a passphrase",
            reason="certificate",
            facts={"scheme": scheme},
        ) from error
    finally:
        Path(name).unlink()
    return context
